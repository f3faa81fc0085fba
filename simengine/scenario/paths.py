"""Paths into a scenario: what stands at `donor.match`, what may stand there, and how to say so."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding
from simengine.scenario.model import Scenario
from simengine.scenario.sections import PATTERNS
from simengine.scenario.study_file import StudyFile

STUDY_ONLY = (
    "schema_version",
    "name",
    "title",
    "description",
    "extends",
    "seed",
    "replicates",
    "patients",
    "precision",
    "arm",
    "sweep",
)
"""Fields of a whole study, which its arms and sweep share."""
FILE_ONLY = ("schema_version", "extends", "arm", "sweep")
"""Fields that only a file can state."""


MOST_HINTS = 200
"""Faults of one file for which the nearest right name is sought; it takes a millisecond each."""
EACH = -1
"""In a path: every element of a list."""


@dataclass(frozen=True)
class Slot:
    """What may stand at a path: a type, and its bounds."""

    annotation: Any
    metadata: tuple[Any, ...] = ()
    name: str = ""

    @property
    def model(self) -> type[BaseModel] | None:
        """The section that stands here, or None."""
        is_section = isinstance(self.annotation, type) and issubclass(self.annotation, BaseModel)
        return self.annotation if is_section else None

    def inner(self, key: str | int) -> Slot | None:
        """Return what may stand below, or None when nothing of that name may."""
        if self.model is not None:
            field = _fields(self.model).get(str(key)) if isinstance(key, str) else None
            return _slot(field.annotation, tuple(field.metadata), str(key)) if field else None
        items = get_args(self.annotation)
        origin = get_origin(self.annotation)
        if origin is dict and isinstance(key, str):
            return _slot(items[1], (), key)
        if origin not in (tuple, list) or isinstance(key, str):
            return None
        item = items[0] if origin is list or items[-1] is Ellipsis else items[key] if 0 <= key < len(items) else None
        return _slot(item, (), self.name) if item is not None else None

    def names(self) -> list[str]:
        """Return the names that may stand below, also those of the tables of a list."""
        items = get_args(self.annotation)
        model = self.model or (_slot(items[0], (), "").model if get_origin(self.annotation) is tuple else None)
        return list(_fields(model)) if model else []


@cache
def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _slot(annotation: Any, metadata: tuple[Any, ...], name: str) -> Slot:
    """Return the slot of an annotation without its `Annotated` and `| None` wrappings."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *extra = get_args(annotation)
            metadata = (*metadata, *(m for e in extra for m in (e.metadata if isinstance(e, FieldInfo) else [e])))
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(item for item in get_args(annotation) if item is not type(None))
        else:
            return Slot(annotation, metadata, name)


ROOT = Slot(StudyFile)


def slot_at(path: FieldPath, root: Slot = ROOT) -> Slot | None:
    """Return what may stand at a path, or None when the path leads nowhere."""
    slot: Slot | None = root
    for key in path:
        slot = slot.inner(key) if slot else None
    return slot


def expectation(path: FieldPath, root: Slot = ROOT) -> str:
    """Say in words what may stand at a path: `a number from 0 to 2`, `one of male, female`."""
    slot = slot_at(path, root)
    return _said(slot) if slot else "nothing here"


def _said(slot: Slot) -> str:
    kind, items = slot.annotation, get_args(slot.annotation)
    most = next((m.max_length for m in slot.metadata if isinstance(m, MaxLen)), None)
    if slot.model or get_origin(kind) is dict:
        least = next((m.min_length for m in slot.metadata if isinstance(m, MinLen)), None)
        few = f"{least} to {most}" if least else f"at most {most}"
        return f"a table of {few} values" if most else "a table"
    if get_origin(kind) is Literal:
        return listed(shown(item) for item in items)
    if get_origin(kind) in (tuple, list):
        item = _slot(items[0], (), slot.name)
        if item.model:
            return f"at most {most} tables, each headed [[{slot.name}]]"
        fixed = get_origin(kind) is tuple and items[-1] is not Ellipsis
        count = f"{len(items)} values" if fixed else f"at most {most} values" if most else "at least one value"
        return f"a list of {count}" if item.annotation is Any else f"a list of {count}, each {_said(item)}"
    plain = {bool: "true or false", float: "a number", int: "a whole number", str: "text"}
    return f"{plain.get(kind, 'a value')}{_bounds(slot)}"


def _bounds(slot: Slot) -> str:
    low = next((m.ge for m in slot.metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in slot.metadata if isinstance(m, Le)), None)
    pattern = next((m.pattern for m in slot.metadata if getattr(m, "pattern", None)), None)
    said = "".join(f" {word} {bound:g}" for word, bound in (("from", low), ("to", high)) if bound is not None)
    return f"{said} {PATTERNS[pattern]}" if pattern else said


def covers(later: FieldPath, earlier: FieldPath) -> bool:
    """Whether setting `later` undoes what was set at `earlier`: the same place, or one that holds it."""
    pairs = zip(later, earlier)
    return len(later) <= len(earlier) and all(key in (other, EACH) for key, other in pairs)


def split_path(text: str, refused: tuple[str, ...], hints: bool = True) -> FieldPath | Finding:
    """Return the path that a dotted text names in a scenario, or the finding that it names none.

    Numbers index lists (`delivery.0.day`); without one, each element is meant (`delivery.day`). All that follows
    `parameters.` is one name. `refused` lists top-level fields that may not be set here;
    without `hints` no nearest name is sought.
    """
    path: FieldPath = ()
    slot, words = ROOT, text.split(".")
    if words[0] in refused:
        hint = f"{words[0]} holds for the whole study"
        return Finding((), shown(text), "a field that may be set here", hint, at_key=True)
    while words:
        if get_origin(slot.annotation) is dict and not _slot(get_args(slot.annotation)[1], (), "").model:
            return (*path, ".".join(words))
        if get_origin(slot.annotation) in (tuple, list):
            is_index = words[0].isascii() and words[0].isdigit() and len(words[0]) < 9
            key: str | int = int(words.pop(0)) if is_index else EACH
        else:
            key = words.pop(0)
        inner = slot.inner(key)
        if inner is None or (key == EACH and not inner.model):
            names = [name for name in slot.names() if path or name not in refused]
            known = [".".join((*(str(key) for key in path if key != EACH), name)) for name in names]
            expected = listed(known) if known else "a path of the scenario"
            return Finding((), shown(text), expected, nearest(text, _every()) if hints else "", at_key=True)
        path, slot = (*path, key), inner
    return path


@cache
def _every() -> tuple[str, ...]:
    """Return every dotted path of a scalar or list of the scenario, for suggestions."""
    names = {name: (slot_at((name,)) or ROOT).names() for name in Scenario.model_fields}
    return tuple(f"{name}.{inner}" if inner else name for name, inners in names.items() for inner in inners or [""])


def flattened(tree: Mapping[str, Any], path: FieldPath = ()) -> Iterator[tuple[str, Any, FieldPath]]:
    """Yield (dotted name, value, path as written) of every value of nested tables; an inner table is never a value."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            for inner, item, written in flattened(value, (*path, name)):
                yield f"{name}.{inner}", item, written
        else:
            yield name, value, (*path, name)
