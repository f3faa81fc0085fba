"""What the fields of a mapping mean to each other and to the scenario; every fault is a finding at its place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as Table
from typing import Any, Literal, get_origin

from pydantic import ValidationError

from simengine.cohorts.fields import FieldPlan, Kind, MissingNumber, Setting, matching
from simengine.cohorts.mapping import MappedField, Mapping, ObservedOutcome
from simengine.cohorts.outcomes import PREDICTED
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.parameters import parameter_faults
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding, known
from simengine.scenario.paths import STUDY_ONLY, Slot, flattened, slot_at, split_path
from simengine.scenario.validate import shape_findings

__all__ = ["findings", "plans_of"]

SECTIONS = ("patient", "donor", "transplant")
NOT_OF_A_PATIENT = ("patient.species", "patient.vary")
"""Fields that a table does not set."""
_SUM = 1e-6


def plans_of(mapping: Mapping) -> tuple[list[FieldPlan], list[Finding]]:
    """Return what each column does, and every finding against the columns; with findings some plans are left out."""
    plans: list[FieldPlan] = []
    found: list[Finding] = []
    for i, spec in enumerate(mapping.field):
        plan, wrong = _plan(spec, i)
        found += wrong
        plans += [plan] if plan is not None else []
    return plans, found


def _plan(spec: MappedField, index: int) -> tuple[FieldPlan | None, list[Finding]]:
    here: FieldPath = ("field", index)
    if (spec.path is None) == (spec.sets is None):
        found = "neither" if spec.path is None else "both"
        return None, [Finding(here, found, "either `path` or `sets`", at_key=True)]
    wrong: list[Finding] = []
    if spec.sets is not None:
        if spec.categories is not None:
            wrong.append(Finding((*here, "categories"), "a table", "nothing beside `sets`", at_key=True))
        categories = {}
        for name, table in spec.sets.items():
            settings = []
            for path_text, value, written in flattened(table, (*here, "sets", name)):
                path = _path(path_text, written, at_key=True)
                wrong += [path] if isinstance(path, Finding) else []
                settings += [] if isinstance(path, Finding) else [Setting(path, value, written)]
            categories[name] = tuple(settings)
        kind: Kind = "category"
        target: FieldPath = ()
    else:
        place = (*here, "path")
        path = _path(str(spec.path), place)
        if isinstance(path, Finding):
            return None, [path]
        target, slot = path, slot_at(path)
        kind = "category" if spec.categories is not None else _kind(slot)
        categories = {
            name: (Setting(path, value, (*here, "categories", name)),) for name, value in (spec.categories or {}).items()
        }
        if spec.categories is None and slot is not None and slot.annotation is bool:
            wrong.append(Finding(place, shown(spec.path), "categories beside it", "categories = {yes = true, no = false}"))
    if kind != "number":
        for name in ("factor", "offset"):
            if name in spec.model_fields_set:
                wrong.append(
                    Finding((*here, name), shown(getattr(spec, name)), "nothing beside categories or texts", at_key=True)
                )
    unknown, more = _unknown(spec, kind, categories, (*here, "missing"))
    wrong += more
    return (None if wrong else FieldPlan(spec, index, kind, target, categories, unknown)), wrong


def _path(text: str, place: FieldPath, at_key: bool = False) -> FieldPath | Finding:
    """Return the field that a dotted text names, or the finding that a table of patients cannot set it."""
    allowed = "a field of patient, donor or transplant"
    if text.split(".")[0] not in SECTIONS or text in NOT_OF_A_PATIENT:
        return Finding(place, shown(text), allowed, nearest(text, SECTIONS), at_key)
    path = split_path(text, STUDY_ONLY)
    if isinstance(path, Finding):
        return Finding(place, path.found, path.expected, path.hint, at_key)
    slot = slot_at(path)
    if slot is None or slot.model is not None or get_origin(slot.annotation) is dict:
        return Finding(place, shown(text), allowed, "name one field", at_key)
    return path


def _kind(slot: Slot | None) -> Kind:
    if slot is not None and slot.annotation in (int, float):
        return "number"
    return "names" if slot is not None and get_origin(slot.annotation) in (tuple, list) else "text"


def _unknown(
    spec: MappedField, kind: Kind, categories: Table[str, Any], place: FieldPath
) -> tuple[MissingNumber | dict[str, float] | str, list[Finding]]:
    """Return what stands for a missing cell, and what is wrong with how it is stated."""
    given = spec.missing
    if given in ("refuse", "leave"):
        return str(given), []
    if not isinstance(given, dict):
        expected = '"refuse", "leave", or a table of a distribution or of probabilities'
        return "refuse", [Finding(place, shown(given), expected, nearest(given, ("refuse", "leave")))]
    if kind == "number":
        return _distribution(given, place)
    if kind != "category":
        return "refuse", [Finding(place, "a table", '"refuse" or "leave" for a text', "or list its categories")]
    wrong = [
        Finding((*place, name), shown(name), listed(categories), nearest(name, categories), at_key=True)
        for name in given
        if name not in categories
    ]
    for name, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
            wrong.append(Finding((*place, name), shown(share), "a probability from 0 to 1"))
    if not wrong and not math.isclose(total := sum(given.values()), 1.0, abs_tol=_SUM):
        wrong.append(Finding(place, f"probabilities that add up to {total:g}", "probabilities that add up to 1"))
    return {name: float(share) for name, share in given.items()} if not wrong else "refuse", wrong


def _distribution(given: dict[str, Any], place: FieldPath) -> tuple[MissingNumber | str, list[Finding]]:
    try:
        spread = MissingNumber.model_validate(given)
    except ValidationError as error:
        root = Slot(MissingNumber)
        found = [_under(finding, place) for finding in shape_findings(error, (), root)]
        return "refuse", found
    table = spread.model_dump() | {"unit": "1", "source": "-", "grade": "assumed"}
    found = [Finding((*place, fault.field), fault.found, fault.expected, fault.hint) for fault in parameter_faults(table)]
    return spread, found


def _under(finding: Finding, place: FieldPath) -> Finding:
    """Return a finding whose path begins at `place`."""
    return Finding((*place, *finding.path), finding.found, finding.expected, finding.hint, finding.at_key)


def findings(mapping: Mapping) -> Iterator[Finding]:
    """Yield everything that is wrong with the outcomes and benchmarks of a mapping whose fields are well formed."""
    names = [outcome.name for outcome in mapping.outcome]
    for i, outcome in enumerate(mapping.outcome):
        here: FieldPath = ("outcome", i)
        yield from known((*here, "name"), outcome.name, PREDICTED)
        if outcome.name in names[:i]:
            yield Finding((*here, "name"), f"{shown(outcome.name)} again", "each outcome once")
        if outcome.name in PREDICTED:
            yield from _outcome(outcome, PREDICTED[outcome.name].kind, here)
    seen = {outcome.column for outcome in mapping.outcome}
    seen |= {column for o in mapping.outcome for column in (o.followed_until, o.day, o.status) if column}
    for i, benchmark in enumerate(mapping.benchmark):
        here = ("benchmark", i)
        yield from known((*here, "outcome"), benchmark.outcome, names)
        if benchmark.outcome in [earlier.outcome for earlier in mapping.benchmark[:i]]:
            yield Finding((*here, "outcome"), f"{shown(benchmark.outcome)} again", "one benchmark for each outcome")
        for k, column in enumerate(benchmark.columns):
            if column in seen:
                hint = f"{shown(column)} is known only afterwards"
                yield Finding((*here, "columns", k), shown(column), "a column known before the transplantation", hint)
            if column in benchmark.columns[:k]:
                yield Finding((*here, "columns", k), f"{shown(column)} again", "each column once")
        for k, column in enumerate(benchmark.log):
            yield from known((*here, "log", k), column, benchmark.columns)
    for i, field in enumerate(mapping.field):
        if field.column in seen:
            hint = "what happened afterwards must not enter the prediction"
            yield Finding(("field", i, "column"), shown(field.column), "a column known before the transplantation", hint)


_OF_KIND: dict[str, tuple[str, ...]] = {
    "day": ("never", "followed_until", "within_days"),
    "flag": ("day", "yes", "no", "among_alive_on_day", "within_days", "never"),
    "survival": ("status", "yes", "no", "at_days", "within_days"),
}


def _outcome(outcome: ObservedOutcome, kind: Literal["day", "flag", "survival"], here: FieldPath) -> Iterator[Finding]:
    """Yield fields that an outcome of its kind does not have, or lacks."""
    for name in sorted(outcome.model_fields_set - {"name", "column"} - set(_OF_KIND[kind])):
        hint = f"{outcome.name} may have {', '.join(_OF_KIND[kind])}"
        yield Finding((*here, name), "a field", f"nothing for an outcome of kind {kind}", hint, at_key=True)
    if kind == "survival" and outcome.status is None:
        yield Finding((*here, "status"), "nothing", "the column that tells deaths from last follow-ups")
    if kind == "day" and outcome.never and outcome.followed_until is None:
        hint = "those in whom it never happened are censored there"
        yield Finding((*here, "followed_until"), "nothing", "the column of the day of last follow-up or death", hint)
    for k, text in enumerate(outcome.no):
        if matching(text, outcome.yes) is not None and kind != "day":
            yield Finding((*here, "no", k), shown(text), "a text that does not stand in `yes` as well")
