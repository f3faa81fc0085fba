"""Blood counts after a transplantation by arm: neutrophils, platelets, haemoglobin and lymphocytes, with recovery marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simengine.report.drawing import Drawing
from simengine.report.multiples import KEY as KEY_OF_BANDS
from simengine.report.multiples import Panel, draw_multiples
from simengine.report.results_view import ResultsView, provenance_line
from simengine.report.style import sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PANELS = (
    Panel("Neutrophils (10⁹/L)", ("blood.neutrophils",), 0.01, 30.0, is_log=True, levels=((0.5, "neutrophil_day"),)),
    Panel(
        "Platelets, own (10⁹/L)",
        ("blood.platelets",),
        1.0,
        1000.0,
        is_log=True,
        levels=((20.0, "platelet20_day"), (50.0, "platelet50_day")),
    ),
    Panel("Haemoglobin, with transfused cells (g/L)", ("blood.haemoglobin",), 40.0, 180.0),
    Panel("Lymphocytes (10⁹/L)", ("blood.t_cells", "blood.b_cells", "blood.nk_cells"), 0.01, 10.0, is_log=True),
)
TITLE = "Blood counts"
KEY = f"{KEY_OF_BANDS} Dotted: thresholds of recovery; triangles: median day of recovery of those who fell below."


def draw(results: ResultsView, figure: Figure | SubFigure | None = None) -> Drawing:
    """Draw the blood counts of transplanted patients, six arms or fewer a block of panels.

    Reads the courses ``blood.*`` and the columns ``neutrophil_day``, ``platelet20_day`` and ``platelet50_day``.

    Raises
    ------
    NothingToDraw
        When the results are not of transplantations, or hold no courses.
    """
    figure, shown = draw_multiples(results, figure, PANELS, columns=2)
    sign(figure, TITLE, [KEY, provenance_line(results)])
    return Drawing(figure, shown, TITLE, f"{TITLE} by arm. {KEY}")
