"""Where runs are done: by this thread, by several, by processes, on a Dask cluster, or by whatever has a `submit`."""

from __future__ import annotations

from simengine.studies.executors.choice import NAMES, available_jobs, open_executor
from simengine.studies.executors.foreign import GONE
from simengine.studies.executors.protocol import Executor, WorkerLost

__all__ = ["GONE", "NAMES", "Executor", "WorkerLost", "available_jobs", "open_executor"]
