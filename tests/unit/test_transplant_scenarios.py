"""What a scenario of a transplantation says: sections, size, names offered, and what is explained of it."""

from __future__ import annotations

import pytest

from simengine.catalog import load_catalog
from simengine.catalog.loader import REGIMENS
from simengine.foundation.errors import InputError
from simengine.report.explain import diffusion_lengths, explain, overview
from simengine.scenario import estimate, json_schema, loads
from simengine.scenario.model import BESIDE_TRANSPLANT, Scenario
from simengine.scenario.transplant_section import Transplant

CATALOG = load_catalog()
SHORT = 'name = "x"\n[transplant]\n'
FOLDERS = {"disease": "diseases", "graft": "grafts", "depletion": "depletions"}


def asked(text=SHORT, **overrides):
    """Return the scenario of a text."""
    return loads(text, overrides=overrides).points[0].scenario


def test_the_defaults_of_a_transplantation_are_names_of_the_catalogue():
    transplant = asked().transplant
    assert transplant is not None
    for field, kind in FOLDERS.items():
        assert getattr(transplant, field) in CATALOG.names(kind)
    for use in REGIMENS:
        assert CATALOG.entry("regimens", getattr(transplant, use)).facts["use"] == use


@pytest.mark.parametrize("field", [*FOLDERS, *REGIMENS])
def test_every_entry_can_be_asked_for(field):
    entries = CATALOG.entries[FOLDERS.get(field, "regimens")].values()
    names = [entry.name for entry in entries if field in FOLDERS or entry.facts["use"] == field]
    assert len(names) >= 2
    for name in names:
        assert getattr(asked(**{f"transplant.{field}": name}).transplant, field) == name


def test_every_section_that_a_transplantation_replaces_is_refused_beside_it_even_if_empty():
    lists = {name for name in BESIDE_TRANSPLANT if Scenario.model_fields[name].default == ()}
    assert lists == {"delivery", "drug", "rule"}
    for name in BESIDE_TRANSPLANT:
        header = f"[[{name}]]" if name in lists else f"[{name}]"
        with pytest.raises(InputError, match=rf"{name}: got a section \[{name}\]"):
            loads(f"{SHORT}{header}\n")


def test_the_size_of_a_transplantation_is_that_of_its_record():
    size = estimate(asked(**{"run.duration_days": 365}), CATALOG)
    assert (size.voxels, size.agents, size.voxels_mb, size.agents_mb, size.snapshots_mb) == (0, 0, 0.0, 0.0, 0.0)
    assert 365 < size.steps < 400
    assert 0.0 < size.memory_mb == size.records_mb < 1.0
    weekly = estimate(asked(**{"run.duration_days": 365, "run.record_every_h": 168}), CATALOG)
    assert weekly.records_mb == pytest.approx(size.records_mb / 7.0, rel=0.02)


def test_the_schema_with_the_catalogue_offers_names_of_folder_and_use():
    offered = json_schema(CATALOG)["$defs"]["Transplant"]["properties"]
    assert offered["graft"]["enum"] == list(CATALOG.names("grafts"))
    assert "bu_cy" in offered["conditioning"]["enum"]
    assert "csa_mtx" not in offered["conditioning"]["enum"]
    assert set(offered) == set(Transplant.model_fields)


@pytest.mark.parametrize("name", CATALOG.names("regimens"))
def test_conditioning_and_antibodies_end_before_the_graft_and_prophylaxis_lasts_beyond_it(name):
    regimen = CATALOG.entry("regimens", name)
    days = [(row["first_day"], row["last_day"]) for row in regimen.rows]
    if regimen.facts["use"] in ("conditioning", "serotherapy"):
        assert all(-30 <= first <= last < 0 for first, last in days)
    else:
        assert all(last > 0 and first >= -1 for first, last in days)
    assert name.startswith("no_") == (not days and not regimen.parameters)


