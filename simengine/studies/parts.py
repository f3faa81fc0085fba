"""Rows of results as Parquet: one row a run, its courses and events beside its outcomes.

A part is named by the digest of its own bytes and carries the hash of its experiment, so that a part that was damaged,
renamed, swapped or copied from elsewhere is found when the folder is opened, with or without a manifest that lists it.
Rows are read back in canonical order; how they were spread over parts is lost.

A part may name parts that it takes the place of: they count no more from the moment in which it has its name. So rows are
replaced in one step, and a stop at any moment leaves the old row or the new one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simengine.studies.design import Key
from simengine.studies.files import sha256

__all__ = [
    "FOLDER",
    "KEYS",
    "SNAPSHOTS",
    "Record",
    "encode",
    "exact",
    "file_name",
    "join",
    "keys_of",
    "read",
    "run_numbers",
    "snapshot_name",
    "study_hash",
    "supersedes",
    "table_hash",
    "tabulate",
    "to_bytes",
    "without",
]

FOLDER = "parts"
SNAPSHOTS = "snapshots"
KEYS = ("point", "arm", "patient", "replicate", "status", "reason")
COURSE, SNAPSHOT = "course.", "snapshot."

_EVENTS = pa.list_(pa.struct([("time_h", pa.float64()), ("name", pa.string()), ("detail", pa.string())]))
MOST_READERS = 8
MOST_FOOTERS = 10_000
VARIABLE = pa.list_(pa.field("element", pa.float64()))
_KEY_TYPES = {"point": pa.int32(), "patient": pa.int32(), "replicate": pa.int32()}


@dataclass(frozen=True)
class Record:
    """One run as it is stored; a failed run has its key, status and reason, and nothing else."""

    key: Key
    arm: str
    values: Mapping[str, Any]
    status: str = "ok"
    reason: str = ""
    row: Mapping[str, float | int | str] = field(default_factory=dict)
    courses: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    events: Sequence[tuple[float, str, str]] = ()
    snapshots: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about: its arrays, and a hundred bytes for each outcome and event."""
        arrays = [*self.courses.values(), *(array for snapshot in self.snapshots.values() for array in snapshot.values())]
        return sum(np.asarray(array).nbytes for array in arrays) + 100 * (len(self.row) + len(self.events))


def file_name(data: bytes) -> str:
    """Return the name of a part: it says what the file must contain."""
    return name_of(sha256(data))


def name_of(digest: str) -> str:
    """Return the name of a part with a SHA-256."""
    return f"part-{digest[:16]}.parquet"


def study_hash(path: Path) -> str:
    """Return the hash of the experiment that a part was written for."""
    return _footer(path).study_hash


def supersedes(path: Path) -> tuple[str, ...]:
    """Return the names of the parts whose place a part has taken, also of those whose place these had taken."""
    return _footer(path).supersedes


def snapshot_name(key: Key, day: str) -> str:
    """Return the file name of a snapshot of a run."""
    label = re.sub(r"[^A-Za-z0-9._]+", "-", day)
    return f"point{key.point:04d}-patient{key.patient:05d}-replicate{key.replicate:05d}-{label}.npz"


def encode(
    records: Sequence[Record], swept: Mapping[str, type], study_hash: str, digests: Mapping[tuple[Key, str], str]
) -> bytes:
    """Return the bytes of a part with these runs, of an experiment of this hash; for the rest see `tabulate`."""
    return to_bytes(tabulate(records, swept, digests), study_hash)


