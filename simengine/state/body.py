"""Rows of the body: compartments, recognition, drugs, and what the patches hand back."""

from __future__ import annotations

__all__ = ["COMPARTMENTS", "DRUG_HAZARDS", "DRUG_TARGETS", "FATES"]

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

# Body.pair: what this recipient makes of this donor, and the recipient's own constants ---------------------------------
(
    PAIR_CLASS_1,  # share of the donor's class I alleles that the recipient lacks, as CD8 cells see it directly
    PAIR_CLASS_2,  # share of class II, as CD4 cells see it directly
    PAIR_MINOR,  # minor antigens, on the scale of one class I mismatch share
    PAIR_LIGANDS,  # inhibition that the donor's class I gives to the recipient's NK cells, 1 = as own cells
    PAIR_SHIELD,  # protection of an edited graft from missing-self attack, 0-1
    PAIR_IMMUNE,  # immune strength of the recipient, 1 = normal
    PAIR_PRESENTED,  # antigen of the graft that the recipient's own cells present to CD4 cells, 0-1
    PAIR_NATURAL,  # natural antibody bound to cells of another species, 0-1
    PAIR_HUMORAL,  # share of a full antibody response that the mismatch calls for, 0-1
    PAIR_AUTO,  # autoimmunity of the recipient against the lineage of the graft, 0-1
    PAIR_MASS_KG,  # body mass of the recipient
) = range(11)
N_PAIR = 11

# Body.drugs: float64[G, N_DRUG] ---------------------------------------------------------------------------------------
DRUG_TARGETS = ("activation", "proliferation", "costimulation", "entry", "inflammation", "antibody", "regulatory")
"""What drugs inhibit: a share 0-1 of each at full effect."""
DRUG_HAZARDS = ("depletion_per_h", "dividing_death_per_h", "infection_rise", "organ_damage_per_h")
"""What drugs add at full effect: death of T cells, death of those in division, and their price."""
(
    DRUG_FIRST_TICK,
    DRUG_LAST_TICK,
    DRUG_INTERVAL_TICKS,
    DRUG_RISE,  # rise of the level by one dose, ng/mL
    DRUG_ELIMINATION,  # per h
    DRUG_HALF,  # level of half the effect, ng/mL
    DRUG_EXPONENT,
    DRUG_LEVEL,  # state: level, ng/mL
    DRUG_EXPOSURE,  # state: integral of the level, ng h/mL
    DRUG_ON_ACTIVATION,  # largest inhibition of each of DRUG_TARGETS, in their order
    DRUG_ON_PROLIFERATION,
    DRUG_ON_COSTIMULATION,
    DRUG_ON_ENTRY,
    DRUG_ON_INFLAMMATION,
    DRUG_ON_ANTIBODY,
    DRUG_ON_REGULATORY,
    DRUG_DEPLETES,  # each of DRUG_HAZARDS at full effect, in their order
    DRUG_KILLS_DIVIDING,
    DRUG_RAISES_INFECTION,
    DRUG_DAMAGES,
) = range(20)
N_DRUG = 20
DRUG_FIRST_TARGET, DRUG_FIRST_HAZARD = DRUG_ON_ACTIVATION, DRUG_DEPLETES

# Body.flux: what the patches gave to the body since the last body step -------------------------------------------------
(
    FLUX_ANTIGEN,  # dead and shedding product cells, real cells of the whole target, weighted by alloantigen
    FLUX_LICENSED,  # licensed stromal cells alive in the target, real cells
    FLUX_BEATING,  # immature functional cells alive in the target, real cells
    FLUX_EATEN,  # product cells that died anywhere and are eaten by the host's phagocytes
) = range(4)
N_FLUX = 4
