"""Rows of distributions: density, box, every value, and the mean with its interval, as a picture and in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.estimates import Estimate
from simengine.report.labels import decimals_for, n_lines
from simengine.report.scales import Scale, Wanted, choose_scale
from simengine.report.style import GRID, INK, MUTED, RULE, TEXT_PT, arm_colour, arm_label, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

FEWEST_FOR_DENSITY = 5  # with fewer values a density or a quartile is an invention
GOLDEN = 0.6180339887498949
KEY = "Cloud: density. Box: quartiles and median, whiskers 5-95 %. Diamond: mean with 95 % interval."


@dataclass(frozen=True)
class Row:
    """One row: the place of its arm in the order of arms (its colour), its label, its values and their estimate."""

    place: int
    label: str
    values: np.ndarray
    estimate: Estimate


def scale_of_rows(rows: Sequence[Row], wanted: Wanted, *, include_zero: bool) -> Scale:
    """A scale that shows all values, and on a linear axis all intervals."""
    values = np.concatenate([row.values for row in rows])
    scale = choose_scale(values, wanted, include_zero=include_zero)
    if scale.kind != "linear":
        return scale
    bounds = [bound for row in rows for bound in (row.estimate.low, row.estimate.high)]
    return choose_scale(np.append(values, bounds), "linear", include_zero=include_zero)


def draw_rows(
    figure: Figure | SubFigure | None, rows: Sequence[Row], scale: Scale, *, mean: str = "mean", has_clouds: bool = True
) -> tuple[Figure | SubFigure, Axes]:
    """Draw the rows from top to bottom; without clouds only means and intervals. ``mean`` heads the column of figures."""
    labels = [arm_label(row.label) for row in rows]
    row_in = max(0.52 if len(rows) <= 12 else 0.42, 0.145 * n_lines(labels) + 0.08)
    figure = figure or new_figure(height_in=1.25 + row_in * len(rows))
    axes = figure.add_subplot()
    axes.set_ylim(len(rows) - 0.5, -0.62)
    dress(axes, grid="x")
    scale.apply(axes.xaxis, most_ticks=7)
    if scale.low < 0.0 < scale.high and has_clouds:
        axes.axvline(0.0, color=RULE, linewidth=0.9, zorder=1)
    for i, row in enumerate(rows):
        if has_clouds:
            _draw_cloud(axes, i, row, scale)
        _draw_mean(axes, i, row.estimate, scale)
    axes.set_yticks(range(len(rows)), labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    _write_numbers(axes, [row.estimate for row in rows], mean)
    return figure, axes


def _draw_cloud(axes: Axes, row: int, shown: Row, scale: Scale) -> None:
    """Half-violin above the row's line, box on it, jittered values below; the jitter is a fixed sequence, not a draw."""
    colour, values = arm_colour(shown.place), shown.values
    shift = (np.arange(values.size) * GOLDEN) % 1.0
    size = float(np.clip(60.0 / np.sqrt(max(values.size, 1)), 2.0, 9.0))
    axes.scatter(np.sort(values), row + 0.17 + 0.24 * shift, s=size, color=colour, alpha=0.65, linewidths=0, zorder=3)
    if values.size < FEWEST_FOR_DENSITY:
        return
    places = scale.forward(values)
    if np.ptp(places) > 0.0:
        grid, density = _density(places)
        axes.fill_between(
            scale.inverse(grid), row - 0.09, row - 0.09 - 0.36 * density, color=colour, alpha=0.45, linewidth=0, zorder=2
        )
    low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
    axes.plot([low, high], [row, row], color=colour, linewidth=0.9, zorder=3, solid_capstyle="butt")
    axes.fill_betweenx([row - 0.065, row + 0.065], first, third, facecolor="white", edgecolor=colour, linewidth=0.9, zorder=4)
    axes.plot([middle, middle], [row - 0.065, row + 0.065], color=colour, linewidth=1.6, zorder=5, solid_capstyle="butt")


def _density(places: np.ndarray, n: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian kernel density on the range of the data, highest value 1; bandwidth by Silverman (1986), eq. 3.31."""
    quartiles = np.quantile(places, (0.25, 0.75))
    spread = min(s for s in (places.std(ddof=1), (quartiles[1] - quartiles[0]) / 1.34) if s > 0.0)
    width = max(0.9 * spread * places.size**-0.2, np.ptp(places) / 60.0)
    grid = np.linspace(places.min(), places.max(), n)
    density = np.exp(-0.5 * ((grid[:, None] - places[None, :]) / width) ** 2).sum(axis=1)
    return grid, density / density.max()


def _draw_mean(axes: Axes, row: int, estimate: Estimate, scale: Scale) -> None:
    if estimate.n == 0:
        return
    if np.isfinite(estimate.low):
        ends = np.clip([estimate.low, estimate.high], scale.low, scale.high)
        axes.plot(ends, [row, row], color=INK, linewidth=1.5, zorder=6, solid_capstyle="butt")
    axes.plot([estimate.mean], [row], "D", color=INK, markeredgecolor="white", markeredgewidth=0.6, markersize=4.6, zorder=7)


def _write_numbers(axes: Axes, estimates: list[Estimate], what: str) -> None:
    """Two columns to the right of the axes: n, and mean with interval, all with the same decimals."""
    known = [v for e in estimates if e.n for v in (e.mean, e.low, e.high)]
    decimals = decimals_for(known)
    style: dict[str, Any] = {"fontsize": TEXT_PT, "va": "center", "transform": axes.get_yaxis_transform(), "clip_on": False}
    axes.text(1.055, -0.62, "n", ha="right", color=MUTED, **(style | {"va": "bottom"}))
    axes.text(1.075, -0.62, f"{what} (95 % interval)", ha="left", color=MUTED, **(style | {"va": "bottom"}))
    for row, estimate in enumerate(estimates):
        axes.text(1.055, row, str(estimate.n), ha="right", color=INK if estimate.n else MUTED, **style)
        axes.text(1.075, row, estimate.text(decimals), ha="left", color=INK if estimate.n else MUTED, **style)
        if row:
            axes.axhline(row - 0.56, color=GRID, linewidth=0.4, zorder=0)
