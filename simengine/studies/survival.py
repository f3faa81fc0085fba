"""Time to an event: Kaplan-Meier, Nelson-Aalen and restricted mean survival time, each with the patient as the unit.

Every estimate knows its influence: what one run more or less would change, float64[N]. Squared and summed over runs it
gives the classical variances (Greenwood's); summed within patients first, the variance over patients whose replicates are
alike, and over pairs of arms that share their patients (infinitesimal jackknife).

Source: E. L. Kaplan, P. Meier, J. Am. Stat. Assoc. 53 (1958) 457-481; T. M. Therneau, P. M. Grambsch, Modeling Survival
Data (2000), chapter 7, for grouped influence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simengine.studies.statistics import CONFIDENCE

__all__ = [
    "Hazard",
    "RestrictedMean",
    "Survival",
    "kaplan_meier",
    "log_log_interval",
    "nelson_aalen",
    "restricted_mean",
    "restricted_mean_difference",
    "spread_of_sums",
]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
AT_ONCE = 4_000_000
"""Numbers of an array runs x times that is held at once."""


@dataclass(frozen=True)
class Survival:
    """A Kaplan-Meier curve as a right-continuous step function.

    `time` holds 0 and every event time, float64[K]; `survival`, `standard_error`, `low`, `high` the values from there on,
    float64[K]; `events` and `at_risk` the counts at each of those times, int64[K]; `last_seen` each run's own time,
    float64[N], in rising order.
    """

    time: Floats
    survival: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    events: Counts
    at_risk: Counts
    last_seen: Floats

    def step(self, times: ArrayLike) -> Counts:
        """Return the index of the step that holds at each of given times."""
        return np.maximum(np.searchsorted(self.time, np.asarray(times, dtype=np.float64), side="right") - 1, 0)

    def at(self, times: ArrayLike) -> Floats:
        """Return the survival at given times."""
        return self.survival[self.step(times)]

    def numbers_at_risk(self, times: ArrayLike) -> Counts:
        """Return how many were still under observation just before given times."""
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        return len(self.last_seen) - np.searchsorted(self.last_seen, times, side="left").astype(np.int64)

    def quantile(self, share: float = 0.5) -> float:
        """Return the first time at which `share` of the runs have had the event; NaN when never (0.5: the median)."""
        reached = np.flatnonzero(self.survival <= 1.0 - share)
        return float(self.time[reached[0]]) if reached.size else np.nan


@dataclass(frozen=True)
class Hazard:
    """A Nelson-Aalen curve: the cumulative hazard from each event time on, float64[K], with its interval."""

    time: Floats
    hazard: Floats
    standard_error: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class RestrictedMean:
    """Mean time without the event within `until`, or a difference of two such means, in the unit of time."""

    mean: float
    standard_error: float
    low: float
    high: float
    until: float


def kaplan_meier(
    time: ArrayLike, is_event: ArrayLike, confidence: float = CONFIDENCE, patients: ArrayLike | None = None
) -> Survival:
    """Estimate survival from times of event or of last observation.

    Parameters
    ----------
    time
        float64[N], not negative, any unit. At a tie events come before censoring.
    is_event
        N truth values: true for an event, false for a last observation without one.
    confidence
        Of the pointwise interval on the log-log scale, so that it stays within 0 and 1. It is not defined (NaN) where
        everybody has had the event.
    patients
        N labels of the independent units. Left out, or when no label stands twice: every run is a unit, with Greenwood's
        variance and the normal distribution. Otherwise the variance is over patients and the quantile Student's.

    Raises
    ------
    ValueError
        If a time is missing or negative, or the lengths differ.

    Source: Kaplan & Meier 1958; J. D. Kalbfleisch, R. L. Prentice, The Statistical Analysis of Failure Time Data (2002),
    section 1.4.
    """
    seen, happened = checked(time, is_event)
    steps, events, at_risk = risk_sets(seen, happened)
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(np.where(at_risk > 0, 1.0 - events / at_risk, 1.0), dtype=np.float64)
        greenwood = np.cumsum(np.where(at_risk > 0, events / (at_risk * (at_risk - events)), 0.0))
        error = survival * np.sqrt(greenwood)
    error[survival == 0.0] = 0.0
    labels, quantile = unit_labels(patients, len(seen), confidence)
    if labels is not None:
        variance = np.zeros(len(steps))
        for part in _chunks(len(steps), len(seen)):
            variance[part] = spread_of_sums(_influence_on_survival(seen, happened, steps[part]), labels)
        error = np.sqrt(variance)
    low, high = log_log_interval(survival, error, quantile, start=1.0)
    return Survival(steps, survival, error, low, high, events, at_risk, np.sort(seen))


def nelson_aalen(
    time: ArrayLike, is_event: ArrayLike, confidence: float = CONFIDENCE, patients: ArrayLike | None = None
) -> Hazard:
    """Estimate the cumulative hazard; arguments and errors as in `kaplan_meier`.

    The interval is symmetric in the logarithm; before the first event hazard and interval are 0. The variance is Aalen's,
    the sum of events / at risk squared, or that over patients.

    Source: O. O. Aalen, Ann. Stat. 6 (1978) 701-726.
    """
    seen, happened = checked(time, is_event)
    steps, events, at_risk = risk_sets(seen, happened)
    rate = np.divide(events, at_risk, out=np.zeros(len(steps)), where=at_risk > 0)
    hazard = np.cumsum(rate)
    variance = np.cumsum(np.divide(rate, at_risk, out=np.zeros(len(steps)), where=at_risk > 0))
    labels, quantile = unit_labels(patients, len(seen), confidence)
    if labels is not None:
        own = np.searchsorted(steps, seen, side="right") - 1
        waited = np.cumsum(np.divide(rate, at_risk, out=np.zeros(len(steps)), where=at_risk > 0))
        jump = np.where(happened, 1.0 / np.maximum(at_risk[own], 1), 0.0)
        for part in _chunks(len(steps), len(seen)):
            k = np.arange(len(steps))[part]
            influence = np.where(own[:, None] <= k, jump[:, None], 0.0) - waited[np.minimum(own[:, None], k)]
            variance[part] = spread_of_sums(influence, labels)
    error = np.sqrt(variance)
    factor = np.exp(quantile * np.divide(error, hazard, out=np.zeros(len(steps)), where=hazard > 0.0))
    return Hazard(steps, hazard, error, hazard / factor, hazard * factor)


def restricted_mean(
    time: ArrayLike,
    is_event: ArrayLike,
    until: float,
    confidence: float = CONFIDENCE,
    patients: ArrayLike | None = None,
) -> RestrictedMean:
    """Return the mean time without the event within `until`: the area under the Kaplan-Meier curve.

    Raises
    ------
    ValueError
        As `kaplan_meier`, and if nobody was watched until `until` while some had not had the event.

    Source: P. Royston, M. K. B. Parmar, BMC Med. Res. Methodol. 13 (2013) 152.
    """
    seen, happened = checked(time, is_event)
    mean, influence = _area(seen, happened, until)
    labels, quantile = unit_labels(patients, len(seen), confidence)
    return _restricted(mean, float(spread_of_sums(influence, labels)), quantile, until)


def restricted_mean_difference(
    new: tuple[ArrayLike, ArrayLike],
    first: tuple[ArrayLike, ArrayLike],
    until: float,
    confidence: float = CONFIDENCE,
    patients: tuple[ArrayLike, ArrayLike] | None = None,
) -> RestrictedMean:
    """Return the difference of restricted means, new minus first; each arm is a pair (time, is_event).

    With `patients`, labels for the runs of both arms, a patient who stands in both is one unit: what the arms share
    through their patients and random numbers leaves the interval. Without, the arms are independent.
    """
    arms = [checked(*arm) for arm in (new, first)]
    (mean_new, of_new), (mean_first, of_first) = (_area(seen, happened, until) for seen, happened in arms)
    together = None if patients is None else np.concatenate([np.asarray(p) for p in patients])
    labels, quantile = unit_labels(together, len(of_new) + len(of_first), confidence)
    variance = spread_of_sums(np.concatenate([of_new, -of_first]), labels)
    return _restricted(mean_new - mean_first, float(variance), quantile, until)


def checked(time: ArrayLike, is_event: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return times and event marks as arrays; raises ValueError when they are no survival times."""
    seen = np.asarray(time, dtype=np.float64)
    happened = np.asarray(is_event).astype(bool)
    if seen.shape != happened.shape or not np.all(seen >= 0.0):
        raise ValueError("survival times must be present, not negative, and as many as event marks")
    return seen, happened


