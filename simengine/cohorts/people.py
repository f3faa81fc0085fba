"""From rows to patients: every row a scenario, with what is not known drawn anew for each replicate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simengine.cohorts.fields import Category, Fault, FieldPlan, Setting
from simengine.cohorts.mapping_files import LoadedMapping, applied
from simengine.cohorts.tables import Table
from simengine.foundation.errors import InputError, Problem, listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.foundation.random import make_key
from simengine.scenario import Scenario
from simengine.scenario.findings import Finding
from simengine.scenario.validate import validate

__all__ = ["Person", "check_columns", "ids_of", "people_of"]

NUMBERS = 2**31 - 1
"""Patients are numbered below this, so that the number fits every column of results."""


@dataclass(frozen=True)
class Person:
    """One row of the table: who it is, what it says of fields, and which cells are empty.

    `number` is the patient's in the addresses of all random numbers; it follows from the identity alone.
    """

    row: int
    id: str
    number: int
    cells: tuple[tuple[FieldPlan, Category | None], ...]
    loaded: LoadedMapping

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that are empty here, in the order of the mapping."""
        return tuple(dict.fromkeys(plan.column for plan, cell in self.cells if cell is None))

    def settings(self, seed: int, replicate: int) -> list[tuple[FieldPlan, Setting]]:
        """Return every field that is set in a replicate, later columns after earlier ones, with its column."""
        key = make_key(seed, self.number, replicate)
        found = ((plan, plan.draw(key) if cell is None else cell) for plan, cell in self.cells)
        return [(plan, setting) for plan, settings in found for setting in settings]

    def drawn(self, seed: int, replicate: int) -> list[Setting]:
        """Return what stands for the empty cells in a replicate."""
        key = make_key(seed, self.number, replicate)
        return [setting for plan, cell in self.cells if cell is None for setting in plan.draw(key)]

    def scenario(self, seed: int, replicate: int) -> Scenario:
        """Return the scenario of a replicate.

        Raises
        ------
        ValueError
            If what was drawn for empty cells makes no sound scenario together with the others.
        """
        settings = [setting for _, setting in self.settings(seed, replicate)]
        scenario, found = validate(applied(self.loaded.base, settings), self.loaded.catalog)
        if scenario is None:
            raise ValueError("; ".join(f"{'.'.join(map(str, f.path))}: got {f.found}, expected {f.expected}" for f in found))
        return scenario


def people_of(loaded: LoadedMapping, table: Table) -> list[Person]:
    """Return the patients of a table, in its order.

    Raises
    ------
    InputError
        With every fault of every cell, at its row and column.
    """
    check_columns(loaded, table, [plan.column for plan in loaded.plans])
    ids, problems = ids_of(loaded, table)
    numbers = _numbers(ids) if loaded.mapping.id else list(range(1, len(ids) + 1))
    columns = [table.column(plan.column) for plan in loaded.plans]
    people = []
    for row, (identity, number) in enumerate(zip(ids, numbers)):
        cells: list[tuple[FieldPlan, Category | None]] = []
        wrong: list[Problem] = []
        for plan, texts in zip(loaded.plans, columns):
            found = _cell(loaded, plan, texts[row])
            if isinstance(found, Fault):
                hint = "; ".join(part for part in (found.hint, f"patient {identity}") if part)
                wrong.append(table.problem(row, plan.column, found.found, found.expected, hint))
            else:
                cells.append((plan, found))
        person = Person(row, identity, number, tuple(cells), loaded)
        problems += [*wrong, *_unsound(person, table, is_whole=not wrong)]
        people.append(person)
    if problems:
        raise InputError(problems)
    return people


