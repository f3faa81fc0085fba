"""Circulating immune cells enter inflamed tissue, and leave it."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp
from simengine.foundation.random import arrival_identity, purpose
from simengine.foundation.samplers import binomial, poisson
from simengine.mechanisms.registry import BEHAVIOURS, CAUSES, PARAMETERS
from simengine.mechanisms.vocabulary import CYTOTOXIC, DRUG_ENTRY, HELPERS
from simengine.state import body as b
from simengine.state import world as w
from simengine.state.entry import enter

RECRUITMENT = BEHAVIOURS("recruitment", "1", "pull of a voxel on circulating immune cells, 0-1", 0.0, 1.0)
EGRESS_PER_H = BEHAVIOURS("egress_per_h", "1/h", "rate at which the cell leaves the tissue", 0.0, 5.0)

EGRESS = CAUSES("egress", "cells", "left the tissue alive")

REFERENCE = PARAMETERS("homing.effector_reference_cells", "cells", "effectors in blood at which they arrive at the stated rate")
DRAIN = PARAMETERS("homing.effector_drain_per_h", "1/h", "loss of effectors from blood into a fully inflamed lesion")

_ARRIVE = purpose("homing.arrive")
_DRAINED = purpose("homing.drained")


@inlined
def _arrivals(world, tick, hours, p, kind):
    """Draw how many cells of a kind enter a patch.

    Notes
    -----
    EQ-HOME-1: Poisson(rate per mm3 x V_patch x recruitment x blood x (1 - entry blocked) x hours / weight); blood =
    effectors / reference for kinds with a pool, immune strength for the others.
    """
    blood = world.body.pair[b.PAIR_IMMUNE]
    pool = world.types.whole[w.TYPE_POOL, kind]
    if pool >= 0:
        blood = world.body.pools[pool] / world.par[REFERENCE]
    mean = world.types.real[w.TYPE_RECRUITMENT, kind] * world.patch[p, w.VOLUME_MM3]
    mean *= world.patch[p, w.RECRUITMENT] * blood * hours / world.types.real[w.TYPE_WEIGHT, kind]
    mean *= 1.0 - world.body.solutes[DRUG_ENTRY]
    address = np.uint64(world.types.whole[w.TYPE_KIND, kind] + 65536 * p)
    return poisson(world.key, address, tick, _ARRIVE, 0, mean)


@inlined
def flow(world, tick, hours, first, last):
    """Let immune cells arrive in every patch, and take the effectors that went into the lesion out of the blood."""
    if world.clock[w.MODE] == w.MODE_BODY:
        return
    inflamed = 0.0
    for p in range(world.patch.shape[0]):
        inflamed += world.patch[p, w.SHARE] * world.patch[p, w.RECRUITMENT]
        for kind in range(world.types.real.shape[1]):
            if world.types.real[w.TYPE_RECRUITMENT, kind] > 0.0:
                door = 65536 * (p + 1) + world.types.whole[w.TYPE_KIND, kind]
                for ordinal in range(_arrivals(world, tick, hours, p, kind)):
                    enter(world, kind, p, arrival_identity(world.key, door, tick, ordinal), tick)
    chance = 1.0 - exp(-world.par[DRAIN] * inflamed * (1.0 - world.body.solutes[DRUG_ENTRY]) * hours)
    for pool in (CYTOTOXIC, HELPERS):
        n = world.body.pools[pool]
        world.body.pools[pool] -= binomial(world.key, np.uint64(pool), tick, _DRAINED, 0, n, chance)


@inlined
def propose(world, tick, hours, first, last):
    """Fill the rate of leaving the tissue."""
    for k in range(last - first):
        world.work.hazards[EGRESS, k] = world.work.behaviours[EGRESS_PER_H, k]
