"""How else it could have gone: the replicates of one transplanted patient, as shares and as a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.style import BLUE, GREY, INK, MUTED, TEXT_PT, VERMILION, dress, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

__all__ = ["SHARES", "draw_shares", "draw_swimmers"]

SHARES = {
    "neutrophil_engrafted": "Neutrophils recovered",
    "graft_failure": "Graft failure",
    "acute_gvhd_2_4": "Acute GVHD II-IV",
    "acute_gvhd_3_4": "Acute GVHD III-IV",
    "chronic_gvhd": "Chronic GVHD",
    "relapse": "Relapse",
    "nonrelapse_death": "Non-relapse death",
    "survived": "Alive at the end",
}
FREE, AFTER_GVHD = "#CDE8DE", "#E69F00"
MOST_LINES = 60
LABELS_FROM = -110.0


def draw_shares(axes: Axes, rows: DataFrame) -> None:
    """Share of the replicates with each event, with Wilson's 95 % interval."""
    from simengine.studies.statistics import wilson

    dress(axes, grid="x")
    for y, (name, title) in enumerate(SHARES.items()):
        axes.text(LABELS_FROM, y, title, va="center", ha="left", fontsize=TEXT_PT, color=INK)
        known = rows[name].dropna()
        if known.empty:
            continue
        share, (low, high) = float(known.mean()), wilson(float(known.sum()), len(known))
        axes.plot([100.0 * low, 100.0 * high], [y, y], color=BLUE, linewidth=1.4, solid_capstyle="butt")
        axes.plot([100.0 * share], [y], "D", color=BLUE, markersize=4.2, markeredgecolor="white", markeredgewidth=0.5)
        axes.text(104.0, y, f"{100.0 * share:.0f} %", va="center", ha="left", fontsize=TEXT_PT, color=INK)
    axes.set(xlim=(LABELS_FROM, 125.0), ylim=(len(SHARES) - 0.5, -0.5))
    axes.set_xticks([0, 50, 100])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    name_axes(axes, x=f"Replicates (%), n = {len(rows)}, 95 % interval")


def draw_swimmers(axes: Axes, rows: DataFrame, place: int) -> None:
    """A line a replicate from the graft to death or the end, by length; the run of the page is marked.

    Of more than sixty replicates sixty are drawn, evenly spread over the order of their lengths, and the run of the page.
    """
    from matplotlib.lines import Line2D

    dress(axes, grid="x")
    ended = rows["survival_day"].to_numpy(dtype=np.float64)
    relapse = rows["relapse_day"].to_numpy(dtype=np.float64)
    gvhd = rows[["acute_gvhd_day", "chronic_gvhd_day"]].min(axis=1).to_numpy(dtype=np.float64)
    order = np.lexsort((relapse, -ended))
    if len(order) > MOST_LINES:
        kept = np.unique(np.rint(np.linspace(0, len(order) - 1, MOST_LINES)).astype(np.int64))
        order = order[np.union1d(kept, np.flatnonzero(order == place))]
    width = float(np.clip(60.0 / len(order), 0.8, 4.0))
    for y, n in enumerate(order):
        starts = np.array([0.0, min(gvhd[n], ended[n]), min(relapse[n], ended[n])])
        ends = np.array([ended[n] if not gvhd[n] <= ended[n] else gvhd[n], ended[n], ended[n]])
        for start, end, colour in zip(starts, ends, (FREE, AFTER_GVHD, VERMILION)):
            if start == start and end > start:
                axes.plot([start, min(end, ended[n])], [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
        if rows["death"].iloc[n] == 1.0:
            axes.plot([ended[n]], [y], "|", color=INK, markersize=max(2.0, width + 1.0), markeredgewidth=1.0, zorder=3)
    here = int(np.flatnonzero(order == place)[0])
    axes.plot([-0.015], [here], ">", color=INK, markersize=4.0, transform=axes.get_yaxis_transform(), clip_on=False)
    axes.set(xlim=(0.0, 1.01 * float(ended.max())), ylim=(len(order) - 0.4, -0.6))
    axes.set_yticks([])
    axes.tick_params(labelsize=TEXT_PT)
    name_axes(axes, x="Days after the graft")
    axes.set_ylabel("Replicates", fontsize=TEXT_PT, color=MUTED, labelpad=9.0)
    looks = (("No event", FREE), ("After GVHD", AFTER_GVHD), ("After relapse", VERMILION))
    handles: list[Any] = [Line2D([], [], color=colour, linewidth=3.0, label=label) for label, colour in looks]
    handles.append(Line2D([], [], color=GREY, marker="|", linestyle="none", label="Death"))
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT_PT, "labelcolor": INK, "handlelength": 1.0, "columnspacing": 0.9}
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderpad=0.0, borderaxespad=0.2, **look)
