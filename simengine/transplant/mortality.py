"""Death: hazards of named causes, each against a clock of its own. Match acts on none of them but through biology."""

from __future__ import annotations

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.transplant.haematopoiesis import NEUTROPHIL_LITRES_PER_KG
from simengine.transplant.lymphocytes import T_LITRES_PER_KG
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow"]

INFECTION = PARAMETERS("mortality.infection_per_day", "1/day", "hazard of death by infection with all defences at work")
NEUTROPENIA = PARAMETERS("mortality.rise_by_neutropenia", "1", "rise of it without neutrophils")
NEUTROPHIL_HALF = PARAMETERS("mortality.neutrophil_half_per_nl", "1/nL", "neutrophils at half of that rise")
LYMPHOPENIA = PARAMETERS("mortality.rise_by_lymphopenia", "1", "rise of it without T cells")
T_HALF = PARAMETERS("mortality.t_cell_half_per_nl", "1/nL", "T cells of the blood at half of that rise")
BARRIER = PARAMETERS("mortality.rise_by_barrier", "1", "rise of it with a gut in ruins")
BY_STEROID = PARAMETERS("mortality.rise_by_steroid", "1", "rise of it under full steroids")
BY_CHRONIC = PARAMETERS("mortality.rise_by_chronic", "1", "rise of it in severe chronic disease under treatment")
BY_DRUGS = PARAMETERS("mortality.share_of_drug_rise", "1", "weight of the rises that drugs state")
GVHD = PARAMETERS("mortality.gvhd_per_day", "1/day", "hazard of death by the disease itself with gut and liver in ruins")
TOXICITY = PARAMETERS("mortality.toxicity_per_day", "1/day", "hazard of death by organ toxicity right after full conditioning")
FAILURE = PARAMETERS("mortality.failure_per_day", "1/day", "hazard of death without any marrow, beside infection")
BACKGROUND = PARAMETERS("mortality.background_per_day", "1/day", "hazard of all other death")


@kernel
def _fourth(x):
    """Return the fourth power: mild damage hardly kills."""
    return x * x * x * x


@kernel
def _counts(patient):
    """Return neutrophils and T cells of the blood, 1e9/L."""
    cells, mass = patient.cells, patient.number[s.MASS_KG]
    neutrophils = 0.0
    lymphocytes = 0.0
    for origin in range(s.N_MARROWS):
        neutrophils += cells[s.NEUTROPHILS, origin]
        lymphocytes += cells[s.T_CELLS, origin]
    return neutrophils / (NEUTROPHIL_LITRES_PER_KG * mass * 1e9), lymphocytes / (T_LITRES_PER_KG * mass * 1e9)


@kernel
def _infection(patient, step):
    """Return the hazard of death by infection, per day.

    Notes
    -----
    EQ-MORTALITY-2: base x (1 + neutropenia x h_N/(N + h_N) + lymphopenia x h_T/(T + h_T) + barrier x gut^2 + steroid +
    chronic + drugs); gut = damage by conditioning and disease, at most 1; base follows age, illness, virus and the year of
    care.
    """
    par, level = patient.par, patient.level
    neutrophils, lymphocytes = _counts(patient)
    gut = min(1.0, level[s.TOXIC_GUT] + level[s.DAMAGE_GUT])
    rise = par[NEUTROPENIA] * par[NEUTROPHIL_HALF] / (neutrophils + par[NEUTROPHIL_HALF])
    rise += par[LYMPHOPENIA] * par[T_HALF] / (lymphocytes + par[T_HALF])
    rise += par[BARRIER] * gut * gut + par[BY_STEROID] * level[s.STEROID]
    rise += par[BY_CHRONIC] * max(0.0, level[s.CHRONIC] - 1.0) / 2.0
    rise += par[BY_DRUGS] * patient.block[step, s.INFECTION_RISE]
    return par[INFECTION] * (1.0 + rise)


@kernel
def flow(patient, step, days):
    """Let all hazards run; the first clock that is spent is the cause of death.

    Notes
    -----
    EQ-MORTALITY-1: each cause has a clock Exp(1) that its hazard runs down; of those spent in one step the one spent most,
    relative to its hazard, came first. Toxicity: base x what conditioning left in the organs; graft-versus-host disease:
    base x (gut^4 + liver^4); graft failure: base while the marrow holds less than a thousandth of its stem cells; relapse:
    the rate of the disease; background: the rate of the age.
    """
    par, number, level = patient.par, patient.number, patient.level
    gut, liver = level[s.DAMAGE_GUT], level[s.DAMAGE_LIVER]
    stem = patient.cells[s.STEM, s.HOST] + patient.cells[s.STEM, s.DONOR] + patient.cells[s.STEM, s.SECOND]
    is_empty = patient.start_day[step] > 28.0 and stem < 0.001 * number[s.NICHES]
    level[s.HAZARD_INFECTION] = _infection(patient, step)
    level[s.HAZARD_TOXICITY] = par[TOXICITY] * level[s.TOXIC_ORGANS]
    level[s.HAZARD_GVHD] = par[GVHD] * (_fourth(gut) + _fourth(liver))
    earliest = 2.0
    for cause in range(1, s.LEFT_CHRONIC):
        hazard = par[BACKGROUND]
        if cause == s.DIES_OF_RELAPSE:
            hazard = number[s.RELAPSE_DEATH_PER_DAY] * level[s.RELAPSED]
        elif cause == s.DIES_OF_INFECTION:
            hazard = level[s.HAZARD_INFECTION]
        elif cause == s.DIES_OF_GVHD:
            hazard = level[s.HAZARD_GVHD]
        elif cause == s.DIES_OF_TOXICITY:
            hazard = level[s.HAZARD_TOXICITY]
        elif cause == s.DIES_OF_FAILURE:
            hazard = par[FAILURE] if is_empty else 0.0
        used = hazard * days
        if used >= patient.left[cause] and used > 0.0 and patient.left[cause] / used < earliest:
            earliest = patient.left[cause] / used
            level[s.DEAD] = float(cause)
            patient.day_of[s.DAY_OF_DEATH] = patient.start_day[step] + days * max(0.0, earliest)
        patient.left[cause] -= used
