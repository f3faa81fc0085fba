"""Doing runs where the work is done: in a thread, a process or on another machine.

What comes here and goes back is plain data that can be sent; nothing here writes. A run that fails becomes a record that
says so. What may have been an accident (an exception, a limit of time) is tried three times; a number that is not
finite or too many agents come back the same and are not.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simengine.foundation import deadline
from simengine.studies.design import Key
from simengine.studies.parts import Record
from simengine.studies.provenance import program
from simengine.studies.warm import make_ready

if TYPE_CHECKING:
    from simengine.scenario import Point, Scenario
    from simengine.state.course import Course

__all__ = [
    "BATCH_S",
    "FINAL",
    "TRIES",
    "Finished",
    "RunResult",
    "Runner",
    "Task",
    "attempt",
    "do_batch",
    "engine_runner",
    "set_apart",
    "simulator",
]

FINAL = ("ok", "numerical_error", "capacity_exceeded")
"""How a run can end that would end so again."""
STATUSES = (*FINAL, "time_exceeded", "worker_lost", "failed")
TRIES = 3
BATCH_S = 0.5
LONGEST_BATCH_S = 1.0
EXIT_AFTER_S = 2.0
"""How long after twice its limit a run that does not come back ends its process, s."""

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
class Task:
    """What the runs of a study share: how one is done, the seed, and the seconds that one may take.

    With ``may_exit`` the worker is a process that does nothing else: a run that never comes back ends it.
    """

    runner: Runner
    seed: int
    run_limit_s: float | None = None
    may_exit: bool = False


@dataclass(frozen=True)
class Finished:
    """What became of a batch: the first runs of it, as many as there was time for, who did them, by which program."""

    records: list[Record]
    seconds: float
    worker: str
    model: str


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


def do_batch(task: Task, points: Mapping[int, Point], keys: Sequence[Key]) -> Finished:
    """Do runs one after the other for about a second at most, but at least one; the caller gives out the rest again."""
    if task.run_limit_s is not None and task.runner is engine_runner:  # loading takes seconds that are no run's
        make_ready(point.scenario for point in points.values())
    began = time.monotonic()
    records: list[Record] = []
    for key in keys:
        records.append(attempt(task, points[key.point], key))
        if time.monotonic() - began > LONGEST_BATCH_S:
            break
    worker = f"{socket.gethostname()} {os.getpid()} {threading.get_native_id()}"
    return Finished(records, time.monotonic() - began, worker, program()["model_sources"])


def attempt(task: Task, point: Point, key: Key) -> Record:
    """Do one run, three times if need be; whatever goes wrong in it becomes the status and reason of its row."""
    for _ in range(TRIES):
        record = _try(task, point, key)
        if record.status in FINAL:
            break
    return record


def set_apart(point: Point, key: Key) -> Record:
    """Return the record of a run whose worker never answered."""
    reason = f"the worker ended without an answer {TRIES} times: out of memory, a crash, or far over the limit of time"
    return Record(key, point.label, point.values, "worker_lost", reason)


def _try(task: Task, point: Point, key: Key) -> Record:
    try:
        with deadline.limited(task.run_limit_s):
            result = _guarded(task, point, key)
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


def _guarded(task: Task, point: Point, key: Key) -> RunResult:
    """Do a run; in a process of its own, a watch outside the interpreter ends one that is far over its limit."""
    limit_s = task.run_limit_s if task.may_exit else None
    if limit_s is not None:
        faulthandler.dump_traceback_later(2.0 * limit_s + EXIT_AFTER_S, exit=True, file=_nowhere())
    try:
        return task.runner(point.scenario, task.seed, key.patient, key.replicate)
    finally:
        if limit_s is not None:
            faulthandler.cancel_dump_traceback_later()


@cache
def _nowhere() -> IO[str]:
    return open(os.devnull, "w")


def _infinite(row: Mapping[str, float | int | str], courses: Mapping[str, NDArray[Any]]) -> str:
    numbers = (name for name, value in row.items() if isinstance(value, float) and abs(value) == float("inf"))
    series = (name for name, values in courses.items() if np.isinf(values).any())
    return ", ".join([*numbers, *series])