def ids_of(loaded: LoadedMapping, table: Table) -> tuple[list[str], list[Problem]]:
    """Return who each row is, and rows that are nobody or somebody twice."""
    column = loaded.mapping.id
    if column is None:
        return [str(row + 1) for row in range(len(table.rows))], []
    ids = table.column(column)
    first: dict[str, int] = {}
    problems = []
    for row, name in enumerate(ids):
        if name in loaded.mapping.missing:
            problems.append(table.problem(row, column, "an empty cell", "the name of the patient"))
        elif name in first:
            hint = f"it stands on line {table.lines[first[name]]} as well"
            problems.append(table.problem(row, column, f"{shown(name)} again", "each patient once", hint))
        first.setdefault(name, row)
    return ids, problems


def check_columns(loaded: LoadedMapping, table: Table, columns: Sequence[str]) -> None:
    """Refuse a table that lacks columns which the mapping names; each is placed in the mapping file.

    Raises
    ------
    InputError
        With one problem for each place of the mapping that names a column which is not there.
    """
    wanted = dict.fromkeys([*columns, *([loaded.mapping.id] if loaded.mapping.id else [])])
    absent = [name for name in wanted if name not in table.columns]
    if not absent:
        return
    mapping = loaded.mapping
    places: list[tuple[FieldPath, str | None]] = [(("id",), mapping.id)]
    places += [(("field", i, "column"), field.column) for i, field in enumerate(mapping.field)]
    for i, outcome in enumerate(mapping.outcome):
        places += [(("outcome", i, name), getattr(outcome, name)) for name in ("column", "followed_until", "day", "status")]
    for i, benchmark in enumerate(mapping.benchmark):
        places += [(("benchmark", i, "columns", k), column) for k, column in enumerate(benchmark.columns)]
    expected = f"a column of {table.file}: {listed(table.columns)}"
    raise InputError(
        loaded.problem(Finding(place, shown(column), expected, nearest(column, table.columns)))
        for place, column in places
        if column in absent
    )


def _cell(loaded: LoadedMapping, plan: FieldPlan, text: str) -> Category | Fault | None:
    """Return what a cell sets, None where it is empty and something stands for it, or what is wrong with it."""
    if text not in loaded.mapping.missing:
        return plan.read(text)
    if plan.unknown == "refuse":
        return Fault("an empty cell", "a value", "or state in the mapping what stands for a missing one: missing = ...")
    return None


def _unsound(person: Person, table: Table, is_whole: bool) -> Iterator[Problem]:
    """Yield what is wrong with the scenario of a row: at the cell of a number, at the category of a category.

    Of a row that is not whole, because some cells could not be read, only what is wrong with single cells is told.
    """
    loaded = person.loaded
    settings = person.settings(0, 0)
    _, found = validate(applied(loaded.base, [setting for _, setting in settings]), loaded.catalog)
    for finding in found:
        name = ".".join(map(str, finding.path))
        origin = next(
            ((plan, s) for plan, s in reversed(settings) if s.path[: len(finding.path)] == finding.path[: len(s.path)]), None
        )
        hint = "; ".join(part for part in (finding.hint, f"patient {person.id}") if part)
        if not is_whole and (origin is None or origin[1].path != finding.path or origin[1].written is not None):
            continue
        if origin is None:
            yield table.problem(person.row, name, finding.found, finding.expected, hint)
        elif origin[1].written is not None:
            yield loaded.problem(Finding(origin[1].written, finding.found, f"{finding.expected} ({name})", finding.hint))
        else:
            yield table.problem(person.row, origin[0].column, f"{name} = {finding.found}", finding.expected, hint)


def _numbers(ids: Sequence[str]) -> list[int]:
    """Return a number for each identity, the same in whatever order and company rows stand, save that two never share one."""
    taken: dict[int, str] = {}
    for name in sorted(set(ids)):
        attempt = 0
        while (number := _number(name, attempt)) in taken:
            attempt += 1
        taken[number] = name
    by_name = {name: number for number, name in taken.items()}
    return [by_name[name] for name in ids]


def _number(name: str, attempt: int) -> int:
    digest = hashlib.sha256(f"{attempt}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % NUMBERS
