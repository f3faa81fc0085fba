"""Statistics of targets against closed forms and independent implementations; verdicts on both sides of every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from simengine.studies import estimators
from simengine.studies.estimators import Estimate, dose_at_half, estimate, half_width, hazard_ratio, incidence, verdict
from simengine.studies.statistics import wilson
from simengine.studies.survival import kaplan_meier
from simengine.studies.targets import Target

BASE = {
    "id": "T", "group": "g", "quantity": "q", "value": 0.5, "low": 0.4, "high": 0.6, "unit": "ratio",
    "citation": "c", "confidence": "recalled", "observable": "graft_lost",
}  # fmt: skip


def target(**fields):
    return Target.model_validate(BASE | fields)


def interval(low, high):
    return Estimate(0.5 * (low + high), 0.0, low, high, 100)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.4, 0.6, "pass"),
        (0.4 + 1e-12, 0.6 - 1e-12, "pass"),
        (0.4 - 1e-12, 0.5, "undecided"),
        (0.5, 0.6 + 1e-12, "undecided"),
        (0.3, 0.7, "undecided"),
        (0.2, 0.4, "undecided"),
        (0.6, 0.9, "undecided"),
        (0.2, 0.4 - 1e-12, "miss"),
        (0.6 + 1e-12, 0.9, "miss"),
        (0.6 + 1e-12, math.inf, "miss"),
        (0.5, math.inf, "undecided"),
        (math.nan, 0.5, "undecided"),
    ],
)
def test_a_verdict_changes_exactly_at_the_edges_of_the_band(low, high, expected):
    assert verdict(target(), interval(low, high)) == expected


def test_half_the_band_is_taken_on_the_scale_of_the_target():
    assert half_width(target()) == pytest.approx(0.1, rel=1e-12)
    assert half_width(target(low=1.0, high=4.0, value=2.0, scale="log")) == pytest.approx(math.log(2.0), rel=1e-12)


def test_a_mean_has_students_interval_and_its_error_on_a_log_scale_is_relative():
    values = np.random.default_rng(1).normal(5.0, 1.0, 40)
    found = estimate(target(), [{"value": values}])
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), expected.low, expected.high), rel=1e-12)
    assert found.error == pytest.approx(stats.sem(values), rel=1e-12)
    on_log = estimate(target(scale="log"), [{"value": values}])
    assert on_log.error == pytest.approx(found.error / values.mean(), rel=1e-12)


def test_a_share_has_wilsons_interval_which_is_not_empty_when_nothing_happened():
    found = estimate(target(), [{"value": np.zeros(250)}])
    assert (found.low, found.high) == pytest.approx(wilson(0, 250), abs=1e-12)
    assert found.error > 0.003


def test_a_factor_multiplies_value_interval_and_error():
    values = np.random.default_rng(2).normal(5.0, 1.0, 40)
    one, thousand = (estimate(target(factor=f), [{"value": values}]) for f in (1.0, 1000.0))
    for name in ("value", "error", "low", "high"):
        assert getattr(thousand, name) == pytest.approx(1000.0 * getattr(one, name), rel=1e-12)


def test_a_patient_without_a_value_in_one_arm_counts_in_neither():
    first, second = np.arange(10.0), np.arange(10.0) + 1.0
    second[3] = np.nan
    found = estimate(target(compare="difference"), [{"value": first}, {"value": second}])
    assert (found.n, found.value) == (9, -1.0)


def test_pairing_keeps_what_the_patients_share_out_of_the_error_of_a_difference_and_a_ratio():
    """Two arms that differ by 10 % in patients who differ twofold: unpaired the error would be 20 times larger."""
    rng = np.random.default_rng(3)
    patients = np.exp(rng.normal(0.0, 0.7, 400))
    arms = [{"value": 1.1 * patients * np.exp(rng.normal(0.0, 0.01, 400))}, {"value": patients}]
    ratio = estimate(target(compare="ratio", scale="log"), arms)
    assert ratio.value == pytest.approx(1.1, rel=0.005)
    unpaired = math.sqrt(sum((stats.sem(arm["value"]) / arm["value"].mean()) ** 2 for arm in arms))
    assert ratio.error < unpaired / 20
    apart = estimate(target(compare="ratio", scale="log"), [arms[0], {"value": rng.permutation(patients)}])
    assert apart.error == pytest.approx(unpaired, rel=0.15)
    difference = estimate(target(compare="difference"), arms)
    assert difference.error == pytest.approx(stats.sem(arms[0]["value"] - arms[1]["value"]), rel=1e-12)


@pytest.mark.parametrize("n", [25, 250])
def test_a_resampled_median_has_the_value_of_numpy_and_about_the_error_of_theory(n):
    """The error of a normal median is 1.2533 sd/sqrt(n); resampling is within 25 % of it (its own error is about 10 %)."""
    values = np.random.default_rng(4).normal(0.0, 1.0, n)
    found = estimate(target(statistic="median"), [{"value": values}])
    assert found.value == pytest.approx(np.median(values), rel=1e-12)
    if n == 250:
        assert found.error == pytest.approx(1.2533 / math.sqrt(n), rel=0.25)


def test_the_same_runs_give_the_same_interval_bit_by_bit():
    values = np.random.default_rng(5).normal(0.0, 1.0, 60)
    first, again = (estimate(target(statistic="median"), [{"value": values}]) for _ in range(2))
    assert first == again


def survival_data(n=300, seed=6):
    """Exponential times of mean 10 days, censored at random and on day 20, many of them tied."""
    rng = np.random.default_rng(seed)
    event, censored = rng.exponential(10.0, n), np.minimum(rng.exponential(30.0, n), 20.0)
    return {"value": (event <= censored).astype(float), "day": np.ceil(4.0 * np.minimum(event, censored)) / 4.0}


def test_survival_and_its_quantile_are_those_of_the_kaplan_meier_curve():
    data = survival_data()
    curve = kaplan_meier(data["day"], data["value"])
    at = estimate(target(statistic="kaplan_meier", day="graft_loss_day", time_days=7.0), [data])
    assert at.value == pytest.approx(float(curve.at([7.0])[0]), abs=1e-12)
    greenwood_low, greenwood_high = (
        float(x[np.searchsorted(curve.time, 7.0, side="right") - 1]) for x in (curve.low, curve.high)
    )
    assert (at.low, at.high) == pytest.approx((greenwood_low, greenwood_high), abs=0.01)
    median = estimate(target(statistic="kaplan_meier", day="graft_loss_day", quantile=0.5), [data])
    assert median.value == curve.time[np.argmax(curve.survival <= 0.5)]
    assert median.low <= 10.0 * math.log(2.0) <= median.high


def test_a_quantile_that_is_never_reached_is_infinite_and_not_the_end_of_observation():
    data = survival_data()
    data["value"] = data["value"] * (data["day"] < 1.0)
    found = estimate(target(statistic="kaplan_meier", day="graft_loss_day", quantile=0.9), [data])
    assert found.value == found.high == math.inf
    assert found.error == math.inf


def test_cumulative_incidence_lets_other_causes_compete():
    """Two constant hazards a and b: incidence of the first by t is a/(a+b) (1 - exp(-(a+b)t)); n = 20,000, 4 SE = 0.014."""
    rng, n = np.random.default_rng(7), 20_000
    first, second = rng.exponential(10.0, n), rng.exponential(5.0, n)
    data = {"day": np.minimum(first, second), "value": np.ones(n), "counts": (first < second).astype(float)}
    found = incidence(data, np.ones((1, n)), 4.0)[0]
    assert found == pytest.approx(0.1 / 0.3 * (1.0 - math.exp(-0.3 * 4.0)), abs=0.014)
    alone = incidence({"day": data["day"], "value": data["counts"]}, np.ones((1, n)), 4.0)[0]
    assert alone > found + 0.05, "censoring a competing event would overstate the incidence"


def test_a_hazard_ratio_is_that_of_the_exponential_hazards_and_of_the_score_equation():
    """True ratio 2; n = 4,000 an arm, the standard error of its logarithm is 0.026, tolerance 4 of them."""
    rng, n = np.random.default_rng(8), 4000
    arms = [{"value": np.ones(n), "day": rng.exponential(mean, n)} for mean in (5.0, 10.0)]
    found = hazard_ratio(*arms, np.ones((1, n)))[0]
    assert math.log(found / 2.0) == pytest.approx(0.0, abs=0.105)
    times = np.unique(np.concatenate([arm["day"] for arm in arms]))
    at_risk = [np.array([(arm["day"] >= t).sum() for t in times]) for arm in arms]
    own = np.isin(times, arms[0]["day"])
    score = np.sum(own - at_risk[0] * found / (at_risk[0] * found + at_risk[1]))
    assert abs(score) < 1e-6


def test_a_hazard_ratio_of_an_arm_without_events_is_zero_or_infinite():
    never, ever = ({"value": np.full(20, mark), "day": np.arange(1.0, 21.0)} for mark in (0.0, 1.0))
    weights = np.ones((1, 20))
    assert hazard_ratio(never, ever, weights)[0] == 0.0
    assert hazard_ratio(ever, never, weights)[0] == math.inf
    assert math.isnan(hazard_ratio(never, never, weights)[0])


def test_risk_and_odds_ratios_are_those_of_the_shares():
    rng = np.random.default_rng(9)
    arms = [{"value": (rng.random(500) < p).astype(float)} for p in (0.3, 0.1)]
    p, q = arms[0]["value"].mean(), arms[1]["value"].mean()
    assert estimate(target(statistic="risk_ratio"), arms).value == pytest.approx(p / q, rel=1e-12)
    assert estimate(target(statistic="odds_ratio"), arms).value == pytest.approx(p / (1 - p) * (1 - q) / q, rel=1e-12)


def test_a_half_life_is_that_of_the_mean_signal():
    rng = np.random.default_rng(10)
    start = rng.lognormal(0.0, 0.3, 200)
    arm = {"start": start, "end": start * 0.5 ** (12.0 / 24.0)}
    found = estimate(target(statistic="half_life", from_days=0.5, to_days=1.0), [arm])
    assert (found.value, found.low, found.high) == pytest.approx((24.0, 24.0, 24.0), rel=1e-9)


def test_a_dose_at_half_is_read_between_doses_on_a_logarithmic_axis():
    doses = np.array([1e2, 1e3, 1e4, 1e5])
    incidences = np.array([[0.0, 0.25, 0.75, 1.0], [0.0, 0.5, 0.9, 1.0], [0.1, 0.4, 0.3, 0.8], [0.6] * 4, [0.2] * 4])
    expected = [10**3.5, 1e3, 10 ** (4 + 0.15 / 0.45), 0.0, math.inf]
    assert dose_at_half(doses, incidences) == pytest.approx(expected, rel=1e-9)


def test_an_id50_of_the_single_hit_law_is_found_within_its_interval():
    """P = 1 - exp(-dose/k) has its half at k ln 2; between doses a decade apart interpolation is off by up to 15 %."""
    rng, doses, scale = np.random.default_rng(11), np.array([1e2, 1e3, 1e4, 1e5, 1e6]), 1e4
    arms = [{"value": (rng.random(400) < 1.0 - math.exp(-dose / scale)).astype(float)} for dose in doses]
    wanted = target(statistic="id50", scale="log", titration={"values": doses.tolist()}, low=1.0, value=10.0, high=1e6)
    found = estimate(wanted, arms)
    assert found.value == pytest.approx(scale * math.log(2.0), rel=0.25)
    assert found.low < found.value < found.high
    assert found.error == pytest.approx(math.log(found.high / found.low) / (2 * 1.96), rel=0.3)


def test_resampling_covers_the_truth_as_often_as_it_says(monkeypatch):
    """Medians of 40 exponential numbers, 300 times: 95 % +- 4 SE (5 %) cover; an interval half as wide covers 67 %."""
    monkeypatch.setattr(estimators, "RESAMPLES", 400)
    rng = np.random.default_rng(12)
    covered = 0
    for _ in range(300):
        found = estimate(target(statistic="median"), [{"value": rng.exponential(1.0, 40)}])
        covered += found.low <= math.log(2.0) <= found.high
    assert 0.90 <= covered / 300 <= 1.0


def test_nothing_can_be_said_of_fewer_than_two_patients():
    found = estimate(target(), [{"value": np.array([1.0, np.nan])}])
    assert (found.n, found.error) == (1, math.inf)
    assert verdict(target(), found) == "undecided"
