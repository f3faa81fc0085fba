"""Graft-versus-host disease by organ: the share of patients in each stage at its worst, or day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, wrap
from simengine.report.results_view import NothingToDraw, PointView, ResultsView, course_of, provenance_line, usable_rows
from simengine.report.scales import HOURS_PER_DAY, followup_axis
from simengine.report.style import (
    INK,
    MUTED,
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

SHADES = ("#EDEDED", "#FDD49E", "#FC8D59", "#D7301F", "#7F0000")
"""Stages 0 to 4, after Brewer's OrRd: each darker than the one before."""
DEAD = "#9A9A9A"
ROMAN = ("0", "I", "II", "III", "IV")
LEGEND_IN, PANEL_IN = 0.45, 1.1


@dataclass(frozen=True)
class Scored:
    """What is scored in one panel: its column (at its worst), its course, its levels by name, and from which on to count."""

    title: str
    column: str
    course: str
    names: tuple[str, ...]
    counted_from: int
    counted: str


SCORED = (
    Scored("Acute, grade", "acute_gvhd_grade", "gvhd.grade", ROMAN, 2, "II-IV"),
    Scored("Skin, stage", "skin_stage_max", "gvhd.skin_stage", ROMAN, 1, "any"),
    Scored("Gut, stage", "gut_stage_max", "gvhd.gut_stage", ROMAN, 1, "any"),
    Scored("Liver, stage", "liver_stage_max", "gvhd.liver_stage", ROMAN, 1, "any"),
    Scored("Chronic", "chronic_gvhd_severity", "chronic.severity", ("none", "mild", "moderate", "severe"), 1, "any"),
)
TITLES = {"maximum": "GVHD at its worst, by organ", "time": "GVHD over time, by organ"}
KEYS = {
    "maximum": "Share of patients by the worst stage they had. Beside each bar: per cent with what the column is headed by.",
    "time": "Share of all patients in each stage on a day; who died stays among them (grey, above).",
}


def draw(
    results: ResultsView, figure: Figure | SubFigure | None = None, *, of: Literal["maximum", "time"] = "maximum"
) -> Drawing:
    """Draw how many patients of each arm have which grade of acute GVHD, stage of each organ, and severity of chronic GVHD.

    Parameters
    ----------
    of : ``maximum``, the worst of each patient (from the table), or ``time``, the stage of each day (from the courses).

    Raises
    ------
    NothingToDraw
        When the results are not of transplantations; over time also when they hold no courses.
    """
    if SCORED[0].column not in results.table or usable_rows(results).empty:
        raise NothingToDraw("the results hold no graft-versus-host disease")
    if of == "maximum":
        figure, shown = _draw_worst(results, figure)
    else:
        figure, shown = _draw_days(results, figure)
    sign(figure, TITLES[of], [KEYS[of], provenance_line(results)])
    return Drawing(figure, shown, TITLES[of], f"{TITLES[of]} and arm. {KEYS[of]}")


def _draw_worst(results: ResultsView, figure: Figure | SubFigure | None) -> tuple[Figure | SubFigure, DataFrame]:
    """One bar an arm and panel."""
    labels = [arm_label(point.label) for point in results.points]
    row_in = max(0.26, 0.15 * n_lines(labels) + 0.06)
    figure = figure or new_figure(height_in=1.3 + LEGEND_IN + row_in * len(labels))
    grid = figure.add_gridspec(2, len(SCORED), height_ratios=[row_in * len(labels) + 0.4, LEGEND_IN])
    shown = _worst(results)
    for i, scored in enumerate(SCORED):
        axes = figure.add_subplot(grid[0, i])
        dress(axes, grid="x")
        _draw_bars(axes, shown[shown["scored"] == scored.title], scored, results.points)
        axes.set_yticks(range(len(labels)), labels if i == 0 else [""] * len(labels))
        axes.tick_params(axis="y", length=0)
        axes.set_title(scored.title, fontsize=TEXT_PT, color=INK, loc="left", pad=14.0)
        name_axes(axes, x="Patients (%)" if i == 0 else "")
    _draw_legend(figure.add_subplot(grid[1, :]), has_dead=False)
    return figure, shown


