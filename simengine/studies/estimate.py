"""What a study will cost before it is run: runs, time, disk and memory, from a probe of two runs."""

from __future__ import annotations

import math
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simengine.studies import integrity, parts
from simengine.studies import manifest as manifests
from simengine.studies.design import Design
from simengine.studies.runs import FINAL, Runner, Task, attempt
from simengine.studies.snapshots import npz_bytes
from simengine.studies.store import PART_BYTES, PART_RUNS, PART_S

if TYPE_CHECKING:
    from simengine.scenario import Scenario

__all__ = ["Estimate", "done_in", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """Runs of the study, how many are left, and what the probe found (NaN without a probe).

    Attributes
    ----------
    seconds_a_run, bytes_a_run, bytes_a_part
        Mean of the two runs; what a part of the results takes beside its rows.
    process_mb
        Most memory that this process had, the engine and one run included.
    run_mb
        Memory that one more run at the same time may need: the upper bound by which scenarios are refused.
    """

    runs: int
    left: int
    jobs: int
    seconds_a_run: float = math.nan
    bytes_a_run: float = math.nan
    bytes_a_part: float = math.nan
    process_mb: float = math.nan
    run_mb: float = math.nan

    @property
    def seconds(self) -> float:
        """Time for the runs that are left, when every worker has a core of its own."""
        return self.left * self.seconds_a_run / min(self.jobs, max(self.left, 1))

    @property
    def disk_bytes(self) -> float:
        """Size of the whole results."""
        by_time = self.runs * self.seconds_a_run / self.jobs / PART_S
        n_parts = max(math.ceil(self.runs / PART_RUNS), min(math.ceil(by_time), self.runs))
        return self.runs * self.bytes_a_run + n_parts * self.bytes_a_part

    def memory_mb(self, executor: str) -> float:
        """Memory of all workers together; threads share one engine, processes have one each, beside that which writes."""
        waiting_mb = min(PART_BYTES, self.left * self.bytes_a_run) / 1e6
        if executor in ("threads", "serial"):
            return self.process_mb + (self.jobs - 1) * self.run_mb + waiting_mb
        return (self.jobs + 1) * self.process_mb + waiting_mb


def done_in(folder: Path, design: Design, retry: bool = False) -> int:
    """Return how many runs of a design its folder holds already, but for those to be tried again; nothing is written.

    Raises
    ------
    RequestError
        If the folder holds another experiment.
    ResultsError
        If something in it is damaged.
    """
    if not (folder / manifests.NAME).exists():
        return 0
    manifest = manifests.read(folder)
    manifests.refuse_changed(manifest, manifests.new(design, {}), folder)
    found = list(integrity.verified(folder, manifest))
    statuses = parts.read(found, parts.KEYS)["status"].to_pylist() if found else []
    return sum(status in FINAL or not retry for status in statuses)


def estimate(design: Design, runner: Runner, jobs: int, done: int = 0, probe: bool = True) -> Estimate:
    """Estimate a study by doing its first and its last run; nothing is kept.

    The engine should be compiled before, or its compilation counts as a run.
    """
    left = len(design) - done
    if not probe:
        return Estimate(len(design), left, jobs)
    keys = [design.keys[0], design.keys[-1]]
    began = time.monotonic()
    records = [attempt(Task(runner, design.seed), design.point[key.point], key) for key in keys]
    seconds = (time.monotonic() - began) / len(keys)
    one, two = (len(parts.encode(records[:n], design.swept, "", {})) for n in (1, 2))
    snapshots = sum(len(npz_bytes(arrays)) for record in records for arrays in record.snapshots.values())
    return Estimate(
        runs=len(design),
        left=left,
        jobs=jobs,
        seconds_a_run=seconds,
        bytes_a_run=two - one + snapshots / len(keys),
        bytes_a_part=max(0, 2 * one - two),
        process_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        run_mb=max(_run_mb(point.scenario) for point in design.points),
    )


def _run_mb(scenario: Scenario) -> float:
    from simengine.catalog import load_catalog
    from simengine.scenario.limits import estimate as size_of

    return size_of(scenario, load_catalog()).memory_mb
