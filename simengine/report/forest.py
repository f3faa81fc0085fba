"""The forest plot of a scoreboard: every target on one axis, measured by its own band.

The band of a target reaches from -1 to 1 on the target's scale (linear or logarithmic), so that quantities of any unit
stand side by side; the numbers in their units stand beside the plot.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simengine.report.drawing import Drawing
from simengine.report.labels import decimals_for, number, wrap
from simengine.report.style import (
    BLUE,
    FOOT_PT,
    GREY,
    GRID,
    INK,
    MUTED,
    ORANGE,
    RULE,
    TEXT_PT,
    VERMILION,
    WIDTH_IN,
    dress,
    name_axes,
    new_figure,
    sign,
)
from simengine.studies import manifest as manifests
from simengine.studies import provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from simengine.studies.scoring import Score, Scoreboard
    from simengine.studies.targets import Target

__all__ = ["draw", "position"]

LIMIT = 4.0
"""Half-widths of the band that the axis shows to each side; what lies beyond is an arrow at the edge."""
ROW_IN, HEAD_IN = 0.36, 1.25
LOOKS = {
    "pass": ("o", BLUE, BLUE, "pass"),
    "miss": ("X", VERMILION, VERMILION, "miss"),
    "undecided": ("D", "white", ORANGE, "undecided"),
    "failed": ("s", GREY, GREY, "runs failed"),
}
TITLE = "Published observations and the model"


def position(target: Target, value: float) -> float:
    """Return where a value lies in the band of its target: -1 at the lower end, 1 at the upper, on the target's scale."""
    if math.isnan(value):
        return math.nan
    if target.scale == "log":
        if value <= 0.0:
            return -math.inf
        low, high, value = math.log(target.low), math.log(target.high), math.log(value)
    else:
        low, high = target.low, target.high
    return (2.0 * value - low - high) / (high - low)


def draw(board: Scoreboard) -> Drawing:
    """Draw the scores: band, published value, simulated value with its 95 % interval, and the verdict by shape and colour."""
    scores = list(board.scores)
    figure = new_figure(WIDTH_IN, HEAD_IN + ROW_IN * len(scores))
    left, axes, right = figure.subplots(1, 3, width_ratios=(2.75, 2.3, 1.75), sharey=True)
    for row, score in enumerate(scores):
        _draw_row(axes, row, score)
        _write_row(left, right, row, score)
    axes.set_xlim(-LIMIT * 1.06, LIMIT * 1.06)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.axvline(0.0, color=GRID, linewidth=0.6, zorder=0)
    dress(axes)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xticks([-4, -3, -2, -1, 0, 1, 2, 3, 4])
    name_axes(axes, x="Half-widths of the published band from its middle", room_in=1.4)
    for side in (left, right):
        side.set_axis_off()
        side.set_xlim(0.0, 1.0)
    _legend(axes, scores)
    counts = ", ".join(f"{n} {name}" for name, n in board.counts.items())
    key = (
        "Grey bar: published band; tick: published value. Symbol and line: simulated value and 95 % interval over patients."
        " Bold: core targets. Parameters were fitted with these targets in view: none of this is validation."
    )
    foot = f"{counts}. Model {provenance.program()['model_version']}. {manifests.DISCLAIMER}"
    sign(figure, TITLE, [key, foot])
    return Drawing(figure, _table(scores), TITLE, f"{TITLE}. {key} {counts}.")


def _draw_row(axes: Axes, row: int, score: Score) -> None:
    target, found = score.entry.target, score.found
    if score.verdict == "waiting" or found is None:
        axes.plot([-1, 1], [row, row], color=GRID, linewidth=7, solid_capstyle="butt", zorder=1)
        axes.text(0.0, row, "waiting", ha="center", va="center", fontsize=FOOT_PT, color=MUTED)
        return
    axes.plot([-1, 1], [row, row], color="#D4D4D4", linewidth=7, solid_capstyle="butt", zorder=1)
    published = position(target, target.value)
    axes.plot([published, published], [row - 0.2, row + 0.2], color=MUTED, linewidth=1.0, zorder=2)
    low, value, high = (position(target, x) for x in (found.low, found.value, found.high))
    if math.isnan(value):
        axes.text(0.0, row, "no value", ha="center", va="center", fontsize=FOOT_PT, color=INK)
        return
    marker, face, edge, _ = LOOKS[score.verdict]
    low, high = max(low, -LIMIT), min(high, LIMIT)
    if low < high:
        axes.plot([low, high], [row, row], color=edge, linewidth=1.4, zorder=3)
    if abs(value) > LIMIT:
        arrow, x = (">", LIMIT) if value > 0 else ("<", -LIMIT)
        axes.plot([x], [row], marker=arrow, markersize=6.5, color=edge, linestyle="", zorder=4)
    else:
        axes.plot(
            [value], [row], marker=marker, markersize=5.5, markerfacecolor=face, markeredgecolor=edge, linestyle="", zorder=4
        )


def _write_row(left: Axes, right: Axes, row: int, score: Score) -> None:
    target, found = score.entry.target, score.found
    weight = "bold" if target.tier == "core" else "normal"
    left.text(0.0, row, target.id, ha="left", va="center", fontsize=TEXT_PT, fontweight=weight, color=INK)
    quantity = wrap(target.quantity, 1.95, FOOT_PT).split("\n")
    text = "\n".join(quantity[:2]) + (" …" if len(quantity) > 2 else "")
    left.text(0.235, row, text, ha="left", va="center", fontsize=FOOT_PT, color=INK)
    places = decimals_for([target.low, target.high])
    band = f"{number(target.low, places)} to {number(target.high, places)} {target.unit}"
    lines = [band]
    if found is not None:
        value, low, high = (number(x, places) for x in (found.value, found.low, found.high))
        lines.append(f"model {value}" if low == high else f"model {value} ({low} to {high})")
    right.text(0.0, row, "\n".join(lines), ha="left", va="center", fontsize=FOOT_PT, color=INK)


def _legend(axes: Axes, scores: list[Score]) -> None:
    from matplotlib.lines import Line2D

    present = [name for name in LOOKS if any(score.verdict == name for score in scores)]
    if not present:
        return
    handles = [
        Line2D(
            [],
            [],
            marker=LOOKS[n][0],
            markerfacecolor=LOOKS[n][1],
            markeredgecolor=LOOKS[n][2],
            color=LOOKS[n][2],
            markersize=5,
        )
        for n in present
    ]
    axes.legend(
        handles,
        [LOOKS[name][3] for name in present],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(present),
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.2,
        edgecolor=RULE,
    )


def _table(scores: list[Score]) -> DataFrame:
    """Return one row a target: all that `Score.plain` says, and the places of its marks on the axis."""
    import pandas as pd

    rows = []
    for score in scores:
        row = score.plain()
        for name in ("value", "simulated", "low95", "high95"):
            row[f"{name}_in_band"] = position(score.entry.target, row[name])
        rows.append(row)
    return pd.DataFrame(rows)
