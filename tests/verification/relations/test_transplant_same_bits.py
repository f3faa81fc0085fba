"""The bits of a transplantation depend on what is asked and on its address, on nothing about how it is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine import scenario
from simengine.outcomes import evaluate
from simengine.transplant import simulate
from simengine.transplant.step import SWITCHES
from tests.verification.relations.patients import differing, digest
from tests.verification.relations.transplants import asked, each

ROOT = Path(simengine.__file__).parents[1]
STUDY = """
name = "bits"
seed = 11
patients = 3
replicates = 2
patient.vary = "per_patient"
[population]
name = "aml_transplant_2010"
[transplant]
[run]
duration_days = 120
[[arm]]
name = "blood"
[[arm]]
name = "cord"
set = { "donor.match" = "6/8", "transplant.graft" = "cord_blood", "transplant.units" = 2, "transplant.prophylaxis" = "csa_mmf" }
"""
BUSY = {
    "donor__match": "4/8",
    "patient__sensitised": True,
    "transplant__conditioning": "flu_bu",
    "transplant__second_line": "stromal_cells",
    "transplant__growth_factor": True,
    "run__duration_days": 30,
}
SHORT = """
import sys
from tests.verification.relations.patients import digest
from tests.verification.relations.test_transplant_same_bits import BUSY
from tests.verification.relations.transplants import asked
from simengine.transplant import simulate
print(digest(simulate(asked(**BUSY), 3, 1, 2)))
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The study on one thread, run by run."""
    return simengine.run(scenario.loads(STUDY), jobs=1, batch=1, out=tmp_path_factory.mktemp("reference") / "out")


def test_one_run_alone_is_as_within_a_study(reference):
    """The last replicate of the last patient of the second arm, simulated first and alone."""
    study, table = scenario.loads(STUDY), reference.table
    row = evaluate(study.points[1].scenario, simulate(study.points[1].scenario, 11, 2, 1)).row
    in_study = table[(table["point"] == 1) & (table["patient"] == 2) & (table["replicate"] == 1)].iloc[0]
    for name, value in row.items():
        same = value == in_study[name] or (value != value and in_study[name] != in_study[name])
        assert same, name


def test_replicates_alone_together_and_backwards_give_the_same_bits():
    """Eight replicates one by one, backwards, and on two threads at once; and all eight differ."""
    busy = asked(**BUSY)
    alone = [digest(simulate(busy, 3, 1, replicate)) for replicate in range(8)]
    backwards = [digest(simulate(busy, 3, 1, replicate)) for replicate in range(7, -1, -1)][::-1]
    together = each(8, lambda replicate: digest(simulate(busy, 3, 1, replicate)))
    assert alone == backwards == together
    assert len(set(alone)) == 8


def test_seed_patient_and_replicate_all_count():
    busy = asked(**BUSY)
    assert len({digest(simulate(busy, *address)) for address in ((3, 1, 2), (4, 1, 2), (3, 2, 2), (3, 1, 1))}) == 4


def test_a_longer_run_begins_with_the_shorter_one():
    """30 days and 150 days of the same patient: the first 30 days are the same bits (steps are as long until day 100)."""
    short, long = (simulate(asked(**{**BUSY, "run__duration_days": days}), 3, 1, 2) for days in (30, 150))
    same = len(short.hours) - 1
    assert same > 30
    assert np.array_equal(short.values[:same], long.values[:same])


@pytest.mark.parametrize("mechanism", SWITCHES)
def test_every_mechanism_acts_in_the_busy_patient(mechanism):
    """Switched off, each leaves another course within 150 days in one of eight patients, with the clocks of death included."""
    settings = {**BUSY, "patient__sensitised": False, "run__duration_days": 150}
    arms = [
        [simulate(asked(**settings, **off), 3, patient) for patient in range(8)]
        for off in ({}, {f"mechanisms__{mechanism}": False})
    ]
    assert any(differing(*pair) if len(pair[0].hours) == len(pair[1].hours) else True for pair in zip(*arms, strict=True))


def test_plain_python_gives_the_bits_of_compiled_code():
    """30 days of a patient in whom nearly everything happens, with the compiler off, to the last bit."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHORT],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest(simulate(asked(**BUSY), 3, 1, 2))]
