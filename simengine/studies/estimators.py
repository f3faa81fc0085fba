"""Statistics of a target over patients, each with its Monte Carlo error and 95 % interval.

One patient is one unit. A mean, a share and a paired difference have intervals in closed form (Student's, Wilson's);
all else is resampled: the same statistic of `RESAMPLES` draws of as many patients with replacement. Every statistic is
written once, for rows of weights, and serves both. Two arms are resampled together, patient by patient, so that what
pairing saves is kept. The seed of the resampling is fixed: the same runs give the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simengine.studies.statistics import wilson

if TYPE_CHECKING:
    from simengine.studies.targets import Target

__all__ = ["Estimate", "Sample", "estimate", "half_width", "verdict"]

RESAMPLES = 1000
SEED = 20_101
CHUNK = 100
CONFIDENCE = 0.95
Floats = NDArray[np.float64]
Sample = Mapping[str, Floats]
"""One arm: named columns float64[N], one number a patient (`value`; `day`; `counts`; `start` and `end`)."""
Statistic = Callable[[Sequence[Sample], Floats], Floats]
"""Arms and weights float64[B, N] -> the statistic under each row of weights, float64[B]."""


@dataclass(frozen=True)
class Estimate:
    """A statistic over `n` patients: its value, Monte Carlo error on the target's scale, and 95 % interval."""

    value: float
    error: float
    low: float
    high: float
    n: int


def half_width(target: Target) -> float:
    """Return half the width of the band on the scale of the target."""
    if target.scale == "log":
        return 0.5 * math.log(target.high / target.low)
    return 0.5 * (target.high - target.low)


def verdict(target: Target, found: Estimate) -> str:
    """Return `pass` or `miss` when the interval lies wholly inside or outside the band, else `undecided`.

    An end that lies on an edge of the band is inside; an interval that touches the band is not outside.
    """
    if math.isnan(found.low) or math.isnan(found.high):
        return "undecided"
    if found.high < target.low or found.low > target.high:
        return "miss"
    return "pass" if target.low <= found.low and found.high <= target.high else "undecided"


def estimate(target: Target, arms: Sequence[Sample]) -> Estimate:
    """Return the target's statistic over the patients whom all arms share.

    Parameters
    ----------
    target
        Says which statistic, on which scale, of what.
    arms
        The scenario and, where there is one, its contrast; or one arm for each dose. Row i is the same patient in each.
    """
    complete = np.all([np.isfinite(column) for arm in arms for column in arm.values()], axis=0)
    arms = [{name: column[complete] for name, column in arm.items()} for arm in arms]
    n = int(np.count_nonzero(complete))
    if n < 2:
        return Estimate(math.nan, math.inf, math.nan, math.nan, n)
    closed = _closed_form(target, arms)
    value, error, low, high = closed if closed else _resampled(statistic_of(target), target, arms, n)
    factor = target.factor
    return Estimate(factor * value, error if target.scale == "log" else factor * error, factor * low, factor * high, n)


def _closed_form(target: Target, arms: Sequence[Sample]) -> tuple[float, float, float, float] | None:
    """Return value, error on the target's scale and interval of a mean, share or paired difference; None for all else."""
    from scipy.special import ndtri, stdtrit

    if target.statistic != "mean" or target.compare == "ratio":
        return None
    values = arms[0]["value"] - arms[1]["value"] if target.compare else arms[0]["value"]
    n, mean = len(values), float(np.mean(values))
    per_value = (1.0 / abs(mean) if mean else math.inf) if target.scale == "log" else 1.0
    if target.compare is None and np.isin(values, (0.0, 1.0)).all():
        low, high = wilson(float(np.sum(values)), n, CONFIDENCE)
        return mean, per_value * (high - low) / (2.0 * float(ndtri(0.5 + CONFIDENCE / 2))), low, high
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * error
    return mean, per_value * error, mean - half, mean + half


def _resampled(statistic: Statistic, target: Target, arms: Sequence[Sample], n: int) -> tuple[float, float, float, float]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = float(statistic(arms, np.ones((1, n)))[0])
        drawn = np.concatenate([statistic(arms, weights) for weights in _weights(n)])
        low, high = np.quantile(drawn, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], method="inverted_cdf")
        spread = np.log(drawn) if target.scale == "log" else drawn
        error = float(np.std(spread, ddof=1)) if np.isfinite(spread).all() else math.inf
    return value, error, float(low), float(high)


