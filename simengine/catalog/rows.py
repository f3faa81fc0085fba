"""What each row of a table must state: rules (of the catalogue or a scenario), modifiers, HLA alleles, haplotypes, courses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.parameters import GRADES, Fault

MODIFIER_FORMS = {
    "factor": ("slope",),
    "linear": ("slope", "reference"),
    "power": ("slope", "reference"),
    "curve": ("points",),
}
"""How a trait changes a quantity, with the numbers that each form needs."""

_RULE = {
    "id": "text",
    "kind": "text",
    "stage": "text",
    "signal": "text",
    "behaviour": "text",
    "limit": "number",
    "half": "number",
    "exponent": "number",
    "additive": "flag",
    "source": "text",
    "grade": "grade",
}
_MODIFIER = {
    "trait": "text",
    "quantity": "text",
    "form": "form",
    "slope": "number",
    "reference": "number",
    "points": "points",
    "source": "text",
    "grade": "grade",
}
_ALLELE = {
    "name": "text",
    "antigen": "text",
    "broad": "text",
    "ligand": "text",
    "tce_group": "number",
    "source": "text",
    "grade": "grade",
}
_HAPLOTYPE = {"alleles": "text", "frequency": "share", "source": "text", "grade": "grade"}
_COURSE = {
    "drug": "text",
    "first_day": "day",
    "last_day": "day",
    "share": "amount",
    "taper_day": "day",
    "source": "text",
    "grade": "grade",
}
_FIELDS = {"rule": _RULE, "modifier": _MODIFIER, "allele": _ALLELE, "haplotype": _HAPLOTYPE, "course": _COURSE}
_OPTIONAL = {
    "rule": {"stage", "additive"},
    "modifier": {"slope", "reference", "points"},
    "allele": {"antigen", "broad", "ligand", "tce_group"},
    "haplotype": set[str](),
    "course": {"taper_day"},
}
_FREE = {"note": "text"}


def row_faults(table: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield every fault of a row of the catalogue: `[[rule]]`, `[[modifier]]`, `[[allele]]`, `[[haplotype]]`, `[[course]]`."""
    fields = _FIELDS[table] | _FREE
    for name in row:
        if name not in fields:
            yield Fault(name, "an unknown key", listed(fields), nearest(name, fields))
    for name, sort in fields.items():
        if name in row:
            if not _is(sort, row[name]):
                yield Fault(name, shown(row[name]), _wanted(sort), nearest(row[name], _choices(sort)))
        elif name not in _OPTIONAL[table] | set(_FREE):
            yield Fault(name, "nothing", _wanted(sort))
    for name in ("half", "exponent") if table == "rule" else ():
        if _is("number", row.get(name)) and row[name] <= 0:
            yield Fault(name, shown(row[name]), "a number above 0")
    if table == "modifier" and _is("form", row.get("form")):
        yield from _form_faults(row)
    if table == "course":
        yield from _day_faults(row)


def _day_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield days of a course that do not follow one another: it ends on or after its first day and tapers within."""
    if not all(_is("day", row.get(name)) for name in ("first_day", "last_day")):
        return
    first, last = row["first_day"], row["last_day"]
    if last < first:
        yield Fault("last_day", shown(last), f"{first} (first_day) or later")
    elif _is("day", row.get("taper_day")) and not first <= row["taper_day"] < last:
        yield Fault("taper_day", shown(row["taper_day"]), f"a day from {first} (first_day) to before {last} (last_day)")


def _form_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is missing, or too much, for the form of a modifier."""
    needed = MODIFIER_FORMS[row["form"]]
    for name in ("slope", "reference", "points"):
        if (name in row) != (name in needed):
            expected = _wanted(_MODIFIER[name]) if name in needed else f"{listed(needed)} with this form"
            yield Fault(name, shown(row[name]) if name in row else "nothing", expected)
    above = {"factor": "slope", "power": "reference"}.get(row["form"], "")
    if _is("number", row.get(above)) and row[above] <= 0:
        yield Fault(above, shown(row[above]), "a number above 0")


def _choices(sort: str) -> tuple[str, ...]:
    return {"grade": GRADES, "form": tuple(MODIFIER_FORMS)}.get(sort, ())


_POINTS = "two or more pairs [trait, factor], traits rising and factors above 0"


def _wanted(sort: str) -> str:
    plain = {
        "text": "text",
        "number": "a finite number",
        "share": "a number above 0 and at most 1",
        "amount": "a number above 0",
        "day": "a whole number",
        "flag": "true or false",
        "points": _POINTS,
    }
    return plain.get(sort) or listed(_choices(sort))


def _is(sort: str, value: object) -> bool:
    if sort == "text":
        return isinstance(value, str) and bool(value.strip())
    if sort == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if sort == "share":
        return _is("number", value) and 0.0 < value <= 1.0  # type: ignore[operator]
    if sort == "amount":
        return _is("number", value) and value > 0.0  # type: ignore[operator]
    if sort == "day":
        return isinstance(value, int) and not isinstance(value, bool)
    if sort == "flag":
        return isinstance(value, bool)
    if sort == "points":
        return _is_curve(value)
    return value in _choices(sort)


def _is_curve(value: object) -> bool:
    pairs = value if isinstance(value, list) else []
    if len(pairs) < 2 or not all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) for pair in pairs):
        return False
    return all(before[0] < after[0] for before, after in pairwise(pairs)) and all(factor > 0 for _, factor in pairs)


def _is_number(value: object) -> bool:
    return _is("number", value)
