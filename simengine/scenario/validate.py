"""From merged values to a scenario: shapes and bounds first, then meaning, then size; all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from simengine.catalog import Catalog
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.checks import Unsound, findings
from simengine.scenario.limits import size_findings
from simengine.scenario.model import Scenario
from simengine.scenario.paths import ROOT, Finding, Slot, expectation, slot_at


def validate(data: Mapping[str, Any], catalog: Catalog) -> tuple[Scenario | None, list[Finding]]:
    """Return the scenario that plain values describe, or None, and every finding against them."""
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        found = shape_findings(error)
        draft = Draft(ROOT, data, frozenset(finding.path for finding in found), ())
        return None, [*found, *findings(cast(Scenario, draft), catalog)]
    found = findings(scenario, catalog)
    found = found or size_findings(scenario, catalog)
    return (None if found else scenario), found


def shape_findings(error: ValidationError, under: FieldPath = ()) -> list[Finding]:
    """Return the findings of a validation error; `under` is the path of the validated part within the file."""
    found = []
    for fault in error.errors(include_url=False, include_context=False):
        path: FieldPath = (*under, *fault["loc"])
        if fault["type"] == "extra_forbidden":
            names = (slot_at(path[:-1]) or ROOT).names()
            found.append(Finding(path, "an unknown key", listed(names), nearest(path[-1], names), at_key=True))
        elif fault["type"] == "missing" and isinstance(path[-1], str):
            found.append(Finding(path, "nothing", expectation(path)))
        elif fault["type"] == "missing":
            found.append(Finding(path[:-1], shown(fault["input"]), expectation(path[:-1])))
        else:
            found.append(Finding(path, shown(fault["input"]), expectation(path)))
    return list(dict.fromkeys(found))


class Draft:
    """A scenario of which parts are invalid, read by attributes like the real one.

    An invalid part raises `Unsound`; an invalid value of a mapping reads as None.
    """

    def __init__(self, slot: Slot, data: Mapping[str, Any], invalid: frozenset[FieldPath], path: FieldPath) -> None:
        """Stand for the section `slot` with the values `data` at `path`; `invalid` are paths of the whole scenario."""
        self._slot, self._data, self._invalid, self._path = slot, data, invalid, path

    def __getattr__(self, name: str) -> Any:
        """Return the value of a field, or its default."""
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
        if isinstance(value, dict):
            return {key: None if (*path, key) in self._invalid else item for key, item in value.items()}
        element = slot.inner(0)
        if element is not None and element.model:
            return [Draft(element, item, self._invalid, (*path, i)) for i, item in enumerate(value)]
        if any(invalid[: len(path)] == path for invalid in self._invalid):
            raise Unsound(name)
        return value
