"""Intervals over patients cover the truth as often as they say, for patients of the engine itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import simengine
from simengine import scenario
from simengine.studies.statistics import summary

STUDIES, PATIENTS = 2000, 12
OUTCOMES = ("retained_dna_24h", "lung_living_24h")
TEXT = f"""
name = "coverage"
seed = 5
patients = {STUDIES * PATIENTS}
replicates = 1
run = {{ mode = "body", duration_days = 1.0 }}
output.courses = false
delivery = [{{ route = "intravenous", dose_cells = 100_000_000 }}]
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_intervals_over_patients_cover_the_mean_of_all_patients(tmp_path):
    """24,000 virtual patients in 2,000 studies of 12: 95 % intervals cover the grand mean in 93.4 to 96.6 % of the studies.

    That is within 3.3 binomial standard errors (0.49 % each): a sound interval fails once in a thousand tests, one that
    covers 92.4 % is found with a chance of 95 %. The grand mean is itself uncertain by 1/45 of the spread of a study's
    mean, which costs less than 0.03 % of coverage.
    """
    table = simengine.run(scenario.loads(TEXT), out=tmp_path / "out").table
    assert set(table["status"]) == {"ok"}
    shares = {outcome: _share_covered(table[outcome].to_numpy(), outcome) for outcome in OUTCOMES}
    print(shares)
    assert all(0.934 <= share <= 0.966 for share in shares.values()), shares


def _share_covered(numbers, outcome):
    """Return the share of studies whose interval holds the mean of all patients."""
    values = numbers.reshape(STUDIES, PATIENTS)
    assert values.std() > 0.0
    found = pd.concat([_interval(study, outcome) for study in values])
    return float(np.mean((found["low"] <= values.mean()) & (values.mean() <= found["high"])))


def _interval(values, outcome):
    """Return the summary of one study."""
    columns = {"point": 0, "arm": "a", "patient": range(PATIENTS), "replicate": 0, "status": "ok", outcome: values}
    return summary(pd.DataFrame(columns), [outcome])
