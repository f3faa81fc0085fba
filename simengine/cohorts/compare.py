"""One outcome of a cohort: the model, the model recalibrated, the cohort's own past and plain regressions, scored alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import simengine.cohorts.metrics as metrics
import simengine.cohorts.rivals as rivals
from simengine.cohorts.calibration import binary_groups, calibration_line, cox_slopes, survival_groups
from simengine.cohorts.columns import Predictors
from simengine.cohorts.folds import Fit, out_of_fold
from simengine.cohorts.forecasts import HIGH, LOW, Forecast
from simengine.cohorts.observed import CENSORED, EVENT, Observed
from simengine.cohorts.regressions import logit

__all__ = ["COX", "LINE", "LOGISTIC", "OWN", "RAW", "RECALIBRATED", "Comparison", "compare"]

Floats = NDArray[np.float64]
Scores = dict[str, Floats]
"""Scores of one model by name, each under every row of weights, float64[B]."""
Rows = list[dict[str, Any]]
Labels = NDArray[np.int64]
Pairs = NDArray[np.bool_]
RAW, RECALIBRATED, OWN = "simengine", "recalibrated", "cohort rate"
LOGISTIC, COX, LINE = "logistic regression", "Cox regression", "linear regression of log day"
FEWEST_PATIENTS, FEWEST_EVENTS = 10, 3


@dataclass(frozen=True)
class Comparison:
    """The scores of every model at one outcome, rows of the calibration curve, and why it was not scored where it was not."""

    outcome: str
    kind: str
    n: int
    events: int
    horizon_days: float
    scores: Mapping[str, Scores] = field(default_factory=dict)
    calibration: tuple[dict[str, Any], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Case:
    """What the models of one outcome are scored with; `predicted` are replicates, float64[N, M], NaN where one failed."""

    seen: Observed
    predicted: Floats
    weights: Floats
    columns: Predictors | None
    horizon: float
    seed: int

    @property
    def runs(self) -> Floats:
        """How many replicates of each patient count."""
        return np.asarray((~np.isnan(self.predicted)).sum(axis=1), dtype=np.float64)

    @property
    def days(self) -> Floats:
        """Day 0, 1, ... up to the horizon."""
        return np.arange(int(self.horizon) + 1, dtype=np.float64)

    def repeats(self, fit: Fit) -> list[tuple[Floats, Labels]]:
        """Return predictions of all patients by what was fitted without them, and their folds, once for each division."""
        return list(out_of_fold(len(self.predicted), fit, self.seed))


def compare(seen: Observed, forecast: Forecast, columns: Predictors | None, *, seed: int, resamples: int) -> Comparison:
    """Score one outcome.

    Parameters
    ----------
    seen, forecast, columns
        What happened, what was predicted, and the columns of the benchmark, of the same patients in the same order.
    seed
        Of the folds and of the resampling of patients.
    resamples
        Resamples of patients for the intervals; the first entry of every score is that of the cohort itself.
    """
    entry = seen.entry
    horizon = float(int(min(seen.horizon_days, forecast.duration_days)))
    predicted = _predicted(seen, forecast, horizon)
    rows = np.flatnonzero(seen.known & (~np.isnan(predicted)).any(axis=1))
    part = seen.among(rows)
    events = int((part.state == EVENT).sum())

    def told(reason: str = "", scores: Mapping[str, Scores] | None = None, curve: Rows | None = None) -> Comparison:
        return Comparison(entry.name, entry.kind, len(rows), events, horizon, scores or {}, tuple(curve or ()), reason)

    if not forecast.has(entry.name):
        return told("the runs do not predict it")
    if len(rows) < FEWEST_PATIENTS or events < FEWEST_EVENTS:
        return told(f"too few: {events} events in {len(rows)} patients")
    x = None if columns is None else Predictors(columns.names, columns.x[rows])
    case = _Case(part, predicted[rows], _weights(len(rows), resamples, seed), x, horizon, seed)
    score = {"flag": _flag, "day": _day, "survival": _survival}[entry.kind]
    scores, curve = {}, []
    for model, found, groups in score(case):
        scores[model] = found
        curve += [{"outcome": entry.name, "model": model, **row} for row in groups]
    return told("", scores, curve)


def _predicted(seen: Observed, forecast: Forecast, horizon: float) -> Floats:
    if seen.entry.kind == "flag":
        return forecast.flags(seen.entry.name, horizon, seen.spec.among_alive_on_day)
    return forecast.days(seen.entry.name)


def _weights(n: int, resamples: int, seed: int) -> Floats:
    """Return how often each patient counts: once, and then as often as he is drawn with replacement; float64[1 + B, N]."""
    drawn = np.random.default_rng([seed, n]).multinomial(n, np.full(n, 1.0 / n), size=resamples)
    return np.vstack([np.ones((1, n)), drawn.astype(np.float64)])


def _order(model: str, rank: Floats, pairs: Pairs, fold: Labels, case: _Case, raw: Floats) -> Floats:
    """Return the concordance of a rival, whose predictions are comparable within a fold only.

    What is fitted without an early patient expects late ones: across folds predictions run against the outcome, and even a
    worthless regression would seem to order patients the wrong way round. The cohort's own rate orders nobody, and
    recalibration leaves the order of the model as it is.
    """
    if model == RECALIBRATED:
        return raw
    if model == OWN:
        return np.full(len(raw), 0.5)
    return metrics.concordance(rank, pairs & (fold[:, None] == fold[None, :]), case.weights)


def _mean(repeats: list[Scores]) -> Scores:
    """Return the mean of each score over the divisions into folds."""
    return {name: np.asarray(np.mean([scores[name] for scores in repeats], axis=0)) for name in repeats[0]}


def _flag(case: _Case) -> Iterator[tuple[str, Scores, Rows]]:
    """Score the models of an event that happens or not."""
    seen, runs = case.seen, case.runs
    count = np.nansum(case.predicted, axis=1)
    smooth = (count + 0.5) / (runs + 1.0)
    weights = case.weights * seen.weight
    pairs = metrics.binary_pairs(seen.happened)

    def scored(p: Floats, logits: Floats, order: Floats, of: Floats | None = None) -> Scores:
        _, slope, intercept = calibration_line(logits, seen.happened, weights)
        return {
            "brier": metrics.mean_loss(metrics.brier_losses(p, seen.happened, of), weights),
            "concordance": order,
            "calibration_slope": slope,
            "calibration_intercept": intercept,
            "mean_predicted": metrics.mean_loss(p, weights),
            "observed": metrics.mean_loss(seen.happened, weights),
        }

    raw = count / runs
    order = metrics.concordance(-raw, pairs, weights)
    yield RAW, scored(raw, logit(smooth), order, runs), binary_groups(raw, seen.happened, seen.weight, raw)
    rest: list[tuple[str, Fit]] = [
        (RECALIBRATED, rivals.recalibrated_probabilities(seen, smooth)),
        (OWN, rivals.own_rate(seen)),
    ]
    if case.columns is not None:
        rest.append((LOGISTIC, rivals.logistic_probabilities(seen, case.columns)))
    for model, fit in rest:
        found = case.repeats(fit)
        mean = np.mean([p for p, _ in found], axis=0)
        curve = binary_groups(mean, seen.happened, seen.weight, _grouped_by(model, raw, found))
        ranked = replace(case, weights=weights)
        repeats = [
            scored(p, logit(np.clip(p, 1e-6, 1.0 - 1e-6)), _order(model, -p, pairs, fold, ranked, order)) for p, fold in found
        ]
        yield model, _without_slope(_mean(repeats)), curve


def _without_slope(scores: Scores) -> Scores:
    """Leave out the slope of what was fitted on the cohort itself: its intercepts run against the outcome."""
    return scores | {"calibration_slope": np.full(len(scores["concordance"]), np.nan)}


def _ended(seen: Observed, end: float) -> tuple[Floats, Labels]:
    """Return times and states as they are at the horizon: whoever had it later had not had it."""
    late = seen.time > end
    return np.where(late, end + 1.0, seen.time), np.where(late, CENSORED, seen.state)


def _curves(case: _Case) -> Floats:
    """Return the share of each patient's replicates in which it has happened by each day, float64[N, H + 1]."""
    return np.stack([(case.predicted <= day).sum(axis=1) / case.runs for day in case.days], axis=1)


