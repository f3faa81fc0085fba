"""A cohort from table to scores: nobody is predicted by himself, order and threads change nothing, gaps are told."""

from __future__ import annotations

import json
from functools import partial
from threading import Lock

import numpy as np
import pandas as pd
import pytest

from simengine import cli, cohorts
from simengine.cohorts import rivals
from simengine.cohorts.columns import Predictors
from simengine.cohorts.compare import LINE, OWN, RAW, RECALIBRATED, Comparison, compare
from simengine.cohorts.folds import folds, out_of_fold
from simengine.cohorts.forecasts import Forecast, predictions
from simengine.cohorts.mapping import ObservedOutcome
from simengine.cohorts.metrics import binary_pairs, concordance
from simengine.cohorts.observed import CENSORED, COMPETING, EVENT, Observed
from simengine.cohorts.outcomes import PREDICTED
from simengine.cohorts.regressions import expit
from simengine.cohorts.scoreboard import score_table
from simengine.cohorts.templates import template_files
from simengine.foundation.errors import InputError
from tests.unit.cohort_stub import MAPPING, stub

RNG = np.random.default_rng(3)
DAYS = np.arange(43.0)


def seen_of(name, time=None, state=None, happened=None, **spec):
    """Return an outcome as a table would tell it."""
    n = len(time if time is not None else happened)
    time = np.full(n, np.nan) if time is None else time
    state = np.where(happened == 1.0, EVENT, CENSORED) if state is None else state
    happened = np.full(n, np.nan) if happened is None else happened
    fields = ObservedOutcome(name=name, column="x", **spec)
    return Observed(fields, PREDICTED[name], np.ones(n, bool), time, state, happened, np.ones(n))


def forecast_with(columns, duration=730.0):
    shape = next(iter(columns.values())).shape
    ids = tuple(str(i) for i in range(shape[0]))
    return Forecast(ids, ("",) * shape[0], columns, np.ones(shape, bool), duration)


def made(n=60):
    """Return a day outcome, a flag, columns of a regression and replicates, of made patients."""
    x = RNG.normal(size=(n, 2))
    time = np.round(15 * np.exp(0.2 * x[:, 0] + RNG.normal(0, 0.1, n)))
    state = RNG.choice([EVENT, EVENT, EVENT, EVENT, CENSORED, COMPETING], n)
    happened = (RNG.random(n) < expit(x[:, 1])).astype(float)
    days = np.round(15 * np.exp(0.2 * x[:, :1] + RNG.normal(0, 0.1, (n, 20))))
    return x, time, state, happened, days


def every_rival(x, time, state, happened, days):
    """Return the fits of all rivals for made patients."""
    day, flag = seen_of("neutrophil_day", time, state), seen_of("relapse", happened=happened)
    columns = Predictors(("a", "b"), x)
    curves = np.clip(np.stack([(days <= t).mean(axis=1) for t in DAYS], axis=1), 0.01, 0.99)
    return {
        "own_rate": rivals.own_rate(flag),
        "logistic": rivals.logistic_probabilities(flag, columns),
        "recalibrated probabilities": rivals.recalibrated_probabilities(flag, expit(x[:, 1])),
        "own_curve": rivals.own_curve(day, DAYS),
        "cox": rivals.cox_curves(day, columns, DAYS),
        "line": rivals.line_curves(day, columns, DAYS),
        "recalibrated days": rivals.recalibrated_days(day, days, DAYS),
        "recalibrated survival": rivals.recalibrated_curves(day, curves),
    }


def test_every_patient_is_predicted_once_and_never_fitted_on():
    for n in (7, 60, 98):
        parts = list(folds(n, 1, 0))
        assert sorted(np.concatenate([unseen for _, unseen in parts])) == list(range(n))
        assert all(sorted([*known, *unseen]) == list(range(n)) for known, unseen in parts)
    assert [list(u) for _, u in folds(60, 1, 0)] == [list(u) for _, u in folds(60, 1, 0)]
    assert [list(u) for _, u in folds(60, 1, 0)] != [list(u) for _, u in folds(60, 1, 1)]


