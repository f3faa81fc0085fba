"""The patch at chosen days: cells to scale by kind over a slice through the middle of a field."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import words, wrap
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of
from simengine.report.scales import HOURS_PER_DAY
from simengine.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LABEL_PT,
    ORANGE,
    PURPLE,
    RULE,
    SKY,
    TEXT_PT,
    VERMILION,
    WIDTH_IN,
    colour_bar,
    legend_column,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

RUN = re.compile(r"point(\d+)-patient(\d+)-replicate(\d+)-")
MOST_DAYS, MOST_IN_ROW = 6, 3
LEGEND_IN = 1.35
# Okabe & Ito, then Tol (2021), "Colour schemes", muted. Engines list host kinds first: warm; product stages next: cool.
KIND_COLOURS = (GREY, ORANGE, VERMILION, PURPLE, "#882255", SKY, "#332288", BLUE, GREEN, "#44AA99", "#999933", "#661100")
PALE = 0.3  # opacity of a cell above or below the slice
TISSUE = ("functional", "injured", "scar", "void", "vessels")

RunAddress = tuple[int, int, int]


@dataclass(frozen=True)
class _Slice:
    """One patch at one time: its cells, whether each reaches into the middle layer, and a field in it [ny, nx]."""

    time_h: float
    spacing_um: float
    field: np.ndarray
    x_um: np.ndarray
    y_um: np.ndarray
    radius_um: np.ndarray
    weight: np.ndarray
    in_slice: np.ndarray
    kind: np.ndarray
    kinds: tuple[str, ...]
    patch: str

    @property
    def size_um(self) -> tuple[float, float]:
        return self.field.shape[1] * self.spacing_um, self.field.shape[0] * self.spacing_um

    @property
    def label(self) -> str:
        day = self.time_h / HOURS_PER_DAY
        return f"Day {day:.3g}" if day >= 1.0 else f"{self.time_h:.3g} h"


def draw(
    results: ResultsView,
    figure: Figure | SubFigure | None = None,
    *,
    run: RunAddress | None = None,
    days: Sequence[float] | None = None,
    field: str | None = None,
    patch: int = 0,
) -> Drawing:
    """Draw the cells of a patch of one run over its middle layer, a panel a day; cells outside that layer are pale.

    Parameters
    ----------
    run : (point, patient, replicate); when not given, the first run of the arm with most snapshots, then most cells.
    days : the snapshots nearest to these days; when not given all, or six spread evenly.
    field : a field such as ``oxygen``, or a tissue fraction such as ``scar``; the most uneven field when not given.
    patch : index of the patch.

    Raises
    ------
    NothingToDraw
        When there are no snapshots, none of that run, or no such field.
    """
    address, paths = _choose_run(results.snapshots(), run)
    paths = _choose_days(paths, days)
    field = field or _most_uneven_field(paths, patch)
    slices = [_read_slice(path, field, patch) for path in paths]
    quantity = quantity_of(results, field.removeprefix("field_"), "fields")

    columns = min(len(slices), MOST_IN_ROW)
    rows = math.ceil(len(slices) / columns)
    wide, high = slices[0].size_um
    panel_in = (WIDTH_IN - LEGEND_IN) / columns if columns > 1 else 3.6
    figure = figure or new_figure(panel_in * columns + LEGEND_IN, 1.55 + rows * (panel_in * min(high / wide, 2.0) + 0.22))
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[panel_in] * columns + [LEGEND_IN])
    limits = _limits(slices)
    panels = []
    for i, cut in enumerate(slices):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _draw_slice(axes, cut, limits)
        panels.append(axes)
    _draw_scale_bar(panels[-1], wide)
    colour_bar(figure, panels, quantity.axis_label, "bottom", room_in=panel_in * columns)
    _draw_legend(figure.add_subplot(grid[:, -1]), slices)
    arm = next((p.label for p in results.points if p.index == address[0]), f"point {address[0]}")
    title = f"Cells in the patch: {arm}"
    key = _key(slices, address)
    sign(figure, title, [key, provenance_line(results, n_shown=1)])
    return Drawing(figure, _shown(slices, field), title, f"{title}. Background: {quantity.axis_label}. {key}")


def _choose_run(snapshots: Any, run: RunAddress | None) -> tuple[RunAddress, list[Path]]:
    runs: dict[RunAddress, list[Path]] = {}
    for path in sorted(Path(p) for p in snapshots):
        if found := RUN.match(path.name):
            point, patient, replicate = (int(number) for number in found.groups())
            runs.setdefault((point, patient, replicate), []).append(path)
    if not runs:
        raise NothingToDraw("the results hold no snapshots of the patch")
    if run is not None:
        if run not in runs:
            raise NothingToDraw(f"no snapshot of point {run[0]}, patient {run[1]}, replicate {run[2]}")
        return run, runs[run]
    first_of_arm: dict[int, RunAddress] = {}
    for address in sorted(runs):
        first_of_arm.setdefault(address[0], address)
    best = max(first_of_arm.values(), key=lambda a: (len(runs[a]), _count_cells(runs[a][0]), -a[0]))
    return best, runs[best]


def _count_cells(path: Path) -> int:
    with np.load(path, allow_pickle=False) as arrays:
        return int(arrays["type"].size)


def _choose_days(paths: Sequence[Path], days: Sequence[float] | None) -> list[Path]:
    times = {}
    for path in paths:
        with np.load(path, allow_pickle=False) as arrays:
            times[float(arrays["time_h"])] = path
    known = np.array(sorted(times))
    if days is not None:
        wanted = [known[np.argmin(np.abs(known - day * HOURS_PER_DAY))] for day in days]
    else:
        places = np.linspace(0, known.size - 1, min(known.size, MOST_DAYS))
        wanted = [known[round(place)] for place in places]
    return [times[float(time_h)] for time_h in dict.fromkeys(wanted)]


def _most_uneven_field(paths: Sequence[Path], patch: int) -> str:
    """The field whose middle layers vary most over space and time, relative to its mean."""
    unevenness: dict[str, float] = {}
    with np.load(paths[0], allow_pickle=False) as first:
        names = [name for name in first.files if name.startswith("field_")] or [n for n in TISSUE if n in first.files]
    for name in names:
        layers = []
        for path in paths:
            with np.load(path, allow_pickle=False) as arrays:
                layers.append(arrays[name][patch, arrays[name].shape[1] // 2])
        mean = float(np.mean(layers))
        unevenness[name] = float(np.std(layers)) / mean if mean > 0.0 else 0.0
    if not unevenness:
        raise NothingToDraw("the snapshots hold no field")
    return max(unevenness, key=lambda name: unevenness[name])


def _read_slice(path: Path, field: str, patch: int) -> _Slice:
    with np.load(path, allow_pickle=False) as arrays:
        name = field if field in arrays.files else f"field_{field}"
        if name not in arrays.files:
            known = [n.removeprefix("field_") for n in arrays.files if n.startswith("field_") or n in TISSUE]
            raise NothingToDraw(f"the snapshots hold no field {field!r}; they hold: {', '.join(known)}")
        grid, spacing = arrays[name], float(arrays["spacing_um"])
        middle = grid.shape[1] // 2
        shown = arrays["patch"] == patch
        columns = {n: arrays[n][shown] for n in ("x_um", "y_um", "radius_um", "weight")}
        height = np.abs(arrays["z_um"][shown] - (middle + 0.5) * spacing)
        return _Slice(
            time_h=float(arrays["time_h"]),
            spacing_um=spacing,
            field=grid[patch, middle],
            **columns,
            in_slice=height <= 0.5 * spacing + columns["radius_um"],
            kind=arrays["type"][shown],
            kinds=tuple(str(n) for n in arrays["type_names"]),
            patch=str(arrays["patch_names"][patch]),
        )


def _limits(slices: Sequence[_Slice]) -> tuple[float, float]:
    low = min(float(np.nanmin(cut.field)) for cut in slices)
    high = max(float(np.nanmax(cut.field)) for cut in slices)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _draw_slice(axes: Axes, cut: _Slice, limits: tuple[float, float]) -> None:
    """Field as a light background, cells as circles of their own size on top."""
    import matplotlib
    from matplotlib.collections import EllipseCollection
    from matplotlib.colors import LinearSegmentedColormap

    light = LinearSegmentedColormap.from_list("light_greys", matplotlib.colormaps["Greys"](np.linspace(0.0, 0.62, 64)))
    wide, high = cut.size_um
    axes.imshow(cut.field, interpolation="nearest", origin="lower", extent=(0, wide, 0, high), cmap=light, clim=limits)
    for layer, is_shown in enumerate((~cut.in_slice, cut.in_slice)):  # the slice on top
        diameter = 2.0 * cut.radius_um[is_shown]
        circles = EllipseCollection(
            diameter,
            diameter,
            np.zeros_like(diameter),
            units="xy",
            offsets=np.column_stack([cut.x_um, cut.y_um])[is_shown],
            offset_transform=axes.transData,
            facecolors=[_colour(kind) for kind in cut.kind[is_shown]],
            edgecolors="white",
            linewidths=0.35,
            alpha=1.0 if layer else PALE,
        )
        axes.add_collection(circles, autolim=False)
    axes.set(xlim=(0, wide), ylim=(0, high), xticks=[], yticks=[])
    axes.spines[:].set(color=RULE, linewidth=0.7)
    axes.set_title(cut.label, fontsize=LABEL_PT, color=INK, loc="left", pad=3.0)


def _colour(kind: int) -> str:
    return KIND_COLOURS[int(kind) % len(KIND_COLOURS)]


def _draw_scale_bar(axes: Axes, wide_um: float) -> None:
    """A round length of about a quarter of the width, just below the last panel."""
    power = 10.0 ** math.floor(math.log10(0.25 * wide_um))
    length = max(step * power for step in (1, 2, 5) if step * power <= 0.25 * wide_um)
    bar = axes.plot([1.0 - length / wide_um, 1.0], [-0.035, -0.035], color=INK, linewidth=2.0, solid_capstyle="butt")
    bar[0].set(transform=axes.transAxes, clip_on=False)
    axes.text(1.0, -0.06, f"{length:g} µm", transform=axes.transAxes, ha="right", va="top", fontsize=TEXT_PT, color=INK)


def _draw_legend(axes: Axes, slices: Sequence[_Slice]) -> None:
    from matplotlib.lines import Line2D

    shown = sorted({int(kind) for cut in slices for kind in cut.kind})
    handles = [Line2D([], [], marker="o", linestyle="", markersize=6, color=_colour(kind)) for kind in shown]
    labels = [wrap(words(slices[0].kinds[kind]), LEGEND_IN - 0.35, TEXT_PT) for kind in shown]
    if not shown:
        handles, labels = [Line2D([], [], linestyle="")], ["no cells"]
    legend_column(axes, handles, labels, handle_in_ems=0.9)


def _key(slices: Sequence[_Slice], address: RunAddress) -> str:
    weights = np.concatenate([cut.weight for cut in slices])
    heavy = "" if np.all(weights == 1.0) else f" One circle stands for {weights.min():.3g}-{weights.max():.3g} cells."
    return (
        f"Patient {address[1]}, replicate {address[2]}; {words(slices[0].patch)} patch, cells to scale over the middle layer"
        f" ({slices[0].spacing_um:g} µm); pale: cells above or below it.{heavy}"
    )


def _shown(slices: Sequence[_Slice], field: str) -> DataFrame:
    """One row for each circle (with its radius and weight) and each voxel of the background (with its value)."""
    import pandas as pd

    parts = []
    for cut in slices:
        names = np.array(cut.kinds, dtype=object)
        cells = {"x_um": cut.x_um, "y_um": cut.y_um, "radius_um": cut.radius_um, "weight": cut.weight}
        cells["in_slice"] = cut.in_slice
        parts.append(pd.DataFrame({"time_h": cut.time_h, "what": "cell", "name": names[cut.kind], **cells}))
        ny, nx = cut.field.shape
        voxels = {
            "x_um": np.tile((np.arange(nx) + 0.5) * cut.spacing_um, ny),
            "y_um": np.repeat((np.arange(ny) + 0.5) * cut.spacing_um, nx),
            "value": cut.field.ravel(),
        }
        parts.append(pd.DataFrame({"time_h": cut.time_h, "what": "field", "name": field.removeprefix("field_"), **voxels}))
    columns = ["time_h", "what", "name", "x_um", "y_um", "radius_um", "weight", "in_slice", "value"]
    return pd.concat([part.reindex(columns=columns) for part in parts if len(part)], ignore_index=True)
