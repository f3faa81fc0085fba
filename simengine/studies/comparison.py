"""Are the times to an event different: log-rank tests and the hazard ratio of two arms.

The log-rank test takes all runs for independent. Arms that share patients and random numbers are not, nor are replicates
of one patient: the hazard ratio comes with a variance over patients, who count once however often they stand in the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simengine.studies.statistics import CONFIDENCE
from simengine.studies.survival import checked, spread_of_sums, unit_labels

__all__ = ["HazardRatio", "LogRank", "hazard_ratio", "logrank"]

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
MOST_STEPS = 50
FLAT = 1e-10
"""Largest step of the logarithm of the ratio at which the search ends; a score that spreads less is rounding."""


@dataclass(frozen=True)
class LogRank:
    """A log-rank test: `observed` and `expected` events of each group, float64[G], in alphabetical order of `groups`."""

    groups: tuple[str, ...]
    observed: Floats
    expected: Floats
    chi_square: float
    degrees: int
    p: float


@dataclass(frozen=True)
class HazardRatio:
    """Hazard of the new arm over that of the first, with its interval, and the score test of equal hazards.

    `ratio` is 0 or infinite when one arm had no event; there and when nobody had one the interval is NaN. `z` and `p` are
    those of the score test over units, which is defined also there.
    """

    ratio: float
    low: float
    high: float
    log_ratio: float
    standard_error: float
    z: float
    p: float


def logrank(time: ArrayLike, is_event: ArrayLike, group: ArrayLike, strata: ArrayLike | None = None) -> LogRank:
    """Test whether groups of independent runs have the same hazard at every time.

    Parameters
    ----------
    time, is_event
        As in `kaplan_meier`.
    group
        N labels.
    strata
        N labels: events are compared within strata, and observed minus expected is summed over them.

    Raises
    ------
    ValueError
        If a time is missing or negative, or the lengths differ.

    Notes
    -----
    Observed minus expected and its hypergeometric variance, which counts ties exactly; chi-square with as many degrees of
    freedom as the variance has rank (groups minus one when all are at risk together). NaN with less than two groups.

    Source: N. Mantel, Cancer Chemother. Rep. 50 (1966) 163-170; R. Peto, J. Peto, J. R. Stat. Soc. A 135 (1972) 185-207.
    """
    from scipy.special import chdtrc

    seen, happened = checked(time, is_event)
    names, member = np.unique(np.asarray(group), return_inverse=True)
    if len(member) != len(seen):
        raise ValueError("groups must be as many as times")
    n = len(names)
    observed, expected, variance = np.zeros(n), np.zeros(n), np.zeros((n, n))
    for own in _strata(strata, len(seen)):
        for t in np.unique(seen[own & happened]):
            at_risk = np.bincount(member[own & (seen >= t)], minlength=n).astype(np.float64)
            events = np.bincount(member[own & happened & (seen == t)], minlength=n)
            total, d = at_risk.sum(), events.sum()
            share = at_risk / total
            observed += events
            expected += d * share
            if total > 1:
                variance += d * (total - d) / (total - 1) * (np.diag(share) - np.outer(share, share))
    excess = observed - expected
    degrees = int(np.linalg.matrix_rank(variance)) if n else 0
    chi_square = float(excess @ np.linalg.pinv(variance) @ excess) if degrees else np.nan
    p = float(chdtrc(degrees, chi_square)) if degrees else np.nan
    return LogRank(tuple(str(name) for name in names), observed, expected, chi_square, degrees, p)


def hazard_ratio(
    time: ArrayLike,
    is_event: ArrayLike,
    is_new: ArrayLike,
    confidence: float = CONFIDENCE,
    patients: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> HazardRatio:
    """Estimate the hazard of the runs marked `is_new` over that of the others, constant in time (Cox).

    Parameters
    ----------
    time, is_event
        As in `kaplan_meier`.
    is_new
        N truth values: which runs are of the new arm.
    confidence
        Of the interval, symmetric in the logarithm of the ratio.
    patients
        N labels of the independent units, as in `kaplan_meier`; a patient who stands in both arms is one unit.
    strata
        N labels; each stratum has its own baseline hazard.

    Raises
    ------
    ValueError
        If a time is missing or negative, or the lengths differ.

    Notes
    -----
    Ties as Efron; the variance is the sandwich of grouped score residuals (without `patients`: of each run's own).

    Source: B. Efron, J. Am. Stat. Assoc. 72 (1977) 557-565; D. Y. Lin, L. J. Wei, J. Am. Stat. Assoc. 84 (1989) 1074-1078.
    """
    from scipy.special import ndtr

    seen, happened = checked(time, is_event)
    new = np.asarray(is_new).astype(bool)
    if new.shape != seen.shape:
        raise ValueError("marks of the new arm must be as many as times")
    labels, quantile = unit_labels(patients, len(seen), confidence)
    parts = _strata(strata, len(seen))
    score, _, residuals = _partial_likelihood(seen, happened, new, parts, 0.0)
    spread = float(np.sqrt(spread_of_sums(residuals, labels)))
    z = score / spread if spread > FLAT else np.nan
    beta = _highest(seen, happened, new, parts)
    error = np.nan
    if np.isfinite(beta):
        _, information, residuals = _partial_likelihood(seen, happened, new, parts, beta)
        error = float(np.sqrt(spread_of_sums(residuals, labels))) / information
    ratio, low, high = (float(np.exp(beta + k * quantile * error)) if k else float(np.exp(beta)) for k in (0, -1, 1))
    return HazardRatio(ratio, low, high, beta, error, z, float(2.0 * ndtr(-abs(z))))


def _strata(strata: ArrayLike | None, n: int) -> list[Marks]:
    if strata is None:
        return [np.ones(n, dtype=bool)]
    names, member = np.unique(np.asarray(strata), return_inverse=True)
    if len(member) != n:
        raise ValueError("strata must be as many as times")
    return [member == s for s in range(len(names))]


def _highest(seen: Floats, happened: Marks, new: Marks, parts: list[Marks]) -> float:
    """Return the log ratio at which the partial likelihood is highest; infinite when it rises for ever, NaN if flat."""
    informative = [
        part & (seen <= min(seen[part & new].max(initial=-1.0), seen[part & ~new].max(initial=-1.0))) & happened
        for part in parts
    ]
    told = np.any(informative, axis=0)
    if not told.any():
        return np.nan
    if new[told].all() or not new[told].any():
        return np.inf if new[told].all() else -np.inf
    beta = 0.0
    for _ in range(MOST_STEPS):
        score, information, _ = _partial_likelihood(seen, happened, new, parts, beta)
        step = float(np.clip(score / information, -2.0, 2.0))
        beta += step
        if abs(step) < FLAT:
            return beta
    return np.nan


def _partial_likelihood(
    seen: Floats, happened: Marks, new: Marks, parts: list[Marks], beta: float
) -> tuple[float, float, Floats]:
    """Return score, information and the score residual of each run, float64[N], at a log ratio, with Efron's ties."""
    risk = np.where(new, np.exp(beta), 1.0)
    information, residuals = 0.0, np.zeros(len(seen))
    for part in parts:
        for t in np.unique(seen[part & happened]):
            at_risk, died = part & (seen >= t), part & happened & (seen == t)
            d = int(died.sum())
            gone = np.arange(d) / d  # share of the tied events that are thought to have happened before each of them
            whole = risk[at_risk].sum() - gone * risk[died].sum()
            mean = (risk[at_risk & new].sum() - gone * risk[died & new].sum()) / whole
            information += float(np.sum(mean * (1.0 - mean)))
            residuals[died] += new[died] - mean.mean()
            waited = np.outer(new[at_risk], 1.0 / whole) - mean / whole
            kept = np.where(died[at_risk][:, None], 1.0 - gone, 1.0)
            residuals[at_risk] -= risk[at_risk] * np.sum(kept * waited, axis=1)
    return float(residuals.sum()), information, residuals
