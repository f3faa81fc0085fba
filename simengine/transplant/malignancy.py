"""The malignant clone: what conditioning leaves, growth, graft-versus-tumour, relapse. It may go extinct, which is cure."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow"]

KILLING = PARAMETERS("malignancy.graft_versus_tumour_per_day", "1/day", "hazard of malignant cells by very many donor T cells")
HALF = PARAMETERS("malignancy.t_cells_half_per_kg", "1/kg", "alloreactive donor T cells at half of that hazard")
MINOR = PARAMETERS("malignancy.resting_share", "1", "weight of naive cells against the host among those that act on the tumour")
POLYCLONAL = PARAMETERS("malignancy.polyclonal_share", "1", "share of all donor T cells that is against the tumour")
NK_KILLING = PARAMETERS("malignancy.nk_killing_per_day", "1/day", "hazard by donor NK cells that miss all their ligands")
NK_NORMAL = PARAMETERS("malignancy.nk_normal_per_kg", "1/kg", "donor NK cells that count as normal")

_GROW = purpose("malignancy.grow")
_KILL = purpose("malignancy.kill")


@kernel
def flow(patient, step, tick, days):
    """Advance the malignant clone by one step.

    Notes
    -----
    EQ-TUMOUR-1: growth Binomial(n, 1 - e^(-g days)) of new cells; survival e^-(hit of conditioning + hazard x days), hazard =
    susceptibility x (k T/(T + half) + NK killing x normal share of donor NK cells x missing self), T = effectors + memory + a
    share of naive cells against the host + a share of all donor T cells, per kg. Relapse is the day on which a stated number
    of cells is reached; then the clone is no longer counted.
    """
    par, number, level, clone = patient.par, patient.number, patient.level, patient.clone[s.GVH]
    n = patient.tumour[0]
    if n == 0 or level[s.RELAPSED] == 1.0:
        return
    mass = number[s.MASS_KG]
    donor = patient.cells[s.T_CELLS, s.DONOR] + patient.cells[s.T_CELLS, s.SECOND]
    acting = (clone[s.EFFECTORS] + clone[s.MEMORY] + par[MINOR] * clone[s.NAIVE] + par[POLYCLONAL] * donor) / mass
    natural = (patient.cells[s.NK_CELLS, s.DONOR] + patient.cells[s.NK_CELLS, s.SECOND]) / (par[NK_NORMAL] * mass)
    hazard = par[KILLING] * acting / (acting + par[HALF]) + par[NK_KILLING] * natural * number[s.MISSING_SELF_GVH]
    hazard *= number[s.TUMOUR_KILL] * number[s.ALLOGENEIC]
    kept = exp(-patient.hit[step, s.HIT_TUMOUR] - hazard * days)
    n = binomial(patient.key, np.uint64(0), tick, _KILL, 0, n, kept)
    n += binomial(patient.key, np.uint64(0), tick, _GROW, 0, n, 1.0 - exp(-number[s.TUMOUR_GROWTH_PER_DAY] * days))
    patient.tumour[0] = n
    if n >= number[s.RELAPSE_CELLS] and patient.start_day[step] >= 0.0:
        level[s.RELAPSED] = 1.0
        patient.day_of[s.DAY_OF_RELAPSE] = patient.start_day[step]
