"""Plain regressions, small and penalised: what a statistician would set beside the model.

Each takes standardised columns, maximises its likelihood less `ridge` / 2 times the sum of squared coefficients (never of
the intercept) by Newton's method, and halves a step that does not gain.

Sources: D. R. Cox, J. R. Stat. Soc. B 34 (1972) 187-220; B. Efron, J. Am. Stat. Assoc. 72 (1977) 557-565 (ties);
P. J. Verweij, H. C. van Houwelingen, Stat. Med. 13 (1994) 2427-2436 (penalty).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cox", "Line", "Logistic", "expit", "fit_cox", "fit_line", "fit_logistic", "logit"]

Floats = NDArray[np.float64]
MOST_STEPS = 100
TOLERANCE = 1e-9
Objective = Callable[[Floats], tuple[float, Floats, Floats]]
"""Coefficients -> value, gradient and matrix of second derivatives of what is minimised."""


@dataclass(frozen=True)
class Logistic:
    """Probability of an event: expit(intercept + x . slopes)."""

    intercept: float
    slopes: Floats

    def probability(self, x: Floats) -> Floats:
        """Return the probability for rows of columns float64[N, P]."""
        return expit(self.intercept + x @ self.slopes)


@dataclass(frozen=True)
class Cox:
    """Proportional hazards: cumulative hazard baseline(t) x exp(x . slopes); the baseline is 0 before its first `time`."""

    slopes: Floats
    time: Floats
    baseline: Floats

    def cumulative_hazard(self, x: Floats, days: Floats) -> Floats:
        """Return the cumulative hazard by given days for rows of columns, float64[N, D]."""
        steps = np.concatenate([[0.0], self.baseline])
        at = steps[np.searchsorted(self.time, days, side="right")]
        return np.asarray(np.exp(np.clip(x @ self.slopes, -50.0, 50.0))[:, None] * at)


@dataclass(frozen=True)
class Line:
    """A straight line, intercept + x . slopes, and the standard deviation about it."""

    intercept: float
    slopes: Floats
    sd: float

    def mean(self, x: Floats) -> Floats:
        """Return the mean for rows of columns float64[N, P]."""
        return np.asarray(self.intercept + x @ self.slopes)


def fit_logistic(
    x: Floats,
    happened: Floats,
    ridge: float = 0.0,
    weight: Floats | None = None,
    toward: Floats | None = None,
) -> Logistic:
    """Fit a logistic regression; the penalty draws slopes toward 0, or toward given ones.

    Without a penalty and with perfect separation the slopes grow until a step gains nothing more.
    """
    weights = np.ones(len(x)) if weight is None else weight
    goal = np.concatenate([[0.0], np.zeros(x.shape[1]) if toward is None else toward])
    design = np.column_stack([np.ones(len(x)), x])
    penalty = np.concatenate([[0.0], np.full(x.shape[1], ridge)])

    def objective(beta: Floats) -> tuple[float, Floats, Floats]:
        eta = design @ beta
        p = expit(eta)
        loss = float((weights * (np.logaddexp(0.0, eta) - happened * eta)).sum())
        away = beta - goal
        value = loss + 0.5 * float((penalty * away**2).sum())
        gradient = design.T @ (weights * (p - happened)) + penalty * away
        curvature = (design * (weights * p * (1.0 - p))[:, None]).T @ design + np.diag(penalty)
        return value, gradient, curvature

    beta = _newton(objective, goal)
    return Logistic(float(beta[0]), beta[1:])


def fit_cox(x: Floats, time: Floats, is_event: NDArray[np.bool_], ridge: float = 0.0, toward: Floats | None = None) -> Cox:
    """Fit a Cox regression with Efron's treatment of ties; `time` in days, `is_event` false where last seen.

    The penalty draws slopes toward 0, or toward given ones.

    Without any event the slopes are 0 and so is the baseline.
    """
    order = np.argsort(time, kind="stable")
    x, time, is_event = x[order], time[order], is_event[order]
    days = np.unique(time[is_event])
    first = np.searchsorted(time, days, side="left")
    groups = [np.flatnonzero(is_event & (time == day)) for day in days]
    goal = np.zeros(x.shape[1]) if toward is None else toward

    def objective(beta: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, curvature = _partial_likelihood(beta, x, first, groups)
        away = beta - goal
        return value + 0.5 * ridge * float(away @ away), gradient + ridge * away, curvature + ridge * np.eye(len(beta))

    beta = _newton(objective, goal)
    risk = np.exp(np.clip(x @ beta, -50.0, 50.0))
    jumps = []
    for start, dead in zip(first, groups):
        at_risk, own = risk[start:].sum(), risk[dead].sum()
        jumps.append(sum(1.0 / (at_risk - own * tie / len(dead)) for tie in range(len(dead))))
    return Cox(beta, days, np.cumsum(np.array(jumps, dtype=np.float64)))


def _partial_likelihood(
    beta: Floats, x: Floats, first: NDArray[np.int64], groups: list[NDArray[np.int64]]
) -> tuple[float, Floats, Floats]:
    """Return minus the log partial likelihood with Efron's ties, its gradient and second derivatives."""
    eta = np.clip(x @ beta, -50.0, 50.0)
    risk = np.exp(eta)
    value, gradient, curvature = 0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for start, dead in zip(first, groups):
        later, own = x[start:], x[dead]
        s0, d0 = risk[start:].sum(), risk[dead].sum()
        s1, d1 = risk[start:] @ later, risk[dead] @ own
        s2, d2 = (later * risk[start:, None]).T @ later, (own * risk[dead, None]).T @ own
        value -= float(eta[dead].sum())
        gradient = gradient - own.sum(axis=0)
        for tie in range(len(dead)):
            share = tie / len(dead)
            total, mean = s0 - share * d0, (s1 - share * d1) / (s0 - share * d0)
            value += float(np.log(total))
            gradient = gradient + mean
            curvature = curvature + (s2 - share * d2) / total - np.outer(mean, mean)
    return value, gradient, curvature


def fit_line(x: Floats, y: Floats, ridge: float = 0.0) -> Line:
    """Fit a straight line by least squares; `ridge` is added to the sum of squares of each column about its mean."""
    centre, level = x.mean(axis=0), float(y.mean())
    away = x - centre
    slopes = np.linalg.lstsq(away.T @ away + ridge * np.eye(x.shape[1]), away.T @ (y - level), rcond=None)[0]
    left = y - level - away @ slopes
    free = max(len(y) - x.shape[1] - 1, 1)
    return Line(float(level - centre @ slopes), slopes, float(np.sqrt((left**2).sum() / free)))


def _newton(objective: Objective, start: Floats) -> Floats:
    """Return the coefficients at which a convex objective is least."""
    beta = start.astype(np.float64)
    value, gradient, curvature = objective(beta)
    for _ in range(MOST_STEPS):
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        size = 1.0
        while size > 1e-6:
            tried, slope, bend = objective(beta - size * step)
            if np.isfinite(tried) and tried <= value + 1e-12:
                break
            size /= 2.0
        else:
            return beta
        gained = value - tried
        beta, value, gradient, curvature = beta - size * step, tried, slope, bend
        if gained < TOLERANCE and np.abs(size * step).max(initial=0.0) < 1e-6:
            break
    return beta


def expit(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def logit(p: Floats) -> Floats:
    """Return log(p / (1 - p))."""
    return np.asarray(np.log(p) - np.log1p(-p))
