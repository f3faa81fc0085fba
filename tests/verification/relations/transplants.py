"""Small cohorts of transplanted patients for tests of relations: the same patients in every arm, on two threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from simengine.outcomes import evaluate
from simengine.scenario import Scenario, loads
from simengine.state.course import Course
from simengine.transplant import simulate
from simengine.transplant import state as s
from simengine.transplant.build import build
from simengine.transplant.step import COLUMNS, advance

TEXT = """
name = "relation"
patient.vary = "per_patient"
[transplant]
[output]
courses = false
"""
LARGEST_P = 1e-3
ALIVE = {"mechanisms__mortality": False}
"""Nobody dies, so that everybody is followed to the end."""


Changes = frozenset[tuple[str, Any]]


def asked(**changes: Any) -> Scenario:
    """Return the scenario of a transplantation, with values changed by dotted path, dots written as two underscores."""
    return loads(TEXT, overrides={name.replace("__", "."): value for name, value in changes.items()}).points[0].scenario


def each(n: int, of: Callable[[int], Any]) -> list[Any]:
    """Return what a function says of the patients 0 to n - 1, on two threads."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(of, range(n)))


@cache
def _rows(changes: Changes, n: int) -> list[dict[str, Any]]:
    scenario = asked(**dict(changes))
    return each(n, lambda patient: dict(evaluate(scenario, simulate(scenario, 1, patient)).row))


def rows(n: int, **changes: Any) -> list[dict[str, Any]]:
    """Return the outcomes of n patients."""
    return _rows(frozenset(changes.items()), n)


def of(name: str, n: int, **changes: Any) -> np.ndarray:
    """Return one outcome of n patients, float64[n]."""
    return np.array([float(row[name]) for row in rows(n, **changes)])


@cache
def _courses(changes: Changes, n: int) -> list[Course]:
    scenario = asked(**dict(changes))
    return each(n, lambda patient: simulate(scenario, 1, patient))


def courses(n: int, **changes: Any) -> list[Course]:
    """Return the courses of n patients."""
    return _courses(frozenset(changes.items()), n)


def peak(name: str, n: int, **changes: Any) -> np.ndarray:
    """Return the largest value of a column in each of n patients, float64[n]."""
    return np.array([float(np.max(course[name])) for course in courses(n, **changes)])


def damage(n: int, **changes: Any) -> np.ndarray:
    """Return the largest damage that graft-versus-host disease did to skin, gut and liver together, by day 100."""
    settings = {**ALIVE, "run__duration_days": 100, **changes}
    return peak("gvhd.skin", n, **settings) + peak("gvhd.gut", n, **settings) + peak("gvhd.liver", n, **settings)


def risk(n: int, **changes: Any) -> np.ndarray:
    """Return the logarithm of the cumulative hazard of death without relapse over a year, float64[n].

    Clocks of death are set so far that nobody dies: the hazard itself is compared, not whether it struck.
    """

    scenario = asked(run__duration_days=365, **changes)

    def one(patient: int) -> float:
        built = build(scenario, 1, patient, 0)
        built.patient.left[1 : s.LEFT_CHRONIC] = 1e9
        record = built.patient.record[: int(advance(built.patient))]
        names = [COLUMNS.index(f"hazard.{name}") for name in ("infection", "toxicity", "gvhd")]
        return float(np.log(record[:, names].sum()))

    return np.array(each(n, one))


def assert_rises(before: np.ndarray, after: np.ndarray) -> None:
    """The second values are higher in the mean of pairs: one-sided paired t test, p < 1e-3, effect not zero."""
    change = after - before
    assert np.all(np.isfinite(change))
    assert np.mean(change) > 0.0
    if np.std(change) > 0.0:
        assert stats.ttest_1samp(change, 0.0, alternative="greater").pvalue < LARGEST_P


def assert_more_often(before: np.ndarray, after: np.ndarray) -> None:
    """An event comes more often: of the pairs that differ nearly all are in this direction; exact sign test, p < 1e-3."""
    up, down = int(np.sum(after > before)), int(np.sum(after < before))
    assert up > down
    assert stats.binomtest(up, up + down, alternative="greater").pvalue < LARGEST_P, (up, down)
