"""Whom a cell recognises among those it touches."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.kernels.contacts import MARGIN_UM, keep_recognised, share_in_reach
from simengine.kernels.neighbours import swept_contacts
from simengine.state import cells as c
from simengine.state import world as w

__all__ = ["recognised_here", "recognised_on_way"]


@inlined
def _store_shares(world, i, n):
    """Store which share of each of the ``n`` agents in reach cell ``i`` touches on its way."""
    real, whole, work = world.cells.real, world.cells.whole, world.work
    squared = 0.0
    for axis in range(3):
        leg = work.way[axis] - real[c.X + axis, i]
        squared += leg * leg
    way = np.sqrt(squared)
    single, agent = world.types.real[w.TYPE_RADIUS_UM, whole[c.TYPE, i]], real[c.RADIUS, i]
    for m in range(n):
        j = work.index[m]
        one, all_of_it = world.types.real[w.TYPE_RADIUS_UM, whole[c.TYPE, j]], real[c.RADIUS, j]
        work.strength[m] = share_in_reach(single + one + MARGIN_UM, agent + all_of_it + MARGIN_UM, way)


@kernel
def recognised_on_way(world, i):
    """List the recognised cells that cell ``i`` touches on its straight way to ``world.work.way``; return how many.

    The list is left in ``world.work.index`` and ``world.work.strength``.
    """
    real, work, grid = world.cells.real, world.work, world.grid
    kind, patch = world.cells.whole[c.TYPE, i], world.cells.whole[c.PATCH, i]
    n_voxels = grid.shape[1] * grid.shape[2] * grid.shape[3]
    start = grid.start[patch * n_voxels : (patch + 1) * n_voxels + 1]
    reach = (MARGIN_UM, grid.largest_um[0])
    n = swept_contacts(i, work.way, real, start, grid.shape, grid.spacing_um[0], reach, work.index)
    n = min(n, work.index.size)
    _store_shares(world, i, n)
    sees = world.types.sees[kind]
    return keep_recognised(n, work.index, sees, real[c.CLASS_1 : c.CLASS_1 + c.N_MARKS], real[c.WEIGHT], work.strength)


@kernel
def recognised_here(world, i):
    """List the recognised cells that cell ``i`` touches where it stands; return how many."""
    for axis in range(3):
        world.work.way[axis] = world.cells.real[c.X + axis, i]
    return recognised_on_way(world, i)
