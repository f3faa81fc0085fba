"""Figures show what the results say, say what they show, and can be read: no text lies on another."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import re
import runpy
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simengine.api import open_results
from simengine.report import gallery, page
from simengine.report.drawing import Drawing
from simengine.report.figures import courses, effects, heatmap, ledger, outcomes, patch, survival
from simengine.report.labels import decade_number, number, print_unit, readable, split_unit, text_width, tick_number, wrap
from simengine.report.panels import share_panels
from simengine.report.results_view import DISCLAIMER, NothingToDraw, course_of, quantity_of
from simengine.report.scales import Scale, choose_scale, day_ticks
from simengine.report.selection import plan_figures
from simengine.report.style import new_figure
from simengine.studies.statistics import contrasts, summary
from tests.unit.synthetic_results import (
    FATES,
    LIVING,
    SyntheticResults,
    add_snapshots,
    factorial_results,
    make_results,
    save_results,
)
from tests.unit.synthetic_transplants import make_transplants, write_calibration

OF_TRANSPLANTS = ("blood", "calibration", "chimerism", "gvhd", "patient")
GALLERY = Path(__file__).parents[2] / "plots"
ARMS = (2, 6, 12, 30)
TOUCH_PX = 1.0  # boxes may share this much of an edge: letters keep clear of the rim of their box


def texts_of(drawing: Drawing) -> list[tuple[str, np.ndarray]]:
    """Every text that is drawn, with its box [x0, y0, x1, y1] in pixels at 150 dots an inch."""
    from matplotlib.text import Text

    figure = drawing.figure
    figure.set_dpi(150)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    undrawn = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not (low - slack <= tick.get_loc() <= high + slack) or not axes.axison:
                    undrawn |= {tick.label1, tick.label2}
    found = []
    for text in figure.findobj(Text):
        if text not in undrawn and text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.width > 0:
                found.append((text.get_text(), np.array(box.extents)))
    return found


def assert_readable(drawing: Drawing) -> None:
    """No two texts overlap and none leaves the page."""
    texts = texts_of(drawing)
    assert len(texts) >= 5
    width, height = drawing.figure.bbox.width, drawing.figure.bbox.height
    for words, (x0, y0, x1, y1) in texts:
        assert min(x0, y0, width - x1, height - y1) >= -TOUCH_PX, f"{words!r} leaves the page"
    for (first, a), (second, b) in combinations(texts, 2):
        across = min(a[2], b[2]) - max(a[0], b[0])
        along = min(a[3], b[3]) - max(a[1], b[1])
        assert across <= TOUCH_PX or along <= TOUCH_PX, f"{first!r} lies on {second!r}"


def snapshot_results(tmp_path: Path, n_arms: int = 6, **options: object) -> SyntheticResults:
    results = make_results(n_arms)
    add_snapshots(results, tmp_path, **options)
    return results


# ---------------------------------------------------------------- nothing lies on anything


@pytest.mark.parametrize("n_arms", ARMS)
def test_outcome_texts_never_overlap(n_arms: int) -> None:
    assert_readable(outcomes.draw(make_results(n_arms), outcome="lvef_change_points"))


@pytest.mark.parametrize("n_arms", ARMS)
def test_effect_texts_never_overlap(n_arms: int) -> None:
    assert_readable(effects.draw(make_results(n_arms), outcome="lvef_change_points"))


@pytest.mark.parametrize("n_arms", ARMS)
def test_survival_texts_never_overlap(n_arms: int) -> None:
    assert_readable(survival.draw(make_results(n_arms, 150)))


@pytest.mark.parametrize(("n_arms", "time"), [(2, "early"), (6, "early"), (12, "days"), (30, "early"), (5, "days")])
def test_ledger_texts_never_overlap(n_arms: int, time: str) -> None:
    assert_readable(ledger.draw(make_results(n_arms), time=time))


@pytest.mark.parametrize("n_arms", ARMS)
@pytest.mark.parametrize("course", ["living.*", "immune.cd8_per_mm3", "lvef_percent"])
def test_course_texts_never_overlap(n_arms: int, course: str) -> None:
    assert_readable(courses.draw(make_results(n_arms), course=course))


@pytest.mark.parametrize("days", [(7,), (1, 30), (0.25, 1, 7), (1, 2, 3, 7, 14, 30)])
def test_patch_texts_never_overlap(tmp_path: Path, days: tuple[float, ...]) -> None:
    assert_readable(patch.draw(snapshot_results(tmp_path, days=days)))


@pytest.mark.parametrize("outcome", ["retained_living_30d", "lvef_change_points", "peak_cd8_per_mm3"])
def test_heat_map_texts_never_overlap(outcome: str) -> None:
    assert_readable(heatmap.draw(factorial_results(drop=[("cord_msc", "4/8")]), outcome=outcome))


def test_an_arm_that_leaves_a_swept_path_unset_has_no_place_in_the_map() -> None:
    results = factorial_results(4)
    results.points[0].values["donor.match"] = None
    drawing = heatmap.draw(results, outcome="retained_living_30d")
    assert len(drawing.data) == 29
    assert "None" not in set(drawing.data["donor.match"])
    assert np.ma.getmaskarray(drawing.figure.axes[0].images[0].get_array()).sum() == 1


def test_a_third_swept_path_makes_one_map_for_each_of_its_levels() -> None:
    results = factorial_results(4)
    by_route = {
        route: [replace(point, values={**point.values, "delivery.0.route": route}) for point in results.points]
        for route in ("intravenous", "intracoronary")
    }
    results.points = [*by_route["intravenous"], *by_route["intracoronary"]]
    planned = [name for name in plan_figures(results) if name.startswith("heatmap_lvef")]
    assert planned == ["heatmap_lvef_change_points_intravenous", "heatmap_lvef_change_points_intracoronary"]
    drawing = plan_figures(results)[planned[1]]()
    assert drawing.title.endswith("intracoronary")
    assert len(drawing.data) == len(by_route["intracoronary"])
    assert_readable(drawing)


def test_a_level_with_a_slash_makes_no_folder() -> None:
    """A match as the third path: 8/8 cannot stand in the name of a file."""
    results = factorial_results(4)
    results.points = [
        replace(point, values={"product.name": point.values["product.name"], "donor.match": match, "patient.age_years": age})
        for point in results.points
        if point.values["donor.match"] == results.points[0].values["donor.match"]
        for match in ("8/8", "0/8")
        for age in (30, 50, 70)
    ]
    planned = [name for name in plan_figures(results) if name.startswith("heatmap_lvef")]
    assert planned == ["heatmap_lvef_change_points_8-8", "heatmap_lvef_change_points_0-8"]


def test_arms_named_one_by_one_call_for_no_map() -> None:
    assert [name for name in plan_figures(make_results(6)) if name.startswith("heatmap")] == []


def test_heat_map_keeps_long_levels_apart() -> None:
    results = factorial_results(4)
    for point in results.points:
        point.values["donor.match"] = f"{point.values['donor.match']}_antigen_level_without_extended_haplotype"
    assert_readable(heatmap.draw(results, outcome="retained_living_30d"))


def test_the_overlap_check_itself_finds_an_overlap() -> None:
    drawing = outcomes.draw(make_results(2), outcome="lvef_change_points")
    drawing.figure.axes[0].text(0.3, 0.0, "a first text that is written", fontsize=9)
    drawing.figure.axes[0].text(0.35, 0.02, "a second text upon the first", fontsize=9)
    with pytest.raises(AssertionError, match="lies on"):
        assert_readable(drawing)


# ---------------------------------------------------------------- the table beside a figure is what it shows


def test_outcome_dots_and_diamonds_stand_where_the_table_says() -> None:
    results = make_results(6, 25, n_failed=2)
    drawing = outcomes.draw(results, outcome="lvef_change_points")
    axes, shown = drawing.figure.axes[0], drawing.data
    for row, point in enumerate(results.points):
        own = shown[shown["point"] == point.index]
        dots = axes.collections[[c.get_offsets().shape[0] > 1 for c in axes.collections].index(True) :]
        found = [np.sort(c.get_offsets()[:, 0]) for c in dots if _is_dots_of_row(c, row)]
        np.testing.assert_array_equal(found[0], np.sort(own["lvef_change_points"]))
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    means = shown.groupby("point", sort=True)["mean"].first()
    np.testing.assert_array_equal([float(line.get_xdata()[0]) for line in diamonds], means)


def _is_dots_of_row(collection: object, row: int) -> bool:
    places = np.asarray(collection.get_offsets())  # type: ignore[attr-defined]
    return places.shape[0] > 1 and abs(float(places[:, 1].mean()) - (row + 0.29)) < 0.1


def test_outcome_numbers_are_those_of_the_summary_of_the_results() -> None:
    results = make_results(6, 25, n_failed=3)
    shown = outcomes.draw(results, outcome="scar_change_points").data.groupby("point", sort=True).first()
    wanted = summary(results.table, ["scar_change_points"])
    np.testing.assert_array_equal(shown["n"], wanted["n"])
    np.testing.assert_array_equal(shown[["mean", "low95", "high95"]], wanted[["mean", "low", "high"]])
    assert list(shown["n"]) == [24, 24, 24, 25, 25, 25]


def test_failed_runs_are_counted_and_not_drawn() -> None:
    results = make_results(6, 25, n_failed=3)
    rows = outcomes.draw(results, outcome="scar_change_points").data.groupby("point", sort=True).size()
    assert list(rows) == [24, 24, 24, 25, 25, 25]
    drawing = survival.draw(results)
    first = drawing.data[drawing.data["day"] == 0.0].set_index("point")["at_risk"]
    assert first.to_dict() == {1: 24, 2: 24, 3: 25, 4: 25, 5: 25}
    assert "n = 147 runs (3 more failed and are not shown)" in drawing.figure.get_supxlabel()


def test_a_yes_or_no_outcome_is_drawn_as_a_proportion_with_wilsons_interval() -> None:
    results = make_results(3, 20)
    results.table["ae_arrhythmia"] = (results.table["patient"] < 4).astype(float)
    drawing = outcomes.draw(results, outcome="ae_arrhythmia")
    first = drawing.data.iloc[0]
    # Wilson's interval of 4 in 20: 0.0807 to 0.4160 (Newcombe 1998, Stat Med 17:857, by the same formula)
    assert first["mean"] == 0.2
    assert (round(first["low95"], 4), round(first["high95"], 4)) == (0.0807, 0.4160)
    assert "Wilson" in drawing.caption
    assert not drawing.figure.axes[0].collections


def test_a_density_that_is_zero_everywhere_is_no_proportion() -> None:
    results = make_results(3, 20)
    results.table["peak_cd8_per_mm3"] = 0.0
    results.manifest["outcomes"]["peak_cd8_per_mm3"] = {"title": "Peak CD8", "unit": "per mm3"}
    results.table["ae_arrhythmia"] = 0.0
    results.manifest["outcomes"]["ae_arrhythmia"] = {"title": "Arrhythmia", "unit": "0/1"}
    density = outcomes.draw(results, outcome="peak_cd8_per_mm3")
    event = outcomes.draw(results, outcome="ae_arrhythmia")
    assert set(density.data["high95"]) == {0.0}
    assert "Wilson" not in density.caption
    assert event.data["high95"].iloc[0] > 0.1
    assert "Wilson" in event.caption


def test_replicates_of_one_patient_do_not_narrow_the_interval() -> None:
    once = make_results(2, 12, with_control=False)
    thrice = make_results(2, 12, with_control=False)
    copies = [thrice.table.assign(replicate=i) for i in range(3)]
    thrice.table = pd.concat(copies, ignore_index=True)
    a = outcomes.draw(once, outcome="lvef_change_points").data.iloc[0]
    drawing = outcomes.draw(thrice, outcome="lvef_change_points")
    b = drawing.data.iloc[0]
    assert (a["n"], b["n"]) == (12, 36)
    np.testing.assert_allclose([a["low95"], a["high95"]], [b["low95"], b["high95"]], rtol=1e-12)
    assert "Intervals are over patients" in drawing.caption
    one = thrice.table["patient"] == 0
    thrice.table = thrice.table[one]
    assert "over replicates of one patient" in outcomes.draw(thrice, outcome="lvef_change_points").caption


def test_effects_pair_the_same_patients_and_agree_with_the_contrasts() -> None:
    results = make_results(4, 10, n_failed=2)
    truth = np.array([0.0, 2.0, -1.0, 0.5])
    patient_effect = 10.0 * np.sin(results.table["patient"])
    results.table["lvef_change_points"] = patient_effect + truth[results.table["point"]]
    results.table = results.table.sample(frac=1.0, random_state=3).sort_values("point", kind="stable")
    drawing = effects.draw(results, outcome="lvef_change_points")
    for point in (1, 2, 3):
        own = drawing.data[drawing.data["point"] == point]
        assert len(own) == own["n"].iloc[0] == {1: 9, 2: 9, 3: 9}[point]
        np.testing.assert_allclose(own["difference"], truth[point], atol=1e-12)
    wanted = contrasts(results.table, ["lvef_change_points"])
    found = drawing.data.groupby("point", sort=True).first()
    np.testing.assert_array_equal(found[["n", "mean", "low95"]], wanted[["pairs", "mean", "low"]])
    assert "no cells" in drawing.title


def test_numbers_at_risk_count_the_grafts_still_watched() -> None:
    results = make_results(2, 6, with_control=False)
    results.table = results.table.assign(
        graft_lost=[1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1.0],
        graft_loss_day=[2, 5, 8, 10, 20, 30, 1, 1, 1, 10, 30, 30.0],
    )
    drawing = survival.draw(results)
    table = drawing.data[drawing.data["in_table"]].pivot(index="point", columns="day", values="at_risk")
    assert list(table.columns) == [0, 5, 10, 15, 20, 25, 30]
    assert table.loc[0].tolist() == [6, 5, 3, 2, 2, 1, 1]
    assert table.loc[1].tolist() == [6, 3, 3, 2, 2, 2, 2]
    written = [text.get_text() for text in drawing.figure.axes[1].texts]
    assert written == [str(n) for n in table.to_numpy().ravel()]
    by_hand = {0: 1.0, 2: 5 / 6, 5: 4 / 6, 10: 4 / 6 * 2 / 3}
    own = drawing.data[(drawing.data["point"] == 0) & drawing.data["day"].isin(by_hand)]
    np.testing.assert_allclose(own["survival"], list(by_hand.values()), rtol=1e-12)


def test_survival_curves_pass_through_the_rows_of_the_table() -> None:
    drawing = survival.draw(make_results(4, 30))
    curves = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    assert len(curves) == 3
    for curve, (_, own) in zip(curves, drawing.data.groupby("point", sort=True)):
        known = dict(zip(own["day"], 100.0 * own["survival"]))
        np.testing.assert_allclose(curve.get_ydata(), [known[day] for day in curve.get_xdata()], rtol=1e-12)


def test_the_ledger_drawn_adds_up_to_dose_and_births() -> None:
    results = make_results(6, 10)
    shown = ledger.draw(results).data
    assert set(shown["point"]) == {1, 2, 3, 4, 5}
    total = shown.groupby(["point", "time_h"])["mean_share"].sum()
    for point in range(1, 6):
        births = results.courses[point]["births"].mean(axis=0) / 1e6
        np.testing.assert_allclose(total.loc[point], 1.0 + births, rtol=1e-12)


def test_small_fates_are_joined_and_nothing_is_dropped() -> None:
    results = make_results(3, 10)
    shown = ledger.draw(results, quantity="cells").data
    entries = set(shown["entry"])
    assert "other fates" in entries
    assert "cleared_spleen" not in entries
    last = shown[(shown["point"] == 1) & (shown["time_h"] == 720.0)].set_index("entry")["mean_cells"]
    joined = [name for name in FATES if name not in entries]
    wanted = sum(results.courses[1][f"fate.{name}"].mean(axis=0)[-1] for name in joined)
    np.testing.assert_allclose(last["other fates"], wanted, rtol=1e-12)


def test_the_ledger_begins_when_there_are_cells() -> None:
    results = make_results(2, 5)
    for course in results.courses[1].values():
        course[:, 0] = 0.0
    drawing = ledger.draw(results)
    assert drawing.data["time_h"].min() == 1.0
    assert drawing.figure.axes[0].get_xlim() == (1.0, 720.0)
    assert_readable(drawing)


def test_the_legend_of_the_ledger_is_ordered_as_the_stack() -> None:
    drawing = ledger.draw(make_results(2, 10))
    stack = drawing.figure.axes[0]
    entries = list(dict.fromkeys(drawing.data["entry"]))
    legend = drawing.figure.axes[-1].get_legend()
    faces = [tuple(patch.get_facecolor()) for patch in legend.get_patches()]
    assert faces == [tuple(band.get_facecolor()[0]) for band in stack.collections][::-1]
    assert len(faces) == len(entries)
    living = [entry in {*LIVING, "other living"} for entry in entries]
    assert living == sorted(living, reverse=True)


def test_a_ledger_on_a_symlog_axis_is_lines_not_stacks() -> None:
    drawing = ledger.draw(make_results(2, 10), scale="symlog", quantity="cells")
    axes = drawing.figure.axes[0]
    assert axes.get_yscale() == "symlog"
    assert not axes.collections
    first = drawing.data[drawing.data["entry"] == drawing.data["entry"].iloc[0]]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), first["mean_cells"])


def test_circles_have_the_place_and_size_of_the_cells_and_pale_outside_the_middle_layer(tmp_path: Path) -> None:
    results = snapshot_results(tmp_path, days=(1, 7))
    drawing = patch.draw(results)
    cells = drawing.data[drawing.data["what"] == "cell"]
    for axes, hours in zip(drawing.figure.axes, (24.0, 168.0)):
        for circles, is_in_slice in zip(axes.collections, (False, True)):
            own = cells[(cells["time_h"] == hours) & (cells["in_slice"] == is_in_slice)]
            np.testing.assert_array_equal(circles.get_offsets(), own[["x_um", "y_um"]])
            np.testing.assert_array_equal(circles.get_widths(), 2.0 * own["radius_um"])
            assert (circles.get_alpha() == 1.0) == is_in_slice
    with np.load(results.snapshot_paths[0]) as arrays:
        reaches = np.abs(arrays["z_um"] - 50.0) <= 10.0 + arrays["radius_um"]
        is_here = arrays["patch"] == 0
        first = cells[cells["time_h"] == 24.0]
        assert (len(first), first["in_slice"].sum()) == (is_here.sum(), (reaches & is_here).sum())
        value = drawing.data[(drawing.data["what"] == "field") & (drawing.data["time_h"] == 24.0)]["value"]
        np.testing.assert_array_equal(value, arrays["field_chemokine_ng_per_ml"][0, 2].ravel())


def test_the_scale_bar_is_as_long_as_it_says(tmp_path: Path) -> None:
    drawing = patch.draw(snapshot_results(tmp_path, days=(1,)))
    axes = drawing.figure.axes[0]
    drawing.figure.draw_without_rendering()
    bar = axes.lines[0].get_window_extent()
    pixels_per_um = axes.transData.transform([[1.0, 0.0]])[0, 0] - axes.transData.transform([[0.0, 0.0]])[0, 0]
    said = float(axes.texts[0].get_text().split()[0])
    assert said == 100.0
    np.testing.assert_allclose(bar.width / pixels_per_um, said, rtol=0.02)


def test_the_heat_map_writes_the_mean_that_it_colours() -> None:
    results = factorial_results(10)
    drawing = heatmap.draw(results, outcome="retained_living_30d")
    image = drawing.figure.axes[0].images[0].get_array()
    assert image.shape == (6, 5)
    np.testing.assert_array_equal(image.ravel(), drawing.data["mean"])
    own = results.table[results.table["point"] == 7]["retained_living_30d"]
    row = drawing.data.iloc[7]
    assert (row["product.name"], row["donor.match"], row["n"]) == ("adipose_msc", "4/8", 10)
    np.testing.assert_allclose([row["mean"], row["mcse"]], [own.mean(), own.std(ddof=1) / np.sqrt(10)], rtol=1e-12)
    assert number(row["mean"], 3) in {text.get_text() for text in drawing.figure.axes[0].texts}


def test_courses_draw_the_median_and_the_band_of_the_table() -> None:
    results = make_results(2, 21)
    drawing = courses.draw(results, course="lvef_percent")
    lines = drawing.figure.axes[0].lines
    for line, (point, own) in zip(lines, drawing.data.groupby("point", sort=True)):
        np.testing.assert_array_equal(line.get_ydata(), own["median"])
        runs = results.courses[point]["lvef_percent"]
        np.testing.assert_allclose(own["median"], np.median(runs, axis=0), rtol=1e-12)
        np.testing.assert_allclose(own["p95"], np.quantile(runs, 0.95, axis=0), rtol=1e-12)


def test_a_course_ending_in_a_star_is_the_sum_of_its_group() -> None:
    results = make_results(3)
    _, runs = course_of(results, 2, "living.*")
    np.testing.assert_allclose(runs, sum(results.courses[2][f"living.{name}"] for name in LIVING), rtol=1e-12)


def test_a_course_that_an_arm_does_not_keep_counts_as_nothing_in_a_sum() -> None:
    results = make_results(3)
    kept = results.courses[2]["living.patch_mature"] + results.courses[2]["living.patch_immature"]
    results.courses[2]["living.blood"] = np.full_like(kept, np.nan)
    _, runs = course_of(results, 2, "living.*")
    np.testing.assert_allclose(runs, kept, rtol=1e-12)
    for name in LIVING:
        results.courses[2][f"living.{name}"] = np.full_like(kept, np.nan)
    assert np.isnan(course_of(results, 2, "living.*")[1]).all()


def test_saved_csv_reads_back_as_the_data_shown(tmp_path: Path) -> None:
    results = snapshot_results(tmp_path)
    for drawing in (survival.draw(results), ledger.draw(results), patch.draw(results)):
        written = drawing.save(tmp_path, "figure")
        assert [path.name for path in written] == ["figure.png", "figure.csv"]
        back = pd.read_csv(tmp_path / "figure.csv")
        pd.testing.assert_frame_equal(back, drawing.data, check_dtype=False, rtol=0, atol=0)


# ---------------------------------------------------------------- hard cases


def test_an_arm_without_cells_is_named_and_not_invented() -> None:
    results = make_results(6)
    drawing = outcomes.draw(results, outcome="retained_living_30d")
    control = drawing.data[drawing.data["point"] == 0]
    assert len(control) == 1
    assert control["n"].item() == 0
    assert np.isnan(control["mean"].item())
    assert "no data" in {text for text, _ in texts_of(drawing)}
    drawing = survival.draw(results)
    assert 0 not in set(drawing.data["point"])
    assert "no cells" in drawing.caption


@pytest.mark.parametrize("n_runs", [1, 2, 3])
def test_very_few_replicates_draw_without_an_invented_density(n_runs: int) -> None:
    results = make_results(4, n_runs)
    drawing = outcomes.draw(results, outcome="lvef_change_points")
    assert_readable(drawing)
    assert len(drawing.figure.axes[0].collections) == 4  # the dots of four arms, neither clouds nor boxes
    assert np.isnan(drawing.data["low95"]).all() == (n_runs == 1)
    for other in (survival.draw(results), ledger.draw(results), courses.draw(results, course="living.*")):
        assert_readable(other)


def test_equal_values_draw_without_a_density() -> None:
    results = make_results(3, 20)
    results.table["scar_change_points"] = 2.5
    drawing = outcomes.draw(results, outcome="scar_change_points")
    assert_readable(drawing)
    assert set(drawing.data["mean"]) == {2.5}


def test_all_zero_values_draw() -> None:
    results = make_results(3, 20)
    results.table["peak_cd8_per_mm3"] = np.where(results.table["patient"] == 0, 0.0, 0.0)
    results.courses[1]["immune.cd8_per_mm3"] *= 0.0
    assert_readable(outcomes.draw(results, outcome="peak_cd8_per_mm3"))
    assert_readable(courses.draw(results, course="immune.cd8_per_mm3", scale="log"))


def test_values_over_many_decades_get_a_logarithmic_axis_that_shows_zero() -> None:
    results = make_results(3, 60)
    spread = np.logspace(-4, 0, 60)
    results.table["retained_living_30d"] = np.tile(spread, 3)
    drawing = outcomes.draw(results, outcome="retained_living_30d")
    assert drawing.figure.axes[0].get_xscale() == "log"
    assert_readable(drawing)
    results.table.loc[results.table["patient"] == 0, "retained_living_30d"] = 0.0
    drawing = outcomes.draw(results, outcome="retained_living_30d")
    axes = drawing.figure.axes[0]
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlim()[0] <= 0.0
    assert "0" in [label.get_text() for label in axes.get_xticklabels()]
    assert_readable(drawing)


def test_all_censored_grafts_draw_a_flat_curve() -> None:
    results = make_results(3, 15)
    has_graft = results.table["graft_lost"].notna()
    results.table.loc[has_graft, ["graft_lost", "graft_loss_day"]] = [0.0, 30.0]
    drawing = survival.draw(results)
    assert_readable(drawing)
    assert set(drawing.data["survival"]) == {1.0}


def test_all_grafts_lost_ends_at_zero() -> None:
    results = make_results(3, 15)
    has_graft = results.table["graft_lost"].notna()
    results.table.loc[has_graft, "graft_lost"] = 1.0
    drawing = survival.draw(results)
    assert_readable(drawing)
    assert (drawing.data.groupby("point")["survival"].min() == 0.0).all()


def test_missing_values_within_a_course_are_left_out_of_its_quantiles() -> None:
    results = make_results(2, 9)
    results.courses[1]["lvef_percent"][:4] = np.nan
    results.courses[1]["lvef_percent"][:, 10] = np.nan
    shown = courses.draw(results, course="lvef_percent").data
    own = shown[shown["point"] == 1]
    assert own["n"].iloc[0] == 5
    assert own["n"].iloc[10] == 0
    assert np.isnan(own["median"].iloc[10])


def test_a_patch_without_cells_shows_its_field(tmp_path: Path) -> None:
    drawing = patch.draw(snapshot_results(tmp_path, empty=True))
    assert_readable(drawing)
    assert set(drawing.data["what"]) == {"field"}


def test_dollar_signs_in_a_label_are_no_formula() -> None:
    results = make_results(3)
    for point in results.points[1:]:
        object.__setattr__(point, "label", "cost $5 or $^{9 a dose_x")
    for drawing in (
        outcomes.draw(results, outcome="lvef_change_points"),
        survival.draw(results),
        ledger.draw(results),
        courses.draw(results, course="lvef_percent"),
    ):
        assert_readable(drawing)


@pytest.mark.parametrize(
    ("draw", "options", "reason"),
    [
        (outcomes.draw, {"outcome": "no_such"}, "no outcome 'no_such'"),
        (courses.draw, {"course": "no.such"}, "no course named 'no.such'"),
        (patch.draw, {}, "no snapshots"),
        (effects.draw, {"outcome": "retained_living_30d"}, "both in 'no cells' and in another arm"),
        (heatmap.draw, {"outcome": "lvef_change_points", "rows": "route"}, "'route' is not swept"),
        (ledger.draw, {"arms": [0]}, "no arm drawn was given cells"),
    ],
)
def test_what_cannot_be_drawn_says_what_is_missing(draw: object, options: dict[str, object], reason: str) -> None:
    with pytest.raises(NothingToDraw, match=re.escape(reason)):
        draw(make_results(6), **options)  # type: ignore[operator]


def test_a_field_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(NothingToDraw, match="they hold: chemokine_ng_per_ml, oxygen_mmhg, functional"):
        patch.draw(snapshot_results(tmp_path), field="glucose")


def test_a_map_of_holes_is_refused_unless_asked_for() -> None:
    results = make_results(6)
    with pytest.raises(NothingToDraw, match="fill only 6 of the 6 x 2"):
        heatmap.draw(results, outcome="lvef_change_points")
    asked = heatmap.draw(results, outcome="lvef_change_points", rows="product.name", columns="donor.match")
    assert_readable(asked)


# ---------------------------------------------------------------- gallery and page


def test_the_gallery_skips_what_has_no_data_and_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = make_results(3, 5)
    results.courses = {index: {} for index in results.courses}
    caplog.set_level("INFO", logger="simengine.report")
    written = gallery.draw_all(results, tmp_path)
    names = {path.stem for path in written}
    assert not names & {"ledger", "patch"}
    assert "no figure ledger: the results keep no ledger of cells" in caplog.text
    text = (tmp_path / "report.html").read_text()
    assert "patch: the results hold no snapshots of the patch" in text


def test_results_of_failed_runs_alone_make_a_page_without_figures(tmp_path: Path) -> None:
    results = make_results(2, 3)
    results.table[["status", "reason"]] = ["failed", "planted"]
    written = gallery.draw_all(results, tmp_path)
    assert [path.name for path in written] == ["report.html"]
    assert "6 of 6 runs did not end well (6 failed)" in written[0].read_text()


def test_equal_results_give_equal_bytes_also_from_several_threads(tmp_path: Path) -> None:
    results = make_results(4, 12)
    wanted = survival.draw(results)
    png, svg = wanted.png(), wanted.svg()
    found: list[tuple[bytes, bytes]] = []

    def draw_once() -> None:
        drawing = survival.draw(results)
        found.append((drawing.png(), drawing.svg()))

    threads = [threading.Thread(target=draw_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(png, svg)] * 3


def test_a_figure_can_be_drawn_into_a_part_of_another() -> None:
    whole = new_figure(7.2, 9.0)
    upper, lower = whole.subfigures(2, 1)
    results = make_results(3)
    drawing = survival.draw(results, upper)
    outcomes.draw(results, lower, outcome="lvef_change_points")
    assert drawing.figure is upper
    assert len(upper.axes) == 2
    assert len(lower.axes) == 1
    assert drawing.png().startswith(b"\x89PNG")


class _Page(html.parser.HTMLParser):
    """Collects what a page would load, its words, and whether its elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_holds_everything_and_loads_nothing() -> None:
    results = make_results(3, 8, n_failed=1)
    text = page.render_page(results, [page.Plate("one", "A caption", b"\x89PNG")])
    parsed = _Page()
    parsed.feed(text)
    words = " ".join(parsed.words)
    assert parsed.loads == ["data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()]
    assert "script" not in parsed.tags
    assert "link" not in parsed.tags
    assert "url(" not in text
    assert DISCLAIMER in words
    assert "1 of 24 runs did not end well" in words
    for value in ("0.1.0", results.manifest["study_hash"], "no cells", "A caption"):
        assert value in words


def test_text_from_results_cannot_become_markup() -> None:
    results = make_results(2, 4)
    evil = "<script>alert('x')</script>"
    results.manifest |= {"title": evil, "description": evil, "name": evil, "machine": {evil: evil}}
    for point in results.points:
        object.__setattr__(point, "label", evil)
        point.values[evil] = evil
    text = page.render_page(results, [page.Plate(evil, evil, b"x"), page.Plate(evil, evil, None)])
    parsed = _Page()
    parsed.feed(text)
    assert "script" not in parsed.tags
    assert evil in "".join(parsed.words)


def test_the_page_states_the_means_of_the_summary() -> None:
    results = make_results(3, 8)
    text = page.render_page(results, [])
    row = summary(results.table, ["lvef_change_points"]).iloc[1]
    assert f">{number(row['mean'], 2)} ± {number(row['mcse'], 2)}<small>(" in text


def test_importing_the_report_loads_neither_matplotlib_nor_pandas() -> None:
    code = (
        "import sys, json, simengine.report.gallery, simengine.report.page;"
        "print(json.dumps([m for m in ('matplotlib', 'pandas', 'scipy', 'numba') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_drawing_never_loads_pyplot_nor_changes_settings() -> None:
    code = """
import sys, matplotlib
from tests.unit.synthetic_results import make_results
from simengine.report.figures import survival
settings = lambda: {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}
before = settings()
drawing = survival.draw(make_results(3))
drawing.png(), drawing.svg()
assert "matplotlib.pyplot" not in sys.modules
assert settings() == before
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- results as they are saved


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results written by the store: six arms, a control without cells, snapshots, one failed run."""
    results = make_results(6, 5, n_failed=1)
    add_snapshots(results, tmp_path_factory.mktemp("snapshots"))
    folder = tmp_path_factory.mktemp("saved") / "synthetic"
    save_results(results, folder)
    return folder


def test_the_gallery_of_saved_results_is_every_figure_with_its_data_and_the_page(saved: Path, tmp_path: Path) -> None:
    opened = open_results(saved)
    written = gallery.draw_all(opened, tmp_path)
    drawn = [name for name in plan_figures(opened) if not name.startswith("heatmap")]  # arms fill half of the map
    assert len(drawn) == 15
    assert [path.name for path in written] == [f"{n}.{kind}" for n in drawn for kind in ("png", "csv")] + ["report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in written)
    assert all(path.stat().st_size > 100 for path in written)


def test_saved_results_draw_as_those_in_memory(saved: Path) -> None:
    opened, in_memory = open_results(saved), make_results(6, 5, n_failed=1)
    pd.testing.assert_frame_equal(ledger.draw(opened).data, ledger.draw(in_memory).data, rtol=1e-12)
    assert opened.plot.survival().data.equals(survival.draw(opened).data)


@pytest.mark.parametrize("script", sorted(GALLERY.glob("*.py")), ids=lambda path: path.stem)
def test_each_gallery_script_is_short_and_draws_one_figure_with_its_data(script: Path, saved: Path, tmp_path: Path) -> None:
    assert len(script.read_text().splitlines()) <= 30
    folder = saved
    if script.stem in OF_TRANSPLANTS:
        folder = tmp_path / "transplants"
        save_results(make_transplants(2, 4), folder)
        write_calibration(folder)
    if script.stem == "heatmap":
        folder = tmp_path / "factorial"
        save_results(factorial_results(2), folder)
    if script.stem == "spread":
        folder, results = tmp_path / "replicated", make_results(2, 4)
        results.table = pd.concat([results.table.assign(replicate=i) for i in range(2)], ignore_index=True)
        results.table["lvef_change_points"] += np.random.default_rng(1).normal(size=len(results.table))
        save_results(results, folder)
    out = tmp_path / "out"
    runpy.run_path(str(script))["main"](folder, out)
    assert sorted(path.name for path in out.iterdir()) == [f"{script.stem}.csv", f"{script.stem}.png"]


def test_every_figure_has_a_gallery_script() -> None:
    figures = {path.stem for path in Path(outcomes.__file__).parent.glob("*.py")} - {"__init__"}
    assert {path.stem for path in GALLERY.glob("*.py")} == figures


# ---------------------------------------------------------------- every gallery figure, its footer


def test_every_figure_of_the_plan_states_runs_seed_version_and_disclaimer(tmp_path: Path) -> None:
    results = snapshot_results(tmp_path, days=(7,))
    results.manifest["seed"] = 12345
    for name, draw in plan_figures(results).items():
        if name.startswith("heatmap"):
            continue
        foot = " ".join(draw().figure.get_supxlabel().split())
        runs = "1 of 120 runs" if name == "patch" else "n = 120 runs"
        for wanted in (runs, "seed 12345", "simengine 0.1.0", "model 1", DISCLAIMER):
            assert wanted in foot, (name, wanted, foot)


# ---------------------------------------------------------------- names, numbers, scales


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("fate.rejected_cd8", "Rejected CD8"),
        ("fate.lodged_died_lung", "Lodged and died in the lung"),
        ("immune.nk", "NK cells in the patch"),
        ("living.*", "Living product cells"),
        ("retained_living_30d", "Retained living at 30 days"),
        ("retained_dna_1h", "Retained DNA at 1 h"),
        ("donor.match", "Donor match"),
        ("peak_cd8", "Peak CD8"),
    ],
)
def test_names_become_titles(name: str, wanted: str) -> None:
    assert readable(name) == wanted


def test_a_field_is_called_as_in_the_catalogue() -> None:
    results = make_results(2)
    assert quantity_of(results, "ifng", "fields").axis_label == "Interferon gamma (ng/mL)"
    assert quantity_of(results, "field.oxygen", "courses").axis_label == "Oxygen (mmHg)"


def test_units_are_read_from_suffixes_and_printed_with_their_signs() -> None:
    assert split_unit("lvef_change_points") == ("lvef_change", "percentage points")
    assert split_unit("immune.cd8_per_mm3") == ("immune.cd8", "per mm³")
    assert [print_unit(u) for u in ("percent of LV", "per uL", "0/1", "points", "percentage points")] == [
        "% of LV",
        "per µL",
        "",
        "percentage points",
        "percentage points",
    ]
    assert quantity_of(make_results(2), "lvef_change_points").axis_label == "Change of ejection fraction (percentage points)"


@pytest.mark.parametrize(
    ("value", "decimals", "wanted"),
    [
        (-0.004, 2, "0.00"),
        (-1.25, 2, "−1.25"),
        (12345.0, 0, "12\N{THIN SPACE}345"),
        (3.2e7, 1, "3.20×10⁷"),
        (-2e-5, 6, "−2.00×10⁻⁵"),
        (float("nan"), 2, "–"),
    ],
)
def test_numbers_are_printed_for_people(value: float, decimals: int, wanted: str) -> None:
    assert number(value, decimals) == wanted


def test_tick_labels_tell_ticks_apart() -> None:
    assert [tick_number(t) for t in (0.0, -2.5, 0.1 + 0.2, 250000.0, 2e-6)] == [
        "0",
        "−2.5",
        "0.3",
        "250\N{THIN SPACE}000",
        "2×10⁻⁶",
    ]
    assert [decade_number(10.0**e) for e in (-4, -2, 0, 3, 6)] == ["10⁻⁴", "0.01", "1", "1000", "10⁶"]


def test_wrapped_lines_fit_and_lose_nothing() -> None:
    text = "product.name=ipsc_cardiomyocytes, donor.match=0/8 with " + "W" * 40
    lines = wrap(text, 1.2, 8.0).split("\n")
    assert all(text_width(line, 8.0) <= 1.2 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.endswith("0/") for line in lines)


@pytest.mark.parametrize(
    ("last", "wanted"), [(30, [0, 5, 10, 15, 20, 25, 30]), (28, [0, 7, 14, 21, 28]), (90, [0, 30, 60, 90])]
)
def test_day_ticks_end_on_the_last_day(last: float, wanted: list[float]) -> None:
    assert day_ticks(last, 7) == wanted


def test_scales_follow_the_data() -> None:
    assert choose_scale(np.array([np.nan])).kind == "linear"
    assert choose_scale(np.zeros(3)).high > 1.0
    assert choose_scale(np.array([1.0, 50.0])) == Scale("linear", 0.0, 52.0)
    spread = np.logspace(0.0, 3.0, 50)
    assert choose_scale(spread).kind == "log"
    assert choose_scale(np.append(spread, 0.0)).kind == "symlog"
    assert choose_scale(np.append(spread, -500.0)).kind == "linear"
    assert choose_scale(np.array([2.0, 3.0]), include_zero=True).low < 0.0
    values = np.array([0.0, 0.003, 2.0])
    scale = choose_scale(values, "symlog")
    np.testing.assert_allclose(scale.inverse(scale.forward(values)), values, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("n", "sizes"), [(1, [1]), (6, [6]), (7, [4, 3]), (13, [5, 4, 4]), (30, [6] * 5)])
def test_panels_share_arms_evenly_and_in_order(n: int, sizes: list[int]) -> None:
    panels = share_panels(range(n))
    assert [len(p) for p in panels] == sizes
    assert [arm for p in panels for arm in p] == list(range(n))


def test_a_format_that_cannot_be_written_is_refused_before_anything_is(tmp_path: Path) -> None:
    drawing = courses.draw(make_results(2), course="lvef_percent")
    with pytest.raises(ValueError, match="expected 'png' or 'svg'"):
        drawing.save(tmp_path / "new", "x", formats=("png", "bmp"))
    assert not (tmp_path / "new").exists()


def test_png_bytes_are_a_picture_of_the_size_asked_for() -> None:
    from PIL import Image

    drawing = courses.draw(make_results(2), course="lvef_percent")
    with Image.open(io.BytesIO(drawing.png(dpi=100))) as image:
        assert image.size[0] == 720
