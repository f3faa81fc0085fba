"""Quantiles of the distributions in which a range is stated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Arithmetic", "quantile"]

_CUT = 0.022750131948179195
"""The normal distribution below two standard deviations less than its mean."""


class Arithmetic(NamedTuple):
    """The functions to compute with: those of the model, whose bits are the same everywhere, or those of Python."""

    exp: Callable[[float], float]
    log: Callable[[float], float]
    normal_quantile: Callable[[float], float]


def quantile(distribution: str, low: float, value: float, high: float, u: float, by: Arithmetic) -> float:
    """Return the quantile ``u`` (0 to 1) of a stated distribution, within its range (EQ-DRAW-1).

    Normal and lognormal spreads are centred at the value, with ``low`` and ``high`` two standard deviations away on
    their own side, and cut there: the quantile is taken between the cuts, so that nothing piles up at the bounds.

    Parameters
    ----------
    distribution
        ``fixed``, ``uniform``, ``loguniform``, ``triangular``, ``normal`` or ``lognormal``.
    low, value, high
        The range, and its centre or peak, which uniform and loguniform do not use; all in one unit, above 0 for
        loguniform and lognormal.
    by
        The functions to compute with.
    """
    if distribution == "fixed" or low == high:
        return value
    if distribution == "uniform":
        return low + u * (high - low)
    if distribution == "loguniform":
        return float(by.exp(by.log(low) + u * (by.log(high) - by.log(low))))
    if distribution == "triangular":
        peak = (value - low) / (high - low)
        if u < peak:
            return low + math.sqrt(u * (high - low) * (value - low))
        return high - math.sqrt((1.0 - u) * (high - low) * (high - value))
    z = float(by.normal_quantile(_CUT + u * (1.0 - 2.0 * _CUT)))
    if distribution == "lognormal":
        side = by.log(high / value) if z > 0 else by.log(value / low)
        return float(value * by.exp(0.5 * z * side))
    return value + 0.5 * z * ((high - value) if z > 0 else (value - low))
