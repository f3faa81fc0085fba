"""The hooks of all mechanisms, composed into one compilation. Written by ``python -m simengine.engine.compose``.

Every call stands behind ``enabled``, so that switching a mechanism off compiles nothing anew. Do not edit by hand.
"""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.mechanisms import (
    antibody,
    apoptosis,
    cytotoxicity,
    delivery,
    exposure,
    homing,
    ischaemia,
    licensing,
    motility,
    phagocytosis,
    pharmacokinetics,
    polarisation,
    priming,
    safety,
    trafficking,
)

__all__ = ["act", "carry", "flow", "propose"]


@kernel
def carry(world, tick, hours, first, last):
    """Move product cells through the body: doses and compartments, at the pace of the walk near a dose."""
    if world.enabled[3] == 1:
        delivery.carry(world, tick, hours, first, last)
    if world.enabled[19] == 1:
        trafficking.carry(world, tick, hours, first, last)


@kernel
def flow(world, tick, hours, first, last):
    """Advance the rest of the body for one body step, whatever is given and when."""
    if world.enabled[0] == 1:
        antibody.flow(world, tick, hours, first, last)
    if world.enabled[5] == 1:
        exposure.flow(world, tick, hours, first, last)
    if world.enabled[7] == 1:
        homing.flow(world, tick, hours, first, last)
    if world.enabled[12] == 1:
        pharmacokinetics.flow(world, tick, hours, first, last)
    if world.enabled[14] == 1:
        priming.flow(world, tick, hours, first, last)
    if world.enabled[16] == 1:
        safety.flow(world, tick, hours, first, last)


@inlined
def propose(world, tick, hours, first, last):
    """Fill the hazards of the cells ``first`` to ``last``."""
    if world.enabled[0] == 1:
        antibody.propose(world, tick, hours, first, last)
    if world.enabled[1] == 1:
        apoptosis.propose(world, tick, hours, first, last)
    if world.enabled[2] == 1:
        cytotoxicity.propose(world, tick, hours, first, last)
    if world.enabled[7] == 1:
        homing.propose(world, tick, hours, first, last)
    if world.enabled[8] == 1:
        ischaemia.propose(world, tick, hours, first, last)


@inlined
def act(world, tick, hours, first, last):
    """Advance the states of the cells ``first`` to ``last``."""
    if world.enabled[2] == 1:
        cytotoxicity.act(world, tick, hours, first, last)
    if world.enabled[9] == 1:
        licensing.act(world, tick, hours, first, last)
    if world.enabled[10] == 1:
        motility.act(world, tick, hours, first, last)
    if world.enabled[11] == 1:
        phagocytosis.act(world, tick, hours, first, last)
    if world.enabled[13] == 1:
        polarisation.act(world, tick, hours, first, last)
