"""Drugs of prophylaxis: levels and effects by the hour, as means over each step; doses of conditioning by the day."""

from __future__ import annotations

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp, hill

__all__ = ["add_effects"]

NEVER_BELOW = 1e-3
"""Level, relative to the half effect, below which a drug that is no longer given has none."""


@kernel
def add_effects(start_day, days, course, effect, spared, out):
    """Add one course of a drug to what all drugs together spare and add.

    Parameters
    ----------
    start_day, days : float64[S]
        Steps.
    course : float64[8]
        First day, last day, day on which the taper begins, hours between doses, rise of the level by one dose (ng/mL),
        elimination per h, level of half the effect (ng/mL), exponent.
    effect : float64[N_BLOCK]
        Largest inhibitions (shares) and hazards per day or rises at full effect.
    spared : float64[S, 3]
        What is spared of activation, proliferation and regulatory cells by the courses so far; written anew.
    out : float64[S, N_BLOCK]
        Hazards and rises by the courses so far; added to.

    Notes
    -----
    EQ-DRUG-4: each dose raises the level, which falls as e^-kt; during the taper doses fall in a straight line to nothing on
    the last day. Effect = Emax C^n/(C^n + EC50^n), hour by hour, as the mean over the step; effects on one target combine as
    1 - product(1 - effect), hazards and rises add.
    """
    first, last, taper, interval, rise, elimination, half, exponent = course
    level, kept = 0.0, exp(-elimination)
    hour, next_dose = 24.0 * start_day[0], 24.0 * first
    for step in range(start_day.shape[0]):
        if level < NEVER_BELOW * half and (next_dose > 24.0 * (start_day[step] + days[step]) or hour > 24.0 * (last + 1.0)):
            hour = 24.0 * (start_day[step] + days[step])
            level = 0.0
            continue
        total, hours = 0.0, int(24.0 * days[step] + 0.5)
        for _ in range(hours):
            if next_dose <= hour and hour < 24.0 * (last + 1.0):
                share = 1.0
                if hour > 24.0 * taper:
                    share = (24.0 * (last + 1.0) - hour) / (24.0 * (last + 1.0 - taper))
                level += rise * share
                next_dose = hour + interval
            total += hill(level, half, exponent)
            level *= kept
            hour += 1.0
        mean = total / hours
        for target in range(3):
            spared[step, target] *= 1.0 - effect[target] * mean
        for price in range(s.DEPLETION_PER_DAY, s.N_BLOCK):
            out[step, price] += effect[price] * mean
