"""From merged values to a scenario: shapes and bounds first, then meaning, then size; all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from annotated_types import MaxLen
from pydantic import BaseModel, ValidationError

from simengine.catalog import Catalog
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.checks import findings
from simengine.scenario.findings import Finding, Unsound
from simengine.scenario.limits import size_findings
from simengine.scenario.model import Scenario
from simengine.scenario.paths import MOST_HINTS, ROOT, Slot, expectation, slot_at


def validate(data: Mapping[str, Any], catalog: Catalog) -> tuple[Scenario | None, list[Finding]]:
    """Return the scenario that plain values describe, or None, and every finding against them."""
    long = [Finding((name,), shown(data[name]), expectation((name,))) for name in data if is_too_long((name,), data[name])]
    data = {name: value for name, value in data.items() if not any(finding.path == (name,) for finding in long)}
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        long += shape_findings(error)
        scenario = None
    if long or scenario is None:
        draft = Draft(ROOT, data, frozenset(finding.path for finding in long), ())
        return None, [*long, *findings(cast(Scenario, draft), catalog)]
    found = findings(scenario, catalog) or size_findings(scenario, catalog)
    return (None if found else scenario), found


def is_too_long(path: FieldPath, value: Any) -> bool:
    """Whether a list or table has more members than allowed; asked first, since each member costs time."""
    slot = slot_at(path)
    most = next((m.max_length for m in slot.metadata if isinstance(m, MaxLen)), None) if slot else None
    return most is not None and isinstance(value, list | dict) and len(value) > most


def shape_findings(error: ValidationError, under: FieldPath = (), root: Slot = ROOT) -> list[Finding]:
    """Return the findings of a validation error; `under` is the path of the validated part within a file of form `root`."""
    found: list[Finding] = []
    for fault in error.errors(include_url=False, include_context=False):
        path: FieldPath = (*under, *fault["loc"])
        if fault["type"] == "extra_forbidden":
            names = (slot_at(path[:-1], root) or root).names()
            hint = nearest(path[-1], names) if len(found) < MOST_HINTS else ""
            found.append(Finding(path, "an unknown key", listed(names), hint, at_key=True))
        elif fault["type"] == "missing" and isinstance(path[-1], str):
            found.append(Finding(path, "nothing", expectation(path, root)))
        elif fault["type"] == "missing":
            found.append(Finding(path[:-1], shown(fault["input"]), expectation(path[:-1], root)))
        else:
            found.append(Finding(path, shown(fault["input"]), expectation(path, root)))
    return list(dict.fromkeys(found))


class Draft:
    """A scenario of which parts are invalid, read by attributes like the real one.

    An invalid part raises `Unsound`; an invalid value of a mapping reads as None.
    """

    def __init__(self, slot: Slot, data: Mapping[str, Any], invalid: frozenset[FieldPath], path: FieldPath) -> None:
        """Stand for the section `slot` with the values `data` at `path`; `invalid` are paths of the whole scenario."""
        self._slot, self._data, self._invalid, self._path = slot, data, invalid, path
        self._read: dict[str, Any] = {}

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that are written, valid or not."""
        return {name for name in self._slot.names() if name in self._data}

    def __getattr__(self, name: str) -> Any:
        """Return the value of a field, or its default."""
        if name not in self._read:
            self._read[name] = self._value(name)
        return self._read[name]

    def _value(self, name: str) -> Any:
        path = (*self._path, name)
        slot = self._slot.inner(name)
        if path in self._invalid or self._path in self._invalid or slot is None:
            raise Unsound(name)
        model = cast(type[BaseModel], self._slot.model)
        if name not in self._data:
            return model.model_fields[name].get_default(call_default_factory=True)
        value = self._data[name]
        if slot.model:
            return Draft(slot, value, self._invalid, path)
        element = slot.inner("")
        if isinstance(value, dict) and element is not None and element.model:
            return {key: Draft(element, item, self._invalid, (*path, key)) for key, item in value.items()}
        if isinstance(value, dict):
            return {key: None if (*path, key) in self._invalid else item for key, item in value.items()}
        if isinstance(value, list):
            element = slot.inner(0)
            if element is not None and element.model:
                return [Draft(element, item, self._invalid, (*path, i)) for i, item in enumerate(value)]
            if any((*path, i) in self._invalid for i in range(len(value))):
                raise Unsound(name)
        return value
