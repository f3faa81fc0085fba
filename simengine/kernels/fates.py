"""Fates by thresholds: competing hazards against each cell's own remaining cumulative hazard."""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.math import exp

__all__ = ["DEATH", "NOTHING", "PROGRESS", "first_event", "pick_cause", "relax_towards"]

NOTHING, DEATH, PROGRESS = range(3)


@inlined
def first_event(death_left, death_hazard, progress_left, progress_hazard, hours):
    """Return which event comes first within ``hours`` and when: (code, time in h).

    Parameters
    ----------
    death_left, progress_left : float64
        Remaining cumulative hazards; each began as a draw from Exp(1).
    death_hazard, progress_hazard : float64
        Total hazards, per h, constant over the step.
    hours : float64
        Time to live through, h.

    Notes
    -----
    EQ-FATE-1: the event happens when the integral of the hazard reaches the threshold; inside a step with constant
    hazard h that is after left / h. No event is lost by the step: times are exact for hazards constant over a step.
    """
    code = NOTHING
    at = hours
    if death_hazard * at >= death_left and death_hazard > 0.0:
        code = DEATH
        at = death_left / death_hazard
    if progress_hazard * at > progress_left and progress_hazard > 0.0:
        code = PROGRESS
        at = progress_left / progress_hazard
    return code, at


@inlined
def pick_cause(hazards, column, total, u):
    """Return the cause of an event: row m with probability hazards[m, column] / total (EQ-FATE-2).

    ``hazards`` float64[K, chunk] per h; ``u`` uniform in (0, 1). Rows with zero hazard are never chosen.
    """
    goal = u * total
    chosen = 0
    passed = 0.0
    for m in range(hazards.shape[0]):
        if hazards[m, column] > 0.0:
            chosen = m
            passed += hazards[m, column]
            if passed > goal:
                break
    return chosen


@kernel
def relax_towards(value, rise, fall, hours):
    """Return a state in 0-1 after ``hours`` of d value/dt = rise (1 - value) - fall value, exactly (EQ-STATE-1)."""
    total = rise + fall
    if total <= 0.0:
        return value
    goal = rise / total
    return goal + (value - goal) * exp(-total * hours)
