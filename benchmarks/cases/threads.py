"""Patients per hour on two threads against one, in rounds by turns, and that the bits are the same.

The benchmark patient for three days. The share of a run's CPU time in kernels, without the interpreter lock, bounds what
threads can gain, and does not depend on load.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import simengine
from benchmarks.figures import Figure
from benchmarks.setting import Setting
from benchmarks.timing import timed
from simengine.api import warm_up
from simengine.engine import run
from simengine.scenario import Scenario, load

SOURCE, GOAL = "heart_benchmark", 1.9


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield patients per hour by number of threads, how much more two do than one, and the share of kernels."""
    study = load(SOURCE, {"run.duration_days": setting.pick(3.0, 0.5)})
    warm_up(lambda: None)
    pace: dict[int, list[float]] = {1: [], 2: []}
    hashes = set()
    for _ in range(setting.pick(3, 1)):
        for threads, seen in pace.items():
            found, bits = _patients_per_hour(study, setting.pick(12, 4), threads)
            seen.append(found)
            hashes.add(bits)
    if len(hashes) != 1:
        raise RuntimeError(f"results depend on the number of threads: {sorted(hashes)}")
    for threads, seen in pace.items():
        yield Figure(f"throughput, threads {threads}: simengine", "patients per hour", seen, more_is_better=True)
    gain = [two / one for one, two in zip(pace[1], pace[2], strict=True)]
    about = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    yield Figure("throughput, two threads to one: simengine", "x", gain, goal=GOAL, more_is_better=True, about=about)
    share = _share_in_kernels(study.points[0].scenario)
    most = {"two_threads_at_most": 1.0 / (1.0 - share / 2.0)}
    yield Figure("time in kernels: simengine", "share of CPU", [share], more_is_better=True, about=most)


def _patients_per_hour(study: Any, replicates: int, threads: int) -> tuple[float, str]:
    """Run a study in a fresh folder; return its pace and the hash of its results."""
    with TemporaryDirectory() as folder:
        took, results = timed(simengine.run, study, replicates=replicates, jobs=threads, out=Path(folder) / "out")
        worked = results.manifest["sessions"][-1]["workers_that_worked"]
        if worked < threads:
            raise RuntimeError(f"only {worked} of {threads} threads had work")
        return len(results.table) / took.wall * 3600.0, results.hash


def _share_in_kernels(scenario: Scenario) -> float:
    """Return the share of one run's CPU time during which other threads may run."""
    advance, seconds = run.advance, 0.0

    def watched(*arguments: Any) -> Any:
        nonlocal seconds
        spent, status = timed(advance, *arguments)
        seconds += spent.cpu
        return status

    run.advance = watched
    try:
        whole, _ = timed(run.simulate, scenario, 1)
        return seconds / whole.cpu
    finally:
        run.advance = advance
