"""The equations of patients: draws from stated distributions, and what traits change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from simengine import scenario
from simengine.catalog import Catalog, Entry, load_catalog
from simengine.engine.build import recipient_of
from simengine.foundation.parameters import Parameter
from simengine.patients.draws import Dice, value_at
from simengine.patients.modifiers import modified, numbers_of
from simengine.patients.numbers import Numbers
from simengine.patients.traits import traits_of
from simengine.report.explain import explain
from tests.small_world import SmallWorld

CATALOG = load_catalog()
RANGE = Parameter(2.0, "1", 1.0, 8.0, "fixed", "for this test", "assumed")


@pytest.mark.parametrize("u", [0.001, 0.1, 0.5, 0.8, 0.999])
def test_draws_are_quantiles_of_the_stated_distribution(u):
    """EQ-DRAW-1: five shapes against their textbook quantiles; both halves of normal and lognormal cut at two SD."""
    z = norm.ppf(norm.cdf(-2.0) + u * (norm.cdf(2.0) - norm.cdf(-2.0)))
    peak = 1.0 / 7.0
    expected = {
        "fixed": 2.0,
        "uniform": 1.0 + 7.0 * u,
        "loguniform": 8.0**u,
        "triangular": 1.0 + np.sqrt(u * 7.0) if u < peak else 8.0 - np.sqrt((1.0 - u) * 42.0),
        "normal": 2.0 + 0.5 * z * (6.0 if z > 0 else 1.0),
        "lognormal": 2.0 * np.exp(0.5 * z * np.log(4.0 if z > 0 else 2.0)),
    }
    for shape, value in expected.items():
        assert value_at(replace(RANGE, distribution=shape), u) == pytest.approx(value, rel=1e-9), shape


def factors(**changes):
    """Return the factors on the quantities of a control scenario with some values changed."""
    return modified(scenario.loads('name = "control"', overrides=changes).points[0].scenario, CATALOG)


@pytest.mark.parametrize("x", [-1.0, 0.0, 0.4, 1.0, 3.0, 30.0])
def test_modifiers_are_factors_lines_powers_and_curves(x, monkeypatch):
    """EQ-TRAIT-1: four forms by hand, on both sides of their reference and beyond the ends of a curve."""
    rows = {
        "potency": ({"form": "factor", "slope": 0.7}, 0.7**x),
        "repair": ({"form": "linear", "slope": -0.1, "reference": 1.0}, max(0.05, 1.0 - 0.1 * (x - 1.0))),
        "homing": ({"form": "power", "slope": -0.25, "reference": 2.0}, (max(x, 1e-9) / 2.0) ** -0.25),
        "lysis": ({"form": "curve", "points": [[0.0, 1.0], [2.0, 3.0], [4.0, 2.0]]}, np.interp(x, [0, 2, 4], [1, 3, 2])),
    }
    table = tuple({**row, "trait": "age_years", "quantity": name} for name, (row, _) in rows.items())
    entries = {**CATALOG.entries, "modifiers": {"own": Entry("modifiers", "own", "Own", "For this test.", rows=table)}}
    monkeypatch.setattr("simengine.patients.modifiers.traits_of", lambda *_: {"age_years": x})
    found = modified(scenario.loads('name = "control"').points[0].scenario, Catalog(entries))
    assert {name: found[name] for name in rows} == pytest.approx({name: expected for name, (_, expected) in rows.items()})
    assert {found[name] for name in set(found) - set(rows)} == {1.0}


def test_modifiers_of_one_quantity_multiply():
    """EQ-TRAIT-1 with the catalogue's donor rows, read from their numbers: a line about 30 years and a flag."""
    related = {"donor.relation": "unrelated", "donor.age_years": 30.0}
    assert factors(**related)["potency"] == 1.0
    assert factors(**related | {"donor.age_years": 70.0})["potency"] == pytest.approx(1.0 - 0.005 * 40.0)
    both = related | {"donor.age_years": 70.0, "donor.diabetes": True}
    assert factors(**both)["potency"] == pytest.approx(0.7 * (1.0 - 0.005 * 40.0))


