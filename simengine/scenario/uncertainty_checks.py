"""Checks of what is drawn from its stated uncertainty."""

from __future__ import annotations

from collections.abc import Iterator

from simengine.catalog import Catalog
from simengine.foundation.errors import nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Check, Finding, told
from simengine.scenario.model import Scenario

__all__ = ["CHECKS_OF_UNCERTAINTY", "is_within"]


def is_within(path: str, group: str) -> bool:
    """Whether a parameter is one of a group: the group is its path, or the beginning of it up to a dot."""
    return path == group or path.startswith(f"{group}.")


def _check_names(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    names = scenario.uncertainty.parameters
    for i, name in enumerate(names):
        place: FieldPath = ("uncertainty", "parameters", i)
        if name in catalog.parameters and name not in catalog.uncertain:
            fixed = catalog.parameters[name].distribution == "fixed"
            why = "it is stated as fixed" if fixed else "its spread is that between patients: see patient.vary"
            yield Finding(place, shown(name), "a parameter with a distribution of its own", why)
        elif not any(is_within(path, name) for path in catalog.uncertain):
            expected = "a parameter of the catalogue, or the beginning of the path of some"
            yield Finding(place, shown(name), expected, nearest(name, catalog.uncertain))
        if name in names[:i]:
            yield Finding(place, f"{shown(name)} again", "each once")


def _check_not_stated(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    for i, name in enumerate(scenario.uncertainty.parameters):
        if name in scenario.parameters:
            found = f"{shown(name)}, which [parameters] sets"
            yield Finding(("uncertainty", "parameters", i), found, "either a stated value or a drawn one")


def _check_draws(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    uncertainty, replicates = scenario.uncertainty, scenario.replicates
    if uncertainty.knowledge == "per_draw" and uncertainty.draws > replicates:
        expected = f"at most the replicates of each patient ({replicates})"
        yield Finding(("uncertainty", "draws"), told(uncertainty.draws), expected)


CHECKS_OF_UNCERTAINTY: tuple[Check, ...] = (_check_names, _check_not_stated, _check_draws)
