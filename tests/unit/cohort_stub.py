"""A transplantation in microseconds: days and events by a formula, from the scenario and the address of the run."""

from __future__ import annotations

import math

import numpy as np

from tests.toy import ToyResult

NAN = float("nan")
MAPPING = """
schema_version = 1
name = "toy"
id = "who"
missing = ["", "NA"]

[base]
transplant = {{ conditioning = "bu_cy" }}
run = {{ duration_days = 730.0 }}

[[field]]
column = "age"
path = "patient.age_years"

[[field]]
column = "kg"
path = "patient.weight_kg"
missing = {{ distribution = "lognormal", value = 70, low = 40, high = 110 }}

[[field]]
column = "graft"
path = "transplant.graft"
categories = {{ BM = "bone_marrow", PB = "mobilised_blood" }}
missing = {{ BM = 0.3, PB = 0.7 }}

[[field]]
column = "cd34"
path = "transplant.cd34_cells_per_kg"
factor = 1e6

{more}
"""


def stub(scenario, seed, patient, replicate):
    """Return a row with the columns that a cohort reads; what an earlier death prevents does not happen."""
    rng = np.random.default_rng([seed, patient, replicate])
    graft = scenario.transplant
    slow = 0.3 * (graft.graft == "bone_marrow") - 0.2 * math.log((graft.cd34_cells_per_kg or 5e6) / 5e6)
    neutrophils = round(15 * math.exp(slow + rng.normal(0, 0.15)))
    platelets = round(20 * math.exp(1.5 * slow + rng.normal(0, 0.3)))
    death = rng.exponential(2500 * math.exp(-0.01 * scenario.patient.age_years))
    dies, gvhd, relapse = death < scenario.run.duration_days, rng.random() < 0.4, rng.random() < 0.25

    def unless_dead(day):
        return float(day) if day < death else NAN

    row = {
        "neutrophil_day": unless_dead(neutrophils),
        "neutrophil_engrafted": float(neutrophils < death),
        "platelet20_day": unless_dead(platelets),
        "acute_gvhd_2_4": float(gvhd),
        "acute_gvhd_day": 30.0 if gvhd else NAN,
        "acute_gvhd_3_4": float(gvhd and rng.random() < 0.3),
        "relapse": float(relapse),
        "relapse_day": 300.0 if relapse else NAN,
        "extensive_chronic_gvhd": float(rng.random() < 0.3),
        "death": float(dies),
        "death_day": float(int(death)) if dies else NAN,
        "death_cause": "relapse" if dies else "",
        "weight_seen": float(scenario.patient.weight_kg or NAN),
    }
    return ToyResult(row, {}, (), {})
