"""Where every number of a run comes from: the scenario, else the catalogue; the patient's own where it is drawn."""

from __future__ import annotations

from collections.abc import Mapping

from simengine.catalog import Catalog
from simengine.patients.draws import Dice

__all__ = ["Numbers"]


class Numbers:
    """Looks up parameters by path: the scenario's value, else the catalogue's; with dice, the patient's own.

    Parameters
    ----------
    catalog : Catalog
    given : mapping from path to number
        The scenario's ``[parameters]``.
    """

    def __init__(self, catalog: Catalog, given: Mapping[str, float]) -> None:
        self._catalog = catalog
        self._given = given

    def __call__(self, kind: str, entry: str, name: str) -> float:
        """Return the number ``name`` of an entry."""
        path = f"{entry}.{name}" if kind == "mechanisms" else f"{kind}.{entry}.{name}"
        if path in self._given:
            return self._given[path]
        return self._catalog.entry(kind, entry).value(name)

    def has(self, kind: str, entry: str, name: str) -> bool:
        """Tell whether an entry states this number."""
        return name in self._catalog.entry(kind, entry).parameters

    def own(self, kind: str, entry: str, name: str, dice: Dice) -> float:
        """Return the patient's own value: drawn from the stated distribution unless the scenario sets it."""
        path = f"{entry}.{name}" if kind == "mechanisms" else f"{kind}.{entry}.{name}"
        if path in self._given:
            return self._given[path]
        return dice.draw(path, self._catalog.entry(kind, entry).parameters[name])