def test_no_rival_sees_the_outcome_of_whom_it_predicts():
    """The outcomes and columns of a fold are made absurd after the fit, or before it: its predictions stay."""
    x, time, state, happened, days = made()
    unseen, known = np.arange(6), np.arange(6, 60)
    absurd = time.copy(), state.copy(), happened.copy()
    absurd[0][unseen], absurd[1][unseen], absurd[2][unseen] = 41.0, EVENT, 1.0 - happened[unseen]
    honest = every_rival(x, time, state, happened, days)
    changed = every_rival(x, *absurd, days)
    for name, fit in honest.items():
        assert np.allclose(fit(known)(unseen), changed[name](known)(unseen)), name
        assert not np.allclose(fit(np.arange(60))(unseen), changed[name](np.arange(60))(unseen)), name


def test_every_rival_predicts_rising_curves_of_chances():
    for name, fit in every_rival(*made()).items():
        found = next(iter(out_of_fold(60, fit, 1, 1)))[0]
        assert np.isfinite(found).all(), name
        assert found.min() >= 0.0, name
        assert found.max() <= 1.0, name
        if found.ndim == 2:
            assert (np.diff(found, axis=1) >= -1e-12).all(), name


def test_the_cohorts_own_curve_is_aalen_and_johansens_of_the_others():
    time, state = np.array([5.0, 6.0, 7.0, 8.0, 9.0]), np.array([EVENT, COMPETING, CENSORED, EVENT, EVENT])
    fit = rivals.own_curve(seen_of("neutrophil_day", time, state), DAYS)
    curve = fit(np.arange(4))(np.array([4]))[0]
    assert np.allclose(curve[[4, 5, 6, 7, 8, 42]], [0, 0.25, 0.25, 0.25, 0.25 + 0.5, 0.75])


def test_recalibration_moves_what_is_wrong_and_leaves_what_is_right():
    """400 patients: days twice too early come right; chances a logit too high come right; hazards are halved."""
    n = 400
    level = RNG.normal(0, 0.3, n)
    time = np.exp(3.0 + level + RNG.normal(0, 0.15, n))
    days = np.exp(3.0 - np.log(2.0) + level[:, None] + RNG.normal(0, 0.15, (n, 30)))
    fit = rivals.recalibrated_days(seen_of("platelet20_day", time, np.full(n, EVENT)), days, np.arange(101.0))
    curve = fit(np.arange(200))(np.arange(200, n))
    middle = (curve >= 0.5 * curve[:, -1:]).argmax(axis=1)
    assert np.median(np.log(time[200:] / middle)) == pytest.approx(0.0, abs=0.06)
    p = expit(RNG.normal(0, 1, n))
    flag = seen_of("relapse", happened=(RNG.random(n) < p).astype(float))
    high = expit(np.log(p / (1 - p)) + 1.0)
    found = rivals.recalibrated_probabilities(flag, high)(np.arange(n))(np.arange(n))
    assert np.abs(found - p).mean() < 0.3 * np.abs(high - p).mean()
    days_dead = RNG.exponential(400, n)
    death = seen_of("survival", days_dead, np.full(n, EVENT), status="s")
    twice = 1 - np.exp(-np.tile(np.arange(731.0), (n, 1)) / 200)
    halved = rivals.recalibrated_curves(death, twice)(np.arange(n))(np.arange(1))[0]
    assert -np.log(1 - halved[400]) == pytest.approx(1.0, abs=0.15)
    guess = 1 - np.exp(-np.arange(731.0) / 400 * np.exp(RNG.normal(0, 1, n))[:, None])
    level = rivals.recalibrated_curves(death, guess)(np.arange(n))(np.arange(n))
    assert np.std(np.log(-np.log(1 - level[:, 400]))) < 0.25  # what tells nobody apart is drawn together