def tabulate(records: Sequence[Record], swept: Mapping[str, type], digests: Mapping[tuple[Key, str], str]) -> pa.Table:
    """Return runs as a table.

    Parameters
    ----------
    records
        The runs, in any order.
    swept
        The swept paths with their column types, `float` or `str`.
    digests
        SHA-256 of the snapshot files by run and day.
    """
    records = sorted(records, key=lambda record: record.key)
    columns: dict[str, pa.Array] = {
        name: pa.array([getattr(record.key, name) for record in records], kind) for name, kind in _KEY_TYPES.items()
    }
    for name in ("arm", "status", "reason"):
        columns[name] = pa.array([getattr(record, name) for record in records], pa.string())
    columns = {name: columns[name] for name in KEYS}
    for path, kind in swept.items():
        columns[path] = _scalars([record.values.get(path) for record in records], is_text=kind is str)
    for name in _names(record.row for record in records):
        if name in columns:
            raise ValueError(f"outcome {name!r} has the name of a key or of a swept path")
        values = [record.row.get(name) for record in records]
        columns[name] = _scalars(values, is_text=any(isinstance(value, str) for value in values))
    for name in _names(record.courses for record in records):
        columns[COURSE + name] = _series([record.courses.get(name) for record in records])
    events = [[{"time_h": float(t), "name": n, "detail": str(d)} for t, n, d in record.events] for record in records]
    columns["events"] = pa.array(events, _EVENTS)
    for day in _names(record.snapshots for record in records):
        columns[SNAPSHOT + day] = pa.array([digests.get((record.key, day)) for record in records], pa.string())
    return pa.table(columns)


def to_bytes(table: pa.Table, study_hash: str, superseded: Iterable[str] = ()) -> bytes:
    """Return a table of runs of an experiment as the bytes of a part that takes the place of other parts."""
    buffer = io.BytesIO()
    said = {"study_hash": study_hash}
    if names := sorted(superseded):
        said["supersedes"] = json.dumps(names)
    pq.write_table(table.replace_schema_metadata(said), buffer, compression="zstd")
    return buffer.getvalue()


def without(path: Path, keys: Iterable[Key]) -> pa.Table:
    """Return the rows of a part, but for those of some runs."""
    unwanted = set(keys)
    table = pq.read_table(path)
    return table.filter(pa.array([key not in unwanted for key in keys_of(table)]))


