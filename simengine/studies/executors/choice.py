"""From what a user asks for to an executor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simengine.foundation.errors import listed, nearest
from simengine.studies.design import RequestError
from simengine.studies.executors.foreign import Cluster, Foreign, client_of, local_cluster
from simengine.studies.executors.local import Pool, ProcessWorker, Serial, ThreadWorker
from simengine.studies.executors.protocol import Executor

__all__ = ["NAMES", "available_jobs", "open_executor"]

NAMES = ("serial", "threads", "processes", "dask")


def available_jobs(jobs: int | None = None) -> int:
    """Return how many workers to use: as asked, else the scheduler's share of the cores this process may use."""
    if jobs is not None:
        return max(1, jobs)
    affinity = len(os.sched_getaffinity(0))
    share = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(affinity, int(share))) if share.isdigit() else affinity


@contextmanager
def open_executor(wanted: Any, jobs: int) -> Iterator[Executor]:
    """Open what does the runs and close it in the end.

    Parameters
    ----------
    wanted
        ``"serial"``, ``"threads"``, ``"processes"``, ``"dask"`` (a cluster of processes on this machine), the address of a
        Dask scheduler (``tcp://...``), a Dask client or cluster (of dask-jobqueue, for instance), or any object with
        ``submit(function, *arguments)`` that returns futures as `concurrent.futures` has them.
    jobs
        Workers, where it is for us to say.

    Raises
    ------
    RequestError
        If it is none of these.
    """
    executor = _executor(wanted, jobs)
    try:
        yield executor
    finally:
        executor.close()


def _executor(wanted: Any, jobs: int) -> Executor:
    if wanted == "serial":
        return Serial()
    if wanted in ("threads", "processes"):
        return Pool(jobs, ThreadWorker if wanted == "threads" else ProcessWorker)
    if wanted == "dask":
        return local_cluster(jobs)
    is_address = isinstance(wanted, str) and "://" in wanted
    if is_address or hasattr(wanted, "scheduler_address") or hasattr(wanted, "get_executor"):
        return Cluster(*client_of(wanted))
    if hasattr(wanted, "submit"):
        return Foreign(wanted, jobs)
    if not isinstance(wanted, str):
        raise RequestError(f"executor: got {wanted!r}, expected a name ({listed(NAMES)}) or an object with `submit`")
    hint = nearest(wanted, NAMES)
    raise RequestError(
        f"executor: got {wanted!r}, expected {listed(NAMES)} or the address of a Dask scheduler" + (f"; {hint}" if hint else "")
    )
