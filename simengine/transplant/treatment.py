"""Treatment of acute graft-versus-host disease: steroids, refractoriness, stromal cells."""

from __future__ import annotations

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow", "repair_by_treatment", "stopped_by_treatment"]

TAPER = PARAMETERS("treatment.taper_per_day", "1/day", "fall of the dose of steroids once the disease is mild")
FAILS_DAYS = PARAMETERS("treatment.refractory_after_days", "days", "days of steroids without improvement that mean refractory")
STROMAL_STOPS = PARAMETERS(
    "treatment.stromal_stops", "fraction", "share of the attack that a full effect of stromal cells stops"
)
STROMAL_REPAIRS = PARAMETERS("treatment.stromal_repair", "1", "rise of repair by a full effect of stromal cells")
STROMAL_HALF = PARAMETERS("treatment.stromal_half_doses", "1", "doses of 2e6/kg at work at half of the effect")
STROMAL_LOSS = PARAMETERS("treatment.stromal_loss_per_day", "1/day", "fading of what a dose of stromal cells does")
STARTS_AT_GRADE = 2


@kernel
def _stromal_effect(patient):
    """Return the effect of stromal cells, 0-1.

    Notes
    -----
    EQ-TREATMENT-2: effect = x/(x + half), x doses of 2e6/kg that are still at work times the response of this patient; each
    fades at a rate.
    """
    at_work = patient.level[s.STROMAL] * patient.number[s.STROMAL_RESPONSE]
    return at_work / (at_work + patient.par[STROMAL_HALF])


@kernel
def stopped_by_treatment(patient):
    """Return the share of the attack on organs that treatment stops: 1 - (1 - steroids x response)(1 - stromal cells)."""
    by_steroid = patient.level[s.STEROID] * patient.number[s.STEROID_RESPONSE]
    return 1.0 - (1.0 - by_steroid) * (1.0 - patient.par[STROMAL_STOPS] * _stromal_effect(patient))


@kernel
def repair_by_treatment(patient):
    """Return the speed of repair relative to that without treatment."""
    return 1.0 + patient.par[STROMAL_REPAIRS] * _stromal_effect(patient)


@kernel
def flow(patient, step, days):
    """Start, judge and taper treatment.

    Notes
    -----
    EQ-TREATMENT-1: steroids start in full on the first day of grade II or more; in grade 0-I they taper; once they are below a
    fifth, grade II or more starts them anew. Refractory: grade II or more, and never below that of the start, when the stated
    days are over. Second-line stromal cells start that day, in the regimen's doses.
    """
    par, level, day_of = patient.par, patient.level, patient.day_of
    day, grade = patient.start_day[step], level[s.GRADE]
    level[s.STROMAL] *= exp(-par[STROMAL_LOSS] * days)
    if grade >= STARTS_AT_GRADE and level[s.STEROID] < 0.2:
        if day_of[s.DAY_OF_STEROID] != day_of[s.DAY_OF_STEROID]:
            day_of[s.DAY_OF_STEROID] = day
        level[s.STEROID], level[s.STEROID_DAYS] = 1.0, 0.0
        level[s.BEST_GRADE], level[s.IMPROVED] = grade, 0.0
    elif level[s.STEROID] > 0.0:
        level[s.STEROID_DAYS] += days
        if grade < level[s.BEST_GRADE]:
            level[s.BEST_GRADE], level[s.IMPROVED] = grade, 1.0
        refractory = day_of[s.DAY_OF_REFRACTORY] == day_of[s.DAY_OF_REFRACTORY]
        failing = level[s.IMPROVED] == 0.0 and level[s.STEROID_DAYS] >= par[FAILS_DAYS] and grade >= STARTS_AT_GRADE
        if failing and not refractory:
            day_of[s.DAY_OF_REFRACTORY] = day
        if grade < STARTS_AT_GRADE:
            level[s.STEROID] *= exp(-par[TAPER] * days)
    _give_stromal_cells(patient, day)


@kernel
def _give_stromal_cells(patient, day):
    """Give the doses of the second line that are due: from the day of refractoriness, at even intervals."""
    number, level, day_of = patient.number, patient.level, patient.day_of
    begun = day_of[s.DAY_OF_REFRACTORY]
    if number[s.SECOND_LINE_DOSES] <= 0.0 or begun != begun:
        return
    due = min(number[s.SECOND_LINE_DOSES], 1.0 + (day - begun) // number[s.SECOND_LINE_INTERVAL_DAYS])
    while level[s.STROMAL_GIVEN] < due:
        if level[s.STROMAL_GIVEN] == 0.0:
            day_of[s.DAY_OF_SECOND_LINE] = day
        level[s.STROMAL_GIVEN] += 1.0
        level[s.STROMAL] += number[s.SECOND_LINE_DOSE]
