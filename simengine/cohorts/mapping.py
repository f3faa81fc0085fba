"""Mapping files: from the columns of a table of patients to fields of a scenario, outcomes and benchmarks.

Shapes and bounds only; `mapping_files` reads a file and checks what its fields mean to each other and to scenarios.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simengine.scenario.sections import NAME, SOURCE, TITLE, Section, many, number, words

__all__ = ["Benchmark", "MappedField", "Mapping", "ObservedOutcome"]

LARGEST = 1e15
Column = Annotated[str, Field(pattern=SOURCE)]


class MappedField(Section):
    """One column of the table and what it says of the patient: a number, a category, or several fields at once."""

    column: str = words("Column of the table.", ..., SOURCE)
    path: str | None = words("Field of the scenario: `patient.*`, `donor.*` or `transplant.*`.", None)
    factor: float = number("Number by which the column is multiplied to reach the unit of the field.", 1.0, "1", -1e15, 1e15)
    offset: float = number("Number that is added after that.", 0.0, "1", -LARGEST, LARGEST)
    categories: dict[str, Any] | None = Field(
        default=None, max_length=1000, description="Value of the field for each category of the column."
    )
    sets: dict[str, dict[str, Any]] | None = Field(
        default=None, max_length=1000, description="Instead of `path`: several fields by dotted path, for each category."
    )
    missing: Any = Field(
        default="refuse",
        description="Where the column is empty: `refuse` the row; `leave` the field as the base has it; or draw from a "
        "distribution (in the unit of the column) or from probabilities of the categories.",
    )


class ObservedOutcome(Section):
    """What happened to the patient: a day, yes or no, or survival."""

    name: str = words("Quantity that simengine predicts.", ..., NAME)
    column: str = words("Column of the day, of yes or no, or of the day of death or last follow-up.", ..., SOURCE)
    never: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = Field(
        default=(), description="Texts that say that it did not happen during follow-up, in a column of days."
    )
    followed_until: str | None = words("Column of the day of last follow-up, for those in whom it did not happen.", None)
    day: str | None = words("Column of the day of an event of yes or no, where it is known.", None)
    status: str | None = words("Column that tells deaths from last follow-ups.", None)
    yes: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = Field(
        default=("yes", "1", "true"), description="Texts that say that the event (or death) happened."
    )
    no: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = Field(
        default=("no", "0", "false"), description="Texts that say that it did not."
    )
    among_alive_on_day: float | None = number(
        "Predict among the replicates alive on this day, for an outcome that is recorded of survivors only.",
        None,
        "days",
        0,
        36500,
    )
    within_days: float | None = number(
        "Horizon of the comparison. Left out: 42, 100 or 730 days by outcome.", None, "days", 1, 36500
    )
    at_days: Annotated[tuple[float, ...], Field(strict=False, max_length=20)] = Field(
        default=(100.0, 365.0), description="Days at which survival is scored.", json_schema_extra={"unit": "days"}
    )


class Benchmark(Section):
    """Columns that a plain regression may use to predict an outcome, beside the model."""

    outcome: str = words("Name of one of the outcomes above.", ..., NAME)
    columns: Annotated[tuple[Column, ...], Field(strict=False, min_length=1, max_length=50)] = Field(
        description="Columns known before the transplantation; a column with a text in it is taken as categories."
    )
    log: Annotated[tuple[Column, ...], Field(strict=False, max_length=50)] = Field(
        default=(), description="Columns among these that enter as their logarithm, such as doses."
    )


class Mapping(Section):
    """A mapping file."""

    schema_version: Literal[1] = Field(default=1, description="Version of this document format.")
    name: str = words("Short name, also of result folders.", ..., NAME)
    title: str = words("Title shown above tables.", "", TITLE)
    description: str = words("Whose data this is, and where they are to be had.", "")
    id: str | None = words("Column that names the patients. Left out: they are numbered by rows.", None, SOURCE)
    delimiter: Literal[",", ";", "\t", "|"] = words("What stands between the cells of a CSV file.", ",")
    missing: Annotated[tuple[str, ...], Field(strict=False, max_length=20)] = Field(
        default=("", "NA"), description="Texts that say that a cell is not known."
    )
    base: dict[str, Any] = Field(description="What all patients share, in the language of scenario files.")
    field: tuple[MappedField, ...] = many("Columns that describe the patient, the donor and the graft.", 200)
    outcome: tuple[ObservedOutcome, ...] = many("Columns of what happened.", 50)
    benchmark: tuple[Benchmark, ...] = many("Regressions to compare with.", 50)