@pytest.mark.parametrize("kind", ["diseases", "grafts", "depletions", "agents"])
def test_entries_of_a_folder_have_the_same_numbers_and_differ_in_three_at_least(kind):
    entries = list(CATALOG.entries[kind].values())
    assert len({frozenset(entry.parameters) for entry in entries}) == 1
    for i, first in enumerate(entries):
        for second in entries[:i]:
            differing = [name for name in first.parameters if first.value(name) != second.value(name)]
            assert len(differing) >= 3, (first.name, second.name)


def test_diseases_that_are_not_malignant_have_no_cells_to_kill():
    for disease in CATALOG.entries["diseases"].values():
        is_malignant = bool(disease.facts["malignant"])
        assert all((disease.value(name) > 0.0) == is_malignant for name in ("residual_cells", "tumour_kill_by_graft"))


def test_full_conditioning_kills_more_than_reduced_and_every_agent_is_given_by_some_regimen():
    def kill(name, what):
        rows = CATALOG.entry("regimens", name).rows
        return sum(row["share"] * CATALOG.entry("agents", str(row["drug"])).value(f"{what}_log10_kill") for row in rows)

    regimens = [entry for entry in CATALOG.entries["regimens"].values() if entry.facts["use"] == "conditioning"]
    of = {
        level: [kill(entry.name, "stem") for entry in regimens if entry.facts["intensity"] == level]
        for level in ("myeloablative", "reduced")
    }
    assert min(of["myeloablative"]) > max(of["reduced"])
    assert {str(row["drug"]) for entry in regimens for row in entry.rows} == set(CATALOG.names("agents"))
    assert min(kill(entry.name, "lymphocyte") for entry in regimens if entry.facts["intensity"] == "reduced") > 1.0


def test_explain_shows_what_a_transplantation_reads_and_nothing_of_tissue():
    changes = {"prophylaxis": "ptcy_tac_mmf", "second_line": "stromal_cells"}
    one = asked(**{f"transplant.{name}": value for name, value in changes.items()}, **{"mechanisms.malignancy": False})
    rows = {str(row["path"]): row for row in explain(one)}
    heads = {path.split(".")[0] for path in rows}
    assert {"diseases", "grafts", "depletions", "regimens", "agents", "drugs", "transplantation", "modifier"} <= heads
    of_tissue = {"sites", "products", "lineages", "cells", "fields", "rule", "site", "product", "clocks"}
    assert not {*of_tissue, *CATALOG.names("mechanisms")} & heads
    assert {path.split(".")[1] for path in rows if path.startswith("agents.")} == {"busulfan", "cyclophosphamide"}
    assert {path.split(".")[1] for path in rows if path.startswith("drugs.")} == {"ptcy", "tacrolimus", "mycophenolate"}
    assert "transplantation.malignancy.graft_versus_tumour_per_day" not in rows
    assert rows["regimens.ptcy_tac_mmf.course.2"]["value"] == "tacrolimus: 1 from day 5 to 180, less from day 100"
    assert rows["regimens.stromal_cells.doses"]["value"] == 8.0
    assert rows["transplantation.mortality.toxicity_per_day"]["set by"] == "catalogue x traits"
    assert rows["transplant.graft"]["set by"] == "default"
    assert rows["transplant.prophylaxis"]["set by"] == "scenario"
    assert "modifier.age_years.immune_strength" not in rows


def test_explain_of_tissue_shows_nothing_of_a_transplantation():
    one = asked('name = "x"')
    paths = [str(row["path"]) for row in explain(one)]
    assert not [
        path for path in paths if path.startswith(("diseases.", "transplant", "agents.", "modifier.age_years.toxicity"))
    ]
    assert "modifier.age_years.immune_strength" in paths


def test_the_overview_of_a_transplantation_names_the_tier_of_its_disease():
    lines = overview(asked())
    assert lines[0].startswith("evidence tier of the disease: B")
    assert not any("diffusion" in line for line in lines)
    assert diffusion_lengths(asked()) == {}
