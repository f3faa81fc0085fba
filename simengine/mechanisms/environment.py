"""What every cell and every voxel senses: fields, tissue, its own state, time and drugs; only what some rule reads."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.mechanisms.vocabulary import (
    ACTIVATION,
    AGE,
    APOPTOTIC_EXPOSURE,
    BLOCKED_ACTIVATION,
    DONOR_ANTIBODY,
    DRUG_ACTIVATION,
    DRUG_INFLAMMATION,
    DRUG_PROLIFERATION,
    FATIGUE,
    N_DECLARED,
    STAGE_AGE,
)
from simengine.state import cells as c
from simengine.state import world as w

_TISSUE = (
    w.CROWDING,
    w.FUNCTIONAL,
    w.INJURED,
    w.SCAR,
    w.VOID,
    w.VESSELS,
    w.DEBRIS,
    w.NEUTROPHILS,
    w.APOPTOTIC,
)
"""Rows of the tissue behind the signals CROWDING to APOPTOTIC."""
_STATE = (c.ACTIVATION, c.POLARISATION, c.FATIGUE)
"""Rows of the cells behind the signals ACTIVATION to FATIGUE."""
_SOLUTES = (DRUG_ACTIVATION, DRUG_PROLIFERATION, DRUG_INFLAMMATION, DONOR_ANTIBODY, APOPTOTIC_EXPOSURE)
"""Solutes behind the signals BLOCKED_ACTIVATION to EXPOSURE."""


@kernel
def _feel_place(world, patch, signal, n):
    """Fill one signal of ``n`` columns at the places ``work.place``: a field, a state of the tissue or a solute of the body."""
    out, place = world.work.signals[signal], world.work.place
    if BLOCKED_ACTIVATION <= signal < N_DECLARED:
        level = world.body.solutes[_SOLUTES[signal - BLOCKED_ACTIVATION]]
        for k in range(n):
            out[k] = level
        return
    row = world.tissue[_TISSUE[signal], patch] if signal < AGE else world.fields.value[signal - N_DECLARED, patch]
    for k in range(n):
        out[k] = row[place[k]]


@kernel
def _feel_self(world, tick, signal, first, n):
    """Fill one signal that each of ``n`` cells from ``first`` on has in itself: its age or a state."""
    out = world.work.signals[signal]
    if signal in (AGE, STAGE_AGE):
        since = world.cells.whole[c.BORN if signal == AGE else c.SINCE]
        for k in range(n):
            out[k] = (tick - since[first + k]) / w.TICKS_PER_H
        return
    state = world.cells.real[_STATE[signal - ACTIVATION]]
    for k in range(n):
        out[k] = state[first + k]


@kernel
def sense(world, tick, hours, first, last):
    """Fill the signals of the cells ``first`` to ``last`` of one patch that any rule reads.

    Notes
    -----
    EQ-SENSE-1: a product cell senses level x share, the share of a signal that its receptors bind across species (1 within
    a species); host cells and tissue sense the level.
    """
    work, whole, n = world.work, world.cells.whole, last - first
    if n == 0:
        return
    patch = whole[c.PATCH, first]
    for k in range(n):
        work.place[k] = whole[c.VOXEL, first + k] - patch * world.tissue.shape[2]
    for signal in world.rules.felt:
        if AGE <= signal <= FATIGUE:
            _feel_self(world, tick, signal, first, n)
            continue
        _feel_place(world, patch, signal, n)
        share = world.fields.constant[w.FIELD_ACROSS, signal - N_DECLARED] if signal >= N_DECLARED else 1.0
        if share != 1.0:
            for k in range(n):
                if world.types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, first + k]] == 1:
                    work.signals[signal, k] *= share


@kernel
def sense_tissue(world, patch, first, last):
    """Fill the signals of the voxels ``first`` to ``last`` of a patch that any rule reads; signals of cells are 0."""
    work, n = world.work, last - first
    for k in range(n):
        work.place[k] = first + k
    for signal in world.rules.felt:
        if AGE <= signal <= FATIGUE:
            for k in range(n):
                work.signals[signal, k] = 0.0
        else:
            _feel_place(world, patch, signal, n)
