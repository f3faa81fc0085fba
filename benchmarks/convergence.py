"""Convergence: does a finer clock or grid move the outcomes? Prints a table and writes it, with a figure, to ``docs``.

Every case is run beside the standard on the same patients (paired by common random numbers). A case passes where the
90 % interval of the mean difference lies within the margin: two one-sided t tests at 5 %, so that noise cannot pass.

Run: ``python -m benchmarks convergence [--pairs 200]``; 200 pairs take about half an hour on one core.
"""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.scenario import Scenario, loads

STANDARD = """
name = "convergence"
product.name = "ipsc_cm"
donor.match = "0/8"
delivery = [{ route = "intramyocardial", dose_cells = 400000000, n_sites = 2, volume_ml_per_site = 0.2 }]
patch.shape = [10, 10, 2]
run.duration_days = 21.0
"""

CASES: dict[str, dict[str, Any]] = {
    "motion 3 min": {"clocks.motion_min": 3.0},
    "fates 6 min": {"clocks.fates_min": 6.0},
    "fields 12 min": {"clocks.fields_min": 12.0},
    "tissue 1 h": {"clocks.tissue_h": 1.0},
    "body 0.5 h": {"clocks.body_h": 0.5},
    "voxels of 10 um": {"patch.spacing_um": 10.0, "patch.shape": [20, 20, 4]},
    "agents always on": {"run.mode": "patch"},
}
"""Each clock halved, resolution doubled in the same tissue, and no sleep."""

MEASURES = {
    "retained_living_7d": ("relative", 0.05),
    "graft_loss_day": ("days", 0.5),
    "lvef_true_change_points": ("points", 0.2),
}
"""What may move, and by how much; relative to the standard's mean, or in its own unit."""


@dataclass(frozen=True)
class Verdict:
    """One line of the table: the mean difference to the standard, its 90 % interval, and whether that is within the margin."""

    case: str
    measure: str
    unit: str
    pairs: int
    standard: float
    difference: float
    low: float
    high: float
    margin: float
    is_equivalent: bool


def patients(changes: dict[str, Any], n: int) -> dict[str, NDArray[np.float64]]:
    """Return each measure for the patients 0 to n - 1, float64[n], under changes to the standard."""
    asked: Scenario = loads(STANDARD, overrides=changes).points[0].scenario
    rows = [evaluate(asked, simulate(asked, 1, patient, 0)).row for patient in range(n)]
    return {name: np.array([float(row[name]) for row in rows]) for name in MEASURES}


def verdict(case: str, measure: str, standard: NDArray[np.float64], finer: NDArray[np.float64]) -> Verdict:
    """Compare one measure of a case with the standard, pair by pair."""
    unit, margin = MEASURES[measure]
    mean, n = float(np.mean(standard)), len(standard)
    change = (finer - standard) / (mean if unit == "relative" else 1.0)
    centre = float(np.mean(change))
    half = float(stats.t.ppf(0.95, n - 1) * np.std(change, ddof=1) / np.sqrt(n))
    low, high = centre - half, centre + half
    return Verdict(case, measure, unit, n, mean, centre, low, high, margin, -margin < low and high < margin)


def compare(case: str, standard: dict[str, NDArray[np.float64]], n: int) -> list[Verdict]:
    """Return the verdicts of a case on all measures."""
    finer = patients(CASES[case], n)
    return [verdict(case, measure, standard[measure], finer[measure]) for measure in MEASURES]


def draw(found: list[Verdict], path: Path) -> None:
    """Draw the intervals of all cases, in units of the margin."""
    widest = 1.1 * max(1.5, *(max(-line.low, line.high) / line.margin for line in found))
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(11, 3.2), sharey=True, layout="constrained")
    for ax, measure in zip(axes, MEASURES, strict=True):
        lines = [line for line in found if line.measure == measure]
        for y, line in enumerate(lines):
            ax.plot([line.low / line.margin, line.high / line.margin], [y, y], color="#33658a", lw=2)
            ax.plot(line.difference / line.margin, y, "o", color="#33658a", ms=4)
        ax.axvspan(-1, 1, color="#dde5ec", zorder=0)
        ax.set(title=measure, xlabel="difference / margin", xlim=(-widest, widest))
        ax.set_yticks(range(len(lines)), [line.case for line in lines])
    axes[0].invert_yaxis()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def check(n: int, folder: Path | None = None) -> None:
    """Compare all cases on ``n`` pairs each, print and write the table, to ``docs`` by default."""
    folder = folder or Path(__file__).parents[1] / "docs"
    standard = patients({}, n)
    found: list[Verdict] = []
    for case in CASES:
        for line in compare(case, standard, n):
            found.append(line)
            mark = "within" if line.is_equivalent else "NOT within"
            interval = f"{line.difference:+.4f} [{line.low:+.4f}, {line.high:+.4f}]"
            print(f"{case:17} {line.measure:24} {interval:32} {mark} {line.margin:g} {line.unit}, {n} pairs", flush=True)
    with (folder / "convergence.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Verdict))
        table.writerows(astuple(line) for line in found)
    draw(found, folder / "convergence.png")
