"""Random variables, each a pure function of an address ``(key, identity, when, purpose, draw0)``.

How many consecutive draw numbers each one may use, counted from ``draw0``:

============================================  ======================================================
normal, normal2, exponential, categorical     1
unit_vector, unit_vector_2d                   1
poisson, binomial                             at most ``DRAWS_PER_COUNT`` = 64 (1 where inversion is used)
multinomial                                   at most 64 for each entry of ``out`` but the last
============================================  ======================================================

Counts (int64) are exact: by inversion where the mean is below 10, else by transformed rejection (Hörmann 1993), with
the acceptance test written through deviances so that it holds for counts up to 1e12 and beyond.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import exp, log, log1p, log_gamma, normal_quantile, sincos_turn
from simengine.foundation.random import uniform, uniform2

__all__ = [
    "DRAWS_PER_COUNT",
    "binomial",
    "categorical",
    "exponential",
    "multinomial",
    "normal",
    "normal2",
    "poisson",
    "unit_vector",
    "unit_vector_2d",
]

DRAWS_PER_COUNT = 64
"""Draw numbers set aside for one Poisson or binomial count: a rejection happens with probability below 0.4 each."""

_INVERSION_BELOW = 10.0
_INVERSION_LIMIT = 200
_ROUNDING = 1e-14
_TWO_PI = 6.283185307179586


@kernel
def normal(key, identity, when, purpose, draw0):
    """Return a standard normal number, by inversion, so that it rises with the uniform number of the same address."""
    return normal_quantile(uniform(key, identity, when, purpose, draw0))


@kernel
def normal2(key, identity, when, purpose, draw0):
    """Return two independent standard normal numbers from one draw; the first is that of ``normal``."""
    u, v = uniform2(key, identity, when, purpose, draw0)
    return normal_quantile(u), normal_quantile(v)


@kernel
def exponential(key, identity, when, purpose, draw0):
    """Return an exponential number of mean 1, between 1e-16 and 36.8."""
    return -log(uniform(key, identity, when, purpose, draw0))


@kernel
def unit_vector(key, identity, when, purpose, draw0):
    """Return (x, y, z) on the unit sphere, every direction alike."""
    u, v = uniform2(key, identity, when, purpose, draw0)
    z = 2.0 * u - 1.0
    radius = np.sqrt(1.0 - z * z)
    sine, cosine = sincos_turn(v)
    return radius * cosine, radius * sine, z


@kernel
def unit_vector_2d(key, identity, when, purpose, draw0):
    """Return (x, y) on the unit circle, every direction alike."""
    sine, cosine = sincos_turn(uniform(key, identity, when, purpose, draw0))
    return cosine, sine


@kernel
def categorical(key, identity, when, purpose, draw0, weights, m):
    """Return an index below ``m`` with probability proportional to ``weights[:m]``; -1 where all weights are zero.

    ``weights`` is float64 and not negative; ``m`` int64.
    """
    total = 0.0
    for i in range(m):
        total += weights[i]
    target = uniform(key, identity, when, purpose, draw0) * total
    chosen = -1
    below = 0.0
    for i in range(m):
        if weights[i] > 0.0:
            chosen = i
            below += weights[i]
            if target < below:
                break
    return chosen


@kernel
def _deviance(x, mean):
    """Return x log(x / mean) + mean - x, for x >= 0 and mean > 0 (float64): zero where they are equal.

    Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
    """
    if x == 0.0:
        return mean
    excess = (x - mean) / mean
    return mean * ((1.0 + excess) * log1p(excess) - excess)


@kernel
def _factorial_remainder(k):
    """Return log(k!) - (k log k - k) for a whole number ``k`` >= 0 (float64), without cancellation for large ``k``."""
    if k < 10.0:
        return 0.0 if k == 0.0 else log_gamma(k + 1.0) - (k * log(k) - k)
    z = 1.0 / (k * k)
    series = 1.0 / 12.0 + z * (-1.0 / 360.0 + z * (1.0 / 1260.0 + z * (-1.0 / 1680.0 + z * (1.0 / 1188.0))))
    return 0.5 * log(_TWO_PI * k) + series / k


@kernel
def _poisson_by_inversion(u, mean):
    """Return the count that the uniform number ``u`` falls on, from zero upwards."""
    probability = exp(-mean)
    for k in range(_INVERSION_LIMIT):
        if u < probability:
            return np.int64(k)
        u -= probability
        probability *= mean / (k + 1.0)
    return np.int64(_INVERSION_LIMIT)


@kernel
def poisson(key, identity, when, purpose, draw0, mean):
    """Return a Poisson count, int64, of mean ``mean`` (float64, up to 1e15); 0 where it is not positive.

    Source: W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance:
    Mathematics and Economics 12 (1993) 39-45, algorithm PTRS; inversion below a mean of 10.
    """
    if not mean > 0.0:
        return np.int64(0)
    if mean < _INVERSION_BELOW:
        return _poisson_by_inversion(uniform(key, identity, when, purpose, draw0), mean)
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    for attempt in range(DRAWS_PER_COUNT):
        u, v = uniform2(key, identity, when, purpose, draw0 + attempt)
        u -= 0.5
        us = 0.5 - abs(u)
        k = np.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= squeeze:
            return np.int64(k)
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        if log(v * inverse_alpha / (a / (us * us) + b)) <= -_deviance(k, mean) - _factorial_remainder(k):
            return np.int64(k)
    return np.int64(mean)


@kernel
def _binomial_by_inversion(u, n, p):
    """Return the count that the uniform number ``u`` falls on, from zero upwards; n (float64) trials, p <= 1/2."""
    odds = p / (1.0 - p)
    probability = exp(n * log1p(-p))
    for k in range(min(np.int64(n), np.int64(_INVERSION_LIMIT))):
        if u < probability:
            return np.int64(k)
        u -= probability
        probability *= (n - k) / (k + 1.0) * odds
    return min(np.int64(n), np.int64(_INVERSION_LIMIT))


@kernel
def _binomial_by_rejection(key, identity, when, purpose, draw0, n, p):
    """Return a binomial count of n (float64) trials with p <= 1/2 and n p >= 10, by Hörmann's algorithm BTRS."""
    mean = n * p
    mean_failures = n * (1.0 - p)
    spread = np.sqrt(mean * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * spread
    squeeze = 0.92 - 4.2 / b
    mode = np.floor((n + 1.0) * p)
    at_mode = -1.0  # worked out when the squeeze first fails, in one draw of five
    for attempt in range(DRAWS_PER_COUNT):
        u, v = uniform2(key, identity, when, purpose, draw0 + attempt)
        u -= 0.5
        us = 0.5 - abs(u)
        k = np.floor((2.0 * a / us + b) * u + mean + 0.5)
        if us >= 0.07 and v <= squeeze:
            return np.int64(k)
        if k < 0.0 or k > n:
            continue
        if at_mode < 0.0:
            at_mode = _factorial_remainder(mode) + _factorial_remainder(n - mode)
            at_mode += _deviance(mode, mean) + _deviance(n - mode, mean_failures)
        here = _factorial_remainder(k) + _factorial_remainder(n - k)
        here += _deviance(k, mean) + _deviance(n - k, mean_failures)
        if log(v * alpha / (a / (us * us) + b)) <= at_mode - here:
            return np.int64(k)
    return np.int64(mode)


@kernel
def binomial(key, identity, when, purpose, draw0, n, p):
    """Return how many of ``n`` trials (int64, up to 1e15) succeed, each with probability ``p`` (float64).

    An int64 between 0 and ``n``; 0 for p <= 0 and ``n`` for p >= 1.

    Source: W. Hörmann, "The generation of binomial random variates", J. Statist. Comput. Simul. 46 (1993) 101-110,
    algorithm BTRS; inversion where the mean of the rarer outcome is below 10.
    """
    if n <= 0 or not p > 0.0:
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    rarer = min(p, 1.0 - p)
    if n * rarer < _INVERSION_BELOW:
        k = _binomial_by_inversion(uniform(key, identity, when, purpose, draw0), float(n), rarer)
    else:
        k = _binomial_by_rejection(key, identity, when, purpose, draw0, float(n), rarer)
    return k if p <= 0.5 else np.int64(n) - k


@kernel
def multinomial(key, identity, when, purpose, draw0, n, p_row, out):
    """Write how ``n`` (int64) things fall on the entries of ``out``, which always sum to ``n``.

    Parameters
    ----------
    key, identity, when, purpose, draw0
        Address; entry ``i`` uses draws from ``draw0 + 64 i``.
    p_row : float64[m]
        Probabilities, not negative, of sum at most 1.
    out : int64[m] or int64[m + 1]
        The last entry receives all that is left: with m + 1 entries, the remainder 1 - sum(p_row). A remainder below
        1e-14 is rounding, and receives nothing.

    Notes
    -----
    Each entry is binomial given the earlier ones, with p_i / (1 - p_0 - ... - p_{i-1}).
    """
    left = np.int64(n)
    rest = 1.0
    last = out.shape[0] - 1
    for i in range(last):
        share = 1.0 if p_row[i] > 0.0 and rest - p_row[i] < _ROUNDING else p_row[i] / max(rest, _ROUNDING)
        count = binomial(key, identity, when, purpose, draw0 + i * DRAWS_PER_COUNT, left, share)
        out[i] = count
        left -= count
        rest -= p_row[i]
    out[last] = left
