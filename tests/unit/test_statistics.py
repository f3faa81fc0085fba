"""Statistics against closed forms, cases worked by hand, and published tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from simengine.studies.statistics import contrasts, kaplan_meier, summary, wilson


def table_of(values, arms=("a", "b")):
    """One row for each value of an array [arm, patient, replicate]."""
    values = np.asarray(values, dtype=float)
    rows = [
        {"point": p, "arm": arms[p], "patient": i, "replicate": r, "status": "ok", "reason": "", "x": value}
        for (p, i, r), value in np.ndenumerate(values)
    ]
    return pd.DataFrame(rows)


def test_one_patient_gives_students_interval_over_replicates():
    values = [3.0, 5.0, 4.0, 8.0]
    row = summary(table_of([[values]])).iloc[0]
    expected = stats.t.interval(0.95, 3, loc=5.0, scale=stats.sem(values))
    assert (row["n"], row["units"], row["unit"]) == (4, 4, "replicate")
    assert (row["mean"], row["median"], row["sd"]) == (5.0, 4.5, np.std(values, ddof=1))
    assert row["mcse"] == pytest.approx(stats.sem(values), rel=1e-14)
    assert (row["low"], row["high"]) == pytest.approx(expected, rel=1e-12)
    assert (row["p05"], row["p95"]) == pytest.approx((3.15, 7.55), rel=1e-14)


def test_replicates_of_a_patient_add_no_false_certainty():
    """Four patients without any noise within: a thousand replicates leave the interval as wide as one does."""
    patients = np.array([1.0, 2.0, 4.0, 9.0])
    once = summary(table_of([patients[:, None]])).iloc[0]
    often = summary(table_of([np.repeat(patients[:, None], 250, axis=1)])).iloc[0]
    assert (once["units"], often["units"], often["n"]) == (4, 4, 1000)
    assert (often["low"], often["high"]) == (once["low"], once["high"])
    assert (once["low"], once["high"]) == pytest.approx(stats.t.interval(0.95, 3, 4.0, stats.sem(patients)), rel=1e-12)


def test_failed_and_inapplicable_runs_are_counted_beside_the_mean():
    table = table_of([[[1.0, 2.0, 99.0, np.nan, 3.0]]])
    table.loc[2, ["status", "reason"]] = "failed", "on purpose"
    row = summary(table).iloc[0]
    assert (row["n"], row["excluded"], row["not_applicable"], row["mean"]) == (3, 1, 1, 2.0)


def test_an_arm_that_failed_altogether_keeps_its_row():
    table = table_of([[[1.0, 2.0]], [[5.0, 6.0]]])
    table.loc[table["arm"] == "b", "status"] = "failed"
    row = summary(table).set_index("arm").loc["b"]
    assert (row["n"], row["excluded"]) == (0, 2)
    assert np.isnan(row["mean"])
    assert np.isnan(row["low"])


def test_zero_or_one_outcomes_get_wilsons_interval():
    row = summary(table_of([[[0.0] * 10]])).iloc[0]
    assert (row["low"], row["high"]) == wilson(0, 10)
    assert row["high"] > 0.2


def test_wilsons_interval_is_that_of_the_textbook():
    """Newcombe, Stat. Med. 17 (1998) 857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (successes, n), expected in published.items():
        assert wilson(successes, n) == pytest.approx(expected, abs=5e-5)
    assert wilson(20, 20)[1] == 1.0


def test_contrasts_pair_runs_of_the_same_patient_and_replicate():
    first = np.array([[10.0, 20.0], [30.0, 41.0]])
    table = table_of([first, first + [[1.0, 2.0], [4.0, 5.0]]])
    row = contrasts(table.sample(frac=1.0, random_state=3)).iloc[0]
    assert (row["arm"], row["against"], row["pairs"], row["unpaired"], row["units"]) == ("b", "a", 4, 0, 2)
    assert row["mean"] == 3.0
    assert (row["low"], row["high"]) == pytest.approx(stats.t.interval(0.95, 1, 3.0, stats.sem([1.5, 4.5])), rel=1e-12)
    apart = first.var(ddof=1) + (first + [[1.0, 2.0], [4.0, 5.0]]).var(ddof=1)
    assert row["variance_ratio"] == pytest.approx(apart / np.var([1.0, 2.0, 4.0, 5.0], ddof=1), rel=1e-12)


def test_a_run_without_its_partner_is_left_out_and_counted():
    table = table_of([[[1.0, 2.0, 3.0]], [[2.0, 4.0, 9.0]]])
    table.loc[(table["arm"] == "a") & (table["replicate"] == 2), "status"] = "numerical_error"
    row = contrasts(table).iloc[0]
    assert (row["pairs"], row["unpaired"], row["mean"]) == (2, 2, 1.5)


def test_one_arm_has_no_contrast():
    assert contrasts(table_of([[[1.0, 2.0]]])).empty


def test_kaplan_meier_gives_the_published_curve_of_the_leukaemia_trial():
    """6-mercaptopurine arm of Freireich et al., Blood 21 (1963) 699: the textbook case, n = 21, 9 relapses."""
    weeks = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = kaplan_meier(weeks, [True] * 9 + [False] * 12)
    assert curve.time.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [0, 3, 1, 1, 1, 1, 1, 1]
    expected = [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert curve.survival == pytest.approx(expected, abs=5e-5)
    greenwood = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
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


def coverage(repeats, covers):
    """Share of intervals that hold the truth, and its distance from 95 % in standard errors."""
    share = np.mean([covers(np.random.default_rng([11, i])) for i in range(repeats)])
    return share, (share - 0.95) / np.sqrt(0.95 * 0.05 / repeats)


@pytest.mark.slow
def test_the_interval_of_the_mean_covers_the_truth_in_95_of_100_studies():
    """2,000 studies of 12 patients with 5 replicates, patients and chance both of variance 1; |z| <= 3.3.

    Detects intervals over runs instead of patients: their coverage is near 64 %.
    """

    def covers(rng):
        values = rng.normal(size=(1, 12, 1)) + rng.normal(size=(1, 12, 5))
        row = summary(table_of(values)).iloc[0]
        return row["low"] <= 0.0 <= row["high"]

    share, z = coverage(2000, covers)
    assert abs(z) <= 3.3, share


@pytest.mark.slow
def test_the_interval_of_a_paired_contrast_covers_the_truth_in_95_of_100_studies():
    """2,000 studies of 15 patients in two arms that share 90 % of their variance; |z| <= 3.3."""

    def covers(rng):
        shared = rng.normal(size=(15, 1))
        values = np.stack([shared + 0.3 * rng.normal(size=(15, 1)), shared + 0.5 + 0.3 * rng.normal(size=(15, 1))])
        row = contrasts(table_of(values)).iloc[0]
        return row["low"] <= 0.5 <= row["high"]

    share, z = coverage(2000, covers)
    assert abs(z) <= 3.3, share


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
