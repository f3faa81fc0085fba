"""The draining lymph node: antigen-loaded dendritic cells wake alloreactive T cells, which divide, leave, and remember.

Two clones run side by side, CD8 (class I and minor antigens) and CD4 (class II). All are whole numbers of cells. A naive
cell that meets antigen waits about 30 h (four stages), then runs a programme of divisions (one stage each), and leaves as
an effector. Memory cells skip the wait and need less antigen, so a second dose is met sooner; those newly formed rest
for weeks before they can be recalled. A share of the CD4 cells that leave becomes regulatory and holds the waking back.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import exp, hill
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial, poisson
from simengine.mechanisms.registry import PARAMETERS, POOLS
from simengine.mechanisms.vocabulary import (
    CYTOTOXIC,
    DRUG_ACTIVATION,
    DRUG_COSTIMULATION,
    DRUG_DEPLETION,
    DRUG_DIVIDING_DEATH,
    DRUG_PROLIFERATION,
    DRUG_REGULATORY,
    HELPERS,
)
from simengine.state import body as b

N_WAKING = 4
N_DIVISIONS = 10

LOADED = POOLS("loaded_dendritic_cells", "cells", "dendritic cells in the node that carry donor antigen")
CD8_NAIVE = POOLS("cd8_naive", "cells", "naive CD8 precursors against the donor in reach of the node")
CD8_MEMORY = POOLS("cd8_memory", "cells", "CD8 memory cells against the donor")
CD8_RESTING = POOLS("cd8_resting_memory", "cells", "CD8 memory cells newly formed, not ready to be recalled")
CD8_CHAIN = POOLS("cd8_waking_1", "cells", "CD8 cells that met antigen, before their first division")
for _i in range(2, N_WAKING + 1):
    POOLS(f"cd8_waking_{_i}", "cells", "CD8 cells that met antigen, before their first division")
for _i in range(1, N_DIVISIONS + 1):
    POOLS(f"cd8_dividing_{_i}", "cells", "CD8 cells before this division of their programme")
CD4_NAIVE = POOLS("cd4_naive", "cells", "naive CD4 precursors against the donor in reach of the node")
CD4_MEMORY = POOLS("cd4_memory", "cells", "CD4 memory cells against the donor")
CD4_RESTING = POOLS("cd4_resting_memory", "cells", "CD4 memory cells newly formed, not ready to be recalled")
CD4_CHAIN = POOLS("cd4_waking_1", "cells", "CD4 cells that met antigen, before their first division")
for _i in range(2, N_WAKING + 1):
    POOLS(f"cd4_waking_{_i}", "cells", "CD4 cells that met antigen, before their first division")
for _i in range(1, N_DIVISIONS + 1):
    POOLS(f"cd4_dividing_{_i}", "cells", "CD4 cells before this division of their programme")

REGULATORY = POOLS("regulatory", "cells", "regulatory T cells against the donor")

CD8_PRECURSORS = PARAMETERS("priming.cd8_precursors_cells", "cells", "naive CD8 precursors at full class I mismatch")
CD4_PRECURSORS = PARAMETERS("priming.cd4_precursors_cells", "cells", "naive CD4 precursors at full class II mismatch")
MEMORY_SHARE = PARAMETERS("priming.memory_of_sensitised", "1", "memory cells per naive precursor in a sensitised patient")
LOADING = PARAMETERS("priming.loaded_per_cell", "1", "dendritic cells that reach the node per dead or shedding graft cell")
SHEDDING = PARAMETERS("priming.shedding_per_h", "1/h", "antigen that a living graft cell sheds per h, in dead cells")
LOADED_LOSS = PARAMETERS("priming.loaded_loss_per_h", "1/h", "loss of loaded dendritic cells in the node")
LOADED_HALF = PARAMETERS("priming.loaded_half_cells", "cells", "loaded dendritic cells that wake naive cells at half speed")
MEMORY_GAIN = PARAMETERS("priming.memory_sensitivity", "1", "how much less antigen memory cells need")
WAKING = PARAMETERS("priming.waking_per_h", "1/h", "largest rate at which naive cells meet antigen")
DELAY_H = PARAMETERS("priming.first_division_h", "h", "mean time from antigen to the first division")
CD8_CYCLE_H = PARAMETERS("priming.cd8_cycle_h", "h", "mean time of a division of CD8 cells in the node")
CD4_CYCLE_H = PARAMETERS("priming.cd4_cycle_h", "h", "mean time of a division of CD4 cells in the node")
EFFECTOR_LOSS = PARAMETERS("priming.effector_loss_per_h", "1/h", "loss of effectors in blood (contraction)")
RESTING_LOSS = PARAMETERS("priming.memory_ready_per_h", "1/h", "rate at which newly formed memory cells become ready")
REMEMBERING = PARAMETERS("priming.memory_fraction", "1", "share of lost effectors that become memory")
CALMED = PARAMETERS("priming.regulatory_share", "1", "share of leaving CD4 effectors that become regulatory")
CALM_LOSS = PARAMETERS("priming.regulatory_loss_per_h", "1/h", "loss of regulatory T cells against the donor")
CALM_HALF = PARAMETERS("priming.regulatory_half_cells", "cells", "regulatory T cells that halve the waking of T cells")
UNHELPED = PARAMETERS("priming.memory_without_costimulation", "1", "how little memory cells need co-stimulation, 0-1")
BRAKE_HALF = PARAMETERS("priming.brake_half_cells", "cells", "licensed stromal cells that halve the waking of T cells")

_LOAD = purpose("priming.load")
_UNLOAD = purpose("priming.unload")
_MOVE = purpose("priming.move")
_DIVIDE = purpose("priming.divide")
_CALM = purpose("priming.calm")
_DEPLETE = purpose("priming.deplete")


@kernel
def _leave(world, pool, rate, hours, tick, draw):
    """Draw how many cells of a pool leave within ``hours`` at ``rate`` per h, and take them out."""
    n = world.body.pools[pool]
    gone = binomial(world.key, np.uint64(pool), tick, _MOVE, draw, n, 1.0 - exp(-rate * hours))
    world.body.pools[pool] = n - gone
    return gone


@kernel
def _advance_clone(world, tick, hours, rows, numbers):
    """Advance one clone: from effectors back to naive cells, so that no cell moves twice in a step.

    Parameters
    ----------
    rows : tuple of 5 int64
        Pools: naive, memory, resting memory, first of the chain, effectors.
    numbers : tuple of 6 float64
        Rates per h: waking of naive cells, waking of memory cells, one stage of waiting, one division; chance that a
        division succeeds; share of leaving effectors that become regulatory.

    Notes
    -----
    EQ-PRIME-1: every move is Binomial(n, 1 - exp(-rate x hours)). A division that succeeds doubles what it moves on; a
    cell whose division fails (inhibited proliferation) is lost to the response.
    """
    naive, memory, resting, chain, effectors = rows
    pools, par = world.body.pools, world.par
    lost = _leave(world, effectors, par[EFFECTOR_LOSS], hours, tick, 0)
    kept = binomial(world.key, np.uint64(effectors), tick, _MOVE, 64, lost, par[REMEMBERING])
    for stage in range(N_WAKING + N_DIVISIONS - 1, -1, -1):
        divides = stage >= N_WAKING
        moved = _leave(world, chain + stage, numbers[3] if divides else numbers[2], hours, tick, 0)
        if divides:
            moved = binomial(world.key, np.uint64(chain + stage), tick, _DIVIDE, 0, moved, numbers[4])
        if stage < N_WAKING + N_DIVISIONS - 1:
            pools[chain + stage + 1] += 2 * moved if divides else moved
        else:
            calmed = binomial(world.key, np.uint64(effectors), tick, _CALM, 0, 2 * moved, numbers[5])
            pools[REGULATORY] += calmed
            pools[effectors] += 2 * moved - calmed
    pools[chain + N_WAKING] += _leave(world, memory, numbers[1], hours, tick, 0)
    pools[memory] += _leave(world, resting, par[RESTING_LOSS], hours, tick, 0)
    pools[resting] += kept
    pools[chain] += _leave(world, naive, numbers[0], hours, tick, 0)


@kernel
def _deplete(world, tick, hours, rows):
    """Take the T cells of a clone that drugs kill out of its pools.

    Notes
    -----
    EQ-PRIME-4: each pool keeps Binomial(n, exp(-h x hours)); h = depletion, plus the death of dividing cells in the stages
    of division and in the second half of waiting, where the cells are about to divide.
    """
    naive, memory, resting, chain, effectors = rows
    solutes, pools = world.body.solutes, world.body.pools
    if solutes[DRUG_DEPLETION] <= 0.0 and solutes[DRUG_DIVIDING_DEATH] <= 0.0:
        return
    kept = exp(-solutes[DRUG_DEPLETION] * hours)
    for pool in (naive, memory, resting, effectors):
        pools[pool] = binomial(world.key, np.uint64(pool), tick, _DEPLETE, 0, pools[pool], kept)
    kept_dividing = kept * exp(-solutes[DRUG_DIVIDING_DEATH] * hours)
    for stage in range(N_WAKING + N_DIVISIONS):
        pool = chain + stage
        chance = kept_dividing if stage >= N_WAKING // 2 else kept
        pools[pool] = binomial(world.key, np.uint64(pool), tick, _DEPLETE, 0, pools[pool], chance)


@kernel
def flow(world, tick, hours, first, last):
    """Advance the node by ``hours``.

    Notes
    -----
    EQ-PRIME-2: loaded dendritic cells arrive as Poisson(loading x antigen) and leave binomially. The rate of waking is
    w x L/(L + L_half) x (1 - activation blocked) x (1 - co-stimulation blocked) x immune strength / ((1 + S / S_half)
    (1 + R / R_half)), S = licensed stromal cells alive in the target, R = regulatory cells; memory cells feel only a part
    of the block of co-stimulation.
    """
    pools, par, pair, solutes = world.body.pools, world.par, world.body.pair, world.body.solutes
    gone = binomial(world.key, np.uint64(LOADED), tick, _UNLOAD, 0, pools[LOADED], 1.0 - exp(-par[LOADED_LOSS] * hours))
    pools[LOADED] += -gone + poisson(
        world.key, np.uint64(LOADED), tick, _LOAD, 0, par[LOADING] * world.body.flux[b.FLUX_ANTIGEN]
    )
    world.body.flux[b.FLUX_ANTIGEN] = 0.0
    drive = par[WAKING] * pair[b.PAIR_IMMUNE] * (1.0 - solutes[DRUG_ACTIVATION])
    drive /= 1.0 + world.body.flux[b.FLUX_LICENSED] / par[BRAKE_HALF]
    drive /= 1.0 + pools[REGULATORY] / par[CALM_HALF]
    loaded, unhelped = float(pools[LOADED]), solutes[DRUG_COSTIMULATION]
    waking = drive * (1.0 - unhelped) * hill(loaded, par[LOADED_HALF], 1.0)
    recalled = drive * (1.0 - unhelped * (1.0 - par[UNHELPED])) * hill(loaded * par[MEMORY_GAIN], par[LOADED_HALF], 1.0)
    _leave(world, REGULATORY, par[CALM_LOSS], hours, tick, 0)
    calmed = par[CALMED] * (1.0 - solutes[DRUG_REGULATORY])
    waiting = N_WAKING / par[DELAY_H]
    growth = 1.0 - solutes[DRUG_PROLIFERATION]
    cd8 = (CD8_NAIVE, CD8_MEMORY, CD8_RESTING, CD8_CHAIN, CYTOTOXIC)
    cd4 = (CD4_NAIVE, CD4_MEMORY, CD4_RESTING, CD4_CHAIN, HELPERS)
    _deplete(world, tick, hours, cd8)
    _deplete(world, tick, hours, cd4)
    _advance_clone(world, tick, hours, cd8, (waking, recalled, waiting, 1.0 / par[CD8_CYCLE_H], growth, 0.0))
    _advance_clone(world, tick, hours, cd4, (waking, recalled, waiting, 1.0 / par[CD4_CYCLE_H], growth, calmed))
