"""Immigration and death of host cells (case A4)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P, Constant, courses, every, isolated

DENSITY_PER_MM3 = 500.0
ARRIVALS_PER_MM3_H = 135.0
LEAVING_PER_H = 0.02
VOLUME_MM3 = 20 * 20 * 1 * 0.05**3
DAYS = 4.0
REPLICATES = 200


def immigrating(days, body_h):
    """Macrophages that come at full strength, a patient of the age at which immune strength is 1, and a stay Exp(0.02/h)."""
    constants = [
        Constant("tissue", "recruitment", 1.0),
        Constant("macrophage", "apoptosis_per_h", LEAVING_PER_H / 4.0),
        Constant("macrophage", "egress_per_h", 3.0 * LEAVING_PER_H / 4.0),
    ]
    parameters = {
        "cells.macrophage.density_per_mm3": DENSITY_PER_MM3,
        "cells.macrophage.recruitment_per_mm3_per_h": ARRIVALS_PER_MM3_H,
    }
    more = f"""
patient.age_years = 50.0
run.duration_days = {days}
run.record_every_h = 2.0
patch = {{ shape = [20, 20, 1], spacing_um = 50.0 }}
{every(6.0, body_h)}
"""
    return isolated(constants, ("apoptosis", "homing"), more, parameters=parameters)


@pytest.fixture(scope="module")
def numbers():
    """Macrophages at the recorded times of all replicates, float64[R, S], and those times in h.

    The body goes at steps of 6 min, which puts arrivals at most 6 min, 0.2 % of a stay, too early.
    """
    found = courses(immigrating(DAYS, 0.1), REPLICATES)
    return np.array([course["lesion.cells.macrophage"] for course in found]), found[0].hours


def mean_at(hours):
    """Immigration-death from a Poisson number: n0 exp(-mt) + (v/m)(1 - exp(-mt))."""
    left = np.exp(-LEAVING_PER_H * hours)
    return VOLUME_MM3 * (DENSITY_PER_MM3 * left + ARRIVALS_PER_MM3_H / LEAVING_PER_H * (1.0 - left))


@pytest.mark.parametrize("hour", [0.0, 12.0, 48.0, 96.0])
def test_cells_that_come_and_go_are_poisson_in_number(numbers, hour):
    """A4: at each time Poisson of the stated mean. n = 200 replicates, of 25 to 300 cells each.

    z of the mean (sees 6 % of 25 and 2 % of 300 cells), index of dispersion against chi-square with 199 degrees of freedom
    (sees 50 %), and chi-square of the randomised probability transform in ten classes. Detects arrivals in batches or
    rounded to whole cells, patches that draw alike, and rates per step in place of per hour.
    """
    counts, hours = numbers
    here = counts[:, np.flatnonzero(hours == hour)[0]]
    law = stats.poisson(mean_at(hour))
    assert abs(here.mean() - law.mean()) * np.sqrt(REPLICATES / law.mean()) < LARGEST_Z
    dispersion = np.sum((here - law.mean()) ** 2) / law.mean()
    spread = stats.chi2(REPLICATES)
    assert 2.0 * min(spread.sf(dispersion), spread.cdf(dispersion)) > LEAST_P
    place = np.random.default_rng(5).random(REPLICATES)
    u = law.cdf(here - 1) + place * law.pmf(here)
    assert stats.chisquare(np.histogram(u, 10, (0.0, 1.0))[0]).pvalue > LEAST_P


def test_who_is_there_later_depends_on_now_only_through_those_who_stay(numbers):
    """A4: numbers at two times t apart have the covariance mean(now) exp(-mt): arrivals are independent of the past.

    n = 200 pairs, 48 and 84 h; z of the correlation by Fisher's transform, |z| < 4.56 (sees 0.3).
    """
    counts, hours = numbers
    now, later = 48.0, 84.0
    x, y = (counts[:, np.flatnonzero(hours == hour)[0]] for hour in (now, later))
    expected = np.exp(-LEAVING_PER_H * (later - now)) * np.sqrt(mean_at(now) / mean_at(later))
    z = (np.arctanh(np.corrcoef(x, y)[0, 1]) - np.arctanh(expected)) * np.sqrt(REPLICATES - 3)
    assert abs(z) < LARGEST_Z


def test_arrivals_begin_with_the_run():
    """A4 with the usual body step of 1 h: after 2 h as many have come as two hours bring, not one.

    n = 200 replicates, 13 arrivals each; z of the mean number present (sees 12 % of the arrivals). Detects a pull of the
    tissue that is first known after the first step of the body.
    """
    found = courses(immigrating(2.0 / 24.0, 1.0), REPLICATES)
    here = np.array([course["lesion.cells.macrophage"][-1] for course in found])
    assert found[0].hours[-1] == 2.0
    assert abs(here.mean() - mean_at(2.0)) * np.sqrt(REPLICATES / mean_at(2.0)) < LARGEST_Z
