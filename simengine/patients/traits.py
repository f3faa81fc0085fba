"""What patient, donor and product are like, as numbers that modifiers read."""

from __future__ import annotations

from simengine.catalog import Catalog
from simengine.catalog.quantities import GENE, OF_DONOR
from simengine.scenario import Scenario
from simengine.scenario.model import Donor, Patient, Product

__all__ = ["traits_of", "weight_kg"]

_FLAGS = ("diabetes", "smoking", "obesity")
_OF_TRANSPLANTED = ("disease_risk", "comorbidity_index", "care_year")
_SHARED_BY_TWINS = ("age_years", "female")
_HUMAN = "human"


def weight_kg(patient: Patient, catalog: Catalog) -> float:
    """Return the body mass of a patient: as stated, else that of the species."""
    return _species_mass(patient, catalog) if patient.weight_kg is None else patient.weight_kg


def _species_mass(patient: Patient, catalog: Catalog) -> float:
    return catalog.entry("species", patient.species).value("body_mass_kg")


def traits_of(scenario: Scenario, catalog: Catalog) -> dict[str, float]:
    """Return the traits of patient, donor and product that this scenario has; flags are 0 or 1.

    A trait that is not known is absent, so that no modifier of it acts: a donor whose age is not stated is as the entry of
    the product has it.
    """
    patient = _patient(scenario.patient, catalog)
    donor = _donor(scenario.donor, scenario.patient, patient)
    transmitted = donor.get("cmv", 0.0) * (1.0 - patient["cmv"])
    return {
        **patient,
        **_transplanted(scenario),
        **{OF_DONOR + name: value for name, value in donor.items()},
        "cmv_transmission": transmitted,
        **_processing(scenario.product, catalog),
    }


def _patient(patient: Patient, catalog: Catalog) -> dict[str, float]:
    """Return the traits of the patient; the table counts human years, so that age is no trait of another species."""
    age = {"age_years": patient.age_years} if patient.species == _HUMAN else {}
    return {
        **age,
        "female": float(patient.sex == "female"),
        "relative_weight": weight_kg(patient, catalog) / _species_mass(patient, catalog),
        "cmv": float(patient.cmv == "positive"),
        **{name: float(getattr(patient, name)) for name in _FLAGS},
        "kidney_function_ml_per_min": patient.kidney_function_ml_per_min,
        "child_pugh_score": patient.child_pugh_score,
        "albumin_g_per_l": patient.albumin_g_per_l,
        "perceived_stress_score": patient.perceived_stress_score,
        "activity_met_h_per_week": patient.activity_met_h_per_week,
        "microbiome_diversity": patient.microbiome_diversity,
        "family_history": float(patient.family_history),
        **{GENE + name: float(carried) for name, carried in patient.genes.items()},
    }


def _transplanted(scenario: Scenario) -> dict[str, float]:
    """Return what is said of a patient only for a transplantation; no trait of anybody else."""
    if scenario.transplant is None:
        return {}
    return {name: float(getattr(scenario.patient, name)) for name in _OF_TRANSPLANTED}


def _donor(donor: Donor, patient: Patient, of_patient: dict[str, float]) -> dict[str, float]:
    """Return the traits of the donor: an autologous one is the patient, a twin shares age, sex and genes."""
    if donor.relation == "autologous":
        return of_patient
    found = {name: float(getattr(donor, name) or False) for name in _FLAGS}
    found |= {"cmv": float(donor.cmv == "positive"), "female": float((donor.sex or patient.sex) == "female")}
    if donor.age_years is not None and (patient.species == _HUMAN or donor.relation == "xenogeneic"):
        found["age_years"] = donor.age_years
    if donor.relation == "identical_twin":
        shared = (*_SHARED_BY_TWINS, *(GENE + name for name in patient.genes))
        found |= {name: of_patient[name] for name in shared if name in of_patient}
    return found


def _processing(product: Product, catalog: Catalog) -> dict[str, float]:
    """Return how a product was processed, against what its entry describes (EQ-PRODUCT-1).

    culture age = (passage - own) / (senescence - own), senescence the upper end of the entry's passages; an immortal line has
    none, and its line age = passage / own. thawed = frozen (1 or 0) - frozen by the entry; relative purity = purity / own.
    """
    entry = catalog.entry("products", product.name)
    found: dict[str, float] = {}
    own = entry.parameters.get("passage")
    if product.passage is not None and own is not None and own.high > own.value:
        if entry.facts.get("immortal", False):
            found["line_age"] = product.passage / own.value
        else:
            found["culture_age"] = (product.passage - own.value) / (own.high - own.value)
    if product.cryopreserved is not None:
        found["thawed"] = float(product.cryopreserved) - float(bool(entry.facts.get("cryopreserved", False)))
    if product.purity is not None:
        found["relative_purity"] = product.purity / (entry.value("purity") if "purity" in entry.parameters else 1.0)
    return found
