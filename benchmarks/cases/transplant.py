"""Transplant patients on one thread: building, 90 days or a year, outcomes; and a study with everything that is written.

Patients of `transplant_match_by_source` with everything drawn, one after the other. The study runs on two threads; its time and
disk a run say what 10,000 patients and a million take.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import simengine
from benchmarks.figures import Figure
from benchmarks.scenes import scenario_of
from benchmarks.setting import Setting
from benchmarks.timing import Spent, timed
from simengine.outcomes import evaluate
from simengine.scenario import Scenario, load
from simengine.transplant import simulate
from simengine.transplant.build import build
from simengine.transplant.step import advance

STUDY = "transplant_match_by_source"
BARE = {"output.courses": False, "output.events": False}
LENGTHS = {"90 days": (90, None), "a year": (365, 15.0)}


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield ms of CPU of a patient, all in and by part, and ms and bytes of a run of a study."""
    patients = setting.pick(400, 10)
    for title, (days, goal) in LENGTHS.items():
        scenario = scenario_of(STUDY, BARE | {"run.duration_days": days})
        evaluate(scenario, simulate(scenario, 1))
        repeats = [_mean_patient(scenario, patients) for _ in range(setting.pick(3, 1))]
        whole = [sum(parts.values()) for parts in repeats]
        about = {part: min(parts[part] for parts in repeats) for part in repeats[0]}
        yield Figure(f"transplant patient, {title}: simengine", "ms per patient", whole, goal=goal, about=about)
    yield from _study(setting.pick(4, 1))


def _mean_patient(scenario: Scenario, patients: int) -> dict[str, float]:
    """Return the mean CPU ms of building, advancing and evaluating one patient."""
    spent = {"build": 0.0, "advance": 0.0, "evaluate": 0.0}
    for patient in range(patients):
        took, built = timed(build, scenario, 1, patient, 0)
        spent["build"] += took.cpu
        spent["advance"] += timed(advance, built.patient)[0].cpu
        course = simulate(scenario, 1, patient)
        spent["evaluate"] += timed(evaluate, scenario, course)[0].cpu
    return {part: 1e3 * seconds / patients for part, seconds in spent.items()}


def _study(replicates: int) -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        took, results = timed(simengine.run, load(STUDY, BARE), replicates=replicates, jobs=2, out=out)
        n = len(results.table)
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    wall = Spent(took.wall, took.wall).per(n, 1e3).wall
    about = {"runs": n, "ten_thousand_min": wall * 10_000 / 60e3, "million_h": wall * 1e6 / 3600e3}
    yield Figure("transplant study on two threads, wall: simengine", "ms per patient", [wall], about=about)
    yield Figure("transplant study, on disk: simengine", "bytes per patient", [size / n])
