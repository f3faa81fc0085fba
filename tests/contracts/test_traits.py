"""Each trait, each row of the modifier table and each quantity matters somewhere, and is inert where it should be.

A newcomer is covered by standing in the catalogue or in the scenario model.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.catalog.quantities import QUANTITIES, TRAITS
from simengine.engine import simulate
from simengine.engine.build import build
from simengine.outcomes import cost, evaluate
from simengine.outcomes.facts import Facts
from simengine.patients import modifiers
from simengine.patients.draws import Dice
from simengine.patients.modifiers import modified, numbers_of
from simengine.patients.numbers import Numbers
from simengine.patients.traits import traits_of
from simengine.scenario.model import Donor, Patient, Product

CATALOG = load_catalog()
BASE = """
name = "traits"
patient.vary = "none"
patch.shape = [4, 4, 2]
run.duration_days = 1.0
delivery = [{ route = "intravenous", dose_cells_per_kg = 1000000 }]
drug = [{ name = "tacrolimus" }]
"""
ROWS = [(entry.name, i, row) for entry in CATALOG.entries["modifiers"].values() for i, row in enumerate(entry.rows)]
NOT_IN_THE_TABLE = {
    "species": "names an entry",
    "immune_strength": "multiplies the arms itself (EQ-TRAIT-2)",
    "sensitised": "starts memory and antibody (EQ-PRIME-3)",
    "vary": "says what is drawn",
    "relation": "acts through the match and through what the donor shares",
    "match": "is the match",
    "name": "names an entry",
    "viability": "is the number itself (EQ-DOSE-1)",
    "diameter_um": "is the number itself (EQ-LUNG-1)",
}
"""Fields of patient, donor and product that act without a modifier, and how."""
ACTS_THROUGH = {
    "sex": "female", "weight_kg": "relative_weight", "genes": "gene.", "passage": "culture_age",
    "cryopreserved": "thawed", "purity": "relative_purity",
}  # fmt: skip
"""The trait of each field that goes by another name."""
OF_TRANSPLANTATION = ("diseases.", "transplantation.")
"""Heads of the numbers that only a transplantation reads."""
LARGEST = {"residual_disease": 100.0, "background_hazard": 64.0}
"""Quantities that spread over orders of magnitude, with the largest factor of a row: malignant cells, death by age."""
ORDER = [
    ("donor", "age_years", 20.0, 70.0, "potency", -1),
    ("donor", "age_years", 20.0, 70.0, "yield", -1),
    ("donor", "age_years", 20.0, 70.0, "product_death", 1),
    ("donor", "diabetes", False, True, "potency", -1),
    ("patient", "diabetes", False, True, "repair", -1),
    ("patient", "age_years", 40.0, 80.0, "repair", -1),
    ("patient", "age_years", 40.0, 80.0, "immune_strength", -1),
    ("patient", "kidney_function_ml_per_min", 90.0, 20.0, "clearance_by_kidney", -1),
    ("patient", "child_pugh_score", 5.0, 12.0, "clearance_by_liver", -1),
    ("patient", "microbiome_diversity", 12.0, 1.5, "infection_hazard", 1),
    ("patient", "albumin_g_per_l", 44.0, 25.0, "infection_hazard", 1),
    ("patient", "perceived_stress_score", 8.0, 30.0, "repair", -1),
    ("patient", "activity_met_h_per_week", 1.0, 40.0, "inflammation", -1),
    ("patient", "family_history", False, True, "arrhythmia_hazard", 1),
    ("product", "passage", 2, 6, "potency", -1),
    ("product", "passage", 2, 6, "product_death", 1),
    ("product", "passage", 2, 6, "homing", -1),
    ("product", "cryopreserved", False, True, "fragility", 1),
    ("product", "cryopreserved", False, True, "lysis", 1),
    ("product", "purity", 0.97, 0.7, "potency", -1),
]


def asked(**changes: Any) -> scenario.Scenario:
    """Return the scenario of one day with some values changed."""
    return scenario.loads(BASE, overrides={name.replace("__", "."): v for name, v in changes.items()}).points[0].scenario


def arrays(value: Any, path: str = "") -> dict[str, np.ndarray]:
    """Return every array of a world by its path."""
    if isinstance(value, np.ndarray):
        return {path: value}
    found: dict[str, np.ndarray] = {}
    for name, item in zip(getattr(value, "_fields", ()), value if isinstance(value, tuple) else (), strict=False):
        found |= arrays(item, f"{path}.{name}" if path else name)
    return found


def handed_over(*scenarios: scenario.Scenario) -> list[dict[str, np.ndarray]]:
    """Return what the engine is given of each scenario, its key aside."""
    worlds = [arrays(build(one, 1, 0, 0).world) for one in scenarios]
    return [{name: value for name, value in world.items() if name != "key"} for world in worlds]


def differ(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    """Return the arrays of two worlds that differ."""
    return {name for name in before if not np.array_equal(before[name], after[name])}


TRANSPLANTED = {
    quantity
    for quantity, reached in CATALOG.quantities.items()
    if reached and all(p.startswith(OF_TRANSPLANTATION) for p in reached)
}
"""Quantities of a transplantation, which changes no array of tissue: see test_transplant_catalogue.py."""


def test_a_quantity_is_of_tissue_or_of_transplantation():
    mixed = [name for name, reached in CATALOG.quantities.items() if any(p.startswith(OF_TRANSPLANTATION) for p in reached)]
    assert set(mixed) == TRANSPLANTED
    assert len(TRANSPLANTED) >= 8


@pytest.mark.parametrize("quantity", sorted(set(CATALOG.quantities) - TRANSPLANTED))
def test_every_quantity_changes_what_the_engine_or_the_outcomes_are_given(quantity, monkeypatch):
    """The numbers of a quantity times 0.8, for each product: an array of the world at tick 0 moves, or the cost or a row."""
    reached = CATALOG.quantities[quantity]
    organ = QUANTITIES[quantity].organ if quantity in QUANTITIES else ""
    if organ and not any(organ in drug.listed_fact("elimination") for drug in CATALOG.entries["drugs"].values()):
        assert reached == {}
        return
    assert reached
    drugs = [{"name": path.split(".")[1]} for path in reached if path.startswith("drugs.")] or [{"name": "tacrolimus"}]
    for name, mode in product(CATALOG.names("products"), ("auto", "body")):
        one = asked(product__name=name, drug=drugs[:1], run__mode=mode)
        with monkeypatch.context() as patch:
            patch.setattr(modifiers, "multipliers", lambda *_: {})
            before, cost_before = handed_over(one)[0], cost_of(one)
            patch.setattr(modifiers, "multipliers", lambda *_: dict.fromkeys(reached, 0.8))
            if differ(before, handed_over(one)[0]) or cost_of(one) != cost_before:
                return
    assert rows_differ(reached, monkeypatch), f"{quantity} changes nothing"


def rows_differ(reached: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Tell whether the numbers times 0.8 change an outcome of a product that they belong to and that is injected."""
    names = [path.split(".")[1] for path in reached if path.startswith("products.") and CATALOG.parameters[path].value > 0.0]
    one = asked(product__name=names[0], delivery=[{"route": "intramyocardial", "dose_cells": 20_000}], run__mode="body")
    found = []
    for factor in (1.0, 0.8):
        monkeypatch.setattr(modifiers, "multipliers", lambda *_, factor=factor: dict.fromkeys(reached, factor))
        found.append(evaluate(one, simulate(one, 1)).row)
    return any(found[0][name] != value for name, value in found[1].items() if value == value)  # NaN is no difference


