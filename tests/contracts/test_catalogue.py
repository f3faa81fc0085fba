"""What holds for every entry of the catalogue, and for the folders that grow: mechanisms, outcomes, products.

A newcomer is covered by being there. The file is read anew with `tomllib`, so that a fault of the loader shows.
"""

from __future__ import annotations

import math
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine import scenario
from simengine.catalog import DEFAULT_FOLDER, KINDS, load_catalog
from simengine.engine import simulate
from simengine.engine.build import build
from simengine.engine.compose import HOOKS, compose
from simengine.foundation.parameters import DISTRIBUTIONS, GRADES
from simengine.foundation.units import parse_unit
from simengine.mechanisms import MECHANISMS, owned, registry
from simengine.outcomes import MODULES, descriptions, evaluate
from simengine.outcomes.ledger import CLOSES_TO
from simengine.outcomes.transplant import MODULES as OF_TRANSPLANTS
from simengine.patients.numbers import Numbers
from simengine.state.cells import N_ARMS

PACKAGE = Path(simengine.__file__).parent
FILES = sorted(DEFAULT_FOLDER.glob("*/*.toml"))
CATALOG = load_catalog()
ROUTES = CATALOG.names("routes")
ALWAYS_ON = "environment"
"""The one mechanism that cannot be switched off: it makes the signals."""
READ_BY_TRAITS = {"passage", "purity"}
"""Numbers of products that nothing uses but the traits, which are measured against them."""
OF_POPULATIONS = ("ancestries", "communities", "populations")
"""Folders that registries, banks and virtual patients read: see tests/unit/test_registry.py and test_population.py."""
OF_TRANSPLANTATION = ("diseases", "grafts", "depletions", "agents", "regimens", "transplantation")
"""Folders that the model of transplantation reads, and no run of tissue: see test_transplant_catalogue.py."""
TINY = """
name = "tiny"
patch.shape = [6, 6, 1]
patch.agent_weight = {weight}
run = {{ duration_days = 1.0, record_every_h = 6.0, mode = "{mode}" }}
delivery = [{{ route = "{route}", dose_cells = 200000000 }}]
drug = [{{ name = "tacrolimus" }}]
product.name = "{product}"
donor.match = "0/8"
"""


def parameters_of(table, path=()):
    """Yield (path, table) of every parameter of a file: a table that holds no table."""
    for name, value in table.items():
        if any(isinstance(item, dict) for item in value.values()):
            yield from parameters_of(value, (*path, name))
        else:
            yield (*path, name), value


def tiny(product, route="intramyocardial", mode="auto", weight=1.0):
    """Return the scenario of one day of a product at tiny size."""
    return scenario.loads(TINY.format(product=product, route=route, mode=mode, weight=weight)).points[0].scenario


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}/{file.stem}" for file in FILES])
def test_every_number_has_unit_range_distribution_source_and_grade(file):
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    assert data["name"] == file.stem
    assert data["title"].strip()
    assert data["summary"].strip()
    for path, table in parameters_of(data.get("parameters", {})):
        assert math.isfinite(table["value"]), path
        assert table["low"] <= table["value"] <= table["high"], path
        assert parse_unit(table["unit"]) is not None, path
        assert table["distribution"] in DISTRIBUTIONS, path
        assert table["grade"] in GRADES, path
        assert len(table["source"].strip()) >= 8, path
        assert table["grade"] != "measured" or "recalled" not in table["source"], path
        assert (table["low"] == table["high"]) <= (table["distribution"] == "fixed"), path
    for row in (*data.get("rule", ()), *data.get("modifier", ()), *data.get("course", ())):
        assert row["grade"] in GRADES
        assert len(row["source"].strip()) >= 8
        assert row["grade"] != "measured" or "recalled" not in row["source"]


def test_every_folder_of_the_catalogue_is_a_kind():
    assert {file.parent.name for file in FILES} <= set(KINDS)
    assert {file.parent.name for file in DEFAULT_FOLDER.glob("*/") if file.is_dir()} - {"__pycache__"} <= {*KINDS, "catalog"}


def test_facts_name_what_is_there():
    """Lineages with their stages, sites with routes and fields, arms that fit the attack block, pools of the registry."""
    for product in CATALOG.entries["products"].values():
        stages = CATALOG.entry("lineages", str(product.facts["lineage"])).listed_fact("stages")
        stated = {name.removeprefix("stage_fraction.") for name in product.parameters if name.startswith("stage_fraction.")}
        assert stated <= set(stages), product.name
        assert sum(product.value(f"stage_fraction.{stage}") for stage in stated) == pytest.approx(1.0), product.name
    for site in CATALOG.entries["sites"].values():
        assert set(site.listed_fact("routes")) <= set(ROUTES)
        assert set(site.listed_fact("fields")) <= set(CATALOG.names("fields"))
    assert {str(route.facts["kind"]) for route in CATALOG.entries["routes"].values()} <= {"local", "vascular"}
    cells = CATALOG.entries["cells"].values()
    assert len({str(cell.facts["fate"]) for cell in cells if "fate" in cell.facts}) <= N_ARMS
    assert {str(cell.facts["pool"]) for cell in cells if "pool" in cell.facts} <= set(registry.POOLS.names())


