"""Where the cells went: the course of living cells and of every fate, stacked so that nothing is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, readable, tick_number, wrap
from simengine.report.results_view import NothingToDraw, PointView, ResultsView, add_courses, provenance_line
from simengine.report.scales import HOURS_PER_DAY, choose_scale, day_ticks, early_axis
from simengine.report.style import (
    BLUE,
    GREEN,
    INK,
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

LIVING, FATE = "living.", "fate."
SMALL_SHARE = 0.02  # of all cells ever, in every arm and at every time: below it an entry joins "other"
MOST_ENTRIES = {LIVING: 4, FATE: 8}
OTHER = {LIVING: "other living", FATE: "other fates"}
# Okabe & Ito first, then Tol (2021), "Colour schemes", muted; living cool, fates warm.
COLOURS = {
    LIVING: (GREEN, SKY, BLUE, "#332288"),
    FATE: (VERMILION, ORANGE, "#F0E442", PURPLE, "#882255", "#999933", "#AA4499", "#661100"),
}
OTHER_COLOURS = {LIVING: "#88CCEE", FATE: "#BBBBBB"}
VISIBLE_GROWTH = 1.02  # births that raise the stack by less do not call for a line at the dose
LEGEND_IN = 1.55
TITLE = "Where the cells went"
KEY = "Mean over runs of living cells and of all cells lost so far, by fate."


@dataclass(frozen=True)
class _Ledger:
    """Mean courses of one arm by entry, [S] each, and the time they share, from the first time there are cells."""

    point: PointView
    n: int
    time_h: np.ndarray
    entries: dict[str, np.ndarray]


def draw(
    results: ResultsView,
    figure: Figure | SubFigure | None = None,
    *,
    arms: Sequence[int | str] | None = None,
    quantity: Literal["share", "cells"] = "share",
    scale: Literal["linear", "symlog"] = "linear",
    time: Literal["early", "days"] = "early",
) -> Drawing:
    """Draw the ledger of product cells, a panel an arm: the mean over runs of living cells and cumulative fates.

    Parameters
    ----------
    arms : numbers or labels of the arms to draw; all that were given cells when not given.
    quantity : ``share`` of the dose of each run (mean of shares), or ``cells``.
    scale : ``symlog`` shows small entries too, as lines: stacked areas mean nothing on a logarithmic axis.
    time : ``early`` stretches the first hours, ``days`` is an even axis.

    Raises
    ------
    NothingToDraw
        When the results keep no ledger, or no arm drawn was given cells.
    """
    names = [name for name in results.course_names() if name.startswith((LIVING, FATE))]
    if not names:
        raise NothingToDraw("the results keep no ledger of cells")
    chosen = [point for point in results.points if arms is None or point.index in arms or point.label in arms]
    ledgers = [ledger for point in chosen if (ledger := _read(results, point, names, quantity)) is not None]
    if not ledgers:
        raise NothingToDraw("no arm drawn was given cells")
    ledgers = _group_small(ledgers)
    look = _look(ledgers)

    columns = 1 if len(ledgers) == 1 else 2 if len(ledgers) <= 4 else 3
    panel_in = (WIDTH_IN - LEGEND_IN - 0.6) / columns
    titles = [wrap(ledger.point.label, panel_in - 0.1, TEXT_PT) for ledger in ledgers]
    rows = math.ceil(len(ledgers) / columns)
    height_in = max(2.6 if columns == 1 else 1.25, 0.25 * len(look) / rows) + 0.15 * n_lines(titles) + 0.12
    figure = figure or new_figure(height_in=1.0 + rows * height_in)
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[panel_in] * columns + [LEGEND_IN])
    panels: list[Axes] = []
    for i in range(len(ledgers)):
        first = panels[0] if panels else None
        panels.append(figure.add_subplot(grid[i // columns, i % columns], sharex=first, sharey=first))
    time_label = _set_time(panels[0], ledgers, time, panel_in)  # limits first: shared axes rescale slowly
    has_line = _set_amounts(panels, ledgers, scale, quantity)
    for i, axes in enumerate(panels):
        _draw_ledger(axes, ledgers[i], look, scale)
        axes.set_title(titles[i], fontsize=TEXT_PT, color=INK, loc="left", pad=4.0)
        is_left, is_lowest = i % columns == 0, i + columns >= len(panels)
        axes.tick_params(labelleft=is_left, labelbottom=is_lowest)
        amount = "Share of dose" if quantity == "share" else "Cells"
        name_axes(axes, x=time_label if is_lowest else "", y=amount if is_left else "")
    _draw_legend(figure.add_subplot(grid[:, -1]), look, scale)
    key = KEY + (" Dashed: the dose." if has_line else "")
    sign(figure, TITLE, [key, provenance_line(results)])
    return Drawing(figure, _shown(ledgers, look, quantity), TITLE, f"{TITLE}. {key}")


def _read(results: ResultsView, point: PointView, names: Sequence[str], quantity: str) -> _Ledger | None:
    """Mean ledger of an arm over its runs with a dose; the dose of a run is what its ledger adds up to, less births."""
    time_h = np.asarray(results.course(point.index, names[0])[0], dtype=np.float64)
    courses = {name: np.asarray(results.course(point.index, name)[1], dtype=np.float64) for name in names}
    if not time_h.size:
        return None
    given = add_courses(list(courses.values()))[:, -1]
    if "births" in set(results.course_names()):
        given = given - np.nan_to_num(results.course(point.index, "births")[1][:, -1])
    has_dose = np.isfinite(given) & (given > 0.0)
    if not has_dose.any():
        return None
    divisor = given[has_dose, None] if quantity == "share" else 1.0
    means = {name: (add_courses([course[has_dose]]) / divisor).mean(axis=0) for name, course in courses.items()}
    entries = {name: np.nan_to_num(mean) for name, mean in means.items()}
    begun = np.sum(list(entries.values()), axis=0) > 0.0
    return _Ledger(point, int(has_dose.sum()), time_h[begun], {name: mean[begun] for name, mean in entries.items()})


def _group_small(ledgers: list[_Ledger]) -> list[_Ledger]:
    """Join entries that are small in every arm, living with living and fates with fates; empty ones vanish."""
    total = max(float(np.sum(list(ledger.entries.values()), axis=0).max()) for ledger in ledgers)
    peak = {n: max(float(ledger.entries[n].max()) for ledger in ledgers) / total for n in ledgers[0].entries}
    kept: list[str] = []
    joined: dict[str, list[str]] = {}
    for kind in (LIVING, FATE):
        ranked = sorted((n for n in peak if n.startswith(kind)), key=lambda n: -peak[n])
        large = [n for n in ranked if peak[n] >= SMALL_SHARE][: MOST_ENTRIES[kind]]
        small = [n for n in ranked if n not in large and peak[n] > 0.0]
        if len(small) == 1 and len(large) < MOST_ENTRIES[kind]:
            large, small = large + small, []
        kept += large
        if small:
            joined[kind + OTHER[kind]] = small
    grouped = []
    for ledger in ledgers:
        entries = {name: ledger.entries[name] for name in kept}
        entries |= {name: np.sum([ledger.entries[n] for n in parts], axis=0) for name, parts in joined.items()}
        grouped.append(_Ledger(ledger.point, ledger.n, ledger.time_h, entries))
    return grouped


def _look(ledgers: list[_Ledger]) -> dict[str, tuple[str, str]]:
    """Colour and label of each entry, from the bottom of the stack to its top: living first, then fates by size."""
    final = {name: sum(float(ledger.entries[name][-1]) for ledger in ledgers) for name in ledgers[0].entries}
    look: dict[str, tuple[str, str]] = {}
    for kind in (LIVING, FATE):
        other = kind + OTHER[kind]
        ranked = sorted((n for n in final if n.startswith(kind) and n != other), key=lambda n: -final[n])
        for name, colour in zip(ranked, COLOURS[kind]):
            look[name] = (colour, readable(name))
        if other in final:
            look[other] = (OTHER_COLOURS[kind], OTHER[kind].capitalize())
    return look


def _draw_ledger(axes: Axes, ledger: _Ledger, look: dict[str, tuple[str, str]], scale: str) -> None:
    dress(axes)
    stack = np.array([ledger.entries[name] for name in look])
    colours = [colour for colour, _ in look.values()]
    if scale == "linear":
        axes.stackplot(ledger.time_h, stack, colors=colours, edgecolor="white", linewidth=0.25)
    else:
        for row, colour in zip(stack, colours):
            axes.plot(ledger.time_h, row, color=colour, linewidth=1.4)


def _set_time(axes: Axes, ledgers: list[_Ledger], time: str, width_in: float) -> str:
    """Time axis of all panels, which share it; data are in hours, labels in days. Returns its label."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    last_h = max(float(ledger.time_h[-1]) for ledger in ledgers)
    if time == "early" and last_h > 2.0 * HOURS_PER_DAY:
        start_h = min(float(ledger.time_h[0]) for ledger in ledgers)
        return early_axis(axes.xaxis, start_h, last_h, width_in)
    days = day_ticks(last_h / HOURS_PER_DAY, most=6 if width_in > 3.0 else 4)
    axes.set_xlim(0.0, last_h)
    axes.xaxis.set_major_locator(FixedLocator([day * HOURS_PER_DAY for day in days]))
    axes.xaxis.set_major_formatter(FixedFormatter([tick_number(day) for day in days]))
    return "Time (days)"


