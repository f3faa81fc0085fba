"""Numbers with what makes them parameters: unit, range, distribution, source and grade of evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.units import UnknownUnit, parse_unit

Grade = Literal["measured", "derived", "calibrated", "assumed"]
Distribution = Literal["fixed", "uniform", "loguniform", "normal", "lognormal", "triangular"]
GRADES: tuple[str, ...] = get_args(Grade)
DISTRIBUTIONS: tuple[str, ...] = get_args(Distribution)
_REQUIRED = ("value", "unit", "low", "high", "distribution", "source", "grade")
_ON_LOG_SCALE = ("loguniform", "lognormal")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one field of a record that does not know where it was written."""

    field: str
    found: str
    expected: str
    hint: str = ""


@dataclass(frozen=True)
class Parameter:
    """A number that the model uses.

    `value` is used when nothing is drawn. `low` and `high` bound what a scenario may set and what a draw may give;
    `distribution` says how knowledge is spread between them: uniform and loguniform evenly, triangular with its peak at
    `value`, normal and lognormal about `value` with low and high at two standard deviations (and cut there); fixed is
    never drawn. `source` is a citation, or for an assumed number the reason; `grade` says how good the evidence is.
    """

    value: float
    unit: str
    low: float
    high: float
    distribution: Distribution
    source: str
    grade: Grade
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a number without unit, source and range, also when made by hand."""
        faults = list(parameter_faults(vars(self)))
        if faults:
            raise ValueError("; ".join(f"{f.field}: got {f.found}, expected {f.expected}" for f in faults))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Parameter:
        """Return the parameter of a catalogue table that has no faults."""
        numbers = {name: float(table[name]) for name in ("value", "low", "high")}
        return cls(**{**table, **numbers})

    @property
    def log_scale(self) -> bool:
        """Whether the number is spread in its logarithm."""
        return self.distribution in _ON_LOG_SCALE


def parameter_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield every fault of a parameter written as a table (`value`, `unit`, `low`, `high`, `distribution`, ...)."""
    allowed = (*_REQUIRED, "note")
    for name in table:
        if name not in allowed:
            yield Fault(name, "an unknown key", listed(allowed), nearest(name, allowed))
    for name in _REQUIRED:
        if name not in table:
            yield Fault(name, "nothing", _wanted(name))
    for name in ("value", "low", "high"):
        if name in table and not _is_number(table[name]):
            yield Fault(name, shown(table[name]), _wanted(name))
    yield from _range_faults(table)
    yield from _text_faults(table)


def _range_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    number = {name: table[name] for name in ("value", "low", "high") if _is_number(table.get(name))}
    if number.get("low", -math.inf) > number.get("value", math.inf):
        yield Fault("low", shown(table["low"]), f"at most the value, {shown(table['value'])}")
    if number.get("high", math.inf) < number.get("value", -math.inf):
        yield Fault("high", shown(table["high"]), f"at least the value, {shown(table['value'])}")
    if table.get("distribution") in _ON_LOG_SCALE and number.get("low", 1) <= 0:
        yield Fault("low", shown(table["low"]), f"more than 0 for a {table['distribution']} distribution")


def _text_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    if "unit" in table:
        unit = table["unit"]
        try:
            parse_unit(unit if isinstance(unit, str) else "")
        except UnknownUnit as error:
            yield Fault("unit", shown(unit), "a unit made of known symbols", f"unknown: {error}" if unit else "")
    for name, allowed in (("distribution", DISTRIBUTIONS), ("grade", GRADES)):
        if name in table and table[name] not in allowed:
            yield Fault(name, shown(table[name]), listed(allowed), nearest(table[name], allowed))
    source = table.get("source", "-")
    if not isinstance(source, str) or not source.strip():
        yield Fault("source", shown(source), _wanted("source"))
    if not isinstance(table.get("note", ""), str):
        yield Fault("note", shown(table["note"]), "text")


def _wanted(name: str) -> str:
    return {
        "value": "a finite number",
        "low": "a finite number, at most the value",
        "high": "a finite number, at least the value",
        "unit": 'a unit, such as "1/h"',
        "distribution": listed(DISTRIBUTIONS),
        "source": "a citation, or for an assumed number the reason",
        "grade": listed(GRADES),
    }[name]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
