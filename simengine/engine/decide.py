"""The only place of life and death: hazards against each cell's own thresholds, then the columns follow."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.random import daughter_identity, purpose, uniform
from simengine.foundation.samplers import exponential, unit_vector
from simengine.kernels.fates import DEATH, NOTHING, first_event, pick_cause
from simengine.kernels.neighbours import reflect, voxel_of
from simengine.mechanisms.differentiation import TRANSITION_PER_H
from simengine.mechanisms.proliferation import DIVISION_PER_H
from simengine.state import cells as c
from simengine.state import world as w
from simengine.state.log import log_event

__all__ = ["decide", "remove_dead", "strike"]

_DEATH = purpose("fate.death_threshold")
_PROGRESS = purpose("fate.progress_threshold")
_CAUSE = purpose("fate.cause")
_BRANCH = purpose("fate.branch")
_SPLIT = purpose("fate.split_axis")


@kernel
def _tally(world, event, i):
    """Book an event under its patch, name and type: agents and real cells."""
    patch, kind = world.cells.whole[c.PATCH, i], world.cells.whole[c.TYPE, i]
    world.tally[w.TALLY_CELLS, patch, event, kind] += world.cells.real[c.WEIGHT, i] * world.patch[patch, w.GROWTH]
    world.tally[w.TALLY_EVENTS, patch, event, kind] += 1.0


@inlined
def _tally_hazards(world, i, k, hours, causes):
    """Add the cumulative hazard that cell ``i`` lived through to the compensators of all events (EQ-FATE-3)."""
    patch, kind = world.cells.whole[c.PATCH, i], world.cells.whole[c.TYPE, i]
    hazards, behaviours = world.work.hazards, world.work.behaviours
    n = hazards.shape[0]
    for m in causes:
        world.tally[w.TALLY_HAZARD, patch, m, kind] += hazards[m, k] * hours
    world.tally[w.TALLY_HAZARD, patch, n, kind] += behaviours[DIVISION_PER_H, k] * hours
    world.tally[w.TALLY_HAZARD, patch, n + 1, kind] += behaviours[TRANSITION_PER_H, k] * hours


@inlined
def _renew_progress(world, i):
    """Draw the next progress threshold of a cell; its address is its identity and how many it has used."""
    ordinal = world.cells.whole[c.RENEWALS, i]
    world.cells.real[c.PROGRESS_LEFT, i] = exponential(world.key, world.cells.uid[i], ordinal, _PROGRESS, 0)
    world.cells.whole[c.RENEWALS, i] = ordinal + 1


@kernel
def _divide(world, tick, i):
    """Add the daughter of cell ``i`` beside it; return her column, or -1 when the columns are full.

    The mother keeps her identity and her place in time; the daughter copies what she is, with thresholds of her own.
    """
    cells = world.cells
    j = cells.count[0]
    if j >= cells.uid.shape[0]:
        world.clock[w.PROBLEM] = w.TOO_MANY
        return -1
    cells.count[0] = j + 1
    for row in range(c.N_REAL):
        cells.real[row, j] = cells.real[row, i]
    for row in range(c.N_WHOLE):
        cells.whole[row, j] = cells.whole[row, i]
    uid = daughter_identity(world.key, cells.uid[i], cells.whole[c.DIVISIONS, i])
    cells.uid[j] = uid
    cells.whole[c.DIVISIONS, i] += 1
    cells.whole[c.DIVISIONS, j] = 0
    cells.whole[c.RENEWALS, j] = 1
    cells.whole[c.BORN, j] = tick
    cells.real[c.DEATH_LEFT, j] = exponential(world.key, uid, 0, _DEATH, 0)
    cells.real[c.PROGRESS_LEFT, j] = exponential(world.key, uid, 0, _PROGRESS, 0)
    nz, ny, nx = world.grid.shape[1], world.grid.shape[2], world.grid.shape[3]
    spacing, apart = world.grid.spacing_um[0], cells.real[c.RADIUS, i]
    dx, dy, dz = unit_vector(world.key, uid, 0, _SPLIT, 0)
    cells.real[c.X, j] = reflect(cells.real[c.X, i] + apart * dx, nx * spacing)
    cells.real[c.Y, j] = reflect(cells.real[c.Y, i] + apart * dy, ny * spacing)
    if nz > 1:
        cells.real[c.Z, j] = reflect(cells.real[c.Z, i] + apart * dz, nz * spacing)
    patch = cells.whole[c.PATCH, j]
    x, y, z = cells.real[c.X, j], cells.real[c.Y, j], cells.real[c.Z, j]
    cells.whole[c.VOXEL, j] = voxel_of(x, y, z, patch, spacing, world.grid.shape)
    return j


@inlined
def _die(world, tick, hour, i, k, total):
    """Mark a cell dead of a cause drawn in proportion to the hazards; a product cell leaves its body to be eaten."""
    u = uniform(world.key, world.cells.uid[i], 0, _CAUSE, 0)
    cause = pick_cause(world.work.hazards, k, total, u)
    world.cells.whole[c.FATE, i] = cause
    _tally(world, cause, i)
    if world.types.whole[w.TYPE_IS_PRODUCT, world.cells.whole[c.TYPE, i]] == 1:
        patch = world.cells.whole[c.PATCH, i]
        voxel = world.cells.whole[c.VOXEL, i] - patch * world.tissue.shape[2]
        world.tissue[w.APOPTOTIC, patch, voxel] += world.cells.real[c.WEIGHT, i]
        log_event(world, tick, hour, cause, i)


@inlined
def _progress(world, tick, hour, i, k, hours_left):
    """Let a cell divide or move on to its next stage; return whether it can live on at the same hazards.

    A cell that changes stage owes the rest of the step: its new hazards are known at the next one only.
    """
    behaviours = world.work.behaviours
    divides, moves = behaviours[DIVISION_PER_H, k], behaviours[TRANSITION_PER_H, k]
    ordinal = world.cells.whole[c.RENEWALS, i]
    branch = uniform(world.key, world.cells.uid[i], ordinal, _BRANCH, 0) * (divides + moves)
    is_product = world.types.whole[w.TYPE_IS_PRODUCT, world.cells.whole[c.TYPE, i]] == 1
    event = world.work.hazards.shape[0] if branch < divides else world.work.hazards.shape[0] + 1
    _tally(world, event, i)
    if is_product:
        log_event(world, tick, hour, event, i)
    _renew_progress(world, i)
    if branch < divides:
        j = _divide(world, tick, i)
        if j >= 0:
            world.cells.real[c.OWED_H, j] = hours_left
            if is_product:
                patch = world.cells.whole[c.PATCH, i]
                world.patch[patch, w.BIRTHS] += world.cells.real[c.WEIGHT, i] * world.patch[patch, w.GROWTH]
        return True
    before = world.cells.whole[c.TYPE, i]
    after = world.types.whole[w.TYPE_NEXT, before]
    world.cells.whole[c.TYPE, i] = after
    world.cells.whole[c.SINCE, i] = tick
    world.cells.real[c.RADIUS, i] *= world.types.real[w.TYPE_RADIUS_UM, after] / world.types.real[w.TYPE_RADIUS_UM, before]
    world.cells.real[c.OWED_H, i] = hours_left
    return False


@kernel
def _live_through(world, tick, i, k, hours, end_h, causes):
    """Let cell ``i`` live through ``hours`` that end at ``end_h`` (h since start) at the hazards of column ``k``.

    ``causes`` lists the rows of hazards that are not 0 for the whole chunk.
    """
    real = world.cells.real
    death = 0.0
    for m in causes:
        death += world.work.hazards[m, k]
    progress = world.work.behaviours[DIVISION_PER_H, k] + world.work.behaviours[TRANSITION_PER_H, k]
    left = hours
    while True:
        code, at = first_event(real[c.DEATH_LEFT, i], death, real[c.PROGRESS_LEFT, i], progress, left)
        _tally_hazards(world, i, k, at, causes)
        real[c.DEATH_LEFT, i] -= death * at
        left -= at
        if code == NOTHING:
            real[c.PROGRESS_LEFT, i] -= progress * at
            real[c.OWED_H, i] = 0.0
            break
        if code == DEATH:
            _die(world, tick, end_h - left, i, k, death)
            break
        if not _progress(world, tick, end_h - left, i, k, left):
            break


@inlined
def _causes_at_work(world, n):
    """Return the rows of the hazards that are not 0 in all of the first ``n`` columns, int64[<= K]."""
    hazards = world.work.hazards
    causes, found = np.empty(hazards.shape[0], np.int64), 0
    for m in range(hazards.shape[0]):
        at_work = 0
        for k in range(n):
            at_work += int(hazards[m, k] != 0.0)
        if at_work > 0:
            causes[found] = m
            found += 1
    return causes[:found]


@kernel
def decide(world, tick, hours, first, last):
    """Decide the fates of the cells ``first`` to ``last``, and of all daughters born to them within the step.

    Notes
    -----
    EQ-FATE-4: with hazards held over the step, event times are exact, and a daughter lives through the rest of the step
    in which she is born, so that no event is lost to the length of the step.
    """
    end_h = tick / w.TICKS_PER_H + hours
    causes = _causes_at_work(world, last - first)
    for i in range(first, last):
        k = i - first
        born = world.cells.count[0]
        _live_through(world, tick, i, k, hours + world.cells.real[c.OWED_H, i], end_h, causes)
        while born < world.cells.count[0]:
            _live_through(world, tick, born, k, world.cells.real[c.OWED_H, born], end_h, causes)
            born += 1


@kernel
def strike(world, tick, hours, first, last):
    """Let the attacked cells of a settled patch live through ``hours`` at the hazards from engaged killers alone.

    Notes
    -----
    EQ-FATE-5: hazards add up. What else can happen to a cell of a settled patch was decided for the whole step of the
    tissue at its beginning; what killers add is lived through at the pace of fates.
    """
    hazards, real = world.work.hazards, world.cells.real
    declared = hazards.shape[0] - c.N_ARMS
    end_h = tick / w.TICKS_PER_H + hours
    hazards[:declared, 0] = 0.0
    for i in range(first, last):
        total = 0.0
        for arm in range(c.N_ARMS):
            hazards[declared + arm, 0] = world.grid.scratch[w.ATTACK + arm, i]
            total += hazards[declared + arm, 0]
        if total > 0.0:
            code, at = first_event(real[c.DEATH_LEFT, i], total, 1.0, 0.0, hours)
            for m in range(declared, hazards.shape[0]):
                world.tally[w.TALLY_HAZARD, world.cells.whole[c.PATCH, i], m, world.cells.whole[c.TYPE, i]] += (
                    hazards[m, 0] * at
                )
            real[c.DEATH_LEFT, i] -= total * at
            if code == DEATH:
                _die(world, tick, end_h - (hours - at), i, 0, total)


@inlined
def remove_dead(world):
    """Close the gaps that the dead leave, in order; return whether the columns changed."""
    cells = world.cells
    n, fate, dead = cells.count[0], cells.whole[c.FATE], 0
    for i in range(n):
        dead += int(fate[i] >= 0)
    if dead == 0:
        return False
    kept = 0
    for i in range(n):
        if cells.whole[c.FATE, i] < 0:
            if kept < i:
                for row in range(c.N_REAL):
                    cells.real[row, kept] = cells.real[row, i]
                for row in range(c.N_WHOLE):
                    cells.whole[row, kept] = cells.whole[row, i]
                cells.uid[kept] = cells.uid[i]
            kept += 1
    cells.count[0] = kept
    return True
