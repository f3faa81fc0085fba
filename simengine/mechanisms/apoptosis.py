"""Death that needs no enemy: turnover, loss of niche and matrix, and the fragile state of the first day."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.mechanisms.registry import BEHAVIOURS, CAUSES
from simengine.state import cells as c

APOPTOSIS_PER_H = BEHAVIOURS("apoptosis_per_h", "1/h", "hazard of death from turnover and missing niche", 0.0, 10.0)
FRAGILE_PER_H = BEHAVIOURS("fragile_death_per_h", "1/h", "hazard of death of a fragile cell on its first day", 0.0, 10.0)

APOPTOSIS = CAUSES("apoptosis", "cells", "died of turnover or of missing niche and matrix")
FRAGILE = CAUSES("fragile", "cells", "died on the first day, being damaged by harvest, freezing or injection")


@inlined
def propose(world, tick, hours, first, last):
    """Fill the hazards of apoptosis and of fragile death (EQ-DEATH-1): the latter only for cells drawn fragile."""
    behaviours, hazards = world.work.behaviours, world.work.hazards
    frailty = world.cells.real[c.FRAILTY]
    for k in range(last - first):
        hazards[APOPTOSIS, k] = behaviours[APOPTOSIS_PER_H, k]
        hazards[FRAGILE, k] = behaviours[FRAGILE_PER_H, k] * frailty[first + k]
