"""Whole patients on one thread: the demo's heart muscle patient and the dense benchmark patient, 30 days each.

With them, in the record: mean agents, steps of every clock, field solves and multigrid cycles, hours asleep. Then 1,000 short
patients (half a day of the demo, 40 a quick run) one after the other, with nothing written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.scenes import scenario_of
from benchmarks.setting import Setting
from benchmarks.timing import timed
from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.scenario import Scenario

CASES = (("demo patient", "heart_infarct_demo", 4, 0.8), ("benchmark patient", "heart_benchmark", 0, 2.0))
DAYS = 30


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield CPU s of a patient of each kind, and ms of a short one."""
    days = setting.pick(DAYS, 2)
    for title, name, point, goal in CASES:
        scenario = scenario_of(name, {"run.duration_days": days, "output.snapshot_days": []}, point)
        simulate(scenario, 1)
        found = [timed(simulate, scenario, 1) for _ in range(setting.pick(min(setting.repeats, 5), 1))]
        cpu, wall = zip(*(spent for spent, _ in found))
        aim = goal if days == DAYS else None
        yield Figure(f"{title}, {days} days: simengine", "s", cpu, wall, goal=aim, about=_work(scenario, found[0][1]))
    patients = setting.pick(1000, 40)
    short = scenario_of("heart_infarct_demo", {"run.duration_days": 0.5, "output.snapshot_days": []}, CASES[0][2])
    spent, _ = timed(lambda: [simulate(short, 1, patient) for patient in range(patients)])
    yield Figure(f"{patients:,} short patients: simengine", "ms per patient", [spent.cpu / patients * 1e3])


def _work(scenario: Scenario, course: Any) -> dict[str, float]:
    """Return what a patient's course consisted of."""
    own = [f"{patch}.agents.{kind}" for patch in course.patches for kind in course.product_types]
    awake = sum(float(course[f"{patch}.awake_h"][-1]) for patch in course.patches)
    hours = float(course.hours[-1]) * len(course.patches)
    return {
        "agents_mean": float(evaluate(scenario, course).row["n_agents_mean"]),
        "product_cells_mean": float(np.mean(course.total(own))),
        "walks": awake * 60.0 / scenario.clocks.motion_min,
        "walks_skipped": (hours - awake) * 60.0 / scenario.clocks.motion_min,
        "field_solves": course.statistics["field_solves"],
        "cycles_per_solve": course.statistics["field_cycles"] / max(course.statistics["field_solves"], 1.0),
    }
