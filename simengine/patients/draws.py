"""Numbers of one patient, drawn from the distributions that the catalogue states."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.distributions import Arithmetic, quantile
from simengine.foundation.math import exp, log, normal_quantile
from simengine.foundation.parameters import Parameter
from simengine.foundation.random import make_key, purpose, uniform

__all__ = ["Dice", "Spread", "probability_below", "value_at"]

_ARITHMETIC = Arithmetic(exp, log, normal_quantile)
_LAST_REPLICATE = 2**32 - 1
"""Replicate number that stands for the patient as such, never for a run."""


class Spread(Protocol):
    """What a number is drawn from: a catalogue parameter, or the spread of a trait over a population."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def distribution(self) -> str: ...


def probability_below(z: float) -> float:
    """Return the probability that a standard normal number lies below ``z``, by bisection of its quantile.

    To 2e-16, with the same bits everywhere; beyond eight standard deviations nothing is told from 0 or 1.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if normal_quantile(middle) < z else (low, middle)
    return 0.5 * (low + high)


def value_at(parameter: Spread, u: float) -> float:
    """Return the quantile ``u`` of a parameter's stated distribution, within its range."""
    return quantile(parameter.distribution, parameter.low, parameter.value, parameter.high, u, _ARITHMETIC)


class Dice:
    """The dice of one patient: each trait has its own address, so that one more trait changes no other.

    Parameters
    ----------
    vary
        ``"none"`` (everything at its stated value), ``"per_patient"`` or ``"per_replicate"``.
    seed, patient, replicate
        The run; ``per_patient`` ignores the replicate.

    Example
    -------
    >>> Dice("none", 1, 0, 0).uniform("lesion_fraction")
    0.5
    """

    def __init__(self, vary: str, seed: int, patient: int, replicate: int) -> None:
        self._varies = vary != "none"
        drawn_by = replicate if vary == "per_replicate" else _LAST_REPLICATE
        self._key: NDArray[np.uint64] = make_key(seed, patient, drawn_by)
        self._run_key: NDArray[np.uint64] = make_key(seed, patient, replicate)

    @property
    def varies(self) -> bool:
        """Whether traits differ from patient to patient; if not, each stands at its stated value."""
        return self._varies

    def uniform(self, trait: str) -> float:
        """Return the uniform number of a trait; 0.5 when nothing varies."""
        if not self._varies:
            return 0.5
        return float(uniform(self._key, np.uint64(0), 0, purpose(f"patient.{trait}"), 0))

    def run_uniform(self, what: str) -> float:
        """Return a uniform number of the run itself, which is chance and no trait: drawn also when no trait varies."""
        return float(uniform(self._run_key, np.uint64(0), 0, purpose(f"run.{what}"), 0))

    def run_normal(self, what: str) -> float:
        """Return a standard normal number of the run itself, as :meth:`run_uniform`."""
        return float(normal_quantile(self.run_uniform(what)))

    def draw(self, trait: str, parameter: Parameter) -> float:
        """Return the patient's own value of a parameter; its stated value when nothing varies."""
        return value_at(parameter, self.uniform(trait)) if self._varies else parameter.value
