"""Any course by arm: the median over runs and the band that holds nine runs in ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines
from simengine.report.panels import share_panels
from simengine.report.results_view import (
    NothingToDraw,
    PointView,
    ResultsView,
    course_of,
    provenance_line,
    quantity_of,
)
from simengine.report.scales import HOURS_PER_DAY, Scale, Wanted, choose_scale, day_axis, early_axis
from simengine.report.style import (
    ARM_LABEL_IN,
    WIDTH_IN,
    arm_colour,
    arm_label,
    dress,
    legend_beside,
    name_axes,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

PANEL_IN = 2.5
QUANTILES = (0.05, 0.5, 0.95)
KEY = "Line: median over runs. Band: 5-95 % of runs."


@dataclass(frozen=True)
class _Arm:
    """Quantiles of one arm over time: ``low``, ``median`` and ``high`` are float64[S], ``n`` counts the runs known."""

    place: int
    point: PointView
    label: str
    time_h: np.ndarray
    n: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def draw(
    results: ResultsView,
    figure: Figure | SubFigure | None = None,
    *,
    course: str,
    scale: Wanted = "auto",
    time: Literal["days", "early"] = "days",
) -> Drawing:
    """Draw one course in every arm, six arms or fewer a panel.

    Parameters
    ----------
    course : a course such as ``lvef_percent``; ``living.*`` is the sum of all courses that begin so.
    scale : of the vertical axis; ``auto`` turns logarithmic when values span more than a hundredfold.
    time : an even axis in days, or one that stretches the ``early`` hours.

    Raises
    ------
    NothingToDraw
        When there is no such course, or no run has a value in it.
    """
    arms = [arm for place, point in enumerate(results.points) if (arm := _arm(results, place, point, course))]
    if not arms:
        raise NothingToDraw(f"no run has a value of the course {course!r}")
    quantity = quantity_of(results, course, "courses")
    panels = share_panels(arms)
    axis = choose_scale(np.concatenate([q for arm in arms for q in (arm.low, arm.median, arm.high)]), scale)
    legend_in = [sum(0.145 * n_lines([arm.label]) + 0.07 for arm in panel) for panel in panels]
    heights = [max(PANEL_IN, height) for height in legend_in]
    figure = figure or new_figure(height_in=0.75 + sum(heights) + 0.3 * len(panels))
    rows = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, panel in zip(rows, panels):
        _draw_panel(axes, panel, axis, time)
        name_axes(axes, y=quantity.axis_label)
    sign(figure, quantity.title, [KEY, provenance_line(results)])
    caption = f"{quantity.axis_label} by arm. {quantity.sentence} {KEY}"
    return Drawing(figure, _shown(arms, course), quantity.title, " ".join(caption.split()))


def _arm(results: ResultsView, place: int, point: PointView, course: str) -> _Arm | None:
    time_h, runs = course_of(results, point.index, course)
    n = np.isfinite(runs).sum(axis=0)
    known = n > 0
    if not known.any():
        return None
    low, median, high = np.full((3, time_h.size), np.nan)
    low[known], median[known], high[known] = np.nanquantile(runs[:, known], QUANTILES, axis=0)
    return _Arm(place, point, arm_label(point.label), time_h, n, low, median, high)


def _draw_panel(axes: Axes, panel: Sequence[_Arm], scale: Scale, time: str) -> None:
    dress(axes, grid="y")
    per_hour = 1.0 if time == "early" else 1.0 / HOURS_PER_DAY
    lines = []
    for arm in panel:
        colour, places = arm_colour(arm.place), arm.time_h * per_hour
        if arm.n.max() > 1:
            axes.fill_between(places, arm.low, arm.high, color=colour, alpha=0.11, linewidth=0)
        lines += axes.plot(places, arm.median, color=colour, linewidth=1.6)
    scale.apply(axes.yaxis)
    last_h = max(float(arm.time_h[-1]) for arm in panel)
    if time == "early":
        label = early_axis(axes.xaxis, float(panel[0].time_h[0]), last_h, WIDTH_IN - ARM_LABEL_IN - 1.0)
    else:
        label = day_axis(axes.xaxis, last_h)
    name_axes(axes, x=label)
    legend_beside(axes, lines, [arm.label for arm in panel])


def _shown(arms: Sequence[_Arm], course: str) -> DataFrame:
    """One row for each arm and time, with the number of runs and their quantiles."""
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "point": arm.point.index,
                "arm": arm.point.label,
                "course": course,
                "time_h": arm.time_h,
                "n": arm.n,
                "p05": arm.low,
                "median": arm.median,
                "p95": arm.high,
            }
        )
        for arm in arms
    ]
    return pd.concat(parts, ignore_index=True)
