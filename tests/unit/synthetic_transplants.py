"""Made-up transplantations with the shape of simulated ones, evaluated by the outcome modules themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simengine.outcomes import RunResult, descriptions, evaluate
from tests.unit.synthetic_results import SyntheticPoint, SyntheticResults, manifest_of
from tests.written_transplant import COLUMNS, Transplanted, transplant_scenario

GRAFTS = ("bone_marrow", "mobilised_blood", "cord_blood")
DONORS = (
    ("8/8 sibling", {"relation": "sibling", "match": "8/8", "sex": "female", "age_years": 38.0}),
    ("8/8 unrelated", {"relation": "unrelated", "match": "8/8", "age_years": 27.0}),
    ("haploidentical with cyclophosphamide after the graft", {"relation": "parent_or_child", "match": "haploidentical"}),
)
SCENARIO = {
    "patient": {"age_years": 45.0, "sex": "female", "disease_risk": 1.0, "comorbidity_index": 1.0, "cmv": "positive"},
    "transplant": {
        "disease": "acute_myeloid_leukaemia",
        "units": 1,
        "depletion": "none",
        "conditioning": "bu_cy",
        "prophylaxis": "csa_mtx",
        "serotherapy": "no_serotherapy",
    },
}


def make_transplants(
    n_arms: int = 3, n_runs: int = 30, *, replicates: int = 1, last_day: int = 365, two_units: bool = False, seed: int = 1
) -> SyntheticResults:
    """A study of ``n_arms`` kinds of graft, ``n_runs`` patients each with some replicates; rows and courses by `evaluate`."""
    dice = np.random.default_rng(seed)
    points, tables, courses = [_point(i) for i in range(n_arms)], [], {}
    scenario = transplant_scenario()
    run = scenario._plain.run.model_copy(update={"duration_days": float(last_day)})
    scenario._plain = scenario._plain.model_copy(update={"run": run})
    for point in points:
        found = [
            evaluate(scenario, _patient(dice, point.index, last_day, two_units).course) for _ in range(n_runs * replicates)
        ]
        tables.append(_rows(point, found, replicates))
        courses[point.index] = {name: np.array([result.courses[name] for result in found]) for name in COLUMNS}
    table = pd.concat(tables, ignore_index=True)
    manifest = manifest_of(points, table) | {"outcomes": {name: c._asdict() for name, c in descriptions().items()}}
    for entry in manifest["points"]:
        entry["scenario"] = _scenario(entry["index"])
    return SyntheticResults(table, points, found[0].courses["time_h"], courses, manifest)


def write_calibration(folder: Path, n_models: int = 2, n_groups: int = 5, outcomes: int = 3) -> Path:
    """Write predicted and observed shares as a scored cohort has them."""
    dice, rows = np.random.default_rng(4), []
    names = ("survival at 1 year", "acute GVHD II-IV by day 100", "relapse at 1 year", "platelet recovery", "chronic GVHD")
    for outcome in names[:outcomes]:
        for model in ("simengine", "registry mean", "logistic")[:n_models]:
            for group in range(n_groups):
                predicted, n = (group + 0.5) / n_groups, int(dice.integers(20, 200))
                observed = float(np.clip(predicted + dice.normal(0.0, 0.08), 0.02, 0.98))
                half = 1.96 * np.sqrt(observed * (1.0 - observed) / n)
                bounds = {"low": max(0.0, observed - half), "high": min(1.0, observed + half)}
                row: dict[str, Any] = {"outcome": outcome, "model": model, "group": f"{group + 1}", "n": n}
                rows.append(row | {"predicted": predicted, "observed": observed} | bounds)
    path = folder / "calibration.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _point(index: int) -> SyntheticPoint:
    donor, _ = DONORS[index % len(DONORS)]
    graft = GRAFTS[(index // len(DONORS)) % len(GRAFTS)]
    label = f"{graft.replace('_', ' ')}, {donor}" + (f" (arm {index})" if index >= 9 else "")
    return SyntheticPoint(index, label, {"transplant.graft": graft, "donor.match": donor})


def _scenario(index: int) -> dict[str, Any]:
    _, donor = DONORS[index % len(DONORS)]
    graft = {"graft": GRAFTS[(index // len(DONORS)) % len(GRAFTS)]}
    return {"patient": dict(SCENARIO["patient"]), "donor": dict(donor), "transplant": {**SCENARIO["transplant"], **graft}}


def _rows(point: SyntheticPoint, found: list[RunResult], replicates: int) -> pd.DataFrame:
    order = np.arange(len(found))
    keys = {"point": np.full(len(found), point.index, np.int32), "arm": point.label}
    keys |= {"patient": (order // replicates).astype(np.int32), "replicate": (order % replicates).astype(np.int32)}
    return pd.DataFrame({**keys, **pd.DataFrame([dict(result.row) for result in found]).to_dict("series")})


def _patient(dice: np.random.Generator, arm: int, last_day: int, two_units: bool) -> Transplanted:
    """One patient: counts fall and rise, some have GVHD, some relapse, some die."""
    relapse, death = dice.exponential(900.0 - 60.0 * arm), dice.exponential(1500.0 - 100.0 * arm) + 5.0
    relapse = relapse + 40.0 if relapse + 40.0 < min(death, last_day) else np.nan
    death = relapse + dice.exponential(150.0) if relapse == relapse else death
    end = int(min(death, last_day))
    events = {"relapse_day": relapse, "death_day": death if death <= last_day else np.nan, "weight_kg": 70.0}
    events |= {"death_cause": 1.0 if relapse == relapse else float(dice.integers(2, 7))}
    patient = Transplanted(end, **events)
    patient.traits |= {
        "cd34_per_kg": 6e6 * dice.lognormal(0, 0.3),
        "cd3_per_kg": 2.5e8,
        "hla_matched_of_8": 8.0 - 2 * (arm % 3),
    }
    day = patient.day.astype(float)
    start = dice.normal(15.0 + 3.0 * arm, 3.0)
    for name, full, nadir, delay in _COUNTS:
        fall, rise = 1.0 / (1.0 + np.exp((day - 2.0) / 1.5)), 1.0 / (1.0 + np.exp(-(day - start - delay) / 2.5))
        noise = np.exp(np.convolve(dice.normal(0.0, 0.15, day.size + 8), np.ones(9) / 9.0, "valid") + dice.normal(0.0, 0.1))
        patient.values[:, COLUMNS.index(name)] = full * (nadir + fall + rise) * noise
    for name, slow in (
        ("stem", 5.0),
        ("myeloid", 5.0),
        ("platelet", 20.0),
        ("red", 60.0),
        ("t", 50.0),
        ("b", 20.0),
        ("nk", 8.0),
    ):
        share = 0.97 * (1.0 - np.exp(-np.maximum(day, 0.0) / slow))
        patient.values[:, COLUMNS.index(f"chimerism.{name}")] = share * (1.0 if relapse != relapse else 0.9)
    if two_units:
        patient.values[:, COLUMNS.index("chimerism.second")] = np.clip(0.5 + np.sign(dice.normal()) * day / 60.0, 0.0, 1.0)
    _give_gvhd(dice, patient, arm)
    patient.values[:, COLUMNS.index("malignancy.cells")] = 1e6 * np.exp(np.where(relapse == relapse, 0.1, -0.02) * day)
    patient.on("drug.activation", -1, 0.8).on("drug.activation", 100, 0.4).on("drug.activation", 180, 0.0)
    patient.on("drug.proliferation", 1, 0.7, until=12).on("malignancy.relapsed", relapse if relapse == relapse else 1e9, 1.0)
    return patient


_COUNTS = (
    ("blood.neutrophils", 3.0, 0.01, 0.0),
    ("blood.platelets", 180.0, 0.03, 7.0),
    ("blood.haemoglobin", 65.0, 1.0, 40.0),
    ("blood.t_cells", 1.0, 0.01, 90.0),
    ("blood.b_cells", 0.2, 0.01, 120.0),
    ("blood.nk_cells", 0.2, 0.05, 15.0),
)


def _give_gvhd(dice: np.random.Generator, patient: Transplanted, arm: int) -> None:
    onset = dice.normal(30.0, 8.0)
    stages = [int(stage) for stage in dice.choice(5, 3, p=[0.55, 0.2, 0.13, 0.08, 0.04])]
    for organ, stage in zip(("skin", "gut", "liver"), stages):
        patient.on(f"gvhd.{organ}_stage", onset, stage, until=onset + 40 + 10 * arm)
    grade = 0 if max(stages) == 0 else min(4, max(stages[0] // 2 + 1, stages[1] + 1, stages[2] + 1))
    patient.on("gvhd.grade", onset, grade, until=onset + 40 + 10 * arm)
    if grade >= 2:
        patient.on("gvhd.steroid", onset + 2, 1.0, until=onset + 40)
        patient.traits["event.steroid_day"] = onset + 2
    if dice.random() < 0.3:
        severity = int(dice.integers(1, 4))
        patient.on("chronic.severity", 170 + 20 * arm, severity)
        if patient.day[-1] > 170 + 20 * arm:
            patient.traits |= {"event.chronic_day": 170.0 + 20 * arm, "event.chronic_severity": float(severity)}
