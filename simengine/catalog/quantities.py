"""What a modifier may read and what it may change: the traits by name, and the quantities with the numbers they reach.

A quantity is a name for catalogue numbers that change together. A modifier multiplies a quantity, and so every number that
the quantity reaches: a new quantity is one row here, and acts wherever those numbers are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

__all__ = ["GENE", "OF_DONOR", "QUANTITIES", "TRAITS", "Quantity", "known_traits", "reached"]

GENE = "gene."
"""Head of the traits that are named genetic factors, entries of folder `genes`; 1 for a carrier."""
OF_DONOR = "donor_"
"""Head of the traits of the donor; those of an autologous donor are the patient's."""
CLEARANCE = "clearance."
"""Head of the quantities that are the clearance of one drug."""
_HALF_LIVES = "drugs.*.half_life_h"
_TISSUES = ("cells.tissue.behaviours", "sites.*.tissue")
"""Where behaviours of host tissue stand: for every site, and for one that states its own instead."""


class Quantity(NamedTuple):
    """Numbers that change together: patterns of their paths, and what that means.

    A factor f multiplies a number by f ** ``power``; with an ``organ`` only drugs that state it under `elimination`, and a
    drug that several organs clear takes an equal share of the exponent from each.
    """

    paths: tuple[str, ...]
    meaning: str
    power: float = 1.0
    organ: str = ""


QUANTITIES: Mapping[str, Quantity] = {
    "immune_strength": Quantity(("sites.*.immune_variation",), "strength of all immune arms of the patient"),
    "potency": Quantity(("products.*.potency_variation",), "everything that the product secretes"),
    "graft_function": Quantity(("lineages.*.function_fraction",), "what a cell of the product does for the organ"),
    "graft_arrhythmia": Quantity(("lineages.*.arrhythmic",), "how far a cell of the product disturbs the rhythm"),
    "product_death": Quantity(
        ("lineages.*.behaviours.apoptosis_per_h", "products.*.loss_in_target_per_h"),
        "lasting death of product cells, immunity aside",
    ),
    "fragility": Quantity(("products.*.fragile_fraction",), "share of product cells that die in the first days"),
    "lysis": Quantity(("lineages.*.behaviours.complement_lysis_per_h",), "lysis of product cells by complement"),
    "viability": Quantity(("products.*.viability",), "share of the dose alive when given, where the scenario states none"),
    "homing": Quantity(("products.*.cxcr4_expression",), "CXCR4 of the product: arrival from blood"),
    "yield": Quantity(("products.*.cost_eur",), "cells that one donation gives: cost goes with its inverse", -1.0),
    "repair": Quantity(
        tuple(f"{tissue}.{name}_per_h" for name in ("salvage", "regrowth", "angiogenesis") for tissue in _TISSUES),
        "salvage, regrowth and new vessels of host tissue",
    ),
    "fibrosis": Quantity(tuple(f"{tissue}.fibrosis_per_h" for tissue in _TISSUES), "scar made of empty space"),
    "inflammation": Quantity(
        tuple(
            f"{cells}.secretion.{field}" for field in ("tnf", "chemokine") for cells in ("cells.*.behaviours", *_TISSUES[1:])
        ),
        "TNF and chemokine from host cells and tissue",
    ),
    "recruitment": Quantity(
        ("cells.*.recruitment_per_mm3_per_h", "sites.*.recruitment.*"), "immune cells that a lesion draws from blood"
    ),
    "infection_hazard": Quantity(("safety.infection_per_h",), "hazard of serious infection"),
    "arrhythmia_hazard": Quantity(("safety.arrhythmia_of_1e8_per_h",), "hazard of arrhythmia per immature beating cell"),
    "thrombosis_hazard": Quantity(("safety.thrombosis_of_dose_per_h",), "hazard of thrombosis after cells in blood"),
    "tumour_founders": Quantity(("products.*.founder_probability",), "chance of an undifferentiated cell to found a tumour"),
    "toxicity_hazard": Quantity(("transplantation.mortality.toxicity_per_day",), "death by toxicity of conditioning"),
    "transplant_infection_hazard": Quantity(
        ("transplantation.mortality.infection_per_day",), "death by infection after a transplantation"
    ),
    "background_hazard": Quantity(
        ("transplantation.mortality.background_per_day",), "death by what befalls anybody of that age"
    ),
    "thymic_output": Quantity(
        ("transplantation.lymphocytes.thymic_output_per_kg_per_day",), "new T cells after a transplantation"
    ),
    "translocation": Quantity(
        ("transplantation.graft_versus_host.translocation",), "products of microbes that cross an injured gut"
    ),
    "alloreactivity": Quantity(
        ("transplantation.graft_versus_host.alloreactivity",), "answer of the donor's T cells to the patient"
    ),
    "engraftment_speed": Quantity(
        ("transplantation.haematopoiesis.progenitor_growth_per_day",), "growth of progenitors after a transplantation"
    ),
    "residual_disease": Quantity(("diseases.*.residual_cells",), "malignant cells before conditioning"),
    "clearance": Quantity((_HALF_LIVES,), "elimination of every drug", -1.0),
    "clearance_by_liver": Quantity((_HALF_LIVES,), "elimination of drugs that the liver clears", -1.0, "liver"),
    "clearance_by_kidney": Quantity((_HALF_LIVES,), "elimination of drugs that the kidney clears", -1.0, "kidney"),
}
"""Quantities by name, besides `clearance.DRUG` for each drug."""

