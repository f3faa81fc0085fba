"""A patient alone is the patient of a large sweep: nobody's numbers hang on who came before, or on how many there are."""

from dataclasses import replace

import numpy as np
import pytest

import simengine
from simengine.studies import parts
from simengine.studies.design import design
from simengine.studies.execute import execute
from simengine.studies.store import writing
from tests.verification.settings import small_study
from tests.verification.studies import exact_rows


def alone(study, patient, folder):
    """Do the runs of one patient and nobody else, and return them."""
    with writing(folder, replace(design(study, replicates=1), first_patient=patient, patients=1), {}) as store:
        execute(store, executor="serial")
    return exact_rows(folder)


def assert_patients_alone_are_as_among(name, patients, n_alone, folder):
    """Sweep over all patients on two threads; then some of them, drawn at random, each in a study of its own."""
    study = replace(small_study(name), patients=patients)
    study = replace(study, points=study.points[1:])
    simengine.sweep(study, replicates=1, jobs=2, out=folder / "sweep")
    swept = exact_rows(folder / "sweep")
    assert len(swept) == patients
    assert len({repr(sorted(row.items())[1:]) for row in swept.values()}) == patients
    chosen = np.random.default_rng(9).choice(patients, n_alone, replace=False)
    for patient in chosen.tolist():
        ((key, row),) = alone(study, patient, folder / str(patient)).items()
        assert key.patient == patient
        assert sum(column.startswith(parts.COURSE) for column in row) > 10
        assert {column for column in {*row, *swept[key]} if row.get(column) != swept[key].get(column)} == set()


@pytest.mark.parametrize(("name", "patients", "n_alone"), [("graft", 1000, 40), ("body", 200, 20), ("patch", 200, 20)])
def test_patients_alone_are_as_among_hundreds(tmp_path, name, patients, n_alone):
    """40 of 1,000 transplantations, 20 of 200 in tissue: outcomes, courses, events. Detects a stream shared by patients."""
    assert_patients_alone_are_as_among(name, patients, n_alone, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["graft", "body", "patch"])
def test_patients_alone_are_as_among_ten_thousand(tmp_path, name):
    """200 of 10,000 in each of the three studies."""
    assert_patients_alone_are_as_among(name, 10_000, 200, tmp_path)
