"""Reading target files: every fault with its place, also those of the scenarios that stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simengine.foundation.documents import Document, Excerpt, parse_toml, read_toml
from simengine.foundation.errors import InputError, Problem, dotted, listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario import Point, scenarios_folder
from simengine.scenario.findings import Finding
from simengine.scenario.paths import Slot, flattened
from simengine.scenario.study import study_of
from simengine.scenario.validate import shape_findings
from simengine.studies.target_checks import findings
from simengine.studies.targets import Target, TargetFile

__all__ = ["Entry", "chosen", "load_targets", "loads_targets"]

BASE, CONTRAST, WITHOUT = "scenario", "contrast", "without"
ROOT = Slot(TargetFile)
_OF_A_STUDY = ("arm", "sweep", "replicates", "patients")


@dataclass(frozen=True)
class Entry:
    """A target that may be scored: its arms are simulated for as many patients as its error asks for.

    `arms` holds the scenario, what it is compared with or its doses; `bare` the same without the mechanism that the
    target names (empty where it names none).
    """

    target: Target
    arms: tuple[Point, ...]
    bare: tuple[Point, ...]
    document: Document
    index: int

    def problem(self, field: str, found: str, expected: str, hint: str = "") -> Problem:
        """Return a problem at a field of the target, for what is seen only when it has run."""
        return self.document.problem(("target", self.index, field), found, expected, hint)


def load_targets(paths: Iterable[str | Path]) -> list[Entry]:
    """Read and check target files.

    Raises
    ------
    InputError
        With every fault of every file, each at its place.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            document = read_toml(path)
            entries += _entries(document, Path(path).resolve().parent)
        except InputError as error:
            problems += error.problems
    seen: dict[str, Entry] = {}
    for entry in entries:
        if entry.target.id in seen:
            other = seen[entry.target.id].document.file
            problems.append(entry.problem("id", shown(entry.target.id), "an id that no other target has", f"see {other}"))
        seen.setdefault(entry.target.id, entry)
    if problems:
        raise InputError(problems)
    return entries


def loads_targets(text: str, name: str = "<text>", folder: Path | None = None) -> list[Entry]:
    """Read and check the text of a target file; `folder` is where `extends` begins. Raises InputError."""
    return _entries(parse_toml(text, name), folder or scenarios_folder())


def chosen(entries: Sequence[Entry], only: Sequence[str]) -> list[Entry]:
    """Return the entries of these ids, all of them when none is named.

    Raises
    ------
    InputError
        For an id that no target has.
    """
    ids = [entry.target.id for entry in entries]
    problems = [
        Problem("--only", line, 1, dotted([name]), shown(name), listed(ids), nearest(name, ids))
        for line, name in enumerate(only, 1)
        if name not in ids
    ]
    if problems:
        raise InputError(problems)
    return [entry for entry in entries if not only or entry.target.id in only]


def _entries(document: Document, folder: Path) -> list[Entry]:
    """Return the entries of a document, or raise InputError with all its faults."""
    problems = list(document.faults)
    tables = document.data.get("target", [])
    tables = tables if isinstance(tables, list) else []
    try:
        targets: list[Target | None] = [*TargetFile.model_validate(document.data).target]
    except ValidationError as error:
        taken = {(problem.line, problem.column) for problem in problems}
        shapes = [_placed(document, finding) for finding in shape_findings(error, (), ROOT)]
        problems += [problem for problem in shapes if (problem.line, problem.column) not in taken]
        targets = [_alone(table) for table in tables]
    if not document.data.get("target"):
        problems.append(document.problem(("target",), "nothing", "at least one table headed [[target]]"))
    entries: list[Entry] = []
    for i, (table, target) in enumerate(zip(tables, targets)):
        found, entry = _entry(document, folder, i, table, target)
        problems += found
        entries += [entry] if entry is not None else []
    ids = [entry.target.id for entry in entries]
    for n, entry in enumerate(entries):
        if entry.target.id in ids[:n]:
            problems.append(entry.problem("id", shown(entry.target.id), "an id that no other target has"))
    if problems:
        raise InputError(problems)
    return entries


def _alone(table: Any) -> Target | None:
    """Return a target of a file of which another part is malformed, or None; its shape was complained of already."""
    try:
        return Target.model_validate(table)
    except ValidationError:
        return None


