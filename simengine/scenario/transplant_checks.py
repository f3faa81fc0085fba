"""Checks of a transplantation: names of the right folder and use, one patient and donor that go together, nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator

from simengine.catalog import Catalog
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Check, Finding, known, told
from simengine.scenario.model import BESIDE_TRANSPLANT, Run, Scenario

__all__ = ["CHECKS_OF_TRANSPLANTS"]

_DAY_H = 24.0
_SAID_BY = {
    "site": "[transplant] says what is ill",
    "product": "[transplant] says what is given",
    "delivery": "[transplant] gives the graft on day 0",
    "drug": "the regimens of [transplant] say which drugs are given",
    "rule": "rules hold for the tissue, which a transplantation does not follow",
    "patch": "a transplantation follows the body alone",
    "clocks": "a transplantation goes day by day",
}
"""Why each section has no place beside `[transplant]`."""
_FOLDERS = {"disease": "diseases", "graft": "grafts", "depletion": "depletions"}
_USES = ("conditioning", "prophylaxis", "serotherapy", "second_line")


def _check_alone(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.transplant is not None:
        for name in BESIDE_TRANSPLANT:
            if name in scenario.model_fields_set:
                expected = f"no such section beside [transplant]: {_SAID_BY[name]}"
                yield Finding((name,), f"a section [{name}]", expected, "leave it out", at_key=True)


def _of_folder(field: str) -> Check:
    """Return the check that a field names an entry of its folder."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        if scenario.transplant is not None:
            name = getattr(scenario.transplant, field)
            yield from known(("transplant", field), name, catalog.names(_FOLDERS[field]))

    return check


def _of_use(use: str) -> Check:
    """Return the check that a field names a regimen of its use."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        if scenario.transplant is None:
            return
        name, path = getattr(scenario.transplant, use), ("transplant", use)
        regimen = catalog.entries["regimens"].get(name)
        fitting = [other for other, entry in catalog.entries["regimens"].items() if entry.facts["use"] == use]
        if regimen is None:
            yield from known(path, name, fitting)
        elif name not in fitting:
            found = f"{shown(name)}, which is a regimen of {shown(regimen.facts['use'])}"
            yield Finding(path, found, listed(fitting), nearest(name, fitting))

    return check


def _check_units(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    transplant = scenario.transplant
    if transplant is not None and transplant.units > 1:
        entry = catalog.entries["grafts"].get(transplant.graft)
        if entry and not entry.facts.get("several_units", False):
            fitting = [name for name, graft in catalog.entries["grafts"].items() if graft.facts.get("several_units", False)]
            expected = f"1 with graft {transplant.graft}; two units are given of {listed(fitting)} only"
            yield Finding(("transplant", "units"), told(transplant.units), expected)


def _check_own_graft(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    transplant = scenario.transplant
    if transplant is None or scenario.donor.relation != "autologous":
        return
    entry = catalog.entries["grafts"].get(transplant.graft)
    if entry and not entry.facts.get("autologous_possible", True):
        expected = f"another donor, as {entry.name} of the patient's own birth is not modelled"
        yield Finding(("donor", "relation"), '"autologous"', expected)


def _check_species(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.transplant is None:
        return
    if scenario.patient.species != "human" and scenario.patient.species in catalog.names("species"):
        yield Finding(("patient", "species"), shown(scenario.patient.species), '"human", as [transplant] is of people only')


def _check_relation(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.transplant is not None and scenario.donor.relation == "xenogeneic":
        yield Finding(("donor", "relation"), '"xenogeneic"', "a human donor, as [transplant] is of people only")


def _check_mode(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.transplant is not None and scenario.run.mode == "patch":
        yield Finding(("run", "mode"), '"patch"', '"body" or "auto", as a transplantation has no tissue')


def _check_daily(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    """The default interval of six hours stands for a day."""
    hours, default = scenario.run.record_every_h, Run().record_every_h
    if scenario.transplant is not None and hours < _DAY_H and hours != default:
        expected = f"{_DAY_H:g} h or more, as a transplantation goes day by day"
        yield Finding(("run", "record_every_h"), told(hours), expected, "leave it out")


def _check_duration(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.transplant is not None and scenario.run.duration_days < 1.0:
        expected = "1 day or more, as a transplantation goes day by day"
        yield Finding(("run", "duration_days"), told(scenario.run.duration_days), expected)


def _check_snapshots(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    path: FieldPath = ("output", "snapshot_days")
    if scenario.transplant is not None and scenario.output.snapshot_days:
        yield Finding(path, "snapshots", "none, as a transplantation has no tissue", "leave it out")


CHECKS_OF_TRANSPLANTS: tuple[Check, ...] = (
    _check_alone,
    *(_of_folder(field) for field in _FOLDERS),
    *(_of_use(use) for use in _USES),
    _check_units,
    _check_own_graft,
    _check_species,
    _check_relation,
    _check_mode,
    _check_daily,
    _check_duration,
    _check_snapshots,
)
