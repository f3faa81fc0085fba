"""The kinds of spread: against the analysis of variance, against truth, and with designs that cannot tell them apart."""

import numpy as np
import pandas as pd
import pytest

from simengine.studies.spread import KINDS, components, spread, states_of


def crossed(n_patients, n_draws, n_replicates, rng, sd=(1.0, 1.0, 1.0, 1.0)):
    """Values [P, D, R] of the model, with standard deviations of patients, draws, both and chance."""
    p = sd[0] * rng.normal(size=(n_patients, 1, 1))
    d = sd[1] * rng.normal(size=(1, n_draws, 1))
    both = sd[2] * rng.normal(size=(n_patients, n_draws, 1))
    return 10.0 + p + d + both + sd[3] * rng.normal(size=(n_patients, n_draws, n_replicates))


def flat(values):
    """Values, patients and draws, one each a run."""
    p, d, _ = np.indices(values.shape)
    return values.ravel(), p.ravel(), d.ravel()


def anova(values):
    """The estimates of the textbook from the mean squares of a complete two-way design with replicates."""
    n_p, n_d, n_r = values.shape
    mean, of_p, of_d, of_cell = values.mean(), values.mean(axis=(1, 2)), values.mean(axis=(0, 2)), values.mean(axis=2)
    ms_p = n_d * n_r * np.sum((of_p - mean) ** 2) / (n_p - 1)
    ms_d = n_p * n_r * np.sum((of_d - mean) ** 2) / (n_d - 1)
    interaction = of_cell - of_p[:, None] - of_d[None, :] + mean
    ms_pd = n_r * np.sum(interaction**2) / ((n_p - 1) * (n_d - 1))
    ms_e = np.sum((values - of_cell[:, :, None]) ** 2) / (n_p * n_d * (n_r - 1))
    return [(ms_p - ms_pd) / (n_d * n_r), (ms_d - ms_pd) / (n_p * n_r), (ms_pd - ms_e) / n_r, ms_e]


@pytest.mark.parametrize("shape", [(2, 2, 2), (5, 4, 3), (12, 2, 5)])
def test_complete_designs_give_the_estimates_of_the_analysis_of_variance(shape):
    values = crossed(*shape, np.random.default_rng(shape[0]))
    assert components(*flat(values)).variance == pytest.approx(anova(values), rel=1e-11, abs=1e-12)


def test_patients_and_replicates_alone_give_the_one_way_analysis_of_variance():
    values = crossed(7, 1, 4, np.random.default_rng(2))[:, 0]
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1) - within / 4
    found = components(values.ravel(), np.repeat(np.arange(7), 4), np.zeros(28)).variance
    assert found[[0, 3]] == pytest.approx([between, within], rel=1e-12)
    assert np.isnan(found[[1, 2]]).all()


def test_estimates_are_without_bias_when_runs_are_missing():
    """4,000 studies of 6 patients, 4 draws and 3 replicates of which 30 % are missing, variances 4, 1, 0.25 and 2.25.

    The mean of each estimate stands within 4 standard errors of the truth (found here: 3 to 7 % of it). Detects an
    interaction counted with patients (+6 %), and weights by complete cells only.
    """
    rng = np.random.default_rng(5)
    found = []
    for _ in range(4000):
        value, patient, draw = flat(crossed(6, 4, 3, rng, (2.0, 1.0, 0.5, 1.5)))
        kept = rng.random(len(value)) < 0.7
        found.append(components(value[kept], patient[kept], draw[kept]).variance)
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - [4.0, 1.0, 0.25, 2.25]) < 4.0 * error)
    assert np.all(error < 0.05 * np.array([4.0, 2.0, 1.0, 2.25]))


def test_the_standard_error_covers_how_estimates_vary():
    """300 studies of 30 patients with 4 replicates: the mean standard error is that of the estimates, within 25 %."""
    rng = np.random.default_rng(8)
    found = [components(*flat(crossed(30, 1, 4, rng))) for _ in range(300)]
    spread_of_estimates = np.std([c.variance for c in found], axis=0)[[0, 3]]
    stated = np.mean([c.standard_error for c in found], axis=0)[[0, 3]]
    assert stated == pytest.approx(spread_of_estimates, rel=0.25)


def test_the_jackknife_leaves_out_whole_patients_and_whole_draws():
    value, patient, draw = flat(crossed(5, 4, 2, np.random.default_rng(1)))
    total = np.zeros(4)
    for labels in (patient, draw):
        left = [components(value[labels != i], patient[labels != i], draw[labels != i]).variance for i in np.unique(labels)]
        total += (len(left) - 1) ** 2 / len(left) * np.var(left, axis=0, ddof=1)
    assert components(value, patient, draw).standard_error == pytest.approx(np.sqrt(total), rel=1e-9)


