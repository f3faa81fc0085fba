"""What the runs of a cohort predict for each patient: arrays patients x replicates, and the table of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.outcomes import DAYS, FLAGS, PREDICTED, SURVIVAL, SURVIVAL_DAYS

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Forecast", "forecast_of", "predictions"]

Floats = NDArray[np.float64]
LOW, HIGH = 0.1, 0.9
"""Quantiles of the predicted days that are told beside the median."""


@dataclass(frozen=True)
class Forecast:
    """The runs of a cohort.

    `columns` holds each column of the runs as float64[patients, replicates], NaN where a run failed or the outcome has no
    meaning; `good` says which runs went well; `duration_days` how long they were followed.
    """

    ids: tuple[str, ...]
    imputed: tuple[str, ...]
    columns: dict[str, Floats]
    good: NDArray[np.bool_]
    duration_days: float

    def column(self, name: str) -> Floats:
        """Return a column of the runs; NaN throughout where runs have none of that name."""
        return self.columns.get(name, np.full(self.good.shape, np.nan))

    def days(self, name: str) -> Floats:
        """Return the predicted day of a `day` or of death; infinite where it did not happen, NaN where a run failed."""
        entry = PREDICTED[name]
        day = self.column(entry.day)
        never = np.isnan(day)
        if entry.column in self.columns:
            never |= self.column(entry.column) == 0.0
        return np.where(self.good, np.where(never, np.inf, day), np.nan)

    def flags(self, name: str, within_days: float | None = None, alive_on: float | None = None) -> Floats:
        """Return 1 where an event happened, up to a day where its day is known; NaN where a run failed or does not count.

        `alive_on` leaves out the replicates that were dead on that day.
        """
        entry = PREDICTED[name]
        happened = self.column(entry.column).copy()
        if within_days is not None and entry.day in self.columns:
            happened[self.column(entry.day) > within_days] = 0.0
        counts = self.good.copy()
        if alive_on is not None:
            counts &= self.days(SURVIVAL.name) > alive_on
        return np.where(counts, happened, np.nan)

    def among(self, rows: NDArray[np.int64]) -> Forecast:
        """Return some of the patients, in the order asked for."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        names = [tuple(of[row] for row in rows) for of in (self.ids, self.imputed)]
        return Forecast(names[0], names[1], columns, self.good[rows], self.duration_days)

    def has(self, name: str) -> bool:
        """Whether the runs say anything of a quantity."""
        entry = PREDICTED[name]
        wanted = entry.column if entry.kind == "flag" else entry.day
        return bool(np.isfinite(self.column(wanted)).any() or entry.column in self.columns)


def forecast_of(runs: DataFrame, duration_days: float) -> Forecast:
    """Return the runs of a cohort as arrays; `runs` as from `simulate`, complete."""
    runs = runs.sort_values(["patient", "replicate"])
    first = runs.drop_duplicates("patient")
    shape = (len(first), len(runs) // len(first))
    columns = {
        str(name): runs[name].to_numpy(dtype=np.float64).reshape(shape)
        for name in runs.columns
        if np.issubdtype(runs[name].to_numpy().dtype, np.number)
    }
    good = (runs["status"] == "ok").to_numpy().reshape(shape)
    return Forecast(tuple(first["id"]), tuple(first["imputed"]), columns, good, duration_days)


def predictions(forecast: Forecast) -> DataFrame:
    """Return one row a patient: quantiles of days, probabilities, survival, runs that went well, and what was drawn.

    A quantile of a day is empty where so many replicates never reach it. A probability is the share of the replicates in
    which the outcome has a meaning.
    """
    import pandas as pd

    table: dict[str, Any] = {"id": list(forecast.ids)}
    for entry in DAYS:
        if not forecast.has(entry.name):
            continue
        days = forecast.days(entry.name)
        for name, share in (("median", 0.5), ("p10", LOW), ("p90", HIGH)):
            table[f"{entry.name}_{name}"] = _quantile(days, share)
        table[f"{entry.name}_probability"] = _share(np.where(np.isnan(days), np.nan, np.isfinite(days)))
    for entry in FLAGS:
        if forecast.has(entry.name):
            table[f"{entry.name}_probability"] = _share(forecast.flags(entry.name))
    if forecast.has(SURVIVAL.name):
        death = forecast.days(SURVIVAL.name)
        for day in SURVIVAL_DAYS:
            if day <= forecast.duration_days:
                table[f"survival_{day:g}_days"] = _share(np.where(np.isnan(death), np.nan, death > day))
    table["runs"] = forecast.good.sum(axis=1)
    table["failed"] = (~forecast.good).sum(axis=1)
    table["imputed"] = list(forecast.imputed)
    return pd.DataFrame(table)


def _share(values: Floats) -> Floats:
    """Return the mean of each row over what is not NaN; NaN for a row of nothing else."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0))


def _quantile(days: Floats, share: float) -> Floats:
    """Return the least day by which a share of each patient's runs have got there; NaN where they never do."""
    ordered = np.sort(days, axis=1)  # NaN, the failed, stand last
    count = (~np.isnan(days)).sum(axis=1)
    place = np.maximum(np.ceil(share * count).astype(np.int64) - 1, 0)
    found = ordered[np.arange(len(days)), place]
    return np.asarray(np.where(np.isfinite(found), found, np.nan))