def test_a_model_that_knows_is_told_from_one_that_does_not():
    x, time, _, _, days = made(80)
    state = np.full(80, EVENT)
    seen = seen_of("neutrophil_day", time, state)
    knows = compare(seen, forecast_with({"neutrophil_day": days}), Predictors(("a", "b"), x), seed=1, resamples=200)
    shuffled = forecast_with({"neutrophil_day": days[RNG.permutation(80)]})
    guesses = compare(seen, shuffled, None, seed=1, resamples=200)
    assert knows.scores[RAW]["concordance"][0] > 0.7
    assert abs(guesses.scores[RAW]["concordance"][0] - 0.5) < 0.15
    gain = knows.scores[RAW]["crps_days"] - knows.scores[OWN]["crps_days"]
    assert np.quantile(gain[1:], 0.975) < 0
    assert knows.scores[RAW]["coverage_80"][0] == pytest.approx(0.8, abs=0.15)
    assert knows.scores[RECALIBRATED]["crps_days"][0] == pytest.approx(knows.scores[RAW]["crps_days"][0], rel=0.2)
    assert knows.scores[LINE]["concordance"][0] > 0.65
    assert guesses.scores[RAW]["crps_days"][0] > knows.scores[OWN]["crps_days"][0]
    assert (knows.scores[OWN]["concordance"] == 0.5).all()


def test_a_worthless_regression_does_not_seem_to_order_patients_the_wrong_way_round(monkeypatch):
    """The rate of the other folds is lower where a fold has more events: over all pairs its concordance would lie below 0.3."""
    happened = (np.arange(60) % 4 == 0).astype(float)
    seen = seen_of("relapse", happened=happened)
    monkeypatch.setattr(rivals, "logistic_probabilities", lambda seen, columns: rivals.own_rate(seen))
    forecast = forecast_with({"relapse": (RNG.random((60, 10)) < 0.25).astype(float)})
    scores = compare(seen, forecast, Predictors(("a",), np.zeros((60, 1))), seed=1, resamples=1).scores
    assert scores["logistic regression"]["concordance"][0] == 0.5
    rates = next(iter(out_of_fold(60, rivals.own_rate(seen), 1, 1)))[0]
    assert concordance(-rates, binary_pairs(happened), np.ones((1, 60)))[0] < 0.3


def test_a_calibration_curve_does_not_pick_the_folds_with_few_events():
    """Predictions that say nothing: the groups of the recalibrated curve are those of the raw one, and see the same share."""
    happened = (np.arange(80) % 4 == 0).astype(float)
    raw = np.where(np.arange(80) < 40, 0.2, 0.6)
    forecast = forecast_with({"relapse": (np.arange(10)[None, :] < 10 * raw[:, None]).astype(float)})
    found = compare(seen_of("relapse", happened=happened), forecast, None, seed=1, resamples=1)
    curves = {model: [row for row in found.calibration if row["model"] == model] for model in (RAW, RECALIBRATED, OWN)}
    assert [row["observed"] for row in curves[RAW]] == [0.25, 0.25]
    assert [row["predicted"] for row in curves[RAW]] == pytest.approx([0.2, 0.6])
    assert [row["observed"] for row in curves[RECALIBRATED]] == [0.25, 0.25]
    assert [row["predicted"] for row in curves[RECALIBRATED]] == pytest.approx([0.25, 0.25], abs=0.05)
    assert [row["n"] for row in curves[OWN]] == [80]


def test_intervals_are_the_middle_95_percent_of_the_resamples():
    drawn = np.concatenate([[0.5], np.linspace(0.0, 1.0, 1001)])
    scores = {RAW: {"brier": drawn}, OWN: {"brier": drawn[::-1] * 0 + 0.6}}
    table = score_table([Comparison("relapse", "flag", 50, 9, 730.0, scores)])
    row = table[table["model"] == RAW].iloc[0]
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.5, 0.025, 0.975))
    assert (row["from_rate"], row["from_rate_low"], row["from_rate_high"]) == pytest.approx((-0.1, -0.575, 0.375))


