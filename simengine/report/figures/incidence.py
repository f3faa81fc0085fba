"""Of what grafts are lost: cumulative incidence by cause, stacked, a panel an arm, with the numbers at risk beneath."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, readable, tick_number, wrap
from simengine.report.results_view import NothingToDraw, PointView, ResultsView, provenance_line
from simengine.report.scales import day_ticks
from simengine.report.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    TEXT_PT,
    VERMILION,
    WIDTH_IN,
    dress,
    legend_column,
    name_axes,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

    from simengine.studies.competing import Incidence
    from simengine.studies.events import FollowUp

COLOURS = (VERMILION, ORANGE, BLUE, SKY, PURPLE, GREEN)
OTHER, OTHER_COLOUR = "other causes", "#BBBBBB"
LEGEND_IN = 1.55
TITLE = "Of what grafts are lost"
KEY = (
    "Cumulative incidence by cause (Aalen-Johansen), stacked: the top of the stack is all grafts lost, what is above it "
    "grafts surviving. Under the axes: grafts at risk. Intervals stand in the CSV."
)


@dataclass(frozen=True)
class _Arm:
    """One arm: its runs as they were seen, with small causes joined, and the estimate."""

    point: PointView
    seen: FollowUp
    curves: Incidence


def draw(results: ResultsView, figure: Figure | SubFigure | None = None) -> Drawing:
    """Draw the cumulative incidence of graft loss by cause in every arm that was given cells.

    Reads ``graft_lost``, ``graft_loss_day`` and ``graft_loss_cause``; a loss without a cause is of cause "unknown".

    Raises
    ------
    NothingToDraw
        When no graft was lost.
    """
    arms = _arms(results)
    look = _look(arms)
    if not look:
        raise NothingToDraw("no graft was lost")
    columns = 1 if len(arms) == 1 else 2 if len(arms) <= 4 else 3
    panel_in = (WIDTH_IN - LEGEND_IN - 0.6) / columns
    titles = [wrap(arm.point.label, panel_in - 0.1, TEXT_PT) for arm in arms]
    rows = math.ceil(len(arms) / columns)
    height_in = max(2.4 if columns == 1 else 1.2, 0.25 * (len(look) + 1) / rows) + 0.15 * n_lines(titles) + 0.35
    figure = figure or new_figure(height_in=1.1 + rows * height_in)
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[panel_in] * columns + [LEGEND_IN])
    last_day = max(float(arm.seen.time.max()) for arm in arms)
    days = np.array(day_ticks(last_day, most=6 if panel_in > 3.0 else 4))
    for i, arm in enumerate(arms):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _draw_arm(axes, arm, look)
        _set_axes(axes, days, last_day, is_left=i % columns == 0, is_lowest=i + columns >= len(arms))
        axes.set_title(titles[i], fontsize=TEXT_PT, color=INK, loc="left", pad=4.0)
        _write_at_risk(axes, arm, days)
    _draw_legend(figure.add_subplot(grid[:, -1]), look)
    sign(figure, TITLE, [KEY, provenance_line(results)])
    return Drawing(figure, _shown(arms, days), TITLE, f"{TITLE}. {KEY}")


def _arms(results: ResultsView) -> list[_Arm]:
    """Return the arms with grafts; causes beyond the most frequent are joined, in all arms alike."""
    from simengine.studies.competing import NO_EVENT, cumulative_incidence
    from simengine.studies.events import CAUSE, EVENT, TIME, follow_up

    if results.table.empty or not {EVENT, TIME} <= set(results.table):
        raise NothingToDraw("no run was given a graft that could be lost")
    found = follow_up(results.table, cause=CAUSE if CAUSE in results.table else None)
    seen = {arm.point: arm for arm in found if len(arm.time)}
    names, counts = np.unique([cause for arm in seen.values() for cause in arm.cause[arm.is_event]], return_counts=True)
    ranked = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    kept = ranked if len(ranked) <= len(COLOURS) else ranked[: len(COLOURS) - 1]
    arms = []
    for point in results.points:
        own = seen.get(point.index)
        if own is not None:
            cause = np.where(np.isin(own.cause, [*kept, NO_EVENT]), own.cause, OTHER)
            arms.append(_Arm(point, own, cumulative_incidence(own.time, cause, patients=own.units)))
    return arms


def _look(arms: Sequence[_Arm]) -> dict[str, str]:
    """Return the colour of each cause, from the bottom of the stack: the most frequent first, the joined ones last."""
    final: dict[str, float] = {}
    for arm in arms:
        for cause, curve in zip(arm.curves.causes, arm.curves.incidence):
            final[cause] = final.get(cause, 0.0) + float(curve[-1])
    ranked = sorted((cause for cause in final if cause != OTHER), key=lambda cause: (-final[cause], cause))
    return dict(zip(ranked, COLOURS)) | ({OTHER: OTHER_COLOUR} if OTHER in final else {})


def _draw_arm(axes: Axes, arm: _Arm, look: dict[str, str]) -> None:
    dress(axes, grid="y")
    days = np.append(arm.curves.time, arm.seen.time.max())
    below = np.zeros(len(days))
    for cause, colour in look.items():
        if cause not in arm.curves.causes:
            continue
        curve = 100.0 * arm.curves.incidence[arm.curves.causes.index(cause)]
        above = below + np.append(curve, curve[-1])
        axes.fill_between(days, below, above, step="post", color=colour, linewidth=0.25, edgecolor="white")
        below = above


def _set_axes(axes: Axes, days: np.ndarray, last_day: float, *, is_left: bool, is_lowest: bool) -> None:
    axes.set_ylim(0.0, 100.0)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_xlim(0.0, last_day * 1.01)
    axes.set_xticks(days, [tick_number(day) for day in days])
    axes.tick_params(labelleft=is_left)
    name_axes(axes, x="Time (days)" if is_lowest else "", y="Grafts lost (%)" if is_left else "")
    axes.xaxis.labelpad = 14.0


def _write_at_risk(axes: Axes, arm: _Arm, days: np.ndarray) -> None:
    """Numbers at risk under the labels of the ticks; those at the ends keep within the panel."""
    sides = {0: "left", len(days) - 1: "right"}
    for i, (day, at_risk) in enumerate(zip(days, arm.curves.numbers_at_risk(days))):
        axes.annotate(
            str(at_risk),
            (day, 0.0),
            xytext=(0.0, -18.0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=sides.get(i, "center"),
            va="top",
            fontsize=TEXT_PT,
            color=MUTED,
            annotation_clip=False,
        )


def _draw_legend(axes: Axes, look: dict[str, str]) -> None:
    """Legend in a column of its own, in the order of the stack from its top."""
    from matplotlib.patches import Patch

    entries = list(look.items())[::-1]
    labels = [
        wrap(OTHER.capitalize() if cause == OTHER else readable(cause), LEGEND_IN - 0.35, TEXT_PT) for cause, _ in entries
    ]
    legend_column(axes, [Patch(facecolor=colour) for _, colour in entries], labels)


def _shown(arms: Sequence[_Arm], table_days: np.ndarray) -> DataFrame:
    """One row for each arm, cause and day at which a curve steps or the numbers at risk stand."""
    import pandas as pd

    parts = []
    for arm in arms:
        curves = arm.curves
        days = np.unique(np.concatenate([curves.time, [arm.seen.time.max()], table_days[table_days <= arm.seen.time.max()]]))
        step = curves.step(days)
        for c, cause in enumerate(curves.causes):
            parts.append(
                pd.DataFrame(
                    {
                        "point": arm.point.index,
                        "arm": arm.point.label,
                        "cause": cause,
                        "day": days,
                        "incidence": curves.incidence[c, step],
                        "low95": curves.low[c, step],
                        "high95": curves.high[c, step],
                        "lost": np.cumsum(curves.events[c])[step],
                        "at_risk": curves.numbers_at_risk(days),
                        "in_table": np.isin(days, table_days),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
