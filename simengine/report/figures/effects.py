"""What an arm changes: differences from the first arm, patient by patient with the same random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.estimates import Estimate, unit_note
from simengine.report.rainclouds import KEY, Row, draw_rows, scale_of_rows
from simengine.report.results_view import NothingToDraw, ResultsView, provenance_line, quantity_of, usable_rows
from simengine.report.style import name_axes, sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame


def draw(results: ResultsView, figure: Figure | SubFigure | None = None, *, outcome: str) -> Drawing:
    """Draw the differences of an outcome between each arm and the first, one dot a pair of runs.

    Two arms meet the same patients with the same random numbers; the differences within pairs show an effect that the
    spread between patients hides in the distributions of the arms. The numbers are those of ``results.contrasts()``.

    Parameters
    ----------
    outcome : a numeric column of the table.

    Raises
    ------
    NothingToDraw
        When there is no such column, a single arm, or no pair of runs that both have a value.
    """
    if outcome not in results.table:
        raise NothingToDraw(f"the results have no outcome {outcome!r}")
    if len(results.points) < 2:
        raise NothingToDraw("a single arm has no other to be compared with")
    first = results.points[0]
    pairs = _pairs(results, outcome)
    estimates = _estimates(results, outcome)
    if pairs.empty:
        raise NothingToDraw(f"no run has a value of {outcome!r} both in {first.label!r} and in another arm")
    clouds = [
        Row(place, point.label, pairs.loc[pairs["point"] == point.index, "difference"].to_numpy(), estimates[point.index])
        for place, point in enumerate(results.points)
        if place
    ]
    figure, axes = draw_rows(figure, clouds, scale_of_rows(clouds, "linear", include_zero=True))
    quantity = quantity_of(results, outcome)
    name_axes(axes, x=f"Difference in {quantity.axis_label[:1].lower()}{quantity.axis_label[1:]}")
    title = f"{quantity.title}: difference from \u201c{first.label}\u201d"
    note = unit_note(list(estimates.values()))
    key = f"{KEY} Dots: pairs of runs, the same patient with the same random numbers. {note}".strip()
    sign(figure, title, [key, provenance_line(results)])
    return Drawing(figure, pairs, title, f"{title}. {quantity.sentence} {key}".replace("  ", " "))


def _estimates(results: ResultsView, outcome: str) -> dict[int, Estimate]:
    """Mean paired difference of each arm but the first, by point; an arm without a pair has ``n = 0``."""
    from simengine.studies.statistics import contrasts

    present = sorted(results.table["point"].unique())
    rows = contrasts(results.table, [outcome]).to_dict("records") if present[:1] == [results.points[0].index] else []
    fields = ("units", "mean", "low", "high", "mcse", "unit")
    found = {point: Estimate(n=row["pairs"], **{f: row[f] for f in fields}) for point, row in zip(present[1:], rows)}
    return {point.index: found.get(point.index, Estimate()) for point in results.points[1:]}


def _pairs(results: ResultsView, outcome: str) -> DataFrame:
    """One row a pair: the arm, the patient and replicate, the value in both arms, their difference, the arm's numbers."""
    import pandas as pd

    rows = usable_rows(results).dropna(subset=[outcome])
    keys = ["patient", "replicate"]
    first = rows.loc[rows["point"] == results.points[0].index, [*keys, outcome]]
    estimates = _estimates(results, outcome)
    parts = []
    for point in results.points[1:]:
        own = rows.loc[rows["point"] == point.index, [*keys, outcome]]
        both = own.merge(first, on=keys, suffixes=("", "_first"))
        both["difference"] = (both[outcome] - both[f"{outcome}_first"]).astype(np.float64)
        both.insert(0, "point", point.index)
        both.insert(1, "arm", point.label)
        estimate = estimates[point.index]
        parts.append(both.assign(n=estimate.n, mean=estimate.mean, low95=estimate.low, high95=estimate.high))
    return pd.concat(parts, ignore_index=True)
