"""Why runs differ: patients, knowledge, chance and representation, told apart from patients x draws x replicates.

The model of one arm is ``value = mean + patient + draw + (patient x draw) + chance``: patients differ by their traits, draws
are sets of parameters from their stated uncertainty, chance is the seed. Two runs that share patient and draw differ by
chance alone; two of one patient by chance and knowledge; two of one draw by chance and traits; two that share nothing by
all. Half the mean squared difference of each sort of pair gives four equations for four variances. On complete designs
these are the estimates of the analysis of variance; missing runs need no other formula.

Source: S. R. Searle, G. Casella, C. E. McCulloch, Variance Components (1992), chapters 3-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simengine.patients.knowledge import draw_of
from simengine.studies.statistics import arms_of, outcome_names

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["FROZEN", "KINDS", "REPRESENTATION", "Components", "components", "spread", "spread_of_study", "states_of"]

Floats = NDArray[np.float64]
KINDS = ("patients", "knowledge", "patients x knowledge", "chance")
"""The kinds of spread, in the order of `Components.variance`."""
FROZEN = "frozen"
"""State of a kind that the design holds fixed."""
REPRESENTATION = {
    "engrafted_fraction": "representation_sd_fraction",
    "lvef_final_percent": "representation_sd_points",
    "lvef_change_points": "representation_sd_points",
    "lvef_true_change_points": "representation_sd_points",
}
"""Outcomes of which each run states the standard deviation that its finite number of agents adds, and the column."""

_A, _B, _C, _D = np.eye(4)
"""Half the mean squared difference of pairs of runs: of one patient and draw, of one patient, of one draw, of neither."""
_N = np.full(4, np.nan)
_PLANS = {
    # which pairs there are (B, C, D): patients, knowledge, both, chance with and without pairs of one cell (A)
    (True, True, True): ((_D - _B, _D - _C, _B + _C - _A - _D, _A), (_D - _B, _D - _C, _N, _B + _C - _D)),
    (True, True, False): ((_C - _A, _B - _A, _N, _A), (_N, _N, _N, _N)),
    (True, False, True): ((_D - _B, _B - _A, _N, _A), (_D - _B, _N, _N, _B)),
    (False, True, True): ((_C - _A, _D - _C, _N, _A), (_N, _D - _C, _N, _C)),
    (True, False, False): ((_N, _B - _A, _N, _A), (_N, _N, _N, _B)),
    (False, True, False): ((_C - _A, _N, _N, _A), (_N, _N, _N, _C)),
    (False, False, True): ((_D - _A, _N, _N, _A), (_N, _N, _N, _D)),
    (False, False, False): ((_N, _N, _N, _A), (_N, _N, _N, _N)),
}
"""Each variance as a sum of the four sorts of pairs; what cannot be told apart stays with the last kind that holds it."""


@dataclass(frozen=True)
class Components:
    """Variances of `KINDS`, and the standard error of each, float64[4]; NaN where the design cannot tell.

    Estimates are without bias and can therefore be below 0 where the truth is small. What the design cannot tell from
    chance (patients of one run each; patient x draw met once) is part of chance.
    """

    variance: Floats
    standard_error: Floats


def components(values: ArrayLike, patients: ArrayLike, draws: ArrayLike) -> Components:
    """Estimate the variances of patients, draws, their interaction and chance.

    Parameters
    ----------
    values
        float64[N].
    patients, draws
        N labels each.

    Notes
    -----
    Standard errors are those of a jackknife that leaves out one patient, and one draw, at a time; the two variances are
    added, which is cautious where patients and draws are crossed. They need three patients, and three draws where there
    are draws; otherwise they are NaN.

    Source of the resampling of both factors: A. B. Owen, Ann. Appl. Stat. 1 (2007) 386-411.
    """
    value = np.asarray(values, dtype=np.float64)
    p, d = (np.unique(np.asarray(labels), return_inverse=True)[1] for labels in (patients, draws))
    value = value - (value.mean() if len(value) else 0.0)
    sums = np.zeros((3, int(p.max(initial=-1)) + 1, int(d.max(initial=-1)) + 1))  # number, sum, squares of each cell
    for moment in range(3):
        np.add.at(sums[moment], (p, d), value**moment)
    n_patients, n_draws = sums.shape[1:]
    pairs = _differences(*_all_pairs(sums))
    has_a, *others = (~np.isnan(pairs[:, 0])).tolist()
    plan = np.array(_PLANS[tuple(others)][0 if has_a else 1])
    errors = np.zeros(4)
    if n_patients > 1:
        errors += _jackknife(plan, _differences(*_without_each(sums)))
    if n_draws > 1:
        cells, of_draws, of_patients, everything = _without_each(sums.transpose(0, 2, 1))
        errors += _jackknife(plan, _differences(cells, of_patients, of_draws, everything))
    variance = _apply(plan, pairs)[:, 0]
    return Components(variance, np.where(np.isnan(variance) | (n_patients * n_draws < 2), np.nan, np.sqrt(errors)))


def spread(
    table: DataFrame,
    outcomes: Sequence[str] | None = None,
    number_of_draw: Callable[[int, int], int] = lambda point, replicate: 0,
    states: Mapping[int, Mapping[str, str]] | None = None,
) -> DataFrame:
    """Tell the kinds of spread apart, for each outcome in each arm.

    Parameters
    ----------
    table
        One row a run, with the key columns.
    outcomes
        Columns; all numeric outcomes when not given.
    number_of_draw
        The number of the parameter set of a run, from its point and replicate.
    states
        For a point, the kinds that its design does not let vary by themselves, and what is said of them.

    Returns
    -------
    DataFrame
        One row for each arm, outcome and kind: `n` (runs), `levels` (patients, draws, both, or runs), `variance`, `se`,
        `sd` (its root, 0 where the estimate is negative), `share` (of the sum of all kinds, negative ones counted as 0) and
        `state`: `estimated`, `not told apart` (NaN), or what `states` says (`frozen`: 0). Two kinds beside the four:
        `representation`, the part of chance that the finite number of agents adds, as the runs themselves state it (an
        upper bound), and `total`.
    """
    import pandas as pd

    rows = []
    for arm, runs in arms_of(table):
        good = runs[runs["status"] == "ok"]
        point = int(runs["point"].iloc[0])
        draws = np.array([number_of_draw(point, replicate) for replicate in good["replicate"]], dtype=np.int64)
        for outcome in outcomes or outcome_names(table):
            has_value = good[outcome].notna().to_numpy()
            found = _rows(good[has_value], draws[has_value], outcome, (states or {}).get(point, {}))
            rows += [{"arm": arm, "outcome": outcome, "n": int(has_value.sum()), **row} for row in found]
    return pd.DataFrame(rows)


def states_of(scenario: Mapping[str, Any]) -> dict[str, str]:
    """Return which kinds the design of a resolved scenario (plain JSON) does not let vary by themselves."""
    vary = scenario.get("patient", {}).get("vary", "per_patient")
    knowledge = scenario.get("uncertainty", {}).get("knowledge", "none")
    traits = {"none": FROZEN, "per_replicate": "within chance"}
    known = {"none": FROZEN, "per_patient": "within patients"}
    found = {"patients": traits[vary]} if vary in traits else {}
    return found | ({"knowledge": known[knowledge]} if knowledge in known else {})


def spread_of_study(table: DataFrame, points: Sequence[Mapping[str, Any]], outcomes: Sequence[str] | None = None) -> DataFrame:
    """Tell the kinds of spread apart by the design of the study itself; `points` are those of its manifest.

    Sets of parameters that belong to patients cannot be told from patients: to `spread` all their runs are of one set.
    """
    scenarios = {point["index"]: point["scenario"] for point in points}

    def number_of_draw(point: int, replicate: int) -> int:
        uncertainty = scenarios[point].get("uncertainty", {})
        return (draw_of(uncertainty, 0, replicate) or 0) if uncertainty.get("knowledge") == "per_draw" else 0

    return spread(table, outcomes, number_of_draw, {index: states_of(scenario) for index, scenario in scenarios.items()})


def _rows(runs: DataFrame, draws: NDArray[np.int64], outcome: str, said: Mapping[str, str]) -> list[dict[str, Any]]:
    patients = runs["patient"].to_numpy()
    found = components(runs[outcome].to_numpy(dtype=np.float64), patients, draws)
    n_patients, n_draws = len(np.unique(patients)), len(np.unique(draws))
    levels = dict(zip(KINDS, (n_patients, n_draws, n_patients * n_draws, len(runs))))
    rows: list[dict[str, Any]] = []
    for kind, variance, error in zip(KINDS, found.variance, found.standard_error):
        words = next((said[part] for part in kind.split(" x ") if part in said), "")
        if words:
            variance = error = 0.0 if words == FROZEN else np.nan
        state = words or ("not told apart" if np.isnan(variance) else "estimated")
        rows.append({"kind": kind, "levels": levels[kind], "variance": float(variance), "se": float(error), "state": state})
    total = sum(max(row["variance"], 0.0) for row in rows if np.isfinite(row["variance"]))
    if outcome in REPRESENTATION and REPRESENTATION[outcome] in runs:
        noise = float((runs[REPRESENTATION[outcome]] ** 2).mean())
        rows.append({"kind": "representation", "levels": len(runs), "variance": noise, "se": np.nan, "state": "within chance"})
    rows.append({"kind": "total", "levels": len(runs), "variance": float(total), "se": np.nan, "state": "sum of the four"})
    for row in rows:
        row["sd"] = float(np.sqrt(np.maximum(row["variance"], 0.0)))
        row["share"] = float(np.maximum(row["variance"], 0.0) / total) if total > 0.0 else np.nan
    return rows


def _square_differences(sums: Floats) -> Floats:
    """Return number and summed squared difference of all pairs within groups, float64[2, ...], from [3, ...]."""
    n, total, squares = sums
    return np.asarray(np.stack([n * (n - 1.0) / 2.0, n * squares - total**2]))


def _all_pairs(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the pairs within cells, patients, draws and all runs, float64[2, 1] each, from [3, P, D]."""
    within = (sums, sums.sum(axis=2), sums.sum(axis=1), sums.sum(axis=(1, 2)))
    cells, patients, draws, everything = (_square_differences(group).reshape(2, -1).sum(axis=1) for group in within)
    return cells[:, None], patients[:, None], draws[:, None], everything[:, None]