def cost_of(one: scenario.Scenario) -> float:
    """Return what the outcomes say of the cost of a product that was given."""
    numbers = modifiers.numbers_of(one, CATALOG)
    facts = Facts(one, None, {}, {}, numbers, Dice("none", 1, 0, 0))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Facts, "dose", 1.0)
        return cost.measure(facts)["cost_eur"]


@pytest.mark.parametrize(("entry", "i", "row"), ROWS, ids=[f"{e}-{r['trait']}-{r['quantity']}-{i}" for e, i, r in ROWS])
def test_every_row_of_the_table_moves_its_quantity_within_the_bounds_of_its_trait(entry, i, row, monkeypatch):
    """Some value of the trait between its bounds gives a factor other than 1, and none gives one that is not positive."""
    factors = set()
    for x in np.linspace(*span(row["trait"]), 41):
        monkeypatch.setattr(modifiers, "traits_of", lambda *_, x=x: {row["trait"]: float(x)})
        factors.add(modified(asked(), CATALOG)[row["quantity"]])
    assert min(factors) > 0.0
    assert max(factors) < 10.0 or max(factors) <= LARGEST[row["quantity"]]
    assert len(factors) > 1


def span(trait: str) -> tuple[float, float]:
    """Return the least and greatest value that a scenario can give a trait."""
    special = {
        "culture_age": (-1.0, 2.0),
        "thawed": (-1.0, 1.0),
        "relative_purity": (0.3, 1.1),
        "line_age": (0.3, 3.0),
        "relative_weight": (0.4, 4.0),
    }
    field = Patient.model_fields.get(trait.removeprefix("donor_"))
    bounds = [getattr(m, side) for m in field.metadata for side in ("ge", "le") if hasattr(m, side)] if field else []
    return special.get(trait, (bounds[0], bounds[1]) if bounds else (0.0, 1.0))


