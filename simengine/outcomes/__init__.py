"""Meaning: a row of outcomes as a function of the recorded course. One file each; each declares what it adds.

An outcome module has ``COLUMNS`` (name -> title, unit, description) and ``measure(facts) -> dict`` of exactly these
names. Modules are found by name in ``MODULES``; a test compares them with the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import load_catalog
from simengine.outcomes.facts import Column, Facts
from simengine.outcomes.ledger import close_ledger
from simengine.outcomes.observation import observe
from simengine.patients.draws import Dice
from simengine.patients.modifiers import numbers_of
from simengine.patients.population import TRAIT, as_met
from simengine.scenario import Scenario
from simengine.state.course import Course

__all__ = ["MODULES", "RunResult", "descriptions", "evaluate"]

MODULES = (
    "retention",
    "biodistribution",
    "graft",
    "heart",
    "striatum",
    "fistula",
    "immunity",
    "safety",
    "teratoma",
    "cost",
    "pair",
)
"""Outcome modules, in the order of their columns."""


@dataclass(frozen=True)
class RunResult:
    """One replicate: its row of outcomes, its courses on the time axis ``time_h``, its events and snapshots."""

    row: Mapping[str, float | int | str]
    courses: Mapping[str, NDArray[np.float64]]
    events: tuple[tuple[float, str, str], ...]
    snapshots: Mapping[str, Mapping[str, NDArray[Any]]]


def descriptions() -> dict[str, Column]:
    """Return title, unit and meaning of every outcome, in column order."""
    found: dict[str, Column] = {}
    for name in MODULES:
        found |= import_module(f"simengine.outcomes.{name}").COLUMNS
    return found


def evaluate(scenario: Scenario, course: Course) -> RunResult:
    """Return the outcomes of a course; the traits that a population gave the patient are columns as well.

    Raises
    ------
    LedgerDoesNotClose
        If product cells are missing: a defect, never a result.

    Example
    -------
    >>> from simengine import engine, scenario
    >>> control = scenario.loads('name = "control"').points[0].scenario
    >>> result = evaluate(control, engine.simulate(control, seed=1))
    >>> result.row["dose_cells"]
    0.0
    """
    traits = {name: value for name, value in course.traits.items() if name.startswith(TRAIT)}
    scenario = as_met(scenario, {name.removeprefix(TRAIT): value for name, value in traits.items()}, load_catalog())
    numbers = numbers_of(scenario, load_catalog(), course.address)
    if course.status != "ok":
        row: dict[str, float | int | str] = {"status": course.status, "reason": course.reason}
        return RunResult(row, {"time_h": course.hours}, (), course.snapshots)
    ledger = close_ledger(course)
    observed = observe(scenario, course, ledger, numbers)
    dice = Dice(scenario.patient.vary, *course.address)
    facts = Facts(scenario, course, ledger, observed, numbers, dice)
    row = {"status": "ok", "reason": "", **traits}
    courses: dict[str, NDArray[np.float64]] = {"time_h": course.hours}
    for name in MODULES:
        module = import_module(f"simengine.outcomes.{name}")
        row |= module.measure(facts)
        courses |= module.courses(facts) if hasattr(module, "courses") else {}
    courses |= ledger | {f"observed.{name}": series for name, series in observed.items()}
    return RunResult(row, courses if scenario.output.courses else {"time_h": course.hours}, facts.events, course.snapshots)
