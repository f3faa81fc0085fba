"""Doing the runs of a design, by whatever executor and in any number, batch and order, with the same rows.

This process alone writes: it hands out batches of about half a second, two to a worker, and takes back finished records.
A run that fails becomes a row that says so. The runs of a batch whose worker is lost are done again elsewhere, each alone;
one that is lost again is tried with nothing else under way, so that the culprit is certain, and set apart at the third
loss. A stop (Ctrl-C, SIGTERM) lets the batches in flight finish for a moment, saves what is there and leaves the folder
ready to continue.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simengine.studies.design import Design, Key, RequestError
from simengine.studies.executors import GONE, Executor, available_jobs, open_executor
from simengine.studies.files import ResultsError
from simengine.studies.parts import Record
from simengine.studies.provenance import program
from simengine.studies.runs import BATCH_S, TRIES, Finished, Runner, Task, do_batch, engine_runner, set_apart
from simengine.studies.store import PART_S, Store

__all__ = ["Execution", "Progress", "Stopped", "execute"]

MOST_IN_A_BATCH = 1000
BATCHES_A_WORKER = 2
GRACE_S = 3.0


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


@dataclass(frozen=True)
class Execution:
    """How runs are done; no result depends on it.

    Attributes
    ----------
    executor
        Who does them; see `simengine.studies.executors.open_executor`.
    jobs
        Workers; by default as many as cores.
    batch
        Runs that a worker is given at a time; by default as many as take about half a second.
    order
        Rearranges the list of runs, which changes nothing but the time at which each is done.
    run_limit_s
        Seconds that one run may take. Threads can stop a run between two blocks of the engine only; a process that is
        stuck is ended.
    commit_every_s
        Time after which runs are written even if they are few: what a killed study loses, at most.
    """

    executor: Any = "threads"
    jobs: int | None = None
    batch: int | None = None
    order: Callable[[list[Key]], list[Key]] = list
    run_limit_s: float | None = None
    commit_every_s: float = PART_S

    def __post_init__(self) -> None:
        if self.run_limit_s is not None and not self.run_limit_s > 0:
            raise RequestError(f"run_limit_s: got {self.run_limit_s:g}, expected more than 0")


def execute(
    store: Store,
    runner: Runner = engine_runner,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    **how: Any,
) -> None:
    """Do every run that the store does not hold yet.

    Parameters
    ----------
    store
        An open store; it knows the design.
    runner
        Does one run; called by several workers at once. Other processes must be able to import it.
    progress
        Called in this thread whenever runs were finished.
    how
        Fields of `Execution`.

    Raises
    ------
    Stopped
        After a signal, when everything finished has been saved.
    OSError
        If results cannot be written.
    ResultsError
        If the cluster that does the runs is gone, or has another version of the model; what was finished is saved.
    RequestError
        If what is asked for is not possible.
    """
    chosen = Execution(**how)
    at_start = len(store.done)
    jobs = min(available_jobs(chosen.jobs), max(len(store.design) - at_start, 1))
    with open_executor(chosen.executor, jobs) as executor:
        task = Task(runner, store.design.seed, chosen.run_limit_s, executor.may_exit)
        loop = _Loop(store.design, task, executor, chosen.batch)
        store.begin(executor=executor.name, jobs=executor.workers, batch=chosen.batch or "auto", runs_at_start=at_start)
        progress(Progress(store.n_done, store.total, store.failed))
        with _signals_stop(loop):  # once, or once for each round of looks of a study with a precision
            while not loop.is_stopping and (pending := chosen.order(store.wanted())):
                loop.give(pending)
                _collect(store, loop, progress, chosen.commit_every_s)
        workers = sorted(loop.workers)
        ran = store.n_done - at_start
        store.end(workers_that_worked=len(workers), workers=workers, workers_lost=loop.lost, runs=ran)
    if loop.signum:
        raise Stopped(loop.signum, len(store.done), store.total)
    if loop.trouble is not None:
        raise loop.trouble


def _collect(store: Store, loop: _Loop, progress: Callable[[Progress], None], commit_every_s: float) -> None:
    """Take finished runs and commit them, until all are done or the grace after a stop is over."""
    failed, done = store.failed, store.n_done
    for records in loop.finished():
        for record in records:
            store.add(record)
            failed += record.status != "ok"
        done += len(records)
        progress(Progress(done, store.total, failed))
        if store.is_due(commit_every_s):
            store.commit()


class _Loop:
    """Hands out batches and takes back what became of them."""

    def __init__(self, design: Design, task: Task, executor: Executor, batch: int | None) -> None:
        self._design, self._task, self._executor, self._batch = design, task, executor, batch
        self._pending: deque[Key] = deque()
        self._alone: deque[Key] = deque()
        self._suspects: deque[Key] = deque()
        self._is_isolated = False
        self._losses: Counter[Key] = Counter()
        self._flying: dict[Future[Finished], list[Key]] = {}
        self._answers: queue.SimpleQueue[Future[Finished]] = queue.SimpleQueue()
        self._size = batch or 1
        self._stopping = threading.Event()
        self.lost = 0
        self.signum = 0
        self.trouble: Exception | None = None
        self.workers: set[str] = set()

    @property
    def is_stopping(self) -> bool:
        """Whether no more is handed out."""
        return self._stopping.is_set()

    def give(self, keys: list[Key]) -> None:
        """Take runs to hand out."""
        self._pending.extend(keys)

    def stop(self, signum: int = 0) -> None:
        """Hand out no more."""
        self.signum = self.signum or signum
        self._stopping.set()
        self._executor.stop()

    def finished(self) -> Iterator[list[Record]]:
        """Yield records as they come; after a stop, those that come within the grace."""
        deadline = float("inf")
        while time.monotonic() < deadline:
            self._hand_out()
            if not self._flying:
                return
            try:
                records = self._take(self._answers.get(timeout=0.1))
            except queue.Empty:
                records = []
            if records:
                yield records
            if self._stopping.is_set():
                deadline = min(deadline, time.monotonic() + GRACE_S)

    def _hand_out(self) -> None:
        try:
            most = BATCHES_A_WORKER * self._executor.workers
            while not self._stopping.is_set() and len(self._flying) < most and (keys := self._next()):
                points = {key.point: self._design.point[key.point] for key in keys}
                future = self._executor.submit(do_batch, self._task, points, keys)
                self._flying[future] = keys
                future.add_done_callback(self._answers.put)
        except Exception as error:
            self._give_up(error)

    def _next(self) -> list[Key]:
        """Return the runs to hand out next; while a suspect waits or is under way, nothing else."""
        self._is_isolated = self._is_isolated and bool(self._flying)
        if self._suspects or self._is_isolated:
            if self._flying:
                return []
            self._is_isolated = True
            return [self._suspects.popleft()]
        if self._alone:
            return [self._alone.popleft()]
        return [self._pending.popleft() for _ in range(min(self._size, len(self._pending)))]

    def _take(self, future: Future[Finished]) -> list[Record]:
        """Return the records of a batch; what it did not get to goes back into the list."""
        keys = self._flying.pop(future)
        if future.cancelled():
            if not self._stopping.is_set():
                self._give_up(ResultsError(GONE))
            return []
        error = future.exception()
        if error is not None:
            return self._lose(keys, error)
        done = future.result()
        if done.model != program()["model_sources"]:
            self._give_up(ResultsError(f"worker {done.worker} has another version of the model: install the same everywhere"))
            return []
        self.workers.add(done.worker)
        self._pending.extendleft(reversed(keys[len(done.records) :]))
        if self._batch is None:
            pace_s = max(done.seconds / len(done.records), 1e-6)
            fair = 1 + len(self._pending) // (2 * BATCHES_A_WORKER * self._executor.workers)
            self._size = min(max(int(BATCH_S / pace_s), 1), MOST_IN_A_BATCH, fair)
        return done.records

    def _lose(self, keys: list[Key], error: BaseException) -> list[Record]:
        """Put the runs of a lost worker back, each alone; set one apart at its third loss with nothing else under way."""
        lost = self._executor.losses(error)
        if not lost:
            self._give_up(error if isinstance(error, Exception) else RuntimeError(str(error)))
            return []
        self.lost += lost
        for key in keys:
            self._losses[key] += lost
        if self._is_isolated and self._losses[keys[0]] >= TRIES:
            return [set_apart(self._design.point[keys[0].point], keys[0])]
        for key in keys:
            (self._alone if self._losses[key] < TRIES - 1 else self._suspects).append(key)
        return []

    def _give_up(self, trouble: Exception) -> None:
        self.trouble = self.trouble or trouble
        self.stop()


@contextmanager
def _signals_stop(loop: _Loop) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop; only the main thread may, and elsewhere nobody sends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signums = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.signal(signum, lambda number, _: loop.stop(number)) for signum in signums}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