def test_immune_strength_and_potency_are_products_of_what_is_stated_drawn_and_modified():
    """EQ-TRAIT-2: a patient drawn anew, with a diabetic donor and a stated immune strength."""
    stated = {"patient.immune_strength": 0.5, "donor.age_years": 30.0, "donor.diabetes": True}
    asked = SmallWorld(**stated | {"patient.vary": "per_patient"}).scenario
    dice, typical = Dice("per_patient", 9, 4, 0), Numbers(CATALOG, {})
    drawn, change = recipient_of(asked, numbers_of(asked, CATALOG), dice), modified(asked, CATALOG)
    variation = typical.own("sites", "heart_infarct", "immune_variation", dice)
    assert variation != 1.0
    assert change["immune_strength"] != 1.0
    assert drawn.immune_strength == pytest.approx(0.5 * variation * change["immune_strength"])
    potency = typical.own("products", "bm_msc", "potency_variation", dice)
    assert drawn.potency == pytest.approx(potency * 0.7)
    healthy = SmallWorld(**stated | {"donor.diabetes": False}).built.recipient
    assert healthy.potency == pytest.approx(1.0)


def test_a_number_takes_the_factors_of_every_quantity_that_reaches_it():
    """EQ-TRAIT-3: tacrolimus in a carrier of CYP3A5*1 with a failing liver and twice the mass: half-life by hand."""
    asked = scenario.loads(
        'name = "x"\npatient = { weight_kg = 146, child_pugh_score = 10, genes = { cyp3a5_expresser = true } }'
    ).points[0]
    numbers, path = numbers_of(asked.scenario, CATALOG), ("drugs", "tacrolimus", "half_life_h")
    assert numbers(*path) == pytest.approx(12.0 / (1.7 * 0.55 * 2.0**-0.25))
    assert numbers.typical(*path) == 12.0
    assert numbers("drugs", "tacrolimus", "dosing_interval_h") == 12.0


def test_what_the_scenario_states_is_the_typical_number_and_a_fraction_stays_one():
    """A stated share of living cells is divided by 0.88 in a bank that was never frozen, and ends at 1."""
    text = 'name = "x"\nproduct = { name = "cord_msc", cryopreserved = false }\n[parameters]\n"products.cord_msc.viability" = '
    for stated, expected in ((0.8, 0.8 / 0.88), (0.95, 1.0)):
        asked = scenario.loads(text + str(stated)).points[0].scenario
        assert numbers_of(asked, CATALOG)("products", "cord_msc", "viability") == pytest.approx(expected)


def test_processing_is_measured_against_the_entry_of_the_product():
    """EQ-PRODUCT-1: marrow cells (own passage 4, senescent at 7, frozen, 97 % pure) against what a scenario states."""

    def processing(**stated):
        overrides = {f"product.{name}": value for name, value in stated.items()}
        return traits_of(scenario.loads('name = "x"', overrides=overrides).points[0].scenario, CATALOG)

    assert {"culture_age", "thawed", "relative_purity"} & set(processing()) == set()
    assert processing(passage=4)["culture_age"] == 0.0
    assert processing(passage=1)["culture_age"] == pytest.approx(-1.0)
    assert processing(passage=7)["culture_age"] == pytest.approx(1.0)
    assert processing(cryopreserved=True)["thawed"] == 0.0
    assert processing(cryopreserved=False)["thawed"] == -1.0
    assert processing(name="adipose_msc_fresh", cryopreserved=True)["thawed"] == 1.0
    assert processing(purity=0.485)["relative_purity"] == pytest.approx(0.5)


def test_explain_shows_numbers_in_force_and_the_modifiers_behind_them():
    """A diabetic: salvage at 0.8 of the catalogue's, marked as changed by traits, with the row that did it."""
    rows = {row["path"]: row for row in explain(scenario.loads('name = "x"\npatient.diabetes = true').points[0].scenario)}
    salvage = rows["cells.tissue.behaviours.salvage_per_h"]
    assert (salvage["value"], salvage["set by"]) == (pytest.approx(0.8 * 0.0009), "catalogue x traits")
    assert rows["modifier.diabetes.repair"]["value"] == 0.8
    assert "modifier.smoking.repair" not in rows
