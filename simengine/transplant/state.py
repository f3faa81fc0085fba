"""The state of one patient around a transplantation of blood stem cells: plain arrays in one named tuple.

Cells are counted, each pool by whose they are; clones of T cells against the other side, damage of organs, drugs and
clocks of events are beside them. Days count from the graft, which is day 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAUSES", "Patient", "pool_names"]

Reals = NDArray[np.float64]
Wholes = NDArray[np.int64]

HOST, DONOR, SECOND, TRANSFUSED = range(4)  # whose cells: the patient's, of the first or second unit, of blood donors
N_ORIGINS = 4
N_MARROWS = 3
"""Origins that have stem cells: the patient's own and those of one or two units."""

# Rows of Patient.cells: living cells by pool and origin -----------------------------------------------------------------
STEM = 0  # long-term repopulating cells in niches
SHORT_TERM = 1  # short-term repopulating cells
MULTIPOTENT = 2
LINEAGES = ("myeloid", "megakaryocyte", "erythroid")
N_STAGES = 4
"""Stages of maturation between a committed progenitor and a cell of the blood."""
N_LINE = N_STAGES + 2
FIRST_PROGENITOR = 3
"""First row of the lineages: each has a progenitor, its stages, and its mature cells."""
MYELOID, MEGAKARYOCYTE, ERYTHROID = (FIRST_PROGENITOR + i * N_LINE for i in range(3))
NEUTROPHILS, PLATELETS, RED_CELLS = (first + N_LINE - 1 for first in (MYELOID, MEGAKARYOCYTE, ERYTHROID))
DIVIDING = (STEM, SHORT_TERM, MULTIPOTENT, MYELOID, MEGAKARYOCYTE, ERYTHROID)
"""Pools of the marrow that divide: what rejection and drugs kill."""
THYMUS = FIRST_PROGENITOR + 3 * N_LINE  # two stages
T_CELLS = THYMUS + 2
B_STAGE = T_CELLS + 1  # two stages
B_CELLS = B_STAGE + 2
NK_CELLS = B_CELLS + 1
N_POOLS = NK_CELLS + 1

# Rows and columns of Patient.clone: T cells against the other side ------------------------------------------------------
HVG, GVH = range(2)
N_DIVISIONS = 8
NAIVE, MEMORY, FIRST_DIVISION = 0, 1, 2
EFFECTORS = FIRST_DIVISION + N_DIVISIONS
REGULATORY = EFFECTORS + 1
N_CLONE = REGULATORY + 1

# Patient.level: amounts and shares that are no cells -------------------------------------------------------------------
(
    DAMAGE_SKIN,  # by graft-versus-host disease, 0-1
    DAMAGE_GUT,
    DAMAGE_LIVER,
    TOXIC_SKIN,  # by conditioning, 0-1
    TOXIC_GUT,
    TOXIC_LIVER,
    TOXIC_ORGANS,  # what conditioning left in all other organs, relative to busulfan and cyclophosphamide in full
    PRESENTATION,  # presentation of host antigen to donor T cells, 1 = full
    HOST_APC,  # antigen-presenting cells of the host that are left, relative to healthy
    STEROID,  # treatment with steroids, 1 = 2 mg/kg prednisolone
    STROMAL,  # effect of stromal cells given for graft-versus-host disease, in doses of 2e6/kg
    STROMAL_GIVEN,  # doses
    CHRONIC,  # severity of chronic graft-versus-host disease: 0, 1 mild, 2 moderate, 3 severe
    ISOAGGLUTININ,  # antibody of the host against the donor's red cells, relative to the day of the graft
    DONOR_ANTIBODY,  # antibody of the host against the donor's HLA, relative to a saturating titre
    RELAPSED,  # 0 or 1
    RED_UNITS,  # transfused so far
    BEST_GRADE,  # grade at the start of steroids, later the least since
    IMPROVED,  # 1 = grade has fallen under steroids
    DEAD,  # number of the cause, 0 = alive
    GRADE,  # of acute graft-versus-host disease, 0-4
    RECOVERED,  # 1 = neutrophils were above 0.5e9/L
    HAZARD_INFECTION,  # per day
    HAZARD_TOXICITY,
    HAZARD_GVHD,
    STEROID_DAYS,  # days since the start of treatment
) = range(26)
N_LEVEL = 26
ORGANS = ("skin", "gut", "liver")

