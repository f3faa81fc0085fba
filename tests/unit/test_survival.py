"""Survival, cumulative incidence and tests of hazards: closed forms, published tables, other programs, and derivatives.

The influence of a run is checked by the derivative of the weighted estimate, taken by a complex step, which is exact to
rounding and knows nothing of the formulas.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from simengine.studies import events
from simengine.studies.comparison import hazard_ratio, logrank
from simengine.studies.competing import cumulative_incidence
from simengine.studies.survival import kaplan_meier, nelson_aalen, restricted_mean, restricted_mean_difference
from tests.unit.test_statistics import coverage

FREIREICH_WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
FREIREICH_RELAPSED = [True] * 9 + [False] * 12
PLACEBO_WEEKS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
"""Freireich et al., Blood 21 (1963) 699: weeks to relapse of leukaemia under 6-mercaptopurine and placebo."""


def trial(seed, n=60):
    """Times on a coarse grid, so that ties and censoring at event times abound, with three causes."""
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 12, n).astype(float)
    cause = rng.choice(["", "apoptosis", "rejected", "washed out"], n, p=[0.4, 0.2, 0.3, 0.1])
    return time, cause


def by_weights(estimate, n):
    """Return the derivative of an estimate by the weight of each run, by a complex step."""
    step = 1e-30
    return np.array([estimate(np.where(np.arange(n) == i, 1.0 + step * 1j, 1.0 + 0j)).imag / step for i in range(n)])


def weighted_survival(time, is_event, until, weights):
    """Kaplan-Meier with weights, straight from its definition."""
    result = 1.0 + 0j
    for t in np.unique(time[is_event & (time <= until)]):
        result *= 1.0 - weights[is_event & (time == t)].sum() / weights[time >= t].sum()
    return result


def weighted_incidence(time, cause, name, until, weights):
    """Aalen-Johansen with weights, straight from its definition."""
    survival, result = 1.0 + 0j, 0j
    for t in np.unique(time[(cause != "") & (time <= until)]):
        at_risk = weights[time >= t].sum()
        result += survival * weights[(cause == name) & (time == t)].sum() / at_risk
        survival *= 1.0 - weights[(cause != "") & (time == t)].sum() / at_risk
    return result


def weighted_area(time, is_event, until, weights):
    """Area under the weighted curve, straight from its definition."""
    edges = np.unique([0.0, *time[is_event & (time < until)], until])
    return sum(weighted_survival(time, is_event, a, weights) * (b - a) for a, b in itertools.pairwise(edges))


def variance_over(patients, influence):
    """Squared sums within patients, with the correction for their number."""
    groups = np.unique(patients)
    sums = np.array([influence[patients == g].sum() for g in groups])
    return np.sum(sums**2) * len(groups) / (len(groups) - 1)


def test_kaplan_meier_gives_the_published_curve_of_the_leukaemia_trial():
    """The arm of 6-mercaptopurine: the textbook case, n = 21, 9 relapses."""
    curve = kaplan_meier(FREIREICH_WEEKS, FREIREICH_RELAPSED)
    assert curve.time.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [0, 3, 1, 1, 1, 1, 1, 1]
    expected = [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert curve.survival == pytest.approx(expected, abs=5e-5)
    greenwood = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve.standard_error[1:] == pytest.approx(greenwood, abs=1e-4)
    assert (curve.quantile(0.5), curve.quantile(0.9)) == (23.0, pytest.approx(np.nan, nan_ok=True))
    z = stats.norm.ppf(0.975)
    spread = z * np.array(greenwood) / (curve.survival[1:] * np.abs(np.log(curve.survival[1:])))
    assert curve.low[1:] == pytest.approx(curve.survival[1:] ** np.exp(spread), abs=2e-4)
    assert curve.high[1:] == pytest.approx(curve.survival[1:] ** np.exp(-spread), abs=2e-4)
    assert curve.numbers_at_risk([0, 6, 10, 20, 40]).tolist() == [21, 21, 15, 8, 0]
    assert curve.at([5.9, 6.0, 100.0]) == pytest.approx([1.0, 0.8571, 0.4482], abs=5e-5)


def test_kaplan_meier_without_censoring_is_the_share_still_alive():
    times = np.array([3.0, 1.0, 2.0, 2.0])
    curve = kaplan_meier(times, np.ones(4))
    assert curve.at([0.5, 1.0, 2.0, 3.0]).tolist() == [1.0, 0.75, 0.25, 0.0]
    assert np.isnan(curve.low[-1])


def test_events_come_before_censoring_at_a_tie():
    assert kaplan_meier([5.0, 5.0], [True, False]).survival[-1] == 0.5


def test_nobody_lost_is_a_flat_curve():
    curve = kaplan_meier([30.0, 30.0], [False, False])
    assert (curve.survival.tolist(), curve.low.tolist(), curve.high.tolist()) == ([1.0], [1.0], [1.0])


def test_an_event_at_time_zero_counts():
    assert kaplan_meier([0.0, 4.0], [True, False]).survival.tolist() == [0.5]


@pytest.mark.parametrize("time", [[-1.0, 2.0], [np.nan, 2.0], [1.0, 2.0, 3.0]])
def test_impossible_survival_times_are_refused(time):
    with pytest.raises(ValueError, match="survival times"):
        kaplan_meier(time, [True, False])


@pytest.mark.parametrize("seed", range(5))
def test_kaplan_meier_agrees_with_scipy_on_random_data_with_ties(seed):
    rng = np.random.default_rng(seed)
    time, is_event = rng.integers(1, 12, 60).astype(float), rng.random(60) < 0.6
    other = stats.ecdf(stats.CensoredData.right_censored(time, ~is_event)).sf
    curve = kaplan_meier(time, is_event)
    assert curve.at(other.quantiles) == pytest.approx(other.probabilities, rel=1e-13)
    interval = other.confidence_interval(method="log-log")
    inner = (curve.survival > 0) & (curve.survival < 1)
    assert curve.low[inner] == pytest.approx(interval.low.evaluate(curve.time[inner]), rel=1e-10)
    assert curve.high[inner] == pytest.approx(interval.high.evaluate(curve.time[inner]), rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_greenwoods_variance_is_the_sum_of_squared_influences(seed):
    """Exact to 1e-12 for independent runs with ties and censoring at event times."""
    time, cause = trial(seed)
    is_event = cause != ""
    curve = kaplan_meier(time, is_event)
    for t in (0.0, 3.0, 7.5, 11.0):
        influence = by_weights(lambda w, t=t: weighted_survival(time, is_event, t, w), len(time))
        assert curve.standard_error[curve.step(t)] ** 2 == pytest.approx(np.sum(influence**2), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_variances_over_patients_sum_the_influences_of_their_replicates(seed):
    time, cause = trial(seed)
    is_event, patients = cause != "", np.arange(len(time)) % 9
    curve = kaplan_meier(time, is_event, patients=patients)
    causes = cumulative_incidence(time, cause, patients=patients)
    for t in (0.0, 4.0, 8.0, 10.0):
        influence = by_weights(lambda w, t=t: weighted_survival(time, is_event, t, w), len(time))
        assert curve.standard_error[curve.step(t)] ** 2 == pytest.approx(variance_over(patients, influence), rel=1e-12)
        for c, name in enumerate(causes.causes):
            influence = by_weights(lambda w, t=t, name=name: weighted_incidence(time, cause, name, t, w), len(time))
            found = causes.standard_error[c, causes.step(t)] ** 2
            assert found == pytest.approx(variance_over(patients, influence), rel=1e-12)
    mean = restricted_mean(time, is_event, 9.5, patients=patients)
    influence = by_weights(lambda w: weighted_area(time, is_event, 9.5, w), len(time))
    assert mean.mean == pytest.approx(weighted_area(time, is_event, 9.5, np.ones(len(time))).real, rel=1e-13)
    assert mean.standard_error**2 == pytest.approx(variance_over(patients, influence), rel=1e-12)


def test_replicates_of_a_patient_narrow_no_curve():
    """Eight patients whose twenty replicates are alike: the interval is as wide as that of one replicate each, or wider."""
    time, is_event = np.array([2.0, 3.0, 3.0, 5.0, 6.0, 7.0, 9.0, 9.0]), np.array([1, 1, 0, 1, 1, 0, 1, 0], dtype=bool)
    once = kaplan_meier(time, is_event)
    often = kaplan_meier(np.repeat(time, 20), np.repeat(is_event, 20), patients=np.repeat(np.arange(8), 20))
    feigned = kaplan_meier(np.repeat(time, 20), np.repeat(is_event, 20))
    assert often.survival == pytest.approx(once.survival, rel=1e-13)
    assert often.standard_error == pytest.approx(once.standard_error * np.sqrt(8 / 7), rel=1e-12)
    assert feigned.standard_error[-2] < 0.25 * often.standard_error[-2]


def test_one_patient_alone_has_an_interval_over_replicates():
    time, is_event = [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 1]
    alone, plain = kaplan_meier(time, is_event, patients=[7, 7, 7, 7]), kaplan_meier(time, is_event)
    assert np.array_equal(alone.low, plain.low, equal_nan=True)


def test_a_single_run_has_a_curve():
    assert kaplan_meier([4.0], [True]).survival.tolist() == [1.0, 0.0]
    assert restricted_mean([4.0], [True], 10.0).mean == 4.0
    assert cumulative_incidence([4.0], ["rejected"]).incidence.tolist() == [[0.0, 1.0]]


def test_no_run_at_all_is_no_error():
    assert kaplan_meier([], []).survival.tolist() == [1.0]
    assert cumulative_incidence([], []).causes == ()
    assert np.isnan(restricted_mean([], [], 5.0).mean)
    assert np.isnan(logrank([], [], []).p)


def test_the_cumulative_hazard_is_nelsons_sum():
    """By hand: 1/5 at 2, 1/4 at 3 (with a censoring), 1/1 at 6."""
    found = nelson_aalen([2.0, 3.0, 3.0, 5.0, 6.0], [1, 1, 0, 0, 1])
    assert found.time.tolist() == [0, 2, 3, 6]
    assert found.hazard == pytest.approx([0, 0.2, 0.45, 1.45], rel=1e-14)
    assert found.standard_error**2 == pytest.approx([0, 0.04, 0.1025, 1.1025], rel=1e-14)
    assert (found.low[0], found.high[0]) == (0.0, 0.0)
    assert found.high[1] / 0.2 == pytest.approx(0.2 / found.low[1], rel=1e-13)


def test_the_variance_of_the_hazard_over_patients_sums_their_influences():
    time, cause = trial(4)
    is_event, patients = cause != "", np.arange(len(time)) % 11

    def weighted(until, w):
        times = np.unique(time[is_event & (time <= until)])
        return sum((w[is_event & (time == t)].sum() / w[time >= t].sum() for t in times), 0j)

    found = nelson_aalen(time, is_event, patients=patients)
    for k, t in enumerate(found.time):
        influence = by_weights(lambda w, t=t: weighted(t, w), len(time))
        assert found.standard_error[k] ** 2 == pytest.approx(variance_over(patients, influence), rel=1e-12)


def test_without_censoring_incidence_is_a_share_with_the_variance_of_a_share():
    time = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0, 6.0])
    cause = np.array(["b", "a", "b", "a", "a", "b", "a", "b"])
    found = cumulative_incidence(time, cause)
    assert found.causes == ("a", "b")
    for c, name in enumerate(found.causes):
        share = np.array([np.mean((time <= t) & (cause == name)) for t in found.time])
        assert found.incidence[c] == pytest.approx(share, rel=1e-13)
        assert found.standard_error[c] ** 2 == pytest.approx(share * (1 - share) / 8, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_incidences_and_survival_add_up_to_one(seed):
    time, cause = trial(seed, 200)
    found = cumulative_incidence(time, cause)
    assert found.incidence.sum(axis=0) + found.survival == pytest.approx(np.ones(len(found.time)), rel=1e-13)
    assert np.all((found.low <= found.incidence) & (found.incidence <= found.high))


def test_a_single_cause_is_one_minus_kaplan_meier():
    time, cause = trial(2)
    one = np.where(cause == "", "", "lost")
    found, curve = cumulative_incidence(time, one), kaplan_meier(time, one == "lost")
    assert found.incidence[0] == pytest.approx(1.0 - curve.survival, rel=1e-12)
    assert found.standard_error[0] == pytest.approx(curve.standard_error, rel=1e-12)


def test_a_competing_cause_is_not_censoring():
    """By hand: a at 1, b at 2, a at 3, one censored at 4; if b were censoring, a would reach 1/2 and not 2/4 at 3."""
    found = cumulative_incidence([1.0, 2.0, 3.0, 4.0, 4.0], ["a", "b", "a", "", ""])
    assert found.incidence[0].tolist() == pytest.approx([0, 0.2, 0.2, 0.4], rel=1e-14)
    wrong = 1.0 - kaplan_meier([1.0, 2.0, 3.0, 4.0, 4.0], [1, 0, 1, 0, 0]).survival
    assert wrong[-1] == pytest.approx(1 - 0.8 * 2 / 3, rel=1e-14)


def test_events_of_two_causes_at_one_time_share_it():
    found = cumulative_incidence([2.0, 2.0, 2.0, 5.0], ["a", "b", "", ""])
    assert found.incidence[:, -1].tolist() == [0.25, 0.25]
    assert found.events.tolist() == [[0, 1], [0, 1]]


def test_the_restricted_mean_of_complete_times_is_the_mean_of_the_shorter_of_time_and_horizon():
    time = np.array([1.0, 2.5, 4.0, 7.0, 9.0])
    found = restricted_mean(time, np.ones(5), 6.0)
    short = np.minimum(time, 6.0)
    assert found.mean == pytest.approx(short.mean(), rel=1e-14)
    assert found.standard_error == pytest.approx(short.std(ddof=0) / np.sqrt(5), rel=1e-12)


def test_the_restricted_mean_of_the_leukaemia_trial_is_the_published_one():
    """Royston & Parmar's definition on the drug arm to week 20, integrated by hand over its published steps."""
    steps = np.diff([0, 6, 7, 10, 13, 16, 20])
    survival = np.cumprod([1, 18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11])
    assert restricted_mean(FREIREICH_WEEKS, FREIREICH_RELAPSED, 20.0).mean == pytest.approx(np.sum(steps * survival), rel=1e-13)


