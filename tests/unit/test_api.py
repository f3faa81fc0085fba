"""Results as Python sees them: what a notebook shows, figures by name, courses that some arms lack, partial studies."""

import os
import signal
import sys
import time

import numpy as np
import pytest

import simengine
from simengine.scenario import loads
from simengine.studies.execute import Stopped
from simengine.studies.runs import engine_runner
from tests.toy import ToyResult, run_toy, toy_design, toy_run, toy_study


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    run_toy(folder)
    return simengine.open_results(folder)


def test_run_takes_a_study_and_gives_results(tmp_path):
    results = simengine.run(toy_study(title="<b>"), ["dose 0", "dose 2"], replicates=2, runner=toy_run, out=tmp_path)
    assert results.table["arm"].unique().tolist() == ["dose 0", "dose 2"]
    assert repr(results) == "<Results toy: 12 of 12 runs (12 ok)>"
    assert "&lt;b&gt;" in results._repr_html_()


def test_sweep_is_run_with_every_arm(tmp_path, results):
    assert simengine.sweep(toy_study(), runner=toy_run, out=tmp_path).hash == results.hash


def test_without_a_folder_results_lie_beside_where_one_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert simengine.run(toy_study(), runner=toy_run).path.resolve() == tmp_path / "results" / "toy"


def test_a_notebook_shows_counts_summary_and_disclaimer(results):
    html = results._repr_html_()
    assert "36 of 36 runs (36 ok)" in html
    assert html.count("<tr") == 1 + len(results.summary())
    assert html.endswith("<i>Research software. Not medical advice.</i>")


def test_a_copy_of_the_table_may_be_changed(results):
    table = results.to_pandas()
    table["change_points"] = 0.0
    assert (results.table["change_points"] != 0.0).all()
    assert table.attrs["swept"] == ["dose"]


def test_swept_paths_and_keys_are_not_outcomes(results):
    assert results.summary()["outcome"].unique().tolist() == ["change_points", "loss_day", "lost"]


def test_statistics_are_methods_of_results(results):
    """The same numbers as the functions give, with the columns of the study."""
    from simengine.studies import events
    from simengine.studies.spread import spread

    columns = {"event": "lost", "time": "loss_day"}
    assert results.survival([5.0], **columns).equals(events.survival(results.table, [5.0], **columns))
    assert results.rmst(**columns).equals(events.rmst(results.table, **columns))
    assert results.logrank(**columns).equals(events.logrank(results.table, **columns))
    frozen = {point.index: {"knowledge": "frozen"} for point in results.points}
    assert results.spread(["change_points"]).equals(spread(results.table, ["change_points"], states=frozen))
    with pytest.raises(KeyError, match="graft_loss_cause"):
        results.cumulative_incidence(**columns)


def test_figures_are_found_by_name_and_given_the_results(results, monkeypatch):
    from simengine.report.figures import survival

    monkeypatch.setattr(survival, "draw", lambda *given, **options: (given, options))
    assert "survival" in dir(results.plot)
    assert results.plot.survival(confidence=0.9) == ((results,), {"confidence": 0.9})
    with pytest.raises(AttributeError, match="no figure 'pie'; there are: "):
        results.plot.pie()


def test_courses_are_read_by_number_or_label(results):
    assert results.course_names() == ["living.muscle"]
    by_number, by_label = results.course(1, "living.muscle"), results.course("dose 1", "living.muscle")
    assert np.array_equal(by_number[0], [0.0, 6.0, 12.0, 18.0, 24.0])
    assert by_number[1].shape == (12, 5)
    assert np.array_equal(by_number[1], by_label[1])


@pytest.mark.parametrize(("point", "name"), [(7, "living.muscle"), ("dose 7", "living.muscle"), (1, "living.bone")])
def test_an_unknown_course_is_named(results, point, name):
    with pytest.raises(KeyError, match="no course"):
        results.course(point, name)


def test_a_course_that_an_arm_lacks_is_not_a_number_there(tmp_path):
    def some_only(scenario, *address):
        result = toy_run(scenario, *address)
        return result if scenario.dose else ToyResult(result.row, {"time_h": result.courses["time_h"]}, [], {})

    run_toy(tmp_path, runner=some_only)
    results = simengine.open_results(tmp_path)
    assert np.isnan(results.course(0, "living.muscle")[1]).all()
    assert np.isfinite(results.course(1, "living.muscle")[1]).all()


