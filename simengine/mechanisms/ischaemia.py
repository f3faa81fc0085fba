"""Death from lack of oxygen."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.mechanisms.registry import BEHAVIOURS, CAUSES

ISCHAEMIC_PER_H = BEHAVIOURS("ischaemic_death_per_h", "1/h", "hazard of death from lack of oxygen", 0.0, 10.0)

ISCHAEMIA = CAUSES("ischaemia", "cells", "died from lack of oxygen")


@inlined
def propose(world, tick, hours, first, last):
    """Fill the hazard of ischaemic death; how it falls with oxygen is a rule."""
    behaviours, hazards = world.work.behaviours, world.work.hazards
    for k in range(last - first):
        hazards[ISCHAEMIA, k] = behaviours[ISCHAEMIC_PER_H, k]