def test_a_horizon_beyond_the_last_observation_is_refused():
    with pytest.raises(ValueError, match="until: got 40, expected at most 35"):
        restricted_mean(FREIREICH_WEEKS, FREIREICH_RELAPSED, 40.0)
    with pytest.raises(ValueError, match="until: got 0"):
        restricted_mean([1.0], [True], 0.0)
    assert restricted_mean(PLACEBO_WEEKS, np.ones(21), 40.0).mean == pytest.approx(np.mean(PLACEBO_WEEKS), rel=1e-14)


def test_what_two_arms_share_leaves_the_difference_of_their_means():
    """Arms in which each patient lives exactly one day longer differ by one day without any error."""
    time = np.array([1.0, 3.0, 4.0, 6.0, 8.0])
    new, first = (time + 1.0, np.ones(5)), (time, np.ones(5))
    paired = restricted_mean_difference(new, first, 20.0, patients=(np.arange(5), np.arange(5)))
    apart = restricted_mean_difference(new, first, 20.0)
    assert paired.mean == pytest.approx(1.0, rel=1e-14)
    assert paired.standard_error < 1e-14
    assert apart.standard_error == pytest.approx(np.sqrt(2 * time.var() / 5), rel=1e-12)


def test_the_log_rank_test_of_the_leukaemia_trial_is_the_published_one():
    """Collett, Modelling Survival Data (2003) and Kleinbaum & Klein (2012): chi-square 16.79, 9 against 19.3 expected."""
    time = [*FREIREICH_WEEKS, *PLACEBO_WEEKS]
    found = logrank(time, [*FREIREICH_RELAPSED, *[True] * 21], ["drug"] * 21 + ["placebo"] * 21)
    assert (found.groups, found.degrees) == (("drug", "placebo"), 1)
    assert found.observed.tolist() == [9, 21]
    assert found.expected == pytest.approx([19.25, 10.75], abs=0.01)
    assert found.chi_square == pytest.approx(16.79, abs=0.005)
    assert found.p == pytest.approx(stats.chi2.sf(found.chi_square, 1), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_log_rank_test_agrees_with_scipy_on_random_data_with_ties(seed):
    time, cause = trial(seed, 80)
    is_event, is_new = cause != "", np.arange(80) % 3 == 0
    censored = [stats.CensoredData.right_censored(time[own], ~is_event[own]) for own in (is_new, ~is_new)]
    found = logrank(time, is_event, is_new)
    assert found.chi_square == pytest.approx(stats.logrank(*censored).statistic ** 2, rel=1e-12)
    assert found.p == pytest.approx(stats.logrank(*censored).pvalue, rel=1e-10)


def test_a_stratified_log_rank_test_adds_what_each_stratum_says():
    time, cause = trial(6, 90)
    is_event, is_new, stratum = cause != "", np.arange(90) % 2 == 0, np.arange(90) % 5
    excess = variance = 0.0
    for s in range(5):
        own = stratum == s
        for t in np.unique(time[own & is_event]):
            n, m = np.sum(own & (time >= t)), np.sum(own & is_new & (time >= t))
            d, e = np.sum(own & is_event & (time == t)), np.sum(own & is_new & is_event & (time == t))
            excess += e - d * m / n
            variance += d * m * (n - m) * (n - d) / (n * n * (n - 1)) if n > 1 else 0.0
    found = logrank(time, is_event, is_new, stratum)
    assert found.chi_square == pytest.approx(excess**2 / variance, rel=1e-12)
    assert found.chi_square != pytest.approx(logrank(time, is_event, is_new).chi_square, rel=1e-3)


def test_three_groups_have_two_degrees_of_freedom_and_order_does_not_matter():
    time, cause = trial(8, 90)
    group = np.array(list("abc"))[np.arange(90) % 3]
    found, turned = logrank(time, cause != "", group), logrank(time[::-1], (cause != "")[::-1], group[::-1])
    assert found.degrees == 2
    assert found.observed.sum() == pytest.approx(found.expected.sum(), rel=1e-13)
    assert found.chi_square == pytest.approx(turned.chi_square, rel=1e-12)


def test_nobody_lost_makes_no_test():
    found = logrank([3.0, 3.0, 3.0], [0, 0, 0], [0, 0, 1])
    assert np.isnan(found.p)
    ratio = hazard_ratio([3.0, 3.0, 3.0], [0, 0, 0], [0, 0, 1])
    assert np.isnan([ratio.ratio, ratio.low, ratio.z, ratio.p]).all()


def test_the_hazard_ratio_of_the_leukaemia_trial_is_the_published_one():
    """Kalbfleisch & Prentice's classic: log ratio 1.572 with Efron's ties, placebo over drug."""
    time, is_event = [*FREIREICH_WEEKS, *PLACEBO_WEEKS], [*FREIREICH_RELAPSED, *[True] * 21]
    found = hazard_ratio(time, is_event, [False] * 21 + [True] * 21)
    assert found.log_ratio == pytest.approx(1.572, abs=5e-4)
    turned = hazard_ratio(time, is_event, [True] * 21 + [False] * 21)
    assert turned.ratio == pytest.approx(1 / found.ratio, rel=1e-9)
    assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low), rel=1e-9)


