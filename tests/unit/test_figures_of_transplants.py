"""Figures of transplantations: readable, and showing the numbers of their tables and courses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simengine.api import open_results
from simengine.cli import main
from simengine.report.figures import blood, calibration, chimerism, gvhd, incidence, patient, survival
from simengine.report.questions import INCIDENCE
from simengine.report.results_view import NothingToDraw
from simengine.report.selection import draw_each, plan_figures
from simengine.studies import events
from tests.unit.synthetic_results import make_results, save_results
from tests.unit.synthetic_transplants import make_transplants, write_calibration
from tests.unit.test_figures import assert_readable

OF_PATIENTS = ("outcome", "engraftment", "gvhd", "grfs")


@pytest.fixture(scope="module")
def three():
    return make_transplants(3, 40)


# ---------------------------------------------------------------- nothing lies on anything


@pytest.mark.parametrize("n_arms", [1, 2, 7, 12])
def test_texts_of_blood_counts_and_chimerism_never_overlap(n_arms: int) -> None:
    results = make_transplants(n_arms, 4, two_units=n_arms == 2)
    assert_readable(blood.draw(results))
    assert_readable(chimerism.draw(results))


@pytest.mark.parametrize("last_day", [30, 60, 100, 730])
def test_texts_never_overlap_however_long_patients_are_followed(last_day: int) -> None:
    results = make_transplants(2, 4, last_day=last_day)
    for draw in (blood.draw, chimerism.draw, survival.draw):
        assert_readable(draw(results))
    assert_readable(gvhd.draw(results, of="time"))


@pytest.mark.parametrize("n_arms", [1, 3, 12])
@pytest.mark.parametrize("of", ["maximum", "time"])
def test_texts_of_gvhd_never_overlap(n_arms: int, of: str) -> None:
    assert_readable(gvhd.draw(make_transplants(n_arms, 5), of=of))


@pytest.mark.parametrize("n_arms", [1, 4, 12])
@pytest.mark.parametrize("of", OF_PATIENTS)
def test_texts_of_competing_events_never_overlap(n_arms: int, of: str) -> None:
    assert_readable(incidence.draw(make_transplants(n_arms, 15), of=of))


@pytest.mark.parametrize("n_arms", [1, 3, 12])
def test_texts_of_survival_never_overlap(n_arms: int) -> None:
    assert_readable(survival.draw(make_transplants(n_arms, 15)))


@pytest.mark.parametrize(("n_runs", "replicates"), [(3, 1), (1, 3), (1, 80)])
def test_texts_of_a_patients_page_never_overlap(n_runs: int, replicates: int) -> None:
    results = make_transplants(3, n_runs, replicates=replicates)
    for point in range(3):
        assert_readable(patient.draw(results, run=(point, 0, 0)))


@pytest.mark.parametrize(("n_models", "n_outcomes"), [(1, 1), (2, 3), (3, 5)])
def test_texts_of_calibration_never_overlap(tmp_path: Path, n_models: int, n_outcomes: int) -> None:
    assert_readable(calibration.draw(write_calibration(tmp_path, n_models, outcomes=n_outcomes)))


# ---------------------------------------------------------------- the table beside a figure is what it shows


def test_the_stack_of_outcomes_adds_up_to_one_on_every_day(three) -> None:
    shown = incidence.draw(three).data
    for _, own in shown.groupby("point"):
        wide = own.pivot_table(index="day", columns="cause", values="incidence").sort_index().ffill()
        assert set(wide) == {"relapse", "non-relapse death", incidence.AFTER_GVHD, incidence.WITHOUT_GVHD}
        np.testing.assert_allclose(wide.sum(axis=1), 1.0, atol=1e-12)
        assert (wide >= 0.0).all(axis=None)


def test_the_share_after_gvhd_is_that_of_the_patients_counted(three) -> None:
    """Everybody is followed for a year or to an event, so that every share is a count."""
    shown = incidence.draw(three).data
    for point, own in three.table.groupby("point"):
        first = own[["acute_gvhd_day", "chronic_gvhd_day"]].min(axis=1)
        for day in (25.0, 100.0, 300.0):
            counted = float(((own["outcome_day"] > day) & (first <= day)).mean())
            states = shown[(shown["point"] == point) & (shown["cause"] == incidence.AFTER_GVHD) & (shown["day"] <= day)]
            assert states["incidence"].iloc[-1] == pytest.approx(counted)


@pytest.mark.parametrize("of", OF_PATIENTS)
def test_incidence_is_that_of_the_results_and_its_bands_stand_on_each_other(three, of: str) -> None:
    asked = INCIDENCE[of]
    drawing = incidence.draw(three, of=of)
    columns = {"event": asked.event, "time": asked.time, "cause": asked.cause}
    wanted = events.cumulative_incidence(three.table, **columns).set_index(["arm", "cause", asked.time])
    shown = drawing.data.set_index(["arm", "cause", "day"]).loc[wanted.index]
    np.testing.assert_array_equal(shown["incidence"], wanted["incidence"])
    np.testing.assert_array_equal(shown["low95"], wanted["low"])
    for axes in drawing.figure.axes[: len(three.points)]:
        heights = [band.get_paths()[0].vertices[:, 1] for band in axes.collections]
        assert max(height.max() for height in heights) == pytest.approx(100.0)
        assert min(height.min() for height in heights) == 0.0


def test_recovery_is_drawn_to_day_60_and_gvhd_to_day_180(three) -> None:
    for of, last in (("engraftment", 60.0), ("gvhd", 180.0), ("outcome", 365.0)):
        assert incidence.draw(three, of=of).figure.axes[0].get_xlim()[1] == pytest.approx(1.01 * last)


def test_survival_of_patients_is_overall_and_without_gvhd_and_relapse(three) -> None:
    drawing = survival.draw(three)
    assert [axes.get_ylabel() for axes in drawing.figure.axes[::2]] == ["Patients alive (%)", "Free of GVHD and relapse (%)"]
    for kind, columns in (
        ("Overall survival", {"event": "death", "time": "survival_day"}),
        ("Survival without GVHD and relapse", {"event": "grfs_event", "time": "grfs_day"}),
    ):
        wanted = events.survival(three.table, **columns).set_index(["arm", columns["time"]])
        own = drawing.data[drawing.data["of"] == kind].set_index(["arm", "day"]).loc[wanted.index]
        np.testing.assert_array_equal(own["survival"], wanted["survival"])
    end = drawing.data.groupby(["of", "arm"], sort=False)["survival"].last()
    assert (end["Survival without GVHD and relapse"] <= end["Overall survival"]).all()


def test_blood_counts_are_the_quantiles_of_patients_alive(three) -> None:
    shown = blood.draw(three).data
    own = shown[(shown["point"] == 1) & (shown["quantity"] == "Lymphocytes (10⁹/L)")].set_index("day")
    parts = [three.course(1, f"blood.{name}") for name in ("t_cells", "b_cells", "nk_cells")]
    runs = sum(values for _, values in parts)[:, parts[0][0] == 24.0 * 300][:, 0]
    alive = runs[np.isfinite(runs)]
    assert 0 < len(alive) < len(runs)
    assert own.loc[300.0, "n"] == len(alive)
    np.testing.assert_allclose(own.loc[300.0, ["p10", "median", "p90"]].astype(float), np.quantile(alive, (0.1, 0.5, 0.9)))


def test_triangles_stand_on_the_median_day_of_recovery(three) -> None:
    drawing = blood.draw(three)
    fell = three.table[three.table["neutrophil_day"] > 0.0]
    assert 0 < len(fell) < len(three.table)
    medians = fell.groupby("point")["neutrophil_day"].median()
    marks = [line for line in drawing.figure.axes[0].lines if line.get_marker() == "^"]
    assert [(float(mark.get_xdata()[0]), float(mark.get_ydata()[0])) for mark in marks] == [(day, 0.5) for day in medians]


def test_the_second_unit_is_drawn_where_there_was_one() -> None:
    assert "Second unit, stem cells" in set(chimerism.draw(make_transplants(1, 3, two_units=True)).data["quantity"])
    assert "Second unit, stem cells" not in set(chimerism.draw(make_transplants(1, 3)).data["quantity"])


def test_bars_of_gvhd_are_as_long_as_the_shares_of_patients(three) -> None:
    drawing = gvhd.draw(three)
    shown = drawing.data
    grade = shown[(shown["scored"] == "Acute, grade") & (shown["point"] == 2)].set_index("level")["share"]
    own = three.table.loc[three.table["point"] == 2, "acute_gvhd_grade"]
    assert list(grade) == [pytest.approx((own == level).mean()) for level in range(5)]
    assert shown.groupby(["point", "scored"])["share"].sum().to_numpy() == pytest.approx(1.0)
    bars = [bar.get_width() for bar in drawing.figure.axes[0].patches if round(bar.get_y() + 0.33) == 2]
    np.testing.assert_allclose(bars, 100.0 * grade[grade > 0.0])
    assert f"{100.0 * grade.loc[2:].sum():.0f}" in [text.get_text() for text in drawing.figure.axes[0].texts]


def test_stages_of_a_day_and_the_dead_add_up_to_all_patients(three) -> None:
    shown = gvhd.draw(three, of="time").data
    np.testing.assert_allclose(shown.groupby(["point", "scored", "day"])["share"].sum(), 1.0)
    last = shown[(shown["point"] == 0) & (shown["scored"] == "Gut, stage") & (shown["day"] == 365.0)].set_index("name")["share"]
    assert last["dead"] == pytest.approx(three.table.loc[three.table["point"] == 0, "death"].mean())
    day, runs = three.course(0, "gvhd.gut_stage")
    own = shown[(shown["point"] == 0) & (shown["scored"] == "Gut, stage") & (shown["day"] == 40.0)].set_index("name")["share"]
    assert own["II"] == pytest.approx((runs[:, day == 960.0] == 2.0).mean())


# ---------------------------------------------------------------- one patient


def test_a_patients_page_tells_and_draws_the_run_that_was_asked_for() -> None:
    results = make_transplants(3, 2, replicates=6)
    drawing = patient.draw(results, run=(2, 1, 3))
    table = results.table
    row = table[(table["point"] == 2) & (table["patient"] == 1) & (table["replicate"] == 3)].iloc[0]
    shown = drawing.data[drawing.data["course"] == "blood.platelets"].set_index("day")
    _, runs = results.course(2, "blood.platelets")
    np.testing.assert_array_equal(shown["value"], runs[6 + 3])
    np.testing.assert_allclose(shown.loc[10.0, "median"], np.median(runs[6:, 18]))
    assert shown.loc[10.0, "n"] == 6
    words = " ".join(text.get_text() for axes in drawing.figure.axes[:1] for text in axes.texts).replace("\n", " ")
    assert f"Neutrophils 0.5: day {row['neutrophil_day']:.0f}" in words
    for told in (
        "Acute myeloid leukaemia",
        "45 years, female",
        "Parent or child",
        "4 of 8 HLA alleles matched",
        "T cells 250.0",
    ):
        assert told in words
    assert "of 36 runs" in drawing.figure.get_supxlabel()


def test_shares_of_replicates_are_those_of_the_patient_alone() -> None:
    results = make_transplants(1, 2, replicates=20)
    axes = patient.draw(results, run=(0, 1, 0)).figure.axes[-2]
    own = results.table[results.table["patient"] == 1]
    drawn = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "D"]
    assert drawn[5:] == pytest.approx([100.0 * own[name].mean() for name in ("relapse", "nonrelapse_death", "survived")])


def test_the_lines_of_the_replicates_are_as_long_as_they_lived() -> None:
    results = make_transplants(1, 1, replicates=25)
    axes = patient.draw(results).figure.axes[-1]
    ends: dict[float, float] = {}
    for line in axes.lines:
        if len(line.get_xdata()) == 2:
            y = float(line.get_ydata()[0])
            ends[y] = max(ends.get(y, 0.0), float(line.get_xdata()[1]))
    assert list(dict(sorted(ends.items())).values()) == pytest.approx(sorted(results.table["survival_day"], reverse=True))
    deaths = sum(line.get_marker() == "|" for line in axes.lines)
    assert deaths == results.table["death"].sum()


def test_a_run_that_is_not_there_has_no_page() -> None:
    with pytest.raises(NothingToDraw, match=r"no run of point, patient, replicate \(9, 0, 0\)"):
        patient.draw(make_transplants(1, 1), run=(9, 0, 0))


# ---------------------------------------------------------------- calibration


def test_dots_stand_where_the_file_says(tmp_path: Path) -> None:
    table = pd.read_csv(write_calibration(tmp_path, n_models=2, outcomes=2))
    drawing = calibration.draw(tmp_path)
    dots = [np.asarray(dots.get_offsets()) for dots in drawing.figure.axes[1].collections if hasattr(dots, "get_sizes")]
    own = table[table["outcome"] == "acute GVHD II-IV by day 100"]
    for model, found in zip(("simengine", "registry mean"), [found for found in dots if len(found) == 5]):
        np.testing.assert_allclose(found, 100.0 * own.loc[own["model"] == model, ["predicted", "observed"]].to_numpy())


def test_an_outcome_is_called_as_its_column_is(tmp_path: Path) -> None:
    path = write_calibration(tmp_path, outcomes=2)
    path.write_text(path.read_text().replace("acute GVHD II-IV by day 100", "acute_gvhd_3_4"))
    titles = [axes.get_title(loc="left") for axes in calibration.draw(tmp_path).figure.axes[:2]]
    assert titles == ["Survival at 1 year", "Acute GVHD III-IV"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "there is no calibration.csv"), ("outcome,model\na,b\n", "no column 'group'"), ("empty", "holds no prediction")],
)
def test_a_file_without_calibration_says_what_is_missing(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        heads = ",".join(calibration.COLUMNS)
        (tmp_path / "calibration.csv").write_text(f"{heads}\na,b,1,3,,,,\n" if content == "empty" else content)
    with pytest.raises(NothingToDraw, match=reason):
        calibration.draw(tmp_path)


def test_plot_draws_the_calibration_of_a_scored_cohort(tmp_path: Path) -> None:
    write_calibration(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["plot", str(tmp_path)])
    assert ended.value.code in (0, None)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["calibration.csv", "calibration.png"]


# ---------------------------------------------------------------- what a report holds


def test_saved_transplantations_answer_for_patients_by_default(tmp_path: Path) -> None:
    small = make_transplants(2, 8)
    save_results(small, tmp_path)
    opened = open_results(tmp_path)
    table = opened.table
    wanted = events.survival(table, event="death", time="survival_day")
    pd.testing.assert_frame_equal(opened.survival(), wanted)
    assert set(opened.cumulative_incidence()["cause"]) <= {"relapse", "non-relapse death"}
    assert opened.rmst(until=100.0)["mean"].max() <= 100.0
    assert list(opened.logrank()["arm"]) == [opened.points[1].label]
    grfs = opened.survival(event="grfs_event", time="grfs_day")
    assert grfs["events"].max() >= wanted["events"].max()
    assert blood.draw(opened).data.equals(opened.plot.blood().data)


def test_a_report_of_transplantations_has_its_own_figures_and_all_can_be_drawn(three) -> None:
    planned = list(plan_figures(three))
    assert planned[0] == "survival"
    assert {"incidence_outcome", "incidence_engraftment", "blood", "chimerism", "gvhd", "gvhd_over_time"} < set(planned)
    assert not {"ledger", "patch", "incidence", "course_living"} & set(planned)
    assert {"ledger", "patch", "incidence", "survival"} < set(plan_figures(make_results(3, 5)))
    assert not {"blood", "gvhd"} & set(plan_figures(make_results(3, 5)))
    for name, drawn in draw_each(three):
        assert not isinstance(drawn, NothingToDraw), (name, drawn)
        assert_readable(drawn)


def test_results_without_courses_skip_what_needs_them(three) -> None:
    bare = make_transplants(2, 5)
    bare.courses = {}
    reasons = {name: str(drawn) for name, drawn in draw_each(bare) if isinstance(drawn, NothingToDraw)}
    assert {"blood", "chimerism", "gvhd_over_time"} <= set(reasons)
    assert all("hold no course" in reason for reason in reasons.values())


@pytest.mark.parametrize("draw", [blood.draw, chimerism.draw, gvhd.draw])
def test_results_of_tissue_have_no_figures_of_patients(draw) -> None:
    with pytest.raises(NothingToDraw, match="the results hold no"):
        draw(make_results(2, 5))
    with pytest.raises(NothingToDraw):
        incidence.draw(make_results(2, 5), of="outcome")
