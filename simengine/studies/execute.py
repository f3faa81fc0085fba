"""Doing the runs of a design on a pool of threads, in any number, batch and order, with the same rows.

Kernels release the interpreter lock, so threads share the cores and one compiled engine. The main thread alone writes.
A run that fails becomes a row that says so; the others go on. A stop (Ctrl-C, SIGTERM) lets the runs in flight finish
for a moment, saves what is there and leaves the folder ready to continue.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simengine.studies.design import Design, Key
from simengine.studies.parts import Record
from simengine.studies.store import PART_S, Store

if TYPE_CHECKING:
    from simengine.scenario import Scenario
    from simengine.state.course import Course

__all__ = ["Progress", "Runner", "Stopped", "attempt", "available_jobs", "engine_runner", "execute", "simulator"]

STATUSES = ("ok", "numerical_error", "capacity_exceeded", "failed")
BATCH_S = 0.5
GRACE_S = 3.0

_log = logging.getLogger("simengine")


class RunResult(Protocol):
    """What engine and outcomes return for one run."""

    @property
    def row(self) -> Mapping[str, float | int | str]: ...
    @property
    def courses(self) -> Mapping[str, NDArray[Any]]: ...
    @property
    def events(self) -> Sequence[tuple[float, str, str]]: ...
    @property
    def snapshots(self) -> Mapping[str, Mapping[str, NDArray[Any]]]: ...


Runner = Callable[["Scenario", int, int, int], RunResult]
"""Scenario, seed, patient, replicate -> result."""


@dataclass(frozen=True)
class Progress:
    """How far a study is: runs done of all, how many of them failed, and what is being done now."""

    done: int
    total: int
    failed: int
    phase: str = "running"


class Stopped(KeyboardInterrupt):
    """The study was asked to stop, and did; what was done is saved."""

    def __init__(self, signum: int, done: int, total: int) -> None:
        super().__init__(f"stopped; {done} of {total} runs are saved, the same command continues")
        self.exit_code = 128 + signum


def engine_runner(scenario: Scenario, seed: int, patient: int, replicate: int) -> RunResult:
    """Simulate one run and reduce its course to outcomes; drop snapshots of more replicates than are to be kept."""
    from simengine.outcomes import evaluate

    result = evaluate(scenario, simulator(scenario)(scenario, seed, patient, replicate))
    return result if replicate < scenario.output.snapshot_replicates else replace(result, snapshots={})


def simulator(scenario: Scenario) -> Callable[..., Course]:
    """Return what simulates a scenario: the model of transplantation where it asks for one, else that of tissue."""
    if scenario.transplant is not None:
        from simengine import transplant

        return transplant.simulate
    from simengine import engine

    return engine.simulate


def available_jobs(jobs: int | None = None) -> int:
    """Return how many threads to use: as asked, else the scheduler's share of the cores this process may use."""
    if jobs is not None:
        return max(1, jobs)
    affinity = len(os.sched_getaffinity(0))
    share = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(affinity, int(share))) if share.isdigit() else affinity


def execute(
    store: Store,
    runner: Runner = engine_runner,
    *,
    jobs: int | None = None,
    batch: int | None = None,
    order: Callable[[list[Key]], list[Key]] = list,
    progress: Callable[[Progress], None] = lambda _: None,
    commit_every_s: float = PART_S,
) -> None:
    """Do every run that the store does not hold yet.

    Parameters
    ----------
    store
        An open store; it knows the design.
    runner
        Does one run; called from several threads at once.
    jobs
        Number of threads.
    batch
        Runs that a thread takes at a time; by default as many as take about half a second.
    order
        Rearranges the list of runs, which changes nothing but the time at which each is done.
    progress
        Called in this thread whenever runs were finished.
    commit_every_s
        Time after which runs are written even if they are few: what a killed study loses, at most.

    Raises
    ------
    Stopped
        After a signal, when everything finished has been saved.
    OSError
        If results cannot be written.
    """
    pending = order([key for key in store.design.keys if key not in store.done])
    jobs = available_jobs(jobs)
    pool = _Pool(store.design, pending, runner, min(jobs, max(len(pending), 1)), batch)
    store.begin(executor="threads", jobs=jobs, batch=batch or "auto", runs_at_start=len(store.done))
    with _signals_stop(pool):
        _collect(store, pool, progress, commit_every_s)
    store.end(threads_that_worked=len(pool.workers), runs=len(pending) - pool.unfinished)
    if pool.signum:
        raise Stopped(pool.signum, len(store.done), len(store.design))


