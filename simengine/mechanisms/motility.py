"""The walk of cells, and the search of killers for something they recognise."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose, uniform, uniform2
from simengine.foundation.samplers import exponential
from simengine.kernels.motion import new_heading, turning_probability
from simengine.kernels.neighbours import reflect
from simengine.mechanisms.recognition import recognised_on_way
from simengine.mechanisms.registry import BEHAVIOURS
from simengine.state import cells as c
from simengine.state import world as w

SPEED_UM_PER_MIN = BEHAVIOURS("speed_um_per_min", "um/min", "speed of the walk", 0.0, 30.0)

_TURN = purpose("motility.turn")
_HEADING = purpose("motility.heading")
_ENGAGE = purpose("motility.engage")
_STAY = purpose("motility.stay")


@inlined
def act(world, tick, hours, first, last):
    """Keep the speed of each cell of a chunk for the motion steps until the next fates."""
    for k in range(last - first):
        world.cells.real[c.SPEED, first + k] = world.work.behaviours[SPEED_UM_PER_MIN, k]


@inlined
def _can_find(world, i, kind):
    """Tell whether cell ``i`` searches, and anything in its patch shows a mark that it sees."""
    if world.cells.real[c.ENGAGING, i] <= 0.0:
        return False
    patch = world.cells.whole[c.PATCH, i]
    seen = 0.0
    for m in range(c.N_MARKS):
        seen += world.types.sees[kind, m] * world.patch[patch, w.SHOWN_CLASS_1 + m]
    return seen > 0.0


@inlined
def _meets(world, i, hours, tick, part):
    """Draw whether a searching killer engages on its way to ``world.work.way``.

    Notes
    -----
    EQ-CONTACT-3: chance = 1 - exp(-engaging x recognised real cells in reach x hours).
    """
    n = recognised_on_way(world, i)
    if n == 0:
        return False
    recognised = 0.0
    for m in range(n):
        recognised += world.work.strength[m]
    chance = 1.0 - exp(-world.cells.real[c.ENGAGING, i] * recognised * hours)
    return uniform(world.key, world.cells.uid[i], tick, _ENGAGE, part) < chance


@inlined
def _walk(world, tick, minutes, i, searches):
    """Move one cell for ``minutes``, in substeps of at most half its reach and its persistence time."""
    real, whole, uid = world.cells.real, world.cells.whole, world.cells.uid[i]
    kind = whole[c.TYPE, i]
    speed = real[c.SPEED, i]
    nz, ny, nx = world.grid.shape[1], world.grid.shape[2], world.grid.shape[3]
    spacing = world.grid.spacing_um[0]
    persistence = world.types.real[w.TYPE_PERSISTENCE_MIN, kind]
    longest = min(persistence, minutes)
    if searches:
        longest = min(longest, (real[c.RADIUS, i] + 4.0) / (2.0 * speed))
    n = int(np.ceil(minutes / longest))
    part_min = minutes / n
    turning = turning_probability(part_min, persistence)
    hx, hy, hz = real[c.HEADING_X, i], real[c.HEADING_Y, i], real[c.HEADING_Z, i]
    way, here = world.work.way, real[c.X : c.X + 3, i]
    for part in range(n):
        if uniform(world.key, uid, tick, _TURN, part) < turning:
            a, b = uniform2(world.key, uid, tick, _HEADING, part)
            hx, hy, hz = new_heading(a, b, real[c.DRIFT_X, i], real[c.DRIFT_Y, i], real[c.DRIFT_Z, i], nz == 1)
        step = speed * part_min
        way[0] = reflect(here[0] + step * hx, nx * spacing)
        way[1] = reflect(here[1] + step * hy, ny * spacing)
        way[2] = here[2] if nz == 1 else reflect(here[2] + step * hz, nz * spacing)
        engages = searches and _meets(world, i, part_min / 60.0, tick, part)
        for axis in range(3):
            here[axis] = way[axis]
        if engages:
            stay_h = world.types.real[w.TYPE_ENGAGED_H, kind] * exponential(world.key, uid, tick, _STAY, part)
            whole[c.ENGAGED_UNTIL, i] = tick + 1 + int(stay_h * w.TICKS_PER_H)
            break
    real[c.HEADING_X, i], real[c.HEADING_Y, i], real[c.HEADING_Z, i] = hx, hy, hz


@kernel
def move(world, tick, hours, others_hours, first, last):
    """Let the cells of a patch walk: those who search ``hours``, all others ``others_hours``; engaged killers stay (EQ-WALK-4).

    Everyone meets the others where they were at the start of the step, so the order of cells does not matter: a cell walks
    in its own column, and how far it came is added to its displacement in ``grid.scratch``.
    """
    real, whole, moved = world.cells.real, world.cells.whole, world.grid.scratch
    for i in range(first, last):
        if whole[c.ENGAGED_UNTIL, i] > tick:
            continue
        whole[c.ENGAGED_UNTIL, i] = -1
        if real[c.SPEED, i] > 0.0:
            searches = _can_find(world, i, whole[c.TYPE, i])
            minutes = 60.0 * (hours if searches else others_hours)
            if minutes > 0.0:
                x, y, z = real[c.X, i], real[c.Y, i], real[c.Z, i]
                _walk(world, tick, minutes, i, searches)
                moved[0, i] += real[c.X, i] - x
                moved[1, i] += real[c.Y, i] - y
                moved[2, i] += real[c.Z, i] - z
                real[c.X, i], real[c.Y, i], real[c.Z, i] = x, y, z
