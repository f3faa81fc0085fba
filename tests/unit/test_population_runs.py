"""Virtual patients in runs: the traits drawn are what the engine and the outcomes met, and columns of the result."""

from __future__ import annotations

import pytest

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.patients.population import drawn_traits

TEXT = """
name = "virtual"
patients = 4
patch.shape = [4, 4, 2]
run = { duration_days = 0.5, mode = "body" }
delivery = [{ route = "intravenous", dose_cells_per_kg = 1000000 }]
population.name = "older_after_infarction"

[[arm]]
name = "marrow"

[[arm]]
name = "cord"
set = { "product.name" = "cord_msc" }

[[arm]]
name = "light"
set = { "patient.weight_kg" = 50 }
"""


def rows():
    """Return the row of each patient in each arm."""
    points = scenario.loads(TEXT).points
    return {p.label: [evaluate(p.scenario, simulate(p.scenario, 1, i)).row for i in range(4)] for p in points}


def test_each_patient_is_dosed_by_the_own_mass_and_met_alike_in_every_arm():
    found = rows()
    for i in range(4):
        traits = drawn_traits(scenario.loads(TEXT).points[0].scenario, 1, i, load_catalog())
        marrow, cord, light = (found[arm][i] for arm in ("marrow", "cord", "light"))
        columns = {f"trait.{name}": value for name, value in traits.items()}
        assert {name: value for name, value in marrow.items() if name.startswith("trait.")} == columns
        assert {name: value for name, value in cord.items() if name.startswith("trait.")} == columns
        assert marrow["dose_cells"] == int(1e6 * traits["weight_kg"])
        assert light["trait.weight_kg"] == 50.0
        assert light["dose_cells"] == 5e7
        assert {**light, "trait.weight_kg": 0}.keys() == marrow.keys()
    assert len({row["dose_cells"] for row in found["marrow"]}) == 4


def test_a_population_of_one_kind_is_that_patient():
    """A population whose every trait is fixed gives the results of a scenario that states the same traits."""
    shared = (
        'name = "x"\nrun = { duration_days = 0.5, mode = "body" }\ndelivery = [{ route = "intravenous", dose_cells = 1e7 }]\n'
    )
    fixed = (
        '[population.traits]\nage_years = { value = 70, low = 70, high = 70, distribution = "fixed" }\ndiabetes.share = 1.0\n'
    )
    drawn, stated = (
        scenario.loads(shared + more).points[0].scenario for more in (fixed, "patient = { age_years = 70, diabetes = true }")
    )
    first, second = (evaluate(one, simulate(one, 3)).row for one in (drawn, stated))
    kept = {name: value for name, value in first.items() if not name.startswith("trait.")}
    assert kept == pytest.approx(dict(second), nan_ok=True)
    assert (first["trait.age_years"], first["trait.diabetes"]) == (70.0, 1.0)