def risk_sets(seen: Floats, happened: NDArray[np.bool_]) -> tuple[Floats, Counts, Counts]:
    """Return 0 and every event time, the events at each, and how many are at risk just before, [K]."""
    steps = np.concatenate([[0.0], np.unique(seen[happened & (seen > 0.0)])])
    events = np.bincount(np.searchsorted(steps, seen[happened]), minlength=len(steps)).astype(np.int64)
    at_risk = (len(seen) - np.searchsorted(np.sort(seen), steps, side="left")).astype(np.int64)
    return steps, events, at_risk


def unit_labels(patients: ArrayLike | None, n: int, confidence: float) -> tuple[Counts | None, float]:
    """Return which of G units each run belongs to, int64[N], and the quantile of the interval.

    The units are None when runs are independent: no labels, each label once, or one label only.
    """
    from scipy.special import ndtri, stdtrit

    if patients is not None:
        names, labels = np.unique(np.asarray(patients), return_inverse=True)
        if len(labels) != n:
            raise ValueError(f"patients: got {len(labels)} labels, expected one for each of {n} runs")
        if 1 < len(names) < n:
            return labels.astype(np.int64), float(stdtrit(len(names) - 1, 0.5 + confidence / 2))
    return None, float(ndtri(0.5 + confidence / 2))