def snapshot_digests(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """Return the snapshot files that the parts speak of, in canonical order, with their digests."""
    days = [name for name in columns(paths) if name.startswith(SNAPSHOT)]
    if not days:
        return {}
    table = read(paths, (*KEYS, *days))
    return {
        folder / SNAPSHOTS / snapshot_name(key, day.removeprefix(SNAPSHOT)): digest
        for i, key in enumerate(keys_of(table))
        for day in days
        if (digest := table[day][i].as_py()) is not None
    }


def columns(paths: Sequence[Path]) -> list[str]:
    """Return the names of all columns of some parts, in order of first appearance."""
    return list(dict.fromkeys(name for path in paths for name in _footer(path).names))


def read(paths: Sequence[Path], wanted: Iterable[str]) -> pa.Table:
    """Read some columns of all parts, rows in canonical order; a column that a part lacks is null there."""
    columns = list(dict.fromkeys((*_KEY_TYPES, *wanted)))
    with ThreadPoolExecutor(min(len(paths), os.cpu_count() or 1, MOST_READERS)) as pool:
        tables = list(pool.map(partial(_read_one, columns=columns), paths))
    table = join(sorted((table for table in tables if table.num_rows), key=_first_key) or tables)
    order = _order(table)
    return table if order is None else table.take(pa.array(order))


def run_numbers(table: pa.Table) -> NDArray[np.int64]:
    """Return one number for each run of a table that rises in canonical order and is shared by the same run alone."""
    point, patient, replicate = (table[name].to_numpy().astype(np.int64) for name in _KEY_TYPES)
    if not len(point):
        return np.empty(0, dtype=np.int64)
    by_patient, by_point = replicate.max() + 1, (replicate.max() + 1) * (patient.max() + 1)
    if float(point.max() + 1) * float(by_point) < 2.0**62:
        return np.asarray(point * by_point + patient * by_patient + replicate, dtype=np.int64)
    _, numbers = np.unique(np.column_stack([point, patient, replicate]), axis=0, return_inverse=True)
    return np.asarray(numbers.reshape(-1), dtype=np.int64)


def _order(table: pa.Table) -> NDArray[np.int64] | None:
    """Return the places of the rows of a table in canonical order, or None when they stand in it."""
    numbers = run_numbers(table)
    return None if np.all(numbers[1:] > numbers[:-1]) else np.argsort(numbers, kind="stable")


def _first_key(table: pa.Table) -> tuple[int, ...]:
    return tuple(table[name][0].as_py() for name in _KEY_TYPES)


def _read_one(path: Path, columns: Sequence[str]) -> pa.Table:
    """Read those of some columns that a part has."""
    with pq.ParquetFile(path) as file:
        present = set(file.schema_arrow.names)
        return file.read([name for name in columns if name in present], use_threads=False)


class _Footer(NamedTuple):
    names: tuple[str, ...]
    study_hash: str
    supersedes: tuple[str, ...]


def _footer(path: Path) -> _Footer:
    """Return what the footer of a part says, read once."""
    found = path.stat()
    return _footer_of(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=MOST_FOOTERS)
def _footer_of(path: Path, changed_ns: int, size: int) -> _Footer:
    schema = pq.read_schema(path)
    said = schema.metadata
    replaced = tuple(json.loads(said.get(b"supersedes", b"[]")))
    return _Footer(tuple(map(sys.intern, schema.names)), said[b"study_hash"].decode(), replaced)


def join(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all tables in one; a column that a table lacks is null there."""
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    courses = [name for name in names if name.startswith(COURSE)]
    mixed = {name for name in courses if len({t.schema.field(name).type for t in tables if name in t.column_names}) > 1}
    return pa.concat_tables([_of_any_length(table, mixed) for table in tables], promote_options="default")


def _of_any_length(table: pa.Table, mixed: set[str]) -> pa.Table:
    """Return a table whose courses of a length that differs between parts are lists of any length."""
    for name in mixed.intersection(table.column_names):
        if pa.types.is_fixed_size_list(table.schema.field(name).type):
            table = table.set_column(table.column_names.index(name), name, table[name].cast(VARIABLE))
    return table


def table_hash(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the table in canonical order: names, bits of every number, courses and events.

    It does not depend on how rows are spread over parts, nor on columns that no row fills.
    """
    digest = hashlib.sha256()
    names = sorted(columns(paths))
    if not names:
        return digest.hexdigest()
    scalars = read(paths, [name for name in names if not name.startswith(COURSE)])
    for name in names:
        column = (read(paths, [name]) if name.startswith(COURSE) else scalars)[name].combine_chunks()
        if column.null_count < len(column):
            digest.update(name.encode() + b"\0" + exact(column))
    return digest.hexdigest()


def exact(column: pa.Array) -> bytes:
    """Return the content of a column to the last bit: its type, its length, and its values."""
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(VARIABLE)
    head = f"{column.type}\0{len(column)}\0".encode()
    if pa.types.is_floating(column.type):
        return head + _bits(column)
    if pa.types.is_list(column.type) and pa.types.is_floating(column.type.value_type):
        lengths: bytes = pc.list_value_length(column).fill_null(-1).to_numpy().astype("<i8").tobytes()
        return head + lengths + _bits(column.flatten())
    return head + json.dumps(column.to_pylist()).encode()


def _bits(column: pa.Array) -> bytes:
    """Bits of the numbers, every NaN the same; a missing number is told from NaN by the list of nulls."""
    values = column.to_numpy(zero_copy_only=False)
    nulls: bytes = column.is_null().to_numpy(zero_copy_only=False).tobytes()
    return nulls + np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()


def keys_of(table: pa.Table) -> list[Key]:
    """Return the addresses of the runs of a table, in its order."""
    return [Key(*address) for address in zip(*(table[name].to_pylist() for name in _KEY_TYPES))]


def _names(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _scalars(values: Sequence[Any], is_text: bool) -> pa.Array:
    """A column of texts (other values as JSON), or of 64-bit floats for every kind of number."""
    if is_text:
        return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def _series(values: Sequence[NDArray[Any] | None]) -> pa.Array:
    """A column of courses, as lists of one fixed size where all are of one length (in all runs of an arm they are)."""
    arrays = [None if value is None else np.asarray(value, dtype=np.float64) for value in values]
    lengths = {len(array) for array in arrays if array is not None}
    if len(lengths) != 1 or lengths == {0}:
        return pa.array(arrays, VARIABLE)
    size = lengths.pop()
    flat = np.concatenate([np.zeros(size) if array is None else array for array in arrays])
    mask = pa.array([array is None for array in arrays])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=pa.list_(pa.field("element", pa.float64()), size), mask=mask)