def efron(beta, time, is_event, is_new, weights):
    """Efron's partial likelihood with weights as repeated runs have them, straight from its definition (few ties)."""
    total = 0.0
    for t in np.unique(time[is_event]):
        at_risk, died = time >= t, is_event & (time == t)
        d = died.sum()
        r = weights * np.exp(beta * is_new)
        mean_weight = weights[died].sum() / d
        total += beta * np.sum((weights * is_new)[died])
        total -= mean_weight * sum(np.log(r[at_risk].sum() - k / d * r[died].sum()) for k in range(d))
    return total


def test_the_hazard_ratio_is_where_the_partial_likelihood_is_highest():
    time, cause = trial(5, 70)
    is_event, is_new = cause != "", np.arange(70) % 2 == 0
    best = optimize.minimize_scalar(
        lambda b: -efron(b, time, is_event, is_new, np.ones(70)), bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}
    )
    assert hazard_ratio(time, is_event, is_new).log_ratio == pytest.approx(best.x, abs=1e-6)


def test_the_variance_of_the_hazard_ratio_over_patients_sums_the_influences_of_their_runs():
    """Without ties the score residual is the derivative of the weighted score at the estimate, by a complex step."""
    rng = np.random.default_rng(3)
    time, is_event = rng.permutation(40).astype(float), rng.random(40) < 0.7
    is_new, patients = np.arange(40) >= 20, np.arange(40) % 20
    found = hazard_ratio(time, is_event, is_new, patients=patients)

    def score(beta, weights):
        total = 0j
        for t in time[is_event]:
            r = weights * np.exp(beta * is_new) * (time >= t)
            total += (weights * (is_new - (r * is_new).sum() / r.sum()))[time == t].sum()
        return total

    residuals = by_weights(lambda w: score(found.log_ratio, w), 40)
    step = 1e-30
    information = -(score(found.log_ratio + step * 1j, np.ones(40)).imag / step)
    expected = np.sqrt(variance_over(patients, residuals)) / information
    assert found.standard_error == pytest.approx(expected, rel=1e-9)
    quantile = stats.t.ppf(0.975, 19)
    assert np.log(found.high) == pytest.approx(found.log_ratio + quantile * expected, rel=1e-9)
    at_zero = by_weights(lambda w: score(0.0, w), 40)
    assert found.z == pytest.approx(score(0.0, np.ones(40)).real / np.sqrt(variance_over(patients, at_zero)), rel=1e-12)


