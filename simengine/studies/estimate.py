"""What a study will cost before it is run: runs, time, disk and memory, from a probe of a few runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simengine.studies import integrity, parts
from simengine.studies import manifest as manifests
from simengine.studies.design import Design, RequestError
from simengine.studies.executors import WorkerLost
from simengine.studies.executors.local import ProcessWorker
from simengine.studies.probe import Found, Plan, probe
from simengine.studies.runs import FINAL, Runner

if TYPE_CHECKING:
    from simengine.scenario import Scenario

__all__ = ["Estimate", "Memory", "bound_mb", "done_in", "estimate"]

PART_ENTRY_BYTES = 105
"""A line of the manifest for each part: its name and digest."""
ADDRESS_BYTES = 300
"""What the writing process knows of each run: its address, wanted and done."""
READING_BYTES = 18
"""A number of the table while the summary is made: 8 bytes as read, 8 in the table, and what sums take in passing."""


@dataclass(frozen=True)
class Memory:
    """Largest resident memory of a study, MB; pages that processes share are counted in each, as schedulers do.

    Attributes
    ----------
    writing_mb
        The process that writes, with the engine loaded and without runs.
    rows_mb
        In it: rows that wait to be written, or the table that is read in the end, whichever is more.
    workers
        Threads or processes on this machine that do runs.
    worker_mb
        Each of them: the runs of a thread, or a process with the engine and its runs.
    """

    writing_mb: float
    rows_mb: float
    workers: int
    worker_mb: float

    @property
    def total_mb(self) -> float:
        """All of it."""
        return self.writing_mb + self.rows_mb + self.workers * self.worker_mb


@dataclass(frozen=True)
class Estimate:
    """Runs of the study, how many are left for how many workers, where, and what the probe found (if there was one).

    ``snapshot_runs`` of the runs keep their snapshots.
    """

    runs: int
    left: int
    jobs: int
    place: str = "threads"
    snapshot_runs: float = 0.0
    found: Found | None = None

    @property
    def probed(self) -> Found:
        """What the probe found.

        Raises
        ------
        ValueError
            If there was none.
        """
        if self.found is None:
            raise ValueError("an estimate without a probe has neither time, disk nor memory")
        return self.found

    @property
    def in_threads(self) -> bool:
        """Whether the process that writes does the runs as well."""
        return self.place in ("threads", "serial")

    @property
    def workers(self) -> int:
        """How many runs are done at a time."""
        return 1 if self.place == "serial" else min(self.jobs, max(self.left, 1))

    @property
    def seconds(self) -> float:
        """Time for the runs that are left, to start and to end, when every worker has a core of its own."""
        found, starts = self.probed, 1 if self.in_threads else 2  # a process starts its workers when it has started itself
        return starts * found.start_s + self.left * found.seconds_a_run / self.workers + found.end_s

    @property
    def cpu_seconds(self) -> float:
        """CPU time of this process and of its workers."""
        found, starts = self.probed, 1 if self.in_threads else 1 + self.workers
        return starts * found.start_s + self.left * found.seconds_a_run + found.end_s

    @property
    def parts(self) -> int:
        """Files of rows: where cores are shared with others there are more, as one is written each half minute."""
        return -(-self.runs // self.probed.part_runs)

    @property
    def empty_part_bytes(self) -> float:
        """What a file of rows takes beside its rows, in its folder and in the manifest."""
        found = self.probed
        return max(found.part_bytes - found.part_runs * found.row_bytes, 0.0) + PART_ENTRY_BYTES

    @property
    def disk_bytes(self) -> float:
        """Size of the whole results."""
        found = self.probed
        rows = self.runs * found.row_bytes + self.parts * self.empty_part_bytes
        return rows + self.snapshot_runs * found.snapshot_bytes + found.manifest_bytes - PART_ENTRY_BYTES

    @property
    def memory(self) -> Memory:
        """Memory of this process and of its workers, those of a cluster elsewhere left out."""
        found = self.probed
        waiting = min(self.left, found.part_runs) * found.row_mb
        reading = self.runs * found.columns * READING_BYTES / 1e6
        rows_mb = self.runs * ADDRESS_BYTES / 1e6 + max(waiting, reading)
        writing_mb = found.loaded_mb + found.writing_mb
        if self.in_threads:
            return Memory(writing_mb, rows_mb, self.workers, found.run_mb)
        return Memory(writing_mb, rows_mb, 0 if "://" in self.place else self.workers, found.loaded_mb + found.run_mb)


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


def estimate(
    design: Design,
    runner: Runner,
    jobs: int,
    *,
    place: str = "threads",
    done: int = 0,
    outcomes: Mapping[str, Any] | None = None,
    closing: Callable[[Path], object] | None = None,
) -> Estimate:
    """Estimate a study by some of its runs, done in a fresh process; nothing is kept.

    Parameters
    ----------
    design, runner, jobs, place
        The runs, what does one, with how many workers, and who they are, as `open_executor` takes it.
    done
        Runs that are there already.
    outcomes, closing
        As the study has them; see `Plan`.

    Raises
    ------
    RequestError
        If the process of the probe ended: out of memory, or a crash.
    """
    with_dask = place == "dask" or "://" in place
    found = _apart(Plan(design, runner, 1 if place == "serial" else jobs, with_dask, outcomes, closing))
    return Estimate(len(design), len(design) - done, jobs, place, _snapshot_runs(design), found)


def bound_mb(design: Design) -> tuple[float, float]:
    """Return the most memory that a run of a study could need, and the least limit above which one is refused, MB.

    The first bounds a run that fills `run.max_agents`; it refuses what is absurd and forecasts nothing.
    """
    return max(_bound_mb(p.scenario) for p in design.points), min(p.scenario.run.memory_limit_mb for p in design.points)


def _apart(plan: Plan) -> Found:
    """Probe in a process that has done nothing else, so that what it takes is what the study takes."""
    worker = None
    try:
        worker = ProcessWorker()
        found: Found = worker.do(probe, (plan,))
    except WorkerLost:
        raise RequestError("a run of the probe ended its process: out of memory, or a crash; --quick does none") from None
    finally:
        if worker is not None:
            worker.end()
    return found


def _snapshot_runs(design: Design) -> float:
    """Return how many runs keep snapshots, on an average share where the study is shared out."""
    kept = [design.point[index].scenario.output.snapshot_replicates for index in design.point_indices]
    return len(design) * sum(min(n, design.replicates) for n in kept) / (len(kept) * design.replicates)


def _bound_mb(scenario: Scenario) -> float:
    from simengine.catalog import load_catalog
    from simengine.scenario.limits import estimate as size_of

    return size_of(scenario, load_catalog()).memory_mb
