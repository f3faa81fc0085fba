"""Checks of when an arm has runs enough."""

from __future__ import annotations

from collections.abc import Iterator

from simengine.catalog import Catalog
from simengine.scenario.findings import Check, Finding, told
from simengine.scenario.model import Scenario

__all__ = ["CHECKS_OF_PRECISION"]


def _check_at_least(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    precision, patients, replicates = scenario.precision, scenario.patients, scenario.replicates
    most, unit = (patients, "patients") if patients > 1 else (replicates, "replicates of the one patient")
    if precision is not None and precision.at_least > most:
        yield Finding(("precision", "at_least"), told(precision.at_least), f"at most the {unit} ({most})")


CHECKS_OF_PRECISION: tuple[Check, ...] = (_check_at_least,)
