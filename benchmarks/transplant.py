"""CPU time of transplant patients: building, a simulated year, outcomes, beside a loop of own arithmetic.

    python benchmarks/transplant.py [--patients 400] [--json FILE]

Patients of `transplant_match_by_source` with everything drawn, one after the other in one thread. Goal: 20 ms of CPU for
a year of a patient, all in; 15 ms is aimed at. With it the time that 10,000 patients and 10^6 patients take on two threads, if
those share nothing, and the bytes of a stored row.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from patients import calibration, cpu

from simengine.outcomes import evaluate
from simengine.scenario import Scenario, load
from simengine.studies.design import design
from simengine.studies.execute import execute
from simengine.studies.store import writing
from simengine.transplant import simulate
from simengine.transplant.build import build
from simengine.transplant.step import advance

STUDY = "transplant_match_by_source"


def bare(scenario: Scenario) -> Scenario:
    """Return the scenario without stored courses, as large sweeps are run."""
    return scenario.model_copy(update={"output": scenario.output.model_copy(update={"courses": False})})


def parts_of(scenario: Scenario, patients: int) -> dict[str, float]:
    """Return the mean CPU milliseconds of building, advancing and evaluating one patient."""
    spent: dict[str, list[float]] = {"build": [], "advance": [], "evaluate": []}
    for patient in range(patients):
        seconds, built = cpu(build, scenario, 1, patient, 0)
        spent["build"].append(seconds)
        spent["advance"].append(cpu(advance, built.patient)[0])
        course = simulate(scenario, 1, patient)
        spent["evaluate"].append(cpu(evaluate, scenario, course)[0])
    return {f"{name}_ms": 1e3 * statistics.fmean(values) for name, values in spent.items()}


def sweep(replicates: int) -> dict[str, float]:
    """Return wall seconds and disk of a whole study on two threads, with everything it writes."""
    study = load(STUDY, ["output.courses=false", "output.events=false"])
    chosen = design(study, replicates=replicates)
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        with writing(Path(folder) / "out", chosen, {}) as store:
            execute(store, jobs=2)
        wall = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    n = len(chosen)
    return {"runs": float(n), "wall_s": wall, "wall_ms_a_run": 1e3 * wall / n, "bytes_a_run": size / n}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    calibration(1000)
    scenario = bare(load(STUDY).points[0].scenario)
    simulate(scenario, 1)
    loop, _ = cpu(calibration, 20_000_000)
    found = parts_of(scenario, options.patients)
    found["year_ms"] = sum(found.values())
    found["ratio_to_calibration"] = found["year_ms"] / (1e3 * loop)
    found |= sweep(max(1, options.patients // 100))
    found["ten_thousand_patients_min"] = found["wall_ms_a_run"] * 10_000 / 60e3
    found["million_patients_h"] = found["wall_ms_a_run"] * 1e6 / 3600e3
    found["million_patients_gb"] = found["bytes_a_run"] * 1e6 / 1e9
    for key, value in found.items():
        print(f"{key:28s} {value:12.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
