"""The JSON Schema of scenario files: committed, complete, and of one mind with the gate."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Literal, get_origin

import jsonschema
import pytest

from simengine.catalog import load_catalog
from simengine.foundation.units import parse_unit, unit_of_key
from simengine.scenario import Scenario, json_schema
from simengine.scenario.paths import slot_at
from simengine.scenario.schema import SCHEMA_FILE, schema_text

CORPUS = Path(__file__).parents[1] / "scenarios"
SCHEMA = json_schema()
JUDGE = jsonschema.Draft202012Validator(SCHEMA)


def sections():
    """Yield (name of the section, its properties) for the top and every section of the schema."""
    yield "", SCHEMA["properties"]
    for name, definition in SCHEMA["$defs"].items():
        yield name, definition["properties"]


PROPERTIES = [(f"{section}.{name}".strip("."), found) for section, fields in sections() for name, found in fields.items()]


def test_the_committed_schema_is_that_of_the_code():
    assert SCHEMA_FILE.read_text() == schema_text(), "write schema_text() to simengine/scenario/schema.json"


def test_the_schema_is_a_sound_schema_without_null():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "null" not in json.dumps(SCHEMA)
    assert all(definition["additionalProperties"] is False for definition in [SCHEMA, *SCHEMA["$defs"].values()])


@pytest.mark.parametrize(("name", "found"), PROPERTIES, ids=[name for name, _ in PROPERTIES])
def test_every_field_says_what_it_is_and_every_number_its_unit_and_bounds(name, found):
    section = SCHEMA["$defs"].get(found.get("$ref", "").rsplit("/")[-1], {})
    assert found.get("description", section.get("description", "")).endswith(".")
    if found.get("type") in ("number", "integer") and name != "schema_version":
        assert found["minimum"] < found["maximum"]
        stated = unit_of_key(name.split(".")[-1]) or found["unit"]
        assert parse_unit(stated).same_as(parse_unit(found["unit"])), "the key and the schema state different units"


def test_every_default_of_the_schema_is_that_of_the_model():
    for name, field in Scenario.model_fields.items():
        slot = slot_at((name,))
        inner = slot.model.model_fields if slot and slot.model else {}
        stated = SCHEMA["$defs"][slot.model.__name__]["properties"] if slot and slot.model else {}
        assert {key: stated[key].get("default") for key in inner} == {
            key: None if value.is_required() else list(value.default) if isinstance(value.default, tuple) else value.default
            for key, value in inner.items()
        }
        assert ("default" in SCHEMA["properties"][name]) == (not field.is_required() and field.default is not None)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("valid/*.toml")), ids=lambda path: path.stem)
def test_sound_scenarios_conform_to_the_schema(path):
    assert list(JUDGE.iter_errors(tomllib.loads(path.read_text("utf-8-sig")))) == []


FIELD_FAULTS = sorted(
    path
    for kind in ("wrong_type", "list_for_scalar", "table_for_scalar", "null_like", "below", "above", "fraction_for_count")
    for path in CORPUS.glob(f"invalid/*_{kind}.toml")
)


@pytest.mark.parametrize("path", FIELD_FAULTS, ids=lambda path: path.stem)
def test_an_editor_with_the_schema_sees_each_fault_of_a_field(path):
    seen = {".".join(map(str, error.absolute_path)) for error in JUDGE.iter_errors(tomllib.loads(path.read_text()))}
    expected = {line.split()[3] for line in path.read_text().splitlines() if line.startswith("# expect:")}
    assert expected <= seen | {place.rsplit(".", 1)[0] for place in seen if place.startswith("patch.shape")}


def test_a_schema_with_the_catalogue_offers_its_names():
    catalog = load_catalog()
    schema = json_schema(catalog)
    assert schema["$defs"]["Product"]["properties"]["name"]["enum"] == list(catalog.names("products"))
    judge = jsonschema.Draft202012Validator(schema)
    assert judge.is_valid({"product": {"name": "bm_msc"}})
    assert not judge.is_valid({"product": {"name": "bm_mcs"}})
    assert JUDGE.is_valid({"product": {"name": "bm_mcs"}})


def test_choices_are_offered_by_the_schema():
    for section, fields in sections():
        for name, found in fields.items():
            slot = slot_at((section.lower(), name)) if section and section not in ("Delivery", "Drug", "Rule", "Arm") else None
            if slot and get_origin(slot.annotation) is Literal:
                assert len(found["enum"]) > 1
