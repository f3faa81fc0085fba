"""Scores of a cohort as tables: one row for each outcome, model and score, with its interval and what it gains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.compare import COX, LINE, LOGISTIC, OWN, RECALIBRATED, Comparison
from simengine.cohorts.outcomes import PREDICTED
from simengine.studies.manifest import DISCLAIMER

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["NOTES", "SCORES", "OutcomeTable", "calibration_table", "markdown", "outcome_tables", "score_table"]

SCORES: dict[str, tuple[str, str]] = {
    "brier": ("Brier score", "lower"),
    "crps_days": ("CRPS, days", "lower"),
    "integrated_brier": ("Brier score, integrated", "lower"),
    "concordance": ("concordance", "higher"),
    "calibration_slope": ("calibration slope", "1"),
    "calibration_intercept": ("calibration intercept", "0"),
    "deaths_over_expected": ("deaths / expected", "1"),
    "coverage_80": ("within 10-90 %", "0.8"),
    "observed_over_predicted_day": ("day / predicted", "1"),
    "mean_predicted": ("mean prediction", ""),
    "observed": ("share seen", ""),
}
"""Title of each score, and which value is good."""
NOTES = (
    "↓ lower, ↑ higher is better, → is right; gain: recalibrated minus cohort rate.",
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
        return f"Brier score, {name.removeprefix('brier_').removesuffix('_days')} days"
    return SCORES[name][0]


GOOD = {"lower": "↓", "higher": "↑"}
SHORT = {
    OWN: "cohort\nrate",
    RECALIBRATED: "recali-\nbrated",
    LOGISTIC: "logistic\nregression",
    COX: "Cox\nregression",
    LINE: "log-day\nregression",
}
"""Headings of the models, narrow enough for a screen."""


class OutcomeTable(NamedTuple):
    """The scores of one outcome as a person reads them: a title, headings, and rows of cells."""

    title: str
    headings: list[str]
    rows: list[list[str]]


def outcome_tables(table: DataFrame) -> list[OutcomeTable]:
    """Return one table for each outcome: a row for each score, a column for each model, and what recalibration gains."""
    return [_outcome_table(str(outcome), part.to_dict("records")) for outcome, part in table.groupby("outcome", sort=False)]


def _outcome_table(outcome: str, rows: list[dict[str, Any]]) -> OutcomeTable:
    first = rows[0]
    title = f"{PREDICTED[outcome].title}: {first['events']} of {first['n']} patients, compared to day {first['horizon_days']:g}"
    if first["reason"]:
        return OutcomeTable(f"{PREDICTED[outcome].title}: not scored ({first['reason']})", [], [])
    models = list(dict.fromkeys(row["model"] for row in rows))
    found = {(row["score"], row["model"]): row for row in rows}
    cells = []
    for score in dict.fromkeys(row["score"] for row in rows):
        cells.append([_titled(score), *(_cell(found[score, model]) for model in models)])
        cells[-1].append(_cell(found[score, RECALIBRATED], "from_rate"))
    return OutcomeTable(title, ["", *(SHORT.get(model, model) for model in models), "gain by\nrecalibrated"], cells)


def _titled(name: str) -> str:
    better = _better(name)
    return f"{title_of(name)} {GOOD.get(better, f'(→ {better})')}" if better else title_of(name)


def _cell(row: Mapping[str, Any], name: str = "value") -> str:
    """Return a value and, below it, its interval."""
    low, high = ("low", "high") if name == "value" else (f"{name}_low", f"{name}_high")
    value = row.get(name, np.nan)
    if not np.isfinite(value):
        return "–"
    if np.isnan(row[low]):
        return _number(value)
    return f"{_number(value)}\n{_number(row[low], 1)}, {_number(row[high], 1)}"


def _number(value: float, fewer: int = 0) -> str:
    """Return a number with three digits, or fewer."""
    digits = 3 if abs(value) < 1.0 else 2 if abs(value) < 10.0 else 1
    text = f"{value:.{digits - min(fewer, digits)}f}"
    text = text.removeprefix("-") if float(text) == 0.0 else text
    return text.replace("-", "−")


def markdown(table: DataFrame, title: str, notes: Iterable[str]) -> str:
    """Return the scores as a page: a heading, a table for each outcome, and what the numbers are."""
    lines = [f"# {title}"]
    for part in outcome_tables(table):
        lines += ["", f"## {part.title}"]
        if part.rows:
            lines += ["", _line(part.headings), _line(["---"] * len(part.headings)), *map(_line, part.rows)]
    return "\n".join([*lines, "", *notes, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('-' + chr(10), '').replace(chr(10), ' ') for cell in cells)} |"
