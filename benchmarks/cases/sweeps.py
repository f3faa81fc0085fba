"""Sweeps: what the machinery costs beside the runs, Dask beside threads, memory over many rows, resume and merge.

The work of a run is a compiled loop of stated length, and its result that of a patient of `transplant_donor_choice` (64
outcomes and one course of a year), made once: so the machinery is measured and not the model.

    overhead       CPU of all threads beside the loops themselves, as a share of them; two threads
    Dask           pace of short runs on one and two worker processes of this machine, and on threads; the cluster is there
    rows           100,000 runs without work on two threads: memory from a fifth of them on, runs a second, resume
    merge          16 shards of those rows, joined
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import simengine
from benchmarks.figures import Figure
from benchmarks.setting import Setting
from benchmarks.timing import CALIBRATION_STEPS, calibrate, timed, work
from simengine.studies import shards
from simengine.studies.design import Design, design
from simengine.studies.execute import Progress, execute
from simengine.studies.executors.foreign import local_cluster
from simengine.studies.runs import engine_runner
from simengine.studies.store import writing

STUDY = "transplant_donor_choice"
WORKERS = 2
SHARDS = 16


@dataclass(frozen=True)
class Made:
    """A result as a runner returns it."""

    row: dict[str, Any]
    courses: dict[str, Any]
    events: list[Any] = field(default_factory=list)
    snapshots: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """Does a loop of ``steps`` and returns a result that was made before, one number changed; threads note its CPU time."""

    made: Made
    steps: int
    spent: list[float] = field(default_factory=list)

    def __call__(self, scenario: object, seed: int, patient: int, replicate: int) -> Made:
        """Do one run."""
        self.spent.append(timed(work, self.steps)[0].cpu)
        return replace(self.made, row={**self.made.row, "number": float(replicate)})


class Bench:
    """Runs of one kind in fresh folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n = 0
        self.steps_a_s = CALIBRATION_STEPS / calibrate()

    @cached_property
    def made(self) -> Made:
        """One result of the model."""
        found = engine_runner(simengine.load(STUDY).points[0].scenario, 1, 0, 0)
        return Made(dict(found.row), dict(found.courses), list(found.events))

    def design(self, runs: int) -> Design:
        """Return a design of that many runs, in arms of the study."""
        study = simengine.load(STUDY)
        return design(study, replicates=max(1, runs // len(study.points)))

    def sweep(self, chosen: Design, seconds: float, folder: Path | None = None, **how: Any) -> float:
        """Do the runs of a design, each with a loop of that many seconds of this machine; return the CPU of all loops."""
        self._n += 1
        runner = Runner(self.made, int(seconds * self.steps_a_s))
        with writing(folder or self._folder / f"sweep-{self._n}", chosen, {}) as store:
            execute(store, runner, **{"jobs": WORKERS, **how})
        return sum(runner.spent)


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield the figures."""
    bench = Bench(setting.folder)
    bench.sweep(bench.design(100), 0.0)  # loads what writes
    yield _overhead(bench, setting, 0.02, setting.pick(1000, 100), 15.0)
    yield _overhead(bench, setting, 1.0, setting.pick(60, 10), 3.0)
    yield from _scaling(bench, setting)
    yield from _rows(bench, setting)


def _overhead(bench: Bench, setting: Setting, seconds: float, runs: int, goal: float) -> Figure:
    """Return the CPU beside the loops as a share of them."""
    chosen, values, wall = bench.design(runs), [], []
    for _ in range(setting.repeats):
        cpu, began = time.process_time(), time.perf_counter()
        loops = bench.sweep(chosen, seconds)
        values.append(100 * ((time.process_time() - cpu) / loops - 1))
        wall.append(time.perf_counter() - began)
    name = f"sweep, overhead of the machinery at {seconds:g} s a run"
    return Figure(name, "%", values, goal=goal, about={"runs": len(chosen), "wall_s": wall})


def _scaling(bench: Bench, setting: Setting) -> Iterator[Figure]:
    """Yield the pace of short runs on one and two threads, and on Dask with one and two workers, all in turns.

    One worker has a quarter of the runs: its pace is had as well from fewer.
    """
    seconds = 0.02
    designs = {1: bench.design(setting.pick(2_500, 500)), WORKERS: bench.design(setting.pick(10_000, 500))}
    clusters = {n: local_cluster(n) for n in (1, WORKERS)}
    ways: dict[str, tuple[Any, int]] = {f"{n} threads": ("threads", n) for n in clusters}
    ways |= {f"{n} Dask workers": (cluster.client, n) for n, cluster in clusters.items()}
    seen: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for executor, jobs in ways.values():
            bench.sweep(bench.design(100), seconds, executor=executor, jobs=jobs)
        for _ in range(min(setting.repeats, 3)):
            for name, (executor, jobs) in ways.items():
                took = timed(partial(bench.sweep, designs[jobs], seconds, executor=executor, jobs=jobs))[0].wall
                seen[name].append(len(designs[jobs]) / took)
    finally:
        for cluster in clusters.values():
            cluster.close()
    for name, rates in seen.items():
        yield Figure(f"sweep of 20 ms runs, {name}", "runs/s", rates, more_is_better=True)
    shares = [100 * dask / threads for dask, threads in zip(seen["2 Dask workers"], seen["2 threads"], strict=True)]
    yield Figure("sweep, two Dask workers beside two threads", "%", shares, goal=85.0, more_is_better=True)


def _rows(bench: Bench, setting: Setting) -> Iterator[Figure]:
    """Yield what many rows cost: time, memory, resume, merge."""
    chosen = bench.design(setting.pick(100_000, 5_000))
    seen: list[tuple[float, float]] = []

    def watch(progress: Progress) -> None:
        seen.append((progress.done / progress.total, _resident_mb()))

    folder = setting.folder / "rows"
    wall = timed(partial(bench.sweep, chosen, 0.0, folder, progress=watch))[0]
    about = {"runs": len(chosen)}
    first = next(mb for share, mb in seen if share >= 0.2)
    yield Figure("sweep without work, two threads", "runs/s", [len(chosen) / wall.wall], more_is_better=True, about=about)
    yield Figure("sweep, memory gained over the last four fifths of rows", "MB", [seen[-1][1] - first], goal=50.0, about=about)
    resumes = [timed(partial(bench.sweep, chosen, 0.0, folder))[0].wall for _ in range(setting.repeats)]
    yield Figure("sweep, resume of a finished one", "s", resumes, goal=3.0, about=about)
    whole = setting.folder / "shards"
    for i in range(1, SHARDS + 1):
        text = f"{i}/{SHARDS}"
        bench.sweep(shards.share(chosen, text), 0.0, shards.folder_of(whole, text))
    yield Figure(f"sweep, merge of {SHARDS} shards", "s", [timed(shards.merge, whole)[0].wall], about=about)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
