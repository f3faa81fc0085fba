"""What the model's state consists of, read from the code itself: rows of arrays, declared names, random purposes.

``python -m simengine.report.state_table`` renews the generated part of ``docs/model.md`` of a checkout; a test compares.
Rows of arrays are read from the sources of ``simengine.state`` and ``simengine.transplant``, where each row stands with its
meaning behind it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import simengine.engine
import simengine.transplant  # noqa: F401  # every purpose is named when its module is loaded
from simengine.foundation.random import purposes
from simengine.mechanisms import MECHANISMS, owned, registry
from simengine.transplant.state import pool_names

__all__ = ["PAGE", "renewed", "state_table"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
"""Where the description lies in a checkout."""
_BEGIN, _END = "<!-- generated: state -->", "<!-- end of generated -->"
_PACKAGE = Path(__file__).resolve().parents[1]
_FILES = ("state/cells.py", "state/world.py", "state/body.py", "transplant/state.py")
_ARRAYS = {
    "X": "Cells.real, float64, one column a cell",
    "TYPE": "Cells.whole, int64, one column a cell",
    "FUNCTIONAL": "World.tissue, float64, one value a voxel",
    "VOLUME_MM3": "World.patch, float64, one row a patch",
    "NOW": "World.clock, int64",
    "TYPE_RADIUS_UM": "Types.real, float64, one column a kind in one stage",
    "TYPE_IS_PRODUCT": "Types.whole, int64, one column a kind in one stage",
    "FIELD_DIFFUSION": "Fields.constant, float64, one column a field",
    "VENOUS": "Body.counts, int64, whole product cells: compartments",
    "LOST_AT_DELIVERY": "Body.counts, continued: fates that absorb",
    "DOSE_CELLS": "Body.doses, float64, one row a dose",
    "PAIR_CLASS_1": "Body.pair, float64",
    "DRUG_FIRST_TICK": "Body.drugs, float64, one row a drug",
    "FLUX_ANTIGEN": "Body.flux, float64",
    "DAMAGE_SKIN": "Patient.level, float64, amounts and shares of a transplantation",
    "MASS_KG": "Patient.number, float64, what is fixed for the patient",
    "HIT_STEM": "Patient.hit, float64, one row a step, what conditioning does: -ln(survival), share of an organ",
    "BLOCK_ACTIVATION": "Patient.block, float64, one row a step, what drugs do",
    "DIES_OF_RELAPSE": "Patient.left, float64, hazard that is left until death of a cause",
    "DAY_OF_DEATH": "Patient.day_of, float64, days of events (NaN: not yet)",
}
"""What an array is, by its first row."""
_DRAWN_BY_NAME = ("patient.", "run.", "tests.")
"""Purposes that are named while a patient is drawn, one for each trait; the description says so."""


def state_table() -> str:
    """Return the generated part of the description, as Markdown."""
    parts = ["#### Rows of arrays\n"]
    for file in _FILES:
        for title, rows in _blocks(_PACKAGE / file):
            parts += [f"{title}:\n", _table(("row", "name", "meaning"), rows)]
    pools = [(str(i), name) for i, name in enumerate(pool_names())]
    parts += ["Patient.cells, int64, columns host, donor, second unit, transfused:\n", _table(("row", "pool"), pools)]
    for register in (registry.SIGNALS, registry.BEHAVIOURS, registry.CAUSES, registry.POOLS, registry.SOLUTES):
        parts += [f"#### {register.kind.capitalize()}s, in row order\n", _declared(register)]
    codes = [(str(code), name) for name, code in purposes().items() if not name.startswith(_DRAWN_BY_NAME)]
    parts += ["#### Random purposes\n", _table(("code", "name"), codes)]
    return "\n".join(parts)


def renewed(page: str) -> str:
    """Return a description with its generated part renewed.

    Raises
    ------
    ValueError
        If the marks around that part are missing.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page lacks {_BEGIN} or {_END}")
    return f"{before}{_BEGIN}\n\n{state_table()}\n{_END}{after}"


def _blocks(path: Path) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield each block of rows of a source: what array it is, and (row, name, comment behind it)."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [name for name in node.targets[0].elts if isinstance(name, ast.Name)]
            if names[0].id in _ARRAYS:
                first = _first_row(node.value)
                rows = [
                    (str(first + i), name.id, lines[name.lineno - 1].partition("#")[2].strip() or "as named")
                    for i, name in enumerate(names)
                ]
                yield _ARRAYS[names[0].id], rows


def _first_row(value: ast.expr) -> int:
    """Return where ``range(n)`` or ``range(a, b)`` begins."""
    bounds = [ast.literal_eval(argument) for argument in value.args] if isinstance(value, ast.Call) else [0]
    return int(bounds[0]) if len(bounds) == 2 else 0


def _declared(register: registry.Register) -> str:
    owner = {name: m for m in ("environment", *MECHANISMS) for name in owned(m, register.kind)}
    rows = []
    for i, row in enumerate(register.rows):
        bounds = f"{row.low:g} to {row.high:g}" if register.kind == "behaviour" else ""
        rows.append((str(i), row.name, row.unit, bounds, owner[row.name], row.meaning))
    return _table(("row", "name", "unit", "bounds", "declared by", "meaning"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
