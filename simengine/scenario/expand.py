"""From one document with arms and sweep to its points: arms x rows of the list x combinations of the grid x samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from simengine.catalog import Catalog
from simengine.foundation.errors import Problem, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding
from simengine.scenario.labels import brief
from simengine.scenario.layers import Layered
from simengine.scenario.limits import MOST_POINTS, MOST_RECORDED_MB, MOST_RUNS, estimate
from simengine.scenario.model import Scenario
from simengine.scenario.paths import (
    EACH,
    MOST_HINTS,
    STUDY_ONLY,
    covers,
    expectation,
    flattened,
    slot_at,
    split_path,
)
from simengine.scenario.samples import draw_samples, sample_findings
from simengine.scenario.study_file import SAMPLED, Arm, Range, Sample, Sweep
from simengine.scenario.validate import is_too_long, shape_findings, validate

MOST_SETTINGS = 1000
"""Values that one variant may set."""


@dataclass(frozen=True)
class Point:
    """One variant of a study: its scenario, and what sets it apart.

    `values` holds, for every path that some arm or the sweep sets to a single value, what it is here (`None`: not set).
    """

    index: int
    label: str
    values: Mapping[str, Any]
    scenario: Scenario


def expand(layers: Layered, catalog: Catalog) -> tuple[tuple[Point, ...], list[Problem]]:
    """Return the points of merged documents, and every problem; with problems the points are of no use."""
    expansion = _Expansion(layers, catalog)
    expansion.expand()
    return tuple(expansion.points), expansion.problems


@dataclass(frozen=True)
class _Setting:
    """One value that a variant sets: where in the scenario, where in the file, and what."""

    name: str
    path: FieldPath
    value: Any
    written: FieldPath


@dataclass(frozen=True)
class _Variant:
    label: str = ""
    settings: tuple[_Setting, ...] = ()

    def __add__(self, other: _Variant) -> _Variant:
        label = ", ".join(part for part in (self.label, other.label) if part)
        return _Variant(label, self.settings + other.settings)


@dataclass
class _Expansion:
    """The points of a study, and what is wrong with it."""

    layers: Layered
    catalog: Catalog
    points: list[Point] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def expand(self) -> None:
        """Fill `points`, or `problems` when anything is wrong; nothing is multiplied out before it is counted."""
        arms = self._arms()
        rows, axes = self._sweep()
        base = self._base()
        samples = self._samples(base)
        combined = [variant for axis in axes for variant in axis]
        parts = [arms, rows, combined, samples]
        for i, earlier in enumerate(parts):
            self._check_undone(earlier, [variant for part in parts[i + 1 :] for variant in part])
        n_points = math.prod(max(len(part), 1) for part in (arms, rows, samples)) * math.prod(len(axis) for axis in axes)
        if self._too_many(n_points):
            return
        grid = [sum(combination, _Variant()) for combination in product(*axes)]
        nothing = [_Variant()]
        for variant in product(arms or nothing, rows or nothing, grid, samples or nothing):
            self._add(base, sum(variant, _Variant()))
        if not self.problems:
            self._state_values()
            self._check_records()

    def _arms(self) -> list[_Variant]:
        arms, seen = [], set()
        tables = self.layers.data.get("arm", [])
        if not isinstance(tables, list) or is_too_long(("arm",), tables):
            self._find(Finding(("arm",), shown(tables), expectation(("arm",))))
            return []
        for i, table in enumerate(tables):
            self._shape(Arm, table, ("arm", i))
            if not isinstance(table, dict):
                continue
            name = table.get("name")
            if isinstance(name, str) and name in seen:
                self._find(Finding(("arm", i, "name"), shown(name), "a name that no other arm has"))
            seen.add(name if isinstance(name, str) else None)
            settings = table.get("set", {})
            if isinstance(settings, dict):
                arms.append(_Variant(str(name), self._settings(settings, ("arm", i, "set"))))
        return arms

    def _sweep(self) -> tuple[list[_Variant], list[list[_Variant]]]:
        sweep = self.layers.data.get("sweep", {})
        place: FieldPath = ("sweep", "list")
        if isinstance(sweep, dict) and is_too_long(place, sweep.get("list")):
            self._find(Finding(place, shown(sweep["list"]), expectation(place)))
            return [], []
        self._shape(Sweep, sweep, ("sweep",))
        if not isinstance(sweep, dict):
            return [], []
        rows, grid = sweep.get("list", []), sweep.get("grid", {})
        variants = [
            _labelled(self._settings(row, ("sweep", "list", i)))
            for i, row in enumerate(rows if isinstance(rows, list) else [])
            if isinstance(row, dict)
        ]
        axes = []
        for name, values in sorted(grid.items()) if isinstance(grid, dict) else []:
            place = ("sweep", "grid", name)
            path = self._target(name, place)
            if path and isinstance(values, list):
                settings = [_Setting(name, path, value, (*place, i)) for i, value in enumerate(values)]
                axes.append([_labelled((setting,)) for setting in settings])
                self._distinct(axes[-1], place)
        self._distinct(variants, ("sweep", "list"))
        return variants, [axis for axis in axes if axis]

    def _samples(self, base: Layered) -> list[_Variant]:
        """Return the points of the sampled design; what is wrong with it is a problem, and there are none."""
        sweep = self.layers.data.get("sweep", {})
        kinds = [kind for kind in SAMPLED if kind in sweep] if isinstance(sweep, dict) else []
        for kind in kinds[1:]:
            self._find(Finding(("sweep", kind), "a second sampled design", f"{kinds[0]} alone", at_key=True))
        if len(kinds) != 1:
            return []
        place: FieldPath = ("sweep", kinds[0])
        try:
            sample = Sample.model_validate(sweep[kinds[0]])
        except ValidationError:  # told with the shape of the sweep
            return []
        known, seed = len(self.problems), self.layers.data.get("seed", 1)
        paths = {name: self._target(name, (*place, "ranges", name)) for name in sorted(sample.ranges)}
        for finding in sample_findings(kinds[0], sample, paths, place):
            self._find(finding)
        for name, path in paths.items():
            self._check_ends(base, path, sample.ranges[name], (*place, "ranges", name))
        if len(self.problems) > known or not isinstance(seed, int) or not 0 <= seed < 2**63:
            return []
        return [
            _Variant(label, tuple(_Setting(name, paths[name], value, (*place, "ranges", name)) for name, value in row.items()))
            for label, row in draw_samples(kinds[0], sample, paths, seed)
        ]

    def _check_ends(self, base: Layered, path: FieldPath, limits: Range, place: FieldPath) -> None:
        """Refuse bounds and choices that may not stand at the path, each at its own place."""
        slot = slot_at(path)
        ends: dict[FieldPath, Any] = {}
        if slot and slot.annotation in (int, float):
            ends = {(*place, "low"): limits.low, (*place, "high"): limits.high}
        ends |= {(*place, "choices", i): choice for i, choice in enumerate(limits.choices)}
        for written, value in ends.items():
            layers = base.copy()
            targets = layers.spread(path) if path and value is not None else []
            for target in targets:
                layers.put(target, value, self.layers.origin(written))
            for finding in validate(layers.data, self.catalog)[1] if targets else []:
                if any(finding.path[: len(target)] == target for target in targets):
                    at = place if finding.at_key else written
                    self._find(Finding(at, finding.found, finding.expected, finding.hint, finding.at_key))

    def _distinct(self, variants: list[_Variant], place: FieldPath) -> None:
        """Refuse the same variant twice: its rows could not be told apart."""
        labels = [variant.label for variant in variants]
        for i, label in enumerate(labels):
            if label in labels[:i]:
                self._find(Finding((*place, i), f"{shown(label)} again", "each variant once"))

    def _check_undone(self, earlier: list[_Variant], later: list[_Variant]) -> None:
        """Refuse what a variant sets in vain, because a later part of the design sets it again."""
        paths = {setting.path for variant in later for setting in variant.settings}
        for setting in (setting for variant in earlier for setting in variant.settings):
            if any(covers(path, setting.path) for path in paths):
                expected = "a path that no later part of the design sets (arms, then list, then grid, then samples)"
                place = setting.written[:3] if setting.written[:2] == ("sweep", "grid") else setting.written
                self._find(Finding(place, shown(setting.name), expected, at_key=True))

    def _settings(self, table: Mapping[str, Any], place: FieldPath) -> tuple[_Setting, ...]:
        """Return what a table of dotted paths sets; a path that leads nowhere is a problem at its key."""
        found: dict[FieldPath, _Setting] = {}
        items = list(flattened(table, place))
        if len(items) > MOST_SETTINGS:
            self._find(Finding(place, f"{len(items)} values", f"a table of at most {MOST_SETTINGS} values"))
            return ()
        for name, value, written in items:
            path = self._target(name, written)
            if path in found:
                self._find(Finding(written, f"{shown(name)} again", "each path once", at_key=True))
            elif path and value == {}:
                self._find(Finding(written, shown(value), "a value"))
            elif path:
                found[path] = _Setting(name, path, value, written)
        return tuple(found.values())

    def _target(self, name: str, place: FieldPath) -> FieldPath:
        path = split_path(name, STUDY_ONLY, hints=len(self.problems) < MOST_HINTS)
        if isinstance(path, Finding):
            self._find(Finding(place, path.found, path.expected, path.hint, at_key=True))
            return ()
        return path

    def _too_many(self, n_points: int) -> bool:
        """Refuse absurd counts before anything is multiplied out."""
        data = self.layers.data
        counts = [data.get(name, Scenario.model_fields[name].default) for name in ("patients", "replicates")]
        sound = [count if isinstance(count, int | float) and not math.isnan(count) else 1 for count in counts]
        n_runs = n_points * math.prod(sound)
        largest = "patients" if sound[0] >= sound[1] else "replicates"
        if n_points > MOST_POINTS:
            hint = "leave out values of the grid, rows of the list, or samples"
            self._find(Finding(("sweep",), f"{n_points} points", f"at most {MOST_POINTS}", hint))
        elif n_runs > MOST_RUNS:
            found = f"{n_points} points x {sound[0]:g} patients x {sound[1]:g} replicates = {n_runs:g} runs"
            self._find(Finding((largest,), found, f"at most {MOST_RUNS:g} runs", f"lower {largest}"))
        return n_points > MOST_POINTS

    def _base(self) -> Layered:
        """Return what all variants start from."""
        variants = ("extends", "arm", "sweep")
        data = {name: value for name, value in self.layers.data.items() if name not in variants}
        origins = {path: o for path, o in self.layers.origins.items() if not path or path[0] not in variants}
        return Layered(data, origins)

    def _add(self, base: Layered, variant: _Variant) -> None:
        layers = base.copy()
        for setting in variant.settings:
            origin = self.layers.origin(setting.written)
            targets = layers.spread(setting.path)
            if not targets:
                expected = "the path of a value that is there (lists count from 0)"
                self._find(Finding(setting.written, shown(setting.name), expected, at_key=True))
            for target in targets:
                layers.put(target, setting.value, origin)
        scenario, findings = validate(layers.data, self.catalog)
        self.problems.extend(layers.problem(finding) for finding in findings)
        if scenario is not None:
            label = variant.label or scenario.name
            names = {setting.name: None for setting in variant.settings}
            self.points.append(Point(len(self.points), label, names, scenario))

    def _state_values(self) -> None:
        """Give every point the value of every path that any point sets to a single value."""
        names = list(dict.fromkeys(name for point in self.points for name in point.values))
        plain = [point.scenario.plain() for point in self.points]
        table = {name: [_value_at(content, name) for content in plain] for name in names}
        single = {name: column for name, column in table.items() if not any(isinstance(v, dict | list) for v in column)}
        self.points = [
            Point(point.index, point.label, {name: column[i] for name, column in single.items()}, point.scenario)
            for i, point in enumerate(self.points)
        ]

    def _check_records(self) -> None:
        """Refuse a study whose courses and snapshots would fill a disk."""
        total = 0.0
        for point in self.points:
            size, scenario = estimate(point.scenario, self.catalog), point.scenario
            kept = (size.records_mb if scenario.output.courses else 0.0) + size.snapshots_mb
            total += kept * scenario.patients * scenario.replicates
        if total > MOST_RECORDED_MB:
            found = f"an estimate of {total:.3g} MB of courses and snapshots"
            hint = "set courses = false, or raise run.record_every_h"
            self._find(Finding(("output", "courses"), found, f"at most {MOST_RECORDED_MB:.3g} MB", hint))

    def _shape(self, model: type[BaseModel], value: Any, place: FieldPath) -> None:
        try:
            model.model_validate(value)
        except ValidationError as error:
            for finding in shape_findings(error, place):
                self._find(finding)

    def _find(self, finding: Finding) -> None:
        problem = self.layers.problem(finding)
        if problem not in self.problems[-2:]:
            self.problems.append(problem)


def _labelled(settings: tuple[_Setting, ...]) -> _Variant:
    return _Variant(", ".join(f"{s.name}={brief(s.value)}" for s in settings), settings)


def _value_at(content: Any, name: str) -> Any:
    """Return the value at a dotted name of plain content; of a list of tables the one value that all share."""
    path = split_path(name, ())
    values = [content]
    for key in path if not isinstance(path, Finding) else ():
        if isinstance(key, str):
            values = [value.get(key) for value in values if isinstance(value, dict)]
        else:
            items = [pair for value in values if isinstance(value, list) for pair in enumerate(value)]
            values = [item for i, item in items if key in (i, EACH)]
    distinct = {repr(value): value for value in values}
    if len(distinct) > 1:
        return ", ".join(brief(value) for value in distinct.values())
    return next(iter(distinct.values()), None)
