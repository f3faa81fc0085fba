"""Every number of the catalogue on one page, with its unit, range, distribution, source and grade.

``python -m simengine.report.parameter_table`` writes ``docs/parameters.md`` of a checkout; a test compares the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from simengine.catalog import KINDS, Catalog, load_catalog
from simengine.foundation.parameters import GRADES

__all__ = ["PAGE", "parameter_table"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"
"""Where the page lies in a checkout."""

_HEAD = """# Parameters

All numbers of the model, as the catalogue states them. This page is written by `python -m simengine.report.parameter_table`;
do not edit it by hand. A scenario can set each of them by its path (`explain` prints the path, and what is in force).

**Grades.** *measured*: read from a cited publication. *derived*: worked out from published numbers or well-known
quantities, by the reasoning that the source column gives. *calibrated*: fitted to data. *assumed*: a guess with a reason; the
range says how wrong it may be. "(recalled)" in a source means that the number was written down from general knowledge of the
literature and has not been checked against the publication. Ranges and distributions describe knowledge: of numbers drawn for
each patient they also describe how patients differ.
"""
_PARAMETERS = ("entry", "name", "value", "unit", "range", "distribution", "source", "grade")
_ROWS = {
    "rules": ("id", "kind", "stage", "signal", "behaviour", "limit", "half", "exponent", "additive", "source", "grade"),
    "modifiers": ("entry", "trait", "quantity", "form", "slope", "reference", "points", "source", "grade"),
    "hla": ("name", "antigen", "broad", "ligand", "tce_group", "source", "grade"),
    "ancestries": ("entry", "alleles", "frequency", "source", "grade"),
    "regimens": ("entry", "drug", "first_day", "last_day", "share", "taper_day", "source", "grade"),
}
"""The columns of folders that hold rows; `entry` is the name of the file."""


def parameter_table(catalog: Catalog | None = None) -> str:
    """Return the page as Markdown: shares of the grades, then one table for each folder of the catalogue.

    Example
    -------
    >>> parameter_table().splitlines()[0]
    '# Parameters'
    """
    catalog = catalog or load_catalog()
    parts = [_HEAD, "## How good the evidence is\n", _shares(catalog)]
    for kind in KINDS:
        if catalog.entries[kind]:
            parts += [f"## {kind.capitalize()}\n", _folder(catalog, kind)]
    return "\n".join(parts)


def _shares(catalog: Catalog) -> str:
    """Return how many numbers of each folder have each grade, with shares of all."""
    counted = {kind: Counter(_grades(catalog, kind)) for kind in KINDS}
    everything = sum(counted.values(), Counter[str]())
    rows = [(kind, *(str(count[grade]) for grade in GRADES), str(count.total())) for kind, count in counted.items() if count]
    rows.append(("all", *(str(everything[grade]) for grade in GRADES), str(everything.total())))
    shares = (f"{100.0 * everything[grade] / everything.total():.1f} %" for grade in GRADES)
    rows.append(("share", *shares, "100 %"))
    return _table(("folder", *GRADES, "numbers"), rows)


def _grades(catalog: Catalog, kind: str) -> Iterator[str]:
    for entry in catalog.entries[kind].values():
        yield from (parameter.grade for parameter in entry.parameters.values())
        yield from (str(row["grade"]) for row in entry.rows)


def _folder(catalog: Catalog, kind: str) -> str:
    """Return the tables of one folder: its parameters, its rows."""
    entries = catalog.entries[kind].values()
    numbers = [
        (e.name, name, p.value, p.unit, f"{p.low:g} to {p.high:g}", p.distribution, p.source, p.grade)
        for e in entries
        for name, p in e.parameters.items()
    ]
    columns = _ROWS.get(kind, ())
    rows = [[e.name if name == "entry" else row.get(name, "") for name in columns] for e in entries for row in e.rows]
    tables = ((_PARAMETERS, numbers), (["rule" if name == "id" else name for name in columns], rows))
    return "\n".join(_table(head, body) for head, body in tables if body)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_said(cell) for cell in cells) + " |"


def _said(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    text = f"{cell:g}" if isinstance(cell, float) else str(cell)
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(parameter_table(), encoding="utf-8")
