"""Why runs differ: the variance of outcomes as shares of patients, knowledge and chance, a bar an arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.headline import headline_outcomes
from simengine.report.labels import decimals_for, n_lines, number, wrap
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of
from simengine.report.style import (
    ARM_LABEL_IN,
    BLUE,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    TEXT_PT,
    WIDTH_IN,
    arm_label,
    dress,
    name_axes,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

COLOURS = {"patients": BLUE, "knowledge": ORANGE, "patients x knowledge": PURPLE, "chance": "#BBBBBB"}
LABELS = {
    "patients": "Patients (traits)",
    "knowledge": "Knowledge (parameters)",
    "patients x knowledge": "Patients × knowledge",
    "chance": "Chance (seed)",
    "representation": "Chance: number of agents",
}
MOST_OUTCOMES = 3
ROW_IN, LEGEND_IN = 0.17, 0.4
TITLE = "Why runs differ"
KEY = (
    "Shares of the variance of single runs, estimated from patients x draws x replicates; beside each bar the standard "
    "deviation of a run. What a design cannot tell apart stands with chance."
)


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, outcomes: Sequence[str] | None = None) -> Drawing:
    """Draw the shares of variance of some outcomes in every arm.

    Parameters
    ----------
    outcomes : at most three columns; the first of the well-known ones that vary when not given.

    Raises
    ------
    NothingToDraw
        When the design tells nothing apart: it takes several patients with several replicates each, whose traits vary by
        patient, or several draws of parameters.
    """
    from simengine.studies.spread import spread_of_study

    wanted = list(outcomes or headline_outcomes(results))
    if results.table.empty or not wanted:
        raise NothingToDraw("the results hold no outcome")
    found = spread_of_study(results.table, results.manifest["points"], wanted)
    told = found[(found["kind"] != "chance") & (found["state"] == "estimated") & found["share"].notna()]
    chosen = [name for name in wanted if name in set(told["outcome"])][:MOST_OUTCOMES]
    if not chosen:
        raise NothingToDraw("nothing can be told apart from chance: it takes patients with replicates, or draws of parameters")
    shown = _shown(found, results, chosen)
    labels = [arm_label(point.label) for point in results.points]
    row_in = max(0.24, ROW_IN * n_lines(labels) + 0.06)
    panel_in = (WIDTH_IN - ARM_LABEL_IN - 0.4) / len(chosen)
    titles = [wrap(quantity_of(results, name).axis_label, panel_in - 0.15, TEXT_PT) for name in chosen]
    figure = figure or new_figure(height_in=1.5 + LEGEND_IN + row_in * len(labels) + 0.15 * n_lines(titles))
    bars_in = row_in * len(labels) + 0.5
    grid = figure.add_gridspec(2, len(chosen), height_ratios=[bars_in, LEGEND_IN])
    panels = [figure.add_subplot(grid[0, i]) for i in range(len(chosen))]
    for i, (axes, name) in enumerate(zip(panels, chosen)):
        _draw_panel(axes, shown[shown["outcome"] == name], [point.index for point in results.points])
        axes.set_title(titles[i], fontsize=TEXT_PT, color=INK, loc="left", pad=4.0)
        axes.set_yticks(range(len(labels)), labels if i == 0 else [""] * len(labels))
        axes.tick_params(axis="y", length=0)
    _draw_legend(figure.add_subplot(grid[1, :]), shown)
    sign(figure, TITLE, [KEY, provenance_line(results)])
    return Drawing(figure, shown, TITLE, f"{TITLE}. {KEY}")


def _shown(found: DataFrame, results: ResultsView, chosen: Sequence[str]) -> DataFrame:
    """One row for each arm, outcome and kind: its variance and share, and where its bar begins."""
    place = {point.label: point.index for point in results.points}
    shown = found[found["outcome"].isin(chosen)].copy()
    shown.insert(0, "point", shown["arm"].map(place))
    is_bar = shown["kind"].isin(list(COLOURS))
    ends = shown["share"].where(is_bar, 0.0).fillna(0.0).groupby([shown["point"], shown["outcome"]]).cumsum()
    shown["begins"] = np.where(is_bar, ends - shown["share"].fillna(0.0), np.nan)
    return shown.reset_index(drop=True)


def _draw_panel(axes: Axes, rows: DataFrame, points: Sequence[int]) -> None:
    """One bar an arm, from top to bottom; the part of chance that the number of agents adds is hatched at its end."""
    dress(axes, grid="x")
    totals = rows.loc[rows["kind"] == "total", "sd"]
    places = decimals_for(totals)
    for y, point in enumerate(points):
        own = rows[rows["point"] == point].set_index("kind")
        if own.empty or not own.loc["total", "sd"] > 0.0:
            continue
        for kind, colour in COLOURS.items():
            if own.loc[kind, "share"] > 0.0:
                axes.barh(y, 100.0 * own.loc[kind, "share"], left=100.0 * own.loc[kind, "begins"], height=0.62, color=colour)
        if "representation" in own.index and own.loc["representation", "share"] > 0.0:
            width = 100.0 * min(own.loc["representation", "share"], own.loc["chance", "share"])
            look: dict[str, Any] = {"color": "none", "edgecolor": INK, "hatch": "////", "linewidth": 0.0}
            axes.barh(y, width, left=100.0 - width, height=0.62, **look)
        text = number(float(own.loc["total", "sd"]), places)
        axes.text(103.0, y, text, ha="left", va="center", fontsize=TEXT_PT, color=MUTED)
    axes.set(xlim=(0.0, 135.0), ylim=(len(points) - 0.5, -0.5))
    axes.set_xticks([0, 50, 100])
    name_axes(axes, x="Share of variance (%)")


def _draw_legend(axes: Axes, shown: DataFrame) -> None:
    """Legend in a row of its own, of the kinds that are drawn."""
    from matplotlib.patches import Patch

    drawn = set(shown.loc[shown["share"] > 0.0, "kind"])
    handles = [Patch(facecolor=colour, label=LABELS[kind]) for kind, colour in COLOURS.items() if kind in drawn]
    if "representation" in drawn:
        look: dict[str, Any] = {"facecolor": COLOURS["chance"], "edgecolor": INK, "hatch": "////", "linewidth": 0.0}
        handles.append(Patch(**look, label=LABELS["representation"]))
    axes.set_axis_off()
    axes.legend(
        handles=handles,
        loc="upper left",
        ncols=3,
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=INK,
        handlelength=1.2,
        borderpad=0.0,
    )