def test_a_cox_regression_counts_deaths_as_never():
    """With columns that say nothing it is the cumulative incidence; with deaths as losses it would be far above."""
    time, state = np.array([5.0, 6, 7, 8, 9, 10, 11, 12]), np.array([EVENT, COMPETING] * 4)
    seen, everybody = seen_of("neutrophil_day", time, state), np.arange(8)
    found = rivals.cox_curves(seen, Predictors(("a",), np.zeros((8, 1))), DAYS)(everybody)(everybody)[0]
    assert found[42] == pytest.approx(1 - np.exp(-(1 / 8 + 1 / 7 + 1 / 6 + 1 / 5)))


def test_survival_scores_agree_with_their_definitions():
    n = 60
    death = np.where(RNG.random((n, 50)) < 0.5, RNG.integers(10, 700, (n, 50)), np.nan).astype(float)
    time, state = RNG.integers(10, 900, n).astype(float), RNG.choice([EVENT, CENSORED], n)
    seen = seen_of("survival", time, state, status="s", at_days=(365.0,))
    found = compare(seen, forecast_with({"death_day": death}), None, seed=1, resamples=50)
    assert found.horizon_days == 730.0
    late = compare(seen, forecast_with({"death_day": death}, 400.0), None, seed=1, resamples=50)
    assert late.horizon_days == 400.0
    assert set(found.scores[RAW]) >= {"brier_365_days", "integrated_brier", "concordance", "calibration_slope"}
    assert {row["outcome"] for row in found.calibration} == {"survival at 365 days"}
    assert {row["model"] for row in found.calibration} == {RAW, RECALIBRATED, OWN}
    kept = np.isfinite(time) & ((time > 365) | (state == EVENT))
    share = (death > 365).mean(axis=1) + np.isnan(death).mean(axis=1)
    known = ((1 - share[kept]) - (time[kept] <= 365)) ** 2
    assert found.scores[RAW]["brier_365_days"][0] != pytest.approx(known.mean(), abs=1e-4)  # losses are not ignored


def test_an_outcome_among_survivors_is_predicted_among_survivors():
    columns = {"extensive_chronic_gvhd": np.array([[1.0, 0.0, 0.0, 0.0]]), "death_day": np.array([[np.nan, 400.0, 50.0, 60.0]])}
    found = forecast_with(columns).flags("extensive_chronic_gvhd", alive_on=100.0)
    assert np.allclose(found, [[1.0, 0.0, np.nan, np.nan]], equal_nan=True)


def test_too_few_are_not_scored_and_it_is_said():
    found = compare(
        seen_of("relapse", happened=np.zeros(30)), forecast_with({"relapse": np.zeros((30, 4))}), None, seed=1, resamples=9
    )
    assert found.reason == "too few: 0 events in 30 patients"
    found = compare(
        seen_of("relapse", happened=np.ones(30)), forecast_with({"death": np.zeros((30, 4))}), None, seed=1, resamples=9
    )
    assert found.reason == "the runs do not predict it"


def test_predictions_are_quantiles_and_shares_of_the_replicates():
    columns = {"neutrophil_day": np.array([[10.0, 12.0, 14.0, np.nan], [np.nan, np.nan, np.nan, 20.0]])}
    columns |= {
        "neutrophil_engrafted": np.array([[1.0, 1, 1, 0], [0, 0, 0, 1]]),
        "relapse": np.array([[1.0, 0, 0, 0], [np.nan] * 4]),
    }
    found = predictions(forecast_with(columns))
    assert list(found["neutrophil_day_median"].fillna(-1)) == [12.0, -1.0]
    assert list(found["neutrophil_day_p10"].fillna(-1)) == [10.0, 20.0]
    assert list(found["neutrophil_day_p90"].fillna(-1)) == [-1.0, -1.0]
    assert list(found["neutrophil_day_probability"]) == [0.75, 0.25]
    assert list(found["relapse_probability"].fillna(-1)) == [0.25, -1.0]