_PERSON = {
    "age_years": "age",
    "female": "1 for a woman",
    "relative_weight": "body mass over that of the species",
    "cmv": "1 if cytomegalovirus has been met",
    "diabetes": "1 if diabetic",
    "smoking": "1 for a smoker",
    "obesity": "1 if obese",
    "kidney_function_ml_per_min": "estimated glomerular filtration rate for 1.73 m² of body surface",
    "child_pugh_score": "Child-Pugh score of the liver",
    "albumin_g_per_l": "albumin in serum, for nutrition",
    "perceived_stress_score": "score of the Perceived Stress Scale (PSS-10)",
    "activity_met_h_per_week": "physical activity, MET-hours a week",
    "microbiome_diversity": "inverse Simpson index of the gut flora",
    "family_history": "1 if a first-degree relative died suddenly or fell ill early",
}
_TRANSPLANTED = {
    "disease_risk": "refined disease risk index, 0 low to 3 very high",
    "comorbidity_index": "comorbidity index before a transplantation (HCT-CI)",
    "care_year": "year of a transplantation, for supportive care",
}
TRAITS: Mapping[str, str] = {
    **_PERSON,
    **_TRANSPLANTED,
    **{OF_DONOR + name: f"{meaning}, of the donor" for name, meaning in _PERSON.items()},
    "cmv_transmission": "1 if a positive donor meets a negative patient",
    "culture_age": "passages beyond the product's own, over those that it has left until senescence",
    "line_age": "passages of an immortal line over those of its entry",
    "thawed": "1 if a product that is given fresh was frozen, -1 if one that is given frozen was not",
    "relative_purity": "share of the wanted kind over that of the product's entry",
}
"""Traits by name, besides `gene.NAME` and `donor_gene.NAME` for each entry of folder `genes`."""


def known_traits(genes: Iterable[str]) -> tuple[str, ...]:
    """Return every trait that a modifier may read, for the named genetic factors there are."""
    named = [GENE + gene for gene in genes]
    return (*TRAITS, *named, *(OF_DONOR + name for name in named))


def reached(paths: Collection[str], cleared_by: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    """Return for each quantity the paths of the numbers that it multiplies, each with the exponent of the factor.

    Parameters
    ----------
    paths
        Every parameter of the catalogue.
    cleared_by
        The organs that clear each drug.
    """
    found = {name: _reached(quantity, paths, cleared_by) for name, quantity in QUANTITIES.items()}
    for drug in cleared_by:
        found[CLEARANCE + drug] = {_HALF_LIVES.replace("*", drug): -1.0}
    return found


def _reached(quantity: Quantity, paths: Collection[str], cleared_by: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    hits = [path for path in paths if any(fnmatchcase(path, pattern) for pattern in quantity.paths)]
    if not quantity.organ:
        return dict.fromkeys(hits, quantity.power)
    organs = {path: cleared_by[path.split(".")[1]] for path in hits}
    return {path: quantity.power / len(named) for path, named in organs.items() if quantity.organ in named}