def test_every_field_of_a_person_or_product_is_a_trait_of_the_table_or_says_how_it_acts():
    read = {str(row["trait"]) for _, _, row in ROWS}
    for section, head in ((Patient, ""), (Donor, "donor_"), (Product, "")):
        for field in section.model_fields:
            trait = head + ACTS_THROUGH.get(field, field)
            transmitted = field == "cmv" and head
            in_table = any(name.startswith(trait) for name in read) or transmitted
            assert in_table or field in NOT_IN_THE_TABLE or field in ELSEWHERE, f"{section.__name__}.{field}"


ELSEWHERE = {"ancestry", "hla", "blood_group", "match_level", "autoimmune_to", "edit"}
"""Fields of tissue types, of arms and of edits, which act through what the host sees of the graft."""


def test_every_trait_that_is_declared_is_read_by_a_row_or_belongs_to_one_that_is():
    """The donor has every trait of a person, as the patient's own cells have; those that no row reads are listed here."""
    read = {str(row["trait"]) for _, _, row in ROWS}
    unread = {name for name in TRAITS if name not in read and name.removeprefix("donor_") not in read}
    assert unread == set()
    genes = {f"gene.{name}" for name in CATALOG.names("genes")}
    assert genes <= read


ORDER_OF_TRANSPLANTS = [
    ("patient", "age_years", 20.0, 65.0, "toxicity_hazard", 1),
    ("patient", "age_years", 20.0, 65.0, "transplant_infection_hazard", 1),
    ("patient", "age_years", 5.0, 50.0, "thymic_output", -1),
    ("patient", "age_years", 30.0, 70.0, "background_hazard", 1),
    ("patient", "age_years", 5.0, 40.0, "alloreactivity", 1),
    ("patient", "comorbidity_index", 0.0, 4.0, "toxicity_hazard", 1),
    ("patient", "comorbidity_index", 0.0, 4.0, "transplant_infection_hazard", 1),
    ("patient", "care_year", 1990.0, 2015.0, "toxicity_hazard", -1),
    ("patient", "care_year", 1990.0, 2015.0, "transplant_infection_hazard", -1),
    ("patient", "care_year", 1990.0, 2015.0, "alloreactivity", -1),
    ("patient", "disease_risk", 0.0, 3.0, "residual_disease", 1),
    ("patient", "microbiome_diversity", 2.0, 20.0, "translocation", -1),
    ("patient", "cmv", "negative", "positive", "transplant_infection_hazard", 1),
    ("donor", "age_years", 20.0, 60.0, "alloreactivity", 1),
    ("donor", "age_years", 20.0, 60.0, "engraftment_speed", -1),
]


def transplanted(**changes: Any) -> scenario.Scenario:
    """Return a transplantation with some values changed."""
    overrides = {name.replace("__", "."): v for name, v in changes.items()}
    return scenario.loads('name = "traits"\n[transplant]\n', overrides=overrides).points[0].scenario


@pytest.mark.parametrize(("who", "field", "less", "more", "quantity", "sign"), ORDER_OF_TRANSPLANTS)
def test_a_trait_moves_its_quantity_of_a_transplantation_in_the_direction_known(who, field, less, more, quantity, sign):
    """Older, sicker, longer ago: more deaths; and so on, all else equal."""
    low, high = (modified(transplanted(**{f"{who}__{field}": value}), CATALOG)[quantity] for value in (less, more))
    assert np.sign(high - low) == sign


def test_every_row_of_transplantation_has_its_direction():
    named = {(("donor_" if who == "donor" else "") + field, quantity) for who, field, _, _, quantity, _ in ORDER_OF_TRANSPLANTS}
    assert named == {(row["trait"], row["quantity"]) for _, _, row in ROWS if row["quantity"] in TRANSPLANTED}


