"""Every score against a reference written otherwise: loops, closed forms, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.cohorts.calibration import binary_groups, groups_of, survival_groups
from simengine.cohorts.metrics import (
    binary_pairs,
    brier_losses,
    concordance,
    curve_losses,
    mean_loss,
    mean_ranks,
    restricted_means,
    time_pairs,
)
from simengine.cohorts.observed import CENSORED, COMPETING, EVENT, not_censored
from simengine.studies.statistics import wilson

RNG = np.random.default_rng(11)
ONE = np.ones((1, 4))


def steps(days, horizon):
    """Return the curves of replicates' days, float64[N, horizon + 1]."""
    return np.stack([(days <= day).mean(axis=1) for day in range(horizon + 1)], axis=1)


def test_concordance_by_hand():
    """Times 1, 2+, 3, 4: the pairs are (1, 2+), (1, 3), (1, 4), (3, 4); predicted 1 < 2+, 1 > 3, 1 = 4 and 3 < 4."""
    time, state = np.array([1.0, 2.0, 3.0, 4.0]), np.array([EVENT, CENSORED, EVENT, EVENT])
    rank = np.array([5.0, 6.0, 4.0, 5.0])
    assert concordance(rank, time_pairs(time, state), ONE)[0] == pytest.approx((1 + 0 + 0.5 + 1) / 4)


def test_days_are_ranked_by_the_replicates_that_have_them():
    """Days 3, 5 | 4, never | never, failed: ranks 1, 3 | 2 | none; who dies in half of the replicates is no later for that."""
    days = np.array([[3.0, 5.0], [4.0, np.inf], [np.inf, np.nan]])
    assert mean_ranks(days).tolist() == [2.0, 2.0, np.inf]


def harrell(rank, time, event, weight):
    """Return Harrell's C of patients with whole weights, pair by pair."""
    right = total = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
                w = weight[i] * weight[j]
                total += w
                right += w * (1.0 if rank[i] < rank[j] else 0.5 if rank[i] == rank[j] else 0.0)
    return right / total


def test_concordance_is_harrells_with_ties_censoring_and_weights():
    time, event = RNG.integers(1, 9, 40).astype(float), RNG.random(40) < 0.6
    rank = RNG.integers(0, 6, 40).astype(float)
    weights = RNG.multinomial(40, np.full(40, 1 / 40), 5).astype(float)
    found = concordance(rank, time_pairs(time, np.where(event, EVENT, CENSORED)), weights)
    assert np.allclose(found, [harrell(rank, time, event, w) for w in weights])


def test_a_concordance_that_took_censored_days_for_events_would_be_another():
    time, state = np.array([1.0, 2.0, 3.0, 4.0]), np.array([CENSORED, EVENT, CENSORED, EVENT])
    pairs = time_pairs(time, state)
    assert not pairs[0].any()
    assert pairs.sum() == 2
    assert concordance(np.array([9.0, 1.0, 2.0, 3.0]), pairs, ONE)[0] == 1.0


def test_the_area_under_the_curve_is_mann_and_whitneys():
    from scipy.stats import mannwhitneyu

    p, y = RNG.integers(0, 10, 60) / 10, (RNG.random(60) < 0.4).astype(float)
    u = mannwhitneyu(p[y == 1], p[y == 0]).statistic
    found = concordance(-p, binary_pairs(y), np.ones((1, 60)))[0]
    assert found == pytest.approx(u / ((y == 1).sum() * (y == 0).sum()))


def test_a_fair_brier_score_does_not_depend_on_how_many_replicates_there_are():
    """The mean over ensembles of 5 and of 50 from the same chance is that of the chance itself (5 standard errors)."""
    p, y = 0.3, 1.0
    for runs in (5, 50):
        share = RNG.binomial(runs, p, 200_000) / runs
        losses = brier_losses(share, np.full(len(share), y), np.full(len(share), float(runs)))
        assert losses.mean() == pytest.approx((p - y) ** 2, abs=5 * losses.std() / np.sqrt(len(losses)))
    assert brier_losses(np.array([0.2]), np.array([1.0]))[0] == pytest.approx(0.64)


def test_the_crps_of_an_ensemble_is_its_kernel_form():
    """Without censoring and with everything before the horizon: mean |X - y| - mean |X - X'| / 2, the latter fair."""
    days, seen = RNG.integers(5, 30, (6, 12)).astype(float), RNG.integers(5, 30, 6).astype(float)
    state = np.full(6, EVENT)
    plain = curve_losses(steps(days, 40), seen, state)[:, :-1].sum(axis=1)
    fair = curve_losses(steps(days, 40), seen, state, np.full(6, 12.0))[:, :-1].sum(axis=1)
    for i in range(6):
        to_seen = np.abs(days[i] - seen[i]).mean()
        between = np.abs(days[i][:, None] - days[i][None, :]).sum()
        assert plain[i] == pytest.approx(to_seen - between / (2 * 12 * 12))
        assert fair[i] == pytest.approx(to_seen - between / (2 * 12 * 11))


