"""Secretion and uptake of signals by cells and by tissue, and the pull that gradients have on a cell."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.state import cells as c
from simengine.state import world as w

# Rows of secretion, uptake and chemotaxis follow after all declared behaviours: n_declared + which * F + field.


@kernel
def secrete(world, tick, hours, first, last):
    """Add what the cells of a chunk secrete and take up to the sources and losses of their voxels.

    Notes
    -----
    EQ-SECRETE-1: source += weight x secretion / voxel volume; loss += weight x uptake / voxel volume, divided by
    (K + c) where the field has a Michaelis constant K, which keeps zero-order uptake from making anything negative.
    """
    behaviours = world.work.behaviours
    n_fields = world.fields.value.shape[0]
    declared = behaviours.shape[0] - 3 * n_fields
    n_voxels = world.grid.shape[1] * world.grid.shape[2] * world.grid.shape[3]
    nx, ny = world.grid.shape[3], world.grid.shape[2]
    volume_ml = world.grid.spacing_um[0] * world.grid.spacing_um[0] * world.grid.spacing_um[0] * 1e-12
    for i in range(first, last):
        k = i - first
        patch = world.cells.whole[c.PATCH, i]
        voxel = world.cells.whole[c.VOXEL, i] - patch * n_voxels
        ix, iy, iz = voxel % nx, (voxel // nx) % ny, voxel // (nx * ny)
        share = world.cells.real[c.WEIGHT, i] / volume_ml
        for f in range(n_fields):
            secreted = behaviours[declared + f, k]
            if secreted > 0.0:
                world.fields.source[f, patch, iz, iy, ix] += share * secreted
            taken = behaviours[declared + n_fields + f, k]
            if taken > 0.0:
                half = world.fields.constant[w.FIELD_HALF_UPTAKE, f]
                if half > 0.0:
                    taken /= half + world.fields.value[f, patch, iz, iy, ix]
                world.fields.loss[f, patch, iz, iy, ix] += share * taken


@kernel
def secrete_tissue(world, patch, first, last):
    """Store what the voxels ``first`` to ``last`` of a patch secrete and take up (per voxel volume, EQ-SECRETE-2)."""
    behaviours = world.work.behaviours
    n_fields = world.fields.value.shape[0]
    declared = behaviours.shape[0] - 3 * n_fields
    nx, ny = world.grid.shape[3], world.grid.shape[2]
    for voxel in range(first, last):
        k = voxel - first
        ix, iy, iz = voxel % nx, (voxel // nx) % ny, voxel // (nx * ny)
        vessels = world.tissue[w.VESSELS, patch, iz, iy, ix]
        for f in range(n_fields):
            exchange = world.fields.constant[w.FIELD_CLEARANCE, f] * vessels
            source = behaviours[declared + f, k] + exchange * world.fields.constant[w.FIELD_BLOOD, f]
            taken = behaviours[declared + n_fields + f, k]
            half = world.fields.constant[w.FIELD_HALF_UPTAKE, f]
            if half > 0.0:
                taken /= half + world.fields.value[f, patch, iz, iy, ix]
            world.fields.tissue_source[f, patch, iz, iy, ix] = source
            world.fields.tissue_loss[f, patch, iz, iy, ix] = (
                world.fields.constant[w.FIELD_DECAY, f] + exchange + taken
            )


@kernel
def _slope(value, patch, iz, iy, ix, axis, spacing):
    """Return the central difference of a field along an axis (0 = x), one-sided at the walls, per µm."""
    n = value.shape[3 - axis]
    at = ix if axis == 0 else (iy if axis == 1 else iz)
    low, high = max(at - 1, 0), min(at + 1, n - 1)
    if low == high:
        return 0.0
    if axis == 0:
        rise = value[patch, iz, iy, high] - value[patch, iz, iy, low]
    elif axis == 1:
        rise = value[patch, iz, high, ix] - value[patch, iz, low, ix]
    else:
        rise = value[patch, high, iy, ix] - value[patch, low, iy, ix]
    return rise / ((high - low) * spacing)


@kernel
def feel_gradients(world, first, last):
    """Store the drift of each cell of a chunk: the sum over sensed fields of bias x g / (|g| + g_half) (EQ-WALK-3)."""
    behaviours = world.work.behaviours
    n_fields = world.fields.value.shape[0]
    row = behaviours.shape[0] - n_fields
    n_voxels = world.grid.shape[1] * world.grid.shape[2] * world.grid.shape[3]
    nx, ny = world.grid.shape[3], world.grid.shape[2]
    spacing = world.grid.spacing_um[0]
    for i in range(first, last):
        k = i - first
        patch = world.cells.whole[c.PATCH, i]
        voxel = world.cells.whole[c.VOXEL, i] - patch * n_voxels
        ix, iy, iz = voxel % nx, (voxel // nx) % ny, voxel // (nx * ny)
        x, y, z = 0.0, 0.0, 0.0
        for f in range(n_fields):
            bias = behaviours[row + f, k]
            if bias != 0.0:
                value = world.fields.value[f]
                gx = _slope(value, patch, iz, iy, ix, 0, spacing)
                gy = _slope(value, patch, iz, iy, ix, 1, spacing)
                gz = _slope(value, patch, iz, iy, ix, 2, spacing)
                pull = bias / (np.sqrt(gx * gx + gy * gy + gz * gz) + world.fields.constant[w.FIELD_GRADIENT_HALF, f])
                x, y, z = x + pull * gx, y + pull * gy, z + pull * gz
        world.cells.real[c.DRIFT_X, i] = x
        world.cells.real[c.DRIFT_Y, i] = y
        world.cells.real[c.DRIFT_Z, i] = z
