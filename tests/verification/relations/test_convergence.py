"""Finer clocks and grids leave the outcomes where they are: equivalence tests on paired patients.

Equivalent means that the 90 % interval of the mean paired difference lies within the margin (two one-sided t tests at 5 %): 5 %
of retention at day 7, 0.5 days of graft loss, 0.2 points of ejection fraction. Too few or too noisy pairs fail.
"""

import numpy as np
import pytest

from benchmarks.convergence import CASES, MEASURES, compare, patients, verdict

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


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_outcome_moves_by_more_than_its_margin(full, case):
    """n = 200 pairs over three weeks."""
    assert [line for line in compare(case, full, FULL) if not line.is_equivalent] == []
