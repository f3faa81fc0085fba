"""Memory: bytes per agent and per voxel, the largest memory of a sweep, and ten million voxels with a million agents.

Bytes are those of a world's arrays that have a place for each agent, or for each voxel, in the benchmark patient. The large
scene is that patient in two patches of 171³ voxels and runs alone in a process: three simulated hours, its time by steps of
motion from what follows the first half (left out of a quick run).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.alone import alone
from benchmarks.cases.growth import FULL_DOSE, HOURS, LARGE, SOURCE
from benchmarks.figures import Figure
from benchmarks.scenes import scenario_of
from benchmarks.setting import Setting
from simengine.engine.build import build
from simengine.scenario import Scenario
from simengine.state.arrays import arrays_of

GOAL_BYTES_PER_AGENT, GOAL_LARGE_MB = 300.0, 8000.0
WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small process that starts another: a child counts the memory of its parent at the start as its own."""
LARGE_SIDE, LARGE_AGENTS = 171, 1_000_000


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield bytes per agent and voxel, MB of a sweep, and s per step and MB of the large scene."""
    scenario = scenario_of(SOURCE)
    agents, voxels = bytes_each(scenario)
    yield Figure("memory: an agent", "bytes", [agents], goal=GOAL_BYTES_PER_AGENT)
    fields = len(scenario.site.fields or ())
    yield Figure("memory: a voxel", "bytes", [voxels], about={"fields": fields})
    yield Figure("memory: a sweep on two threads", "MB", [_sweep_mb(setting.pick(4, 1))])
    if not setting.is_quick:
        yield from _large()


def bytes_each(scenario: Scenario) -> tuple[float, float]:
    """Return what one more agent and one more voxel take in the arrays of a world."""
    world = build(scenario, 1, 0, 0).world
    capacity, voxels = world.cells.uid.shape[0], world.tissue[0].size
    arrays = arrays_of(world)
    of_agents = sum(a.nbytes for a in arrays.values() if a.shape and a.shape[-1] == capacity)
    of_voxels = sum(a.nbytes for name, a in arrays.items() if name.startswith(("fields.", "tissue")))
    return of_agents / capacity, of_voxels / voxels


def _sweep_mb(replicates: int) -> float:
    """Return the largest memory of a process that runs the demo study."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "simengine", "sweep", "heart_infarct_demo", "--replicates", str(replicates), "--jobs", "2"]
        command = [sys.executable, "-c", WATCH, sys.executable, *words, "--quiet", "--out", f"{folder}/out"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout) / 1024.0


def _large() -> Iterator[Figure]:
    living = 2 * LARGE_SIDE**3 // 40
    dose = int(FULL_DOSE * (LARGE_AGENTS - living) / (1.8 * LARGE_SIDE**3))
    shape = {"patch.shape": [LARGE_SIDE] * 3, "delivery.0.dose_cells": dose}
    short, long = ({**LARGE, **shape, "run.duration_days": hours / 24} for hours in HOURS)
    found = alone(SOURCE, [{"run.duration_days": 0.25}, short, long])
    steps = (HOURS[1] - HOURS[0]) * 60.0 / scenario_of(SOURCE).clocks.motion_min
    about = {"agents": found.agents[-1], "voxels": 2 * LARGE_SIDE**3, "run_s": found.spent[-1].cpu}
    step = (found.spent[2].cpu - found.spent[1].cpu) / steps
    yield Figure("ten million voxels, a million agents: simengine", "s per step of motion", [step], about=about)
    yield Figure("ten million voxels, a million agents, memory", "MB", [found.largest_mb], goal=GOAL_LARGE_MB, about=about)
