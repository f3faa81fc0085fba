"""What each row of a table must state: rules (of the catalogue or a scenario), modifiers, HLA alleles, haplotypes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.parameters import GRADES, Fault

MODIFIER_FORMS = ("factor", "linear", "power")

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
    "parameter": "text",
    "form": "form",
    "slope": "number",
    "at": "number",
    "reference": "number",
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
_FIELDS = {"rule": _RULE, "modifier": _MODIFIER, "allele": _ALLELE, "haplotype": _HAPLOTYPE}
_OPTIONAL = {
    "rule": {"stage", "additive"},
    "modifier": {"slope", "at", "reference"},
    "allele": {"antigen", "broad", "ligand", "tce_group"},
    "haplotype": set[str](),
}
_FREE = {"note": "text"}


def row_faults(table: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield every fault of one row of the catalogue: a `[[rule]]`, `[[modifier]]`, `[[allele]]` or `[[haplotype]]`."""
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


def _choices(sort: str) -> tuple[str, ...]:
    return {"grade": GRADES, "form": MODIFIER_FORMS}.get(sort, ())


def _wanted(sort: str) -> str:
    plain = {
        "text": "text",
        "number": "a finite number",
        "share": "a number above 0 and at most 1",
        "flag": "true or false",
    }
    return plain.get(sort) or listed(_choices(sort))


def _is(sort: str, value: object) -> bool:
    if sort == "text":
        return isinstance(value, str) and bool(value.strip())
    if sort == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if sort == "share":
        return _is("number", value) and 0.0 < value <= 1.0  # type: ignore[operator]
    if sort == "flag":
        return isinstance(value, bool)
    return value in _choices(sort)