@pytest.fixture
def toy(tmp_path):
    """A mapping and a table of 24 patients, with gaps."""
    (tmp_path / "m.toml").write_text(MAPPING.format(more=""))
    rows = [f"P{i},{20 + i},{'' if i % 3 == 0 else 60 + i},{'BM' if i % 2 else 'PB'},{2 + i / 4}" for i in range(24)]
    (tmp_path / "t.csv").write_text("\n".join(["who,age,kg,graft,cd34", *rows]))
    (tmp_path / "u.csv").write_text("\n".join(["who,age,kg,graft,cd34", *reversed(rows[3:20])]))
    return tmp_path


def test_threads_order_and_company_change_no_prediction(toy):
    call = partial(cohorts.predict, mapping=toy / "m.toml", replicates=6, runner=stub)
    one = call(toy / "t.csv", out=toy / "a", jobs=1)
    two = call(toy / "t.csv", out=toy / "b", jobs=2)
    some = call(toy / "u.csv", out=toy / "c", jobs=2)
    assert (toy / "a" / "predictions.csv").read_bytes() == (toy / "b" / "predictions.csv").read_bytes()
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(
        one.table.set_index("id").loc[list(some.table["id"])].reset_index(), some.table, check_like=True
    )
    other = call(toy / "t.csv", out=toy / "a", jobs=1, seed=2)
    assert not other.table.equals(one.table)


def test_what_is_missing_reaches_the_engine_and_is_marked(toy):
    found = cohorts.predict(toy / "t.csv", toy / "m.toml", replicates=6, out=toy / "a", runner=stub)
    assert list(found.table["imputed"][:4]) == ["kg", "", "", "kg"]
    runs = pd.read_parquet(toy / "a" / "replicates.parquet")
    assert len(runs) == 24 * 6
    gaps = runs[runs["imputed"] == "kg"]
    assert np.allclose(gaps["weight_seen"], gaps["drawn.patient.weight_kg"])
    assert gaps.groupby("id")["weight_seen"].nunique().eq(6).all()
    assert runs[runs["imputed"] == ""]["drawn.patient.weight_kg"].isna().all()
    told = json.loads((toy / "a" / "provenance.json").read_text())
    assert told["table"]["rows"] == 24
    assert set(told) >= {"seed", "replicates", "model_version", "model_sources", "mapping", "disclaimer", "base"}


def test_the_same_call_again_simulates_nothing_and_a_failed_run_is_told(toy):
    count, lock = [0], Lock()

    def counting(scenario, seed, patient, replicate):
        with lock:
            count[0] += 1
        if replicate == 3 and scenario.patient.age_years == 25:
            raise RuntimeError("broken")
        return stub(scenario, seed, patient, replicate)

    call = partial(cohorts.predict, toy / "t.csv", toy / "m.toml", replicates=6, out=toy / "a", runner=counting)
    first, again = call(), call()
    assert count == [24 * 6 + 2], "a run that fails is tried three times"
    assert first.failed == again.failed == ("patient P5, replicate 3: failed: RuntimeError: broken",)
    assert list(first.table["failed"]) == [int(i == 5) for i in range(24)]
    assert first.table["neutrophil_day_probability"].notna().all()


@pytest.fixture
def command(monkeypatch):
    """The command line with runs that take microseconds."""
    for name in ("predict", "score"):
        monkeypatch.setattr(cohorts, name, partial(getattr(cohorts, name), runner=stub))

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["cohort", *(str(argument) for argument in arguments)])
        return caught.value.code

    return call