def spread_of_sums(influence: Floats, labels: Counts | None) -> Floats:
    """Return the variance of an estimate from the influence of each run, float64[N] or [N, T].

    Squares are summed over runs, or over the G sums within units and times G / (G - 1).
    """
    if labels is None:
        return np.asarray(np.sum(influence**2, axis=0))
    order = np.argsort(labels, kind="stable")
    first = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sums = np.add.reduceat(influence[order], first, axis=0)
    return np.asarray(np.sum(sums**2, axis=0) * len(first) / (len(first) - 1))


def log_log_interval(share: Floats, error: Floats, quantile: float, start: float) -> tuple[Floats, Floats]:
    """Return the interval of a probability, symmetric in log(-log): within 0 and 1.

    Where nothing has happened yet (at `start`: a survival of 1, an incidence of 0) it is that value; at the other end,
    where the scale has no meaning, it is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.abs(quantile * error / (share * np.log(share)))
        low, high = share ** np.exp(half), share ** np.exp(-half)
    at_end = (share <= 0.0) | (share >= 1.0)
    low[at_end] = high[at_end] = np.where(share[at_end] == start, start, np.nan)
    return low, high


def _influence_on_survival(seen: Floats, happened: NDArray[np.bool_], times: Floats) -> Floats:
    """Return what each run adds to survival at some times, float64[N, T]: -S(t) (dN / (Y - d) - sum of d / (Y (Y - d)))."""
    steps, events, at_risk = risk_sets(seen, happened)
    left = at_risk - events
    with np.errstate(divide="ignore", invalid="ignore"):
        waited = np.cumsum(np.where(left > 0, events / (at_risk * left), 0.0))
        jump = np.where(left > 0, 1.0 / left, 0.0)
    survival = np.cumprod(np.divide(left, at_risk, out=np.ones(len(steps)), where=at_risk > 0))
    own = np.searchsorted(steps, seen, side="right") - 1
    k = np.searchsorted(steps, times, side="right") - 1
    has_happened = happened[:, None] & (seen[:, None] <= times)
    gone = np.where(has_happened, jump[own][:, None], 0.0)
    return np.asarray(-survival[k] * (gone - waited[np.minimum(own[:, None], k)]))


def _area(seen: Floats, happened: NDArray[np.bool_], until: float) -> tuple[float, Floats]:
    """Return the area under the curve up to `until`, and what each run adds to it, float64[N]."""
    if len(seen) == 0:
        return np.nan, np.zeros(0)
    if not until > 0.0:
        raise ValueError(f"until: got {until:g}, expected a time after 0")
    steps, events, at_risk = risk_sets(seen, happened)
    left = at_risk - events
    survival = np.cumprod(np.divide(left, at_risk, out=np.ones(len(steps)), where=at_risk > 0))
    if until > seen.max() and survival[-1] > 0.0:
        raise ValueError(f"until: got {until:g}, expected at most {seen.max():g}, the last observation")
    widths = np.diff(np.minimum(np.append(steps, np.inf), until))
    areas = survival * widths
    ahead = np.append(np.cumsum(areas[::-1])[::-1], 0.0)[:-1]  # area from each step on
    inside = (steps <= until) & (left > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        waited = np.cumsum(np.where(inside, events / (at_risk * left) * ahead, 0.0))
        jump = np.where(inside, ahead / left, 0.0)
    own = np.searchsorted(steps, seen, side="right") - 1
    return float(ahead[0]), waited[own] - np.where(happened, jump[own], 0.0)


def _restricted(mean: float, variance: float, quantile: float, until: float) -> RestrictedMean:
    error = float(np.sqrt(variance)) if np.isfinite(mean) else np.nan
    return RestrictedMean(mean, error, mean - quantile * error, mean + quantile * error, until)


def _chunks(n_times: int, n_runs: int) -> list[slice]:
    """Split the times so that an array runs x times stays small."""
    size = max(1, AT_ONCE // max(n_runs, 1))
    return [slice(start, start + size) for start in range(0, n_times, size)]
