"""The modifier table: how traits of patient and donor change parameters."""

from __future__ import annotations

from collections.abc import Mapping

from simengine.catalog import load_catalog
from simengine.foundation.math import exp, log
from simengine.scenario import Scenario

__all__ = ["modified", "traits_of"]


def traits_of(scenario: Scenario) -> dict[str, float]:
    """Return the traits of patient and donor as numbers; flags are 0 or 1. An autologous donor is the patient."""
    patient, donor = scenario.patient, scenario.donor
    traits = {
        "age_years": patient.age_years,
        "weight_kg": patient.weight_kg,
        "diabetes": float(patient.diabetes),
        "smoking": float(patient.smoking),
        "obesity": float(patient.obesity),
    }
    if donor.relation == "autologous":
        return traits | {f"donor_{name}": value for name, value in traits.items()}
    age = donor.age_years if donor.age_years is not None else 30.0
    return traits | {"donor_age_years": age, "donor_diabetes": float(donor.diabetes or False)}


def _factor(row: Mapping[str, object], value: float) -> float:
    """Return what one row multiplies its parameter by.

    Notes
    -----
    EQ-TRAIT-1: factor: slope if the trait is set; linear: 1 + slope (x - reference), at least 0.05; power:
    (x / reference) ** slope.
    """
    slope, reference = float(row.get("slope", 1.0)), float(row.get("reference", 1.0))  # type: ignore[arg-type]
    if row["form"] == "factor":
        return slope if value > 0.0 else 1.0
    if row["form"] == "linear":
        return max(0.05, 1.0 + slope * (value - reference))
    return float(exp(slope * log(max(value, 1e-9) / reference)))


def modified(scenario: Scenario) -> dict[str, float]:
    """Return the factor on each modified quantity: the product over all rows whose trait the scenario has."""
    traits = traits_of(scenario)
    factors: dict[str, float] = {"immune_strength": 1.0, "potency": 1.0, "repair": 1.0}
    for entry in (load_catalog().entry("modifiers", name) for name in load_catalog().names("modifiers")):
        for row in entry.rows:
            trait, quantity = str(row["trait"]), str(row["parameter"])
            if trait in traits:
                factors[quantity] = factors.get(quantity, 1.0) * _factor(row, traits[trait])
    return factors
