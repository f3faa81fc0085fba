"""Names that several mechanisms share: the signals of a place and of a cell, and body solutes with many readers."""

from __future__ import annotations

from simengine.mechanisms.registry import POOLS, SIGNALS, SOLUTES
from simengine.state.body import DRUG_HAZARDS, DRUG_TARGETS

CROWDING = SIGNALS("crowding", "1", "volume fraction of cells in the voxel")
FUNCTIONAL = SIGNALS("functional", "1", "functional host tissue in the voxel")
INJURED = SIGNALS("injured", "1", "injured host tissue in the voxel")
SCAR = SIGNALS("scar", "1", "scar in the voxel")
VOID = SIGNALS("void", "1", "empty share of the voxel, open for grafts and scar")
VESSELS = SIGNALS("vessels", "1", "vessel density relative to healthy tissue")
DEBRIS = SIGNALS("debris", "1", "dead host tissue in the voxel")
NEUTROPHILS = SIGNALS("neutrophils", "1", "neutrophils relative to the peak of an untreated infarct")
APOPTOTIC = SIGNALS("apoptotic", "cells", "dead product cells in the voxel that wait for clearance")
AGE = SIGNALS("age_h", "h", "age of the cell")
STAGE_AGE = SIGNALS("stage_age_h", "h", "time since the cell entered its stage")
ACTIVATION = SIGNALS("activation", "1", "licensing of the cell, 0-1")
POLARISATION = SIGNALS("polarisation", "1", "macrophage state: 0 = M1, 1 = M2")
FATIGUE = SIGNALS("fatigue", "1", "hazard that the cell has delivered as a killer")
BLOCKED_ACTIVATION = SIGNALS("blocked_activation", "1", "inhibition of T-cell activation by drugs, 0-1")
BLOCKED_PROLIFERATION = SIGNALS("blocked_proliferation", "1", "inhibition of T-cell proliferation by drugs, 0-1")
BLOCKED_INFLAMMATION = SIGNALS("blocked_inflammation", "1", "inhibition of inflammatory cytokines by drugs, 0-1")
ANTIBODY = SIGNALS("antibody", "1", "donor-specific antibody, relative to a saturating titre")
EXPOSURE = SIGNALS("apoptotic_exposure", "1e6/kg", "dying product cells that phagocytes of the body ate of late, per body mass")

DRUG_BLOCKS = SOLUTES("drug_activation", "1", "inhibition of T-cell activation by all drugs together, 0-1")
"""First of the solutes that follow ``state.body.DRUG_TARGETS``, in their order."""
SOLUTES("drug_proliferation", "1", "inhibition of T-cell proliferation by all drugs together, 0-1")
SOLUTES("drug_costimulation", "1", "inhibition of co-stimulation by all drugs together, 0-1")
SOLUTES("drug_entry", "1", "inhibition of the entry of circulating immune cells by all drugs together, 0-1")
SOLUTES("drug_inflammation", "1", "inhibition of inflammatory cytokines by all drugs together, 0-1")
SOLUTES("drug_antibody", "1", "inhibition of antibody responses by all drugs together, 0-1")
SOLUTES("drug_regulatory", "1", "inhibition of regulatory T cells by all drugs together, 0-1")
DRUG_ADDS = SOLUTES("drug_depletion_per_h", "1/h", "hazard of T cells from depleting drugs")
"""First of the solutes that follow ``state.body.DRUG_HAZARDS``, in their order."""
SOLUTES("drug_dividing_death_per_h", "1/h", "hazard of dividing T cells from drugs")
SOLUTES("drug_infection", "1", "rise of the infection hazard by drugs, relative to none")
SOLUTES("drug_organ_damage_per_h", "1/h", "hazard of organ damage by drugs")
(
    DRUG_ACTIVATION,
    DRUG_PROLIFERATION,
    DRUG_COSTIMULATION,
    DRUG_ENTRY,
    DRUG_INFLAMMATION,
    DRUG_ANTIBODY,
    DRUG_REGULATORY,
    DRUG_DEPLETION,
    DRUG_DIVIDING_DEATH,
    DRUG_INFECTION,
    DRUG_ORGAN_DAMAGE,
) = range(DRUG_BLOCKS, DRUG_BLOCKS + len(DRUG_TARGETS) + len(DRUG_HAZARDS))
DONOR_ANTIBODY = SOLUTES("donor_antibody", "1", "donor-specific antibody, relative to a saturating titre")
APOPTOTIC_EXPOSURE = SOLUTES(
    "apoptotic_exposure", "1e6/kg", "dying product cells that phagocytes of the body ate of late, per body mass"
)

N_DECLARED = len(SIGNALS)
"""Signals declared so far; one signal per field follows."""

CYTOTOXIC = POOLS("cd8_effectors", "cells", "CD8 effectors against the donor in blood")
HELPERS = POOLS("cd4_effectors", "cells", "CD4 effectors against the donor in blood")