def test_rules_reach_a_behaviour_that_their_kind_has():
    """A row that multiplies a behaviour with no base anywhere in its kind would do nothing and is refused."""
    for rule in CATALOG.rules.values():
        kinds = [str(rule["kind"])] if rule["kind"] != "product" else list(CATALOG.names("lineages"))
        entries = [CATALOG.entries["cells"].get(kind) or CATALOG.entry("lineages", kind) for kind in kinds]
        names = {name for entry in entries for name in entry.parameters}
        has_base = any(name.endswith(f"behaviours.{rule['behaviour']}") for name in names)
        assert has_base or rule["additive"], rule["id"]


def field_rows(*which):
    """Return the behaviours that exist once for each field."""
    return {f"{name}.{field}" for name in which for field in CATALOG.names("fields")}


@pytest.mark.parametrize("name", CATALOG.names("mechanisms"))
def test_the_entry_of_a_mechanism_states_what_its_module_declares(name):
    entry = CATALOG.entry("mechanisms", name)
    extra = {"motility": field_rows("chemotaxis"), "secretion": field_rows("secretion", "uptake")}.get(name, set())
    assert set(entry.listed_fact("behaviours")) == set(owned(name, "behaviour")) | extra
    fields = set(CATALOG.names("fields")) if name == ALWAYS_ON else set()
    assert set(entry.listed_fact("signals")) == set(owned(name, "signal")) | fields
    assert {f"{name}.{parameter}" for parameter in entry.parameters} == set(owned(name, "parameter"))


def test_mechanisms_are_the_modules_with_an_entry():
    folder = {path.stem for path in (PACKAGE / "mechanisms").glob("*.py")}
    assert set(MECHANISMS) == set(CATALOG.names("mechanisms")) - {ALWAYS_ON}
    assert {*MECHANISMS, ALWAYS_ON} <= folder
    assert list(MECHANISMS) == sorted(MECHANISMS)
    strangers = folder - {*MECHANISMS, ALWAYS_ON, "__init__", "registry", "vocabulary", "recognition"}
    assert strangers == set()
    with_hooks = {name for name in folder - {"__init__"} if any(hasattr(_module(name), hook) for hook in HOOKS)}
    assert with_hooks <= set(MECHANISMS)


def _module(name):
    return import_module(f"simengine.mechanisms.{name}")


def test_the_hooks_of_the_engine_are_what_would_be_composed_today():
    assert (PACKAGE / "engine" / "hooks.py").read_text(encoding="utf-8") == compose()


def test_outcome_modules_are_the_files_that_declare_columns():
    folder = {path.stem for path in (PACKAGE / "outcomes").glob("*.py")} - {"__init__"}
    measuring = {name for name in folder if hasattr(import_module(f"simengine.outcomes.{name}"), "COLUMNS")}
    assert set(MODULES) == measuring
    of_transplants = {path.stem for path in (PACKAGE / "outcomes" / "transplant").glob("*.py")} - {"__init__"}
    found = {name for name in of_transplants if hasattr(import_module(f"simengine.outcomes.transplant.{name}"), "COLUMNS")}
    assert {*(f"transplant.{name}" for name in found), "pair"} == set(OF_TRANSPLANTS)
    assert all(hasattr(import_module(f"simengine.outcomes.{name}"), "measure") for name in (*MODULES, *OF_TRANSPLANTS))
    for name, column in descriptions().items():
        assert column.title.strip(), name
        assert column.description.strip(), name


@pytest.mark.parametrize("mode", ["auto", "body"])
@pytest.mark.parametrize("product", CATALOG.names("products"))
def test_every_product_lives_a_day_and_its_ledger_closes(product, mode):
    """Injected at a tiny size with full mismatch: every outcome declared is there, and fates add up at every record."""
    asked = tiny(product, mode=mode)
    result = evaluate(asked, simulate(asked, 1))
    assert result.row["status"] == "ok"
    assert set(result.row) == {*descriptions(asked), "status", "reason"}
    assert result.row["dose_cells"] == 2e8
    ends = sum(series for name, series in result.courses.items() if name.startswith(("fate.", "living.")))
    given = 2e8 * (result.courses["time_h"] > 0.0)
    np.testing.assert_allclose(ends, given + result.courses["births"], rtol=CLOSES_TO)
    assert all(np.all(series >= 0.0) for name, series in result.courses.items() if name.startswith(("fate.", "living.")))


