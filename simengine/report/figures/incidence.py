"""What happens first: cumulative incidence by cause, stacked, a panel an arm, with the numbers at risk beneath.

Of what grafts are lost; or, of transplanted patients, relapse and death, recovery, GVHD, and what competes with each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, readable, tick_number, wrap
from simengine.report.questions import INCIDENCE, Question, is_transplant
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
from simengine.studies.events import EVENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

    from simengine.studies.competing import Incidence
    from simengine.studies.events import FollowUp

COLOURS = (VERMILION, ORANGE, BLUE, SKY, PURPLE, GREEN)
OTHER, OTHER_COLOUR = "other causes", "#BBBBBB"
LEGEND_IN = 1.55
PALE_ORANGE, PALE_GREEN, PALE_GREY = "#F7DCA6", "#CDE8DE", "#EFEFEF"
AFTER_GVHD, WITHOUT_GVHD = "alive, no relapse, after GVHD", "alive, no relapse, no GVHD"
REST = {AFTER_GVHD: PALE_ORANGE, WITHOUT_GVHD: PALE_GREEN, "none of these yet": PALE_GREY}
"""What is left above the stack, and its colour."""


@dataclass(frozen=True)
class _Arm:
    """One arm: its runs as they were seen, with small causes joined, the estimate, and the share after GVHD by its days."""

    point: PointView
    seen: FollowUp
    curves: Incidence
    after_gvhd: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def total(self) -> np.ndarray:
        """Incidence of all causes together at the steps of the curves."""
        return np.asarray(1.0 - self.curves.survival)


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, of: str | None = None) -> Drawing:
    """Draw the cumulative incidence of an event by cause in every arm in which it has a meaning.

    Parameters
    ----------
    of : of grafts in tissue ``graft``, of transplanted patients ``outcome`` (relapse and death; the default there),
        ``engraftment``, ``gvhd`` or ``grfs``. Each reads an event (0 or 1), a day and a cause, as `report.questions` says; an
        event without a cause is of cause "unknown".

    Raises
    ------
    NothingToDraw
        When the event did not happen.
    """
    asked = INCIDENCE[of or ("outcome" if is_transplant(results) else "graft")]
    arms = _arms(results, asked)
    look = _look(arms, asked)
    if not look:
        raise NothingToDraw(asked.nobody)
    rest = _rest(arms, asked)
    columns = 1 if len(arms) == 1 else 2 if len(arms) <= 4 else 3
    panel_in = (WIDTH_IN - LEGEND_IN - 0.6) / columns
    titles = [wrap(arm.point.label, panel_in - 0.1, TEXT_PT) for arm in arms]
    rows = math.ceil(len(arms) / columns)
    entries = len(look) + len(rest)
    height_in = max(2.4 if columns == 1 else 1.2, 0.25 * (entries + 1) / rows) + 0.15 * n_lines(titles) + 0.35
    figure = figure or new_figure(height_in=1.1 + rows * height_in)
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[panel_in] * columns + [LEGEND_IN])
    last_day = max(float(arm.seen.time.max()) for arm in arms)
    if asked.until_day is not None:
        last_day = min(asked.until_day, max(last_day, float(results.table["survival_day"].max())))
    days = np.array(day_ticks(last_day, most=6 if panel_in > 3.0 else 4))
    for i, arm in enumerate(arms):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _draw_arm(axes, arm, look, rest, last_day)
        _set_axes(axes, days, last_day, asked.axis if i % columns == 0 else "", is_lowest=i + columns >= len(arms))
        axes.set_title(titles[i], fontsize=TEXT_PT, color=INK, loc="left", pad=4.0)
        _write_at_risk(axes, arm, days)
    _draw_legend(figure.add_subplot(grid[:, -1]), look | rest)
    sign(figure, asked.title, [asked.key, provenance_line(results)])
    return Drawing(figure, _shown(arms, days), asked.title, f"{asked.title}. {asked.key}")


def _arms(results: ResultsView, asked: Question) -> list[_Arm]:
    """Return the arms in which the event has a meaning; causes beyond the most frequent are joined, in all arms alike."""
    from simengine.studies.competing import NO_EVENT, cumulative_incidence
    from simengine.studies.events import follow_up

    table = results.table
    if table.empty or not {asked.event, asked.time} <= set(table):
        raise NothingToDraw("no run was given a graft that could be lost" if asked.event == EVENT else asked.nobody)
    found = follow_up(table, asked.event, asked.time, asked.cause if asked.cause in table else None)
    seen = {arm.point: arm for arm in found if len(arm.time)}
    names, counts = np.unique([cause for arm in seen.values() for cause in arm.cause[arm.is_event]], return_counts=True)
    ranked = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    kept = ranked if len(ranked) <= len(COLOURS) else ranked[: len(COLOURS) - 1]
    arms = []
    for point in results.points:
        own = seen.get(point.index)
        if own is not None:
            cause = np.where(np.isin(own.cause, [*kept, NO_EVENT]), own.cause, OTHER)
            curves = cumulative_incidence(own.time, cause, patients=own.units)
            after = _after_gvhd(table, point.index, curves) if asked is INCIDENCE["outcome"] else None
            arms.append(_Arm(point, own, curves, after))
    return arms


def _after_gvhd(table: DataFrame, point: int, curves: Incidence) -> tuple[np.ndarray, np.ndarray]:
    """Return days and the share alive without relapse who have had GVHD: survival without an event less that without GVHD too.

    Source: M. S. Pepe, J. Am. Stat. Assoc. 86 (1991) 770-778 (difference of two Kaplan-Meier curves).
    """
    from simengine.studies.survival import kaplan_meier

    own = table[(table["point"] == point) & (table["status"] == "ok")].dropna(subset=["outcome_event", "outcome_day"])
    days = own[["acute_gvhd_day", "chronic_gvhd_day"]].min(axis=1).to_numpy(dtype=np.float64)
    ended = own["outcome_day"].to_numpy(dtype=np.float64)
    is_first = days < ended
    free = kaplan_meier(np.where(is_first, days, ended), is_first | (own["outcome_event"].to_numpy() > 0.5))
    steps = np.union1d(free.time, curves.time)
    return steps, np.maximum(curves.survival[curves.step(steps)] - free.at(steps), 0.0)


def _rest(arms: Sequence[_Arm], asked: Question) -> dict[str, str]:
    """Return what is drawn above the stack, from below, with its colour; above lost grafts nothing is."""
    names = [AFTER_GVHD, WITHOUT_GVHD] if asked is INCIDENCE["outcome"] else ["none of these yet"] if asked.looks else []
    return {name: REST[name] for name in names}


def _look(arms: Sequence[_Arm], asked: Question) -> dict[str, str]:
    """Return the colour of each cause, from the bottom of the stack: known ones in their order, else the most frequent first.

    The joined ones come last.
    """
    final: dict[str, float] = {}
    for arm in arms:
        for cause, curve in zip(arm.curves.causes, arm.curves.incidence):
            final[cause] = final.get(cause, 0.0) + float(curve[-1])
    ranked = sorted((cause for cause in final if cause != OTHER), key=lambda cause: (-final[cause], cause))
    if asked.looks:
        known = {cause: colour for cause, colour in asked.looks if cause in final}
        return known | dict(zip([cause for cause in ranked if cause not in known], (SKY, GREEN)))
    return dict(zip(ranked, COLOURS)) | ({OTHER: OTHER_COLOUR} if OTHER in final else {})


def _draw_arm(axes: Axes, arm: _Arm, look: dict[str, str], rest: dict[str, str], last_day: float) -> None:
    """Draw the stack to the last observation; of patients to the end where each has had an event."""
    dress(axes, grid="y" if not rest else "none")
    last = arm.seen.time.max()
    if rest and arm.curves.survival[-1] == 0.0:
        last = max(last, last_day)
    days = np.append(arm.curves.time, last)
    below = np.zeros(len(days))
    for cause, colour in look.items():
        if cause not in arm.curves.causes:
            continue
        curve = 100.0 * arm.curves.incidence[arm.curves.causes.index(cause)]
        above = below + np.append(curve, curve[-1])
        axes.fill_between(days, below, above, step="post", color=colour, linewidth=0.25, edgecolor="white")
        below = above
    if arm.after_gvhd is not None:
        days, share = arm.after_gvhd
        below = 100.0 * arm.total[arm.curves.step(days)]
        above = below + 100.0 * share
        days, below, above = (np.append(values, end) for values, end in ((days, last), (below, below[-1]), (above, above[-1])))
        axes.fill_between(days, below, above, step="post", color=rest[AFTER_GVHD], linewidth=0)
        below = above
    if rest:
        axes.fill_between(days, below, 100.0, step="post", color=list(rest.values())[-1], linewidth=0)


def _set_axes(axes: Axes, days: np.ndarray, last_day: float, label: str, *, is_lowest: bool) -> None:
    axes.set_ylim(0.0, 100.0)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_xlim(0.0, last_day * 1.01)
    axes.set_xticks(days, [tick_number(day) for day in days])
    axes.tick_params(labelleft=bool(label))
    name_axes(axes, x="Time (days)" if is_lowest else "", y=label)
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
        if arm.after_gvhd is not None:
            parts += _shown_above(arm)
    return pd.concat(parts, ignore_index=True)


def _shown_above(arm: _Arm) -> list[DataFrame]:
    """What is left above the stack of relapse and death: one row for each state and day; it carries no interval."""
    import pandas as pd

    if arm.after_gvhd is None:
        return []
    days, share = arm.after_gvhd
    left = arm.curves.survival[arm.curves.step(days)] - share
    found = {"point": arm.point.index, "arm": arm.point.label, "day": days, "at_risk": arm.curves.numbers_at_risk(days)}
    found["in_table"] = False
    return [
        pd.DataFrame({**found, "cause": name, "incidence": part}) for name, part in ((AFTER_GVHD, share), (WITHOUT_GVHD, left))
    ]
