"""What every cell and every voxel senses: fields, tissue, its own state, time and drugs."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.mechanisms.vocabulary import (
    ACTIVATION,
    AGE,
    ANTIBODY,
    APOPTOTIC,
    APOPTOTIC_EXPOSURE,
    BLOCKED_ACTIVATION,
    BLOCKED_INFLAMMATION,
    BLOCKED_PROLIFERATION,
    CROWDING,
    DEBRIS,
    DONOR_ANTIBODY,
    DRUG_ACTIVATION,
    DRUG_INFLAMMATION,
    DRUG_PROLIFERATION,
    EXPOSURE,
    FATIGUE,
    FUNCTIONAL,
    INJURED,
    N_DECLARED,
    NEUTROPHILS,
    POLARISATION,
    SCAR,
    STAGE_AGE,
    VESSELS,
    VOID,
)
from simengine.state import cells as c
from simengine.state import world as w


@kernel
def _sense_place(world, patch, voxel, column):
    """Fill the signals of one place: tissue and drugs. ``voxel`` counts inside the patch."""
    signals = world.work.signals
    tissue = world.tissue
    signals[CROWDING, column] = tissue[w.CROWDING, patch, voxel]
    signals[FUNCTIONAL, column] = tissue[w.FUNCTIONAL, patch, voxel]
    signals[INJURED, column] = tissue[w.INJURED, patch, voxel]
    signals[SCAR, column] = tissue[w.SCAR, patch, voxel]
    signals[VOID, column] = tissue[w.VOID, patch, voxel]
    signals[VESSELS, column] = tissue[w.VESSELS, patch, voxel]
    signals[DEBRIS, column] = tissue[w.DEBRIS, patch, voxel]
    signals[NEUTROPHILS, column] = tissue[w.NEUTROPHILS, patch, voxel]
    signals[APOPTOTIC, column] = tissue[w.APOPTOTIC, patch, voxel]
    signals[BLOCKED_ACTIVATION, column] = world.body.solutes[DRUG_ACTIVATION]
    signals[BLOCKED_PROLIFERATION, column] = world.body.solutes[DRUG_PROLIFERATION]
    signals[BLOCKED_INFLAMMATION, column] = world.body.solutes[DRUG_INFLAMMATION]
    signals[ANTIBODY, column] = world.body.solutes[DONOR_ANTIBODY]
    signals[EXPOSURE, column] = world.body.solutes[APOPTOTIC_EXPOSURE]


@kernel
def sense(world, tick, hours, first, last):
    """Fill the signals of the cells ``first`` to ``last``.

    Notes
    -----
    EQ-SENSE-1: a product cell senses level x share, the share of a signal that its receptors bind across species (1 within
    a species); host cells and tissue sense the level.
    """
    signals = world.work.signals
    real, whole = world.cells.real, world.cells.whole
    n_voxels = world.tissue.shape[2]
    for i in range(first, last):
        k = i - first
        patch = whole[c.PATCH, i]
        voxel = whole[c.VOXEL, i] - patch * n_voxels
        _sense_place(world, patch, voxel, k)
        is_product = world.types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, i]] == 1
        for f in range(world.fields.value.shape[0]):
            felt = world.fields.constant[w.FIELD_ACROSS, f] if is_product else 1.0
            signals[N_DECLARED + f, k] = felt * world.fields.value[f, patch, voxel]
        signals[AGE, k] = (tick - whole[c.BORN, i]) / w.TICKS_PER_H
        signals[STAGE_AGE, k] = (tick - whole[c.SINCE, i]) / w.TICKS_PER_H
        signals[ACTIVATION, k] = real[c.ACTIVATION, i]
        signals[POLARISATION, k] = real[c.POLARISATION, i]
        signals[FATIGUE, k] = real[c.FATIGUE, i]


@kernel
def sense_tissue(world, patch, first, last):
    """Fill the signals of the voxels ``first`` to ``last`` of a patch; signals of cells are 0."""
    signals = world.work.signals
    for voxel in range(first, last):
        k = voxel - first
        _sense_place(world, patch, voxel, k)
        signals[AGE, k] = 0.0
        signals[STAGE_AGE, k] = 0.0
        signals[ACTIVATION, k] = 0.0
        signals[POLARISATION, k] = 0.0
        signals[FATIGUE, k] = 0.0
    for f in range(world.fields.value.shape[0]):
        for voxel in range(first, last):
            signals[N_DECLARED + f, voxel - first] = world.fields.value[f, patch, voxel]