def _without_each(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return what `_all_pairs` does when each patient in turn is left out, float64[2, P] each."""
    cells, patients = _square_differences(sums).sum(axis=2), _square_differences(sums.sum(axis=2))
    draws = _square_differences(sums.sum(axis=1)[:, None] - sums).sum(axis=2)
    everything = _square_differences(sums.sum(axis=(1, 2))[:, None] - sums.sum(axis=2))
    return cells.sum(axis=1)[:, None] - cells, patients.sum(axis=1)[:, None] - patients, draws, everything


def _differences(cells: Floats, patients: Floats, draws: Floats, everything: Floats) -> Floats:
    """Return half the mean squared difference of each of the four sorts of pairs, float64[4, L]; NaN without a pair."""
    n, squares = np.stack([cells, patients - cells, draws - cells, everything - patients - draws + cells], axis=1)
    return np.asarray(np.divide(squares, 2.0 * n, out=np.full(n.shape, np.nan), where=n > 0.0))


def _apply(plan: Floats, pairs: Floats) -> Floats:
    """Return the variances, float64[4, L]; a sort of pairs that is not asked for may be missing."""
    asked = plan[:, :, None]
    return np.asarray(np.sum(np.where(asked == 0.0, 0.0, asked * pairs), axis=1))


def _jackknife(plan: Floats, pairs: Floats) -> Floats:
    """Return the variance of each estimate from its values with one unit left out."""
    estimates = _apply(plan, pairs)
    n = estimates.shape[1]
    away = estimates - estimates.mean(axis=1, keepdims=True)
    return np.asarray((n - 1) / n * np.sum(away**2, axis=1))
