"""Whose cells are in the blood: the donor's share of every lineage over time by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.multiples import KEY as KEY_OF_BANDS
from simengine.report.multiples import Panel, draw_multiples
from simengine.report.results_view import ResultsView, course_of, provenance_line
from simengine.report.style import sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

LINEAGES = {
    "stem": "Stem cells",
    "myeloid": "Myeloid cells",
    "platelet": "Platelets",
    "red": "Red cells",
    "t": "T cells",
    "b": "B cells",
    "nk": "NK cells",
}
SECOND = Panel("Second unit, stem cells", ("chimerism.second",), -3.0, 103.0, factor=100.0)
TITLE = "Donor chimerism (%)"


def draw(results: ResultsView, figure: Figure | SubFigure | None = None) -> Drawing:
    """Draw the donor's share of each lineage, and after two units of cord blood that of the second unit.

    Raises
    ------
    NothingToDraw
        When the results are not of transplantations, or hold no courses.
    """
    panels = [Panel(title, (f"chimerism.{name}",), -3.0, 103.0, factor=100.0) for name, title in LINEAGES.items()]
    if _has_second_unit(results):
        panels.append(SECOND)
    figure, shown = draw_multiples(results, figure, panels, columns=4)
    sign(figure, TITLE, [KEY_OF_BANDS, provenance_line(results)])
    return Drawing(figure, shown, TITLE, f"{TITLE} by lineage and arm. {KEY_OF_BANDS}")


def _has_second_unit(results: ResultsView) -> bool:
    name = SECOND.courses[0]
    if name not in results.course_names():
        return False
    return any(bool(np.nanmax(course_of(results, p.index, name)[1], initial=0.0) > 0.0) for p in results.points)
