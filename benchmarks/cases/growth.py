"""How cost grows with agents, voxels, fields, days and replicates: slopes on logarithmic axes, near 1 where proportional.

agents      1,800 to 950,000 at one density: patches of 10³ to 80³ voxels, filled; three hours less one and a half
voxels      10³ to 10⁷ in two patches, 1,000 given cells and those that live there; the same hours
fields      1 to all of the catalogue, in two patches of 20x20x5; six days less three
days        the demo's heart muscle patient, 4 to 32 days, half of it asleep
replicates  a short study on one thread, 4 to 32 patients, with everything that is written
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import simengine
from benchmarks.figures import Figure
from benchmarks.scenes import agents_in, difference, scenario_of
from benchmarks.setting import Setting
from benchmarks.timing import Spent, timed
from simengine.catalog import load_catalog
from simengine.engine import simulate
from simengine.scenario import load

SOURCE = "heart_benchmark"
ENOUGH_S = 5.0
FULL_DOSE = 757_000_000
LARGE = {"run.max_agents": 5_000_000, "run.memory_limit_mb": 20_000, "run.record_every_h": 1.5}
HOURS = (1.5, 3.0)
SHORT_STUDY = {"run.duration_days": 0.25, "patch.shape": [10, 10, 2]}


@dataclass(frozen=True)
class Point:
    """One size and what its repeats took, s."""

    size: float
    spent: list[Spent]

    @property
    def median(self) -> float:
        """The median of the CPU time."""
        return statistics.median(one.cpu for one in self.spent)


def slope(points: list[Point]) -> float:
    """Return the slope of log(CPU time) over log(size), by least squares.

    Raises
    ------
    ValueError
        With fewer than two sizes.
    """
    if len({point.size for point in points}) < 2:
        raise ValueError("a slope needs two sizes")
    sizes, seconds = (np.log([point.size for point in points]), np.log([point.median for point in points]))
    centred = sizes - sizes.mean()
    return float(centred @ seconds / (centred @ centred))


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield the time at every size, and the slope over all and over the upper half."""
    axes: dict[str, Callable[[], list[Point]]] = {
        "agents": lambda: [_filled(side) for side in setting.pick((10, 20, 40, 80), (10, 20))],
        "voxels": lambda: [_empty(side) for side in setting.pick((8, 17, 37, 79, 171), (8, 17, 37))],
        "fields": lambda: _fields(setting.pick(1, 4)),
        "days": lambda: [_days(days) for days in setting.pick((4, 8, 16, 32), (2, 4))],
        "replicates": lambda: [_replicates(n) for n in setting.pick((4, 8, 16, 32), (2, 4))],
    }
    simulate(scenario_of(SOURCE, {"run.duration_days": 0.25}), 1)
    for axis, points in axes.items():
        found = points()
        for point in found:
            cpu, wall = zip(*point.spent)
            yield Figure(f"growth, {axis} {point.size:,.0f}: simengine", "s", cpu, wall)
        yield Figure(f"growth with {axis}: slope", "1", [slope(found)])
        if len(found) > 3:
            yield Figure(f"growth with {axis}: slope of the upper half", "1", [slope(found[len(found) // 2 - 1 :])])


def _repeated(once: Callable[[], tuple[Spent, float]]) -> Iterator[tuple[Spent, float]]:
    """Yield what a call gives, five times or until a few seconds are spent, after one that does not count if it was short."""
    began = time.perf_counter()
    first = once()
    if time.perf_counter() - began > ENOUGH_S:
        yield first
        return
    for _ in range(5):
        yield once()
        if time.perf_counter() - began > ENOUGH_S:
            return


def _between(changes: Mapping[str, Any], days: tuple[float, float], size: float | None = None) -> Point:
    """Return what lies between two lengths of a run, by the agents in the longer one where no size is given."""
    short, long = (scenario_of(SOURCE, {**LARGE, **changes, "run.duration_days": day}) for day in days)

    def once() -> tuple[Spent, float]:
        spent, course = difference(short, long)
        return spent, agents_in(course)

    spent, agents = zip(*_repeated(once))
    return Point(agents[0] if size is None else size, list(spent))


def _filled(side: int) -> Point:
    return _between({"patch.shape": [side] * 3}, (HOURS[0] / 24, HOURS[1] / 24))


def _empty(side: int) -> Point:
    dose = FULL_DOSE * 1000.0 / (1.8 * side**3)
    changes = {"patch.shape": [side] * 3, "delivery.0.dose_cells": int(min(dose, FULL_DOSE))}
    return _between(changes, (HOURS[0] / 24, HOURS[1] / 24), 2.0 * side**3)


def _fields(apart: int) -> list[Point]:
    names = sorted(load_catalog().names("fields"))
    names.sort(key=lambda name: name != "oxygen")
    numbers = sorted({1, *range(apart, len(names) + 1, apart)})
    shape = {"patch.shape": [20, 20, 5]}
    return [_between(shape | {"site.fields": names[:n]}, (3.0, 6.0), n) for n in numbers]


def _days(days: float) -> Point:
    scenario = scenario_of(SOURCE, {"run.duration_days": days, "patch.shape": [12, 12, 5]})
    return Point(days, [spent for spent, _ in _repeated(lambda: (timed(simulate, scenario, 1)[0], days))])


def _replicates(n: int) -> Point:
    def once() -> tuple[Spent, float]:
        with TemporaryDirectory() as folder:
            _, wall = timed(simengine.run, load(SOURCE, SHORT_STUDY), replicates=n, jobs=1, out=Path(folder) / "out")[0]
        return Spent(wall, wall), n

    return Point(n, [spent for spent, _ in _repeated(once)])