def _collect(store: Store, pool: _Pool, progress: Callable[[Progress], None], commit_every_s: float) -> None:
    """Take finished runs from the pool and commit them, until all are done or the grace after a stop is over."""
    failed = sum(store.counts.values()) - store.counts["ok"]
    done = len(store.done)
    pool.start()
    try:
        progress(Progress(done, len(store.design), failed))
        for records in pool.finished():
            for record in records:
                store.add(record)
                failed += record.status != "ok"
            done += len(records)
            progress(Progress(done, len(store.design), failed))
            if store.is_due(commit_every_s):
                store.commit()
    finally:
        pool.stop()


class _Pool:
    """Threads that take batches from one list and put records into one queue."""

    def __init__(self, design: Design, pending: Sequence[Key], runner: Runner, jobs: int, batch: int | None) -> None:
        self._design, self._runner, self._batch = design, runner, batch
        self._pending = list(reversed(pending))
        self._taking = threading.Lock()
        self._queue: queue.SimpleQueue[list[Record] | None] = queue.SimpleQueue()
        # Daemons: a process that was asked to stop does not wait for a run that takes minutes.
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name=f"simengine-run-{i}", daemon=True) for i in range(jobs)
        ]
        self._stopping = threading.Event()
        self.workers: set[int] = set()
        self.unfinished = len(pending)
        self.signum = 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, signum: int = 0) -> None:
        """Ask every thread to end after the run it is at."""
        self.signum = self.signum or signum
        self._stopping.set()

    def finished(self) -> Iterator[list[Record]]:
        """Yield records as they come; after a stop, those that come within the grace."""
        alive, deadline = len(self._threads), float("inf")
        while alive and time.monotonic() < deadline:
            try:
                records = self._queue.get(timeout=0.1)
            except queue.Empty:
                records = []
            if records is None:
                alive -= 1
            elif records:
                self.unfinished -= len(records)
                yield records
            if self._stopping.is_set():
                deadline = min(deadline, time.monotonic() + GRACE_S)

    def _work(self, worker: int) -> None:
        size = self._batch or 1
        try:
            while keys := self._take(size):
                began = time.monotonic()
                records = [attempt(self._design, self._runner, key) for key in keys if not self._stopping.is_set()]
                self.workers.add(worker)
                self._queue.put(records)
                if self._batch is None:
                    pace_s = max((time.monotonic() - began) / len(keys), 1e-6)
                    fair = 1 + len(self._pending) // (4 * len(self._threads))
                    size = min(max(int(BATCH_S / pace_s), 1), 256, fair)
        finally:
            self._queue.put(None)

    def _take(self, size: int) -> list[Key]:
        with self._taking:
            return [] if self._stopping.is_set() else [self._pending.pop() for _ in range(min(size, len(self._pending)))]


def attempt(design: Design, runner: Runner, key: Key) -> Record:
    """Do one run; whatever goes wrong in it becomes the status and reason of its row."""
    point = design.point[key.point]
    try:
        result = runner(point.scenario, design.seed, key.patient, key.replicate)
        row = dict(result.row)
        status, reason = str(row.pop("status", "ok")), str(row.pop("reason", ""))
        if status == "ok" and (bad := _infinite(row, result.courses)):
            status, reason = "numerical_error", f"infinite: {bad}"
    except Exception as error:
        _log.debug("run %s failed", key, exc_info=True)
        given = getattr(error, "status", "failed")
        status = given if given in STATUSES else "failed"
        return Record(key, point.label, point.values, status, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Record(key, point.label, point.values, status, reason, row, result.courses, result.events, result.snapshots)


def _infinite(row: Mapping[str, float | int | str], courses: Mapping[str, NDArray[Any]]) -> str:
    numbers = (name for name, value in row.items() if isinstance(value, float) and abs(value) == float("inf"))
    series = (name for name, values in courses.items() if np.isinf(values).any())
    return ", ".join([*numbers, *series])


@contextmanager
def _signals_stop(pool: _Pool) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop; only the main thread may, and elsewhere nobody sends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signums = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.signal(signum, lambda number, _: pool.stop(number)) for signum in signums}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
