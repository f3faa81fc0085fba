"""Where every number of a run comes from: the scenario, else the catalogue, times what traits make of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simengine.catalog import Catalog
from simengine.catalog.records import TRAITS
from simengine.foundation.parameters import Parameter
from simengine.patients.draws import Dice

__all__ = ["Numbers"]


class Numbers:
    """Looks up parameters by path: the scenario's value, else the catalogue's; with dice, the patient's own.

    Parameters
    ----------
    catalog : Catalog
    given : mapping from path to number
        The scenario's ``[parameters]``: numbers of a typical patient.
    multipliers : mapping from path to number
        What traits multiply a number by, 1 where it is absent.
    """

    def __init__(
        self, catalog: Catalog, given: Mapping[str, float], multipliers: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self.catalog = catalog
        self._given = given
        self._multipliers = multipliers

    def __call__(self, kind: str, entry: str, name: str) -> float:
        """Return the number ``name`` of an entry for this patient."""
        parameter = self._parameter(kind, entry, name)
        return self._times(_path(kind, entry, name), self.typical(kind, entry, name), parameter)

    def typical(self, kind: str, entry: str, name: str) -> float:
        """Return the number without what traits make of it: that of a typical patient, by which doses are chosen."""
        path = _path(kind, entry, name)
        return self._given[path] if path in self._given else self._parameter(kind, entry, name).value

    def has(self, kind: str, entry: str, name: str) -> bool:
        """Tell whether an entry states this number."""
        return name in self.catalog.entry(kind, entry).parameters

    def own(self, kind: str, entry: str, name: str, dice: Dice) -> float:
        """Return the patient's own value of a trait: drawn from the stated distribution unless the scenario sets it."""
        if (kind, name) not in TRAITS:
            raise LookupError(f"{kind} {name} is drawn for each patient and does not stand in simengine.catalog.records.TRAITS")
        path, parameter = _path(kind, entry, name), self._parameter(kind, entry, name)
        value = self._given[path] if path in self._given else dice.draw(path, parameter)
        return self._times(path, value, parameter)

    def _parameter(self, kind: str, entry: str, name: str) -> Parameter:
        found = self.catalog.entry(kind, entry)
        found.value(name)  # says which names there are
        return found.parameters[name]

    def _times(self, path: str, value: float, parameter: Parameter) -> float:
        """Return a number with the modifiers on it; a fraction stays one."""
        if path not in self._multipliers:
            return value
        changed = value * self._multipliers[path]
        return min(1.0, changed) if parameter.unit == "fraction" else changed


def _path(kind: str, entry: str, name: str) -> str:
    return f"{entry}.{name}" if kind == "mechanisms" else f"{kind}.{entry}.{name}"
