"""Whether predicted probabilities are right: calibration slope and intercept, and the calibration curve in groups.

Source: D. R. Cox, Biometrika 45 (1958) 562-565; B. Van Calster et al., BMC Med. 17 (2019) 230.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.observed import EVENT
from simengine.cohorts.regressions import expit
from simengine.studies.statistics import wilson
from simengine.studies.survival import kaplan_meier

__all__ = ["binary_groups", "calibration_line", "cox_slopes", "groups_of", "survival_groups"]

Floats = NDArray[np.float64]
STEPS = 50
FLATTEST = 1e-9
STILL, NEAR = 1e-9, 1e-4
HALVINGS = 20
FEWEST_OF_GROUP = 15
MOST_GROUPS = 5


def calibration_line(logits: Floats, happened: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return intercept, slope and intercept at slope 1 of the outcome on the predicted logit, float64[B] each.

    The three are 0, 1 and 0 for right predictions; a slope below 1 says that predictions are too extreme, an intercept
    (at slope 1) above 0 that they are too low. NaN where they are not determined: all predictions alike, one outcome
    only, or outcomes that the predictions separate.
    """
    alone = _intercepts(logits, happened, weights)
    good = np.isfinite(alone) & (np.ptp(logits) > FLATTEST)
    both, slope = np.zeros(len(weights)), np.zeros(len(weights))
    value = _losses(both, slope, logits, happened, weights)
    for _ in range(STEPS):
        p = expit(both[:, None] + slope[:, None] * logits)
        left, bend = weights * (happened - p), weights * p * (1.0 - p)
        g0, g1 = left.sum(axis=1), left @ logits
        h00, h01, h11 = bend.sum(axis=1), bend @ logits, bend @ logits**2
        determinant = h00 * h11 - h01**2
        good &= determinant > FLATTEST
        safe = np.where(good, determinant, 1.0)
        step0, step1 = (np.where(good, step, 0.0) / safe for step in (h11 * g0 - h01 * g1, h00 * g1 - h01 * g0))
        size = np.ones(len(weights))
        for _ in range(HALVINGS):
            tried = _losses(both + size * step0, slope + size * step1, logits, happened, weights)
            if not (worse := tried > value + STILL).any():
                break
            size = np.where(worse, 0.5 * size, size)
        both, slope, value = both + size * step0, slope + size * step1, tried
        if np.hypot(step0, step1).max(initial=0.0) < STILL:
            break
    good &= np.hypot(step0, step1) < NEAR
    return np.where(good, both, np.nan), np.where(good, slope, np.nan), alone


def _losses(both: Floats, slope: Floats, logits: Floats, happened: Floats, weights: Floats) -> Floats:
    """Return minus the log likelihood of intercepts and slopes, each under its own row of weights."""
    eta = both[:, None] + slope[:, None] * logits
    return np.asarray((weights * (np.logaddexp(0.0, eta) - happened * eta)).sum(axis=1))


def _intercepts(logits: Floats, happened: Floats, weights: Floats) -> Floats:
    """Return by how much all logits must rise for as many events to be expected as happened."""
    found = np.zeros(len(weights))
    rate = np.divide(weights @ happened, weights.sum(axis=1), out=np.full(len(weights), np.nan), where=weights.sum(axis=1) > 0)
    good = (rate > 0.0) & (rate < 1.0)
    for _ in range(STEPS):
        p = expit(found[:, None] + logits)
        gain = (weights * (happened - p)).sum(axis=1)
        bend = (weights * p * (1.0 - p)).sum(axis=1)
        step = np.divide(gain, bend, out=np.zeros(len(found)), where=bend > FLATTEST)
        found = found + np.where(good, np.clip(step, -2.0, 2.0), 0.0)
        if np.abs(step)[good].max(initial=0.0) < STILL:
            break
    return np.where(good, found, np.nan)


def cox_slopes(x: Floats, time: Floats, state: NDArray[np.int64], weights: Floats) -> Floats:
    """Return the slope of a Cox regression on one predictor under each row of weights, float64[B] (Breslow's ties).

    On log(-log of predicted survival) it is 1 for right predictions and below 1 for predictions that are too extreme. NaN where
    it is not determined.
    """
    slopes = np.zeros(len(weights))
    if np.ptp(x) <= FLATTEST or not (state == EVENT).any():
        return np.full(len(weights), np.nan)
    order = np.argsort(-time, kind="stable")
    unit = float(x.std())
    x, time, weights = (x[order] - x.mean()) / unit, time[order], weights[:, order]
    dead = (state[order] == EVENT).astype(np.float64)
    last = np.searchsorted(-time, -time, side="right") - 1
    good = (weights @ dead) > 0
    for _ in range(STEPS):
        risk = weights * np.exp(np.clip(slopes[:, None] * x, -50.0, 50.0))
        s0, s1, s2 = (np.cumsum(risk * power, axis=1)[:, last] for power in (1.0, x, x**2))
        s0 = np.maximum(s0, 1e-300)
        mean = s1 / s0
        gain = (weights * dead * (x - mean)).sum(axis=1)
        bend = (weights * dead * (s2 / s0 - mean**2)).sum(axis=1)
        good &= bend > FLATTEST
        step = np.divide(gain, bend, out=np.zeros(len(slopes)), where=bend > FLATTEST)
        slopes = slopes + np.where(good, np.clip(step, -1.0, 1.0), 0.0)
        if np.abs(step)[good].max(initial=0.0) < STILL:
            break
    good &= np.abs(step) < NEAR
    return np.where(good, slopes / unit, np.nan)


def groups_of(predicted: Floats) -> list[NDArray[np.int64]]:
    """Return the patients in groups of rising prediction, at most 5, each of 15 or more; alike predictions stay together."""
    n = len(predicted)
    if not n:
        return []
    wanted = max(1, min(MOST_GROUPS, n // FEWEST_OF_GROUP))
    order = np.argsort(predicted, kind="stable")
    edges = np.unique(predicted[order][[round(n * k / wanted) for k in range(1, wanted)]])
    label = np.searchsorted(edges, predicted, side="right")
    return [np.flatnonzero(label == k) for k in np.unique(label)]


def binary_groups(predicted: Floats, happened: Floats, weight: Floats, order: Floats) -> list[dict[str, Any]]:
    """Return one row for each group of rising `order`: mean prediction, observed share and its interval (Wilson's)."""
    rows = []
    for k, group in enumerate(groups_of(order), 1):
        w, y = weight[group], happened[group]
        share = float((w * y).sum() / w.sum())
        size = float(w.sum() ** 2 / (w**2).sum())
        low, high = wilson(share * size, size)
        mean = float((w * predicted[group]).sum() / w.sum())
        rows.append({"group": k, "n": len(group), "predicted": mean, "observed": share, "low": low, "high": high})
    return rows


def survival_groups(
    predicted: Floats, time: Floats, state: NDArray[np.int64], day: float, order: Floats
) -> list[dict[str, Any]]:
    """Return one row for each group of rising `order`: predicted survival to a day, and Kaplan-Meier's with its interval."""
    rows = []
    for k, group in enumerate(groups_of(order), 1):
        curve = kaplan_meier(time[group], state[group] == EVENT)
        at = int(curve.step([day])[0])
        observed, low, high = (float(values[at]) for values in (curve.survival, curve.low, curve.high))
        mean = float(predicted[group].mean())
        rows.append({"group": k, "n": len(group), "predicted": mean, "observed": observed, "low": low, "high": high})
    return rows