def of(changes):
    """Return a tiny scenario with other values by path."""
    return scenario.loads(TINY.format(product="bm_msc", route="intramyocardial", mode="auto", weight=1.0), overrides=changes)


def at(site, route, **changes):
    """Return a tiny scenario at another site, given by one of its routes."""
    age = CATALOG.entry("sites", site).facts.get("lesion_age_days", 7)
    given = [{"route": route, "dose_cells": 200_000_000}]
    return of({"site.name": site, "site.lesion_age_days": float(str(age)), "delivery": given, **changes}).points[0].scenario


def in_species(species, **changes):
    """Return a tiny scenario in another species, with human cells where it is not human."""
    foreign = {} if species == "human" else {"donor.relation": "xenogeneic", "donor.match": "0/8"}
    mass = CATALOG.entry("species", species).value("body_mass_kg")
    return at(
        "skeletal_muscle", "intramuscular", **{"patient.species": species, "patient.weight_kg": mass}, **foreign, **changes
    )


WAYS = [(site, route) for site in CATALOG.names("sites") for route in CATALOG.entry("sites", site).listed_fact("routes")]
NEWCOMERS = (
    [(f"sites.{site}.{route}", lambda site=site, route=route: at(site, route)) for site, route in WAYS]
    + [(f"species.{name}", lambda name=name: in_species(name)) for name in CATALOG.names("species")]
    + [
        (f"drugs.{name}", lambda name=name: at("heart_infarct", "intramyocardial", drug=[{"name": name}]))
        for name in CATALOG.names("drugs")
    ]
    + [
        (f"edits.{name}", lambda name=name: at("heart_infarct", "intramyocardial", **{"product.edit": name}))
        for name in CATALOG.names("edits")
    ]
    + [(f"arms.{name}", lambda name=name: in_species("mouse", mechanisms={name: False})) for name in CATALOG.names("arms")]
)


@pytest.mark.parametrize(("name", "asked"), NEWCOMERS, ids=[name for name, _ in NEWCOMERS])
def test_every_entry_lives_a_day_and_its_ledger_closes(name, asked):
    """Each site by each of its routes, each species, drug, edit, and the host without each arm."""
    found = asked()
    result = evaluate(found, simulate(found, 1))
    assert result.row["status"] == "ok"
    given = 2e8 * (result.courses["time_h"] > 0.0)
    ends = sum(series for what, series in result.courses.items() if what.startswith(("fate.", "living.")))
    np.testing.assert_allclose(ends, given + result.courses["births"], rtol=CLOSES_TO)


def test_every_route_is_open_at_some_site():
    assert {route for _, route in WAYS} == set(ROUTES)


def own_parameters():
    """Yield (kind, entry, name) of every number of the catalogue that is not taken over from another entry."""
    for entry in CATALOG:
        model = CATALOG.entries[entry.kind].get(str(entry.facts.get("like")))
        for name, parameter in entry.parameters.items():
            if model is None or model.parameters.get(name) is not parameter:
                yield entry.kind, entry.name, name


def test_every_number_is_looked_up_by_some_run(monkeypatch):
    """A number that no run of the newcomers ever asks for is a number without meaning, and must be declared as such."""
    asked = set()
    look_up, own = Numbers.__call__, Numbers.own

    def seen(self, kind, entry, name):
        asked.add((kind, entry, name))
        return look_up(self, kind, entry, name)

    def seen_own(self, kind, entry, name, dice):
        asked.add((kind, entry, name))
        return own(self, kind, entry, name, dice)

    monkeypatch.setattr(Numbers, "__call__", seen)
    monkeypatch.setattr(Numbers, "own", seen_own)
    for product in CATALOG.names("products"):
        for mode in ("auto", "body"):
            evaluate(tiny(product, mode=mode), simulate(tiny(product, mode=mode), 1))
    for _, newcomer in NEWCOMERS:
        build(newcomer(), 1, 0, 0)
    for species in CATALOG.names("species"):
        small = in_species(species)
        evaluate(small, simulate(small, 1))
        for site, route in WAYS:
            build(at(site, route, **{"patient.species": species}), 1, 0, 0)
    for site, route in WAYS:
        for one in (at(site, route), at(site, route, **{"product.name": "esc"})):
            evaluate(one, simulate(one, 1))
    assert not asked & {number for number in own_parameters() if number[0] in OF_TRANSPLANTATION}
    stated = {number for number in own_parameters() if number[0] not in (*OF_POPULATIONS, *OF_TRANSPLANTATION)}
    assert {name for _, _, name in stated - asked} == READ_BY_TRAITS