# Patient.number: what is fixed for this patient -------------------------------------------------------------------------
(
    MASS_KG,
    FOREIGN_HVG,  # how foreign the donor is to host T cells, 1 = full mismatch of both classes
    FOREIGN_GVH,
    MISSING_SELF_HVG,  # KIR ligands that the donor lacks, share
    MISSING_SELF_GVH,
    MAJOR_ABO,  # 1 = the host has antibody against the donor's red cells
    PROGENITORS_DONOR,  # cells that home on day 0, by unit; then stem and short-term
    PROGENITORS_SECOND,
    STEM_DONOR,
    STEM_SECOND,
    SHORT_DONOR,
    SHORT_SECOND,
    T_DONOR,  # T cells infused, by unit
    T_SECOND,
    NK_DONOR,
    GROWTH_OF_GRAFT,  # speed of the graft's progenitors, relative to mobilised blood
    T_POTENCY,  # of the graft's T cells to cause acute disease, relative to marrow
    CHRONIC_POTENCY,
    NICHES,
    HOST_IMMUNITY,
    HOST_MARROW,
    SENSITISED,
    GROWTH_FACTOR,
    SECOND_LINE_DOSES,
    SECOND_LINE_INTERVAL_DAYS,
    SECOND_LINE_DOSE,  # in 2e6/kg
    TUMOUR_CELLS,  # before conditioning
    TUMOUR_GROWTH_PER_DAY,
    TUMOUR_KILL,  # susceptibility to graft-versus-tumour
    RELAPSE_CELLS,
    RELAPSE_DEATH_PER_DAY,
    ALLOGENEIC,  # 0 = the patient's own cells or a twin's
    WEIGHT_SKIN,  # how much of the attack each organ takes, own to the patient
    WEIGHT_GUT,
    WEIGHT_LIVER,
    STEROID_RESPONSE,  # share of the attack that steroids stop
    STROMAL_RESPONSE,  # how well stromal cells act
    SEVERITY_OF_CHRONIC,  # uniform number that decides severity
) = range(38)
N_NUMBER = 38

# Columns of Patient.hit: what conditioning does in a step, as -ln(survival) or share of an organ ------------------------
HIT_STEM, HIT_PROGENITOR, HIT_LYMPHOCYTE, HIT_TUMOUR, HIT_SKIN, HIT_GUT, HIT_LIVER, HIT_ORGANS = range(8)
N_HIT = 8
# Columns of Patient.block: what drugs do in a step -----------------------------------------------------------------------
(
    BLOCK_ACTIVATION,  # shares blocked
    BLOCK_PROLIFERATION,
    BLOCK_REGULATORY,
    DEPLETION_PER_DAY,  # hazards and rises
    DIVIDING_DEATH_PER_DAY,
    INFECTION_RISE,
) = range(6)
N_BLOCK = 6

CAUSES = ("", "relapse", "infection", "gvhd", "toxicity", "graft_failure", "background")
"""Causes of death by their code; 0 is alive."""
DIES_OF_RELAPSE, DIES_OF_INFECTION, DIES_OF_GVHD, DIES_OF_TOXICITY, DIES_OF_FAILURE, DIES_OF_AGE = range(1, 7)
LEFT_CHRONIC = 7
N_LEFT = 8
"""Clocks: hazard that is left until death of each cause, and until chronic disease; each starts at Exp(1)."""

EVENTS = ("death_day", "relapse_day", "chronic_day", "steroid_day", "refractory_day", "second_line_day")
DAY_OF_DEATH, DAY_OF_RELAPSE, DAY_OF_CHRONIC, DAY_OF_STEROID, DAY_OF_REFRACTORY, DAY_OF_SECOND_LINE = range(6)


class Patient(NamedTuple):
    """One patient.

    ``cells`` int64[N_POOLS, N_ORIGINS]; ``clone`` int64[2, N_CLONE]; ``tumour`` int64[1]; ``level`` float64[N_LEVEL];
    ``left`` float64[N_LEFT]; ``day_of`` float64[6] (NaN: not yet); ``number`` float64[N_NUMBER]; ``par`` float64 parameters
    of the mechanisms; ``enabled`` int64 by mechanism; ``start_day`` and ``days`` float64[S] of each step; ``tick``
    int64[S] for addresses; ``hit`` float64[S, N_HIT]; ``block`` float64[S, N_BLOCK]; ``flow`` float64[N_MARROWS] cells that
    left the multipotent pool in this step; ``record`` float64[R, C]; ``key`` uint64[2].
    """

    cells: Wholes
    clone: Wholes
    tumour: Wholes
    level: Reals
    left: Reals
    day_of: Reals
    number: Reals
    par: Reals
    enabled: Wholes
    start_day: Reals
    days: Reals
    tick: Wholes
    hit: Reals
    block: Reals
    flow: Reals
    record: Reals
    key: NDArray[np.uint64]


def pool_names() -> tuple[str, ...]:
    """Return the names of the pools of cells in row order."""
    names = ["stem", "short_term", "multipotent"]
    mature = ("neutrophils", "platelets", "red_cells")
    for lineage, last in zip(LINEAGES, mature, strict=True):
        names += [f"{lineage}_progenitor", *(f"{lineage}_{i + 1}" for i in range(N_STAGES)), last]
    return (*names, "thymus_1", "thymus_2", "t_cells", "b_stage_1", "b_stage_2", "b_cells", "nk_cells")
