"""What a study will cost before it is run: runs, time and disk, from a probe of two runs."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from simengine.studies import parts
from simengine.studies.design import Design, Key
from simengine.studies.runs import Runner, Task, attempt
from simengine.studies.snapshots import npz_bytes

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """Runs of the study, how many are left, and what the probe found: seconds and bytes a run (NaN without a probe)."""

    runs: int
    left: int
    seconds_a_run: float
    bytes_a_run: float
    jobs: int

    @property
    def seconds(self) -> float:
        """Time for the runs that are left, when every thread has a core of its own."""
        return self.left * self.seconds_a_run / min(self.jobs, max(self.left, 1))

    @property
    def disk_bytes(self) -> float:
        """Size of the whole results."""
        return self.runs * self.bytes_a_run


def estimate(design: Design, runner: Runner, jobs: int, done: Collection[Key] = (), probe: bool = True) -> Estimate:
    """Estimate a study by doing its first and its last run; nothing is kept.

    The engine should be compiled before, or its compilation counts as a run.
    """
    left = len(design) - len(done)
    if not probe:
        return Estimate(len(design), left, float("nan"), float("nan"), jobs)
    keys = [design.keys[0], design.keys[-1]]
    began = time.monotonic()
    records = [attempt(Task(runner, design.seed), design.point[key.point], key) for key in keys]
    seconds = (time.monotonic() - began) / len(keys)
    size = len(parts.encode(records, design.swept, "", {}))
    size += sum(len(npz_bytes(arrays)) for record in records for arrays in record.snapshots.values())
    return Estimate(len(design), left, seconds, size / len(keys), jobs)
