"""Time: one compiled loop from the first day of conditioning to death or the end, with one record a day."""

from __future__ import annotations

import simengine.transplant.chronic_disease as chronic_disease
import simengine.transplant.conditioning as conditioning
import simengine.transplant.graft_versus_host as graft_versus_host
import simengine.transplant.haematopoiesis as haematopoiesis
import simengine.transplant.host_versus_graft as host_versus_graft
import simengine.transplant.lymphocytes as lymphocytes
import simengine.transplant.malignancy as malignancy
import simengine.transplant.mortality as mortality
import simengine.transplant.state as s
import simengine.transplant.treatment as treatment
from simengine.foundation.jit import kernel
from simengine.transplant.haematopoiesis import (
    BLOOD_LITRES_PER_KG,
    GRAMS_PER_RED_CELL,
    NEUTROPHIL_LITRES_PER_KG,
    PLATELET_LITRES_PER_KG,
)
from simengine.transplant.lymphocytes import T_LITRES_PER_KG

__all__ = ["COLUMNS", "SWITCHES", "advance"]

SWITCHES = (
    "chronic_disease",
    "conditioning",
    "graft_versus_host",
    "haematopoiesis",
    "host_versus_graft",
    "lymphocytes",
    "malignancy",
    "mortality",
    "treatment",
)
"""Mechanisms that a scenario can switch off, in the order of ``Patient.enabled``."""
(
    _CHRONIC,
    _CONDITIONING,
    _GVH,
    _BLOOD,
    _HVG,
    _LYMPHOCYTES,
    _MALIGNANCY,
    _MORTALITY,
    _TREATMENT,
) = range(9)

RECOVERY_PER_NL = 0.5

COLUMNS = (
    "blood.neutrophils",
    "blood.platelets",
    "blood.haemoglobin",
    "blood.t_cells",
    "blood.b_cells",
    "blood.nk_cells",
    "chimerism.stem",
    "chimerism.myeloid",
    "chimerism.platelet",
    "chimerism.red",
    "chimerism.t",
    "chimerism.b",
    "chimerism.nk",
    "chimerism.second",
    "stem.host",
    "stem.donor",
    "gvhd.skin",
    "gvhd.gut",
    "gvhd.liver",
    "gvhd.skin_stage",
    "gvhd.gut_stage",
    "gvhd.liver_stage",
    "gvhd.grade",
    "organs.skin",
    "organs.gut",
    "organs.liver",
    "gvhd.presentation",
    "gvhd.steroid",
    "gvhd.refractory",
    "gvhd.second_line",
    "gvhd.stromal",
    "gvh.naive",
    "gvh.effectors",
    "gvh.memory",
    "gvh.regulatory",
    "hvg.naive",
    "hvg.effectors",
    "chronic.severity",
    "malignancy.cells",
    "malignancy.relapsed",
    "transfusions.red",
    "drug.activation",
    "drug.proliferation",
    "drug.depletion",
    "hazard.infection",
    "hazard.toxicity",
    "hazard.gvhd",
)
"""What is recorded each day, in the order of ``record_day``."""


@kernel
def _total(patient, row):
    """Return the cells of a pool of all origins."""
    total = 0.0
    for origin in range(s.N_ORIGINS):
        total += patient.cells[row, origin]
    return total


@kernel
def _donor_share(patient, row):
    """Return the donor's share of a pool, transfused cells aside; 0 where nothing is."""
    donor = patient.cells[row, s.DONOR] + patient.cells[row, s.SECOND]
    total = donor + patient.cells[row, s.HOST]
    return donor / total if total > 0 else 0.0


@kernel
def _record_blood(patient, out):
    """Write counts of the blood and chimerism."""
    cells, mass = patient.cells, patient.number[s.MASS_KG]
    litres = BLOOD_LITRES_PER_KG * mass
    out[0] = _total(patient, s.NEUTROPHILS) / (NEUTROPHIL_LITRES_PER_KG * mass * 1e9)
    out[1] = _total(patient, s.PLATELETS) / (PLATELET_LITRES_PER_KG * mass * 1e9)
    out[2] = _total(patient, s.RED_CELLS) * GRAMS_PER_RED_CELL / litres
    out[3] = _total(patient, s.T_CELLS) / (T_LITRES_PER_KG * mass * 1e9)
    out[4] = _total(patient, s.B_CELLS) / (litres * 1e9)
    out[5] = _total(patient, s.NK_CELLS) / (litres * 1e9)
    at = 6
    for row in (s.STEM, s.NEUTROPHILS, s.PLATELETS, s.RED_CELLS, s.T_CELLS, s.B_CELLS, s.NK_CELLS):
        out[at] = _donor_share(patient, row)
        at += 1
    donor = cells[s.STEM, s.DONOR] + cells[s.STEM, s.SECOND]
    out[13] = cells[s.STEM, s.SECOND] / donor if donor > 0 else 0.0
    out[14] = cells[s.STEM, s.HOST]
    out[15] = donor


