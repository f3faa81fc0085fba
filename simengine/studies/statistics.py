"""What many runs say together: summaries by arm, paired contrasts, intervals for proportions.

The unit of replication is the patient, never the cell and never the replicate of one patient: replicates are averaged
within their patient first. A study of one patient has no spread of patients, so that there the replicates are the unit
and the intervals speak of that patient only. Runs that failed are left out and counted beside every number.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["arms_of", "contrasts", "interval", "outcome_names", "summary", "unit_of", "units", "wilson"]

KEYS = ("point", "arm", "patient", "replicate", "status", "reason")
CONFIDENCE = 0.95


def summary(
    table: DataFrame,
    outcomes: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
    events: Collection[str] | None = None,
) -> DataFrame:
    """Describe each outcome in each arm.

    Parameters
    ----------
    table
        One row a run, with the key columns.
    outcomes
        Columns to describe; all numeric outcomes when not given.
    confidence
        Of the interval for the mean.
    events
        Outcomes that happen or do not, and are 0 or 1; when not given, those of which nothing else was seen.

    Returns
    -------
    DataFrame
        One row for each arm and outcome: `n` (runs counted), `excluded` (runs that failed), `not_applicable` (runs
        where the outcome has no meaning), `units` and `unit` (what the interval is over), `mean`, `sd`, `median`,
        `p05` and `p95` of the runs, `mcse` (standard error of the mean over units), `low` and `high`. The interval is
        Student's over unit means; for an event it is Wilson's.
    """
    import pandas as pd

    _refuse_confidence(confidence)
    rows = []
    for arm, runs in arms_of(table):
        good = runs[runs["status"] == "ok"]
        for outcome in outcomes or outcome_names(table):
            found = good.dropna(subset=[outcome])
            row = {"arm": arm, "outcome": outcome, "n": len(found), "excluded": len(runs) - len(good)}
            row["not_applicable"] = len(good) - len(found)
            zero_or_one = bool(np.isin(table[outcome].dropna(), (0.0, 1.0)).all())
            is_event = zero_or_one and (events is None or outcome in events)
            rows.append(row | _describe(found, outcome, confidence, is_event))
    return pd.DataFrame(rows)


def contrasts(table: DataFrame, outcomes: Sequence[str] | None = None, confidence: float = CONFIDENCE) -> DataFrame:
    """Compare every arm with the first, run by run of the same patient and replicate.

    Both arms meet the same patients with the same random numbers, so that differences within pairs carry less noise
    than differences of means.

    Returns
    -------
    DataFrame
        One row for each arm but the first and each outcome: `pairs`, `unpaired` (runs of either arm left out because
        they or their partner failed, are missing or have no value), `units`, `mean` difference (arm minus first), `sd`
        of the differences, `mcse`, `low`, `high` (Student's over unit means), and `variance_ratio`, the variance of an
        unpaired difference over that of the paired: how much the pairing saves.
    """
    import pandas as pd

    _refuse_confidence(confidence)
    arms = arms_of(table)
    rows = []
    for arm, runs in arms[1:]:
        for outcome in outcomes or outcome_names(table):
            both = _pairs(arms[0][1], runs, outcome)
            both["difference"] = both[f"{outcome}_new"] - both[f"{outcome}_first"]
            row = {"arm": arm, "against": arms[0][0], "outcome": outcome, "pairs": len(both)}
            row["unpaired"] = len(runs) + len(arms[0][1]) - 2 * len(both)
            row |= _describe(both, "difference", confidence)
            apart = both[f"{outcome}_new"].var() + both[f"{outcome}_first"].var()
            together = both["difference"].var()
            row["variance_ratio"] = apart / together if together > 0 else np.nan
            rows.append(row)
    left_out = ["median", "p05", "p95"]
    return pd.DataFrame(rows).drop(columns=left_out) if rows else pd.DataFrame()


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval for a proportion; it stays within 0 and 1 and is not empty at either.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212.
    """
    from scipy.special import ndtri

    if n <= 0:
        return np.nan, np.nan
    z = float(ndtri(0.5 + confidence / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if successes == 0 else float(centre - half), 1.0 if successes == n else float(centre + half))


def interval(mean: float, mcse: float, n: int, confidence: float, is_binary: bool) -> tuple[float, float]:
    """Return the interval of a mean over `n` units with a standard error: Student's, or Wilson's for an event."""
    from scipy.special import stdtrit

    if is_binary:
        return wilson(mean * n, n, confidence)
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * mcse if n > 1 else np.nan
    return mean - half, mean + half


def outcome_names(table: DataFrame) -> list[str]:
    """Return the numeric columns that are neither keys nor swept, and have a value in at least one run that succeeded.

    An outcome of another organ has no value anywhere and is left out; when no run succeeded, all are named.
    """
    swept, good = table.attrs.get("swept", ()), table[table["status"] == "ok"]
    return [
        name
        for name in table.columns
        if name not in KEYS
        and name not in swept
        and np.issubdtype(table[name].to_numpy().dtype, np.number)
        and (good.empty or bool(good[name].notna().any()))
    ]


def units(runs: DataFrame, column: str) -> tuple[Series, str]:
    """Return the independent values of a column and what they are: patients' means, or one patient's replicates."""
    unit = unit_of(runs)
    return (runs.groupby("patient")[column].mean() if unit == "patient" else runs[column]), unit


def unit_of(runs: DataFrame) -> str:
    """Return what is independent among runs: `patient`, or `replicate` when there is one patient only."""
    return "patient" if runs["patient"].nunique() > 1 else "replicate"


def _describe(runs: DataFrame, column: str, confidence: float, is_binary: bool = False) -> dict[str, Any]:
    values, unit = units(runs, column)
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    mcse = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    low, high = interval(mean, mcse, n, confidence, is_binary)
    p05, median, p95 = runs[column].quantile([0.05, 0.5, 0.95])
    sd = float(runs[column].std(ddof=1)) if len(runs) > 1 else np.nan
    spread = {"mean": mean, "sd": sd, "median": median, "p05": p05, "p95": p95}
    return {"units": n, "unit": unit} | spread | {"mcse": mcse, "low": low, "high": high}


def _refuse_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: got {confidence:g}, expected more than 0 and less than 1")


def arms_of(table: DataFrame) -> list[tuple[str, DataFrame]]:
    """Return the arms with their runs, in the order of their points."""
    return [(runs["arm"].iloc[0], runs) for _, runs in table.groupby("point", sort=True)]


def _pairs(first: DataFrame, new: DataFrame, outcome: str) -> DataFrame:
    """Match the good runs of two arms by patient and replicate."""
    good = [
        runs.loc[runs["status"] == "ok", ["patient", "replicate", outcome]].dropna(subset=[outcome]) for runs in (first, new)
    ]
    return good[0].merge(good[1], on=["patient", "replicate"], suffixes=("_first", "_new"))
