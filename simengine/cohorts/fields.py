"""One column of the table as fields of a scenario: reading a cell, and drawing what is not known."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.mapping import MappedField
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.parameters import Distribution
from simengine.foundation.positions import FieldPath
from simengine.foundation.random import purpose, uniform
from simengine.patients.draws import value_at
from simengine.scenario.sections import Section, number, words

__all__ = ["Category", "Fault", "FieldPlan", "MissingNumber", "Setting", "number_of"]

_PURPOSE = "cohort.missing"
_APART = re.compile(r"[;,\s]+")
Kind = Literal["number", "text", "names", "category"]


class MissingNumber(Section):
    """The distribution from which a missing number is drawn, in the unit of its column."""

    distribution: Distribution = words("Shape between `low` and `high`.", ...)
    value: float = number("Centre or peak.", ..., "1", -1e15, 1e15)
    low: float = number("Least value.", ..., "1", -1e15, 1e15)
    high: float = number("Greatest value.", ..., "1", -1e15, 1e15)


@dataclass(frozen=True)
class Setting:
    """A field of the scenario and its value; `written` is its place in the mapping file, None for one read in the table."""

    path: FieldPath
    value: Any
    written: FieldPath | None = None


Category = tuple[Setting, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a cell: what was found, what is allowed, and advice."""

    found: str
    expected: str
    hint: str = ""


@dataclass(frozen=True)
class FieldPlan:
    """What a column of the table does to a scenario.

    `kind` says how a cell is read; `path` is the field that a number or text sets; `categories` what each category sets.
    `unknown` is what stands for a missing cell: a distribution, probabilities by category, or a word.
    """

    spec: MappedField
    index: int
    kind: Kind
    path: FieldPath = ()
    categories: Table[str, Category] = field(default_factory=dict)
    unknown: MissingNumber | Table[str, float] | str = "refuse"

    @property
    def column(self) -> str:
        """The column of the table."""
        return self.spec.column

    def read(self, text: str) -> Category | Fault:
        """Return what a cell that is not empty sets, or what is wrong with it."""
        if self.kind == "category":
            name = matching(text, self.categories)
            if name is None:
                return Fault(shown(text), listed(self.categories), nearest(text, self.categories) or "add the category")
            return self.categories[name]
        if self.kind == "number":
            found = number_of(text)
            return found if isinstance(found, Fault) else self._number(found)
        value = [name for name in _APART.split(text) if name] if self.kind == "names" else text
        return (Setting(self.path, value),)

    def draw(self, key: NDArray[np.uint64]) -> Category:
        """Return what the field is taken to be in one replicate where the cell is empty; key from `make_key`."""
        if isinstance(self.unknown, str):
            return ()
        identity = np.uint64(int.from_bytes(hashlib.sha256(self.column.encode()).digest()[:8], "big"))
        u = float(uniform(key, identity, 0, purpose(_PURPOSE), 0))
        if isinstance(self.unknown, MissingNumber):
            return self._number(value_at(self.unknown, u))
        reached = 0.0
        names = [name for name, share in self.unknown.items() if share > 0.0]
        for name in names:
            reached += self.unknown[name]
            if u < reached:
                return self.categories[name]
        return self.categories[names[-1]]

    def _number(self, value: float) -> Category:
        return (Setting(self.path, self.spec.factor * value + self.spec.offset),)


def number_of(text: str) -> float | Fault:
    """Return the finite number that a cell holds, or what is wrong with it."""
    try:
        value = float(text.replace("_", "?"))
    except ValueError:
        hint = "write a decimal point" if re.fullmatch(r"[+-]?\d+,\d+", text) else ""
        return Fault(shown(text), "a number", hint)
    return value if math.isfinite(value) else Fault(shown(text), "a finite number")


def matching(text: str, names: Table[str, Any] | Sequence[str]) -> str | None:
    """Return the name that a cell means: the same text, or the same number (`1` and `1.0`); None when there is none."""
    if text in names:
        return text
    value = number_of(text)
    if isinstance(value, Fault):
        return None
    return next((name for name in names if number_of(name) == value), None)
