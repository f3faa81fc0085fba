"""Lymphocytes: what conditioning leaves of the host's, what the graft brings, expansion, thymus, B and NK cells."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial, poisson
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow", "infuse"]

T_NORMAL = PARAMETERS("lymphocytes.t_cells_per_kg", "cells/kg", "T cells of a healthy body")
T_EXPANSION = PARAMETERS("lymphocytes.expansion_per_day", "1/day", "divisions of T cells in an empty body")
T_LIFE = PARAMETERS("lymphocytes.t_cell_life_days", "days", "mean life of a T cell")
THYMIC = PARAMETERS("lymphocytes.thymic_output_per_kg_per_day", "1/kg/day", "T cells that a full thymus makes")
THYMUS_DAYS = PARAMETERS("lymphocytes.thymus_days", "days", "mean time in the thymus")
B_NORMAL = PARAMETERS("lymphocytes.b_cells_per_kg", "cells/kg", "B cells in the blood of a healthy person")
B_LIFE = PARAMETERS("lymphocytes.b_cell_life_days", "days", "mean life of a B cell in blood")
B_DAYS = PARAMETERS("lymphocytes.b_maturation_days", "days", "maturation of B cells")
NK_NORMAL = PARAMETERS("lymphocytes.nk_cells_per_kg", "cells/kg", "NK cells in the blood of a healthy person")
NK_LIFE = PARAMETERS("lymphocytes.nk_cell_life_days", "days", "mean life of an NK cell in blood")
DRUG_SHARE = PARAMETERS("lymphocytes.drug_death_share", "1", "share of expanding T cells that drugs for dividing cells reach")
SUPPLY_HALF = PARAMETERS("lymphocytes.supply_half_per_kg_per_day", "1/kg/day", "multipotent cells for half of all lymphocytes")

_EXPAND = purpose("lymphocytes.expand")
_DIE = purpose("lymphocytes.die")
_MAKE = purpose("lymphocytes.make")
_MOVE = purpose("lymphocytes.move")

T_LITRES_PER_KG = 4.0
"""T cells of the body over their count in a litre of blood: two in a hundred are in blood."""


@kernel
def infuse(patient):
    """Add the lymphocytes of the graft."""
    cells, number = patient.cells, patient.number
    cells[s.T_CELLS, s.DONOR] += np.int64(number[s.T_DONOR])
    cells[s.T_CELLS, s.SECOND] += np.int64(number[s.T_SECOND])
    cells[s.NK_CELLS, s.DONOR] += np.int64(number[s.NK_DONOR])


@kernel
def _take(patient, row, origin, tick, draw, chance):
    """Take cells out of a pool, each with a chance, and return how many."""
    n = patient.cells[row, origin]
    gone = binomial(patient.key, np.uint64(8 * row + origin), tick, _MOVE, draw, n, chance)
    patient.cells[row, origin] = n - gone
    return gone


@kernel
def _advance_t_cells(patient, step, tick, days):
    """Advance T cells in the periphery: expansion into an empty body, life, drugs, conditioning.

    Notes
    -----
    EQ-LYMPHOCYTE-1: divisions at the rate e x max(0, 1 - T cells / normal) x (1 - proliferation blocked), deaths at 1/life +
    depletion + (a share of) the death of dividing cells x the empty share; conditioning leaves e^-hit of the host's.
    """
    cells, par, mass = patient.cells, patient.par, patient.number[s.MASS_KG]
    total = 0.0
    for origin in range(s.N_MARROWS):
        total += cells[s.T_CELLS, origin]
    empty = max(0.0, 1.0 - total / (par[T_NORMAL] * mass))
    block = patient.block[step]
    growth = 1.0 - exp(-par[T_EXPANSION] * empty * (1.0 - block[s.BLOCK_PROLIFERATION]) * days)
    hazard = 1.0 / par[T_LIFE] + block[s.DEPLETION_PER_DAY] + par[DRUG_SHARE] * empty * block[s.DIVIDING_DEATH_PER_DAY]
    hit = patient.hit[step, s.HIT_LYMPHOCYTE]
    for origin in range(s.N_MARROWS):
        n = cells[s.T_CELLS, origin]
        if n > 0:
            identity = np.uint64(8 * s.T_CELLS + origin)
            born = binomial(patient.key, identity, tick, _EXPAND, 0, n, growth)
            lost = binomial(patient.key, identity, tick, _DIE, 0, n, 1.0 - exp(-hazard * days - hit))
            cells[s.T_CELLS, origin] = n + born - lost


@kernel
def _make(patient, row, origin, tick, days, normal, life, supply):
    """Return new lymphocytes of one kind: Poisson(normal x supply / life x days), so that a full supply keeps the normal."""
    mean = normal * patient.number[s.MASS_KG] * supply / life * days
    return poisson(patient.key, np.uint64(8 * row + origin), tick, _MAKE, 0, mean)


@kernel
def _live(patient, row, origin, tick, kept, arriving):
    """Advance a pool of B or NK cells, of which each is kept with a chance, and add what arrives."""
    n = patient.cells[row, origin]
    if n > 0:
        n = binomial(patient.key, np.uint64(8 * row + origin), tick, _DIE, 0, n, kept)
    patient.cells[row, origin] = n + arriving


@kernel
def flow(patient, step, tick, days):
    """Advance all lymphocytes by one step.

    Notes
    -----
    EQ-LYMPHOCYTE-2: supply of an origin = its multipotent cells a day and kg / (that of all + half); T cells pass two stages in
    the thymus and B cells two of maturation, NK cells none. Damage by graft-versus-host disease slows thymus and B cells
    in proportion.
    """
    cells, par = patient.cells, patient.par
    _advance_t_cells(patient, step, tick, days)
    flows = 0.0
    for origin in range(s.N_MARROWS):
        flows += patient.flow[origin]
    per_kg_day = flows / (patient.number[s.MASS_KG] * days)
    level = patient.level
    injured = max(level[s.DAMAGE_SKIN], level[s.DAMAGE_GUT], level[s.DAMAGE_LIVER])
    healthy = 1.0 - injured
    lost = 0.5 * patient.block[step, s.DEPLETION_PER_DAY] * days + patient.hit[step, s.HIT_LYMPHOCYTE]
    b_kept, nk_kept = exp(-days / par[B_LIFE] - lost), exp(-days / par[NK_LIFE] - lost)
    for origin in range(s.N_MARROWS):
        share = patient.flow[origin] / flows if flows > 0.0 else 0.0
        supply = share * per_kg_day / (per_kg_day + par[SUPPLY_HALF])
        in_thymus = min(1.0, 2.0 * days / par[THYMUS_DAYS])
        out = _take(patient, s.THYMUS + 1, origin, tick, 0, in_thymus)
        cells[s.THYMUS + 1, origin] += _take(patient, s.THYMUS, origin, tick, 0, in_thymus)
        cells[s.THYMUS, origin] += _make(patient, s.THYMUS, origin, tick, days, par[THYMIC], 1.0, supply * healthy)
        cells[s.T_CELLS, origin] += out
        maturing = min(1.0, 2.0 * days / par[B_DAYS])
        out = _take(patient, s.B_STAGE + 1, origin, tick, 0, maturing)
        cells[s.B_STAGE + 1, origin] += _take(patient, s.B_STAGE, origin, tick, 0, maturing)
        cells[s.B_STAGE, origin] += _make(patient, s.B_STAGE, origin, tick, days, par[B_NORMAL], par[B_LIFE], supply * healthy)
        _live(patient, s.B_CELLS, origin, tick, b_kept, out)
        new = _make(patient, s.NK_CELLS, origin, tick, days, par[NK_NORMAL], par[NK_LIFE], supply)
        _live(patient, s.NK_CELLS, origin, tick, nk_kept, new)
