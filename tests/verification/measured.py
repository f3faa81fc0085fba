"""What a sweep takes, measured from outside: the largest memory of each of its processes, CPU time, bytes on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HANG_S = 900
LOOK_EVERY_S, FEW_LOOKS = 0.03, 10
"""A process seen less often is a helper; until it becomes another program it shows the pages of the one that forked it."""
PROGRAM = """
import resource, sys
from pathlib import Path
from simengine.cli import main
try:
    main(sys.argv[2:])
finally:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
    Path(sys.argv[1]).write_text(f"{cpu_s}\\n" + Path("/proc/self/status").read_text())
"""
"""The command, which says in the end what it took itself; its peak is that of its own, not of the process that began it."""


@dataclass(frozen=True)
class Taken:
    """What a sweep took: largest resident sizes in MB (10^6 bytes) of itself and of each process under it."""

    own_mb: float
    others_mb: tuple[float, ...]
    cpu_s: float
    disk_bytes: int
    parts: int
    runs: int

    @property
    def memory_mb(self) -> float:
        """All processes together; pages that they share are counted in each."""
        return self.own_mb + sum(self.others_mb)


def sweep(arguments: list[str], folder: Path) -> Taken:
    """Run a sweep in a fresh process and measure it."""
    said = folder / "said"
    command = [sys.executable, "-c", PROGRAM, str(said), "sweep", *arguments, "--out", str(folder / "out"), "--quiet", "--json"]
    began = time.monotonic()
    peaks: dict[int, float] = {}
    looks = Counter[int]()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            for pid in _below(process.pid):
                looks[pid] += 1
                peaks[pid] = max(peaks.get(pid, 0.0), _peak_mb(_text(Path(f"/proc/{pid}/status"))))
            assert time.monotonic() - began < HANG_S
            time.sleep(LOOK_EVERY_S)
        assert process.returncode == 0, process.stderr.read()
    cpu_s, status = said.read_text().split("\n", 1)
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    disk = sum(file.stat().st_size for file in (folder / "out").rglob("*") if file.is_file())
    others = tuple(peak for pid, peak in peaks.items() if looks[pid] > FEW_LOOKS)
    runs = sum(manifest["counts"].values())
    return Taken(_peak_mb(status), others, float(cpu_s), disk, len(manifest["parts"]), runs)


def dry_run(arguments: list[str], folder: Path) -> dict[str, float]:
    """Return what the command says a sweep will take."""
    command = [sys.executable, "-m", "simengine", "sweep", *arguments, "--out", str(folder / "none"), "--dry-run", "--json"]
    done = subprocess.run(command, capture_output=True, timeout=HANG_S, check=True)
    assert not (folder / "none").exists()
    return json.loads(done.stdout)


def _below(pid: int) -> list[int]:
    """All processes under one."""
    children = [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in _text(tasks).split()]
    return children + [one for child in children for one in _below(child)]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _peak_mb(status: str) -> float:
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 / 1e6 if found else 0.0
