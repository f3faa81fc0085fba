"""Reading mapping files: every fault with its place, also those of the scenario that stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simengine.catalog import Catalog, load_catalog
from simengine.cohorts.fields import FieldPlan, MissingNumber, Setting
from simengine.cohorts.mapping import Mapping
from simengine.cohorts.mapping_checks import findings, plans_of
from simengine.foundation.documents import Document, Excerpt, parse_toml, read_toml
from simengine.foundation.errors import InputError, Problem
from simengine.foundation.positions import FieldPath
from simengine.scenario import Point, scenarios_folder
from simengine.scenario.findings import Finding
from simengine.scenario.layers import Layered
from simengine.scenario.paths import Slot, slot_at
from simengine.scenario.study import study_of
from simengine.scenario.validate import shape_findings, validate

__all__ = ["LoadedMapping", "applied", "load_mapping", "loads_mapping"]

ROOT = Slot(Mapping)
_OF_A_STUDY = ("arm", "sweep", "seed", "replicates", "patients")
_SECTION = "transplant"


@dataclass(frozen=True)
class LoadedMapping:
    """A checked mapping file: what it says, what each column does, and the scenario that all patients share."""

    mapping: Mapping
    plans: tuple[FieldPlan, ...]
    point: Point
    base: dict[str, Any]
    catalog: Catalog
    document: Document

    def problem(self, finding: Finding) -> Problem:
        """Return the problem of a finding whose path is one of the mapping file."""
        return _placed(self.document, finding)


def load_mapping(path: str | Path) -> LoadedMapping:
    """Read and check a mapping file.

    Raises
    ------
    InputError
        With every fault of the file and of the scenarios it extends, each at its place.
    """
    return _loaded(read_toml(path), Path(path).resolve().parent)


def loads_mapping(text: str, name: str = "<text>", folder: Path | None = None) -> LoadedMapping:
    """Read and check the text of a mapping file; `folder` is where `extends` begins. Raises InputError."""
    return _loaded(parse_toml(text, name), folder or scenarios_folder())


def _loaded(document: Document, folder: Path) -> LoadedMapping:
    problems = list(document.faults)
    mapping: Mapping | None = None
    try:
        mapping = Mapping.model_validate(document.data)
    except ValidationError as error:
        taken = {(problem.line, problem.column) for problem in problems}
        shapes = [_placed(document, finding) for finding in shape_findings(error, (), ROOT)]
        problems += [problem for problem in shapes if (problem.line, problem.column) not in taken]
    point: Point | None = None
    base: dict[str, Any] = {}
    try:
        point, base = _base(document, folder)
    except InputError as error:
        problems += error.problems
    if mapping is None:
        raise InputError(problems)
    plans, found = plans_of(mapping)
    problems += [_placed(document, finding) for finding in (*found, *findings(mapping))]
    catalog = load_catalog()
    if point is not None:
        problems += [_placed(document, finding) for plan in plans for finding in _unsound(plan, base, catalog)]
    if problems or point is None:
        raise InputError(problems)
    return LoadedMapping(mapping, tuple(plans), point, base, catalog, document)


def _base(document: Document, folder: Path) -> tuple[Point | None, dict[str, Any]]:
    """Return the scenario that all patients share, resolved and as written, through the gate of every scenario."""
    written = document.data.get("base")
    if not isinstance(written, dict):
        return None, {}
    refused = [
        document.problem(("base", name), "a design", "one scenario", "the command decides what is run", at_key=True)
        for name in _OF_A_STUDY
        if name in written
    ]
    if refused:
        raise InputError(refused)
    name = document.data.get("name")
    data = {"name": name if isinstance(name, str) else "cohort"} | written
    excerpt = Excerpt(document.file, document.text, data, (), document, {(): ("base",), ("name",): ("name",)})
    try:
        study = study_of(excerpt, folder)
    except InputError as error:
        raise InputError(_renamed(problem, document.file) for problem in error.problems) from None
    if len(study.points) != 1:
        raise InputError([document.problem(("base",), "a scenario with variants", "one scenario", "extend one without")])
    base = {name: value for name, value in Layered.of(study.documents).data.items() if name not in ("extends", *_OF_A_STUDY)}
    if slot_at((_SECTION,)) is not None and _SECTION not in base:
        raise InputError([document.problem(("base",), f"no table `{_SECTION}`", "a transplantation", "write transplant = {}")])
    return study.points[0], base


def _renamed(problem: Problem, file: str) -> Problem:
    """Return a problem of the scenario under the name its field has in the mapping file."""
    if problem.file != file:
        return problem
    return replace(problem, path="base" if problem.path == "document" else f"base.{problem.path}")


def _unsound(plan: FieldPlan, base: dict[str, Any], catalog: Catalog) -> Iterator[Finding]:
    """Yield what is wrong with what the mapping itself would set, also where no row of the table does.

    A category may be sound only together with what another column sets; so that only values that fit in no scenario are
    refused here: numbers out of range, and names that nothing has.
    """
    tried = [*plan.categories.values()]
    if isinstance(plan.unknown, MissingNumber):
        place: FieldPath = ("field", plan.index, "missing")
        for name in ("low", "high"):
            value = plan.spec.factor * getattr(plan.unknown, name) + plan.spec.offset
            tried.append((Setting(plan.path, value, (*place, name)),))
    for settings in tried:
        data = applied(base, settings)
        for finding in validate(data, catalog)[1]:
            for setting in settings:
                own = finding.path == setting.path
                slot = slot_at(setting.path)
                is_name = isinstance(setting.value, str)
                if own and setting.written and (is_name or (slot and slot.annotation in (int, float, bool))):
                    yield Finding(setting.written, finding.found, finding.expected, finding.hint)


def applied(base: dict[str, Any], settings: Iterable[Setting]) -> dict[str, Any]:
    """Return plain values of a scenario with some fields set; tables on the way are copied, never changed."""
    data = dict(base)
    for setting in settings:
        table = data
        *above, last = map(str, setting.path)
        for key in above:
            held = table.get(key)
            table[key] = dict(held) if isinstance(held, dict) else {}
            table = table[key]
        table[last] = setting.value
    return data


def _placed(document: Document, finding: Finding) -> Problem:
    return document.problem(finding.path, finding.found, finding.expected, finding.hint, at_key=finding.at_key)
