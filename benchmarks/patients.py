"""CPU time of whole patients: the default demo patient and the dense benchmark patient, in one run with a calibration loop.

    python benchmarks/patients.py [--repeats 3] [--json FILE]

Prints CPU seconds and their ratio to a fixed loop of own arithmetic in the same process, so that machines and loads can
be compared; with them mean agents, steps of every clock, field solves and multigrid cycles, hours asleep, and bytes per
agent. Targets: demo patient 1.5 s, benchmark patient 4 s, 400 bytes per agent.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from simengine.engine import simulate
from simengine.engine.build import build
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.outcomes import evaluate
from simengine.scenario import Scenario, load
from simengine.state.arrays import arrays_of

CASES = (("demo patient (iPSC-CM, 0/8)", "heart_infarct_demo", 4, 1.5), ("benchmark patient", "heart_benchmark", 0, 4.0))


@kernel
def calibration(n):
    """Return a sum of ``n`` own exponentials: about ten nanoseconds each."""
    total = 0.0
    for i in range(n):
        total += exp(-1e-7 * i)
    return total


def cpu(function: Any, *arguments: Any) -> tuple[float, Any]:
    """Return the CPU seconds of a call in this thread, and its result."""
    began = time.thread_time()
    result = function(*arguments)
    return time.thread_time() - began, result


def bytes_per_agent(scenario: Scenario) -> float:
    """Return what one more agent takes in memory: arrays with one column per agent."""
    world = build(scenario, 1, 0, 0).world
    capacity = world.cells.uid.shape[0]
    columns = [a for a in arrays_of(world).values() if a.shape and a.shape[-1] == capacity]
    return sum(a.nbytes for a in columns) / capacity


def own_agents(course: Any) -> list[str]:
    """Return the columns that count the agents of the product."""
    return [f"{patch}.agents.{kind}" for patch in course.patches for kind in course.product_types]


def measure(name: str, point: int, repeats: int) -> dict[str, float]:
    """Return the figures of one scenario."""
    scenario = load(name).points[point].scenario
    simulate(scenario, 1)
    seconds, ratios, course = [], [], None
    for _ in range(repeats):
        loop, _ = cpu(calibration, 20_000_000)
        spent, course = cpu(simulate, scenario, 1)
        seconds.append(spent)
        ratios.append(spent / loop)
    assert course is not None
    row = evaluate(scenario, course).row
    hours = float(course.hours[-1])
    awake = sum(float(course[f"{patch}.awake_h"][-1]) for patch in course.patches)
    return {
        "cpu_s_min": min(seconds),
        "cpu_s_median": statistics.median(seconds),
        "ratio_to_calibration": min(ratios),
        "agents_mean": float(row["n_agents_mean"]),
        "product_cells_mean": float(np.mean(course.total(own_agents(course)))),
        "walks": awake * 60.0 / scenario.clocks.motion_min,
        "walks_skipped": (hours * len(course.patches) - awake) * 60.0 / scenario.clocks.motion_min,
        "field_solves": course.statistics["field_solves"],
        "cycles_per_solve": course.statistics["field_cycles"] / max(course.statistics["field_solves"], 1.0),
        "bytes_per_agent": bytes_per_agent(scenario),
    }


def main() -> int:
    """Measure all cases and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    calibration(1000)
    found = {}
    for title, name, point, goal in CASES:
        found[title] = measure(name, point, options.repeats) | {"goal_s": goal}
        print(title)
        for key, value in found[title].items():
            print(f"  {key:22s} {value:12.4g}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
