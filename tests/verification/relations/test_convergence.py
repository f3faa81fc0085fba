"""Finer clocks and grids leave the outcomes where they are: equivalence tests on paired patients.

Equivalent means that the 90 % interval of the mean paired difference lies within the margin (two one-sided t tests at 5 %): 5 %
of retention at day 7, 0.5 days of graft loss, 0.2 points of ejection fraction. Too few or too noisy pairs fail.
"""

import numpy as np
import pytest

from benchmarks.convergence import CASES, MEASURES, STANDARD, compare, patients, verdict
from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.scenario import loads

LIGHT, FULL = 16, 200


@pytest.fixture(scope="module")
def light():
    """The standard on a few patients."""
    return patients({}, LIGHT)


@pytest.fixture(scope="module")
def full():
    """The standard on many patients."""
    return patients({}, FULL)


def test_an_outcome_that_moves_is_not_equivalent():
    """The verdict can be no: for a shift by twice the margin, and for noise as large as the margin over four pairs."""
    standard = np.linspace(1.0, 3.0, 4)
    for measure, (unit, margin) in MEASURES.items():
        scale = float(np.mean(standard)) if unit == "relative" else 1.0
        noise = margin * scale * np.array([1.0, -1.0, 1.0, -1.0])
        assert verdict("same", measure, standard, standard + 1e-9 * noise).is_equivalent
        assert not verdict("shifted", measure, standard, standard + 2.0 * margin * scale + 1e-9 * noise).is_equivalent
        assert not verdict("noisy", measure, standard, standard + noise).is_equivalent


@pytest.mark.parametrize("case", CASES)
def test_ejection_fraction_moves_by_less_than_a_fifth_of_a_point(light, case):
    """n = 16 pairs over three weeks: the outcome with the least noise, in every case."""
    found = {line.measure: line for line in compare(case, light, LIGHT)}
    assert found["lvef_true_change_points"].is_equivalent, found["lvef_true_change_points"]


def test_a_settled_graft_fares_as_one_that_is_kept_busy():
    """n = 12 pairs of own cells over three weeks, settled for a third of the time: two one-sided t tests at 5 %.

    Margins: 0.2 points of ejection fraction, 5 % of the cells retained at day 7 and of the living product cells on average
    over the course. Courses part after the first walk that differs, so that pairs agree in distribution only.
    """
    own = {"donor.relation": "autologous", "donor.match": "8/8", "patch.shape": [20, 20, 4]}
    found: dict[str, list[list[float]]] = {}
    settled = {}
    for mode in ("auto", "patch"):
        asked = loads(STANDARD, overrides=own | {"run.mode": mode}).points[0].scenario
        courses = [simulate(asked, 1, patient, 0) for patient in range(12)]
        settled[mode] = np.mean([course["deposit.settled"] for course in courses])
        rows = [evaluate(asked, course).row for course in courses]
        alive = [course.total([f"deposit.cells.{kind}" for kind in course.product_types]).mean() for course in courses]
        found[mode] = [
            [float(row["lvef_true_change_points"]) for row in rows],
            [float(row["retained_living_7d"]) for row in rows],
            alive,
        ]
    assert settled["auto"] > 0.25
    assert settled["patch"] == 0.0
    for margin, ours, busy in zip((0.2, 0.05, 0.05), np.array(found["auto"]), np.array(found["patch"]), strict=True):
        change = (ours - busy) / (1.0 if margin == 0.2 else busy.mean())
        half = 1.796 * change.std(ddof=1) / np.sqrt(12)  # t(0.95, 11)
        assert abs(change.mean()) + half < margin, (margin, change.mean(), half)
        assert change.std() > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_outcome_moves_by_more_than_its_margin(full, case):
    """n = 200 pairs over three weeks."""
    assert [line for line in compare(case, full, FULL) if not line.is_equivalent] == []
