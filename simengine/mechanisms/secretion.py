"""Secretion and uptake of signals by cells and by tissue, and the pull that gradients have on a cell."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.kernels.neighbours import filled_voxels
from simengine.state import cells as c
from simengine.state import world as w

# Rows of secretion, uptake and chemotaxis follow after all declared behaviours: n_declared + which * F + field.


@inlined
def _exchange(world, patch, voxel, share, column):
    """Add to one voxel what a cell with the behaviours of ``column`` secretes and takes up; ``share`` is cells per mL."""
    behaviours, fields = world.work.behaviours, world.fields
    n_fields = fields.value.shape[0]
    declared = behaviours.shape[0] - 3 * n_fields
    for f in range(n_fields):
        secreted = behaviours[declared + f, column]
        if secreted > 0.0:
            fields.source[f, patch, voxel] += share * secreted
        taken = behaviours[declared + n_fields + f, column]
        if taken > 0.0:
            half = fields.constant[w.FIELD_HALF_UPTAKE, f]
            if half > 0.0:
                taken /= half + fields.value[f, patch, voxel]
            fields.loss[f, patch, voxel] += share * taken


@kernel
def secrete(world, tick, hours, first, last):
    """Add what the cells of a chunk secrete and take up to the sources and losses of the voxels that they fill.

    Notes
    -----
    EQ-SECRETE-1: source += weight x secretion / volume; loss += weight x uptake / volume, divided by (K + c) where the
    field has a Michaelis constant K, which keeps zero-order uptake from making anything negative. An agent of many cells
    shares both among the voxels that it fills: ten cells must not breathe in one place.
    """
    spacing, work = world.grid.spacing_um[0], world.work
    volume_ml = spacing * spacing * spacing * 1e-12
    for i in range(first, last):
        patch = world.cells.whole[c.PATCH, i]
        voxel = world.cells.whole[c.VOXEL, i] - patch * world.tissue.shape[2]
        cells_per_ml = world.cells.real[c.WEIGHT, i] / volume_ml
        edge = world.cells.real[c.RADIUS, i] / world.types.real[w.TYPE_RADIUS_UM, world.cells.whole[c.TYPE, i]]
        for m in range(filled_voxels(voxel, edge, world.grid.shape, work.index, work.strength)):
            _exchange(world, patch, work.index[m], cells_per_ml * work.strength[m], i - first)


@kernel
def secrete_tissue(world, patch, first, last):
    """Store what the voxels ``first`` to ``last`` of a patch secrete and take up (per voxel volume, EQ-SECRETE-2)."""
    behaviours, fields = world.work.behaviours, world.fields
    n_fields = fields.value.shape[0]
    declared = behaviours.shape[0] - 3 * n_fields
    for f in range(n_fields):
        secreted, taken = behaviours[declared + f], behaviours[declared + n_fields + f]
        clearance, blood = fields.constant[w.FIELD_CLEARANCE, f], fields.constant[w.FIELD_BLOOD, f]
        half, decay = fields.constant[w.FIELD_HALF_UPTAKE, f], fields.constant[w.FIELD_DECAY, f]
        for voxel in range(first, last):
            k = voxel - first
            exchange = clearance * world.tissue[w.VESSELS, patch, voxel]
            uptake = taken[k] / (half + fields.value[f, patch, voxel]) if half > 0.0 else taken[k]
            fields.tissue_source[f, patch, voxel] = exchange * blood + secreted[k]
            fields.tissue_loss[f, patch, voxel] = decay + exchange + uptake


@kernel
def _slope(value, voxel, at, n, stride, spacing):
    """Return the central difference of a field, one-sided at the walls, per µm.

    ``value`` float64[V] of one patch; ``at`` of ``n`` is the place along the axis, whose neighbours lie ``stride`` apart.
    """
    low, high = (1 if at > 0 else 0), (1 if at < n - 1 else 0)
    if low + high == 0:
        return 0.0
    return (value[voxel + high * stride] - value[voxel - low * stride]) / ((low + high) * spacing)


@kernel
def feel_gradients(world, first, last):
    """Store the drift of each cell of a chunk: the sum over sensed fields of bias x g / (|g| + g_half) (EQ-WALK-3)."""
    behaviours, real = world.work.behaviours, world.cells.real
    n_fields, n_voxels = world.fields.value.shape[0], world.tissue.shape[2]
    row = behaviours.shape[0] - n_fields
    nz, ny, nx = world.grid.shape[1], world.grid.shape[2], world.grid.shape[3]
    spacing = world.grid.spacing_um[0]
    for i in range(first, last):
        k = i - first
        patch = world.cells.whole[c.PATCH, i]
        voxel = world.cells.whole[c.VOXEL, i] - patch * n_voxels
        x, y, z = 0.0, 0.0, 0.0
        for f in range(n_fields):
            bias = behaviours[row + f, k]
            if bias != 0.0:
                value = world.fields.value[f, patch]
                gx = _slope(value, voxel, voxel % nx, nx, 1, spacing)
                gy = _slope(value, voxel, (voxel // nx) % ny, ny, nx, spacing)
                gz = _slope(value, voxel, voxel // (nx * ny), nz, nx * ny, spacing)
                pull = bias / (np.sqrt(gx * gx + gy * gy + gz * gz) + world.fields.constant[w.FIELD_GRADIENT_HALF, f])
                x, y, z = x + pull * gx, y + pull * gy, z + pull * gz
        real[c.DRIFT_X, i], real[c.DRIFT_Y, i], real[c.DRIFT_Z, i] = x, y, z
