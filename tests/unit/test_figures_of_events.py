"""Figures of cumulative incidence and of the kinds of spread: readable, and showing the numbers of their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simengine.report.figures import incidence, spread
from simengine.report.results_view import NothingToDraw
from simengine.report.selection import plan_figures
from simengine.studies import events
from simengine.studies.spread import KINDS, spread_of_study
from tests.unit.synthetic_results import SyntheticResults, make_results
from tests.unit.test_figures import assert_readable

CAUSES = ("rejected_cd8", "apoptosis", "ischaemia", "rejected_nk", "washed_out", "antibody", "phagocytosis", "fragile")


def with_causes(results: SyntheticResults, n_causes: int = 3) -> SyntheticResults:
    """Lost grafts get a cause, each half as often as the one before."""
    weights = 0.5 ** np.arange(n_causes)
    drawn = np.random.default_rng(3).choice(CAUSES[:n_causes], len(results.table), p=weights / weights.sum())
    results.table["graft_loss_cause"] = np.where(results.table["graft_lost"] > 0.5, drawn, "")
    return results


def with_replicates(n_arms: int, n_draws: int = 2) -> SyntheticResults:
    """Four replicates of each patient, which differ by draw and by chance."""
    results = make_results(n_arms, 12)
    rng = np.random.default_rng(n_arms)
    table = pd.concat([results.table.assign(replicate=i) for i in range(4)], ignore_index=True)
    for name in ("lvef_change_points", "scar_change_points", "retained_living_24h"):
        draw = np.array([0.5, -0.5, 0.2, -0.1])[table["replicate"] % n_draws]
        table[name] += table[name].std() * (draw + 0.6 * rng.normal(size=len(table)))
    table["representation_sd_points"] = 0.5
    results.table = table
    for point in results.manifest["points"]:
        point["scenario"] = {"patient": {"vary": "per_patient"}, "uncertainty": {"knowledge": "per_draw", "draws": n_draws}}
    return results


@pytest.mark.parametrize(("n_arms", "n_causes"), [(2, 1), (4, 3), (6, 8), (12, 6), (30, 7)])
def test_incidence_texts_never_overlap(n_arms: int, n_causes: int) -> None:
    assert_readable(incidence.draw(with_causes(make_results(n_arms, 150), n_causes)))


@pytest.mark.parametrize("n_arms", [2, 6, 12, 30])
def test_spread_texts_never_overlap(n_arms: int) -> None:
    assert_readable(spread.draw(with_replicates(n_arms)))


def test_incidence_shown_is_that_of_the_results() -> None:
    results = with_causes(make_results(4, 40, n_failed=2))
    drawing = incidence.draw(results)
    wanted = events.cumulative_incidence(results.table).set_index(["arm", "cause", "graft_loss_day"])
    shown = drawing.data.set_index(["arm", "cause", "day"]).loc[wanted.index]
    np.testing.assert_array_equal(shown["incidence"], wanted["incidence"])
    np.testing.assert_array_equal(shown["low95"], wanted["low"])
    np.testing.assert_array_equal(shown["lost"], wanted["events"])
    assert set(drawing.data["arm"]) == {point.label for point in results.points[1:]}


def test_the_stack_ends_where_survival_ends() -> None:
    results = with_causes(make_results(3, 50))
    drawing = incidence.draw(results)
    survival = events.survival(results.table).groupby("arm", sort=False)["survival"].last()
    total = drawing.data.groupby(["arm", "cause"], sort=False)["incidence"].last().groupby("arm", sort=False).sum()
    np.testing.assert_allclose(total, 1.0 - survival, rtol=1e-12)
    for axes, height in zip(drawing.figure.axes, total):
        top = max(band.get_paths()[0].vertices[:, 1].max() for band in axes.collections)
        assert top == pytest.approx(100.0 * height, rel=1e-12)


def test_rare_causes_are_joined_and_nothing_is_dropped() -> None:
    results = with_causes(make_results(3, 400), 8)
    drawing = incidence.draw(results)
    assert drawing.data["cause"].nunique() == 6
    last = drawing.data.groupby(["arm", "cause"])["lost"].last()
    lost = results.table.groupby("arm")["graft_lost"].sum()
    assert all(last[arm].sum() == lost[arm] for arm in last.index.get_level_values(0).unique())
    assert all(last[arm, "other causes"] > 0 for arm in last.index.get_level_values(0).unique())


def test_numbers_at_risk_stand_under_the_days() -> None:
    results = with_causes(make_results(2, 30, with_control=False))
    drawing = incidence.draw(results)
    table = drawing.data[drawing.data["in_table"]].drop_duplicates(["point", "day"])
    for axes, (_, own) in zip(drawing.figure.axes, table.groupby("point")):
        assert [text.get_text() for text in axes.texts] == [str(n) for n in own["at_risk"]]


def test_without_a_lost_graft_there_is_no_figure_of_causes() -> None:
    results = make_results(3, 10)
    results.table["graft_lost"] = results.table["graft_lost"] * 0.0
    with pytest.raises(NothingToDraw, match="no graft was lost"):
        incidence.draw(results)


def test_a_loss_without_a_cause_is_drawn_as_unknown() -> None:
    results = make_results(2, 20)
    results.table["graft_loss_cause"] = ""
    assert set(incidence.draw(results).data["cause"]) == {"unknown"}


def test_bars_are_as_long_as_the_shares_and_fill_the_whole() -> None:
    results = with_replicates(4)
    drawing = spread.draw(results, outcomes=["lvef_change_points", "scar_change_points"])
    wanted = spread_of_study(results.table, results.manifest["points"], ["lvef_change_points", "scar_change_points"])
    shown = drawing.data
    np.testing.assert_array_equal(shown["variance"], wanted["variance"])
    np.testing.assert_array_equal(shown["share"], wanted["share"])
    for axes, name in zip(drawing.figure.axes, ("lvef_change_points", "scar_change_points")):
        own = shown[(shown["outcome"] == name) & shown["kind"].isin(KINDS) & (shown["share"] > 0)]
        bars = [bar for bar in axes.patches if not bar.get_hatch()]
        np.testing.assert_allclose([bar.get_width() for bar in bars], 100.0 * own["share"], rtol=1e-12)
        np.testing.assert_allclose([bar.get_x() for bar in bars], 100.0 * own["begins"], atol=1e-9)
    assert shown[shown["kind"].isin(KINDS)].groupby(["point", "outcome"])["share"].sum().to_numpy() == pytest.approx(1.0)


def test_the_hatched_part_is_what_the_runs_say_of_the_number_of_agents() -> None:
    drawing = spread.draw(with_replicates(3), outcomes=["lvef_change_points"])
    rows = drawing.data[drawing.data["kind"] == "representation"]
    hatched = [bar for bar in drawing.figure.axes[0].patches if bar.get_hatch()]
    np.testing.assert_allclose([bar.get_width() for bar in hatched], 100.0 * rows["share"], rtol=1e-12)
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in hatched], 100.0, rtol=1e-12)


def test_a_design_that_tells_nothing_apart_has_no_figure_of_spread() -> None:
    with pytest.raises(NothingToDraw, match="it takes patients with replicates"):
        spread.draw(make_results(3, 10))


def test_reports_plan_both_figures() -> None:
    planned = list(plan_figures(with_causes(with_replicates(3))))
    assert planned.index("survival") < planned.index("incidence") < planned.index("spread") < planned.index("ledger")
