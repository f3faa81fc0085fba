"""Rows of the body: compartments, recognition, drugs, and what the patches hand back."""

from __future__ import annotations

__all__ = ["COMPARTMENTS", "FATES"]

COMPARTMENTS = (
    "venous_blood",
    "lung",
    "arterial_blood",
    "liver",
    "spleen",
    "bone_marrow",
    "target_vessels",
    "rest",
    "target",
)
"""Where product cells can be alive in the body; the places of administration (one per route) follow after the fates."""

FATES = (
    "lost_at_delivery",
    "lodged_died_lung",
    "cleared_liver",
    "cleared_spleen",
    "died_elsewhere",
    "died_in_target",
)
"""Absorbing states of the body; rows N_COMPARTMENTS and on."""

VENOUS, LUNG, ARTERIAL, LIVER, SPLEEN, MARROW, TARGET_VESSELS, REST, TARGET = range(9)
N_COMPARTMENTS = 9
LOST_AT_DELIVERY, DIED_LUNG, CLEARED_LIVER, CLEARED_SPLEEN, DIED_ELSEWHERE, DIED_TARGET = range(9, 15)
FIRST_DEPOT = 15

# Body.doses ---------------------------------------------------------------------------------------------------------
DOSE_CELLS, DOSE_FIRST_TICK, DOSE_LAST_TICK, DOSE_DEPOT, DOSE_VIABLE = range(5)
N_DOSE = 5

# Body.pair: recognition between this donor and this recipient ---------------------------------------------------------
(
    PAIR_CLASS_1,  # share of the donor's class I alleles that the recipient lacks, 0-1
    PAIR_CLASS_2,
    PAIR_MINOR,  # minor antigens, on the scale of one class I mismatch share
    PAIR_MISSING_SELF,  # share of the recipient's C-locus KIR ligands that the donor lacks
    PAIR_IMMUNE,  # immune strength of the recipient, 1 = normal
) = range(5)
N_PAIR = 5

# Body.drugs: float64[G, N_DRUG] ---------------------------------------------------------------------------------------
(
    DRUG_FIRST_TICK,
    DRUG_LAST_TICK,
    DRUG_INTERVAL_TICKS,
    DRUG_RISE,  # rise of the level by one dose, ng/mL
    DRUG_ELIMINATION,  # per h
    DRUG_HALF,  # level of half the effect, ng/mL
    DRUG_EXPONENT,
    DRUG_ACTIVATION,  # largest inhibition of T-cell activation, 0-1
    DRUG_PROLIFERATION,  # largest inhibition of T-cell proliferation, 0-1
    DRUG_INFECTION,  # infection hazard at full effect, relative to none
    DRUG_LEVEL,  # state: level, ng/mL
    DRUG_EXPOSURE,  # state: integral of the level, ng h/mL
) = range(12)
N_DRUG = 12

# Body.flux: what the patches gave to the body since the last body step -------------------------------------------------
(
    FLUX_ANTIGEN,  # dead and shedding product cells, real cells of the whole target, weighted by alloantigen
    FLUX_LICENSED,  # licensed stromal cells alive in the target, real cells
    FLUX_BEATING,  # immature functional cells alive in the target, real cells
) = range(3)
N_FLUX = 3
