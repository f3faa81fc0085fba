"""Values set from outside the file: `--set donor.match=0/8`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simengine.foundation.errors import InputError, Problem, dotted, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding
from simengine.scenario.layers import Layered, Origin
from simengine.scenario.paths import FILE_ONLY, covers, flattened, split_path
from simengine.scenario.study_file import SAMPLED

SOURCE = "--set"


@dataclass(frozen=True)
class Typed:
    """The n-th value set from outside: `line` counts the options, columns count the characters of `path=value`."""

    line: int
    name: str
    value: Any
    file: str = SOURCE

    def position(self, path: FieldPath) -> tuple[int, int]:
        """Return the place of the value."""
        return self.line, len(self.name) + 2

    def key_position(self, path: FieldPath) -> tuple[int, int]:
        """Return the place of the path."""
        return self.line, 1

    def problem(self, name: str, found: str, expected: str, hint: str = "") -> Problem:
        """Return a problem placed at the path."""
        return Problem(self.file, self.line, 1, dotted([name]), found, expected, hint)


def parse_override(text: str) -> tuple[str, Any]:
    """Return (path, value) of `path=value`; the value is TOML when it reads as such, else plain text.

    Raises
    ------
    InputError
        When there is no path or no `=`; the place is `--set:1:column`.

    Example
    -------
    >>> parse_override("donor.match=0/8"), parse_override("delivery.0.dose_cells=2e6")
    (('donor.match', '0/8'), ('delivery.0.dose_cells', 2000000.0))
    """
    before, equals, value = text.partition("=")
    path = before.strip()
    if not equals or not path:
        column = len(text) + 1 if path else 1
        raise InputError([Problem(SOURCE, 1, column, dotted([path] if path else []), shown(text), "path=value")])
    return path, _value(value.strip())


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if list(parsed) == ["value"] else text


def apply_overrides(layers: Layered, overrides: Mapping[str, Any] | Sequence[str]) -> list[Problem]:
    """Set the values in the merged documents; return what is wrong with the paths.

    A path that an arm or the sweep sets as well is refused, because theirs would win unseen.
    """
    typed, problems = _typed(overrides)
    taken = _set_by_variants(layers) if typed else set()
    for item in typed:
        for name, value, _ in flattened({item.name: item.value}):
            path = split_path(name, FILE_ONLY)
            if isinstance(path, Finding):
                problems.append(item.problem(name, path.found, path.expected, path.hint))
                continue
            if any(covers(variant, path) for variant in taken):
                problems.append(item.problem(name, shown(value), "a path that no arm and no sweep of the file sets"))
            targets = layers.spread(path)
            if not targets or value == {}:
                found = shown(value if targets else name)
                problems.append(item.problem(name, found, "the path of a value that is there (lists count from 0)"))
                continue
            for target in targets:
                layers.put(target, value, Origin(item, target))
    return problems


def _typed(overrides: Mapping[str, Any] | Sequence[str]) -> tuple[list[Typed], list[Problem]]:
    if isinstance(overrides, Mapping):
        return [Typed(line, name, value) for line, (name, value) in enumerate(overrides.items(), 1)], []
    typed: list[Typed] = []
    problems: list[Problem] = []
    for line, text in enumerate(overrides, 1):
        try:
            typed.append(Typed(line, *parse_override(text)))
        except InputError as error:
            problems.extend(replace(problem, line=line) for problem in error.problems)
    return typed, problems


def _set_by_variants(layers: Layered) -> set[FieldPath]:
    """Return every path that an arm or the sweep sets."""
    arms, sweep = layers.data.get("arm", []), layers.data.get("sweep", {})
    sweep = sweep if isinstance(sweep, dict) else {}
    tables = [arm.get("set") for arm in arms if isinstance(arm, dict)] if isinstance(arms, list) else []
    rows = sweep.get("list", [])
    samples = [sweep.get(kind) for kind in SAMPLED]
    ranges = [dict.fromkeys(sample["ranges"]) for sample in samples if isinstance(sample, dict) and _has_ranges(sample)]
    tables += [*(rows if isinstance(rows, list) else []), sweep.get("grid"), *ranges]
    names = [name for table in tables if isinstance(table, dict) for name, _, _ in flattened(table)]
    paths = [split_path(name, (), hints=False) for name in names]
    return {path for path in paths if not isinstance(path, Finding)}


def _has_ranges(sample: dict[str, Any]) -> bool:
    return isinstance(sample.get("ranges"), dict)