def _entry(
    document: Document, folder: Path, index: int, table: Any, target: Target | None
) -> tuple[list[Problem], Entry | None]:
    here: FieldPath = ("target", index)
    problems: list[Problem] = []
    if target is not None:
        found = [*findings(target)]
        problems += [_placed(document, replace(finding, path=(*here, *finding.path))) for finding in found]
        if any(finding.path == ("titration", "path") for finding in found):
            return problems, None  # every dose would complain of the same
    points: tuple[Point, ...] = ()
    scenario = table.get("scenario") if isinstance(table, dict) else None
    if isinstance(scenario, dict) and "waiting" not in table:
        try:
            points = _points(document, folder, here, table)
        except InputError as error:
            problems += error.problems
    if target is None:
        return problems, None
    n_arms = len(points) // 2 if target.without else len(points)
    if not problems:
        problems += _check_times(document, here, target, points)
    return problems, Entry(target, points[:n_arms], points[n_arms:], document, index)


def _points(document: Document, folder: Path, here: FieldPath, table: Mapping[str, Any]) -> tuple[Point, ...]:
    """Return the points of a target, as arms of its scenario, through the gate that every scenario passes."""
    scenario = dict(table["scenario"])
    refused = [
        document.problem((*here, "scenario", name), "a design", "one scenario", "the target decides what is run", at_key=True)
        for name in _OF_A_STUDY
        if name in scenario
    ]
    if refused:
        raise InputError(refused)
    arms, places = _arms(here, table)
    scenario |= {"name": scenario.get("name", "target"), "arm": arms}
    places |= {(): (*here, "scenario"), ("arm",): here}
    excerpt = Excerpt(document.file, document.text, scenario, (), document, places)
    try:
        study = study_of(excerpt, folder)
    except InputError as error:
        raise InputError(_renamed(problem, document.file, here, places) for problem in error.problems) from None
    if len(study.points) != len(arms):
        fault = "a scenario with a sweep"
        raise InputError([document.problem((*here, "scenario"), fault, "one scenario", "extend one without a sweep")])
    return study.points


def _arms(here: FieldPath, table: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[FieldPath, FieldPath]]:
    """Return the arms of a target, first with all mechanisms and then again without one, and where their values stand."""
    tables = {name: table[name] for name in (CONTRAST, WITHOUT, "titration") if isinstance(table.get(name), dict)}
    contrast = [(name, value, (*here, CONTRAST, *at)) for name, value, at in flattened(tables.get(CONTRAST, {}))]
    variants: list[tuple[str, list[tuple[str, Any, FieldPath]]]] = [(BASE, [])]
    if contrast:
        variants.append((CONTRAST, contrast))
    titration = tables.get("titration", {})
    if isinstance(titration.get("values"), list):
        path = titration.get("path", "delivery.0.dose_cells")
        at = (*here, "titration", "values")
        variants = [
            (f"{value:g}", [(str(path), value, (*at, n))]) for n, value in enumerate(titration["values"]) if _is_number(value)
        ]
    taken = tables[WITHOUT].get("set", {}) if WITHOUT in tables else None
    if isinstance(taken, dict):
        bare = [(name, value, (*here, WITHOUT, "set", *at)) for name, value, at in flattened(taken)]
        names = {name for name, _, _ in bare}
        variants += [
            (f"{label}, without", [item for item in items if item[0] not in names] + bare) for label, items in variants
        ]
    arms: list[dict[str, Any]] = []
    places: dict[FieldPath, FieldPath] = {}
    for k, (label, items) in enumerate(variants):
        arms.append({"name": label, "set": {name: value for name, value, _ in items}})
        places |= {("arm", k, "set", name): written for name, _, written in items}
    return arms, places


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _renamed(problem: Problem, file: str, here: FieldPath, places: Mapping[FieldPath, FieldPath]) -> Problem:
    """Return a problem of the scenario under the name its field has in the target file."""
    if problem.file != file:
        return problem
    for path, written in places.items():
        name = dotted(path)
        if len(path) > 1 and (problem.path == name or problem.path.startswith(f"{name}.")):
            return replace(problem, path=dotted(written) + problem.path[len(name) :])
    scenario = dotted((*here, "scenario"))
    return replace(problem, path=scenario if problem.path == "document" else f"{scenario}.{problem.path}")


def _check_times(document: Document, here: FieldPath, target: Target, points: Sequence[Point]) -> list[Problem]:
    """Refuse times beyond the end of the run."""
    problems = []
    for field in ("time_days", "relative_to_days", "from_days", "to_days"):
        time, ends = getattr(target, field), [point.scenario.run.duration_days for point in points]
        if time is not None and ends and time > min(ends):
            expected = f"at most the {min(ends):g} days of the run"
            problems.append(document.problem((*here, field), shown(time), expected, "lengthen run.duration_days"))
    return problems


def _placed(document: Document, finding: Finding) -> Problem:
    return document.problem(finding.path, finding.found, finding.expected, finding.hint, at_key=finding.at_key)