def test_an_arm_without_events_has_a_ratio_without_bound_and_still_a_test():
    time, is_event = [1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0], [1, 1, 1, 1, 0, 0, 0, 0]
    found = hazard_ratio(time, is_event, [1, 1, 1, 1, 0, 0, 0, 0])
    assert found.ratio == np.inf
    assert np.isnan([found.low, found.high]).all()
    assert 0.0 < found.p < 0.05
    assert hazard_ratio(time, is_event, [0, 0, 0, 0, 1, 1, 1, 1]).ratio == 0.0


def test_the_same_patients_in_both_arms_without_effect_are_no_evidence_however_often_they_stand_there():
    """Two arms that are copies of each other: the ratio is 1 and no replicate makes it look otherwise."""
    time, cause = trial(1, 30)
    time, is_event = np.tile(time, 2), np.tile(cause != "", 2)
    found = hazard_ratio(time, is_event, np.arange(60) >= 30, patients=np.tile(np.arange(30), 2))
    assert found.ratio == pytest.approx(1.0, abs=1e-12)
    assert found.standard_error < 1e-12
    assert np.isnan([found.z, found.p]).all()


# ---------------------------------------------------------------- tables of runs


def grafts(n_patients=6, n_replicates=1, seed=0):
    """Two arms with grafts, one without; one run failed."""
    rng = np.random.default_rng(seed)
    rows = []
    for point, arm in enumerate(("no cells", "matched", "mismatched")):
        for patient in range(n_patients):
            for replicate in range(n_replicates):
                day = rng.integers(2, 30) / (1 + (point == 2))
                lost = day < 25
                rows.append(
                    {
                        "point": point,
                        "arm": arm,
                        "patient": patient,
                        "replicate": replicate,
                        "status": "ok",
                        "reason": "",
                        "graft_lost": float(lost) if point else np.nan,
                        "graft_loss_day": min(day, 25.0) if point else np.nan,
                        "graft_loss_cause": rng.choice(["rejected_cd8", "apoptosis", ""]) if lost and point else "",
                        "sex": ("f", "m")[patient % 2],
                    }
                )
    table = pd.DataFrame(rows)
    table.loc[len(table) - 1, "status"] = "failed"
    return table


