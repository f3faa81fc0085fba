"""What a few runs of a study take, found by doing them in a fresh process as the study would.

The process loads the engine, does runs in a thread, writes their rows into a folder that is thrown away, and writes parts
of likely rows. It notes its largest memory after each step, so that nothing of this is assumed.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from simengine.studies import parts
from simengine.studies.design import Design, Key
from simengine.studies.likely import likely_rows
from simengine.studies.memory import peak_mb
from simengine.studies.runs import Runner, Task, attempt, engine_runner
from simengine.studies.snapshots import npz_bytes
from simengine.studies.store import PART_BYTES, PART_RUNS, PART_S, writing
from simengine.studies.warm import make_ready

__all__ = ["PROBE_S", "Found", "Plan", "probe", "spread"]

PROBE_S = 5.0
"""CPU time for runs of a probe, s; two are done whatever they take."""
LEAST_RUNS = 2
SHORT_S = 0.5
MOST_ROWS, MOST_ROW_BYTES = 2000, 64_000_000
MOST_PARTS = 4


@dataclass(frozen=True)
class Plan:
    """What is to be probed: a study, what does a run, with how many workers, by Dask or not, and what follows the runs.

    ``closing`` is called with the folder of the results, as the command does that prints their summary.
    """

    design: Design
    runner: Runner
    jobs: int
    with_dask: bool = False
    outcomes: Mapping[str, Any] | None = None
    closing: Callable[[Path], object] | None = None


@dataclass(frozen=True)
class Found:
    """What a probe found.

    Attributes
    ----------
    runs, failed
        Runs that were done, and how many of them did not end well.
    start_s, end_s
        CPU time until the engine is loaded, and for writing a part and reading the results.
    seconds_a_run
        CPU time of a run: the mean over arms of the mean of their runs.
    loaded_mb
        Largest memory of a process with the engine loaded, before its first run.
    run_mb
        What the runs added to it, done one after the other.
    writing_mb
        What writing a part and reading the results added, most of it code.
    row_mb
        What each further row that waits to be written takes, with its copies while it is written.
    part_runs
        Runs that a part will hold: what is reached first of its limits of runs, memory and time.
    part_bytes, row_bytes
        Size of such a part, and by how much it grows with a row.
    columns
        Numbers of a row beside its courses.
    snapshot_bytes
        Files of the snapshots of one run that keeps them.
    manifest_bytes
        The manifest when it lists one part.
    """

    runs: int
    failed: int
    start_s: float
    end_s: float
    seconds_a_run: float
    loaded_mb: float
    run_mb: float
    writing_mb: float
    row_mb: float
    part_runs: int
    part_bytes: float
    row_bytes: float
    columns: int
    snapshot_bytes: float
    manifest_bytes: float


def probe(plan: Plan) -> Found:
    """Do some runs of a study and write likely parts; meant for a process that has done nothing else."""
    if plan.with_dask:
        import distributed  # noqa: F401  (what is measured is the memory that it takes)
    if plan.runner is engine_runner:
        make_ready(point.scenario for point in plan.design.points)
    loaded_s, loaded_mb = time.process_time(), peak_mb()
    with ThreadPoolExecutor(1) as thread:
        runs, seconds_a_run = thread.submit(_do_some, plan).result()
    ran_s, ran_mb = time.process_time(), peak_mb()
    manifest_bytes = _write(plan, runs)
    end_s, wrote_mb = time.process_time() - ran_s, peak_mb()
    part_runs = _part_runs(plan, seconds_a_run, runs)
    rows, part_bytes, row_bytes = _encode_likely(plan.design, runs, part_runs)
    kept = [run.snapshots for run in runs if run.snapshots]
    return Found(
        runs=len(runs),
        failed=sum(run.status != "ok" for run in runs),
        start_s=loaded_s,
        end_s=end_s,
        seconds_a_run=seconds_a_run,
        loaded_mb=loaded_mb,
        run_mb=ran_mb - loaded_mb,
        writing_mb=wrote_mb - ran_mb,
        row_mb=(peak_mb() - wrote_mb) / rows,
        part_runs=part_runs,
        part_bytes=part_bytes,
        row_bytes=row_bytes,
        columns=max(len(run.row) for run in runs),
        snapshot_bytes=sum(len(npz_bytes(day)) for days in kept for day in days.values()) / max(len(kept), 1),
        manifest_bytes=manifest_bytes,
    )


def spread(n: int) -> Iterator[int]:
    """Yield 0 ... n - 1 in an order of which every beginning is spread evenly: the ends, the middle, the quarters."""
    seen: set[int] = set()
    pieces = 1
    while len(seen) < n:
        for i in range(pieces + 1):
            place = i * (n - 1) // pieces
            if place not in seen:
                seen.add(place)
                yield place
        pieces *= 2


def _order(design: Design) -> Iterator[Key]:
    """Yield the runs of a design, a patient and replicate in all arms before the next."""
    per_point = design.patients * design.replicates
    for place in spread(per_point):
        numbers = (point * per_point + place for point in spread(len(design.point_indices)))
        yield from design.some_keys(number for number in numbers if number in design.numbers)


def _do_some(plan: Plan) -> tuple[list[parts.Record], float]:
    """Do runs until the time is over; return them, and the CPU time of one in the mean over the arms."""
    design, task = plan.design, Task(plan.runner, plan.design.seed)
    seconds: dict[int, list[float]] = {}
    runs: list[parts.Record] = []
    began = time.thread_time()
    for key in _order(design):
        before = time.thread_time()
        runs.append(attempt(task, design.point[key.point], key))
        if not seconds and time.thread_time() - before < SHORT_S:  # the first run also reads what all runs share
            before = time.thread_time()
            attempt(task, design.point[key.point], key)
        now = time.thread_time()
        seconds.setdefault(key.point, []).append(now - before)
        if len(runs) >= LEAST_RUNS and (now - began) + (now - before) > PROBE_S:
            break
    return runs, float(np.mean([np.mean(of_arm) for of_arm in seconds.values()]))


def _write(plan: Plan, runs: Sequence[parts.Record]) -> int:
    """Write the rows of a probe as its study would, read them again, and return the size of the manifest."""
    design = replace(plan.design, patients=1, replicates=1, shard=None, precision=None)  # which lists no runs but the first
    with TemporaryDirectory(prefix="simengine-") as name:
        folder = Path(name) / "results"
        with writing(folder, design, plan.outcomes or {}) as store:
            store.begin(executor="threads", jobs=plan.jobs, batch="auto", runs_at_start=0)
            for run in runs:
                store.add(replace(run, snapshots={}))
            store.manifest["runs"] = len(runs)
            store.end(workers_that_worked=1, workers=[], workers_lost=0, runs=len(runs))
        if plan.closing is not None:
            plan.closing(folder)
        return (folder / "manifest.json").stat().st_size


def _part_runs(plan: Plan, seconds_a_run: float, runs: Sequence[parts.Record]) -> int:
    """Return how many runs a part will hold; one is written by the first answer after its time is over."""
    by_time = math.ceil(PART_S * plan.jobs / max(seconds_a_run, 1e-6)) + 1
    by_size = math.ceil(PART_BYTES * len(runs) / max(sum(run.nbytes for run in runs), 1))
    return max(1, min(PART_RUNS, by_time, by_size, len(plan.design)))


def _encode_likely(design: Design, runs: Sequence[parts.Record], part_runs: int) -> tuple[int, float, float]:
    """Encode likely parts; return the rows of the largest, and the size of a part and of one row more in it.

    Parts that are too large are encoded smaller, and their size is that of the line through a smaller and half of it.
    """
    n_bytes = sum(run.nbytes for run in runs) / len(runs)
    most = max(LEAST_RUNS, min(MOST_ROWS, int(MOST_ROW_BYTES / max(n_bytes, 1.0))))
    whole, half = [], []
    for numbers in _numbers_of_parts(design, part_runs, most):
        rows = likely_rows(design, runs, design.some_keys(numbers))
        whole.append(_size(rows, design))
        half.append(_size(rows[::2], design))
        n, m = len(rows), len(rows[::2])
    row_bytes = float(np.mean(whole) - np.mean(half)) / (n - m) if n > m else float(np.mean(whole))
    return n, float(np.mean(whole)) + (part_runs - n) * row_bytes, row_bytes


def _numbers_of_parts(design: Design, part_runs: int, most: int) -> list[Sequence[int]]:
    """Return the runs of some parts spread over the study; or of one where a part is too large, spread likewise."""
    numbers = design.numbers
    if part_runs > most:
        chosen = np.sort(np.random.default_rng(0).choice(len(numbers), most, replace=False))
        return [[numbers[int(i)] for i in chosen]]
    n_parts = min(MOST_PARTS, max(1, most // part_runs), len(numbers) // part_runs)
    begins = [i * (len(numbers) - part_runs) // max(n_parts - 1, 1) for i in range(n_parts)]
    return [numbers[begin : begin + part_runs] for begin in begins]


def _size(rows: Sequence[parts.Record], design: Design) -> int:
    digests = {(row.key, day): hashlib.sha256(f"{row.key}{day}".encode()).hexdigest() for row in rows for day in row.snapshots}
    return len(parts.encode(rows, design.swept, hashlib.sha256().hexdigest(), digests))
