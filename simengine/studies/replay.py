"""One run of saved results, done again from what its folder says, and compared with its row to the last bit.

Nothing but the folder is needed: the manifest holds the resolved scenario of every arm. What the scenario leaves to the
catalogue and the model must be what it was; another model or entry is refused, with what differs. Other sources of
the same model, libraries and machines are no hindrance, as they promise the same bits: whether they keep it is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simengine.foundation.errors import listed, nearest
from simengine.studies import integrity, parts, provenance
from simengine.studies import manifest as manifests
from simengine.studies.design import NOT_OF_A_POINT, Key, RequestError
from simengine.studies.files import sha256
from simengine.studies.parts import Record
from simengine.studies.runs import Runner, Task, attempt, engine_runner
from simengine.studies.snapshots import npz_bytes
from simengine.studies.warm import warm_up

if TYPE_CHECKING:
    import pyarrow as pa

    from simengine.scenario import Point

__all__ = ["Difference", "Replay", "numbered", "replay"]

MUST_AGREE = ("model_version", "catalog")
MAY_DIFFER = ("package_version", "model_sources", "libraries")


@dataclass(frozen=True)
class Difference:
    """A column in which the repeated run differs from the stored one."""

    column: str
    stored: str
    now: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.column}: {self.stored} -> {self.now}"


@dataclass(frozen=True)
class Replay:
    """What became of a repeated run: what was compared, where it differs, and what differs of the program that ran it."""

    key: Key
    arm: str
    outcomes: int
    courses: int
    events: int
    snapshots: int
    differences: tuple[Difference, ...]
    program: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether every bit of the run is as stored."""
        return not self.differences

    def __str__(self) -> str:
        """Return what was found in words."""
        run = f"arm {self.arm!r}, patient {self.key.patient}, replicate {self.key.replicate}"
        compared = f"{self.outcomes} outcomes, {self.courses} courses, {self.events} events, {self.snapshots} snapshots"
        verdict = f"the same to the bit: {compared}" if self.is_same else f"{len(self.differences)} columns differ"
        lines = [f"{run}: {verdict}", *(f"  {difference}" for difference in self.differences)]
        return "\n".join([*lines, *(f"another program did this run (there -> now): {text}" for text in self.program)])


def replay(folder: Path, run: int, runner: Runner = engine_runner, announce: Callable[[], object] = lambda: None) -> Replay:
    """Repeat one run of saved results and compare every outcome, course, event and snapshot with its row.

    Parameters
    ----------
    folder
        Saved results; each file is verified.
    run
        Number of the row in canonical order, from 0, as in the table of the results.
    runner
        Does the run.
    announce
        Called when the engine must be compiled first.

    Raises
    ------
    RequestError
        If there is no such run, or if the model or an entry of the catalogue is another; each that differs is named.
    ResultsError
        If there are no results, or they are damaged.

    Example
    -------
    >>> print(replay(Path("results/heart_infarct_demo"), 17))     # doctest: +SKIP
    """
    manifest = manifests.read(folder)
    paths = list(integrity.verified(folder, manifest))
    _refuse_another_model(manifest)
    keys = _keys(paths)
    if not 0 <= run < len(keys):
        raise RequestError(f"--run: got {run}, expected 0 to {len(keys) - 1}, a row of {folder}")
    stored = _row(paths, keys[run])
    point = _point(manifest, keys[run].point)
    if runner is engine_runner:
        warm_up(announce, [point.scenario])
    record = attempt(Task(runner, manifest["seed"]), point, keys[run])
    return _compared(record, stored, _encoded(record, manifest), _differing(manifest, MAY_DIFFER))


def numbered(folder: Path, arm: str, patient: int, replicate: int) -> int:
    """Return the number of the row of a run.

    Raises
    ------
    RequestError
        If there is no such arm or run.
    """
    manifest = manifests.read(folder)
    points = {point["label"]: point["index"] for point in manifest["points"]}
    if arm not in points:
        hint = nearest(arm, points)
        raise RequestError(f"--arm: got {arm!r}, expected {listed(points)}" + (f"; {hint}" if hint else ""))
    key = Key(points[arm], patient, replicate)
    keys = _keys(list(integrity.verified(folder, manifest)))
    if key not in keys:
        raise RequestError(f"{folder} holds no run of arm {arm!r}, patient {patient}, replicate {replicate}")
    return keys.index(key)