def _day(case: _Case) -> Iterator[tuple[str, Scores, Rows]]:
    """Score the models of the day of something."""
    seen, days = case.seen, case.days
    pairs = metrics.time_pairs(*_ended(seen, case.horizon))
    had = (seen.state == EVENT).astype(np.float64)

    def scored(curve: Floats, order: Floats, of: Floats | None = None) -> Scores:
        losses = metrics.curve_losses(curve, seen.time, seen.state, of)[:, :-1].sum(axis=1)
        low, middle, high = (_reached(curve, share) for share in (LOW, 0.5, HIGH))
        within = ((seen.time >= low) & (seen.time <= high)).astype(np.float64)
        known = had * np.isfinite(middle)
        off = np.log(np.maximum(seen.time, 0.5) / np.where(np.isfinite(middle), np.maximum(middle, 0.5), 1.0))
        return {
            "crps_days": metrics.mean_loss(losses, case.weights),
            "concordance": order,
            "coverage_80": metrics.mean_loss(within, case.weights * had),
            "observed_over_predicted_day": np.exp(metrics.mean_loss(off, case.weights * known)),
        }

    raw = _curves(case)
    order = metrics.concordance(metrics.mean_ranks(case.predicted), pairs, case.weights)
    yield RAW, scored(raw, order, case.runs), []
    rest: list[tuple[str, Fit]] = [
        (RECALIBRATED, rivals.recalibrated_days(seen, case.predicted, days)),
        (OWN, rivals.own_curve(seen, days)),
    ]
    if case.columns is not None:
        rest.append((COX, rivals.cox_curves(seen, case.columns, days)))
        rest.append((LINE, rivals.line_curves(seen, case.columns, days)))
    for model, fit in rest:
        found = case.repeats(fit)
        orders = [_order(model, metrics.restricted_means(curve), pairs, fold, case, order) for curve, fold in found]
        yield model, _mean([scored(curve, rank) for (curve, _), rank in zip(found, orders)]), []


