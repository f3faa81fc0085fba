"""Whether forecasts come true: predicted against observed shares in groups of patients, a panel an outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, readable, wrap
from simengine.report.results_view import DISCLAIMER, NothingToDraw, ResultsView
from simengine.report.style import INK, RULE, TEXT_PT, WIDTH_IN, arm_colour, dress, name_axes, new_figure, sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

FILE = "calibration.csv"
COLUMNS = ("outcome", "model", "group", "n", "predicted", "observed", "low", "high")
MOST_COLUMNS, LEGEND_COLUMNS, PANEL_IN = 3, 3, 1.95
TITLE = "Predicted and observed"
KEY = (
    "Each dot is a group of patients with like predictions, its area their number; vertical: 95 % interval of what was "
    "observed. On the line forecasts are right; above it more happened than was predicted."
)


def draw(results: ResultsView | str | Path, figure: Figure | SubFigure | None = None) -> Drawing:
    """Draw the calibration of every model at every outcome.

    Parameters
    ----------
    results : the folder that holds ``calibration.csv`` (or the file), or results saved in such a folder. Columns: ``outcome``,
        ``model``, ``group``, ``n``, ``predicted``, ``observed``, ``low``, ``high``; shares from 0 to 1.

    Raises
    ------
    NothingToDraw
        When there is no such file, or no row in it has both a prediction and an observation.
    """
    shown = _read(results)
    outcomes, models = (list(dict.fromkeys(shown[name])) for name in ("outcome", "model"))
    columns = min(len(outcomes), MOST_COLUMNS)
    rows = math.ceil(len(outcomes) / columns)
    titles = [wrap(_title(outcome), PANEL_IN, TEXT_PT) for outcome in outcomes]
    labels = [wrap(model, WIDTH_IN / LEGEND_COLUMNS - 0.45, TEXT_PT) for model in models]
    legend_in = 0.16 + 0.15 * n_lines(labels) * math.ceil(len(models) / LEGEND_COLUMNS)
    figure = figure or new_figure(height_in=1.1 + legend_in + rows * (PANEL_IN + 0.3 + 0.14 * n_lines(titles)))
    grid = figure.add_gridspec(rows + 1, MOST_COLUMNS, height_ratios=[PANEL_IN] * rows + [legend_in])
    largest = float(shown["n"].max())
    for i, (outcome, title) in enumerate(zip(outcomes, titles)):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _draw_panel(axes, shown[shown["outcome"] == outcome], models, largest)
        axes.set_title(title, fontsize=TEXT_PT, color=INK, loc="left", pad=4.0)
        is_lowest = i + columns >= len(outcomes)
        name_axes(axes, x="Predicted (%)" if is_lowest else "", y="Observed (%)" if i % columns == 0 else "")
    _draw_legend(figure.add_subplot(grid[-1, :]), labels)
    groups = f"{len(shown)} groups, {len(outcomes)} outcomes, {len(models)} {'model' if len(models) == 1 else 'models'}."
    sign(figure, TITLE, [KEY, f"{groups} {DISCLAIMER}"])
    return Drawing(figure, shown, TITLE, f"{TITLE}. {KEY}")


def _read(results: ResultsView | str | Path) -> DataFrame:
    import pandas as pd

    place = Path(results) if isinstance(results, (str, Path)) else Path(results.path)
    path = place / FILE if place.is_dir() else place
    if path.name != FILE or not path.is_file():
        raise NothingToDraw(f"there is no {FILE} in {place}: a cohort that was scored has one")
    table = pd.read_csv(path, dtype={"outcome": str, "model": str, "group": str})
    if missing := [name for name in COLUMNS if name not in table]:
        raise NothingToDraw(f"{path} has no column {missing[0]!r}")
    known = table.dropna(subset=["predicted", "observed"])
    if known.empty:
        raise NothingToDraw(f"{path} holds no prediction with an observation")
    return known.reset_index(drop=True)


def _title(outcome: str) -> str:
    """Title of an outcome: that of the column of its name, else the name in words."""
    from simengine.outcomes import descriptions

    known = descriptions().get(outcome)
    return known.title if known else readable(outcome)


def _draw_panel(axes: Axes, rows: DataFrame, models: Sequence[str], largest: float) -> None:
    dress(axes)
    axes.plot([0.0, 100.0], [0.0, 100.0], color=RULE, linewidth=0.8, zorder=1)
    for place, model in enumerate(models):
        own = rows[rows["model"] == model].sort_values("predicted")
        x, y, low, high = (100.0 * own[name].to_numpy(dtype=np.float64) for name in ("predicted", "observed", "low", "high"))
        colour = arm_colour(place)
        axes.vlines(x, low, high, color=colour, linewidth=1.0, zorder=2)
        axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.55, zorder=2)
        area = 8.0 + 40.0 * own["n"].to_numpy(dtype=np.float64) / largest
        axes.scatter(x, y, s=area, color=colour, edgecolors="white", linewidths=0.6, zorder=3)
    axes.set(xlim=(-3.0, 103.0), ylim=(-3.0, 103.0), aspect="equal")
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_yticks([0, 25, 50, 75, 100])


def _draw_legend(axes: Axes, labels: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=arm_colour(i), marker="o", linewidth=1.0, label=label) for i, label in enumerate(labels)]
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT_PT, "labelcolor": INK, "handlelength": 1.6, "markerscale": 0.7}
    axes.set_axis_off()
    axes.legend(handles=handles, loc="upper left", ncols=LEGEND_COLUMNS, borderpad=0.0, borderaxespad=0.0, **look)
