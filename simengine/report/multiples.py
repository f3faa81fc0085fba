"""Several courses side by side: a small panel each, arms as lines, the median and the band that holds eight patients in ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.labels import n_lines, wrap
from simengine.report.panels import share_panels
from simengine.report.results_view import NothingToDraw, PointView, ResultsView, course_of
from simengine.report.scales import HOURS_PER_DAY, followup_axis
from simengine.report.style import INK, RULE, TEXT_PT, WIDTH_IN, arm_colour, dress, name_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame, Series

QUANTILES = (0.1, 0.5, 0.9)
PANEL_IN, LEGEND_COLUMNS = 1.45, 3
KEY = "Line: median over patients alive. Band: 10-90 % of them."


@dataclass(frozen=True)
class Panel:
    """What one panel shows: the sum of some courses times a factor, on an axis from ``low`` to ``high``.

    ``levels`` are thresholds drawn as dotted lines; each goes with the column of the days on which patients reach it.
    """

    title: str
    courses: tuple[str, ...]
    low: float
    high: float
    is_log: bool = False
    factor: float = 1.0
    levels: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Band:
    """Quantiles of one arm in one panel over time, float64[S]; ``n`` counts runs known; ``reached`` median days by level."""

    place: int
    point: PointView
    day: np.ndarray
    n: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    reached: tuple[tuple[float, float], ...] = ()


def draw_multiples(
    results: ResultsView, figure: Figure | SubFigure | None, panels: Sequence[Panel], columns: int
) -> tuple[Figure | SubFigure, DataFrame]:
    """Draw a panel for each of some courses, six arms or fewer a block; return the figure and the table of what it shows.

    Raises
    ------
    NothingToDraw
        When the results hold none of the courses.
    """
    bands = [_bands(results, panel) for panel in panels]
    if not any(bands):
        raise NothingToDraw(f"the results hold no course named {panels[0].courses[0]!r}")
    groups = share_panels(list(enumerate(results.points)))
    rows, column_in = math.ceil(len(panels) / columns), WIDTH_IN / LEGEND_COLUMNS - 0.45
    labels = {place: wrap(point.label, column_in, TEXT_PT) for place, point in enumerate(results.points)}
    legends = [0.16 + 0.14 * sum(_legend_rows([labels[place] for place, _ in group])) for group in groups]
    heights = [height for legend_in in legends for height in [PANEL_IN] * rows + [legend_in]]
    figure = figure or new_figure(height_in=0.95 + sum(heights) + 0.3 * rows * len(groups))
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for g, group in enumerate(groups):
        places = {place for place, _ in group}
        for i, (panel, found) in enumerate(zip(panels, bands)):
            axes = figure.add_subplot(grid[g * (rows + 1) + i // columns, i % columns])
            own = [band for band in found if band.place in places]
            _draw_panel(axes, panel, own, WIDTH_IN / columns - 0.6, is_lowest=i + columns >= len(panels))
        _draw_legend(figure.add_subplot(grid[(g + 1) * (rows + 1) - 1, :]), [(place, labels[place]) for place, _ in group])
    return figure, _shown(panels, bands)


def quantiles_of(runs: np.ndarray, quantiles: Sequence[float] = QUANTILES) -> tuple[np.ndarray, np.ndarray]:
    """Return how many runs are known at each time, int64[S], and their quantiles, float64[Q, S] (NaN where none is)."""
    n = np.isfinite(runs).sum(axis=0)
    known = n > 0
    found = np.full((len(quantiles), runs.shape[1]), np.nan)
    if known.any():
        found[:, known] = np.nanquantile(runs[:, known], quantiles, axis=0)
    return n, found


def _bands(results: ResultsView, panel: Panel) -> list[Band]:
    found = []
    for place, point in enumerate(results.points):
        read = [course_of(results, point.index, name) for name in panel.courses]
        time_h, runs = read[0][0], panel.factor * np.sum([values for _, values in read], axis=0)
        if not np.isfinite(runs).any():
            continue
        n, (low, median, high) = quantiles_of(runs)
        own = results.table[(results.table["point"] == point.index) & (results.table["status"] == "ok")]
        reached = tuple((level, _median_day(own[name])) for level, name in panel.levels if (own[name] > 0.0).any())
        found.append(Band(place, point, time_h / HOURS_PER_DAY, n, low, median, high, reached))
    return found


def _median_day(days: Series) -> float:
    """Median day of those who fell below a level and came back; who never fell has recovered on day 0."""
    return float(days[days > 0.0].median())


def _draw_panel(axes: Axes, panel: Panel, bands: Sequence[Band], room_in: float, *, is_lowest: bool) -> None:
    dress(axes, grid="y")
    floor = panel.low if panel.is_log else -np.inf
    for band in bands:
        colour = arm_colour(band.place)
        if band.n.max() > 1:
            low, high = np.maximum(band.low, floor), np.maximum(band.high, floor)
            axes.fill_between(band.day, low, high, color=colour, alpha=0.11, linewidth=0)
        axes.plot(band.day, np.maximum(band.median, floor), color=colour, linewidth=1.4)
    for level, _ in panel.levels:
        axes.axhline(level, color=RULE, linewidth=0.7, linestyle=":", zorder=1)
    for band in bands:
        for level, day in band.reached:
            look: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.6, "zorder": 5}
            axes.plot([day], [level], "^", color=arm_colour(band.place), markersize=6.0, **look)
    set_count_axis(axes, panel.low, panel.high, is_log=panel.is_log)
    axes.set_title(wrap(panel.title, room_in + 0.3, TEXT_PT), fontsize=TEXT_PT, color=INK, loc="left", pad=3.0)
    if bands:
        first, last = (f(float(band.day[i]) for band in bands) for f, i in ((min, 0), (max, -1)))
        label = followup_axis(axes.xaxis, first, last, room_in)
        name_axes(axes, x=label if is_lowest else "")


def set_count_axis(axes: Axes, low: float, high: float, *, is_log: bool) -> None:
    """Set limits and ticks of a vertical axis of counts: powers of ten on a logarithmic one."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

    from simengine.report.labels import decade_number, tick_number

    if is_log:
        axes.set_yscale("log")
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        step = max(1, math.ceil((last - first) / 4))
        axes.yaxis.set_major_locator(FixedLocator([10.0**e for e in range(first, last + 1, step)]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(decade_number if is_log else tick_number))
    axes.set_ylim(low, high)


def _legend_rows(labels: Sequence[str]) -> list[int]:
    """Lines of each row of a legend that fills its columns from top to bottom."""
    rows = math.ceil(len(labels) / LEGEND_COLUMNS)
    return [n_lines(labels[row::rows]) for row in range(rows)]


def _draw_legend(axes: Axes, labels: Sequence[tuple[int, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=arm_colour(place), linewidth=2.0, label=label) for place, label in labels]
    axes.set_axis_off()
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT_PT, "labelcolor": INK, "handlelength": 1.3}
    axes.legend(handles=handles, loc="upper left", ncols=LEGEND_COLUMNS, borderpad=0.0, borderaxespad=0.0, **look)


def _shown(panels: Sequence[Panel], bands: Sequence[Sequence[Band]]) -> DataFrame:
    """One row for each panel, arm and day, with the number of patients alive and their quantiles."""
    import pandas as pd

    parts = []
    for panel, found in zip(panels, bands):
        for band in found:
            columns: dict[str, Any] = {"point": band.point.index, "arm": band.point.label, "quantity": panel.title}
            columns |= {"day": band.day, "n": band.n, "p10": band.low, "median": band.median, "p90": band.high}
            parts.append(pd.DataFrame(columns | {f"median_day_of_{level:g}": day for level, day in band.reached}))
    return pd.concat(parts, ignore_index=True)