def test_tables_count_failed_and_inapplicable_runs_beside_every_number():
    seen = events.follow_up(grafts(), cause="graft_loss_cause")
    assert [(arm.arm, len(arm.time), arm.excluded, arm.not_applicable) for arm in seen] == [
        ("no cells", 0, 0, 6),
        ("matched", 6, 0, 0),
        ("mismatched", 5, 1, 0),
    ]
    assert set(events.survival(grafts())["arm"]) == {"matched", "mismatched"}


def test_a_lost_graft_without_a_cause_is_lost_of_unknown_cause():
    arm = events.follow_up(grafts(20), cause="graft_loss_cause")[2]
    assert set(arm.cause[arm.is_event]) == {"rejected_cd8", "apoptosis", "unknown"}
    assert set(arm.cause[~arm.is_event]) <= {""}
    at_end = events.cumulative_incidence(grafts(20), [12.0]).query("arm == 'mismatched'")
    survival = events.survival(grafts(20), [12.0]).query("arm == 'mismatched'")
    assert at_end["incidence"].sum() + survival["survival"].iloc[0] == pytest.approx(1.0, rel=1e-13)


def test_tables_speak_of_patients_where_there_are_several_and_of_replicates_where_there_is_one():
    several, one = grafts(6, 4), grafts(1, 8)
    assert set(events.survival(several)["unit"]) == {"patient"}
    assert set(events.survival(one)["unit"]) == {"replicate"}
    arm = events.follow_up(several)[1]
    expected = kaplan_meier(arm.time, arm.is_event, patients=arm.units)
    own = events.survival(several).query("arm == 'matched'")
    assert np.array_equal(own["low"], expected.low, equal_nan=True)
    assert (own["units"].iloc[0], own["n"].iloc[0]) == (6, 24)


