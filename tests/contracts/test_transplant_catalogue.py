"""What holds for the folders that a transplantation reads: every number is looked up and acts, every switch and study works.

A newcomer is covered by standing in the catalogue or among the packaged studies.
"""

from __future__ import annotations

import ast
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine import scenario
from simengine.catalog import load_catalog
from simengine.foundation.errors import InputError
from simengine.outcomes import descriptions, evaluate
from simengine.patients import modifiers
from simengine.patients.numbers import Numbers
from simengine.patients.population import TRAIT
from simengine.scenario import scenarios_folder
from simengine.scenario.checks import NO_SWITCHES
from simengine.scenario.transplant_section import Transplant
from simengine.transplant import simulate
from simengine.transplant.build import build
from simengine.transplant.registry import PARAMETERS
from simengine.transplant.step import SWITCHES
from tests.contracts.test_catalogue import OF_TRANSPLANTATION, own_parameters
from tests.contracts.test_traits import TRANSPLANTED

PACKAGE = Path(simengine.__file__).parent
CATALOG = load_catalog()
STUDIES = sorted(scenarios_folder().glob("transplant_*.toml"))
FIELDS = {"disease": "diseases", "graft": "grafts", "depletion": "depletions"}
USES = ("conditioning", "prophylaxis", "serotherapy", "second_line")
READ_BY_BUILD = {
    *(f"{side}.{name}" for side in ("host_versus_graft", "graft_versus_host") for name in
      ("class_1_weight", "class_2_weight", "minor_weight", "dpb1_weight")),
    *(f"graft_versus_host.{organ}_weight" for organ in ("skin", "gut", "liver")),
    *("treatment.steroid_response", "treatment.stromal_response", "haematopoiesis.niches_per_kg", "clones.depletion_share"),
}  # fmt: skip
"""Numbers of the mechanisms that become numbers of the patient before the first step."""


NEVER_OWN = {"cord_blood"}
"""Grafts that are always another's, and always frozen: nothing asks how many of their cells live without freezing."""


def asked(**changes):
    """Return the scenario of a transplantation with values changed by dotted path."""
    overrides = {"run.duration_days": 2, **changes}
    return scenario.loads('name = "x"\n[transplant]\n', overrides=overrides).points[0].scenario


def offered(field):
    """Return the entries that a field of the section can name."""
    entries = CATALOG.entries[FIELDS.get(field, "regimens")].values()
    return [entry.name for entry in entries if field in FIELDS or entry.facts["use"] == field]


def newcomers():
    """Yield scenarios in which every entry of every folder stands at least once."""
    lists = {field: offered(field) for field in (*FIELDS, *USES)}
    for names in zip_longest(*lists.values()):
        chosen = {f"transplant.{field}": name for field, name in zip(lists, names, strict=True) if name is not None}
        yield asked(**chosen)
        if chosen.get("transplant.graft") not in NEVER_OWN:
            yield asked(**chosen, **{"donor.relation": "autologous"})


def test_every_number_of_a_transplantation_is_looked_up_by_some_run(monkeypatch):
    found = set()
    look_up, own = Numbers.__call__, Numbers.own

    def seen(self, kind, entry, name):
        found.add((kind, entry, name))
        return look_up(self, kind, entry, name)

    def seen_own(self, kind, entry, name, dice):
        found.add((kind, entry, name))
        return own(self, kind, entry, name, dice)

    monkeypatch.setattr(Numbers, "__call__", seen)
    monkeypatch.setattr(Numbers, "own", seen_own)
    for newcomer in newcomers():
        build(newcomer, 1, 0, 0)
    stated = {number for number in own_parameters() if number[0] in OF_TRANSPLANTATION}
    assert len(stated) > 200
    assert stated - found == {("grafts", graft, "viability") for graft in NEVER_OWN}


def test_entries_of_mechanisms_state_what_is_registered_and_what_the_patient_is_built_from():
    stated = {f"{entry.name}.{name}" for entry in CATALOG.entries["transplantation"].values() for name in entry.parameters}
    registered = set(PARAMETERS.names())
    assert registered & READ_BY_BUILD == set()
    assert stated == registered | READ_BY_BUILD
    for row in PARAMETERS.rows:
        entry, name = row.name.split(".", 1)
        assert CATALOG.entry("transplantation", entry).parameters[name].unit == row.unit, row.name


def test_every_registered_number_reaches_the_kernels_at_its_own_row():
    built = build(asked(**{"patient.age_years": 40.0, "patient.vary": "none"}), 1, 0, 0)
    for row, value in zip(PARAMETERS.rows, built.patient.par, strict=True):
        entry, name = row.name.split(".", 1)
        assert value == pytest.approx(CATALOG.entry("transplantation", entry).value(name)), row.name


