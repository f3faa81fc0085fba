"""Statistics against closed forms, cases worked by hand, and published tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from simengine.studies.statistics import contrasts, summary, wilson


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