@kernel
def _record_disease(patient, step, out):
    """Write graft-versus-host disease, clones, malignancy, drugs and hazards."""
    level, clone, par = patient.level, patient.clone, patient.par
    for organ in range(3):
        out[16 + organ] = level[s.DAMAGE_SKIN + organ]
        out[19 + organ] = graft_versus_host.stage_of(par, level[s.DAMAGE_SKIN + organ])
        out[23 + organ] = level[s.TOXIC_SKIN + organ]
    out[22] = level[s.GRADE]
    out[26] = level[s.PRESENTATION]
    out[27] = level[s.STEROID]
    out[28] = 1.0 if patient.day_of[s.DAY_OF_REFRACTORY] == patient.day_of[s.DAY_OF_REFRACTORY] else 0.0
    out[29] = 1.0 if level[s.STROMAL_GIVEN] > 0.0 else 0.0
    out[30] = level[s.STROMAL]
    out[31] = clone[s.GVH, s.NAIVE]
    out[32] = clone[s.GVH, s.EFFECTORS]
    out[33] = clone[s.GVH, s.MEMORY]
    out[34] = clone[s.GVH, s.REGULATORY]
    out[35] = clone[s.HVG, s.NAIVE]
    out[36] = clone[s.HVG, s.EFFECTORS]
    out[37] = level[s.CHRONIC]
    out[38] = patient.tumour[0]
    out[39] = level[s.RELAPSED]
    out[40] = level[s.RED_UNITS]
    out[41] = patient.block[step, s.BLOCK_ACTIVATION]
    out[42] = patient.block[step, s.BLOCK_PROLIFERATION]
    out[43] = patient.block[step, s.DEPLETION_PER_DAY]
    out[44] = level[s.HAZARD_INFECTION]
    out[45] = level[s.HAZARD_TOXICITY]
    out[46] = level[s.HAZARD_GVHD]


@kernel
def _advance_marrow(patient, step, tick, days):
    """Give the graft on day 0; advance marrow, blood and lymphocytes."""
    if patient.start_day[step] == 0.0:
        haematopoiesis.engraft(patient, tick)
        lymphocytes.infuse(patient)
        if patient.enabled[_GVH] == 1:
            graft_versus_host.infuse(patient, tick)
    if patient.enabled[_CONDITIONING] == 1:
        conditioning.flow(patient, step, days)
    if patient.enabled[_BLOOD] == 1:
        haematopoiesis.flow(patient, step, tick, days)
        haematopoiesis.transfuse(patient, tick, days)
    if patient.enabled[_LYMPHOCYTES] == 1:
        lymphocytes.flow(patient, step, tick, days)


@kernel
def _advance_immunity(patient, step, tick, days):
    """Advance both directions of recognition, attack on organs, treatment and chronic disease."""
    if patient.enabled[_HVG] == 1:
        host_versus_graft.flow(patient, step, tick, days)
    stopped, helped = 0.0, 1.0
    if patient.enabled[_TREATMENT] == 1:
        stopped = treatment.stopped_by_treatment(patient)
        helped = treatment.repair_by_treatment(patient)
    if patient.enabled[_GVH] == 1:
        graft_versus_host.flow(patient, step, tick, days)
    graft_versus_host.attack(patient, days, stopped, helped)
    if patient.enabled[_TREATMENT] == 1:
        treatment.flow(patient, step, days)
    if patient.enabled[_CHRONIC] == 1:
        chronic_disease.flow(patient, step, days)


@kernel
def advance(patient):
    """Advance a patient from the first step to death or the last; return how many days were recorded.

    A record is taken at the beginning of every day, and once more at the end or at death.
    """
    rows, last_row = 0, patient.record.shape[0] - 1
    for step in range(patient.start_day.shape[0]):
        day, days, tick = patient.start_day[step], patient.days[step], patient.tick[step]
        if step == 0 and patient.enabled[_HVG] == 1:
            host_versus_graft.prime(patient, tick)
        if day == float(int(day)) and rows < last_row:  # a day that is not finite may pass for a whole one
            _record_blood(patient, patient.record[rows])
            _record_disease(patient, step, patient.record[rows])
            if patient.record[rows, 0] >= RECOVERY_PER_NL and day > 0.0:
                patient.level[s.RECOVERED] = 1.0
            rows += 1
        _advance_marrow(patient, step, tick, days)
        _advance_immunity(patient, step, tick, days)
        if patient.enabled[_MALIGNANCY] == 1:
            malignancy.flow(patient, step, tick, days)
        if patient.enabled[_MORTALITY] == 1:
            mortality.flow(patient, step, days)
            if patient.level[s.DEAD] > 0.0:
                break
    last = patient.start_day.shape[0] - 1
    _record_blood(patient, patient.record[rows])
    _record_disease(patient, last, patient.record[rows])
    return rows + 1