def test_what_is_said_of_a_transplantation_is_no_trait_of_other_patients():
    told = {"disease_risk", "comorbidity_index", "care_year"}
    assert told <= set(traits_of(transplanted(), CATALOG))
    assert not told & set(traits_of(asked(), CATALOG))
    own = traits_of(transplanted(donor__relation="autologous"), CATALOG)
    assert not {f"donor_{name}" for name in told} & set(own)


def test_the_typical_transplantation_is_at_40_in_2015_and_has_the_numbers_of_the_catalogue():
    found = modified(transplanted(patient__age_years=40.0), CATALOG)
    assert {name: found[name] for name in TRANSPLANTED} == pytest.approx(dict.fromkeys(TRANSPLANTED, 1.0), rel=1e-12)


@pytest.mark.parametrize(("who", "field", "less", "more", "quantity", "sign"), ORDER)
def test_a_trait_moves_its_quantity_in_the_direction_known(who, field, less, more, quantity, sign):
    """Older donor, poorer product; diabetes, less repair; and so on, all else equal."""
    low, high = (modified(asked(**{f"{who}__{field}": value}), CATALOG)[quantity] for value in (less, more))
    assert np.sign(high - low) == sign


def test_the_guide_names_every_trait_and_quantity():
    guide = (Path(__file__).parents[2] / "docs" / "patients.md").read_text(encoding="utf-8")
    own = [name for name in TRAITS if not name.startswith("donor_")]
    missing = [name for name in (*own, *QUANTITIES, *ACTS_THROUGH) if f"`{name}" not in guide]
    assert missing == []


def test_autologous_cells_have_the_patients_traits_and_others_do_not():
    ill = {"patient__age_years": 70.0, "patient__diabetes": True, "patient__smoking": True, "patient__sex": "female"}
    own, foreign = (asked(**ill, donor__relation=relation) for relation in ("autologous", "unrelated"))
    young = asked(patient__age_years=30.0, donor__relation="autologous")
    assert modified(own, CATALOG)["potency"] == pytest.approx(0.8 * 0.7 * 0.85 * 1.1)
    assert modified(foreign, CATALOG)["potency"] == pytest.approx(1.1)  # the sex of the donor, left out, is the patient's
    assert modified(young, CATALOG)["potency"] == 1.0
    assert {name for name in traits_of(own, CATALOG) if name.startswith("donor_")} == {
        f"donor_{name}" for name in traits_of(own, CATALOG) if f"donor_{name}" in traits_of(own, CATALOG)
    }


def test_a_positive_donor_is_a_risk_to_a_negative_patient_only():
    hazards = [
        modified(asked(patient__cmv=patient, donor__cmv=donor), CATALOG)["infection_hazard"]
        for patient, donor in product(("negative", "positive"), repeat=2)
    ]
    assert hazards[1] == pytest.approx(1.2 * hazards[0])
    assert hazards[3] == hazards[2]


def test_traits_of_the_product_are_inert_without_it_being_said():
    """The entry of a product describes it as it is given: stating the same passage, freezing and purity changes no bit."""
    for name in CATALOG.names("products"):
        entry = CATALOG.entry("products", name)
        stated = {
            "product__passage": int(entry.value("passage")),
            "product__cryopreserved": bool(entry.facts.get("cryopreserved", False)),
            **({"product__purity": entry.value("purity")} if "purity" in entry.parameters else {}),
        }
        assert differ(*handed_over(asked(product__name=name), asked(product__name=name, **stated))) == set()


def test_a_patient_without_a_stated_mass_weighs_what_the_species_does():
    mass = CATALOG.entry("species", "human").value("body_mass_kg")
    assert differ(*handed_over(asked(), asked(patient__weight_kg=mass))) == set()
    assert "body.doses" in differ(*handed_over(asked(), asked(patient__weight_kg=1.5 * mass)))


def test_the_typical_patient_is_a_man_of_60_and_has_the_numbers_of_the_catalogue():
    """Apart from immune strength, which the table takes at 50, every number of a run of tissue is the catalogue's own."""
    factors = modified(asked(), CATALOG)
    changed = {name: factor for name, factor in factors.items() if factor != 1.0 and name not in TRANSPLANTED}
    assert changed == {"immune_strength": pytest.approx(0.94)}
    numbers, plain = numbers_of(asked(), CATALOG), Numbers(CATALOG, {})
    asked_for = [("drugs", "tacrolimus", "half_life_h"), ("cells", "tissue", "behaviours.salvage_per_h")]
    assert [numbers(*path) for path in asked_for] == [plain(*path) for path in asked_for]
