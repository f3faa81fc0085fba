"""The look of every figure: colour-blind palette, type, quiet axes, title and footer.

Nothing global is touched: no pyplot, no change of matplotlib's settings; each artist is given its own size and colour,
so that figures can be drawn in several threads and inside somebody else's notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from simengine.report.labels import tick_number, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Okabe & Ito (2008), "Color universal design", without the yellow that is lost on white paper; grey for black.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#5C5C5C",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
INK, MUTED, RULE, GRID = "#222222", "#666666", "#999999", "#E6E6E6"
TITLE_PT, LABEL_PT, TEXT_PT, FOOT_PT = 10.0, 8.5, 7.5, 6.0
WIDTH_IN = 7.2  # two columns of a journal (183 mm)
ARM_LABEL_IN = 1.9


def new_figure(width_in: float = WIDTH_IN, height_in: float = 4.0) -> Figure:
    """A white figure with its own Agg canvas and constrained layout, registered nowhere."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.05, wspace=0.03, hspace=0.04)
    figure = Figure(figsize=(width_in, height_in), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def arm_colour(index: int) -> str:
    """Colour of the arm at a place in the order of arms; seven colours, then the same again."""
    return PALETTE[index % len(PALETTE)]


def arm_label(label: str, width_in: float = ARM_LABEL_IN) -> str:
    """An arm's label wrapped to the column that figures keep for it."""
    return wrap(label, width_in, TEXT_PT)


def dress(axes: Axes, *, grid: Literal["x", "y", "none"] = "none") -> None:
    """Two spines, small grey ticks, a light grid along one axis: the data are the darkest thing on the page."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=RULE, linewidth=0.7)
    axes.tick_params(which="major", labelsize=TEXT_PT, labelcolor=INK, color=RULE, width=0.7, length=3.0)
    axes.tick_params(which="minor", color=RULE, width=0.5, length=1.8)
    axes.set_axisbelow(True)
    if grid != "none":
        axes.grid(True, axis=grid, which="major", color=GRID, linewidth=0.6)


def name_axes(axes: Axes, *, x: str = "", y: str = "", room_in: float = 2.2) -> None:
    """Axis labels in the size of the house; the vertical one is wrapped to ``room_in`` inches, about the axis length."""
    if x:
        axes.set_xlabel(wrap(x, 1.8 * room_in, LABEL_PT), fontsize=LABEL_PT, color=INK)
    if y:
        axes.set_ylabel(wrap(y, room_in, LABEL_PT), fontsize=LABEL_PT, color=INK)


def sign(figure: Figure | SubFigure, title: str, footer: Sequence[str]) -> None:
    """Put the title above and the footer lines below; constrained layout keeps room for both."""
    width_in = figure.bbox.width / figure.get_figure(root=True).dpi - 0.15
    heading = wrap(title, width_in, TITLE_PT, bold=True)
    figure.suptitle(heading, x=0.01, ha="left", fontsize=TITLE_PT, fontweight="bold", color=INK)
    foot = "\n".join(wrap(line, width_in, FOOT_PT) for line in footer if line)
    figure.supxlabel(foot, x=0.01, ha="left", fontsize=FOOT_PT, color=MUTED, linespacing=1.35)


def legend_beside(axes: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """A frameless legend to the right of the axes, outside the data; labels come wrapped."""
    axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=INK,
        handlelength=1.3,
        labelspacing=0.55,
    )


def legend_column(axes: Axes, handles: Sequence[Any], labels: Sequence[str], handle_in_ems: float = 1.2) -> None:
    """Turn an axes into a column that holds nothing but a legend; labels come wrapped."""
    axes.set_axis_off()
    axes.legend(
        handles,
        labels,
        loc="upper left",
        borderaxespad=0.0,
        frameon=False,
        fontsize=TEXT_PT,
        labelcolor=INK,
        handlelength=handle_in_ems,
    )


def colour_bar(
    figure: Figure | SubFigure, panels: Sequence[Axes], label: str, location: Literal["right", "bottom"], room_in: float
) -> None:
    """A slim colour bar for the image that the panels share; its label is wrapped to ``room_in`` inches."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    look: dict[str, Any] = {"shrink": 0.6, "aspect": 35} if location == "bottom" else {"fraction": 0.05, "aspect": 22}
    bar = figure.colorbar(panels[0].images[0], ax=list(panels), location=location, pad=0.02, **look)
    bar.outline.set(edgecolor=RULE, linewidth=0.5)
    bar.locator = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10])
    bar.formatter = FuncFormatter(tick_number)
    bar.update_ticks()
    bar.ax.tick_params(labelsize=TEXT_PT, labelcolor=INK, color=MUTED, length=2.5, width=0.7)
    bar.set_label(wrap(label, room_in, LABEL_PT), fontsize=LABEL_PT, color=INK)
