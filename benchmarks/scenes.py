"""Scenes: scenario files that state a work of the suite, run through the public door, and timed by differences.

What a step costs is the time of a longer run less that of a shorter one, over the steps between: building and
recording cancel out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.timing import Spent, timed
from simengine.engine import simulate
from simengine.scenario import Scenario, load
from simengine.state.course import Course

__all__ = ["SCENES", "agents_in", "difference", "scenario_of"]

SCENES = Path(__file__).parent / "scenes"


def scenario_of(source: Path | str, changes: Mapping[str, Any] | None = None, point: int = 0) -> Scenario:
    """Return a scenario of a file, or of a packaged study, under changes by path."""
    return load(source, dict(changes or {})).points[point].scenario


def agents_in(course: Course) -> float:
    """Return the mean number of agents of all kinds over the recorded times after the first, which is before any dose."""
    return float(course.total([name for name in course.columns if ".agents." in name])[1:].mean())


def difference(short: Scenario, long: Scenario) -> tuple[Spent, Course]:
    """Return the s by which the longer run takes longer, and its course.

    Raises
    ------
    RuntimeError
        When it does not end well.
    """
    less, _ = timed(simulate, short, 1)
    more, course = timed(simulate, long, 1)
    if course.status != "ok":
        raise RuntimeError(f"{long.name}: {course.status}, {course.reason}")
    return Spent(more.cpu - less.cpu, more.wall - less.wall), course
