"""An outcome by arm as a raincloud: density, box, every run, and the mean with its 95 % interval in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.estimates import Estimate, estimate_means, is_yes_or_no, unit_note
from simengine.report.labels import decimals_for, n_lines
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of, usable_rows
from simengine.report.scales import Scale, Wanted, choose_scale
from simengine.report.style import (
    GRID,
    INK,
    MUTED,
    RULE,
    TEXT_PT,
    arm_colour,
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

FEWEST_FOR_DENSITY = 5  # with fewer runs a density or a quartile is an invention
GOLDEN = 0.6180339887498949
KEY = "Cloud: density. Box: quartiles and median, whiskers 5-95 %. Dots: runs. Diamond: mean with 95 % interval."
KEY_YES_NO = "Diamond: share of runs with the event, with Wilson's 95 % interval."


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, outcome: str, scale: Wanted = "auto") -> Drawing:
    """Draw the distribution of one outcome in every arm, one row an arm.

    Parameters
    ----------
    outcome : a numeric column of the table. One that is only ever 0 or 1 is drawn as a proportion.
    scale : of the outcome axis; ``auto`` turns logarithmic when positive values span more than a hundredfold.

    Raises
    ------
    NothingToDraw
        When there is no such column, or no run has a value in it.
    """
    if outcome not in results.table:
        raise NothingToDraw(f"the results have no outcome {outcome!r}")
    rows = usable_rows(results)
    values = rows[outcome].to_numpy(dtype=np.float64)
    if not np.isfinite(values).any():
        raise NothingToDraw(f"no run has a value of {outcome!r}")
    quantity, is_proportion = quantity_of(results, outcome), is_yes_or_no(values)
    arms = [rows[rows["point"] == point.index] for point in results.points]
    estimates = estimate_means(results, outcome)
    axis = Scale("linear", -0.02, 1.02) if is_proportion else _outcome_scale(values, estimates, scale, outcome)

    labels = [arm_label(point.label) for point in results.points]
    row_in = max(0.52 if len(arms) <= 12 else 0.42, 0.145 * n_lines(labels) + 0.08)
    figure = figure or new_figure(height_in=1.25 + row_in * len(arms))
    axes = figure.add_subplot()
    axes.set_ylim(len(arms) - 0.5, -0.62)
    dress(axes, grid="x")
    axis.apply(axes.xaxis, most_ticks=7)
    if axis.low < 0.0 < axis.high and not is_proportion:
        axes.axvline(0.0, color=RULE, linewidth=0.9, zorder=1)
    for i, (arm, estimate) in enumerate(zip(arms, estimates)):
        if not is_proportion:
            _draw_cloud(axes, i, arm[outcome].dropna().to_numpy(dtype=np.float64), axis)
        _draw_mean(axes, i, estimate, axis)
    axes.set_yticks(range(len(arms)), labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    _write_numbers(axes, estimates, "share" if is_proportion else "mean")
    name_axes(axes, x="Share of runs" if is_proportion else quantity.axis_label)
    title = quantity.title
    key = f"{KEY_YES_NO if is_proportion else KEY} {unit_note(estimates)}".strip()
    sign(figure, title, [key, provenance_line(results)])
    caption = f"{quantity.axis_label} by arm. {quantity.description} {key}"
    return Drawing(figure, _shown(results, arms, estimates, outcome), title, " ".join(caption.split()))


def _outcome_scale(values: np.ndarray, estimates: list[Estimate], wanted: Wanted, outcome: str) -> Scale:
    scale = choose_scale(values, wanted, include_zero="change" in outcome)
    if scale.kind != "linear":
        return scale
    bounds = [bound for e in estimates for bound in (e.low, e.high)]
    return choose_scale(np.concatenate([values, bounds]), "linear", include_zero="change" in outcome)


def _draw_cloud(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> None:
    """Half-violin above the row's line, box on it, jittered runs below; the jitter is a fixed sequence, not a draw."""
    colour = arm_colour(row)
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


def _shown(results: ResultsView, arms: list[DataFrame], estimates: list[Estimate], outcome: str) -> DataFrame:
    """One row a run with a value, and one empty row for an arm without any; the arm's numbers beside each."""
    import pandas as pd

    parts = []
    for point, arm, estimate in zip(results.points, arms, estimates):
        known = arm.loc[arm[outcome].notna(), ["patient", "replicate", outcome]].astype(
            {"patient": "Int64", "replicate": "Int64", outcome: "float64"}
        )
        if known.empty:
            known = pd.DataFrame({"patient": [pd.NA], "replicate": [pd.NA], outcome: [np.nan]})
            known = known.astype({"patient": "Int64", "replicate": "Int64", outcome: "float64"})
        known.insert(0, "point", point.index)
        known.insert(1, "arm", point.label)
        parts.append(known.assign(n=estimate.n, mean=estimate.mean, low95=estimate.low, high95=estimate.high))
    return pd.concat(parts, ignore_index=True)