def test_survival_after_the_last_observation_is_not_known():
    table = grafts(10)
    table["graft_lost"] = table["graft_lost"].where(table["patient"] > 0, 0.0).where(table["point"] > 0)
    found = events.survival(table, [0.0, 5.0, 100.0]).query("arm == 'matched'")
    assert found["survival"].notna().tolist() == [True, True, False]
    assert found["at_risk"].tolist()[::2] == [10, 0]


def test_restricted_means_are_compared_with_the_first_arm_that_has_grafts():
    found = events.rmst(grafts(12)).set_index("arm")
    assert list(found.index) == ["matched", "mismatched"]
    assert found.loc["mismatched", "against"] == "matched"
    difference = found.loc["mismatched", "mean"] - found.loc["matched", "mean"]
    assert found.loc["mismatched", "difference"] == pytest.approx(difference, rel=1e-13)
    assert found["until"].nunique() == 1


def test_the_table_of_tests_holds_both_ways_to_look_at_arms():
    table = grafts(30, 2)
    row = events.logrank(table, strata="sex").iloc[0]
    good = table[(table["status"] == "ok") & table["graft_lost"].notna()]
    new = good["arm"] == "mismatched"
    plain = logrank(good["graft_loss_day"], good["graft_lost"], new, good["sex"])
    ratio = hazard_ratio(good["graft_loss_day"], good["graft_lost"], new, patients=good["patient"], strata=good["sex"])
    assert (row["chi_square"], row["p"]) == pytest.approx((plain.chi_square, plain.p), rel=1e-12)
    assert (row["hazard_ratio"], row["p_paired"]) == pytest.approx((ratio.ratio, ratio.p), rel=1e-9)
    assert row["hazard_ratio"] > 1.0


