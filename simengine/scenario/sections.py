"""What the sections of a scenario are made of: kinds of fields, patterns of texts, and the table that holds them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
LABEL = r"^[^\x00-\x1f\x7f]{1,80}$"
TITLE = r"^[^\x00-\x1f\x7f]{0,200}$"
SOURCE = r"\S"
PATTERNS = {
    NAME: "of letters, digits, dots, dashes and underscores, at most 100",
    LABEL: "on one line, of 1 to 80 characters",
    TITLE: "on one line, of at most 200 characters",
    SOURCE: "that is not empty",
}
"""What a text must look like, and how messages say so."""


def number(text: str, default: Any, unit: str, low: float, high: float) -> Any:
    """Return the field of a number from `low` to `high`; `...` as default makes it required."""
    return Field(default, description=text, ge=low, le=high, json_schema_extra={"unit": unit})


def words(text: str, default: Any, pattern: str | None = None) -> Any:
    """Return the field of a name, a text, a choice or a flag."""
    return Field(default, description=text, pattern=pattern)


def many(text: str, most: int, unit: str = "") -> Any:
    """Return the field of a list of at most `most`, empty by default; the lists of TOML are frozen to tuples."""
    extra: Any = {"unit": unit} if unit else None
    return Field((), description=text, strict=False, max_length=most, json_schema_extra=extra)


class Section(BaseModel):
    """A table of the document: frozen, with no other keys than those declared, and no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, data: Any) -> Any:
        """Let a count be written `1e7`: TOML calls that a float."""
        if not isinstance(data, dict):
            return data
        return {name: int(value) if _is_whole(cls, name, value) else value for name, value in data.items()}


def _is_whole(model: type[BaseModel], name: str, value: object) -> bool:
    field = model.model_fields.get(name)
    counts = field is not None and field.annotation in (int, int | None)
    return counts and isinstance(value, float) and value.is_integer() and abs(value) < 2**53
