"""Time: one compiled loop over the eight phases, always in this order, from one base tick to another.

    1 schedule and 2 body     doses, drugs, compartments, priming, arrivals       (hooks ``carry``, ``flow``)
    3 sense, 4 propose        signals -> behaviours -> hazards, chunk by chunk
    5 decide                  hazards against each cell's thresholds
    6 act                     die, divide, change stage, move, secrete
    7 relax                   fields, tissue
    8 record                  counts, ledger, events

Every phase is due at fixed base ticks, whatever blocks the run is cut into. A patch goes at one of three paces, chosen at
each step of the tissue. Without product cells or engaged killers it *sleeps*: it takes the steps of the tissue, and nothing
walks in it. Where so little happens that hazards can be held, it is *settled*: cells live, move and press at the steps of
the tissue; only those who search for something to attack walk, and only engaged killers strike, at their own pace.
Otherwise it is *busy*, and every clock counts.
"""

from __future__ import annotations

from simengine.engine.hooks import carry, flow
from simengine.engine.record import record
from simengine.engine.spaces import (
    enlarge,
    give_to_body,
    live,
    put_in_order,
    relax_fields,
    renew_tissue,
    settle,
    skirmish,
    walk,
)
from simengine.foundation.jit import inlined, kernel
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w

__all__ = ["advance"]

ROOM = 2048
"""Columns kept free beyond a third more than the living, so that no step runs out of them."""
SETTLED_SHARE = 0.01
"""Largest share of product agents that may be expected to change within a step of the tissue while hazards are held for it."""
FAST_AFTER_DOSE_H = 6
"""The body goes at the pace of the walk until this long after a dose."""


@inlined
def _is_ready(world):
    """Return DONE when the next step can be finished in the room there is, else the reason why not."""
    if world.clock[w.PROBLEM] != w.DONE:
        return world.clock[w.PROBLEM]
    n = world.cells.count[0]
    if n > world.clock[w.MAX_AGENTS]:
        return w.TOO_MANY
    if n + n // 3 + ROOM > world.cells.uid.shape[0]:
        return w.GROW
    kept, room = world.events.count[0], world.events.hour.shape[0]
    if room > 0 and kept + world.cells.uid.shape[0] + ROOM > room:
        return w.LOG_FULL
    return w.DONE


@kernel
def _is_dose_near(world, tick, ticks):
    """Tell whether a dose is given in ``[tick, tick + ticks)`` or was given within the last hours."""
    doses = world.body.doses
    for d in range(doses.shape[0]):
        begins, ends = doses[d, b.DOSE_FIRST_TICK], doses[d, b.DOSE_LAST_TICK]
        if doses[d, b.DOSE_CELLS] > 0.0 and begins < tick + ticks and tick < ends + FAST_AFTER_DOSE_H * w.TICKS_PER_H:
            return True
    return False


@inlined
def _holds_product(world, tick, patch):
    """Return how many product cells a patch holds, and whether it holds any or an engaged killer."""
    n_voxels, whole = world.tissue.shape[2], world.cells.whole
    n, engaged = 0, 0
    for i in range(world.grid.start[patch * n_voxels], world.grid.start[(patch + 1) * n_voxels]):
        n += world.types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, i]]
        engaged += int(whole[c.ENGAGED_UNTIL, i] > tick)
    return n, n + engaged > 0


@inlined
def _expect(world, patch):
    """Return how many events of product agents were to be expected since this was last asked, and remember the sum."""
    total = 0.0
    for kind in range(world.types.real.shape[1]):
        if world.types.whole[w.TYPE_IS_PRODUCT, kind] == 1:
            for event in range(world.tally.shape[2]):
                total += world.tally[w.TALLY_HAZARD, patch, event, kind]
    since = total - world.patch[patch, w.EXPECTED]
    world.patch[patch, w.EXPECTED] = total
    return since


@inlined
def _set_pace(world, tick):
    """Decide the pace of every patch for the next tissue step: asleep, settled or busy.

    Awake is a patch with living or waiting product cells or engaged killers, one that is given a dose, or any in mode
    ``patch``. It is settled if it was awake before, no dose is near, and of its product agents at most one in a hundred
    was expected to die, divide or change stage within the last step of the tissue.
    """
    near = _is_dose_near(world, tick, world.clock[w.TISSUE])
    for p in range(world.patch.shape[0]):
        patch = world.patch[p]
        always = world.clock[w.MODE] == w.MODE_PATCH
        n, alive = _holds_product(world, tick, p)
        calm = patch[w.AWAKE] == 1.0 and _expect(world, p) <= SETTLED_SHARE * n
        busy = always or alive or (near and patch[w.TAKES_PRODUCT] == 1.0)
        if busy != (patch[w.AWAKE] == 1.0):
            patch[w.MODE_SWITCHES] += 1.0
        patch[w.AWAKE] = 1.0 if busy else 0.0
        patch[w.SETTLED] = 1.0 if busy and calm and not near and not always else 0.0


