"""Environments of other simulators: each peer in a folder of its own, from the package index, at pinned versions.

A peer is a folder's worth of packages (``benchmarks/peers/NAME.txt``, as ``pip`` reads it) and the scripts that use them. A
script is told its work as ``name=value`` words and prints one JSON object: at least ``cpu`` and ``wall``, in the unit of its
figure, and ``versions``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.setting import Setting
from benchmarks.timing import Spent

__all__ = ["PEER_VERSIONS", "Peer"]

SCRIPTS = Path(__file__).parent / "peers"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "PHYSICELL_THREADS"), "1"
)

PEER_VERSIONS: dict[str, str] = {}
"""What the peers that were run said of themselves, as `peer: package` and version."""


@dataclass(frozen=True)
class Peer:
    """One script of a peer, with where its packages live."""

    name: str
    script: str
    setting: Setting

    @property
    def folder(self) -> Path:
        """Where the environment is."""
        return self.setting.cache / self.name

    def missing(self) -> str:
        """Make the environment where there is none; return why that cannot be, or an empty text."""
        if not self.setting.with_peers:
            return "peers were not asked for"
        wanted = (SCRIPTS / f"{self.name}.txt").read_text(encoding="utf-8")
        stamp = self.folder / "installed.txt"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return ""
        print(f"installing {self.name} in {self.folder}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(self.folder)],
            [str(self.folder / "bin" / "pip"), "install", "-q", "-r", str(SCRIPTS / f"{self.name}.txt")],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip().splitlines()
                return f"cannot be installed: {said[-1] if said else command[0]}"
        stamp.write_text(wanted, encoding="utf-8")
        return ""

    def ask(self, **work: object) -> dict[str, Any]:
        """Run the script on one thread; return what it printed.

        Raises
        ------
        RuntimeError
            With the last line of its errors, when it fails.
        """
        words = [f"{name}={value}" for name, value in work.items()]
        command = [self.folder / "bin" / "python", SCRIPTS / self.script, *words]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"{self.script}: {done.stderr.strip().splitlines()[-1]}")
        found = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(found, dict)
        PEER_VERSIONS.update({f"{self.name}: {package}": version for package, version in found.pop("versions").items()})
        return found

    def time(self, **work: object) -> Spent:
        """Run the script; return its time."""
        found = self.ask(**work)
        return Spent(found["cpu"], found["wall"])
