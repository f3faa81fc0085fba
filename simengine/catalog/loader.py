"""Read the catalogue: one TOML file an entry, every fault with its file, line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from simengine.catalog.records import KINDS, Catalog, Entry, Fact, Row
from simengine.catalog.rows import row_faults
from simengine.foundation.documents import Document, read_toml
from simengine.foundation.errors import InputError, Problem, listed, nearest, shown
from simengine.foundation.parameters import Parameter, parameter_faults
from simengine.foundation.positions import FieldPath
from simengine.foundation.units import parse_unit, unit_of_key

DEFAULT_FOLDER = Path(__file__).parent
ROW_TABLES = {"rules": "rule", "modifiers": "modifier", "hla": "allele", "ancestries": "haplotype", "regimens": "course"}
"""Kinds that hold rows, with the name of their array of tables."""
WITH_PARAMETERS = ("hla", "ancestries", "regimens")
"""Kinds that hold rows and may hold parameters as well."""
REGIMENS = {"conditioning": "agents", "prophylaxis": "drugs", "serotherapy": "drugs", "second_line": "drugs"}
"""What a regimen may be for (its fact `use`), with the folder of what its courses give."""


@lru_cache(maxsize=8)
def load_catalog(folder: Path = DEFAULT_FOLDER) -> Catalog:
    """Return the catalogue of a folder, by default the installed one; read once per process.

    Raises
    ------
    InputError
        With every fault of every file.
    """
    entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
    documents: list[tuple[Entry, Document]] = []
    problems: list[Problem] = []
    for kind in KINDS:
        for path in sorted((folder / kind).glob("*.toml")):
            try:
                document = read_toml(path)
            except InputError as error:
                problems.extend(error.problems)
                continue
            places = {(fault.line, fault.column) for fault in document.faults}
            others = _entry_problems(document, kind, path.stem)
            found = [*document.faults, *(p for p in others if (p.line, p.column) not in places)]
            problems.extend(found)
            if not found:
                entry = _entry(document, kind)
                entries[kind][entry.name] = entry
                documents.append((entry, document))
    if not problems:
        problems.extend(_inherit(entries, documents))
    catalog = Catalog(entries)
    if not problems:
        problems.extend(_cross_problems(catalog, documents))
    if problems:
        raise InputError(problems)
    return catalog


def _entry(document: Document, kind: str) -> Entry:
    data = document.data
    return Entry(
        kind=kind,
        name=data["name"],
        title=data["title"],
        summary=data["summary"],
        facts={name: _frozen(value) for name, value in data.get("facts", {}).items()},
        parameters={
            ".".join(path): Parameter.from_table(table) for path, table in _parameter_tables(data.get("parameters", {}))
        },
        rows=tuple(dict(row) for row in data.get(ROW_TABLES.get(kind, ""), ())),
        file=document.file,
    )


def _inherit(entries: dict[str, dict[str, Entry]], documents: list[tuple[Entry, Document]]) -> Iterator[Problem]:
    """Give an entry with the fact `like` the facts and parameters of the entry it names, of the same kind; its own win."""
    for entry, document in documents:
        if "like" not in entry.facts:
            continue
        others = entries[entry.kind]
        known = [name for name, other in others.items() if "like" not in other.facts]
        model = others.get(str(entry.facts["like"]))
        if model is None or model.name not in known:
            hint = nearest(entry.facts["like"], known)
            yield document.problem(("facts", "like"), shown(entry.facts["like"]), f"{listed(known)}", hint)
        else:
            own = replace(entry, facts={**model.facts, **entry.facts}, parameters={**model.parameters, **entry.parameters})
            others[entry.name] = own


def _frozen(value: Any) -> Fact:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _parameter_tables(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, table) of each parameter; a table that holds a table is a folder of parameters."""
    for name, value in tree.items():
        if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            yield from _parameter_tables(value, (*path, name))
        else:
            yield (*path, name), value