@pytest.mark.parametrize("ask", [events.survival, events.rmst, events.logrank])
def test_a_column_that_is_not_there_is_named(ask):
    with pytest.raises(KeyError, match="relapsed"):
        ask(grafts(), event="relapsed")


def test_results_without_any_graft_give_empty_tables():
    table = grafts()[lambda t: t["point"] == 0]
    for ask in (events.survival, events.cumulative_incidence, events.rmst, events.logrank):
        assert ask(table).empty


@pytest.mark.slow
def test_the_interval_of_survival_covers_the_truth_in_95_of_100_studies():
    """2,000 studies of 100 patients, event hazard 1, censoring hazard 0.5, at time 0.7.

    The interval is asymptotic: 93.4 % to 96.6 % (3.3 standard errors), which variance without censoring fails.
    """

    def covers(rng):
        event, censor = rng.exponential(1.0, 100), rng.exponential(2.0, 100)
        curve = kaplan_meier(np.minimum(event, censor), event <= censor)
        step = np.searchsorted(curve.time, 0.7, side="right") - 1
        return curve.low[step] <= np.exp(-0.7) <= curve.high[step]

    share, z = coverage(2000, covers)
    assert abs(z) <= 3.3, share


@pytest.mark.slow
def test_the_interval_of_incidence_over_patients_covers_the_truth_in_95_of_100_studies():
    """2,000 studies of 40 patients with 6 replicates whose hazards are their own; |z| <= 3.3 (93.4 % to 96.6 %).

    Detects intervals over runs instead of patients: their coverage is near 75 %.
    """

    def covers(rng):
        hazard = rng.gamma(1.0, 1.0, (40, 1))
        time, kind = rng.exponential(1.0, (40, 6)) / hazard, rng.random((40, 6)) < 0.6
        cause = np.where(time <= 1.0, np.where(kind, "a", "b"), "")
        patients = np.repeat(np.arange(40), 6)
        found = cumulative_incidence(np.minimum(time, 1.0).ravel(), cause.ravel(), patients=patients)
        truth = 0.6 * (1.0 - 1.0 / 2.0)  # mean of 1 - exp(-hazard) over hazards of the unit exponential
        return found.low[0, -1] <= truth <= found.high[0, -1]

    share, z = coverage(2000, covers)
    assert abs(z) <= 3.3, share
