"""Which of several causes comes first, and when: cumulative incidence by Aalen and Johansen.

One minus Kaplan-Meier of one cause, with the others counted as censored, says what would happen if the others were
abolished; cumulative incidence says what happens. The incidences of all causes and survival add up to 1.

Source: O. O. Aalen, S. Johansen, Scand. J. Stat. 5 (1978) 141-150.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simengine.studies.statistics import CONFIDENCE
from simengine.studies.survival import AT_ONCE, checked, log_log_interval, risk_sets, spread_of_sums, unit_labels

__all__ = ["NO_EVENT", "Incidence", "cumulative_incidence"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
NO_EVENT = ""
"""The cause of a run that ended without the event."""


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence of each cause as right-continuous step functions.

    `causes` are the C causes in alphabetical order; `time` holds 0 and every event time, float64[K]; `incidence`,
    `standard_error`, `low`, `high` are float64[C, K], `events` int64[C, K]; `survival` (no cause yet) float64[K] and
    `at_risk` int64[K]; `last_seen` each run's own time, float64[N], in rising order.
    """

    causes: tuple[str, ...]
    time: Floats
    incidence: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    events: Counts
    survival: Floats
    at_risk: Counts
    last_seen: Floats

    def step(self, times: ArrayLike) -> Counts:
        """Return the index of the step that holds at each of given times."""
        return np.maximum(np.searchsorted(self.time, np.asarray(times, dtype=np.float64), side="right") - 1, 0)

    def numbers_at_risk(self, times: ArrayLike) -> Counts:
        """Return how many were still under observation just before given times."""
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        return len(self.last_seen) - np.searchsorted(self.last_seen, times, side="left").astype(np.int64)


def cumulative_incidence(
    time: ArrayLike, cause: ArrayLike, confidence: float = CONFIDENCE, patients: ArrayLike | None = None
) -> Incidence:
    """Estimate the cumulative incidence of each cause of an event.

    Parameters
    ----------
    time
        float64[N], not negative: time of the event, or of last observation. At a tie events come before censoring.
    cause
        N texts: the cause of the event; empty for a run without one (censored).
    confidence
        Of the pointwise interval on the log-log scale of the incidence. 0 where nothing has happened yet.
    patients
        N labels of the independent units, as in `kaplan_meier`.

    Raises
    ------
    ValueError
        If a time is missing or negative, or the lengths differ.

    Notes
    -----
    Incidence = sum over event times of survival just before x events of the cause / at risk. The variance is the sum of
    squared influences of the runs, for independent runs the multinomial one of Greenwood's kind; without censoring it is
    that of a share, p (1 - p) / N.
    """
    names = np.asarray(cause, dtype=str)
    seen, happened = checked(time, names != NO_EVENT)
    steps, events, at_risk = risk_sets(seen, happened)
    survival = np.cumprod(1.0 - np.divide(events, at_risk, out=np.zeros(len(steps)), where=at_risk > 0), dtype=np.float64)
    before = np.append(1.0, survival)[:-1]
    causes = tuple(str(name) for name in np.unique(names[happened]))
    labels, quantile = unit_labels(patients, len(seen), confidence)
    counts = np.zeros((len(causes), len(steps)), np.int64)
    incidence, error, low, high = (np.zeros((len(causes), len(steps))) for _ in range(4))
    for c, name in enumerate(causes):
        is_cause = names == name
        counts[c] = np.bincount(np.searchsorted(steps, seen[is_cause]), minlength=len(steps))
        incidence[c] = np.cumsum(before * np.divide(counts[c], at_risk, out=np.zeros(len(steps)), where=at_risk > 0))
        influence = _Influence(seen, happened, is_cause)
        size = max(1, AT_ONCE // max(len(seen), 1))
        for k in range(0, len(steps), size):
            some = np.arange(k, min(k + size, len(steps)))
            error[c, some] = np.sqrt(spread_of_sums(influence.at(some), labels))
        low[c], high[c] = log_log_interval(incidence[c], error[c], quantile, start=0.0)
    return Incidence(causes, steps, incidence, error, low, high, counts, survival, at_risk, np.sort(seen))


class _Influence:
    """What each run adds to the incidence of one cause at the event times.

    A run adds S(u-) (its event of the cause - its risk x hazard of the cause) / Y(u) at each event time u, and changes
    survival just before, and with it everything that comes later.
    """

    def __init__(self, seen: Floats, happened: NDArray[np.bool_], is_cause: NDArray[np.bool_]) -> None:
        steps, events, at_risk = risk_sets(seen, happened)
        left, n = at_risk - events, np.maximum(at_risk, 1)
        survival = np.cumprod(np.where(at_risk > 0, left / n, 1.0))
        before = np.append(1.0, survival)[:-1]
        of_cause = np.bincount(np.searchsorted(steps, seen[is_cause]), minlength=len(steps)) / n
        with np.errstate(divide="ignore", invalid="ignore"):
            waited = np.cumsum(np.where(left > 0, events / (n * left), 0.0))
            jump = np.where(left > 0, 1.0 / left, 0.0)
        self._own = np.searchsorted(steps, seen, side="right") - 1
        self._gain = np.where(is_cause, (before / n)[self._own], 0.0)
        self._loss = np.cumsum(before * of_cause * (1.0 / n - np.append(0.0, waited)[:-1]))
        self._later = np.where(happened, jump[self._own], 0.0) - waited[self._own]
        self._incidence = np.cumsum(before * of_cause)

    def at(self, steps: Counts) -> Floats:
        """Return the influence of each run on the incidence at some steps, float64[N, T]."""
        own = self._own[:, None]
        until = np.minimum(own, steps)
        gained = np.where(own <= steps, self._gain[:, None], 0.0)
        after = self._later[:, None] * (self._incidence[steps] - self._incidence[until])
        return np.asarray(gained - self._loss[until] - after)
