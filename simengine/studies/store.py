"""Writing the rows of a study into its folder, so that a stop at any moment loses little and damages nothing.

    manifest.json     what was asked and what came of it; written when a session begins and when it ends
    parts/            Parquet files, whole from the moment they have their name
    snapshots/        one .npz for each run and day that was asked for
    .lock             names the process that writes

A folder that holds the same experiment is continued: rows that are there, and verify, are not computed again. Where it is
asked for, runs that were set apart for what may have been an accident are done again: a part with their new rows takes the
place of the parts with the old ones.

A part is written when its first run has waited for `PART_S`, or when it has `PART_RUNS` runs or `PART_BYTES` in memory, and
at every stop that is not a kill. So parts stay few (a million short runs make some hundred files, a week 20,000 at most), are
quick to read, a process holds little, and a kill costs half a minute of work at most.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from simengine.studies import integrity, parts
from simengine.studies import manifest as manifests
from simengine.studies.design import Design, Key, RequestError
from simengine.studies.files import DISK, Disk, locked, make_folder, remove_leftovers, sha256, write_file
from simengine.studies.parts import Record
from simengine.studies.precision import Looks
from simengine.studies.runs import FINAL
from simengine.studies.snapshots import npz_bytes

__all__ = ["PART_BYTES", "PART_RUNS", "PART_S", "Store", "set_aside", "writing"]

PART_RUNS = 10_000
PART_S = 30.0
PART_BYTES = 256_000_000


class Store:
    """A folder of results held for writing; `writing` makes it."""

    def __init__(self, folder: Path, design: Design, manifest: dict[str, Any], disk: Disk, retry: bool = False) -> None:
        self.folder = folder
        self.design = design
        self.manifest = manifest
        self._disk = disk
        self._pending: list[Record] = []
        self._pending_bytes = 0
        self._pending_since = 0.0
        found = integrity.verified(folder, manifest)
        manifest["parts"] = {path.name: digest for path, digest in found.items()}
        table = parts.read(list(found), parts.KEYS).to_pydict() if found else {name: [] for name in parts.KEYS}
        keys = [Key(*address) for address in zip(*(table[name] for name in Key._fields))]
        self._again = {key: status for key, status in zip(keys, table["status"]) if retry and status not in FINAL}
        self._part_of = _parts_of(found, self._again)
        self.done = set(keys) - self._again.keys()
        self.counts = Counter(table["status"]) - Counter(self._again.values())
        self._remove_leftovers(list(found))
        self._looks: Looks | None = None
        self._values: dict[Key, float | None] = {}
        if design.precision is not None:
            described = manifest["outcomes"].get(design.precision.outcome)
            self._looks = Looks(design, None if described is None else described["unit"] == "0/1")
            self._values = dict(zip(keys, _numbers(list(found), design.precision.outcome)))

    def wanted(self) -> list[Key]:
        """Return the runs to do next, in canonical order: all that are missing, or those up to the next look at each arm."""
        if self._looks is not None:
            return self._looks.wanted(self._values)
        taken = self.done | {record.key for record in self._pending}
        return [key for key in self.design.keys if key not in taken]

    @property
    def total(self) -> int:
        """Runs of the study; where a precision decides, those that were asked for by now."""
        return len(self.design) if self._looks is None else self._looks.runs

    @property
    def n_done(self) -> int:
        """Runs taken, written or not."""
        return len(self.done) + len(self._pending)

    @property
    def failed(self) -> int:
        """Runs taken that did not end well."""
        return self.counts.total() - self.counts["ok"] + sum(record.status != "ok" for record in self._pending)

    def begin(self, **session: Any) -> None:
        """Open a session: note how the runs are done (threads, batch) before the first is."""
        self.manifest["status"] = "running"
        self.manifest["sessions"].append({"began": manifests.now(), "pid": os.getpid(), "host": platform.node(), **session})
        self._write_manifest()

    def add(self, record: Record) -> None:
        """Take a finished run; it is safe on disk after the next `commit`."""
        if not self._pending:
            self._pending_bytes, self._pending_since = 0, time.monotonic()
        self._pending.append(record)
        self._pending_bytes += record.nbytes
        if self.design.precision is not None:
            value = record.row.get(self.design.precision.outcome)
            self._values[record.key] = float(value) if isinstance(value, int | float) else None

    def is_due(self, every_s: float = PART_S) -> bool:
        """Whether the runs taken since the last commit are to be written now: enough of them, or waiting for long enough."""
        enough = len(self._pending) >= PART_RUNS or self._pending_bytes >= PART_BYTES
        return enough or (bool(self._pending) and time.monotonic() - self._pending_since >= every_s)

    def commit(self) -> None:
        """Write the runs taken since the last commit as one part, their snapshots first.

        Raises
        ------
        OSError
            With errno and path; the folder then holds everything up to the commit before.
        """
        if not self._pending:
            return
        digests = self._write_snapshots()
        table = parts.tabulate(self._pending, self.design.swept, digests)
        keys = [record.key for record in self._pending]
        old = {self._part_of[key] for key in keys if key in self._part_of}
        table = parts.join([table, *(parts.without(path, keys) for path in old)])
        gone = {name for path in old for name in (path.name, *parts.supersedes(path))}
        data = parts.to_bytes(table, self.manifest["study_hash"], gone)
        path = self.folder / parts.FOLDER / parts.file_name(data)
        write_file(path, data, self._disk)
        self.manifest["parts"] = {name: digest for name, digest in self.manifest["parts"].items() if name not in gone}
        self.manifest["parts"][path.name] = sha256(data)
        self.done.update(keys)
        self.counts.update(record.status for record in self._pending)
        self._pending = []
        self._again = {key: status for key, status in self._again.items() if key not in self.done}
        self._part_of = {key: path if self._part_of[key] in old else self._part_of[key] for key in self._again}
        for path in old:
            with contextlib.suppress(OSError):  # it counts no more, and the next session removes it
                self._disk.remove(path)

    def _write_snapshots(self) -> dict[tuple[Key, str], str]:
        """Write the snapshots of the runs taken since the last commit and return their digests."""
        digests = {}
        for record in self._pending:
            for day, arrays in record.snapshots.items():
                data = npz_bytes(arrays)
                name = parts.snapshot_name(record.key, day)
                write_file(self.folder / parts.SNAPSHOTS / name, data, self._disk)
                digests[record.key, day] = sha256(data)
        return digests

    def _remove_leftovers(self, found: list[Path]) -> None:
        """Delete parts whose place others have taken, and snapshots whose runs a kill kept from being written."""
        living = {*found, *parts.snapshot_digests(self.folder, found)}
        there = (*(self.folder / parts.FOLDER).glob("part-*.parquet"), *(self.folder / parts.SNAPSHOTS).glob("point*.npz"))
        for path in there:
            if path not in living:
                self._disk.remove(path)

    def end(self, **session: Any) -> None:
        """Commit what is left and close the session; the results are complete when no run is wanted."""
        self.commit()
        self.manifest["status"] = "stopped" if self.wanted() else "complete"
        if self._looks is not None:
            self.manifest["reached"] = self._looks.told()
            if self.manifest["status"] == "complete":
                self.manifest["runs"] = self.total
        self.manifest["ended"] = manifests.now()
        peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.manifest["sessions"][-1].update(ended=manifests.now(), peak_rss_mb=peak_rss_mb, **session)
        self._write_manifest()

    def _write_manifest(self) -> None:
        counts = self.counts + Counter(self._again.values())  # the old row of a run that was not yet done again still stands
        self.manifest["counts"] = {status: counts[status] for status in sorted(counts)}
        manifests.write(self.folder, self.manifest, self._disk)


@contextlib.contextmanager
def writing(
    folder: Path, design: Design, outcomes: Mapping[str, Any], disk: Disk = DISK, retry: bool = False
) -> Iterator[Store]:
    """Hold a folder of results for writing: a new one, or one with the same experiment, which is continued.

    Parameters
    ----------
    folder
        Made if it does not exist.
    design
        The runs asked for.
    outcomes
        Title, unit and description of each outcome column.
    disk
        The operations that write.
    retry
        Want the runs again whose rows say that they failed, took too long, or lost their worker.

    Raises
    ------
    RequestError
        If the folder holds another experiment; every field that differs is named. If a study whose looks have counted
        its failed runs is to do them again.
    ResultsError
        If another process writes there, or if what is there is damaged.
    OSError
        If the folder cannot be written.
    """
    if retry and design.precision is not None:
        raise RequestError("--retry: a study with [precision] has stopped by the runs that it has; --restart begins again")
    make_folder(folder, disk)
    with locked(folder):
        manifest = manifests.new(design, dict(outcomes))
        if (folder / manifests.NAME).exists():
            old = manifests.read(folder)
            manifests.refuse_changed(old, manifest, folder)
            manifest = old
        for place in (folder, folder / parts.FOLDER, folder / parts.SNAPSHOTS):
            place.mkdir(exist_ok=True)
            remove_leftovers(place)
        _forget_lost_parts(folder, manifest)
        yield Store(folder, design, manifest, disk, retry)


def set_aside(folder: Path) -> Path | None:
    """Rename a folder of results, so that a fresh one can take its place; return its new name, if there was one.

    Raises
    ------
    ResultsError
        If another process writes there.
    """
    if not (folder / manifests.NAME).exists():
        return None
    with locked(folder):
        number = 1
        while (aside := folder.with_name(f"{folder.name}.before-{number}")).exists():
            number += 1
        folder.rename(aside)
    return aside


def _parts_of(paths: Iterable[Path], wanted: Mapping[Key, Any]) -> dict[Key, Path]:
    """Return the part that holds the row of each of some runs."""
    if not wanted:
        return {}
    return {key: path for path in paths for key in parts.keys_of(parts.read([path], ())) if key in wanted}


def _numbers(paths: list[Path], outcome: str) -> list[float | None]:
    """Return an outcome of every run in canonical order; None where a run has none."""
    if not paths:
        return []
    table = parts.read(paths, (*parts.KEYS, outcome))
    found: list[Any] = table[outcome].to_pylist() if outcome in table.column_names else [None] * table.num_rows
    return [value if isinstance(value, float) else None for value in found]


def _forget_lost_parts(folder: Path, manifest: dict[str, Any]) -> None:
    """A part that was taken away is no obstacle to continuing: its runs are computed again."""
    kept = {name: digest for name, digest in manifest["parts"].items() if (folder / parts.FOLDER / name).is_file()}
    if len(kept) < len(manifest["parts"]):
        manifest.update(parts=kept, status="running")
