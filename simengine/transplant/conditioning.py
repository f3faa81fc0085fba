"""Conditioning: what chemotherapy and radiation kill and injure, dose by dose."""

from __future__ import annotations

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow"]

TOXICITY_LOSS = PARAMETERS("conditioning.toxicity_loss_per_day", "1/day", "recovery of organs other than skin, gut and liver")


@kernel
def flow(patient, step, days):
    """Injure the organs by what is given in this step.

    Notes
    -----
    EQ-CONDITIONING-1: survival of a kind of cell over a course = 10^-(sum over agents of log10 kill x share of the reference
    course x exposure of the patient), spread evenly over the days on which an agent is given.

    EQ-CONDITIONING-2: an organ that is injured by a share d of what is still sound: X + (1 - X)(1 - e^-d); other organs add
    up and recover at a rate.
    """
    level, hit = patient.level, patient.hit[step]
    for organ in range(3):
        injured = level[s.TOXIC_SKIN + organ]
        level[s.TOXIC_SKIN + organ] = injured + (1.0 - injured) * (1.0 - exp(-hit[s.HIT_SKIN + organ]))
    level[s.TOXIC_ORGANS] = level[s.TOXIC_ORGANS] * exp(-patient.par[TOXICITY_LOSS] * days) + hit[s.HIT_ORGANS]
