"""The mean of an outcome in each arm with its 95 % interval, ready for print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simengine.report.labels import decimals_for, number
from simengine.report.results_view import ResultsView


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` runs, with a 95 % interval over ``units`` units (each a ``unit``) and its Monte Carlo error."""

    n: int = 0
    units: int = 0
    mean: float = np.nan
    low: float = np.nan
    high: float = np.nan
    mcse: float = np.nan
    unit: str = "patient"

    def text(self, decimals: int | None = None) -> str:
        """``-1.2 (-2.0 to -0.4)``; the mean alone when no interval can be given."""
        if self.n == 0:
            return "no data"
        places = decimals_for([self.mean, self.low, self.high]) if decimals is None else decimals
        if not np.isfinite(self.low):
            return number(self.mean, places)
        return f"{number(self.mean, places)} ({number(self.low, places)} to {number(self.high, places)})"


def estimate_means(results: ResultsView, outcome: str) -> list[Estimate]:
    """Estimate an outcome in every arm, in the order of the arms; an arm without a value has ``n = 0``.

    The numbers are those of `simengine.studies.statistics.summary`: intervals over patients, not over replicates.
    """
    from simengine.studies.statistics import summary

    if results.table.empty:
        return [Estimate() for _ in results.points]
    rows = summary(results.table, [outcome], events=[outcome] if is_yes_or_no(results, outcome) else [])
    found = dict(zip(sorted(results.table["point"].unique()), rows.to_dict("records")))
    fields = ("n", "units", "mean", "low", "high", "mcse", "unit")
    known = {point: Estimate(**{f: row[f] for f in fields}) for point, row in found.items()}
    return [known.get(point.index, Estimate()) for point in results.points]


def unit_note(estimates: list[Estimate]) -> str:
    """A sentence for the footer when intervals are over anything but one run for each of several patients."""
    if any(e.units > 1 and e.unit == "replicate" for e in estimates):
        return "Intervals are over replicates of one patient and speak of that patient alone."
    return "Intervals are over patients, whose replicates are averaged." if any(e.n != e.units for e in estimates) else ""


def is_yes_or_no(results: ResultsView, outcome: str) -> bool:
    """Whether an outcome is an event that happened or not: declared so (unit 0/1), or undeclared and both seen."""
    entry = (results.manifest.get("outcomes") or {}).get(outcome) or {}
    if not _is_zero_or_one(results, outcome):
        return False
    return bool(entry["unit"] == "0/1") if "unit" in entry else bool(results.table[outcome].max() == 1.0)


def _is_zero_or_one(results: ResultsView, outcome: str) -> bool:
    values = results.table[outcome].dropna().to_numpy(dtype=np.float64)
    return bool(values.size) and bool(np.isin(values, (0.0, 1.0)).all())