@inlined
def _stride(world, tick, any_awake):
    """Return the length of the next step in ticks: a walk, or up to the next step of body or tissue."""
    clock = world.clock
    if any_awake or _is_dose_near(world, tick, clock[w.TISSUE]):
        return clock[w.MOTION]
    return min(clock[w.BODY] - tick % clock[w.BODY], clock[w.TISSUE] - tick % clock[w.TISSUE])


@inlined
def _advance_body(world, tick, stride):
    """Advance the body: product cells at every walk near a dose, else once a period; all else once a period, always.

    What the host does in the body therefore hangs neither on doses, nor on what is recorded, nor on who sleeps.
    """
    period = world.clock[w.BODY]
    if _is_dose_near(world, tick - tick % period, period):
        carry(world, tick, stride / w.TICKS_PER_H, 0, 0)
    elif tick % period == 0:
        carry(world, tick, period / w.TICKS_PER_H, 0, 0)
    if tick % period == 0:
        hours = period / w.TICKS_PER_H
        give_to_body(world, hours)
        flow(world, tick, hours, 0, 0)


@inlined
def _advance_patch(world, tick, patch):
    """Advance the tissue, cells and fields of a patch if their steps begin at ``tick``."""
    clock = world.clock
    busy = world.patch[patch, w.AWAKE] == 1.0 and world.patch[patch, w.SETTLED] == 0.0
    tissue_due = tick % clock[w.TISSUE] == 0
    if tissue_due:
        renew_tissue(world, patch, clock[w.TISSUE] / w.TICKS_PER_H)
    fates, fields = (clock[w.FATES], clock[w.FIELDS]) if busy else (clock[w.TISSUE], clock[w.TISSUE])
    fields_due = tick % fields == 0
    if tick % fates == 0:
        live(world, tick, patch, fates / w.TICKS_PER_H, fields_due)
    if fields_due:
        relax_fields(world, patch, fields / w.TICKS_PER_H)
    if tissue_due:
        enlarge(world, tick, patch)


@inlined
def _walk_patches(world, tick, stride):
    """Let killers of settled patches strike, and the cells of all patches that are awake walk; return whether any is busy."""
    clock, any_busy = world.clock, False
    if tick % clock[w.FATES] == 0:
        for p in range(world.patch.shape[0]):
            if world.patch[p, w.SETTLED] == 1.0:
                skirmish(world, tick, p, clock[w.FATES] / w.TICKS_PER_H)
        settle(world)
    for p in range(world.patch.shape[0]):
        if world.patch[p, w.AWAKE] == 1.0:
            walk(world, tick, p, stride / w.TICKS_PER_H)
            world.patch[p, w.AWAKE_H] += stride / w.TICKS_PER_H
            any_busy = any_busy or world.patch[p, w.SETTLED] == 0.0
    return any_busy


@kernel
def advance(world, first, last):
    """Advance a patient from base tick ``first`` to ``last``; return DONE, or why it stopped before a step.

    GROW: more columns are needed; LOG_FULL: take the events away; then call again from ``world.clock[NOW]``. Stopping
    anywhere and going on gives the same bits. The record at ``clock[END]`` is written when the end is reached.
    """
    clock = world.clock
    tick = first
    while tick < last:
        clock[w.NOW] = tick
        status = _is_ready(world)
        if status != w.DONE:
            return status
        record(world, tick)
        any_awake = False
        if clock[w.MODE] == w.MODE_BODY:
            period = clock[w.BODY]
            stride = clock[w.MOTION] if _is_dose_near(world, tick - tick % period, period) else period
            _advance_body(world, tick, stride)
        else:
            if tick % clock[w.TISSUE] == 0:
                _set_pace(world, tick)
            for p in range(world.patch.shape[0]):
                any_awake = any_awake or world.patch[p, w.AWAKE] == 1.0
            stride = _stride(world, tick, any_awake)
            _advance_body(world, tick, stride)
            settle(world)
            for p in range(world.patch.shape[0]):
                _advance_patch(world, tick, p)
            settle(world)
            if any_awake and (
                _walk_patches(world, tick, stride) or tick % clock[w.TISSUE] == 0 or (tick + stride) % clock[w.TISSUE] == 0
            ):
                put_in_order(world)
        tick += stride
    clock[w.NOW] = tick
    if tick >= clock[w.END]:
        record(world, tick)
    return clock[w.PROBLEM]
