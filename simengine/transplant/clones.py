"""A clone of T cells against the other side: naive and memory cells wake, divide a fixed number of times, fight, fade."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial
from simengine.transplant.registry import PARAMETERS

__all__ = ["advance_clone", "poison_clone", "thin_clone"]

WAKING = PARAMETERS("clones.waking_per_day", "1/day", "naive cells that meet antigen at full presentation, before drugs")
DIRECT = PARAMETERS("clones.direct_speed", "1", "rise of waking by full mismatch, whose antigen needs no help of damage")
RECALL = PARAMETERS("clones.memory_recall", "1", "how much faster memory cells wake")
FIRST_DAYS = PARAMETERS("clones.first_division_days", "days", "mean time from waking to the first division")
CYCLE_DAYS = PARAMETERS("clones.cycle_days", "days", "mean time of a division")
ROOM = PARAMETERS(
    "clones.room_per_kg", "1/kg", "cells in division and effectors at which growth is halved for want of cytokines"
)
LOSS = PARAMETERS("clones.effector_loss_per_day", "1/day", "loss of effectors")
REMEMBERED = PARAMETERS("clones.memory_fraction", "fraction", "share of lost effectors that become memory")
MEMORY_LOSS = PARAMETERS("clones.memory_loss_per_day", "1/day", "loss of memory cells")
CALMED = PARAMETERS("clones.regulatory_share", "fraction", "share of new effectors that become regulatory")
CALM_LOSS = PARAMETERS("clones.regulatory_loss_per_day", "1/day", "loss of regulatory T cells")
NAIVE_LOSS = PARAMETERS("clones.naive_loss_per_day", "1/day", "naive cells that die or are made tolerant")
DIVIDING_FACTOR = PARAMETERS(
    "clones.dividing_death_factor", "1", "death of alloreactive cells in division over what drugs state"
)
MEMORY_SPARED = PARAMETERS("clones.memory_spared", "fraction", "share of the block of activation that memory cells escape")

_WAKE = purpose("clones.wake")
_DIVIDE = purpose("clones.divide")
_FADE = purpose("clones.fade")
_THIN = purpose("clones.thin")


@kernel
def _draw(patient, clone, row, tick, what, draw, n, chance):
    """Return Binomial(n, chance) at the address of one stage of a clone."""
    return binomial(patient.key, np.uint64(clone * s.N_CLONE + row), tick, what, draw, n, chance)


@kernel
def thin_clone(patient, clone, tick, draw, survival, dividing_survival):
    """Let only a share of a clone live; cells in division have a chance of their own."""
    cells = patient.clone[clone]
    for row in range(s.N_CLONE):
        kept = dividing_survival if s.FIRST_DIVISION <= row < s.EFFECTORS else survival
        if cells[row] > 0 and kept < 1.0:
            cells[row] = _draw(patient, clone, row, tick, _THIN, draw, cells[row], kept)


@kernel
def poison_clone(patient, clone, step, tick, days, survival):
    """Let drugs deplete a clone, and kill what divides in it; ``survival`` is that of all else that kills.

    Notes
    -----
    EQ-CLONE-2: survival e^-(depletion x days), in division also e^-(factor x death of dividing cells x days).
    """
    block = patient.block[step]
    kept = survival * exp(-block[s.DEPLETION_PER_DAY] * days)
    dividing = kept * exp(-patient.par[DIVIDING_FACTOR] * block[s.DIVIDING_DEATH_PER_DAY] * days)
    thin_clone(patient, clone, tick, 64, kept, dividing)


@kernel
def advance_clone(patient, clone, step, tick, days, drive):
    """Advance one clone by a step, from effectors back to naive cells, so that no cell moves twice.

    Parameters
    ----------
    drive : float64
        Presentation of antigen to this clone, 1 = full, with everything that calms it but drugs.

    Notes
    -----
    EQ-CLONE-1: naive cells wake at w x drive x (1 + direct x foreignness) x (1 - activation blocked), memory cells recall
    times as fast and spared a share of the block. Each division takes a mean time / (1 -
    proliferation blocked), the first a longer one, succeeds with probability 1 / (1 + active cells / room) and doubles what
    succeeds; a cell that fails is lost. Of new effectors a share becomes regulatory,
    of lost effectors a share becomes memory.
    """
    cells, par, block = patient.clone[clone], patient.par, patient.block[step]
    lost = _draw(patient, clone, s.EFFECTORS, tick, _FADE, 0, cells[s.EFFECTORS], 1.0 - exp(-par[LOSS] * days))
    kept = _draw(patient, clone, s.EFFECTORS, tick, _FADE, 64, lost, par[REMEMBERED])
    cells[s.EFFECTORS] -= lost
    faded = _draw(patient, clone, s.MEMORY, tick, _FADE, 0, cells[s.MEMORY], 1.0 - exp(-par[MEMORY_LOSS] * days))
    cells[s.MEMORY] += kept - faded
    gone = _draw(patient, clone, s.REGULATORY, tick, _FADE, 0, cells[s.REGULATORY], 1.0 - exp(-par[CALM_LOSS] * days))
    cells[s.REGULATORY] -= gone
    crowd = 0.0
    for row in range(s.FIRST_DIVISION, s.REGULATORY):
        crowd += cells[row]
    succeeds = 1.0 / (1.0 + crowd / (par[ROOM] * patient.number[s.MASS_KG]))
    pace = days * (1.0 - block[s.BLOCK_PROLIFERATION])
    for row in range(s.EFFECTORS - 1, s.FIRST_DIVISION - 1, -1):
        if cells[row] > 0:
            moving = min(1.0, pace / (par[FIRST_DAYS] if row == s.FIRST_DIVISION else par[CYCLE_DAYS]))
            moved = _draw(patient, clone, row, tick, _DIVIDE, 0, cells[row], moving)
            doubled = 2 * _draw(patient, clone, row, tick, _DIVIDE, 64, moved, succeeds)
            cells[row] -= moved
            if row + 1 == s.EFFECTORS:
                calm = par[CALMED] * (1.0 - block[s.BLOCK_REGULATORY])
                calmed = _draw(patient, clone, s.REGULATORY, tick, _DIVIDE, 0, doubled, calm)
                cells[s.REGULATORY] += calmed
                doubled -= calmed
            cells[row + 1] += doubled
    blocked = block[s.BLOCK_ACTIVATION]
    foreign = patient.number[s.FOREIGN_HVG + clone]
    met = par[WAKING] * drive * (1.0 + par[DIRECT] * foreign)
    waking = met * (1.0 - blocked)
    recall = met * par[RECALL] * (1.0 - blocked * (1.0 - par[MEMORY_SPARED]))
    woken = _draw(patient, clone, s.NAIVE, tick, _WAKE, 0, cells[s.NAIVE], 1.0 - exp(-waking * days))
    recalled = _draw(patient, clone, s.MEMORY, tick, _WAKE, 0, cells[s.MEMORY], 1.0 - exp(-recall * days))
    tolerant = _draw(patient, clone, s.NAIVE, tick, _FADE, 0, cells[s.NAIVE] - woken, 1.0 - exp(-par[NAIVE_LOSS] * days))
    cells[s.NAIVE] -= woken + tolerant
    cells[s.MEMORY] -= recalled
    cells[s.FIRST_DIVISION] += woken + recalled
