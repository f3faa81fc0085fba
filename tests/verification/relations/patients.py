"""Small patients for tests of relations between runs, and what is compared of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from simengine.catalog import Catalog, load_catalog
from simengine.catalog.records import Entry
from simengine.engine import simulate
from simengine.foundation.parameters import Parameter
from simengine.outcomes import RunResult, evaluate
from simengine.scenario import Scenario, loads
from simengine.state.course import Course

DENSE = {"route": "intramyocardial", "dose_cells": 200_000_000, "n_sites": 2, "volume_ml_per_site": 0.2}
"""A deposit of some 30 agents in ten by ten voxels."""


def scenario(**changes: Any) -> Scenario:
    """Return a scenario with values changed by dotted path; dots are written as two underscores."""
    given = {"patch.shape": [10, 10, 1], **{name.replace("__", "."): value for name, value in changes.items()}}
    return loads('name = "relation"', overrides=given).points[0].scenario


def catalog(change: Callable[[Entry, str, float], float], rules: Callable[[dict[str, Any]], bool] = bool) -> Catalog:
    """Return the catalogue with every number replaced by ``change(entry, name, number)`` and the rules that are kept.

    A scenario cannot leave the ranges of the catalogue; a limit case, as a rate of exactly zero, must.
    """

    def changed(entry: Entry) -> Entry:
        numbers = {name: _at(known, change(entry, name, known.value)) for name, known in entry.parameters.items()}
        rows = tuple(row for row in entry.rows if entry.kind != "rules" or rules(dict(row)))
        return replace(entry, parameters=numbers, rows=rows)

    entries = load_catalog().entries
    return Catalog({kind: {name: changed(entry) for name, entry in of_kind.items()} for kind, of_kind in entries.items()})


def _at(known: Parameter, value: float) -> Parameter:
    return known if value == known.value else replace(known, value=value, low=value, high=value, distribution="fixed")


def digest(course: Course) -> str:
    """Return the SHA-256 over every bit that a run leaves behind but its events' columns, which are sorted by name."""
    arrays = [course.hours, course.values, course.tally]
    arrays += [course.events[name] for name in sorted(course.events)]
    arrays += [day[name] for day in course.snapshots.values() for name in sorted(day)]
    found = hashlib.sha256(course.status.encode())
    for values in arrays:
        found.update(repr((values.dtype.str, values.shape)).encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def differing(first: Course, second: Course, columns: Iterable[str] = ()) -> list[str]:
    """Return what differs by any bit between two courses: columns (all, or those named), events, tally, snapshots."""
    names = list(columns) or list(first.columns)
    found = [name for name in names if first[name].tobytes() != second[name].tobytes()]
    found += [f"events.{name}" for name in first.events if first.events[name].tobytes() != second.events[name].tobytes()]
    found += [] if first.tally.tobytes() == second.tally.tobytes() else ["tally"]
    if first.snapshots.keys() != second.snapshots.keys():
        return [*found, "snapshots"]
    return found + [
        f"snapshots.{day}.{name}"
        for day, arrays in first.snapshots.items()
        for name in arrays
        if arrays[name].tobytes() != second.snapshots[day][name].tobytes()
    ]


def outcomes(asked: Scenario, replicate: int, seed: int = 1, **options: Any) -> RunResult:
    """Return the outcomes of one run."""
    return evaluate(asked, simulate(asked, seed, 0, replicate, **options))


def count(course: Course, event: str, kinds: Iterable[str] = ()) -> float:
    """Return how many agents met an event by the end, of some types or of all product types."""
    rows = [(*("tissue",), *course.host_types, *course.product_types).index(k) for k in kinds or course.product_types]
    return float(np.sum(course.tally[1, :, course.event_names.index(event), :][:, rows]))


def paired(first: Iterable[float], second: Iterable[float]) -> tuple[float, float]:
    """Return the mean difference second - first over pairs of one seed, and the same in standard errors (paired t)."""
    change = np.asarray(list(second), dtype=float) - np.asarray(list(first), dtype=float)
    spread = float(np.std(change, ddof=1)) / np.sqrt(len(change))
    mean = float(np.mean(change))
    return mean, mean / spread if spread > 0.0 else (np.inf if mean > 0.0 else -np.inf if mean < 0.0 else 0.0)
