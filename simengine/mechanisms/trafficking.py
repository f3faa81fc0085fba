"""Product cells in the body: passage through lung, organs and vessels, and their arrival in the target."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.random import arrival_identity, purpose, uniform
from simengine.foundation.samplers import multinomial
from simengine.mechanisms.registry import PARAMETERS
from simengine.state import body as b
from simengine.state import world as w
from simengine.state.entry import enter
from simengine.state.log import log_event

LUNG_ANTIGEN = PARAMETERS(
    "trafficking.antigen_of_lung_death", "1", "antigen per cell that dies outside the target, beside one in it"
)

_PRODUCT_DOOR = 1
_PASS = purpose("trafficking.pass")
_STAGE = purpose("trafficking.stage")


@inlined
def _pass_once(world, tick, which, repeat, before, after):
    """Draw one step of all compartments: each count falls on the others by its row of probabilities (EQ-TRAFFIC-1)."""
    counts, transfer = world.body.counts, world.body.transfer[which]
    n = counts.shape[0]
    for to in range(n):
        after[to] = 0
    moved = before
    for come in range(n):
        if transfer[come, come] >= 1.0:
            after[come] += counts[come]
        elif counts[come] > 0:
            address = np.uint64(come + 1000 * repeat)
            multinomial(world.key, address, tick, _PASS, 0, counts[come], transfer[come], moved)
            for to in range(n):
                after[to] += moved[to]
    for to in range(n):
        counts[to] = after[to]


@inlined
def _stage_of(world, identity):
    """Draw the stage in which an infused cell arrives, by the shares of the product."""
    u = uniform(world.key, identity, 0, _STAGE, 0)
    passed = 0.0
    chosen = -1
    for kind in range(world.types.real.shape[1]):
        share = world.types.real[w.TYPE_SHARE, kind]
        if share > 0.0:
            chosen = kind
            passed += share
            if u < passed:
                break
    return chosen


@inlined
def _hand_over(world, tick, arrived):
    """Turn whole cells that reached the target into agents of the patches that take them.

    Notes
    -----
    EQ-COUPLE-1: a patch receives arrived x V_patch / V_zone real cells; agents of the product's weight appear while there
    is enough for one, the rest waits. Arrived = weights of agents + pending, to rounding, before the graft grows.
    """
    ordinal = 0
    for p in range(world.patch.shape[0]):
        patch = world.patch[p]
        if patch[w.TAKES_PRODUCT] == 0.0:
            continue
        gain = arrived * patch[w.VOLUME_MM3] / patch[w.ZONE_MM3]
        patch[w.PENDING] += gain
        patch[w.ARRIVED] += gain * patch[w.GROWTH]
        while True:
            identity = arrival_identity(world.key, _PRODUCT_DOOR, tick, ordinal)
            kind = _stage_of(world, identity)
            weight = world.types.real[w.TYPE_WEIGHT, kind]
            if patch[w.PENDING] < weight:
                break
            i = enter(world, kind, p, identity, tick)
            if i < 0:
                break
            log_event(world, tick, tick / w.TICKS_PER_H, world.tally.shape[2], i)
            patch[w.PENDING] -= weight
            ordinal += 1


@inlined
def _eaten(counts):
    """Return how many product cells the body's phagocytes have eaten so far."""
    return (
        counts[b.DIED_LUNG]
        + counts[b.CLEARED_LIVER]
        + counts[b.CLEARED_SPLEEN]
        + counts[b.DIED_ELSEWHERE]
        + counts[b.DIED_TARGET]
    )


@kernel
def carry(world, tick, hours, first, last):
    """Move product cells between compartments for one body step; hand those that reach the target to the patches."""
    counts, clock = world.body.counts, world.clock
    n = counts.shape[0]
    scratch = np.empty((2, n), np.int64)
    ticks = int(hours * 120.0 + 0.5)
    which = 1 if ticks % clock[w.BODY] == 0 else 0
    period = clock[w.MOTION] if which == 0 else clock[w.BODY]
    target = counts[b.TARGET]
    died, eaten = counts[b.DIED_LUNG] + counts[b.DIED_ELSEWHERE], _eaten(counts)
    for repeat in range(ticks // period):
        _pass_once(world, tick, which, repeat, scratch[0], scratch[1])
    died_now = counts[b.DIED_LUNG] + counts[b.DIED_ELSEWHERE] - died
    world.body.flux[b.FLUX_ANTIGEN] += died_now * world.par[LUNG_ANTIGEN]
    world.body.flux[b.FLUX_EATEN] += _eaten(counts) - eaten
    if clock[w.MODE] != w.MODE_BODY and counts[b.TARGET] > target:
        _hand_over(world, tick, counts[b.TARGET] - target)
