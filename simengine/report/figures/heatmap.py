"""An outcome over two swept paths, such as source against donor match: the mean in colour and in figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.estimates import Estimate, estimate_means
from simengine.report.labels import decimals_for, n_lines, number, readable, words, wrap
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of, swept_levels
from simengine.report.style import (
    ARM_LABEL_IN,
    FOOT_PT,
    INK,
    LABEL_PT,
    TEXT_PT,
    WIDTH_IN,
    arm_label,
    colour_bar,
    name_axes,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import Rectangle
    from pandas import DataFrame

MAP = "cividis"  # even to the eye, also without red and green (Nuñez, Anderton & Renslow 2018)
CELL_IN = (0.92, 0.52)
FEWEST_FILLED = 0.6  # of all combinations; a map of holes is no map, unless it was asked for by its paths
KEY = "In each cell: mean, its Monte Carlo standard error, number of runs. Hatched: no run."


def draw(
    results: ResultsView,
    figure: Figure | SubFigure | None = None,
    *,
    outcome: str,
    rows: str | None = None,
    columns: str | None = None,
    where: Mapping[str, str] | None = None,
) -> Drawing:
    """Draw the mean of an outcome for every combination of two swept paths.

    Parameters
    ----------
    outcome : a numeric column of the table.
    rows, columns : swept paths; when not given, the only two there are, a donor match as columns.
    where : levels of other swept paths; only points with these are shown.

    Raises
    ------
    NothingToDraw
        When the study does not sweep two paths, several arms share a combination, or no run has a value.
    """
    if outcome not in results.table:
        raise NothingToDraw(f"the results have no outcome {outcome!r}")
    where = where or {}
    levels = {path: of_path for path, of_path in swept_levels(results).items() if path not in where}
    is_found = rows is None and columns is None
    rows, columns = _choose_paths(levels, rows, columns)
    down, across = levels[rows], levels[columns]
    cells = _cells(results, outcome, (rows, columns), where)
    if is_found and len(cells) < FEWEST_FILLED * len(down) * len(across):
        raise NothingToDraw(f"arms fill only {len(cells)} of the {len(down)} x {len(across)} combinations swept")
    if not any(cell.n for cell in cells.values()):
        raise NothingToDraw(f"no run has a value of {outcome!r}")

    quantity = quantity_of(results, outcome)
    labels_across = [wrap(words(level), CELL_IN[0] - 0.1, TEXT_PT) for level in across]
    labels_down = [arm_label(words(level)) for level in down]
    width_in = max(WIDTH_IN * 0.6, ARM_LABEL_IN + 1.6 + CELL_IN[0] * len(across))
    cell_height = max(CELL_IN[1], 0.145 * n_lines(labels_down) + 0.1)
    height_in = 1.4 + cell_height * len(down) + 0.14 * n_lines(labels_across)
    figure = figure or new_figure(width_in, height_in)
    axes = figure.add_subplot()
    means = np.array([[cells.get((a, b), Estimate()).mean for b in across] for a in down])
    _draw_cells(axes, means, [[cells.get((a, b), Estimate()) for b in across] for a in down])
    axes.set_xticks(range(len(across)), labels_across)
    axes.set_yticks(range(len(down)), labels_down)
    name_axes(axes, x=readable(columns), y=readable(rows), room_in=cell_height * len(down))
    colour_bar(figure, [axes], quantity.axis_label, "right", room_in=cell_height * len(down))
    title = ": ".join([quantity.title, *(words(level) for level in where.values())])
    sign(figure, title, [KEY, provenance_line(results)])
    caption = f"Mean {quantity.axis_label} by {readable(rows)} and {readable(columns)}. {quantity.sentence} {KEY}"
    return Drawing(figure, _shown(cells, rows, columns, outcome), title, " ".join(caption.split()))


def _cells(
    results: ResultsView, outcome: str, paths: tuple[str, str], where: Mapping[str, str]
) -> dict[tuple[str, str], Estimate]:
    """Return the estimate of every combination of levels that an arm has."""
    cells: dict[tuple[str, str], Estimate] = {}
    for point, estimate in zip(results.points, estimate_means(results, outcome)):
        row, column = (point.values.get(path) for path in paths)
        if row is None or column is None or any(str(point.values.get(path)) != level for path, level in where.items()):
            continue
        place = (str(row), str(column))
        if place in cells:
            raise NothingToDraw(f"several arms share {paths[0]} = {place[0]} and {paths[1]} = {place[1]}")
        cells[place] = estimate
    return cells


def _choose_paths(levels: dict[str, list[str]], rows: str | None, columns: str | None) -> tuple[str, str]:
    for path in (rows, columns):
        if path is not None and path not in levels:
            raise NothingToDraw(f"{path!r} is not swept over several values; swept: {', '.join(levels) or 'nothing'}")
    free = [path for path in levels if path not in (rows, columns)]
    wanted = (rows is None) + (columns is None)
    if wanted and len(free) != wanted:
        raise NothingToDraw(f"a heat map needs two swept paths; swept: {', '.join(levels) or 'nothing'}")
    free.sort(key=lambda path: path.endswith("match"))
    rows = rows or free.pop(0)
    return rows, columns or free.pop(0)


def _draw_cells(axes: Axes, means: np.ndarray, cells: list[list[Estimate]]) -> None:
    """Coloured cells, in each the mean and beneath it n and standard error, dark on light and light on dark."""
    image = axes.imshow(means, cmap=MAP, aspect="auto", interpolation="nearest")
    low, high = np.nanmin(means), np.nanmax(means)
    if low == high:
        image.set_clim(low - 0.5, high + 0.5)
    decimals = decimals_for(means.ravel())
    error_decimals = decimals_for([cell.mcse for row in cells for cell in row], significant=2)
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            if cell.n == 0:
                axes.add_patch(_hatched(i, j))
                continue
            red, green, blue, _ = image.to_rgba(np.array([cell.mean]))[0]
            colour = INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
            axes.text(j, i - 0.1, number(cell.mean, decimals), ha="center", va="center", color=colour, fontsize=LABEL_PT)
            error = f"± {number(cell.mcse, error_decimals)}, " if np.isfinite(cell.mcse) else ""
            axes.text(j, i + 0.24, f"{error}n {cell.n}", ha="center", va="center", color=colour, fontsize=FOOT_PT)
    axes.set_xticks(np.arange(means.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(means.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0, labelsize=TEXT_PT, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _hatched(row: int, column: int) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1.0, 1.0, facecolor="#F4F4F4", edgecolor="#CCCCCC", hatch="////", linewidth=0)


def _shown(cells: dict[tuple[str, str], Estimate], rows: str, columns: str, outcome: str) -> DataFrame:
    """One row a cell."""
    import pandas as pd

    return pd.DataFrame(
        [
            {rows: down, columns: across, "outcome": outcome, "n": cell.n, "mean": cell.mean, "mcse": cell.mcse}
            for (down, across), cell in cells.items()
        ]
    )
