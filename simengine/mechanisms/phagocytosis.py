"""Clearance of the dead: macrophages and neutrophils eat host debris and dead product cells in their voxel."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp
from simengine.mechanisms.registry import BEHAVIOURS
from simengine.state import cells as c
from simengine.state import world as w

EATING_PER_H = BEHAVIOURS("eating_per_h", "1/h", "rate at which the cell clears the dead of its voxel", 0.0, 50.0)


@inlined
def act(world, tick, hours, first, last):
    """Let each cell of a chunk eat debris and dead product cells in its voxel.

    Notes
    -----
    EQ-EAT-1: amount falls by the factor exp(-weight x eating x hours).
    """
    behaviours = world.work.behaviours
    n_voxels = world.tissue.shape[2]
    for i in range(first, last):
        rate = behaviours[EATING_PER_H, i - first]
        if rate > 0.0:
            patch = world.cells.whole[c.PATCH, i]
            voxel = world.cells.whole[c.VOXEL, i] - patch * n_voxels
            left = exp(-world.cells.real[c.WEIGHT, i] * rate * hours)
            world.tissue[w.DEBRIS, patch, voxel] *= left
            world.tissue[w.APOPTOTIC, patch, voxel] *= left