def _refuse_another_model(manifest: Mapping[str, Any]) -> None:
    changed = _differing(manifest, [name for name in MUST_AGREE if name in manifest])
    if changed:
        told = "\n  ".join(changed)
        raise RequestError(f"these runs cannot be repeated: the model is another (there -> now):\n  {told}")


def _differing(manifest: Mapping[str, Any], fields: Any) -> tuple[str, ...]:
    from simengine.scenario.canonical import changes

    now = {**provenance.program(), "catalog": provenance.catalog_digests()}
    return tuple(str(change) for field in fields for change in changes(manifest.get(field), now[field], field))


def _point(manifest: Mapping[str, Any], index: int) -> Point:
    """Return an arm as it was resolved, from the manifest alone."""
    from simengine.scenario import Point
    from simengine.scenario.model import Scenario

    stored = next(point for point in manifest["points"] if point["index"] == index)
    of_study = {name: manifest[name] for name in ("name", "seed", "replicates", "patients")}
    scenario = Scenario.model_validate_json(json.dumps({**stored["scenario"], **of_study}))
    plain = {name: value for name, value in scenario.plain().items() if name not in NOT_OF_A_POINT}
    if json.loads(json.dumps(plain)) != stored["scenario"]:
        raise RequestError(
            f"the scenario of arm {stored['label']!r} cannot be had back from its manifest: its format is another"
        )
    return Point(index, stored["label"], stored["values"], scenario)


def _keys(paths: list[Path]) -> list[Key]:
    return parts.keys_of(parts.read(paths, parts.KEYS)) if paths else []


def _row(paths: list[Path], key: Key) -> pa.Table:
    """Return the stored row of a run, reading no part but its own."""
    for path in paths:
        if key in _keys([path]):
            return parts.read([path], parts.columns([path])).slice(_keys([path]).index(key), 1)
    raise KeyError(key)


def _encoded(record: Record, manifest: Mapping[str, Any]) -> pa.Table:
    """Return a run as it would be stored and read again."""
    import io

    import pyarrow.parquet as pq

    digests = {(record.key, day): sha256(npz_bytes(arrays)) for day, arrays in record.snapshots.items()}
    swept = {path: {"float": float, "str": str}[kind] for path, kind in manifest["swept"].items()}
    return pq.read_table(io.BytesIO(parts.encode([record], swept, manifest["study_hash"], digests)))


def _compared(record: Record, stored: pa.Table, now: pa.Table, program: tuple[str, ...]) -> Replay:
    columns = {name: [_of(table, name) for table in (stored, now)] for name in (*stored.column_names, *now.column_names)}
    columns = {name: pair for name, pair in columns.items() if any(column is not None for column in pair)}
    differences = [Difference(name, *_told(*pair)) for name, pair in columns.items() if _differ(*pair)]
    n_courses = sum(name.startswith(parts.COURSE) for name in columns)
    n_snapshots = sum(name.startswith(parts.SNAPSHOT) for name in columns)
    others = (*parts.KEYS, *record.values, "events")
    n_outcomes = sum(name not in others for name in columns) - n_courses - n_snapshots
    events = len(record.events)
    return Replay(record.key, record.arm, n_outcomes, n_courses, events, n_snapshots, tuple(differences), program)


def _of(table: pa.Table, name: str) -> Any:
    """Return a column of a table of one row, or None where it is not there or holds nothing."""
    if name not in table.column_names:
        return None
    column = table[name].combine_chunks()
    return None if column.null_count else column


def _differ(stored: Any, now: Any) -> bool:
    return stored is None or now is None or parts.exact(stored) != parts.exact(now)


def _told(stored: Any, now: Any) -> tuple[str, str]:
    """Return two values as texts; of courses of one length, the first numbers that differ."""
    old, new = (None if column is None else column[0].as_py() for column in (stored, now))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        first = next(i for i, pair in enumerate(zip(old, new)) if repr(pair[0]) != repr(pair[1]))
        return f"{old[first]!r} at {first} of {len(old)}", repr(new[first])
    return _brief(old), _brief(new)


def _brief(value: Any) -> str:
    return f"{len(value)} values" if isinstance(value, list) else "nothing" if value is None else repr(value)
