"""What the predictions are compared with: the cohort's own past, plain regressions, and the predictions recalibrated.

Each is a function that fits on some patients and predicts others; none sees the outcome of a patient whom it predicts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from simengine.cohorts.columns import Predictors
from simengine.cohorts.folds import Fit
from simengine.cohorts.observed import COMPETING, EVENT, Observed
from simengine.cohorts.regressions import expit, fit_cox, fit_line, fit_logistic, logit
from simengine.studies.competing import NO_EVENT, cumulative_incidence

__all__ = [
    "cox_curves",
    "line_curves",
    "logistic_probabilities",
    "own_curve",
    "own_rate",
    "recalibrated_curves",
    "recalibrated_days",
    "recalibrated_probabilities",
]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
RIDGE = 1.0
"""Penalty of a slope per standard deviation: that of a normal prior of standard deviation 1."""
SLOPE_SD = 0.5
"""Prior standard deviation of a recalibration slope about 1, and of the logarithm of a hazard ratio about 0."""
FEWEST_EVENTS = 3
"""Below this many events among the patients to fit on, no regression is fitted and the cohort's own rate stands for it."""
_NAMES = {EVENT: "event", COMPETING: "death"}


def own_rate(seen: Observed) -> Fit:
    """Predict the share of events among the other patients."""

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        rate = _rate(seen, known)
        return lambda unseen: np.full(len(unseen), rate)

    return fit


def logistic_probabilities(seen: Observed, columns: Predictors) -> Fit:
    """Predict by a logistic regression on columns of the table."""

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        happened, weight, scale = seen.happened[known], seen.weight[known], columns.scale(known)
        if min(happened.sum(), (1.0 - happened).sum()) < FEWEST_EVENTS:
            return own_rate(seen)(known)
        model = fit_logistic(scale.applied(columns.x[known]), happened, RIDGE, weight)
        return lambda unseen: model.probability(scale.applied(columns.x[unseen]))

    return fit


def recalibrated_probabilities(seen: Observed, predicted: Floats) -> Fit:
    """Predict by the model, its logit shifted and stretched as the other patients say; the slope is drawn toward 1."""

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        happened, weight = seen.happened[known], seen.weight[known]
        if min(happened.sum(), (1.0 - happened).sum()) < 1:
            return lambda unseen: predicted[unseen]
        x = logit(predicted)[:, None]
        model = fit_logistic(x[known], happened, 1.0 / SLOPE_SD**2, weight, toward=np.ones(1))
        return lambda unseen: model.probability(x[unseen])

    return fit


def own_curve(seen: Observed, days: Floats) -> Fit:
    """Predict the cumulative incidence among the other patients (of death: one minus Kaplan-Meier)."""

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        curve = _incidence(seen, known, days)
        return lambda unseen: np.tile(curve, (len(unseen), 1))

    return fit


def cox_curves(seen: Observed, columns: Predictors, days: Floats) -> Fit:
    """Predict by a Cox regression; who died before the event stays at risk for ever (Fine and Gray's subdistribution)."""
    time = np.where(seen.state == COMPETING, np.maximum(seen.time, days[-1]) + 1.0, seen.time)

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        scale, is_event = columns.scale(known), seen.state[known] == EVENT
        if is_event.sum() < FEWEST_EVENTS:
            return own_curve(seen, days)(known)
        model = fit_cox(scale.applied(columns.x[known]), time[known], is_event, RIDGE)
        return lambda unseen: -np.expm1(-model.cumulative_hazard(scale.applied(columns.x[unseen]), days))

    return fit


def line_curves(seen: Observed, columns: Predictors, days: Floats) -> Fit:
    """Predict a lognormal day by a line through the logarithms of the days of those in whom it happened.

    The share in whom it happens at all is that of the other patients.
    """

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        had = known[seen.state[known] == EVENT]
        if len(had) < FEWEST_EVENTS:
            return own_curve(seen, days)(known)
        scale = columns.scale(known)
        model = fit_line(scale.applied(columns.x[had]), _log_day(seen.time[had]), RIDGE)
        share = float(_incidence(seen, known, np.array([seen.time.max() + 1.0]))[0])

        def predict(unseen: Rows) -> Floats:
            return np.asarray(share * _normal(days, model.mean(scale.applied(columns.x[unseen])), model.sd))

        return predict

    return fit