def _set_amounts(panels: Sequence[Axes], ledgers: list[_Ledger], scale: str, quantity: str) -> bool:
    """Vertical axis of all panels, which share it; returns whether a line stands at the dose."""
    values = np.concatenate([np.ravel(list(ledger.entries.values())) for ledger in ledgers])
    top = max(float(np.sum(list(ledger.entries.values()), axis=0).max()) for ledger in ledgers)
    if scale == "linear":
        replace(choose_scale(np.array([0.0, top])), low=0.0, high=top).apply(panels[0].yaxis, most_ticks=5)
    else:
        choose_scale(np.append(values, 0.0), "symlog").apply(panels[0].yaxis, most_ticks=5)
    has_line = scale == "linear" and quantity == "share" and top > VISIBLE_GROWTH
    for axes in panels if has_line else ():
        axes.axhline(1.0, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
    return has_line


def _draw_legend(axes: Axes, look: dict[str, tuple[str, str]], scale: str) -> None:
    """Legend in a column of its own, in the order of the stack from its top."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = list(look.values())[::-1]
    handles = [Patch(facecolor=c) if scale == "linear" else Line2D([], [], color=c, linewidth=2) for c, _ in entries]
    legend_column(axes, handles, [wrap(label, LEGEND_IN - 0.35, TEXT_PT) for _, label in entries])


def _shown(ledgers: list[_Ledger], look: dict[str, tuple[str, str]], quantity: str) -> DataFrame:
    """One row for each arm, time and entry drawn, with the height of its band."""
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "point": ledger.point.index,
                "arm": ledger.point.label,
                "n": ledger.n,
                "time_h": ledger.time_h,
                "kind": name.split(".", 1)[0],
                "entry": name.split(".", 1)[1],
                f"mean_{quantity}": ledger.entries[name],
            }
        )
        for ledger in ledgers
        for name in look
    ]
    return pd.concat(parts, ignore_index=True)
