"""The catalogue: entries as files, links that hold, and faults with their places."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simengine import catalog as installed
from simengine.catalog import KINDS, UnknownName, load_catalog
from simengine.foundation.errors import InputError

PRODUCT = """\
name = "thing"
title = "A thing"
summary = "For a test."
[facts]
lineage = "stromal"
stages = ["early", "late"]
banked = true
doses = 2
[parameters]
diameter_um = { value = 20.0, unit = "um", low = 15.0, high = 24.0, distribution = "normal", source = "s", grade = "assumed" }
[parameters.secretion]
rate_pg_per_h = { value = 1, unit = "pg/h", low = 0, high = 2, distribution = "fixed", source = "s", grade = "assumed" }
[parameters.secretion.early]
share = { value = 0.5, unit = "1", low = 0, high = 1, distribution = "fixed", source = "s", grade = "assumed", note = "n" }
"""
LINEAGE = 'name = "stromal"\ntitle = "Stromal"\nsummary = "For a test."\n'
RULES = """\
name = "some"
title = "Some rules"
summary = "For a test."
[[rule]]
id = "one"
kind = "product"
stage = "*"
signal = "oxygen"
behaviour = "secretion.oxygen"
limit = 2.0
half = 0.5
exponent = 2
additive = false
source = "s"
grade = "assumed"
"""
FIELD = 'name = "oxygen"\ntitle = "Oxygen"\nsummary = "For a test."\n'
MODIFIERS = """\
name = "age"
title = "Age"
summary = "For a test."
[[modifier]]
trait = "age_years"
quantity = "repair"
form = "linear"
slope = -0.01
reference = 50
source = "s"
grade = "assumed"
"""

REGIMEN = """\
name = "usual"
title = "Usual"
summary = "For a test."
[facts]
use = "conditioning"
[[course]]
drug = "agent"
first_day = -7
last_day = -4
share = 1.0
taper_day = -6
source = "s"
grade = "assumed"
"""
AGENT = 'name = "agent"\ntitle = "Agent"\nsummary = "For a test."\n'


def folder_of(tmp_path, **changes):
    """Write a small catalogue of one file a kind, with some texts changed, and return its folder."""
    texts = {"products": PRODUCT, "lineages": LINEAGE, "rules": RULES, "fields": FIELD, "modifiers": MODIFIERS} | changes
    stems = {"products": "thing", "lineages": "stromal", "rules": "some", "fields": "oxygen", "modifiers": "age"}
    stems |= {"regimens": "usual", "agents": "agent"}
    for kind, text in texts.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{stems[kind]}.toml").write_text(text)
    return tmp_path


def faults(folder):
    """Return (file stem, line, column, path) of every fault of a catalogue."""
    with pytest.raises(InputError) as caught:
        load_catalog(folder)
    return [(Path(p.file).stem, p.line, p.column, p.path) for p in caught.value.problems]


def test_an_entry_holds_facts_parameters_and_rows(tmp_path):
    catalog = load_catalog(folder_of(tmp_path))
    thing = catalog.entry("products", "thing")
    assert (thing.kind, thing.name, thing.title, Path(thing.file).name) == ("products", "thing", "A thing", "thing.toml")
    assert thing.facts == {"lineage": "stromal", "stages": ("early", "late"), "banked": True, "doses": 2}
    assert list(thing.parameters) == ["diameter_um", "secretion.rate_pg_per_h", "secretion.early.share"]
    assert thing.value("secretion.early.share") == 0.5
    assert thing.listed_fact("stages") == ("early", "late")
    assert thing.listed_fact("lineage") == ("stromal",)
    assert thing.listed_fact("absent") == ()
    assert catalog.entry("rules", "some").rows[0]["exponent"] == 2
    assert catalog.entry("modifiers", "age").rows[0]["form"] == "linear"
    assert catalog.rules["one"]["kind"] == "product"


def test_parameters_are_known_by_the_path_of_a_scenario(tmp_path):
    catalog = load_catalog(folder_of(tmp_path))
    assert catalog.parameters["products.thing.secretion.early.share"].note == "n"
    whole = load_catalog()
    assert whole.parameters["priming.first_division_h"].unit == "h"
    assert not any(name.startswith("mechanisms.") for name in whole.parameters)


def test_rules_may_use_fields_and_what_mechanisms_declare():
    whole = load_catalog()
    assert {"oxygen", "crowding"} <= whole.signals
    assert {"speed_um_per_min", "secretion.oxygen", "uptake.tnf", "chemotaxis.tnf"} <= whole.behaviours
    assert {"product", "cd8", "stromal"} <= whole.rule_kinds
    assert whole.stages("cardiomyocyte") == ("*", "residual", "progenitor", "immature", "mature")
    assert {"*", "immature", "cd34"} <= set(whole.stages("product"))
    assert whole.stages("nothing") == ("*",)


def test_names_that_are_not_there_are_answered_with_the_nearest(tmp_path):
    catalog = load_catalog(folder_of(tmp_path))
    with pytest.raises(UnknownName, match=r'"thong" is no name among products; .*did you mean "thing"'):
        catalog.entry("products", "thong")
    with pytest.raises(UnknownName, match='did you mean "products"'):
        catalog.names("product")
    with pytest.raises(UnknownName, match='did you mean "diameter_um"'):
        catalog.entry("products", "thing").value("diameter_nm")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "thing"', 'name = "other"', [(1, 8, "name")]),
        ('name = "thing"', "", [(1, 1, "name")]),
        ('title = "A thing"', 'title = ""', [(2, 9, "title")]),
        ('summary = "For a test."', "summary = 3", [(3, 11, "summary")]),
        ("[facts]", "[fact]", [(4, 2, "fact")]),
        ("doses = 2", "doses = 2.5", [(8, 9, "facts.doses")]),
        ('stages = ["early", "late"]', 'stages = ["early", 1.5]', [(6, 20, "facts.stages.1")]),
        ('lineage = "stromal"', 'lineage = "stroma"', [(5, 11, "facts.lineage")]),
        ("doses = 2", 'fields = ["oxygen", "ozone"]', [(8, 21, "facts.fields.1")]),
        ("value = 20.0, ", 'value = "20", ', [(10, 25, "parameters.diameter_um.value")]),
        ("low = 15.0, ", "", [(10, 15, "parameters.diameter_um.low")]),
        ("low = 15.0", "low = 25.0", [(10, 50, "parameters.diameter_um.low")]),
        ('unit = "um"', 'unit = "mm"', [(10, 38, "parameters.diameter_um.unit")]),
        ('unit = "um"', 'unit = "parsec"', [(10, 38, "parameters.diameter_um.unit")]),
        ('grade = "assumed" }\n[parameters.s', 'grade = "sure" }\n[parameters.s', [(10, 116, "parameters.diameter_um.grade")]),
        ("value = 20.0, ", "value = 20.0, sd = 3, ", [(10, 31, "parameters.diameter_um.sd")]),
        ("value = 20.0, ", "value = nan, ", [(10, 25, "parameters.diameter_um.value")]),
        ("[parameters.secretion.early]", "[parameters.secretion.early]\nx = 3", [(14, 5, "parameters.secretion.early.x")]),
        ("doses = 2", "doses = 2\ndoses = 3", [(9, 1, "facts.doses")]),
    ],
)
def test_faults_of_an_entry_are_reported_at_their_place(tmp_path, old, new, expected):
    text = PRODUCT.replace(old, new, 1)
    assert text != PRODUCT
    assert [(line, column, path) for _, line, column, path in faults(folder_of(tmp_path, products=text))] == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('signal = "oxygen"', 'signal = "oxyge"', [(8, 10, "rule.0.signal")]),
        ('behaviour = "secretion.oxygen"', 'behaviour = "secretion"', [(9, 13, "rule.0.behaviour")]),
        ('kind = "product"', 'kind = "products"', [(6, 8, "rule.0.kind")]),
        ('stage = "*"', 'stage = "early"', [(7, 9, "rule.0.stage")]),
        ("half = 0.5", "half = 0", [(11, 8, "rule.0.half")]),
        ("exponent = 2", "exponent = true", [(12, 12, "rule.0.exponent")]),
        ("additive = false", "additive = 0", [(13, 12, "rule.0.additive")]),
        ('source = "s"', "", [(4, 1, "rule.0.source")]),
        ("limit = 2.0", "limits = 2.0", [(4, 1, "rule.0.limit"), (10, 1, "rule.0.limits")]),
        ("[[rule]]", "[rule]", [(4, 1, "rule")]),
    ],
)
def test_faults_of_a_rule_are_reported_at_their_place(tmp_path, old, new, expected):
    text = RULES.replace(old, new, 1)
    assert [(line, column, path) for _, line, column, path in faults(folder_of(tmp_path, rules=text))] == expected


def test_faults_of_a_modifier_are_reported_at_their_place(tmp_path):
    text = MODIFIERS.replace('"linear"', '"cubic"').replace("slope = -0.01", 'slope = "steep"')
    assert faults(folder_of(tmp_path, modifiers=text)) == [
        ("age", 7, 8, "modifier.0.form"),
        ("age", 8, 9, "modifier.0.slope"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('use = "conditioning"', 'use = "conditionin"', [(5, 7, "facts.use")]),
        ('use = "conditioning"', "", [(4, 1, "facts.use")]),
        ('use = "conditioning"', 'use = "prophylaxis"', [(7, 8, "course.0.drug")]),
        ('drug = "agent"', 'drug = "agents"', [(7, 8, "course.0.drug")]),
        ("first_day = -7", "first_day = -7.5", [(8, 13, "course.0.first_day")]),
        ("last_day = -4", "last_day = -8", [(9, 12, "course.0.last_day")]),
        ("share = 1.0", "share = 0", [(10, 9, "course.0.share")]),
        ("taper_day = -6", "taper_day = -4", [(11, 13, "course.0.taper_day")]),
        ("taper_day = -6", "taper = -6", [(11, 1, "course.0.taper")]),
        ('source = "s"', "", [(6, 1, "course.0.source")]),
    ],
)
def test_faults_of_a_regimen_are_reported_at_their_place(tmp_path, old, new, expected):
    text = REGIMEN.replace(old, new, 1)
    found = faults(folder_of(tmp_path, regimens=text, agents=AGENT))
    assert [(line, column, path) for _, line, column, path in found] == expected


def test_a_regimen_holds_courses_with_or_without_taper(tmp_path):
    folder = folder_of(tmp_path, regimens=REGIMEN.replace("taper_day = -6\n", ""), agents=AGENT)
    (row,) = load_catalog(folder).entry("regimens", "usual").rows
    assert (row["drug"], row["first_day"], row["last_day"], row["share"]) == ("agent", -7, -4, 1.0)
    assert "taper_day" not in row


def test_one_rule_cannot_be_written_twice(tmp_path):
    again = RULES[RULES.index("[[rule]]") :]
    folder = folder_of(tmp_path, rules=RULES + again)
    assert faults(folder) == [("some", 17, 6, "rule.1.id")]


def test_faults_of_all_files_are_reported_together(tmp_path):
    folder = folder_of(tmp_path, products="name = thing", lineages="", rules=RULES.replace("half = 0.5", "half = -1"))
    assert {stem for stem, *_ in faults(folder)} == {"thing", "stromal", "some"}


def test_a_catalogue_is_read_once(tmp_path):
    folder = folder_of(tmp_path)
    first = load_catalog(folder)
    shutil.rmtree(folder / "products")
    assert load_catalog(folder) is first


def test_the_installed_catalogue_is_sound_and_has_a_folder_for_each_kind():
    whole = load_catalog()
    assert tuple(whole.entries) == KINDS
    assert all(installed.entry(entry.kind, entry.name) is entry for entry in whole)
    assert all(list(whole.names(kind)) == sorted(whole.names(kind)) for kind in KINDS)