def test_who_never_recovers_costs_up_to_the_horizon_and_no_further():
    """Predicted on day 10 for sure: who dies without it on day 5 costs 30 days of 40, one who had it on day 14 costs 4."""
    curve = steps(np.full((2, 3), 10.0), 40)
    losses = curve_losses(curve, np.array([5.0, 14.0]), np.array([COMPETING, EVENT]))[:, :-1].sum(axis=1)
    assert np.allclose(losses, [30.0, 4.0])


def test_losses_to_follow_up_are_weighed_by_hand():
    """Days 1 event, 2 lost, 3 event, 5 still there: G is 1 to day 2 and 2/3 after; Brier scores of days 2 and 3 by hand."""
    time, state = np.array([1.0, 2.0, 3.0, 5.0]), np.array([EVENT, CENSORED, EVENT, CENSORED])
    curve = np.tile(np.array([0.1, 0.4, 0.5, 0.6, 0.6]), (4, 1))
    losses = curve_losses(curve, time, state)
    assert np.allclose(losses[:, 2], [0.5**2, 0.0, 0.5**2 * 1.5, 0.5**2 * 1.5])
    assert np.allclose(losses[:, 3], [0.4**2, 0.0, 0.4**2 * 1.5, 0.6**2 * 1.5])
    assert mean_loss(losses[:, 3], ONE)[0] == pytest.approx((0.16 + 0.16 * 1.5 + 0.36 * 1.5) / 4)


def test_a_brier_score_with_losses_is_that_without_them():
    """4000 patients: what is lost to follow-up at random does not move the score (4 standard errors), ignoring it would."""
    n, day = 4000, 10
    truth = RNG.exponential(12.0, n)
    lost = RNG.uniform(0, 25, n)
    time, state = np.minimum(truth, lost), np.where(truth <= lost, EVENT, CENSORED)
    curve = np.tile(1 - np.exp(-np.arange(day + 1) / 20.0), (n, 1))
    losses = curve_losses(curve, time, state)[:, day]
    complete = ((curve[:, day] - (truth <= day)) ** 2).mean()
    error = losses.std() / np.sqrt(n)
    assert losses.mean() == pytest.approx(complete, abs=4 * error)
    known = (time > day) | (state == EVENT)
    ignoring = ((curve[known, day] - (truth[known] <= day)) ** 2).mean()
    assert abs(ignoring - complete) > 2 * error


def test_the_chance_of_not_being_lost_is_that_of_just_before():
    before = not_censored(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, True, False, False]))
    assert np.allclose(before(np.array([0.0, 1.0, 2.0, 2.1, 9.0])), [1.0, 1.0, 1.0, 0.5, 0.5])
    assert np.allclose(not_censored(np.array([1.0]), np.array([False]))(np.array([5.0])), 1.0)


def test_a_restricted_mean_ranks_by_all_replicates_and_never_counts_as_the_horizon():
    days = np.array([[10.0, 12.0, np.inf], [10.0, 12.0, 14.0]])
    assert np.allclose(restricted_means(steps(days, 30)), [(10 + 12 + 30) / 3, 12.0])


def test_groups_are_of_rising_prediction_and_alike_ones_stay_together():
    p = np.array([0.1] * 20 + [0.2] * 40 + [0.7] * 20)
    groups = groups_of(p)
    assert [len(group) for group in groups] == [20, 40, 20]
    assert [len(group) for group in groups_of(np.zeros(50))] == [50]
    rows = binary_groups(p, (np.arange(80) % 4 == 0).astype(float), np.ones(80), p)
    assert [row["observed"] for row in rows] == [0.25] * 3
    assert (rows[1]["low"], rows[1]["high"]) == pytest.approx(wilson(10, 40))


def test_survival_in_a_group_is_kaplan_and_meiers():
    time, state = np.arange(1.0, 21.0), np.tile([EVENT, CENSORED], 10)
    row = survival_groups(np.full(20, 0.6), time, state, 4.0, np.zeros(20))[0]
    assert row["observed"] == pytest.approx((1 - 1 / 20) * (1 - 1 / 18))
    assert row["low"] < row["observed"] < row["high"]
