"""Rejection of the graft: host T cells against the donor, host NK cells, antibody; and how donor T cells hold them down."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial
from simengine.transplant.clones import advance_clone, poison_clone, thin_clone
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow", "prime"]

PRECURSORS = PARAMETERS("host_versus_graft.precursor_share", "fraction", "share of T cells against a fully mismatched donor")
MEMORY_OF_SENSITISED = PARAMETERS(
    "host_versus_graft.memory_of_sensitised", "1", "memory per naive cell in a sensitised patient"
)
KILLING = PARAMETERS("host_versus_graft.killing_per_day", "1/day", "largest hazard of donor marrow by T cells")
KILL_HALF = PARAMETERS("host_versus_graft.effectors_half_per_kg", "1/kg", "effectors at half of that hazard")
NK_KILLING = PARAMETERS(
    "host_versus_graft.nk_killing_per_day", "1/day", "hazard of donor marrow by normal NK cells without ligands"
)
NK_NORMAL = PARAMETERS("host_versus_graft.nk_normal_per_kg", "1/kg", "NK cells of the host that count as normal")
ANTIBODY_KILLING = PARAMETERS(
    "host_versus_graft.antibody_killing_per_day", "1/day", "hazard of donor marrow at a saturating titre"
)
ANTIBODY_LOSS = PARAMETERS("host_versus_graft.antibody_loss_per_day", "1/day", "loss of antibody against the donor")
VETO = PARAMETERS("host_versus_graft.veto_per_day", "1/day", "hazard of host T cells by donor T cells, at the normal number")
VETO_HALF = PARAMETERS("host_versus_graft.veto_half_per_kg", "1/kg", "donor T cells at half of that hazard")

_KILL = purpose("host_versus_graft.kill")
_PRIME = purpose("host_versus_graft.prime")
_VETO = purpose("host_versus_graft.veto")


@kernel
def prime(patient, tick):
    """Count the host's T cells against the donor before conditioning.

    Notes
    -----
    EQ-HVG-1: naive = Binomial(T cells, precursor share x foreignness), memory = naive x memory of the sensitised x sensitised;
    antibody starts at 1 in the sensitised if an HLA allele of the donor is foreign, DPB1 included.
    """
    par, number, clone = patient.par, patient.number, patient.clone[s.HVG]
    share = min(1.0, par[PRECURSORS] * number[s.FOREIGN_HVG])
    clone[s.NAIVE] = binomial(patient.key, np.uint64(s.NAIVE), tick, _PRIME, 0, patient.cells[s.T_CELLS, s.HOST], share)
    clone[s.MEMORY] = np.int64(clone[s.NAIVE] * par[MEMORY_OF_SENSITISED] * number[s.SENSITISED])


@kernel
def _hold_down(patient, tick, days):
    """Let donor T cells kill the host's; those that attack the donor first of all.

    Notes
    -----
    EQ-HVG-3: hazard of host T cells = veto x D / (D + half) x (1 + missing self of donor NK cells), D donor T cells per kg;
    nothing between a patient and own cells.
    """
    par, number, cells = patient.par, patient.number, patient.cells
    donor = (cells[s.T_CELLS, s.DONOR] + cells[s.T_CELLS, s.SECOND]) / number[s.MASS_KG]
    hazard = par[VETO] * number[s.ALLOGENEIC] * donor / (donor + par[VETO_HALF]) * (1.0 + number[s.MISSING_SELF_GVH])
    kept = exp(-hazard * days)
    if kept < 1.0:
        thin_clone(patient, s.HVG, tick, 0, kept, kept)
        n = cells[s.T_CELLS, s.HOST]
        cells[s.T_CELLS, s.HOST] = binomial(patient.key, np.uint64(s.T_CELLS), tick, _VETO, 0, n, kept)


@kernel
def flow(patient, step, tick, days):
    """Advance the rejection of the graft by one step.

    Notes
    -----
    EQ-HVG-2: hazard of donor stem cells, multipotent and committed progenitors = killing x H / (H + half) + NK killing x
    (host NK cells / normal) x missing self + antibody killing x titre, H host effectors per kg.
    """
    par, number, cells, level = patient.par, patient.number, patient.cells, patient.level
    mass = number[s.MASS_KG]
    poison_clone(patient, s.HVG, step, tick, days, exp(-patient.hit[step, s.HIT_LYMPHOCYTE]))
    if patient.start_day[step] < 0.0:
        return
    _hold_down(patient, tick, days)
    donor = cells[s.STEM, s.DONOR] + cells[s.STEM, s.SECOND] + cells[s.MYELOID, s.DONOR] + cells[s.MYELOID, s.SECOND]
    advance_clone(patient, s.HVG, step, tick, days, 1.0 if donor > 0 else 0.0)
    effectors = patient.clone[s.HVG, s.EFFECTORS] / mass
    level[s.DONOR_ANTIBODY] *= exp(-par[ANTIBODY_LOSS] * days)
    killers = cells[s.NK_CELLS, s.HOST] / (par[NK_NORMAL] * mass)
    hazard = par[KILLING] * effectors / (effectors + par[KILL_HALF])
    hazard += par[NK_KILLING] * killers * number[s.MISSING_SELF_HVG]
    hazard += par[ANTIBODY_KILLING] * level[s.DONOR_ANTIBODY]
    kept = exp(-hazard * days)
    if kept == 1.0:
        return
    for origin in range(s.DONOR, s.SECOND + 1):
        for row in s.DIVIDING:
            n = cells[row, origin]
            if n > 0:
                cells[row, origin] = binomial(patient.key, np.uint64(8 * row + origin), tick, _KILL, 0, n, kept)