def test_switches_are_the_entries_but_those_that_two_mechanisms_share():
    assert set(CATALOG.names("transplantation")) - set(SWITCHES) == NO_SWITCHES
    assert list(SWITCHES) == sorted(SWITCHES)
    for name in SWITCHES:
        built = build(asked(**{f"mechanisms.{name}": False}), 1, 0, 0)
        assert [SWITCHES[i] for i in np.flatnonzero(built.patient.enabled == 0)] == [name]
    for name in NO_SWITCHES:
        with pytest.raises(InputError, match="expected one of chronic_disease"):
            asked(**{f"mechanisms.{name}": False})


def arrays(patient):
    """Return every array of a patient but the key."""
    return {name: value.copy() for name, value in patient._asdict().items() if name != "key"}


@pytest.mark.parametrize("quantity", sorted(TRANSPLANTED))
def test_every_quantity_of_a_transplantation_changes_what_the_engine_is_given(quantity, monkeypatch):
    reached = CATALOG.quantities[quantity]
    worlds = []
    for factor in (1.0, 0.8):
        monkeypatch.setattr(modifiers, "multipliers", lambda *_, factor=factor: dict.fromkeys(reached, factor))
        worlds.append(arrays(build(asked(), 1, 0, 0).patient))
    assert any(not np.array_equal(worlds[0][name], worlds[1][name], equal_nan=True) for name in worlds[0]), quantity


@pytest.mark.parametrize(("field", "name"), [(field, name) for field in (*FIELDS, *USES) for name in offered(field)])
def test_every_entry_can_be_lived_with_and_is_not_like_the_others(field, name):
    """45 days without fault; what the engine is given, or the row of outcomes, differs from that of any other entry."""
    one = asked(**{f"transplant.{field}": name, "run.duration_days": 45})
    result = evaluate(one, simulate(one, 1))
    assert result.row["status"] == "ok"
    assert set(result.row) == {*descriptions(one), "status", "reason"}
    built = build(one, 1, 0, 0)
    for other in offered(field):
        if other != name:
            theirs = build(asked(**{f"transplant.{field}": other, "run.duration_days": 45}), 1, 0, 0)
            mine, others = arrays(built.patient), arrays(theirs.patient)
            assert any(not np.array_equal(mine[k], others[k], equal_nan=True) for k in mine), other


@pytest.mark.parametrize("file", STUDIES, ids=[file.stem for file in STUDIES])
def test_a_packaged_transplantation_runs_two_patients_of_every_arm(file):
    """For 100 days, with every outcome that is declared."""
    for point in scenario.load(file).points:
        one = point.scenario.model_copy(update={"run": point.scenario.run.model_copy(update={"duration_days": 100.0})})
        for patient in range(2):
            result = evaluate(one, simulate(one, 1, patient))
            assert result.row["status"] == "ok"
            assert {name for name in result.row if not name.startswith(TRAIT)} == {*descriptions(one), "status", "reason"}


def test_every_field_of_the_section_changes_a_run():
    """Doses, units and G-CSF beside the names: each gives the engine something else."""
    base = {"transplant.graft": "cord_blood"}
    changes = {"cd34_cells_per_kg": 3e5, "cd3_cells_per_kg": 1e6, "units": 2, "growth_factor": True}
    assert {*changes, *FIELDS, *USES} == set(Transplant.model_fields)
    plain = arrays(build(asked(**base), 1, 0, 0).patient)
    for field, value in changes.items():
        other = arrays(build(asked(**base, **{f"transplant.{field}": value}), 1, 0, 0).patient)
        assert not np.array_equal(plain["number"], other["number"]), field


def test_no_two_places_name_one_purpose():
    """Each purpose of a transplantation stands in one call in the package, so that addresses differ."""
    named = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "purpose"
                and isinstance(node.args[0], ast.Constant)
            ):
                named.setdefault(node.args[0].value, []).append(path.relative_to(PACKAGE).as_posix())
    of_transplants = {name: places for name, places in named.items() if any(p.startswith("transplant/") for p in places)}
    assert len(of_transplants) >= 20
    assert {name: places for name, places in of_transplants.items() if len(places) > 1} == {}


def test_every_purpose_of_a_transplantation_is_used():
    """A purpose that is named and never drawn from is a mistake, or a draw that was forgotten."""
    for path in sorted((PACKAGE / "transplant").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = {
            node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and getattr(node.value.func, "id", "") == "purpose"
        }
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        assert assigned <= used, path.name
