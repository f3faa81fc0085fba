"""An outcome by arm as a raincloud: density, box, every run, and the mean with its 95 % interval in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.estimates import Estimate, estimate_means, is_yes_or_no, unit_note
from simengine.report.rainclouds import KEY, Row, draw_rows, scale_of_rows
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of, usable_rows
from simengine.report.scales import Scale, Wanted
from simengine.report.style import name_axes, sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

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
    quantity, is_proportion = quantity_of(results, outcome), is_yes_or_no(results, outcome)
    arms = [rows[rows["point"] == point.index].dropna(subset=[outcome]) for point in results.points]
    estimates = estimate_means(results, outcome)
    clouds = [
        Row(place, point.label, arm[outcome].to_numpy(dtype=np.float64), estimate)
        for place, (point, arm, estimate) in enumerate(zip(results.points, arms, estimates))
    ]
    if is_proportion:
        figure, axes = draw_rows(figure, clouds, Scale("linear", -0.02, 1.02), mean="share", has_clouds=False)
    else:
        axis = scale_of_rows(clouds, scale, include_zero="change" in outcome)
        figure, axes = draw_rows(figure, clouds, axis)
    name_axes(axes, x="Share of runs" if is_proportion else quantity.axis_label)
    key = f"{KEY_YES_NO if is_proportion else KEY + ' Dots: runs.'} {unit_note(estimates)}".strip()
    sign(figure, quantity.title, [key, provenance_line(results)])
    caption = f"{quantity.axis_label} by arm. {quantity.sentence} {key}"
    return Drawing(figure, _shown(results, arms, estimates, outcome), quantity.title, " ".join(caption.split()))


def _shown(results: ResultsView, arms: list[DataFrame], estimates: list[Estimate], outcome: str) -> DataFrame:
    """One row a run with a value, and one empty row for an arm without any; the arm's numbers beside each."""
    import pandas as pd

    parts = []
    for point, arm, estimate in zip(results.points, arms, estimates):
        known = arm[["patient", "replicate", outcome]].astype({"patient": "Int64", "replicate": "Int64", outcome: "float64"})
        if known.empty:
            known = pd.DataFrame({"patient": [pd.NA], "replicate": [pd.NA], outcome: [np.nan]})
            known = known.astype({"patient": "Int64", "replicate": "Int64", outcome: "float64"})
        known.insert(0, "point", point.index)
        known.insert(1, "arm", point.label)
        parts.append(known.assign(n=estimate.n, mean=estimate.mean, low95=estimate.low, high95=estimate.high))
    return pd.concat(parts, ignore_index=True)
