"""The JSON Schema of scenario files, for editors: completion, descriptions, units and bounds while typing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from simengine.catalog import Catalog
from simengine.scenario.study_file import StudyFile

SCHEMA_FILE = Path(__file__).parent / "schema.json"
_NAMED = {
    ("Patient", "species"): "species",
    ("Population", "name"): "populations",
    ("Site", "name"): "sites",
    ("Product", "name"): "products",
    ("Delivery", "route"): "routes",
    ("Drug", "name"): "drugs",
    ("Transplant", "disease"): "diseases",
    ("Transplant", "graft"): "grafts",
    ("Transplant", "depletion"): "depletions",
}
"""Fields that name an entry of the catalogue, with its folder."""
_REGIMENS = ("conditioning", "prophylaxis", "serotherapy", "second_line")
"""Fields of a transplantation that name a regimen of their own use."""


class _WithoutNull(GenerateJsonSchema):
    """TOML has no null: an optional field is one that may be left out. Titles that repeat the key are left out too."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def encode_default(self, dft: Any) -> Any:
        made = super().encode_default(dft)
        return {key: value for key, value in made.items() if value is not None} if isinstance(made, dict) else made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(catalog: Catalog | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file; with a catalogue also the names it allows."""
    schema = StudyFile.model_json_schema(schema_generator=_WithoutNull)
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "simengine scenario"}
    named = schema["properties"]["parameters"]
    named["additionalProperties"] = {"anyOf": [named["additionalProperties"], {"type": "object"}]}  # dotted keys nest
    del schema["required"]  # what a file leaves out may stand in one that it extends
    if catalog is not None:
        for (model, field), kind in _NAMED.items():
            schema["$defs"][model]["properties"][field]["enum"] = list(catalog.names(kind))
        for field in _REGIMENS:
            fitting = [name for name, entry in catalog.entries["regimens"].items() if entry.facts["use"] == field]
            schema["$defs"]["Transplant"]["properties"][field]["enum"] = fitting
    return schema


def schema_text() -> str:
    """Return the text of the committed schema file."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