def test_a_study_that_was_stopped_opens_and_says_so(tmp_path):
    calls = []

    def stopping(*address):
        calls.append(address)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        if len(calls) > 5:
            time.sleep(0.2)  # the signal is taken by another thread, which must come to its turn
        return toy_run(*address)

    with pytest.raises(Stopped):
        run_toy(tmp_path, runner=stopping, jobs=1, batch=2)
    results = simengine.open_results(tmp_path)
    assert 4 <= len(results.table) < 36
    assert repr(results).startswith(f"<Results toy: {len(results.table)} of 36 runs")


def test_a_study_keeps_the_patch_of_as_many_replicates_as_asked():
    """One unless more are asked for; the same run keeps the same row."""
    text = 'name = "kept"\npatch.shape = [4, 4, 1]\nrun.duration_days = 0.5\noutput.snapshot_days = [0.5]\n'
    one, two = (loads(text + more).points[0].scenario for more in ("", "output.snapshot_replicates = 2\n"))
    kept, left = (engine_runner(one, 1, 0, replicate) for replicate in (0, 1))
    assert (set(kept.snapshots), set(left.snapshots)) == ({"day_0.5"}, set())
    more = engine_runner(two, 1, 0, 1)
    assert set(more.snapshots) == {"day_0.5"}
    assert repr(more.row) == repr(left.row)


def test_results_that_have_not_begun_are_an_empty_table(tmp_path):
    from simengine.studies.store import writing

    with writing(tmp_path, toy_design(), {}) as store:
        store.begin()
    results = simengine.open_results(tmp_path)
    assert len(results.table) == 0
    assert repr(results) == "<Results toy: 0 of 36 runs ()>"
    assert results.snapshots() == []


def test_summaries_take_a_confidence(results, monkeypatch):
    for ci in (0.0, 1.0, 95, float("nan")):
        with pytest.raises(ValueError, match="confidence: got"):
            results.summary(ci=ci)
    wide, narrow = (results.summary(["change_points"], ci=ci).iloc[1] for ci in (0.99, 0.5))
    assert wide["low"] < narrow["low"] < narrow["mean"] < narrow["high"] < wide["high"]
    monkeypatch.setattr("simengine.studies.statistics.contrasts", lambda table, outcomes, confidence: (outcomes, confidence))
    assert results.contrasts(["lost"], ci=0.5) == (["lost"], 0.5)


def test_arrays_of_xarray_hold_every_number(results):
    data = results.to_xarray()
    assert dict(data.sizes) == {"run": 36, "time_h": 5}
    assert data["change_points"].values.tobytes() == results.table["change_points"].to_numpy().tobytes()
    assert data["course.living.muscle"].dims == ("run", "time_h")
    mine = data["course.living.muscle"].where(data["arm"] == "dose 1", drop=True)
    assert mine.values.tobytes() == results.course("dose 1", "living.muscle")[1].tobytes()
    assert data["dose"].values.tolist() == results.table["dose"].tolist()
    assert data.attrs["model_version"] == simengine.MODEL_VERSION
    assert list(results.to_xarray(courses=[]).data_vars) == [n for n in data.data_vars if not n.startswith("course.")]


def test_runs_that_were_recorded_at_other_times_share_one_axis(tmp_path):
    """Arms of different lengths, one run that failed: not a number where nobody looked."""

    def longer(scenario, seed, patient, replicate):
        if (scenario.dose, patient, replicate) == (1.0, 0, 0):
            raise ArithmeticError("planted")
        result = toy_run(scenario, seed, patient, replicate)
        if scenario.dose != 2.0:
            return result
        half = {name: series[::2] + (3.0 if name == "time_h" else 0.0) for name, series in result.courses.items()}
        return ToyResult(result.row, half, [], {})

    run_toy(tmp_path, runner=longer)
    results = simengine.open_results(tmp_path)
    data = results.to_xarray()
    assert data["time_h"].values.tolist() == [0.0, 3.0, 6.0, 12.0, 15.0, 18.0, 24.0, 27.0]
    found = data["course.living.muscle"].values
    assert np.isfinite(found).sum(axis=1).tolist() == [5] * 12 + [0] + [5] * 11 + [3] * 12
    assert data["time_h"].values[np.isfinite(found[-1])].tolist() == [3.0, 15.0, 27.0]
    assert found[-1][np.isfinite(found[-1])].tobytes() == results.course(2, "living.muscle")[1][-1].tobytes()


def test_without_xarray_it_is_said_how_to_get_it(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'celltherapy-simengine\[xarray\]'"):
        results.to_xarray()
