"""Host tissue after injury: salvage and loss, clearance, scar, regrowth and new vessels."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.kernels.fates import relax_towards
from simengine.kernels.neighbours import filled_voxels
from simengine.mechanisms.registry import BEHAVIOURS
from simengine.state import cells as c
from simengine.state import world as w

SALVAGE = BEHAVIOURS("salvage_per_h", "1/h", "rate at which injured tissue recovers its function", 0.0, 1.0)
NECROSIS = BEHAVIOURS("necrosis_per_h", "1/h", "rate at which injured tissue dies", 0.0, 1.0)
FIBROSIS = BEHAVIOURS("fibrosis_per_h", "1/h", "rate at which empty space becomes scar", 0.0, 1.0)
REGROWTH = BEHAVIOURS("regrowth_per_h", "1/h", "rate at which empty space becomes functional tissue", 0.0, 1.0)
ANGIOGENESIS = BEHAVIOURS("angiogenesis_per_h", "1/h", "rate at which vessels approach the normal density", 0.0, 1.0)
RAREFACTION = BEHAVIOURS("vessel_loss_per_h", "1/h", "rate of vessel loss", 0.0, 1.0)
CLEARANCE = BEHAVIOURS("debris_clearance_per_h", "1/h", "clearance of the dead without macrophages in the voxel", 0.0, 1.0)
NEUTROPHIL_LOSS = BEHAVIOURS("neutrophil_loss_per_h", "1/h", "decline of neutrophils", 0.0, 1.0)
NEUTROPHIL_CALL = BEHAVIOURS("neutrophil_influx_per_h", "1/h", "influx of neutrophils", 0.0, 1.0)

_SPHERE = 4.1887902047863905


@kernel
def deposit(world, patch, first, last):
    """Count into the voxels of a patch the volume of its cells and what they do for the organ.

    Notes
    -----
    EQ-TISSUE-1: crowding = sum of agent volumes / voxel volume, in the voxels that they fill (see
    ``filled_voxels``); graft = the same, each times its functional share.
    """
    tissue, real, work, n_voxels = world.tissue, world.cells.real, world.work, world.tissue.shape[2]
    spacing = world.grid.spacing_um[0]
    per_voxel = _SPHERE / (spacing * spacing * spacing)
    tissue[w.CROWDING, patch] = 0.0
    tissue[w.GRAFT, patch] = 0.0
    for i in range(first, last):
        voxel = world.cells.whole[c.VOXEL, i] - patch * n_voxels
        volume = per_voxel * real[c.RADIUS, i] * real[c.RADIUS, i] * real[c.RADIUS, i]
        kind = world.cells.whole[c.TYPE, i]
        works = world.types.real[w.TYPE_FUNCTION, kind]
        edge = real[c.RADIUS, i] / world.types.real[w.TYPE_RADIUS_UM, kind]
        for m in range(filled_voxels(voxel, edge, world.grid.shape, work.index, work.strength)):
            filled = volume * work.strength[m]
            tissue[w.CROWDING, patch, work.index[m]] += filled
            tissue[w.GRAFT, patch, work.index[m]] += filled * works


@kernel
def relax_tissue(world, patch, first, last, hours):
    """Advance the voxels ``first`` to ``last`` of a patch by ``hours``; F + D + S + V stays 1.

    Notes
    -----
    EQ-TISSUE-2: dD/dt = -(salvage + necrosis) D; salvaged -> F, dead -> V and debris.
    EQ-TISSUE-3: dV_free/dt = -(fibrosis + regrowth) V_free with V_free = max(0, V - graft): no scar where a graft lives.
    EQ-TISSUE-4: dL/dt = angiogenesis (1 - L) - rarefaction L for vessels; neutrophils alike; debris decays.
    All solved exactly for rates held over the step.
    """
    rate, tissue = world.work.behaviours, world.tissue
    for v in range(first, last):
        k = v - first
        lost = rate[SALVAGE, k] + rate[NECROSIS, k]
        if lost > 0.0:
            gone = tissue[w.INJURED, patch, v] * (1.0 - exp(-lost * hours))
            died = gone * rate[NECROSIS, k] / lost
            tissue[w.INJURED, patch, v] -= gone
            tissue[w.FUNCTIONAL, patch, v] += gone - died
            tissue[w.VOID, patch, v] += died
            tissue[w.DEBRIS, patch, v] += died
        filling = rate[FIBROSIS, k] + rate[REGROWTH, k]
        free = tissue[w.VOID, patch, v] - tissue[w.GRAFT, patch, v]
        if filling > 0.0 and free > 0.0:
            filled = free * (1.0 - exp(-filling * hours))
            scarred = filled * rate[FIBROSIS, k] / filling
            tissue[w.VOID, patch, v] -= filled
            tissue[w.SCAR, patch, v] += scarred
            tissue[w.FUNCTIONAL, patch, v] += filled - scarred
        tissue[w.VESSELS, patch, v] = relax_towards(
            tissue[w.VESSELS, patch, v], rate[ANGIOGENESIS, k], rate[RAREFACTION, k], hours
        )
        tissue[w.NEUTROPHILS, patch, v] = relax_towards(
            tissue[w.NEUTROPHILS, patch, v], rate[NEUTROPHIL_CALL, k], rate[NEUTROPHIL_LOSS, k], hours
        )
        left = exp(-rate[CLEARANCE, k] * hours)
        tissue[w.DEBRIS, patch, v] *= left
        tissue[w.APOPTOTIC, patch, v] *= left