def _weights(n: int) -> Iterator[Floats]:
    """Yield rows of how often each patient is drawn, float64[CHUNK, N], RESAMPLES rows in all."""
    rng = np.random.default_rng(SEED)
    for _ in range(RESAMPLES // CHUNK):
        yield rng.multinomial(n, np.full(n, 1.0 / n), size=CHUNK).astype(np.float64)


def statistic_of(target: Target) -> Statistic:
    """Return the function of arms and weights that the target asks for."""
    if target.statistic == "id50" and target.titration is not None:
        doses = np.array(target.titration.values)
        return lambda arms, weights: dose_at_half(doses, np.array([_mean(arm["value"], weights) for arm in arms]).T)
    if target.statistic == "hazard_ratio":
        return lambda arms, weights: hazard_ratio(arms[0], arms[1], weights)
    one = _of_one_arm(target)
    if target.statistic == "odds_ratio":
        return lambda arms, weights: _odds(one(arms[0], weights)) / _odds(one(arms[1], weights))
    if target.compare == "difference":
        return lambda arms, weights: one(arms[0], weights) - one(arms[1], weights)
    if target.compare == "ratio" or target.statistic == "risk_ratio":
        return lambda arms, weights: one(arms[0], weights) / one(arms[1], weights)
    return lambda arms, weights: one(arms[0], weights)


def _of_one_arm(target: Target) -> Callable[[Sample, Floats], Floats]:
    if target.statistic in ("median", "quantile"):
        q = 0.5 if target.quantile is None else target.quantile
        return lambda arm, weights: quantile(arm["value"], weights, q)
    if target.statistic == "kaplan_meier" and target.quantile is not None:
        share = target.quantile
        return lambda arm, weights: time_of_share(arm, weights, share)
    days = math.inf if target.time_days is None else target.time_days
    if target.statistic == "kaplan_meier":
        return lambda arm, weights: 1.0 - incidence(dict(arm, counts=np.ones_like(arm["value"])), weights, days)
    if target.statistic == "cumulative_incidence" or target.day is not None:
        return lambda arm, weights: incidence(arm, weights, days)
    if target.statistic == "half_life":
        hours = 24.0 * ((target.to_days or 0.0) - (target.from_days or 0.0))
        return lambda arm, weights: hours * math.log(2.0) / np.log(_mean(arm["start"], weights) / _mean(arm["end"], weights))
    return lambda arm, weights: _mean(arm["value"], weights)


def _mean(values: Floats, weights: Floats) -> Floats:
    mean: Floats = (weights @ values) / weights.sum(axis=1)
    return mean


def _odds(share: Floats) -> Floats:
    odds: Floats = share / (1.0 - share)
    return odds


def quantile(values: Floats, weights: Floats, q: float) -> Floats:
    """Return the q-quantile under each row of weights, float64[B]: the mean of the lower and the upper one."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[:, order], axis=1)
    wanted = q * cumulated[:, -1:]
    rising = values[order]
    lower = rising[np.argmax(cumulated >= wanted * (1.0 - 1e-12), axis=1)]
    upper = rising[np.argmax(cumulated > wanted * (1.0 + 1e-12), axis=1)]
    middle: Floats = 0.5 * (lower + upper)
    return middle


def _at_times(arm: Sample, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return times float64[K], and under each row of weights those at risk, all events and counted events, [B, K]."""
    order = np.argsort(arm["day"], kind="stable")
    times, starts = np.unique(arm["day"][order], return_index=True)
    by_time, happened = weights[:, order], arm["value"][order]
    counted = happened * arm.get("counts", np.ones_like(arm["value"]))[order]
    leaving = np.add.reduceat(by_time, starts, axis=1)
    events, wanted = (np.add.reduceat(by_time * marks, starts, axis=1) for marks in (happened, counted))
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    return times, at_risk, events, wanted


def _event_free(at_risk: Floats, events: Floats) -> Floats:
    """Return the Kaplan-Meier share without any event just after each time, float64[B, K]."""
    left = np.where(at_risk > 0.0, 1.0 - events / np.maximum(at_risk, 1e-300), 1.0)
    return np.cumprod(left, axis=1, dtype=np.float64)


def incidence(arm: Sample, weights: Floats, day: float) -> Floats:
    """Return the share with a counted event by a day, events of other causes competing (Aalen-Johansen), float64[B].

    With one cause this is one minus the Kaplan-Meier curve.
    """
    times, at_risk, events, counted = _at_times(arm, weights)
    free = _event_free(at_risk, events)
    before = np.concatenate([np.ones((len(free), 1)), free[:, :-1]], axis=1)
    steps = np.where(at_risk > 0.0, before * counted / np.maximum(at_risk, 1e-300), 0.0)
    total: Floats = steps[:, times <= day].sum(axis=1)
    return total


def time_of_share(arm: Sample, weights: Floats, share: float) -> Floats:
    """Return the time by which a share has had the event by Kaplan-Meier, float64[B]; infinite where it never has."""
    times, at_risk, events, _ = _at_times(arm, weights)
    reached = _event_free(at_risk, events) <= 1.0 - share + 1e-12
    first = np.argmax(reached, axis=1)
    return np.where(reached.any(axis=1), times[first], np.inf)


def hazard_ratio(arm: Sample, other: Sample, weights: Floats) -> Floats:
    """Return the hazard of an arm over that of the other by Cox's partial likelihood, ties by Breslow, float64[B].

    Source: D. R. Cox, J. R. Stat. Soc. B 34 (1972) 187-220; N. E. Breslow, Biometrics 30 (1974) 89-99.
    """
    at_risk, events = _both_at_times(arm, other, weights)
    total, own = events[0] + events[1], events[0].sum(axis=1)
    log_ratio = np.zeros(len(weights))
    for _ in range(30):
        ratio = np.exp(log_ratio)[:, None]
        risk = at_risk[0] * ratio + at_risk[1]
        share = np.where(risk > 0.0, at_risk[0] * ratio / np.maximum(risk, 1e-300), 0.0)
        score = own - (total * share).sum(axis=1)
        slope = (total * share * (1.0 - share)).sum(axis=1)
        log_ratio = np.clip(log_ratio + np.clip(score / np.maximum(slope, 1e-12), -2.0, 2.0), -20.0, 20.0)
    none, none_other = own == 0.0, events[1].sum(axis=1) == 0.0
    found: Floats = np.where(none & none_other, np.nan, np.where(none, 0.0, np.where(none_other, np.inf, np.exp(log_ratio))))
    return found


def _both_at_times(arm: Sample, other: Sample, weights: Floats) -> tuple[list[Floats], list[Floats]]:
    """Return of each arm those at risk and the events, [B, K], at the times of both."""
    times = np.unique(np.concatenate([arm["day"], other["day"]]))
    at_risk, events = [], []
    for one in (arm, other):
        own_times, risk, happened, _ = _at_times(one, weights)
        place = np.searchsorted(own_times, times, side="left")
        padded = np.concatenate([risk, np.zeros((len(weights), 1))], axis=1)
        at_risk.append(padded[:, place])
        spread = np.zeros((len(weights), len(times)))
        spread[:, np.searchsorted(times, own_times)] = happened
        events.append(spread)
    return at_risk, events


def dose_at_half(doses: Floats, incidences: Floats) -> Floats:
    """Return the dose of 50 % incidence, float64[B], from incidences float64[B, D] at rising doses.

    Incidences are made monotone by pooling neighbours (isotonic regression), then read between doses on a logarithmic
    axis; 0 where the lowest dose already exceeds one half and infinite where the highest does not reach it.
    """
    from scipy.optimize import isotonic_regression

    logs, found = np.log(doses), np.empty(len(incidences))
    for b, row in enumerate(incidences):
        rising = np.asarray(isotonic_regression(row).x)
        k = int(np.argmax(rising >= 0.5))
        if rising[-1] < 0.5 or rising[0] > 0.5:
            found[b] = np.inf if rising[-1] < 0.5 else 0.0
        elif k == 0:
            found[b] = doses[0]
        else:
            rise = (0.5 - rising[k - 1]) / (rising[k] - rising[k - 1])
            found[b] = math.exp(logs[k - 1] + rise * (logs[k] - logs[k - 1]))
    return found
