"""Patients per hour on 1, 2, ... threads, and that the bits are the same.

    .venv/bin/python benchmarks/scaling.py [SCENARIO] [--replicates N] [--threads 1 2]

Rounds alternate between the numbers of threads, so that a change of load meets all of them; each number's best round
counts. The goal is that two threads do at least 1.8 times the patients of one, on an idle machine. The share of a run's
CPU time that is spent in kernels, without the interpreter lock, bounds what threads can gain, and does not depend on load.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import simengine
from simengine.api import warm_up
from simengine.engine import run
from simengine.studies.runs import engine_runner


def patients_per_hour(scenario: str, replicates: int, threads: int) -> tuple[float, str]:
    """Run a study in a fresh folder; return its pace and the hash of its results."""
    study = simengine.load(scenario)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = simengine.run(study, replicates=replicates, jobs=threads, out=Path(folder) / "out")
        hours = (time.perf_counter() - began) / 3600
        session = results.manifest["sessions"][-1]
        if session["workers_that_worked"] < threads:
            raise SystemExit(f"only {session['workers_that_worked']} of {threads} threads had work: raise --replicates")
        return len(results.table) / hours, results.hash


def share_in_kernels(scenario: str) -> float:
    """Return the share of one run's CPU time during which other threads may run."""
    point = simengine.load(scenario).points[0]
    seconds = 0.0
    advance = run.advance

    def timed(*arguments: Any) -> Any:
        nonlocal seconds
        began = time.thread_time()
        status = advance(*arguments)
        seconds += time.thread_time() - began
        return status

    run.advance = timed
    try:
        began = time.thread_time()
        engine_runner(point.scenario, 1, 0, 0)
        return seconds / (time.thread_time() - began)
    finally:
        run.advance = advance


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Throughput by threads.")
    parser.add_argument("scenario", nargs="?", default="heart_benchmark")
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    warm_up(lambda: print("compiling"))
    best: dict[int, float] = {}
    hashes = set()
    for _ in range(given.rounds):
        for threads in given.threads:
            pace, found = patients_per_hour(given.scenario, given.replicates, threads)
            best[threads] = max(best.get(threads, 0.0), pace)
            hashes.add(found)
    print(f"{given.scenario}: {given.replicates} replicates an arm")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    alone = best[given.threads[0]]
    for threads, pace in best.items():
        print(f"{threads:3d} threads {pace:9.0f} patients/h  {pace / alone:5.2f} x")
    share = share_in_kernels(given.scenario)
    print(f"{share:.1%} of a run in kernels: at most {1 / (1 - share / 2):.2f} x with two threads")
    print("same bits" if len(hashes) == 1 else f"DIFFERENT BITS: {sorted(hashes)}")
    if len(hashes) != 1:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
