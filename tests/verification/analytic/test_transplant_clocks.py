"""Drugs against closed forms, and competing clocks of death against exponential laws."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from simengine.foundation.jit import kernel
from simengine.patients.draws import Dice
from simengine.studies.competing import cumulative_incidence
from simengine.studies.survival import kaplan_meier
from simengine.transplant import mortality, schedule
from simengine.transplant import state as s
from simengine.transplant.drugs import add_effects
from tests.small_patient import SmallPatient
from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P

DRUGS = ("tacrolimus", "ciclosporin", "mycophenolate")


@pytest.mark.parametrize("drug", DRUGS)
def test_a_drug_reaches_its_trough_and_the_effect_of_its_closed_form(drug):
    """Steady state: level = rise e^-kt / (1 - e^-kT), a typical patient's trough = the target; effect = mean of its Hill curve.

    By the hour to 1e-6; against the integral in continuous time within 3 % of what is blocked (hours begin with the level
    of their first minute). Detects doses that are chosen by the wrong half-life and effects of the trough or peak.
    """
    small = SmallPatient()
    row = {"drug": drug, "first_day": 0, "last_day": 60, "share": 1.0}
    course = schedule._course(row, small.numbers, Dice("none", 1, 0, 0))
    _, _, _, interval, rise, k, half, n = course
    typical = np.log(2.0) / small.numbers.typical("drugs", drug, "half_life_h")
    trough = rise * np.exp(-typical * interval) / (1.0 - np.exp(-typical * interval))
    assert trough == pytest.approx(small.of("drugs", drug, "target_trough_ng_per_ml"))
    days = np.full(160, 0.25)
    spared, out = np.ones((160, 3)), np.zeros((160, s.N_BLOCK))
    effect = np.array([0.5, 0.25, 1.0, 0.0, 0.0, 0.0])
    add_effects(0.25 * np.arange(160.0), days, course, effect, spared, out)

    def share(t):
        level = rise * np.exp(-k * t) / (1.0 - np.exp(-k * interval))
        return level**n / (level**n + half**n)

    blocked = np.mean((1.0 - spared[40:160]), axis=0)
    hourly = np.mean(share(np.arange(0.0, interval)))
    np.testing.assert_allclose(blocked, effect[:3] * hourly, rtol=1e-6)
    exact = quad(share, 0.0, interval)[0] / interval
    assert hourly == pytest.approx(exact, rel=0.03)


HAZARDS = {s.DIES_OF_RELAPSE: 0.010, s.DIES_OF_TOXICITY: 0.006, s.DIES_OF_GVHD: 0.003, s.DIES_OF_AGE: 0.001}
FOLLOWED = 120.0
N = 4000


@kernel
def deaths(patient, start, ends, causes):
    """Let patients with given clocks live through all steps from day 0 on; write the day and cause of death."""
    for i in range(start.shape[0]):
        patient.left[:] = start[i]
        patient.level[s.DEAD] = 0.0
        patient.day_of[s.DAY_OF_DEATH] = np.nan
        for step in range(patient.start_day.shape[0]):
            if patient.start_day[step] >= 0.0 and patient.level[s.DEAD] == 0.0:
                mortality.flow(patient, step, patient.days[step])
        ends[i] = patient.day_of[s.DAY_OF_DEATH]
        causes[i] = patient.level[s.DEAD]


@cache
def followed():
    """Return day (NaN: alive at 120 d) and cause of 4,000 patients with four constant hazards and steps of 6 h and a day."""
    small = SmallPatient().empty().set(mortality__infection_per_day=0.0, mortality__failure_per_day=0.0)
    small.set(mortality__toxicity_per_day=HAZARDS[s.DIES_OF_TOXICITY], mortality__background_per_day=HAZARDS[s.DIES_OF_AGE])
    small.set(mortality__gvhd_per_day=HAZARDS[s.DIES_OF_GVHD])
    small.number[s.RELAPSE_DEATH_PER_DAY] = HAZARDS[s.DIES_OF_RELAPSE]
    small.level[[s.RELAPSED, s.TOXIC_ORGANS, s.DAMAGE_GUT]] = 1.0
    start = np.random.default_rng(5).exponential(size=(N, s.N_LEFT))
    ends, causes = np.zeros(N), np.zeros(N)
    deaths(small.patient, start, ends, causes)
    return ends, causes


def test_constant_hazards_give_exponential_deaths_at_their_own_times():
    """n = 4,000: times of death are exponential with the sum of four hazards, cut at 120 d; Kolmogorov-Smirnov p >= 5e-6.

    Sees 4 % of the median. Detects deaths dated at the end of a step (by a second look at the part of a day that is used:
    within steps of a day it is even), and hazards that are added twice.
    """
    ends, _ = followed()
    dead, total = ends[~np.isnan(ends)], sum(HAZARDS.values())
    assert abs(len(dead) - N * (1.0 - np.exp(-total * FOLLOWED))) < LARGEST_Z * np.sqrt(N * 0.25)
    assert stats.kstest(dead, stats.truncexpon(total * FOLLOWED, scale=1.0 / total).cdf).pvalue > LEAST_P
    late = dead[dead > 100.0] % 1.0
    assert stats.kstest(late, "uniform").pvalue > LEAST_P


def test_the_cause_of_death_has_the_share_of_its_hazard_whenever_it_comes():
    """n = 4,000: causes by chi-square against shares of the sum, early and late deaths alike; p >= 5e-6 each."""
    ends, causes = followed()
    law = np.array(list(HAZARDS.values())) / sum(HAZARDS.values())
    early = ends < np.nanmedian(ends)
    for those in (early, ~early & ~np.isnan(ends)):
        seen = np.array([np.sum(causes[those] == cause) for cause in HAZARDS])
        assert seen.sum() == those.sum()
        assert stats.chisquare(seen, law * seen.sum()).pvalue > LEAST_P


def test_incidences_of_all_causes_and_survival_sum_to_one():
    """Aalen-Johansen of each cause and Kaplan-Meier on the same patients: 1 at every time to 1e-12, each near its closed form.

    Incidence of a cause = share x (1 - e^-(total t)) within 4.56 standard errors of a share at 120 d.
    """
    ends, causes = followed()
    time = np.where(np.isnan(ends), FOLLOWED, ends)
    names = np.array([s.CAUSES[int(cause)] for cause in causes])
    found = cumulative_incidence(time, names)
    alive = kaplan_meier(time, causes > 0.0)
    at = np.linspace(0.0, 119.0, 40)
    np.testing.assert_allclose(found.incidence[:, found.step(at)].sum(axis=0) + alive.at(at), 1.0, atol=1e-12)
    for cause, hazard in HAZARDS.items():
        law = hazard / sum(HAZARDS.values()) * (1.0 - np.exp(-sum(HAZARDS.values()) * 119.0))
        seen = found.incidence[found.causes.index(s.CAUSES[cause]), found.step(119.0)]
        assert abs(seen - law) < LARGEST_Z * np.sqrt(law * (1.0 - law) / N)
