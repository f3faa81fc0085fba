"""Every packaged study says what it is for, is sound, and runs: ten steps of its first and last arm, on a small patch.

Transplantations, which have neither site nor patch, stand apart.
"""

from __future__ import annotations

import pytest

from simengine import scenario
from simengine.engine import simulate
from simengine.outcomes import descriptions, evaluate
from simengine.patients.population import TRAIT
from simengine.scenario import scenarios_folder

FILES = sorted(scenarios_folder().glob("*.toml"))
TRANSPLANTS = [file for file in FILES if file.stem.startswith("transplant_")]
"""They run in test_transplant_catalogue.py."""
OF_TISSUE = [file for file in FILES if file not in TRANSPLANTS]
STEPS = 10


def short(asked):
    """Return a scenario of ten steps of its body clock in a patch of 6 x 6 x 2 voxels."""
    days = STEPS * asked.clocks.body_h / 24.0
    return asked.model_copy(
        update={
            "run": asked.run.model_copy(update={"duration_days": days, "record_every_h": 2.0}),
            "patch": asked.patch.model_copy(update={"shape": (6, 6, 2)}),
            "output": asked.output.model_copy(update={"snapshot_days": ()}),
        }
    )


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_packaged_study_says_what_it_is_for(file):
    first = file.read_text(encoding="utf-8").splitlines()[0]
    study = scenario.load(file)
    assert first.startswith("# ")
    assert first.endswith(".")
    assert study.name == file.stem
    assert study.title


def test_transplantations_are_the_studies_that_are_named_so():
    asked = {file: {point.scenario.transplant is not None for point in scenario.load(file).points} for file in FILES}
    assert {file for file, found in asked.items() if found == {True}} == set(TRANSPLANTS)
    assert {file for file, found in asked.items() if found == {False}} == set(OF_TISSUE)


@pytest.mark.parametrize("file", OF_TISSUE, ids=[file.stem for file in OF_TISSUE])
def test_a_packaged_study_runs_ten_steps_of_its_first_and_last_arm(file):
    """With a closed ledger (a run whose ledger does not close raises) and every outcome that is declared."""
    points = scenario.load(file).points
    for point in {0: points[0], len(points) - 1: points[-1]}.values():
        asked = short(point.scenario)
        result = evaluate(asked, simulate(asked, 1))
        assert result.row["status"] == "ok"
        of_population = {name for name in result.row if name.startswith(TRAIT)}
        assert bool(of_population) == (asked.population is not None)
        assert set(result.row) - of_population == {*descriptions(asked), "status", "reason"}
        assert len(result.courses["time_h"]) > STEPS // 2


def test_there_is_a_study_for_every_site_and_every_lineage():
    from simengine.catalog import entry, names

    asked = [point.scenario for file in OF_TISSUE for point in scenario.load(file).points]
    assert {one.site.name for one in asked} == set(names("sites"))
    assert {entry("products", one.product.name).facts["lineage"] for one in asked} == set(names("lineages"))
