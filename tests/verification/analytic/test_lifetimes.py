"""Pure death and competing causes (cases A1 and A5), and what rules add up to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.verification.analytic.isolated import (
    LARGEST_Z,
    LEAST_P,
    Constant,
    catalogue_value,
    courses,
    every,
    injected,
    isolated,
    lives_of,
    pooled,
)

DEATH_PER_H = 1.0
WHOLE_LIVES_H = 14.0
"""Cells that came so long before the end are dead at the end (one in 1.2 million is not) and count; later ones do not."""


def dying(clocks, agents=4000, hours=20.0):
    """Cells that arrive within an hour or so and die of apoptosis alone, 1 per h."""
    constants = [Constant("stromal", "apoptosis_per_h", DEATH_PER_H), Constant("stromal", "fragile_death_per_h", 0.0)]
    return isolated(constants, ("apoptosis", "delivery", "trafficking"), clocks + injected(agents, hours / 24.0))


def whole_lives(asked, replicates):
    """The lives of all cells that came early enough to be followed to their death."""
    lives = pooled(lives_of(course) for course in courses(asked, replicates))
    followed = lives.came_h <= 24.0 * asked.run.duration_days - WHOLE_LIVES_H
    assert np.isfinite(lives.lived_h[followed]).mean() > 0.9999
    return lives.lived_h[followed]


@pytest.mark.parametrize("minutes", [0.5, 6.0, 60.0])
def test_lifetimes_are_exponential(minutes):
    """A1, for steps of 0.0083, 0.1 and 1 mean lifetime.

    n about 100,000 lifetimes; Kolmogorov-Smirnov against Exp(1/h), p >= 5e-6, and z of the mean. Sees 1.5 % in the rate.
    Detects p = rate x dt (5 % at the middle step), a step too many or too few, event times rounded to steps.
    """
    lived = whole_lives(dying(every(minutes)), 26)
    assert len(lived) > 95_000
    assert abs(lived.mean() * DEATH_PER_H - 1.0) * np.sqrt(len(lived)) < LARGEST_Z
    assert stats.kstest(lived, "expon", (0.0, 1.0 / DEATH_PER_H)).pvalue > LEAST_P


def test_cells_that_arrive_between_two_steps_of_fates_live_no_longer():
    """A1 with arrivals every 6 min and fates every 60 min: hazards run from arrival, not from the next step of fates.

    n about 40,000 lifetimes, Kolmogorov-Smirnov and z of the mean (sees 2.3 %). Detects time that nobody accounts for
    between entry and the first step of fates (half an hour, 30 % of a lifetime here).
    """
    clocks = "clocks = { motion_min = 6.0, fates_min = 60.0, fields_min = 60.0 }\n"
    lived = whole_lives(dying(clocks), 11)
    assert len(lived) > 38_000
    assert abs(lived.mean() * DEATH_PER_H - 1.0) * np.sqrt(len(lived)) < LARGEST_Z
    assert stats.kstest(lived, "expon", (0.0, 1.0 / DEATH_PER_H)).pvalue > LEAST_P


def test_survivors_are_binomial_in_every_replicate():
    """A1: of those that arrive, Binomial(N, exp(-t)) are older than t = 0.2, 0.5, 1, 2 and 3 h.

    n = 60 replicates of about 1,000 cells; in each the five age classes and those beyond are multinomial, so that the sum
    of chi-squares has 60 x 5 degrees of freedom. Two-sided, p >= 5e-6: sees replicates 40 % too alike or too different.
    Detects lives that share their dice within a replicate, or replicates that share theirs.
    """
    ages = np.array([0.2, 0.5, 1.0, 2.0, 3.0])
    edges = np.concatenate([[0.0], ages, [np.inf]])
    share = np.diff(1.0 - np.exp(-DEATH_PER_H * edges))
    total = 0.0
    for course in courses(dying(every(6.0), agents=1000), 60):
        lives = lives_of(course)
        lived = lives.lived_h[lives.came_h <= 20.0 - WHOLE_LIVES_H]
        total += stats.chisquare(np.histogram(lived, edges)[0], share * len(lived)).statistic
    law = stats.chi2(60 * len(ages))
    assert 2.0 * min(law.sf(total), law.cdf(total)) > LEAST_P


def test_living_cells_at_each_record_are_those_that_came_less_those_that_died():
    """The recorded number of agents is, at every recorded time, arrivals before it less deaths up to it: exactly."""
    (course,) = courses(dying(every(6.0)), 1)
    lives = lives_of(course)
    for hour, living in zip(course.hours, course["deposit.agents.stromal_resting"], strict=True):
        came = lives.came_h < hour
        assert living == came.sum() - (came & (lives.came_h + lives.lived_h <= hour)).sum()


@pytest.mark.parametrize("minutes", [6.0, 60.0])
def test_cumulative_hazard_is_rate_times_time_lived(minutes):
    """The recorded compensator is the rate times the hours that all cells lived together, to 1e-9: no statistics.

    Detects compensators over whole steps where cells die inside them, and hazards booked under another cause.
    """
    (course,) = courses(dying(every(minutes)), 1)
    lives = lives_of(course)
    assert np.isfinite(lives.lived_h).all()
    cause = course.event_names.index("apoptosis")
    assert course.tally[2, ..., -1].sum() == pytest.approx(DEATH_PER_H * lives.lived_h.sum(), rel=1e-9)
    assert course.tally[2, :, cause, -1].sum() == pytest.approx(course.tally[2, ..., -1].sum(), rel=1e-9)


RATES = {"apoptosis": 0.6, "ischaemia": 0.3, "egress": 0.1}


@pytest.mark.parametrize("minutes", [6.0, 60.0])
def test_causes_compete(minutes):
    """A5: with hazards 0.6, 0.3 and 0.1 per h the time of death is Exp(1/h), the cause 6:3:1, whatever the time.

    n about 50,000 deaths; Kolmogorov-Smirnov of the time; chi-square over cause x quintile of time against 15 expected
    counts (14 degrees of freedom; sees 3 % in the largest share). Detects causes tried one after the other (at steps of
    1 h that gives 0.451 in place of 0.6 x 0.632), and causes drawn by order or by a number that the time used already.
    """
    behaviours = {"apoptosis": "apoptosis_per_h", "ischaemia": "ischaemic_death_per_h", "egress": "egress_per_h"}
    constants = [Constant("stromal", behaviours[cause], rate) for cause, rate in RATES.items()]
    constants.append(Constant("stromal", "fragile_death_per_h", 0.0))
    on = ("apoptosis", "delivery", "homing", "ischaemia", "trafficking")
    asked = isolated(constants, on, every(minutes) + injected(4000, 20.0 / 24.0))
    found = courses(asked, 13)
    lives = pooled(lives_of(course) for course in found)
    kept = np.isfinite(lives.lived_h) & (lives.came_h <= 20.0 - WHOLE_LIVES_H)
    lived, cause = lives.lived_h[kept], lives.cause[kept]
    assert len(lived) > 48_000
    assert stats.kstest(lived, "expon").pvalue > LEAST_P
    quintile = np.minimum((5.0 * -np.expm1(-lived)).astype(int), 4)
    rows = [found[0].event_names.index(name) for name in RATES]
    observed = np.array([[np.sum((cause == row) & (quintile == q)) for q in range(5)] for row in rows])
    assert observed.sum() == len(lived)
    expected = np.outer(list(RATES.values()), np.full(5, len(lived) / 5.0))
    assert stats.chisquare(observed.ravel(), expected.ravel()).pvalue > LEAST_P


@pytest.mark.parametrize(("factor", "additive"), [("c", "d"), ("d", "c")])
def test_factors_multiply_the_base_and_additive_rows_come_on_top_whatever_they_are_called(factor, additive):
    """EQ-RULE-1: base 0.0046 per h x 0.5 + 1 per h = 1.0023 per h, to 1e-9, in either order of the rules' names.

    The rate is the compensator over the time lived. Detects rows that are applied in the order of their names.
    """
    head = 'kind = "stromal", signal = "functional", behaviour = "apoptosis_per_h", half = 1e-12, source = "a test"'
    rows = [
        f'{{ id = "{factor}_of_a_test", {head}, limit = 0.5 }}',
        f'{{ id = "{additive}_of_a_test", {head}, limit = 1.0, additive = true }}',
    ]
    constants = [Constant("stromal", "fragile_death_per_h", 0.0)]
    more = every(6.0) + injected(1000, 20.0 / 24.0)
    (course,) = courses(isolated(constants, ("apoptosis", "delivery", "trafficking"), more, rules=rows), 1)
    lives = lives_of(course)
    base = catalogue_value("lineages", "stromal", "resting.behaviours.apoptosis_per_h")
    assert course.tally[2, ..., -1].sum() / lives.lived_h.sum() == pytest.approx(0.5 * base + 1.0, rel=1e-9)
