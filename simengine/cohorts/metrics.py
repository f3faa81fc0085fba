"""Scores of predictions: each per patient, or as sums over pairs, so that any weighting of the patients scores at once.

Weights are float64[B, N]: one row for the cohort as it is, others for resamples of its patients. Where follow-up ended
early, patients who are known stand also for those who were lost (inverse probability of censoring).

Sources: T. Gneiting, A. E. Raftery, J. Am. Stat. Assoc. 102 (2007) 359-378 (CRPS); C. A. T. Ferro, Q. J. R. Meteorol. Soc.
140 (2014) 1917-1923 (fair scores of ensembles); E. Graf et al., Stat. Med. 18 (1999) 2529-2545 (Brier score with
censoring); F. E. Harrell et al., JAMA 247 (1982) 2543-2546 (concordance).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.observed import CENSORED, EVENT, not_censored

__all__ = [
    "binary_pairs",
    "brier_losses",
    "concordance",
    "curve_losses",
    "mean_loss",
    "mean_ranks",
    "restricted_means",
    "time_pairs",
]

Floats = NDArray[np.float64]


def brier_losses(probability: Floats, happened: Floats, runs: Floats | None = None) -> Floats:
    """Return the squared error of each probability, float64[N].

    With `runs`, how many replicates each probability is the share of, the part that their finite number adds is taken
    off: p (1 - p) / (runs - 1). The mean is then that of infinitely many replicates, and may be below 0 for one patient.
    """
    loss = (probability - happened) ** 2
    return loss if runs is None else loss - _excess(probability, runs)


def curve_losses(curve: Floats, time: Floats, state: NDArray[np.int64], runs: Floats | None = None) -> Floats:
    """Return the squared error of predicted curves at each day, float64[N, H + 1].

    Parameters
    ----------
    curve
        Predicted probability that the event has happened by day 0, 1, ..., H; float64[N, H + 1].
    time, state
        Observed days and what happened then, float64[N] and int64[N]; after COMPETING the event never comes.
    runs
        As in `brier_losses`.

    Notes
    -----
    A patient whose state on a day is known counts with 1 / G, G being the estimated chance of not having been lost before
    (that day, or the day on which the state was settled if that was earlier); one who was lost before counts 0. The mean
    over a day is its Brier score; the mean of the sum over days, times one day, the CRPS up to H (for survival, divided
    by H, the integrated Brier score).
    """
    days = np.arange(curve.shape[1], dtype=np.float64)
    chance = not_censored(time, state == CENSORED)
    settled = (time[:, None] <= days) & (state != CENSORED)[:, None]
    followed = time[:, None] > days
    weight = np.where(settled, 1.0 / chance(time)[:, None], np.where(followed, 1.0 / chance(days + 1e-6), 0.0))
    happened = (settled & (state == EVENT)[:, None]).astype(np.float64)
    loss = (curve - happened) ** 2
    if runs is not None:
        loss = loss - _excess(curve, runs[:, None])
    return np.asarray(weight * loss)


def restricted_means(curve: Floats) -> Floats:
    """Return the mean day of the event, nobody waiting longer than H, from curves float64[N, H + 1]: what ranks patients."""
    return np.asarray((1.0 - curve[:, :-1]).sum(axis=1))


def mean_ranks(days: Floats) -> Floats:
    """Return how late each patient's event comes when it comes, from replicates float64[N, R]: what ranks patients by a day.

    The mean rank of the patient's replicates among those of all patients; replicates without the event (infinite) or failed
    (NaN) do not count, and a patient without any other comes last. Deaths, which are seen as censored, so do not pass for
    late recoveries.
    """
    from scipy.stats import rankdata

    came = np.isfinite(days)
    ranks = np.zeros(days.shape)
    ranks[came] = rankdata(days[came])
    count = came.sum(axis=1)
    return np.asarray(np.divide(ranks.sum(axis=1), count, out=np.full(len(days), np.inf), where=count > 0))


def mean_loss(losses: Floats, weights: Floats) -> Floats:
    """Return the weighted mean of losses float64[N] under each row of weights, float64[B]."""
    total = weights.sum(axis=1)
    return np.asarray(np.divide(weights @ losses, total, out=np.full(len(weights), np.nan), where=total > 0))


def time_pairs(time: Floats, state: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs can be compared, bool[N, N]: the first had the event before the second had it or was last seen.

    At the same day, who was last seen outlasted who had the event. A competing death counts as last seen.
    """
    earlier = time[:, None] < time[None, :]
    tied = (time[:, None] == time[None, :]) & (state != EVENT)[None, :]
    return np.asarray((earlier | tied) & (state == EVENT)[:, None])


def binary_pairs(happened: Floats) -> NDArray[np.bool_]:
    """Return which pairs can be compared, bool[N, N]: the first had the event, the second had not."""
    return np.asarray((happened == 1.0)[:, None] & (happened == 0.0)[None, :])


def concordance(rank: Floats, pairs: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the share of pairs in the predicted order, float64[B]; a tie of predictions counts half.

    `rank` is low for whom the event is predicted first. 0.5 is chance. For `time_pairs` it is Harrell's C, for
    `binary_pairs` the area under the receiver operating characteristic. NaN without a pair.
    """
    right = np.where(rank[:, None] < rank[None, :], 1.0, np.where(rank[:, None] == rank[None, :], 0.5, 0.0))
    compared = pairs.astype(np.float64)
    of = ((weights @ compared) * weights).sum(axis=1)
    agreed = ((weights @ (compared * right)) * weights).sum(axis=1)
    return np.asarray(np.divide(agreed, of, out=np.full(len(weights), np.nan), where=of > 0))


def _excess(share: Floats, runs: Floats) -> Floats:
    """Return the variance that a finite number of replicates adds to a share."""
    return np.asarray(share * (1.0 - share) / np.maximum(runs - 1.0, 1.0))