def _reached(curve: Floats, share: float) -> Floats:
    """Return the first day by which a curve reaches a share; infinite where it does not."""
    got = curve >= share - 1e-12
    return np.where(got.any(axis=1), got.argmax(axis=1), np.inf)


def _survival(case: _Case) -> Iterator[tuple[str, Scores, Rows]]:
    """Score the models of survival; curves hold the probability of death by each day."""
    seen, end = case.seen, int(case.horizon)
    at_days = [int(day) for day in seen.spec.at_days if day <= end] or [end]
    time, state = _ended(seen, end)
    pairs = metrics.time_pairs(time, state)
    died = (state == EVENT).astype(np.float64)

    def scored(curve: Floats, hazard: Floats, order: Floats, of: Floats | None = None) -> Scores:
        losses = metrics.curve_losses(curve, seen.time, seen.state, of)
        expected = case.weights @ _expected(hazard, seen.time)
        brier = {f"brier_{day}_days": metrics.mean_loss(losses[:, day], case.weights) for day in at_days}
        return {
            "integrated_brier": metrics.mean_loss(losses[:, :-1].mean(axis=1), case.weights),
            "concordance": order,
            **brier,
            "calibration_slope": cox_slopes(np.log(hazard[:, end]), time, state, case.weights),
            "deaths_over_expected": (case.weights @ died) / np.maximum(expected, 1e-12),
        }

    raw = _curves(case)
    smooth = (raw * case.runs[:, None] + 0.5) / (case.runs[:, None] + 1.0)
    order = metrics.concordance(metrics.restricted_means(raw), pairs, case.weights)
    yield RAW, scored(raw, _hazard(smooth), order, case.runs), _by_day(raw, seen, at_days, lambda day: raw[:, day])
    rest: list[tuple[str, Fit]] = [
        (RECALIBRATED, rivals.recalibrated_curves(seen, smooth)),
        (OWN, rivals.own_curve(seen, case.days)),
    ]
    if case.columns is not None:
        rest.append((COX, rivals.cox_curves(seen, case.columns, case.days)))
    for model, fit in rest:
        found = case.repeats(fit)
        mean = np.mean([curve for curve, _ in found], axis=0)
        orders = [_order(model, metrics.restricted_means(curve), pairs, fold, case, order) for curve, fold in found]
        repeats = [scored(curve, _hazard(curve), rank) for (curve, _), rank in zip(found, orders)]
        yield model, _without_slope(_mean(repeats)), _by_day(mean, seen, at_days, partial(_grouped_on, model, raw, found))


def _hazard(curve: Floats) -> Floats:
    """Return the cumulative hazard of a predicted cumulative incidence, between 1e-6 and 14."""
    return -np.log1p(-np.clip(curve, 1e-6, 1.0 - 1e-6))


def _expected(hazard: Floats, time: Floats) -> Floats:
    """Return the deaths that each patient's curve expects in the time he was followed, up to the horizon."""
    last = np.minimum(np.floor(time).astype(np.int64), hazard.shape[1] - 1)
    return np.asarray(hazard[np.arange(len(hazard)), last])


def _grouped_by(model: str, raw: Floats, found: list[tuple[Floats, Labels]]) -> Floats:
    """Return by what the patients of a calibration curve are grouped.

    The cohort's own rate is one group, recalibrated predictions stand in the groups of the raw ones, and those of a
    regression go by their rank within their fold: grouped by the predictions themselves, the groups would hold the folds
    that have few or many events (see `_order`).
    """
    if model == OWN:
        return np.zeros(len(raw))
    if model == RECALIBRATED:
        return raw
    return np.asarray(np.mean([_rank_within(p, fold) for p, fold in found], axis=0))


def _grouped_on(model: str, raw: Floats, found: list[tuple[Floats, Labels]], day: int) -> Floats:
    """Return the same for curves at a day."""
    return _grouped_by(model, raw[:, day], [(curve[:, day], fold) for curve, fold in found])


def _rank_within(predicted: Floats, fold: Labels) -> Floats:
    """Return the share of a patient's fold that is predicted lower, ties half."""
    same = (fold[:, None] == fold[None, :]).astype(np.float64)
    lower = (predicted[None, :] < predicted[:, None]) + 0.5 * (predicted[None, :] == predicted[:, None])
    return np.asarray((same * lower).sum(axis=1) / same.sum(axis=1))


def _by_day(curve: Floats, seen: Observed, days: list[int], order: Callable[[int], Floats]) -> Rows:
    """Return the calibration curve of survival at each day; its outcome is named by the day.

    `order` groups the patients at a day by their predicted risk; groups are told by rising survival.
    """
    return [
        {"outcome": f"{seen.entry.name} at {day} days", **row}
        for day in days
        for row in survival_groups(1.0 - curve[:, day], seen.time, seen.state, float(day), -order(day))
    ]