def test_what_cannot_be_told_apart_is_not_a_number():
    one_run_each = components([1.0, 2.0, 4.0], [0, 1, 2], [0, 0, 0]).variance
    assert np.isnan(one_run_each[:3]).all()
    assert one_run_each[3] == pytest.approx(np.var([1.0, 2.0, 4.0], ddof=1), rel=1e-13)
    one_patient = components([1.0, 2.0, 4.0, 5.0], [0] * 4, [0, 0, 1, 1]).variance
    assert np.isnan(one_patient[[0, 2]]).all()
    assert one_patient[[1, 3]] == pytest.approx([4.5 - 0.25, 0.5], rel=1e-13)
    assert np.isnan(components([3.0], [0], [0]).variance).all()
    assert np.isnan(components([], [], []).variance).all()


def test_each_cell_met_once_leaves_the_interaction_with_chance():
    values = crossed(6, 5, 1, np.random.default_rng(3))
    cells = values[:, :, 0]
    residual = cells - cells.mean(axis=0) - cells.mean(axis=1)[:, None] + cells.mean()
    found = components(*flat(values)).variance
    assert np.isnan(found[2])
    assert found[3] == pytest.approx(np.sum(residual**2) / 20, rel=1e-11)


def table_of(values, arm="a", point=0):
    """One row for each value of an array [patient, replicate]."""
    return pd.DataFrame(
        [
            {"point": point, "arm": arm, "patient": p, "replicate": r, "status": "ok", "reason": "", "x": value}
            for (p, r), value in np.ndenumerate(values)
        ]
    )


def test_shares_add_up_and_failed_runs_are_left_out():
    values = np.random.default_rng(4).normal(size=(6, 1)) * 3.0 + np.random.default_rng(5).normal(size=(6, 8))
    table = table_of(np.column_stack([values, np.full(6, 1e9)]))
    table.loc[table["replicate"] == 8, "status"] = "failed"
    rows = spread(table).set_index("kind")
    found = components(values.ravel(), np.repeat(np.arange(6), 8), np.zeros(48))
    assert rows.loc["patients", "variance"] == pytest.approx(found.variance[0], rel=1e-12)
    assert rows.loc[list(KINDS), "share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert rows.loc["total", "variance"] == pytest.approx(found.variance[[0, 3]].sum(), rel=1e-12)
    assert rows.loc["chance", ["n", "levels"]].tolist() == [48, 48]
    assert rows.loc["knowledge", "state"] == "not told apart"


def test_draws_are_told_by_the_design():
    values = crossed(6, 3, 4, np.random.default_rng(9))
    by_replicate = values.transpose(0, 2, 1).reshape(6, 12)  # replicate % 3 is the draw
    rows = spread(table_of(by_replicate), number_of_draw=lambda point, replicate: replicate % 3).set_index("kind")
    assert rows.loc[list(KINDS), "variance"].tolist() == pytest.approx(anova(values), rel=1e-11)
    assert rows.loc[list(KINDS), "levels"].tolist() == [6, 3, 18, 72]


def test_frozen_kinds_are_nothing_and_say_so():
    assert states_of({"patient": {"vary": "none"}})["patients"] == "frozen"
    assert states_of({"patient": {"vary": "per_replicate"}})["patients"] == "within chance"
    assert "patients" not in states_of({"patient": {"vary": "per_patient"}})
    table = table_of(np.random.default_rng(4).normal(size=(6, 8)))
    rows = spread(table, states={0: {"patients": "frozen"}}).set_index("kind")
    assert rows.loc["patients", ["variance", "share", "state"]].tolist() == [0.0, 0.0, "frozen"]
    assert rows.loc["patients x knowledge", "state"] == "frozen"
    assert rows.loc["chance", "share"] == 1.0


def test_representation_noise_is_a_part_of_chance():
    table = table_of(np.random.default_rng(4).normal(size=(6, 8))).rename(columns={"x": "engrafted_fraction"})
    table["representation_sd_fraction"] = 0.5
    rows = spread(table, ["engrafted_fraction"]).set_index("kind")
    assert rows.loc["representation", ["variance", "state"]].tolist() == [0.25, "within chance"]
    assert rows.loc["representation", "share"] == pytest.approx(0.25 / rows.loc["total", "variance"], rel=1e-12)
    assert rows.loc[list(KINDS), "share"].sum() == pytest.approx(1.0, rel=1e-12)


def test_outcomes_with_representation_noise_are_outcomes():
    from simengine.outcomes import descriptions
    from simengine.studies.spread import REPRESENTATION

    assert set(REPRESENTATION) | set(REPRESENTATION.values()) <= set(descriptions())
