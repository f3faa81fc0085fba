"""Meaning: a row of outcomes as a function of the recorded course. One file each; each declares what it adds.

An outcome module has ``COLUMNS`` (name -> title, unit, description) and ``measure(facts) -> dict`` of exactly these
names. Modules are found by name in ``MODULES``, those of a blood-stem-cell transplantation in ``transplant.MODULES``; a test
compares both with the folders.
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
from simengine.outcomes.transplant import MODULES as OF_TRANSPLANTS
from simengine.outcomes.transplant.followed import Followed
from simengine.outcomes.transplant.record import courses_of, events_of
from simengine.patients.draws import Dice
from simengine.patients.modifiers import numbers_of
from simengine.patients.population import TRAIT, as_met
from simengine.scenario import Scenario
from simengine.state.course import Course

__all__ = ["MODULES", "RunResult", "descriptions", "evaluate", "is_transplant"]

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


def descriptions(scenario: Scenario | None = None) -> dict[str, Column]:
    """Return title, unit and meaning of every outcome, in column order; with a scenario, of those that its runs have."""
    modules = dict.fromkeys((*MODULES, *OF_TRANSPLANTS)) if scenario is None else _modules_of(scenario)
    found: dict[str, Column] = {}
    for name in modules:
        found |= import_module(f"simengine.outcomes.{name}").COLUMNS
    return found


def is_transplant(scenario: Scenario) -> bool:
    """Tell whether a scenario is a blood-stem-cell transplantation: it has a section ``[transplant]``."""
    return getattr(scenario, "transplant", None) is not None


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
    if is_transplant(scenario):
        return _of_transplant(scenario, course, traits)
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


def _modules_of(scenario: Scenario) -> tuple[str, ...]:
    return OF_TRANSPLANTS if is_transplant(scenario) else MODULES


def _of_transplant(scenario: Scenario, course: Course, traits: Mapping[str, float]) -> RunResult:
    """Return the outcomes of a transplantation: there is no product to account for, and blood is counted as it is."""
    row: dict[str, float | int | str] = {"status": course.status, "reason": course.reason}
    if course.status != "ok":
        return RunResult(row, {"time_h": course.hours}, (), course.snapshots)
    seen = Followed.of(scenario, course)
    row |= traits
    for name in OF_TRANSPLANTS:
        row |= import_module(f"simengine.outcomes.{name}").measure(seen)
    courses = courses_of(seen, scenario.run.record_every_h, scenario.run.duration_days)
    if not scenario.output.courses:
        courses = {"time_h": courses["time_h"]}
    return RunResult(row, courses, events_of(seen, row), course.snapshots)
