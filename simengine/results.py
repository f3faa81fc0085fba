"""Saved results as they are read again: a table, courses, statistics and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.studies import manifest as manifests
from simengine.studies.files import ResultsError

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

    from simengine.studies.replay import Replay

__all__ = ["Plots", "PointInfo", "Results"]


@dataclass(frozen=True)
class PointInfo:
    """An arm of saved results: its number, its label, and the value of each swept path."""

    index: int
    label: str
    values: dict[str, Any]


class Results:
    """Saved results: a table with one row a run, courses, snapshots, and where it all came from.

    Example
    -------
    >>> results = open_results("results/heart_infarct_demo")     # doctest: +SKIP
    >>> results.to_pandas().groupby("arm").mean(numeric_only=True)      # doctest: +SKIP
    >>> results.plot.survival().save("figures", "survival")      # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        from simengine.studies import integrity

        self.path = Path(path)
        self.manifest = manifests.read(self.path)
        self._parts = list(integrity.verified(self.path, self.manifest))
        self._courses: dict[str, Any] = {}
        self.plot = Plots(self)

    @property
    def points(self) -> list[PointInfo]:
        """The arms, in their order."""
        return [PointInfo(point["index"], point["label"], point["values"]) for point in self.manifest["points"]]

    @property
    def swept(self) -> list[str]:
        """The paths that differ between arms."""
        return list(self.manifest["swept"])

    @cached_property
    def table(self) -> DataFrame:
        """One row a run in canonical order: keys, swept paths, outcomes; treat it as read-only."""
        from pandas import DataFrame

        from simengine.studies import parts

        found = parts.columns(self._parts)
        scalars = [name for name in found if name != "events" and not name.startswith((parts.COURSE, parts.SNAPSHOT))]
        first = [*parts.KEYS, *self.swept, *self.manifest["outcomes"]]
        names = [name for name in first if name in scalars] + sorted(set(scalars) - set(first))
        table = parts.read(self._parts, names).select(names).to_pandas() if found else DataFrame(columns=parts.KEYS)
        table.attrs["swept"] = self.swept
        return table

    def to_pandas(self) -> DataFrame:
        """Return a copy of the table that may be changed."""
        return self.table.copy()

    def to_xarray(self, courses: Sequence[str] | None = None) -> Dataset:
        """Return outcomes as arrays over runs and courses over runs and time; see `simengine.studies.arrays.to_xarray`."""
        from simengine.studies.arrays import to_xarray

        names = self.course_names() if courses is None else list(courses)
        return to_xarray(self.table, self.manifest, {name: self._course(name) for name in ("time_h", *names)})

    def summary(self, outcomes: Sequence[str] | None = None, ci: float = 0.95) -> DataFrame:
        """Describe each outcome in each arm, `ci` the confidence; see `simengine.studies.statistics.summary`."""
        from simengine.studies.statistics import summary

        described = self.manifest.get("outcomes") or {}
        events = [name for name, entry in described.items() if entry.get("unit") == "0/1"] if described else None
        return summary(self.table, outcomes, ci, events=events)

    def contrasts(self, outcomes: Sequence[str] | None = None, ci: float = 0.95) -> DataFrame:
        """Compare each arm with the first, in pairs, `ci` the confidence; see `simengine.studies.statistics.contrasts`."""
        from simengine.studies.statistics import contrasts

        return contrasts(self.table, outcomes, ci)

    def survival(self, times: Sequence[float] | None = None, **columns: Any) -> DataFrame:
        """Estimate survival (by default of the graft, or of transplanted patients); see `simengine.studies.events.survival`."""
        from simengine.studies.events import survival

        return survival(self.table, times, **self._about("overall", columns))

    def cumulative_incidence(self, times: Sequence[float] | None = None, **columns: Any) -> DataFrame:
        """Estimate how many lose the graft of what (transplanted patients: relapse, or die without); see `studies.events`."""
        from simengine.studies.events import cumulative_incidence

        return cumulative_incidence(self.table, times, **self._about("outcome", columns))

    def rmst(self, until: float | None = None, **columns: Any) -> DataFrame:
        """Return the restricted mean survival time in each arm; see `simengine.studies.events.rmst`."""
        from simengine.studies.events import rmst

        return rmst(self.table, until, **self._about("overall", columns))

    def logrank(self, strata: str | None = None, **columns: Any) -> DataFrame:
        """Compare the hazard of each arm with the first; see `simengine.studies.events.logrank`."""
        from simengine.studies.events import logrank

        return logrank(self.table, strata, **self._about("overall", columns))

    def _about(self, question: str, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the columns of an event as asked for; without any, of transplanted patients those of a question."""
        from simengine.report.questions import INCIDENCE, SURVIVAL, is_transplant

        if columns or not is_transplant(self):
            return columns
        if question in SURVIVAL:
            return {"event": SURVIVAL[question].event, "time": SURVIVAL[question].time}
        asked = INCIDENCE[question]
        return {"event": asked.event, "time": asked.time, "cause": asked.cause}

    def spread(self, outcomes: Sequence[str] | None = None) -> DataFrame:
        """Tell apart how runs differ by patient, knowledge and chance; see `simengine.studies.spread.spread`."""
        from simengine.studies.spread import spread_of_study

        return spread_of_study(self.table, self.manifest["points"], outcomes)

    def course_names(self) -> list[str]:
        """The courses that can be read with `course`, `time_h` aside."""
        from simengine.studies import parts

        names = [name.removeprefix(parts.COURSE) for name in parts.columns(self._parts) if name.startswith(parts.COURSE)]
        return sorted(name for name in names if name != "time_h")

    def course(self, point: int | str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a course in every good run of an arm.

        Parameters
        ----------
        point
            Number or label of the arm.
        name
            One of `course_names`.

        Returns
        -------
        tuple
            Time in hours, float64[S], and values, float64[R, S], runs in canonical order; NaN where an arm does not
            have the course.

        Raises
        ------
        KeyError
            If there is no such arm or course.
        """
        found = [known.index for known in self.points if point in (known.index, known.label)]
        if not found or name not in self.course_names():
            raise KeyError(f"no course {name!r} of arm {point!r} in {self.path}")
        time_h, values = (self._course(wanted) for wanted in ("time_h", name))
        rows = np.flatnonzero((self.table["point"] == found[0]) & (self.table["status"] == "ok"))
        if not rows.size:
            return np.empty(0), np.empty((0, 0))
        axis = time_h[rows[0]]
        if any(not np.array_equal(time_h[row], axis) for row in rows):
            raise ResultsError(f"the runs of arm {point!r} in {self.path} have different time axes")
        absent = np.full(axis.shape, np.nan)
        return axis, np.array([absent if values[row] is None else values[row] for row in rows])

    def _course(self, name: str) -> Any:
        """One array for each row of the table, or None where the run lacks the course."""
        from simengine.studies import parts

        if name not in self._courses:
            column = parts.read(self._parts, [*parts.KEYS, parts.COURSE + name])[parts.COURSE + name]
            self._courses[name] = column.to_numpy()
        return self._courses[name]

    def snapshots(self) -> list[Path]:
        """Return the saved snapshots, in canonical order of their runs."""
        from simengine.studies import parts

        return list(parts.snapshot_digests(self.path, self._parts))

    def replay(self, run: int) -> Replay:
        """Repeat a run, by the number of its row, and compare it to the bit; see `simengine.studies.replay.replay`."""
        from simengine.studies.replay import replay

        return replay(self.path, run)

    @property
    def hash(self) -> str:
        """SHA-256 of the whole table, the same however and wherever it was computed."""
        from simengine.studies import parts

        return parts.table_hash(self._parts)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.table["status"].value_counts().items())
        return f"<Results {self.manifest['name']}: {len(self.table)} of {self.manifest['runs']} runs ({counts})>"

    def _repr_html_(self) -> str:
        head = f"<b>{escape(self.manifest['title'] or self.manifest['name'])}</b><br>{escape(repr(self))}"
        shown = self.summary().drop(columns=["n", "sd"]).to_html(index=False, float_format="{:.3g}".format)
        return f"{head}{shown}<i>{escape(self.manifest['disclaimer'])}</i>"


class Plots:
    """The figures of some results by name: `results.plot.survival()`; `dir(results.plot)` lists them."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __dir__(self) -> list[str]:
        import simengine.report.figures as figures

        return [module.name for module in iter_modules(figures.__path__)]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in dir(self):
            raise AttributeError(f"no figure {name!r}; there are: {', '.join(dir(self))}")
        return partial(import_module(f"simengine.report.figures.{name}").draw, self._results)
