"""Survival by arm: Kaplan-Meier curves with 95 % bands, censoring ticks and the numbers at risk beneath.

Of grafts in tissue; or, of transplanted patients, overall survival and survival without GVHD and relapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines
from simengine.report.panels import share_panels
from simengine.report.questions import SURVIVAL, Question, is_transplant
from simengine.report.results_view import NothingToDraw, PointView, ResultsView, provenance_line
from simengine.report.scales import HOURS_PER_DAY, day_axis
from simengine.report.style import INK, LABEL_PT, MUTED, TEXT_PT, arm_colour, arm_label, dress, name_axes, new_figure, sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

    from simengine.studies.survival import Survival

CURVES_IN = 2.3
ROW_IN = 0.16


@dataclass(frozen=True)
class _Arm:
    """One arm's grafts or patients: its place among arms, when each was last seen, whether it was lost, and the estimate."""

    place: int
    point: PointView
    label: str
    day: np.ndarray
    lost: np.ndarray
    estimate: Survival

    def survival(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Survival with its interval at some days: each step holds until the next."""
        step = np.searchsorted(self.estimate.time, days, side="right") - 1
        return self.estimate.survival[step], self.estimate.low[step], self.estimate.high[step]


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, of: Sequence[str] | None = None) -> Drawing:
    """Draw survival in every arm in which it has a meaning, six arms or fewer a panel.

    Parameters
    ----------
    of : of grafts in tissue ``("graft",)``, of transplanted patients ``("overall", "grfs")``, panels in this order. Each reads
        an event (0 or 1) and a day (of the event, or of the last observation without it), as `report.questions` says.

    Raises
    ------
    NothingToDraw
        When no run was given a graft.
    """
    asked = [SURVIVAL[name] for name in of or (("overall", "grfs") if is_transplant(results) else ("graft",))]
    found = [_arms(results, question) for question in asked]
    arms = [arm for known, _ in found for arm in known]
    if not arms:
        raise NothingToDraw(asked[0].nobody)
    panels = [(question, panel) for question, (known, _) in zip(asked, found) for panel in share_panels(known)]
    rows_in = [ROW_IN * n_lines([arm.label for arm in panel]) * len(panel) + 0.22 for _, panel in panels]
    titled = len(asked) > 1
    figure = figure or new_figure(height_in=0.8 + sum(rows_in) + (CURVES_IN + 0.55 + 0.2 * titled) * len(panels))
    ratios = [ratio for table_in in rows_in for ratio in (CURVES_IN, table_in)]
    axes = figure.subplots(2 * len(panels), 1, height_ratios=ratios, squeeze=False)[:, 0]
    last_day = max(float(arm.day.max()) for arm in arms)
    tables = [
        _draw_panel(curves, table, panel, last_day, question.axis)
        for curves, table, (question, panel) in zip(axes[::2], axes[1::2], panels)
    ]
    if titled:
        for curves, (question, _) in zip(axes[::2], panels):
            curves.set_title(question.title, fontsize=LABEL_PT, color=INK, loc="left", pad=6.0)
    title = asked[0].title if not titled else "Survival"
    key = " ".join(question.key for question in asked)
    without = found[0][1]
    missing = f"{asked[0].missing}: {'; '.join(without)}." if without else ""
    sign(figure, title, [key, missing, provenance_line(results)])
    parts = [_shown(known, tables[0]) for known, _ in found]
    return Drawing(
        figure, _together(parts, [question.title for question in asked]), title, f"{title} by arm. {key} {missing}".strip()
    )


def _arms(results: ResultsView, asked: Question) -> tuple[list[_Arm], list[str]]:
    from simengine.studies.events import follow_up
    from simengine.studies.survival import kaplan_meier

    if results.table.empty or not {asked.event, asked.time} <= set(results.table):
        return [], [point.label for point in results.points]
    seen = {arm.point: arm for arm in follow_up(results.table, asked.event, asked.time)}
    arms, without = [], []
    for place, point in enumerate(results.points):
        own = seen.get(point.index)
        if own is None or not len(own.time):
            without.append(point.label)
            continue
        estimate = kaplan_meier(own.time, own.is_event, patients=own.units)
        arms.append(_Arm(place, point, arm_label(point.label), own.time, own.is_event, estimate))
    return arms, without


def _draw_panel(curves: Axes, table: Axes, panel: Sequence[_Arm], last_day: float, label: str) -> np.ndarray:
    """Draw one panel and its table; returns the days at which the table stands."""
    dress(curves, grid="y")
    for arm in panel:
        _draw_curve(curves, arm)
    curves.set_ylim(-2.0, 103.0)
    curves.set_yticks([0, 25, 50, 75, 100])
    name_axes(curves, x=day_axis(curves.xaxis, last_day * HOURS_PER_DAY), y=label)
    curves.set_xlim(0.0, last_day * 1.01)
    ticks = curves.xaxis.get_majorticklocs()
    _draw_table(table, panel, ticks, curves.get_xlim())
    return ticks


def _draw_curve(axes: Axes, arm: _Arm) -> None:
    colour = arm_colour(arm.place)
    days = np.unique(np.concatenate([[0.0], arm.day]))
    survival, low, high = (100.0 * column for column in arm.survival(days))
    axes.fill_between(days, low, high, step="post", color=colour, alpha=0.11, linewidth=0)
    axes.step(days, survival, where="post", color=colour, linewidth=1.5)
    censored = np.unique(arm.day[~arm.lost])
    if censored.size:  # an unclipped empty line would take the whole page in the layout
        places = 100.0 * arm.survival(censored)[0]
        axes.plot(censored, places, "|", color=colour, markersize=6, markeredgewidth=1.1, clip_on=False)


def _draw_table(axes: Axes, panel: Sequence[_Arm], days: np.ndarray, limits: tuple[float, float]) -> None:
    """Numbers at risk under the ticks of the curves; a coloured bar before each row is the legend."""
    axes.set(xlim=limits, ylim=(len(panel) - 0.5, -0.5))
    axes.set_title("Number at risk", fontsize=TEXT_PT, color=MUTED, loc="left", pad=3.0)
    axes.set_xticks([])
    axes.set_yticks(range(len(panel)), [arm.label for arm in panel])
    axes.tick_params(axis="y", length=0, pad=26, labelsize=TEXT_PT, labelcolor=INK)
    axes.set_frame_on(False)
    for row, arm in enumerate(panel):
        bar = axes.plot([-0.055, -0.03], [row, row], color=arm_colour(arm.place), linewidth=3.0, solid_capstyle="butt")
        bar[0].set(transform=axes.get_yaxis_transform(), clip_on=False)
        for day, at_risk in zip(days, arm.estimate.numbers_at_risk(days)):
            axes.text(day, row, str(at_risk), ha="center", va="center", fontsize=TEXT_PT, color=INK)


def _together(parts: Sequence[DataFrame], titles: Sequence[str]) -> DataFrame:
    """One table of several kinds of survival, told apart by a column; of one kind as it is."""
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    return pd.concat([part.assign(of=title) for part, title in zip(parts, titles)], ignore_index=True)


def _shown(arms: Sequence[_Arm], table_days: np.ndarray) -> DataFrame:
    """One row for each arm and day at which its curve steps, a run is censored, or the table stands."""
    import pandas as pd

    parts = []
    for arm in arms:
        days = np.unique(np.concatenate([[0.0], arm.day, table_days]))
        survival, low, high = arm.survival(days)
        parts.append(
            pd.DataFrame(
                {
                    "point": arm.point.index,
                    "arm": arm.point.label,
                    "day": days,
                    "survival": survival,
                    "low95": low,
                    "high95": high,
                    "at_risk": arm.estimate.numbers_at_risk(days),
                    "lost": [int((arm.day[arm.lost] == day).sum()) for day in days],
                    "censored": [int((arm.day[~arm.lost] == day).sum()) for day in days],
                    "in_table": np.isin(days, table_days),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
