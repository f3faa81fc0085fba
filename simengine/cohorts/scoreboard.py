"""Scores of a cohort as tables: one row for each outcome, model and score, with its interval and what it gains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.compare import COX, LINE, LOGISTIC, OWN, Comparison
from simengine.studies.manifest import DISCLAIMER

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["NOTES", "SCORES", "calibration_table", "headings_and_cells", "markdown", "score_table"]

SCORES: dict[str, tuple[str, str]] = {
    "brier": ("Brier score", "lower"),
    "crps_days": ("CRPS, days", "lower"),
    "integrated_brier": ("integrated Brier score", "lower"),
    "concordance": ("concordance", "higher"),
    "calibration_slope": ("calibration slope", "1"),
    "calibration_intercept": ("calibration intercept", "0"),
    "deaths_over_expected": ("deaths seen / expected", "1"),
    "coverage_80": ("seen within 10-90 %", "0.8"),
    "observed_over_predicted_day": ("day seen / predicted", "1"),
    "mean_predicted": ("mean prediction", "as seen"),
    "observed": ("share seen", ""),
}
"""Title of each score, and which value is good."""
NOTES = (
    "Intervals: 95 %, resampling patients with their predictions held fixed. `recalibrated`, `cohort rate` and",
    "`regression` are fitted on nine tenths of the patients and predict the others, five divisions averaged.",
    "",
    DISCLAIMER,
)
CONFIDENCE = 0.95
LEAST_DEFINED = 0.5
"""Share of the resamples in which a score must be defined for its interval to be told."""
REGRESSIONS = (LOGISTIC, COX, LINE)


def score_table(comparisons: Iterable[Comparison]) -> DataFrame:
    """Return all scores: value and 95 % interval, and the difference from the cohort's own rate and the best regression.

    The best regression is the one with the better value of that score. A difference below 0 is good for a score of which lower
    values are better. Intervals are over patients, whose predictions are held fixed.
    """
    import pandas as pd

    rows = [row for comparison in comparisons for row in _rows(comparison)]
    names = ["outcome", "score", "model", "value", "low", "high", "n", "events", "horizon_days", "better"]
    for against in ("rate", "regression"):
        names += [f"from_{against}", f"from_{against}_low", f"from_{against}_high"]
    return pd.DataFrame(rows, columns=[*names, "reason"])


def _rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    common = {"outcome": comparison.outcome, "n": comparison.n, "events": comparison.events}
    common |= {"horizon_days": comparison.horizon_days}
    if comparison.reason:
        yield common | {"reason": comparison.reason}
        return
    names = dict.fromkeys(name for scores in comparison.scores.values() for name in scores)
    for name in names:
        better = _better(name)
        regression = _best_regression(comparison, name, better)
        for model, scores in comparison.scores.items():
            value, low, high = _interval(scores[name])
            row = common | {"score": name, "model": model, "value": value, "low": low, "high": high, "better": better}
            if better in ("lower", "higher"):
                for against, rival in (("rate", OWN), ("regression", regression)):
                    if rival is not None and rival != model:
                        difference = _interval(scores[name] - comparison.scores[rival][name])
                        row |= dict(zip((f"from_{against}{end}" for end in ("", "_low", "_high")), difference))
            yield row | {"reason": ""}


def _better(name: str) -> str:
    return "lower" if name.startswith("brier_") else SCORES[name][1]


def _best_regression(comparison: Comparison, name: str, better: str) -> str | None:
    there = [model for model in REGRESSIONS if model in comparison.scores]
    if not there:
        return None
    sign = -1.0 if better == "higher" else 1.0
    return min(there, key=lambda model: sign * float(comparison.scores[model][name][0]))


def _interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the value and the ends of its interval; the first entry is the cohort, the others are resamples of it."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(drawn) < LEAST_DEFINED * max(len(values) - 1, 1) or not len(drawn):
        return float(values[0]), np.nan, np.nan
    low, high = np.quantile(drawn, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(values[0]), float(low), float(high)


def calibration_table(comparisons: Iterable[Comparison]) -> DataFrame:
    """Return the calibration curves: outcome, model, group, n, predicted and observed share, and its interval."""
    import pandas as pd

    rows = [row for comparison in comparisons for row in comparison.calibration]
    return pd.DataFrame(rows, columns=["outcome", "model", "group", "n", "predicted", "observed", "low", "high"])


def title_of(name: str) -> str:
    """Return the title of a score."""
    if name.startswith("brier_"):
        return f"Brier score at {name.removeprefix('brier_').removesuffix('_days')} days"
    return SCORES[name][0]


def headings_and_cells(table: DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of a table that a person can read: one row for each outcome and score, a column a model."""
    models = [str(model) for model in dict.fromkeys(table["model"].dropna())]
    short = [model for model in models if model not in REGRESSIONS]
    headings = ["outcome", "score", *short, *(["regression"] if len(short) < len(models) else [])]
    rows: list[list[str]] = []
    for outcome, part in table.groupby("outcome", sort=False):
        first = part.iloc[0]
        if first["reason"]:
            rows.append([f"{outcome}\n{first['reason']}", "–", *["–"] * (len(headings) - 2)])
            continue
        head = f"{outcome}\n{first['events']} of {first['n']}, to day {first['horizon_days']:g}"
        for name, scores in part.groupby("score", sort=False):
            found = {str(row["model"]): row for row in scores.to_dict("records")}
            cells = [_cell(found.get(model)) for model in short]
            others = [found[model] for model in REGRESSIONS if model in found]
            if len(short) < len(models):
                cells.append(_cell(_best(others)))
            rows.append([head, _titled(str(name)), *cells])
            head = ""
    return headings, rows


def _titled(name: str) -> str:
    better = _better(name)
    return f"{title_of(name)}\n({better}{' is better' if better in ('lower', 'higher') else ''})" if better else title_of(name)


def _best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not rows:
        return None
    sign = -1.0 if rows[0]["better"] == "higher" else 1.0
    return min(rows, key=lambda row: sign * row["value"])


def _cell(row: Mapping[str, Any] | None) -> str:
    """Return a value and, below it, its interval."""
    if row is None or np.isnan(row["value"]):
        return "–"
    value = _number(row["value"])
    return value if np.isnan(row["low"]) else f"{value}\n[{_number(row['low'])}, {_number(row['high'])}]"


def _number(value: float) -> str:
    text = f"{value:.3f}" if abs(value) < 10.0 else f"{value:.1f}"
    return text.replace("-", "−")


def markdown(table: DataFrame, title: str, notes: Iterable[str]) -> str:
    """Return the scores as a page: a heading, a table, and what the numbers are."""
    headings, rows = headings_and_cells(table)
    lines = [f"# {title}", "", _line(headings), _line(["---"] * len(headings))]
    lines += [_line([cell.replace("\n", " ") for cell in row]) for row in rows]
    return "\n".join([*lines, "", *notes, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
