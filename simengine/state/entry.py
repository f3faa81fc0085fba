"""The only door through which a cell enters the columns from outside."""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.random import purpose, uniform, uniform2
from simengine.foundation.samplers import exponential, unit_vector, unit_vector_2d
from simengine.state import cells as c
from simengine.state import world as w

__all__ = ["enter"]

_PLACE = purpose("entry.place")
_HEADING = purpose("entry.heading")
_DEATH = purpose("fate.death_threshold")
_PROGRESS = purpose("fate.progress_threshold")
_FRAGILE = purpose("entry.fragile")


@inlined
def _cube_root(value):
    """Return the cube root of a positive number by Newton's iteration (own arithmetic, same bits everywhere)."""
    root = 1.0
    while root * root * root < value:
        root *= 2.0
    for _ in range(60):
        better = (2.0 * root + value / (root * root)) / 3.0
        if not better < root:
            break
        root = better
    return root


@kernel
def enter(world, kind, patch, identity, tick):
    """Add one agent at a random place of a patch; return its column, or -1 when the columns are full.

    Parameters
    ----------
    kind : int64
        Row of the type table.
    patch : int64
    identity : uint64
        Permanent name, the address of all of the cell's random numbers.
    tick : int64
        Now.

    Notes
    -----
    EQ-ENTER-1: the place is uniform in the patch; radius = radius of a real cell x cube root of the weight, so that the
    volume is that of the cells it stands for; both thresholds are Exp(1); fragile with the product's probability.
    """
    cells = world.cells
    i = cells.count[0]
    if i >= cells.uid.shape[0]:
        world.clock[w.PROBLEM] = w.TOO_MANY
        return -1
    cells.count[0] = i + 1
    nz, ny, nx = world.grid.shape[1], world.grid.shape[2], world.grid.shape[3]
    spacing = world.grid.spacing_um[0]
    u, v = uniform2(world.key, identity, 0, _PLACE, 0)
    q = uniform(world.key, identity, 0, _PLACE, 1)
    x, y, z = u * nx * spacing, v * ny * spacing, q * nz * spacing
    if nz == 1:
        z = 0.5 * spacing
    weight = world.types.real[w.TYPE_WEIGHT, kind]
    cells.uid[i] = identity
    for row in range(c.N_REAL):
        cells.real[row, i] = 0.0
    cells.real[c.X, i], cells.real[c.Y, i], cells.real[c.Z, i] = x, y, z
    cells.real[c.WEIGHT, i] = weight
    cells.real[c.RADIUS, i] = world.types.real[w.TYPE_RADIUS_UM, kind] * _cube_root(weight)
    hx, hy, hz = unit_vector(world.key, identity, 0, _HEADING, 0)
    if nz == 1:
        hx, hy = unit_vector_2d(world.key, identity, 0, _HEADING, 0)
        hz = 0.0
    cells.real[c.HEADING_X, i], cells.real[c.HEADING_Y, i], cells.real[c.HEADING_Z, i] = hx, hy, hz
    cells.real[c.DEATH_LEFT, i] = exponential(world.key, identity, 0, _DEATH, 0)
    cells.real[c.PROGRESS_LEFT, i] = exponential(world.key, identity, 0, _PROGRESS, 0)
    if uniform(world.key, identity, 0, _FRAGILE, 0) < world.types.real[w.TYPE_FRAGILE, kind]:
        cells.real[c.FRAILTY, i] = 1.0
    for row in range(c.N_WHOLE):
        cells.whole[row, i] = 0
    busy = world.patch[patch, w.AWAKE] == 1.0 and world.patch[patch, w.SETTLED] == 0.0
    period = world.clock[w.FATES] if busy else world.clock[w.TISSUE]
    cells.real[c.OWED_H, i] = ((period - tick % period) % period) / w.TICKS_PER_H
    cells.whole[c.TYPE, i] = kind
    cells.whole[c.PATCH, i] = patch
    cells.whole[c.BORN, i] = tick
    cells.whole[c.SINCE, i] = tick
    cells.whole[c.RENEWALS, i] = 1
    cells.whole[c.ENGAGED_UNTIL, i] = -1
    cells.whole[c.FATE, i] = -1
    return i
