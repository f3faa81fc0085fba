"""One transplanted patient on one page: blood, chimerism, GVHD, malignancy and drugs, and how else it could have gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.labels import n_lines, wrap
from simengine.report.multiples import quantiles_of, set_count_axis
from simengine.report.one_patient import OnePatient, RunAddress, choose, words_of
from simengine.report.replicates import draw_shares, draw_swimmers
from simengine.report.results_view import ResultsView, provenance_line
from simengine.report.scales import followup_axis
from simengine.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RULE,
    SKY,
    TEXT_PT,
    VERMILION,
    WIDTH_IN,
    dress,
    name_axes,
    new_figure,
    sign,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

PANEL_IN, LAST_IN, LINE_IN = 1.15, 1.9, 0.142
FEWEST_FOR_BAND = 5
TITLE = "One patient"
KEY = "Lines: this run; vertical: relapse (dashed) and death (solid)."
KEY_OF_BANDS = " Bands: 10-90 % of the patient's replicates that are alive."


class Line(NamedTuple):
    """A course in a panel: its name in the legend and its colour; ``factor`` turns it into the unit of the panel."""

    course: str
    title: str
    colour: str
    factor: float = 1.0


class Field(NamedTuple):
    """A panel of courses: the name of its axis, its limits, and thresholds with the columns of the days they are reached."""

    axis: str
    lines: tuple[Line, ...]
    low: float
    high: float
    is_log: bool = False
    levels: tuple[tuple[float, str, str], ...] = ()


LEVELS = ((0.5, "neutrophil_day", BLUE), (20.0, "platelet20_day", ORANGE), (50.0, "platelet50_day", ORANGE))
COUNTS = Field(
    "10⁹/L",
    (Line("blood.neutrophils", "Neutrophils", BLUE), Line("blood.platelets", "Platelets", ORANGE)),
    0.01,
    1000.0,
    True,
    LEVELS,
)
FIELDS = (
    COUNTS,
    Field("g/L", (Line("blood.haemoglobin", "Haemoglobin, with transfused cells", VERMILION),), 40.0, 180.0),
    Field(
        "10⁹/L",
        (Line("blood.t_cells", "T", BLUE), Line("blood.b_cells", "B", GREEN), Line("blood.nk_cells", "NK cells", PURPLE)),
        0.001,
        10.0,
        True,
    ),
    Field(
        "Of the graft (%)",
        (
            Line("chimerism.myeloid", "Myeloid", ORANGE, 100.0),
            Line("chimerism.t", "T", BLUE, 100.0),
            Line("chimerism.b", "B", GREEN, 100.0),
            Line("chimerism.nk", "NK", PURPLE, 100.0),
            Line("chimerism.red", "Red cells", VERMILION, 100.0),
        ),
        -4.0,
        104.0,
    ),
)
MALIGNANCY = Field("Cells", (Line("malignancy.cells", "Malignant cells", VERMILION),), 1.0, 1e13, True)
DRUGS = Field(
    "Block (0-1)",
    (Line("drug.activation", "Activation", BLUE), Line("drug.proliferation", "Division", ORANGE)),
    -0.04,
    1.04,
)
HAZARDS = Field(
    "Hazard (%/day)",
    (
        Line("hazard.infection", "Infection", BLUE, 100.0),
        Line("hazard.toxicity", "Toxicity", ORANGE, 100.0),
        Line("hazard.gvhd", "GVHD", PURPLE, 100.0),
    ),
    1e-4,
    100.0,
    True,
)
ORGANS = (("skin", ORANGE, 0.07), ("gut", VERMILION, 0.0), ("liver", PURPLE, -0.07))


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, run: RunAddress | None = None) -> Drawing:
    """Draw one run of a transplanted patient, what is known of patient, donor and treatment, and the patient's replicates.

    Parameters
    ----------
    run : (point, patient, replicate); the first run that ended well when not given.

    Raises
    ------
    NothingToDraw
        When there is no such run, or the results hold no courses of a transplantation.
    """
    one = choose(results, run)
    texts = words_of(one)
    wrapped = {head: [wrap(line, WIDTH_IN / 4.0 - 0.32, TEXT_PT) for line in lines] for head, lines in texts.items()}
    text_in = LINE_IN * (1 + max(sum(n_lines([line]) for line in lines) for lines in wrapped.values())) + 0.05
    has_replicates = len(one.replicates) > 1
    heights = [text_in, *[PANEL_IN] * 4, *([LAST_IN] if has_replicates else [])]
    figure = figure or new_figure(height_in=0.9 + sum(heights) + 0.38 * 4)
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    _write(figure.add_subplot(grid[0, :]), wrapped)
    panels = [figure.add_subplot(grid[1 + i // 2, i % 2]) for i in range(8)]
    for axes, field in zip([*panels[:4], *panels[5:]], (*FIELDS, MALIGNANCY, DRUGS, HAZARDS)):
        _draw_field(axes, one, field)
    _draw_gvhd(panels[4], one)
    for i, axes in enumerate(panels):
        _mark_time(axes, one, is_lowest=i >= 6)
    if has_replicates:
        draw_shares(figure.add_subplot(grid[-1, 0]), one.replicates)
        draw_swimmers(figure.add_subplot(grid[-1, 1]), one.replicates, one.place)
    title = f"{TITLE}: {one.arm}"
    address = f"Patient {int(one.row['patient'])}, replicate {int(one.row['replicate'])}."
    key = f"{address} {KEY}{KEY_OF_BANDS if len(one.replicates) >= FEWEST_FOR_BAND else ''}"
    sign(figure, title, [key, provenance_line(results, n_shown=len(one.replicates))])
    return Drawing(figure, _shown(one), title, f"{title}. {key}")


def _write(axes: Axes, texts: dict[str, list[str]]) -> None:
    """Four columns of words."""
    axes.set_axis_off()
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    for column, (head, lines) in enumerate(texts.items()):
        place: dict[str, Any] = {"va": "top", "ha": "left", "fontsize": TEXT_PT}
        axes.text(0.25 * column, 1.0, head, color=INK, fontweight="bold", **place)
        body = axes.annotate("\n".join(lines), (0.25 * column, 1.0), xytext=(0.0, -11.0), textcoords="offset points", **place)
        body.set(color=INK, linespacing=1.25)


def _draw_field(axes: Axes, one: OnePatient, field: Field) -> None:
    dress(axes, grid="y")
    floor = field.low if field.is_log else -np.inf
    drawn = []
    for line in field.lines:
        runs = line.factor * one.course(line.course)
        if len(runs) >= FEWEST_FOR_BAND:
            _, (low, _, high) = quantiles_of(runs)
            axes.fill_between(
                one.day, np.maximum(low, floor), np.maximum(high, floor), color=line.colour, alpha=0.13, linewidth=0
            )
        drawn += axes.plot(one.day, np.maximum(runs[one.place], floor), color=line.colour, linewidth=1.3, label=line.title)
    for level, column, colour in field.levels:
        axes.axhline(level, color=RULE, linewidth=0.7, linestyle=":", zorder=1)
        look: dict[str, Any] = {"markersize": 6.0, "markeredgecolor": "white", "markeredgewidth": 0.6, "zorder": 5}
        if one.row[column] > 0.0:
            axes.plot([one.row[column]], [level], "^", color=colour, **look)
    set_count_axis(axes, field.low, field.high, is_log=field.is_log)
    name_axes(axes, y=field.axis)
    legend_above(axes, drawn)


def legend_above(axes: Axes, handles: Sequence[Any]) -> None:
    """A legend in one row above the axes."""
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT_PT, "labelcolor": INK, "handlelength": 1.0}
    look |= {"columnspacing": 0.9, "handletextpad": 0.4, "borderpad": 0.0, "borderaxespad": 0.2}
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(handles), **look)


def _draw_gvhd(axes: Axes, one: OnePatient) -> None:
    """Stages of three organs as steps, chronic severity, and below them when steroids and a second line were given."""
    dress(axes, grid="y")
    drawn: list[Any] = []
    for organ, colour, shift in ORGANS:
        stage = one.course(f"gvhd.{organ}_stage")[one.place]
        drawn += axes.step(one.day, stage + shift, where="post", color=colour, linewidth=1.3, label=organ.capitalize())
    chronic = one.course("chronic.severity")[one.place]
    drawn += axes.step(one.day, chronic, where="post", color=GREY, linewidth=1.1, linestyle="--", label="Chronic")
    steroid = np.nan_to_num(one.course("gvhd.steroid")[one.place])
    second = np.nan_to_num(one.course("gvhd.second_line")[one.place])
    drawn.append(axes.fill_between(one.day, -1.0, -1.0 + 0.7 * steroid, color=SKY, linewidth=0, step="post", label="Steroids"))
    if second.any():
        look: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "hatch": "////", "linewidth": 0.0, "step": "post"}
        drawn.append(axes.fill_between(one.day, -1.0, -1.0 + 0.35 * second, label="Second line", **look))
    axes.set_ylim(-1.05, 4.3)
    axes.set_yticks([0, 1, 2, 3, 4])
    name_axes(axes, y="GVHD stage")
    legend_above(axes, drawn)


def _mark_time(axes: Axes, one: OnePatient, *, is_lowest: bool) -> None:
    label = followup_axis(axes.xaxis, float(one.day[0]), float(one.day[-1]), WIDTH_IN / 2.0 - 0.65)
    axes.axvline(0.0, color=RULE, linewidth=0.6, zorder=0)
    for column, style in (("relapse_day", "--"), ("death_day", "-")):
        if one.row[column] == one.row[column]:
            axes.axvline(float(one.row[column]), color=MUTED, linewidth=0.9, linestyle=style, zorder=2)
    name_axes(axes, x=label if is_lowest else "")


def _shown(one: OnePatient) -> DataFrame:
    """One row for each course and day of the run, with the quantiles of the replicates beside it."""
    import pandas as pd

    wanted = [line.course for field in (*FIELDS, MALIGNANCY, DRUGS, HAZARDS) for line in field.lines]
    wanted += [f"gvhd.{organ}_stage" for organ, _, _ in ORGANS] + ["chronic.severity", "gvhd.steroid", "gvhd.second_line"]
    parts = []
    for name in wanted:
        runs = one.course(name)
        n, (low, median, high) = quantiles_of(runs)
        columns: dict[str, Any] = {"course": name, "day": one.day, "value": runs[one.place], "n": n}
        parts.append(pd.DataFrame(columns | {"p10": low, "median": median, "p90": high}))
    found = pd.concat(parts, ignore_index=True)
    for place, key in enumerate(("point", "patient", "replicate")):
        found.insert(place, key, int(one.row[key]))
    return found
