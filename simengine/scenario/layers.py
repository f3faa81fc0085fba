"""Values with their origin: documents laid over one another, each value remembering the file and place that set it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from simengine.foundation.documents import Document
from simengine.foundation.errors import Problem, dotted
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding
from simengine.scenario.paths import EACH, flattened

_FLAT = (("parameters",), ("sweep", "grid"))
"""Tables whose keys are dotted names, so that `"a.b" = 1` and `a.b = 1` are the same."""


class Source(Protocol):
    """Something written that knows its places: a document, or the command line."""

    @property
    def file(self) -> str:
        """The name shown in messages."""

    def position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column) of the value at a path."""

    def key_position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column) of the key of a path."""


@dataclass(frozen=True)
class Origin:
    """Where a value was set."""

    source: Source
    path: FieldPath


class Layered:
    """Merged values and where each came from. Later layers win; tables merge, lists and all other values replace."""

    def __init__(self, data: dict[str, Any], origins: dict[FieldPath, Origin]) -> None:
        """Start from values and origins that nobody else changes."""
        self.data = data
        self.origins = origins

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Layered:
        """Return the documents merged in order."""
        layers = cls({}, {})
        for document in documents:
            layers.origins[()] = Origin(document, ())
            layers._lay(document, document.data, ())
        return layers

    def _lay(self, document: Document, tree: dict[str, Any], path: FieldPath) -> None:
        for key, value in tree.items():
            here: FieldPath = (*path, key)
            origin = Origin(document, here)
            if not isinstance(value, dict):
                self.put(here, value, origin)
                continue
            self.open(here, origin)
            if here in _FLAT:
                for name, item, written in flattened(value, here):
                    self.put((*here, name), item, Origin(document, written))
            else:
                self._lay(document, value, here)

    def copy(self) -> Layered:
        """Return layers that can be changed on their own."""
        return Layered(copy.deepcopy(self.data), dict(self.origins))

    def open(self, path: FieldPath, origin: Origin) -> None:
        """Make sure that a table stands at `path`; what it already holds stays."""
        target = self._parent(path, origin)
        if not isinstance(target.get(path[-1]), dict):
            self.put(path, {}, origin)
        self.origins[path] = origin

    def put(self, path: FieldPath, value: Any, origin: Origin) -> None:
        """Set one value; tables on the way are made, elements of lists must be there."""
        target = self._parent(path, origin)
        if isinstance(self._held(target, path[-1]), dict | list):
            for stale in [known for known in self.origins if known[: len(path)] == path]:
                del self.origins[stale]
        target[path[-1]] = copy.deepcopy(value)
        self.origins[path] = origin

    @staticmethod
    def _held(target: Any, key: str | int) -> Any:
        return target.get(key) if isinstance(key, str) else target[key]

    def _parent(self, path: FieldPath, origin: Origin) -> Any:
        target: Any = self.data
        for i, key in enumerate(path[:-1]):
            if isinstance(key, str) and not isinstance(target.get(key), dict | list):
                target[key] = {}
                self.origins[path[: i + 1]] = origin
            target = target[key]
        return target

    def spread(self, path: FieldPath) -> list[FieldPath]:
        """Return the paths that `path` stands for: one for each element where it says so; none if absent."""
        found: list[tuple[FieldPath, Any]] = [((), self.data)]
        for key in path:
            found = [((*at, *step), inner) for at, value in found for step, inner in _steps(value, key)]
        return [at for at, _ in found]

    def problem(self, finding: Finding) -> Problem:
        """Return the problem of a finding, at the place in the file that set the value."""
        origin = self.origin(finding.path)
        find = origin.source.key_position if finding.at_key else origin.source.position
        name = dotted(finding.path)
        return Problem(origin.source.file, *find(origin.path), name, finding.found, finding.expected, finding.hint)

    def origin(self, path: FieldPath) -> Origin:
        """Return where the value at `path` was set, or the nearest table or list that would hold it."""
        length = next(n for n in range(len(path), -1, -1) if path[:n] in self.origins)
        origin = self.origins[path[:length]]
        return Origin(origin.source, (*origin.path, *path[length:]))


def _steps(value: Any, key: str | int) -> list[tuple[FieldPath, Any]]:
    """Return the steps from a value by a key, each with what is found there (None where nothing is yet)."""
    if isinstance(key, str):
        return [((key,), (value or {}).get(key))] if isinstance(value, dict | None) else []
    items = list(enumerate(value)) if isinstance(value, list) else []
    return [((i,), item) for i, item in items if key in (i, EACH)]