def _entry_problems(document: Document, kind: str, stem: str) -> Iterator[Problem]:
    """Yield every fault that can be seen in one file alone."""
    data, rows = document.data, ROW_TABLES.get(kind)
    numbers = ("parameters",) if rows is None or kind in WITH_PARAMETERS else ()
    allowed = ("name", "title", "summary", "facts", *((rows,) if rows else ()), *numbers)
    for key in data:
        if key not in allowed:
            yield document.problem((key,), "an unknown key", listed(allowed), nearest(key, allowed), at_key=True)
    for key in ("name", "title", "summary"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            yield document.problem((key,), shown(data[key]) if key in data else "nothing", "text")
    if isinstance(data.get("name"), str) and data["name"] != stem:
        yield document.problem(("name",), shown(data["name"]), f'"{stem}", as the file is named')
    yield from _fact_problems(document)
    if rows:
        yield from _row_problems(document, rows)
    if numbers:
        yield from _parameter_problems(document)


def _fact_problems(document: Document) -> Iterator[Problem]:
    facts = document.data.get("facts", {})
    if not isinstance(facts, dict):
        yield document.problem(("facts",), shown(facts), "a table")
        return
    for name, value in facts.items():
        for path, item in _leaves(value, ("facts", name)):
            if not isinstance(item, str | bool | int):
                hint = "a number with a unit and a source belongs to [parameters]" if isinstance(item, float) else ""
                yield document.problem(path, shown(item), "text, true or false, a whole number, or a list of these", hint)


def _leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _leaves(item, (*path, i))
    else:
        yield path, value


def _parameter_problems(document: Document) -> Iterator[Problem]:
    parameters = document.data.get("parameters", {})
    if not isinstance(parameters, dict):
        yield document.problem(("parameters",), shown(parameters), "a table")
        return
    for names, table in _parameter_tables(parameters):
        path: FieldPath = ("parameters", *names)
        if not isinstance(table, dict):
            yield document.problem(path, shown(table), "a table with value, unit, low, high, distribution, source, grade")
            continue
        faults = list(parameter_faults(table))
        for fault in faults:
            at_key = fault.found == "an unknown key"
            yield document.problem((*path, fault.field), fault.found, fault.expected, fault.hint, at_key=at_key)
        stated = unit_of_key(names[-1])
        if stated and not faults and not parse_unit(stated).same_as(parse_unit(table["unit"])):
            yield document.problem((*path, "unit"), shown(table["unit"]), f'"{stated}", as the name of the key says')


def _row_problems(document: Document, table: str) -> Iterator[Problem]:
    rows = document.data.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        yield document.problem((table,), shown(rows), f"tables, each headed [[{table}]]")
        return
    for i, row in enumerate(rows):
        for fault in row_faults(table, row):
            at_key = fault.found == "an unknown key"
            yield document.problem((table, i, fault.field), fault.found, fault.expected, fault.hint, at_key=at_key)


def _cross_problems(catalog: Catalog, documents: list[tuple[Entry, Document]]) -> Iterator[Problem]:
    """Yield what shows only when all entries are known: links that lead nowhere, unknown signals, repeated rules."""
    first_rule: dict[str, Document] = {}
    for entry, document in documents:
        yield from _link_problems(catalog, entry, document)
        if entry.kind == "rules":
            for i, row in enumerate(entry.rows):
                yield from _rule_problems(catalog, document, i, row)
                if first_rule.setdefault(str(row["id"]), document) is not document or row["id"] in _earlier(entry, i):
                    yield document.problem(("rule", i, "id"), shown(row["id"]), "an id that no other rule has")
        if entry.kind == "modifiers":
            yield from _modifier_problems(catalog, entry, document)
        if entry.kind == "regimens":
            yield from _regimen_problems(catalog, entry, document)


def _earlier(entry: Entry, i: int) -> list[object]:
    return [row["id"] for row in entry.rows[:i]]


def _rule_problems(catalog: Catalog, document: Document, i: int, row: Row) -> Iterator[Problem]:
    known = {"kind": catalog.rule_kinds, "signal": catalog.signals, "behaviour": catalog.behaviours}
    if row["kind"] in catalog.rule_kinds:
        known["stage"] = frozenset(catalog.stages(str(row["kind"])))
    for field, names in known.items():
        if row.get(field, "*") not in names:
            hint = nearest(row[field], names)
            yield document.problem(("rule", i, field), shown(row[field]), listed(sorted(names)), hint)


def _modifier_problems(catalog: Catalog, entry: Entry, document: Document) -> Iterator[Problem]:
    """A modifier reads a trait and changes a quantity that there are."""
    known = {"trait": catalog.traits, "quantity": tuple(catalog.quantities)}
    for i, row in enumerate(entry.rows):
        for field, names in known.items():
            if row[field] not in names:
                yield document.problem(("modifier", i, field), shown(row[field]), listed(names), nearest(row[field], names))


def _regimen_problems(catalog: Catalog, entry: Entry, document: Document) -> Iterator[Problem]:
    """A regimen has a use, and gives what the folder of that use holds."""
    use = entry.facts.get("use")
    if use not in REGIMENS:
        yield document.problem(("facts", "use"), "nothing" if use is None else shown(use), listed(REGIMENS))
        return
    known = catalog.names(REGIMENS[str(use)])
    for i, row in enumerate(entry.rows):
        if row["drug"] not in known:
            yield document.problem(("course", i, "drug"), shown(row["drug"]), listed(known), nearest(row["drug"], known))


def _link_problems(catalog: Catalog, entry: Entry, document: Document) -> Iterator[Problem]:
    """A fact named after a folder (`lineage`, `routes`) must name entries of that folder."""
    for fact in entry.facts:
        kind = next((kind for kind in (fact, f"{fact}s") if kind in KINDS), None)
        for path, item in _leaves(document.data["facts"][fact], ("facts", fact)):
            if kind and item not in catalog.entries[kind]:
                known = catalog.names(kind)
                yield document.problem(path, shown(item), listed(known), nearest(item, known))
