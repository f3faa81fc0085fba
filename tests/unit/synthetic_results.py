"""Made-up results with the shape of real ones, so that figures can be tested without running a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simengine.studies.design import design
from simengine.studies.execute import execute
from simengine.studies.store import writing
from tests.toy import ToyPoint, ToyResult, ToyScenario, ToyStudy

SOURCES = ("bm_msc", "adipose_msc", "cord_msc", "ipsc_cardiomyocytes", "esc_cardiomyocytes", "bm_mononuclear_cells")
MATCHES = ("8/8", "6/8", "4/8", "2/8", "0/8")
FATES = ("lost_at_delivery", "apoptosis", "fragile", "ischaemia", "rejected_cd8", "rejected_nk", "washed_out", "cleared_spleen")
LIVING = ("patch_immature", "patch_mature", "blood")
DESCRIBED = {
    "lvef_change_points": {
        "title": "Change of ejection fraction",
        "unit": "percentage points",
        "description": "Ejection fraction on the last day minus that before treatment.",
    },
    "retained_living_30d": {"title": "Living cells after 30 days", "unit": "fraction of dose", "description": ""},
}


@dataclass(frozen=True)
class SyntheticPoint:
    index: int
    label: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class SyntheticResults:
    """Results held in memory; ``courses[point][name]`` is an array [runs, S], failed runs included."""

    table: pd.DataFrame
    points: Sequence[SyntheticPoint]
    time_h: np.ndarray
    courses: dict[int, dict[str, np.ndarray]]
    manifest: dict[str, Any]
    path: Path = Path("synthetic")
    snapshot_paths: list[Path] = field(default_factory=list)

    def course(self, point: int, name: str) -> tuple[np.ndarray, np.ndarray]:
        own = self.table[self.table["point"] == point]
        is_good = (own["status"] == "ok").to_numpy()
        return (self.time_h, self.courses[point][name][is_good]) if is_good.any() else (np.empty(0), np.empty((0, 0)))

    def course_names(self) -> list[str]:
        return list(dict.fromkeys(name for courses in self.courses.values() for name in courses))

    def snapshots(self) -> list[Path]:
        return self.snapshot_paths


def make_results(
    n_arms: int = 6,
    n_runs: int = 20,
    *,
    long_names: bool = True,
    with_control: bool = True,
    n_failed: int = 0,
    seed: int = 1,
) -> SyntheticResults:
    """A study of ``n_arms`` arms with ``n_runs`` patients each; arm 0 gives no cells when ``with_control``."""
    dice = np.random.default_rng(seed)
    time_h = np.unique(np.concatenate([[0.0, 1.0, 3.0, 6.0, 12.0], np.arange(24.0, 721.0, 24.0)]))
    points = [_point(i, n_arms, long_names, with_control) for i in range(n_arms)]
    tables, courses = [], {}
    for point in points:
        has_cells = not (with_control and point.index == 0)
        arm_courses = _ledger(dice, time_h, n_runs, 1e6 if has_cells else 0.0, 0.15 + 0.8 * point.index / n_arms)
        arm_courses |= _body_courses(dice, time_h, n_runs, point.index)
        courses[point.index] = arm_courses
        tables.append(_rows(dice, point, arm_courses, time_h, has_cells))
    table = pd.concat(tables, ignore_index=True)
    if n_failed:
        failed = table.groupby("point").head(1).index[:n_failed]
        table.loc[failed, ["status", "reason"]] = ["numerical_error", "a planted failure"]
    return SyntheticResults(table, points, time_h, courses, manifest_of(points, table))


def manifest_of(points: Sequence[SyntheticPoint], table: pd.DataFrame) -> dict[str, Any]:
    """A manifest as the store writes it."""
    return {
        "disclaimer": "Research software. Not medical advice.",
        "schema_version": 1,
        "name": "synthetic",
        "title": "A made-up study of cells for the heart",
        "description": "Numbers drawn to test figures, not simulated.",
        "status": "complete",
        "started": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:01:00+00:00",
        "runs": len(table),
        "counts": {k: int(v) for k, v in table["status"].value_counts().items()},
        "package_version": "0.1.0",
        "model_version": 1,
        "libraries": {"python": "3.11", "numpy": "2.0"},
        "machine": {"host": "nowhere", "cores": 2},
        "seed": 7,
        "replicates": 1,
        "patients": int(table["patient"].max()) + 1,
        "study_hash": "0f" * 32,
        "outcomes": dict(DESCRIBED),
        "parts": {"part-00.parquet": "ab" * 32},
        "points": [{"index": p.index, "label": p.label, "values": dict(p.values), "scenario": {}} for p in points],
    }


def add_snapshots(results: SyntheticResults, folder: Path, days: Sequence[float] = (1, 7, 30), *, empty: bool = False) -> None:
    """Write .npz snapshots of one run of the last arm, named as the store names them."""
    dice = np.random.default_rng(5)
    n, layers, spacing = 20, 5, 20.0
    x, y = np.meshgrid((np.arange(n) + 0.5) * spacing, (np.arange(n) + 0.5) * spacing)
    for k, day in enumerate(days):
        n_cells = 0 if empty else 260 // (k + 1)
        types = dice.integers(0, 4, n_cells)
        bump = np.exp(-((x - 160.0) ** 2 + (y - 220.0) ** 2) / (2.0 * (60.0 + 25.0 * k) ** 2)) * (3.0 - 0.8 * k)
        path = folder / f"point{len(results.points) - 1:04d}-patient00000-replicate00000-{day:g}d.npz"
        np.savez(
            path,
            time_h=24.0 * day,
            spacing_um=spacing,
            shape=np.array([n, n, layers]),
            patch_names=np.array(["deposit", "remote"]),
            type_names=np.array(["ipsc_cardiomyocyte", "macrophage", "cd8_effector", "nk_cell", "cd4_effector"]),
            x_um=dice.uniform(0, n * spacing, n_cells),
            y_um=dice.uniform(0, n * spacing, n_cells),
            z_um=dice.uniform(0, layers * spacing, n_cells),
            radius_um=np.array([9.0, 8.0, 4.5, 5.0, 4.5])[types],
            weight=np.ones(n_cells),
            type=types,
            patch=dice.integers(0, 2, n_cells) // 2,
            field_chemokine_ng_per_ml=np.broadcast_to(bump, (2, layers, n, n)),
            field_oxygen_mmhg=np.full((2, layers, n, n), 30.0),
            functional=np.full((2, layers, n, n), 0.5),
        )
        results.snapshot_paths.append(path)


def factorial_results(n_runs: int = 12, *, drop: Sequence[tuple[str, str]] = ()) -> SyntheticResults:
    """Every source against every match (without those in ``drop``), for heat maps."""
    results = make_results(len(SOURCES) * len(MATCHES), n_runs, with_control=False)
    pairs = [(source, match) for source in SOURCES for match in MATCHES]
    results.points = [
        SyntheticPoint(i, f"{source}, {match}", {"product.name": source, "donor.match": match})
        for i, (source, match) in enumerate(pairs)
        if (source, match) not in drop
    ]
    kept = [p.index for p in results.points]
    results.table = results.table[results.table["point"].isin(kept)].reset_index(drop=True)
    return results


def save_results(results: SyntheticResults, folder: Path) -> None:
    """Put made-up results into a folder as a study writes them; failed rows become runs that fail."""
    arms = tuple(ToyPoint(p.index, p.label, dict(p.values), ToyScenario(float(p.index))) for p in results.points)
    n_patients, n_replicates = (int(results.table[key].max()) + 1 for key in ("patient", "replicate"))
    chosen = design(ToyStudy(arms, name="synthetic", patients=n_patients, replicates=n_replicates))
    left_out = {"point", "arm", "patient", "replicate", "status", "reason"}

    def give(scenario: ToyScenario, seed: int, patient: int, replicate: int) -> ToyResult:
        point = int(scenario.dose)
        keys = results.table[["point", "patient", "replicate"]]
        row = results.table[(keys.to_numpy() == (point, patient, replicate)).all(axis=1)].iloc[0]
        if row["status"] != "ok":
            raise ArithmeticError(row["reason"])
        courses = {name: runs[patient] for name, runs in results.courses[point].items() if runs[patient].any()}
        snapshots = {path.stem.split("-")[-1]: dict(np.load(path)) for path in results.snapshot_paths}
        has_snapshots = point == len(arms) - 1 and patient == 0
        outcomes = row.drop(left_out).to_dict()
        return ToyResult(outcomes, {"time_h": results.time_h, **courses}, [], snapshots if has_snapshots else {})

    with writing(folder, chosen, DESCRIBED) as store:
        execute(store, give, jobs=1)


def _point(index: int, n_arms: int, long_names: bool, with_control: bool) -> SyntheticPoint:
    if with_control and index == 0:
        return SyntheticPoint(0, "no cells", {"product.name": "none", "donor.match": "none"})
    source, match = SOURCES[index % len(SOURCES)], MATCHES[(index // len(SOURCES)) % len(MATCHES)]
    label = f"arm {index}"
    if long_names:
        drug = "with tacrolimus 8 ng/mL" if index % 2 else "without immunosuppression"
        label = f"{source.replace('_', ' ')}, allogeneic {match}, intramyocardial, {drug} (arm {index})"
    return SyntheticPoint(index, label, {"product.name": source, "donor.match": match})


def _ledger(dice: np.random.Generator, time_h: np.ndarray, n_runs: int, dose: float, hold: float) -> dict[str, np.ndarray]:
    """Courses whose fates and living add up to dose plus births exactly."""
    shares = dice.dirichlet([6, 4, 3, 2, 2, 0.6, 0.1, 0.05], size=n_runs)
    rates = np.array([3.0, 0.02, 0.1, 0.03, 0.008, 0.01, 0.5, 0.05])
    gone = 1.0 - np.exp(-rates[None, :, None] * time_h[None, None, :])
    fates = dose * (1.0 - 0.3 * hold) * shares[:, :, None] * gone
    births = dose * 0.02 * hold * np.broadcast_to(1.0 - np.exp(-time_h / 200.0), (n_runs, time_h.size))
    living = dose + births - fates.sum(axis=1)
    mature = (1.0 - np.exp(-time_h / 300.0)) * 0.9
    return {
        **{f"fate.{name}": fates[:, i] for i, name in enumerate(FATES)},
        "living.patch_immature": living * (1.0 - mature) * 0.97,
        "living.patch_mature": living * mature * 0.97,
        "living.blood": living * 0.03,
        "births": births,
    }


def _body_courses(dice: np.random.Generator, time_h: np.ndarray, n_runs: int, index: int) -> dict[str, np.ndarray]:
    day = time_h / 24.0
    noise = dice.lognormal(0.0, 0.4, (n_runs, 1))
    cd8 = noise * (1.0 + 0.3 * index) * 40.0 * np.exp(-((day - 9.0) ** 2) / 18.0)
    cd8[:, day < 3] = 0.0
    lvef = 38.0 + dice.normal(0.0, 4.0, (n_runs, 1)) + (0.4 * index) * (1.0 - np.exp(-day / 10.0))
    return {"immune.cd8_per_mm3": cd8, "lvef_percent": lvef}


def _rows(
    dice: np.random.Generator, point: SyntheticPoint, courses: dict[str, np.ndarray], time_h: np.ndarray, has_cells: bool
) -> pd.DataFrame:
    n_runs = courses["lvef_percent"].shape[0]
    living = sum(courses[f"living.{name}"] for name in LIVING)
    lost_day = dice.exponential(12.0 + 3.0 * (point.index % 7), n_runs)
    lost = lost_day < 30.0
    rows: dict[str, Any] = {
        "point": np.full(n_runs, point.index, dtype=np.int32),
        "arm": point.label,
        "patient": np.arange(n_runs, dtype=np.int32),
        "replicate": np.zeros(n_runs, dtype=np.int32),
        "status": "ok",
        "reason": "",
        "dose_cells": 1e6 if has_cells else 0.0,
        "graft_lost": lost.astype(float),
        "graft_loss_day": np.where(lost, lost_day, 30.0),
        "graft_loss_cause": np.where(lost, "rejected_cd8", ""),
        "lvef_baseline_percent": courses["lvef_percent"][:, 0],
        "lvef_change_points": courses["lvef_percent"][:, -1] - courses["lvef_percent"][:, 0] + dice.normal(-0.8, 1.6, n_runs),
        "scar_change_points": dice.normal(-1.0, 1.0, n_runs),
        "peak_cd8_per_mm3": courses["immune.cd8_per_mm3"].max(axis=1),
        "ae_arrhythmia": (dice.random(n_runs) < 0.2).astype(float),
    }
    for label, hour in (("1h", 1.0), ("24h", 24.0), ("7d", 168.0), ("30d", 720.0)):
        at = int(np.searchsorted(time_h, hour))
        rows[f"retained_living_{label}"] = living[:, at] / 1e6 * dice.lognormal(0.0, 0.1, n_runs)
    table = pd.DataFrame(rows)
    if not has_cells:
        given = [n for n in table if n.startswith(("retained_", "graft_loss_day", "graft_lost"))]
        table[given] = np.nan
    return table