def _worst(results: ResultsView) -> DataFrame:
    """One row for each arm, thing scored and level: patients, and their share."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    used = usable_rows(results)
    for point in results.points:
        for scored in SCORED:
            values = used.loc[used["point"] == point.index, scored.column].dropna().to_numpy(dtype=np.float64)
            counts = np.bincount(np.clip(np.rint(values), 0, 4).astype(np.int64), minlength=len(scored.names))
            for level, name in enumerate(scored.names):
                row = {"point": point.index, "arm": point.label, "scored": scored.title, "level": level, "name": name}
                row |= {"n": len(values), "patients": int(counts[level])}
                rows.append(row | {"share": counts[level] / len(values) if len(values) else np.nan})
    return pd.DataFrame(rows)


def _draw_bars(axes: Axes, shown: DataFrame, scored: Scored, points: Sequence[PointView]) -> None:
    for y, point in enumerate(points):
        own = shown[shown["point"] == point.index].sort_values("level")
        if own["share"].isna().any():
            continue
        shares = 100.0 * own["share"].to_numpy()
        starts = np.concatenate([[0.0], np.cumsum(shares)[:-1]])
        for level in np.flatnonzero(shares > 0.0):
            axes.barh(y, shares[level], left=starts[level], height=0.66, color=SHADES[level], edgecolor="white", linewidth=0.4)
        text = f"{shares[scored.counted_from :].sum():.0f}"
        axes.text(104.0, y, text, ha="left", va="center", fontsize=TEXT_PT, color=INK)
    head: dict[str, Any] = {"ha": "left", "va": "bottom", "fontsize": TEXT_PT, "color": MUTED}
    axes.text(104.0, -0.56, scored.counted, **head)
    axes.set(xlim=(0.0, 136.0), ylim=(len(points) - 0.5, -0.5))
    axes.set_xticks([0, 50, 100])


def _draw_days(results: ResultsView, figure: Figure | SubFigure | None) -> tuple[Figure | SubFigure, DataFrame]:
    """One row of panels an arm, one panel for each thing scored."""
    import pandas as pd

    panel_in = WIDTH_IN / len(SCORED) - 0.3
    names = [wrap(point.label, WIDTH_IN - 0.9, TEXT_PT, bold=True) for point in results.points]
    heights = [inches for name in names for inches in (0.15 * n_lines([name]), PANEL_IN)]
    figure = figure or new_figure(height_in=0.95 + LEGEND_IN + sum(heights) + 0.45 * len(names))
    grid = figure.add_gridspec(len(heights) + 1, len(SCORED), height_ratios=[*heights, LEGEND_IN])
    parts: list[DataFrame] = []
    for row, (point, name) in enumerate(zip(results.points, names)):
        head = figure.add_subplot(grid[2 * row, :])
        head.set_axis_off()
        head.text(0.0, 0.0, name, fontsize=TEXT_PT, color=INK, fontweight="bold", va="bottom")
        for i, scored in enumerate(SCORED):
            axes = figure.add_subplot(grid[2 * row + 1, i])
            dress(axes)
            day, shares = _shares_of_days(results, point, scored)
            _draw_stack(axes, day, shares)
            label = followup_axis(axes.xaxis, float(day[0]), float(day[-1]), panel_in)
            name_axes(axes, x=label if row == len(names) - 1 and i == 2 else "", y="Patients (%)" if i == 0 else "")
            axes.set_yticks([0, 50, 100], ["0", "50", "100"] if i == 0 else ["", "", ""])
            axes.set_title(scored.title, fontsize=TEXT_PT, color=INK, loc="left", pad=3.0)
            parts += [_rows_of_days(point, scored, day, shares)]
    _draw_legend(figure.add_subplot(grid[-1, :]), has_dead=True)
    return figure, pd.concat(parts, ignore_index=True)


def _shares_of_days(results: ResultsView, point: PointView, scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """Return days and the shares of all patients in each level, the dead last, float64[L + 1, S]."""
    time_h, runs = course_of(results, point.index, scored.course)
    if not runs.size or np.isnan(runs).all():
        raise NothingToDraw("the results hold no courses of graft-versus-host disease")
    dead = np.isnan(runs)
    level = np.where(dead, -1, np.rint(np.nan_to_num(runs)))
    shares = [(level == n).mean(axis=0) for n in range(len(scored.names))]
    return time_h / HOURS_PER_DAY, np.array([*shares, dead.mean(axis=0)])


def _draw_stack(axes: Axes, day: np.ndarray, shares: np.ndarray) -> None:
    """Stages from the worst at the bottom up to none, the dead above them."""
    below = np.zeros(len(day))
    worst_first = [*range(len(shares) - 2, -1, -1), len(shares) - 1]
    for level in worst_first:
        above = below + 100.0 * shares[level]
        colour = DEAD if level == len(shares) - 1 else SHADES[level]
        axes.fill_between(day, below, above, color=colour, linewidth=0)
        below = above
    axes.set_ylim(0.0, 100.0)


def _rows_of_days(point: PointView, scored: Scored, day: np.ndarray, shares: np.ndarray) -> DataFrame:
    import pandas as pd

    parts = [
        pd.DataFrame(
            {"point": point.index, "arm": point.label, "scored": scored.title, "name": name, "day": day, "share": share}
        )
        for name, share in zip((*scored.names, "dead"), shares)
    ]
    return pd.concat(parts, ignore_index=True)


def _draw_legend(axes: Axes, *, has_dead: bool) -> None:
    """Stages with the severities of chronic GVHD that share their shades."""
    from matplotlib.patches import Patch

    names = ("0, none", "I, mild", "II, moderate", "III, severe", "IV")
    handles = [Patch(facecolor=shade, label=name) for shade, name in zip(SHADES, names)]
    if has_dead:
        handles.append(Patch(facecolor=DEAD, label="Dead"))
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT_PT, "labelcolor": INK, "handlelength": 1.2}
    axes.set_axis_off()
    axes.legend(handles=handles, loc="upper left", ncols=len(handles), borderpad=0.0, borderaxespad=0.0, **look)