def test_the_made_table_is_copied_predicted_and_scored(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command("template", "made_cohort") == 0
    assert command("template", "made_cohort") == 2  # nothing is overwritten
    how = ("made_cohort.csv", "--mapping", "made_cohort.toml", "--replicates", "8", "--out", "out", "--jobs", "2")
    capsys.readouterr()
    assert command("predict", *how) == 0
    said = capsys.readouterr()
    headings = " ".join(said.out.splitlines()[3].split())
    assert headings == "patient phils lets 20 II-IV III-IV GVHD relapse 100 d 1 y 2 y drawn"
    assert "P001" in said.out
    assert said.out.rstrip().endswith("Research software. Not medical advice.")
    assert command("score", *how, "--markdown", "page.md") == 0
    text = capsys.readouterr().out
    assert "Neutrophils above 0.5 x 10⁹/L: 59 of 60 patients, compared to day 42" in text
    assert text.rstrip().endswith("Research software. Not medical advice.")
    assert max(len(line) for line in text.splitlines()) <= 110
    page = (tmp_path / "page.md").read_text()
    assert "| concordance ↑ |" in page
    scores, curve = pd.read_csv("out/scores.csv"), pd.read_csv("out/calibration.csv")
    assert set(scores["model"]) >= {"simengine", "recalibrated", "cohort rate", "logistic regression", "Cox regression"}
    assert list(curve.columns) == ["outcome", "model", "group", "n", "predicted", "observed", "low", "high"]
    assert set(curve["model"]) >= {"simengine", "recalibrated", "cohort rate"}
    raw = scores[(scores["model"] == "simengine") & scores["value"].notna()]
    assert ((raw["low"] <= raw["value"]) & (raw["value"] <= raw["high"]))[raw["low"].notna()].mean() > 0.95


def test_the_order_of_rows_changes_no_score(tmp_path):
    toml, table = template_files("made_cohort")
    lines = table.read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join([lines[0], *(lines[1 + i] for i in RNG.permutation(60))]))
    call = partial(cohorts.score, mapping=toml, replicates=4, resamples=20, runner=stub)
    one, two = call(table, out=tmp_path / "a"), call(tmp_path / "t.csv", out=tmp_path / "b")
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.calibration, two.calibration)


def test_json_and_faults_of_the_command(command, toy, capsys):
    assert (
        command("predict", toy / "t.csv", "--mapping", toy / "m.toml", "--replicates", "2", "--out", toy / "o", "--json") == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert len(told["patients"]) == 24
    assert told["disclaimer"] == "Research software. Not medical advice."
    (toy / "bad.csv").write_text((toy / "t.csv").read_text().replace("P3,23", "P3,x").replace("P4,24", "P4,240"))
    assert command("predict", toy / "bad.csv", "--mapping", toy / "m.toml", "--out", toy / "o") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0].rsplit("/")[-1] for line in lines] == ["bad.csv:5:2", "bad.csv:6:2"]
    assert command("score", toy / "t.csv", "--mapping", toy / "m.toml", "--out", toy / "o") == 2
    assert "outcome" in capsys.readouterr().err
    assert command("template", "mad_cohort") == 2
    assert 'did you mean "made_cohort"?' in capsys.readouterr().err
    assert command("template") == 0
    assert "bone_marrow_children" in capsys.readouterr().out
    assert command("template", "bone_marrow_children", "--print") == 0
    assert capsys.readouterr().out == template_files("bone_marrow_children")[0].read_text()


def test_faults_of_table_outcomes_and_benchmarks_come_together(tmp_path):
    more = '[[outcome]]\nname = "relapse"\ncolumn = "rel"\n\n[[benchmark]]\noutcome = "relapse"\ncolumns = ["stage"]'
    (tmp_path / "m.toml").write_text(MAPPING.format(more=more))
    (tmp_path / "t.csv").write_text("who,age,kg,graft,cd34,rel\nA,300,70,BM,2.5,perhaps\n")
    with pytest.raises(InputError) as caught:
        cohorts.score(tmp_path / "t.csv", tmp_path / "m.toml", runner=stub)
    assert [p.path for p in caught.value.problems] == ["benchmark.0.columns.0", "age", "rel"]
