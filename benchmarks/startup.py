"""How soon something happens: help, import, first start with compilation, second start of a short run.

    .venv/bin/python benchmarks/startup.py            everything (compiles twice over: a minute or two)
    .venv/bin/python benchmarks/startup.py --quick    without compilation

Seconds depend on the machine and its load; the ratios to an empty Python process and to importing numba, taken in the
same minute, depend less. The goals are for an idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHORT = """
name = "startup"
replicates = 1
run.duration_days = 0.25
patch.shape = [6, 6, 2]
run.record_every_h = 2.0
delivery = [{ route = "intramyocardial", dose_cells = 100000, n_sites = 1, volume_ml_per_site = 0.1 }]
"""


def seconds(*command: str, cache: Path | None = None, repeats: int = 5) -> float:
    """Return the shortest wall time of a command of this Python, s."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
        times.append(time.perf_counter() - began)
    return min(times)


def report(what: str, value: float, goal: float | None, unit: float) -> None:
    """Print one line: seconds, goal, and how many empty processes that is."""
    aim = f"goal {goal:5.2f} s" if goal else ""
    print(f"{what:<44} {value:7.3f} s  {aim:<12} {value / unit:7.1f} x an empty process")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Start-up times.")
    parser.add_argument("--quick", action="store_true", help="leave compilation out")
    quick = parser.parse_args().quick
    empty = seconds("-c", "pass")
    report("python -c pass", empty, None, empty)
    report("import numpy, numba", seconds("-c", "import numpy, numba"), None, empty)
    report("import simengine", seconds("-c", "import simengine"), None, empty)
    report("simengine --help", seconds("-m", "simengine", "--help"), 0.3, empty)
    report("simengine run --help", seconds("-m", "simengine", "run", "--help"), 0.3, empty)
    if quick:
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "short.toml").write_text(SHORT)
        run = [
            "-m",
            "simengine",
            "run",
            str(folder / "short.toml"),
            "--restart",
            "--out",
            str(folder / "out"),
            "--quiet",
        ]
        first = seconds(*run, cache=folder / "cache", repeats=1)
        report("first start of a short run, compiling", first, 30.0, empty)
        again = seconds(*run, cache=folder / "cache", repeats=3)
        report("second start of a short run", again, 2.5, empty)
        print(f"compilation costs {first / again:.1f} x a start without it")


if __name__ == "__main__":
    main()
