"""What a figure needs to know of results: the protocol it reads, and the few questions every figure asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from simengine.report.labels import print_unit, readable, split_unit

if TYPE_CHECKING:
    from pandas import DataFrame

DISCLAIMER = "Research software. Not medical advice."
KEY_COLUMNS = ("point", "arm", "patient", "replicate", "status", "reason")


class NothingToDraw(ValueError):
    """The results hold nothing that this figure could show; the message says what is missing."""


class PointView(Protocol):
    """One arm of a study: its place in the order, its label, and the value of each swept path."""

    @property
    def index(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


class ResultsView(Protocol):
    """The part of saved results that reports read: a table, courses, snapshots and where it all came from."""

    @property
    def table(self) -> DataFrame: ...
    @property
    def points(self) -> Sequence[PointView]: ...
    @property
    def manifest(self) -> Mapping[str, Any]: ...
    @property
    def path(self) -> Path: ...
    def course(self, point: int, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Time in hours, float64[S], and the course in each run, float64[R, S]."""
        ...

    def course_names(self) -> Iterable[str]: ...
    def snapshots(self) -> Iterable[Path]: ...


@dataclass(frozen=True)
class Quantity:
    """How a column or course is called on paper: a title, a unit (may be empty) and a sentence."""

    title: str
    unit: str
    description: str = ""

    @property
    def axis_label(self) -> str:
        """Title with its unit in brackets, as it stands at an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def sentence(self) -> str:
        """The description as a sentence of a caption: a capital first, a full stop last; empty without one."""
        text = self.description.strip()
        return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def usable_rows(results: ResultsView) -> DataFrame:
    """Rows of the table whose run ended well; all other rows are counted in the footer, never drawn."""
    return results.table[results.table["status"] == "ok"]


def quantity_of(results: ResultsView, name: str, section: str = "outcomes") -> Quantity:
    """Title and unit of a column, course or field: from the manifest, else the catalogue, else the name and its suffix.

    Parameters
    ----------
    name : column, course or field, such as ``lvef_change_points`` or ``immune.cd8_per_mm3``.
    section : the part of the manifest that describes it (``outcomes``, ``courses`` or ``fields``).
    """
    known = results.manifest.get(section) or {}
    is_field = section == "fields" or name.startswith("field.")
    entry = known.get(name) or (_catalogued_field(name.removeprefix("field.")) if is_field else {})
    stem, unit = split_unit(name)
    return Quantity(
        title=str(entry.get("title") or readable(stem)),
        unit=print_unit(str(entry.get("unit", unit) or "")),
        description=str(entry.get("description") or ""),
    )


def _catalogued_field(name: str) -> Mapping[str, str]:
    from simengine.catalog import UnknownName, entry

    try:
        field = entry("fields", name)
    except UnknownName:
        return {}
    return {"title": field.title, "unit": str(field.facts.get("unit", ""))}


def course_of(results: ResultsView, point: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Time (h) and runs [R, S] of one course of one arm; a name ending in ``.*`` is the sum of all that it begins.

    Raises
    ------
    NothingToDraw
        When the results hold no such course.
    """
    known = list(results.course_names())
    wanted = [n for n in known if n.startswith(name[:-1])] if name.endswith(".*") else [n for n in known if n == name]
    if not wanted:
        raise NothingToDraw(f"the results hold no course named {name!r}")
    read = [results.course(point, n) for n in wanted]
    return np.asarray(read[0][0], dtype=np.float64), add_courses([values for _, values in read])


def add_courses(courses: Sequence[np.ndarray]) -> np.ndarray:
    """Sum of some courses [R, S]; where an arm does not keep one of them (all not-a-number) it counts as nothing."""
    stack = np.array(courses, dtype=np.float64)  # [K, R, S]
    is_absent = np.asarray(np.isnan(stack).all(axis=2))
    total: np.ndarray = np.where(is_absent[:, :, None], 0.0, stack).sum(axis=0)
    total[is_absent.all(axis=0)] = np.nan
    return total


def swept_levels(results: ResultsView) -> dict[str, list[str]]:
    """The levels of every swept path that takes more than one, in the order of the arms; an arm may leave a path unset."""
    levels: dict[str, list[str]] = {}
    for point in results.points:
        for path, value in point.values.items():
            seen = levels.setdefault(path, [])
            if value is not None and str(value) not in seen:
                seen.append(str(value))
    return {path: seen for path, seen in levels.items() if len(seen) > 1}


def provenance_line(results: ResultsView, n_shown: int | None = None) -> str:
    """One line for the foot of a figure: runs shown and left out, seed, versions, disclaimer.

    ``n_shown`` is for a figure that picks some runs; without it the figure shows every run that ended well.
    """
    table, manifest = results.table, results.manifest
    n_all, n_used = len(table), len(usable_rows(results))
    n_failed = n_all - n_used
    runs = f"n = {n_used} runs" if n_shown is None else f"{n_shown} of {n_used} runs"
    parts = [runs + (f" ({n_failed} more failed and are not shown)" if n_failed else "")]
    for key, word in (("seed", "seed"), ("package_version", "simengine"), ("model_version", "model")):
        if manifest.get(key) is not None:
            parts.append(f"{word} {manifest[key]}")
    return ", ".join(parts) + f". {DISCLAIMER}"
