"""Donor T cells against the host: presentation of host antigen, alloreactive clones, attack on the organs, staging."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial
from simengine.transplant.clones import advance_clone, poison_clone
from simengine.transplant.registry import PARAMETERS

__all__ = ["attack", "flow", "infuse", "stage_of"]

PRECURSORS = PARAMETERS(
    "graft_versus_host.precursor_share", "fraction", "share of donor T cells against a fully mismatched host"
)
ALLOREACTIVITY = PARAMETERS("graft_versus_host.alloreactivity", "1", "strength of these clones, own to the pair")
RESTING = PARAMETERS("graft_versus_host.resting_presentation", "1", "presentation of host antigen without damage")
BY_DAMAGE = PARAMETERS("graft_versus_host.presentation_by_damage", "1", "presentation that full damage of the organs adds")
TRANSLOCATION = PARAMETERS("graft_versus_host.translocation", "1", "presentation by microbial products through a gut in ruins")
KINDLING = PARAMETERS("graft_versus_host.kindling", "1", "attack on the gut by what leaks, over presentation by it")
APC_LOSS = PARAMETERS("graft_versus_host.host_apc_loss_per_day", "1/day", "loss of the host's antigen-presenting cells")
APC_LEFT = PARAMETERS(
    "graft_versus_host.indirect_presentation", "1", "presentation that is left when the donor's cells present"
)
CALM_HALF = PARAMETERS("graft_versus_host.regulatory_half_per_kg", "1/kg", "regulatory T cells that halve the waking")
ATTACK = PARAMETERS("graft_versus_host.damage_per_day", "1/day", "damage of an organ by very many effectors")
ATTACK_HALF = PARAMETERS("graft_versus_host.effectors_half_per_kg", "1/kg", "effectors at half of that damage")
REPAIR = PARAMETERS("graft_versus_host.repair_per_day", "1/day", "repair of what the disease damaged")
TOXIC_REPAIR = PARAMETERS("graft_versus_host.toxic_repair_per_day", "1/day", "repair of what conditioning damaged")
MARROW = PARAMETERS("graft_versus_host.marrow_killing_per_day", "1/day", "hazard of host marrow by very many cells")
MARROW_HALF = PARAMETERS("graft_versus_host.marrow_half_per_kg", "1/kg", "effectors and memory at half of that hazard")
STAGE_1 = PARAMETERS("graft_versus_host.stage_1_damage", "1", "damage at which an organ is in stage 1")
STAGE_2 = PARAMETERS("graft_versus_host.stage_2_damage", "1", "the same, stage 2")
STAGE_3 = PARAMETERS("graft_versus_host.stage_3_damage", "1", "the same, stage 3")
STAGE_4 = PARAMETERS("graft_versus_host.stage_4_damage", "1", "the same, stage 4")

_INFUSE = purpose("graft_versus_host.infuse")
_MARROW = purpose("graft_versus_host.marrow")


@kernel
def infuse(patient, tick):
    """Count the T cells of the graft that are against the host.

    Notes
    -----
    EQ-GVH-1: naive = Binomial(T cells of the graft, precursor share x foreignness x alloreactivity x potency of the graft's
    T cells).
    """
    par, number = patient.par, patient.number
    share = min(1.0, par[PRECURSORS] * number[s.FOREIGN_GVH] * par[ALLOREACTIVITY] * number[s.T_POTENCY])
    n = np.int64(number[s.T_DONOR] + number[s.T_SECOND])
    patient.clone[s.GVH, s.NAIVE] = binomial(patient.key, np.uint64(s.NAIVE), tick, _INFUSE, 0, n, share)


@kernel
def stage_of(par, damage):
    """Return the stage of an organ, 0-4, by its damage (EQ-GVH-4: four thresholds)."""
    if damage < par[STAGE_1]:
        return 0
    if damage < par[STAGE_2]:
        return 1
    if damage < par[STAGE_3]:
        return 2
    return 3 if damage < par[STAGE_4] else 4


@kernel
def grade_of(skin, gut, liver):
    """Return the overall grade, 0-4, of three stages.

    Notes
    -----
    EQ-GVH-5: IV for skin or liver 4; III for liver 2-3 or gut 2-4; II for skin 3, liver 1 or gut 1; I for skin 1-2.

    Source: D. Przepiorka et al., "1994 Consensus Conference on acute GVHD grading", Bone Marrow Transplant 15 (1995) 825-828.
    """
    if skin == 4 or liver == 4:
        return 4
    if liver >= 2 or gut >= 2:
        return 3
    if skin == 3 or liver == 1 or gut == 1:
        return 2
    return 1 if skin >= 1 else 0


@kernel
def _present(patient, days):
    """Advance the presentation of host antigen to donor T cells.

    Notes
    -----
    EQ-GVH-2: presentation = (rest + by damage x mean damage of skin, gut, liver + translocation x damage of the gut) x (host
    cells that present + what the donor's own present); damage is that of conditioning and of the disease, at most 1 an organ.
    """
    par, level = patient.par, patient.level
    injured = 0.0
    for organ in range(3):
        injured += min(1.0, level[s.TOXIC_SKIN + organ] + level[s.DAMAGE_SKIN + organ]) / 3.0
    gut = min(1.0, level[s.TOXIC_GUT] + level[s.DAMAGE_GUT])
    level[s.HOST_APC] *= exp(-par[APC_LOSS] * days)
    presenting = level[s.HOST_APC] + (1.0 - level[s.HOST_APC]) * par[APC_LEFT]
    level[s.PRESENTATION] = (par[RESTING] + par[BY_DAMAGE] * injured + par[TRANSLOCATION] * gut) * presenting


@kernel
def flow(patient, step, tick, days):
    """Advance the clones of the donor against the host by one step; nothing happens between a patient and own cells."""
    par, number = patient.par, patient.number
    if patient.start_day[step] < 0.0:
        return
    _present(patient, days)
    clone = patient.clone[s.GVH]
    poison_clone(patient, s.GVH, step, tick, days, 1.0)
    calm = 1.0 + clone[s.REGULATORY] / (number[s.MASS_KG] * par[CALM_HALF])
    drive = patient.level[s.PRESENTATION] / calm
    advance_clone(patient, s.GVH, step, tick, days, drive)
    _clear_marrow(patient, tick, days)


@kernel
def _clear_marrow(patient, tick, days):
    """Let alloreactive donor T cells kill what is left of the host's marrow.

    Notes
    -----
    EQ-GVH-6: hazard of host stem cells and progenitors = k c/(c + half), c effectors and memory cells per kg: what turns mixed
    into full chimerism.
    """
    par, clone = patient.par, patient.clone[s.GVH]
    acting = (clone[s.EFFECTORS] + clone[s.MEMORY]) / patient.number[s.MASS_KG]
    kept = exp(-par[MARROW] * acting / (acting + par[MARROW_HALF]) * days)
    if kept == 1.0:
        return
    for row in s.DIVIDING:
        n = patient.cells[row, s.HOST]
        if n > 0:
            patient.cells[row, s.HOST] = binomial(patient.key, np.uint64(row), tick, _MARROW, 0, n, kept)


@kernel
def attack(patient, days, stopped, helped):
    """Damage and repair skin, gut and liver, and grade the disease.

    Parameters
    ----------
    stopped : float64
        Share of the attack that treatment stops.
    helped : float64
        Repair relative to that without treatment.

    Notes
    -----
    EQ-GVH-3: dG/dt = a w e/(e + half) (1 - stopped) (1 - G) - r helped G, solved exactly over a step; e effectors per kg, w the
    weight of the organ in this patient, of the gut times 1 + kindling x translocation x its damage by conditioning and
    disease as it stands when the step begins; what conditioning damaged heals at a rate of its own.
    """
    par, number, level = patient.par, patient.number, patient.level
    effectors = patient.clone[s.GVH, s.EFFECTORS] / number[s.MASS_KG]
    hazard = par[ATTACK] * effectors / (effectors + par[ATTACK_HALF]) * (1.0 - stopped)
    repair = par[REPAIR] * helped
    healed = exp(-par[TOXIC_REPAIR] * days)
    leaking = min(1.0, level[s.TOXIC_GUT] + level[s.DAMAGE_GUT])
    for organ in range(3):
        own = hazard * number[s.WEIGHT_SKIN + organ]
        if s.DAMAGE_SKIN + organ == s.DAMAGE_GUT:
            own *= 1.0 + par[KINDLING] * par[TRANSLOCATION] * leaking
        goal = own / (own + repair)
        level[s.DAMAGE_SKIN + organ] = goal + (level[s.DAMAGE_SKIN + organ] - goal) * exp(-(own + repair) * days)
        level[s.TOXIC_SKIN + organ] *= healed
    skin = stage_of(par, level[s.DAMAGE_SKIN])
    gut = stage_of(par, level[s.DAMAGE_GUT])
    liver = stage_of(par, level[s.DAMAGE_LIVER])
    level[s.GRADE] = grade_of(skin, gut, liver)