def recalibrated_curves(seen: Observed, curves: Floats) -> Fit:
    """Predict survival by the model, its cumulative hazards stretched and multiplied as the other patients say.

    With x the logarithm of a patient's predicted cumulative hazard at the horizon, his hazards become factor x
    exp((slope - 1) (x - mean x)) times the predicted: the slope is that of a Cox regression on x, drawn toward 1, the factor
    deaths seen over deaths then expected, drawn toward 1 as well. `curves` hold the predicted probability of death by day 0,
    1, ..., H.
    """
    hazard = -np.log(np.maximum(1.0 - curves, 1e-12))
    last = np.minimum(np.floor(np.nan_to_num(seen.time)).astype(np.int64), curves.shape[1] - 1)
    expected = hazard[np.arange(len(curves)), last]
    x = np.log(np.maximum(hazard[:, -1], 1e-6))[:, None]
    ended = np.minimum(seen.time, float(curves.shape[1]))
    died = (seen.state == EVENT) & (seen.time < curves.shape[1])
    prior = 1.0 / SLOPE_SD**2

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        centre = float(x[known].mean())
        slope = float(fit_cox(x[known], ended[known], died[known], prior, np.ones(1)).slopes[0])
        stretched = np.exp((slope - 1.0) * (x[:, 0] - centre))
        factor = float((died[known].sum() + prior) / ((stretched * expected)[known].sum() + prior))
        return lambda unseen: -np.expm1(-(factor * stretched[unseen])[:, None] * hazard[unseen])

    return fit


def recalibrated_days(seen: Observed, days: Floats, grid: Floats) -> Fit:
    """Predict a lognormal day about a line through the logarithm of the model's own median day, as the others say.

    `days` holds each replicate's day, float64[N, M], infinite for never and NaN where it failed. The slope is drawn toward 1;
    the chance that it happens at all is the model's, shifted on the logit.
    """
    finite = np.isfinite(days)
    count, runs = finite.sum(axis=1), (~np.isnan(days)).sum(axis=1)
    middle = np.sort(np.where(finite, days, np.inf), axis=1)[np.arange(len(days)), np.maximum(count - 1, 0) // 2]
    typical = np.median(middle[count > 0]) if (count > 0).any() else 1.0
    x = _log_day(np.where(count > 0, middle, typical))
    share = (count + 0.5) / (runs + 1.0)

    def fit(known: Rows) -> Callable[[Rows], Floats]:
        had = known[seen.state[known] == EVENT]
        if len(had) < FEWEST_EVENTS:
            return own_curve(seen, grid)(known)
        off = _log_day(seen.time[had]) - x[had]
        line = fit_line(x[had, None], off, float(np.var(off, ddof=1)) / SLOPE_SD**2)
        settled = known[np.isin(seen.state[known], (EVENT, COMPETING))]
        n_never = float((seen.state[settled] == COMPETING).sum())
        shift = np.log((len(had) + 0.5) / (n_never + 0.5)) - float(logit(np.mean(share[settled])))

        def predict(unseen: Rows) -> Floats:
            mean = x[unseen] + line.mean(x[unseen, None])
            chance = expit(logit(share[unseen]) + shift)
            return np.asarray(chance[:, None] * _normal(grid, mean, line.sd))

        return predict

    return fit


def _normal(days: Floats, mean: Floats, sd: float) -> Floats:
    """Return the share of lognormal days that lie up to each of some days, float64[N, D]."""
    with np.errstate(divide="ignore"):
        return np.asarray(ndtr((np.log(days) - mean[:, None]) / max(sd, 1e-6)))


def _log_day(days: Floats) -> Floats:
    """Return the logarithm of days, those below half a day as half a day."""
    return np.log(np.maximum(days, 0.5))


def _rate(seen: Observed, known: Rows) -> float:
    weight = seen.weight[known]
    return float((weight * seen.happened[known]).sum() / weight.sum())


def _incidence(seen: Observed, known: Rows, days: Floats) -> Floats:
    """Return the cumulative incidence of the event among some patients at given days (Aalen and Johansen)."""
    causes = [_NAMES.get(int(state), NO_EVENT) for state in seen.state[known]]
    found = cumulative_incidence(seen.time[known], causes)
    if "event" not in found.causes:
        return np.zeros(len(days))
    return np.asarray(found.incidence[found.causes.index("event")][found.step(days)])
