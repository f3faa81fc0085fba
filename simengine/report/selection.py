"""Which figures a study calls for, drawn one after another; each either comes with its data or says why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from math import prod

from simengine.report.drawing import Drawing
from simengine.report.figures import (
    blood,
    calibration,
    chimerism,
    courses,
    effects,
    gvhd,
    heatmap,
    incidence,
    ledger,
    outcomes,
    patch,
    patient,
    spread,
    survival,
)
from simengine.report.headline import headline_outcomes
from simengine.report.questions import is_transplant
from simengine.report.results_view import NothingToDraw, ResultsView, swept_levels
from simengine.report.scales import Wanted


def plan_figures(results: ResultsView) -> dict[str, Callable[[], Drawing]]:
    """File names and what draws them, in the order of a report: of cells in tissue, or of blood-stem-cell transplantations."""
    return _of_transplants(results) if is_transplant(results) else _of_tissue(results)


def _of_transplants(results: ResultsView) -> dict[str, Callable[[], Drawing]]:
    headline = headline_outcomes(results)
    figures: dict[str, Callable[[], Drawing]] = {"survival": partial(survival.draw, results)}
    for of in ("outcome", "grfs", "engraftment", "gvhd"):
        figures[f"incidence_{of}"] = partial(incidence.draw, results, of=of)
    figures["blood"] = partial(blood.draw, results)
    figures["chimerism"] = partial(chimerism.draw, results)
    figures["gvhd"] = partial(gvhd.draw, results)
    figures["gvhd_over_time"] = partial(gvhd.draw, results, of="time")
    figures["patient"] = partial(patient.draw, results)
    for name in headline:
        figures[f"outcome_{name}"] = partial(outcomes.draw, results, outcome=name)
    if results.table["replicate"].nunique() > 1:
        figures["spread"] = partial(spread.draw, results)
    if (results.path / calibration.FILE).is_file():
        figures["calibration"] = partial(calibration.draw, results)
    for ending, where in _facets_of_maps(results):
        for name in [n for n in ("survived", "acute_gvhd_2_4") if n in headline]:
            figures[f"heatmap_{name}{ending}"] = partial(heatmap.draw, results, outcome=name, where=where)
    return figures


def _of_tissue(results: ResultsView) -> dict[str, Callable[[], Drawing]]:
    headline = headline_outcomes(results)
    names = sorted(results.course_names())
    immune = [name for name in names if name.startswith("immune.cd8")][:1]
    wanted = [*immune, *(name for name in names if name in ("lvef_percent", "motor_score"))]
    if any(name.startswith("living.") for name in names):
        wanted.insert(0, "living.*")
    figures: dict[str, Callable[[], Drawing]] = {}
    for name in headline:
        figures[f"outcome_{name}"] = partial(outcomes.draw, results, outcome=name)
    for name in [n for n in headline if "change" in n]:
        figures[f"effect_{name}"] = partial(effects.draw, results, outcome=name)
    figures["survival"] = partial(survival.draw, results)
    figures["incidence"] = partial(incidence.draw, results)
    if "replicate" in results.table and results.table["replicate"].nunique() > 1:
        figures["spread"] = partial(spread.draw, results)
    figures["ledger"] = partial(ledger.draw, results)
    figures["patch"] = partial(patch.draw, results)
    maps = [n for n in ("retained_living_30d", "lvef_change_points") if n in headline] or headline[:1]
    for ending, where in _facets_of_maps(results):
        for name in maps:
            figures[f"heatmap_{name}{ending}"] = partial(heatmap.draw, results, outcome=name, where=where)
    for name in wanted:
        file_name = name.removesuffix(".*").replace(".", "_")
        scale: Wanted = "auto" if name == "living.*" else "linear"
        figures[f"course_{file_name}"] = partial(courses.draw, results, course=name, scale=scale)
    return figures


def _facets_of_maps(results: ResultsView) -> list[tuple[str, dict[str, str]]]:
    """Endings of file names and levels held fixed, one a heat map: one map of two swept paths, one a level of a third.

    None where arms were named one by one, so that a map would be mostly holes.
    """
    levels = swept_levels(results)
    n_combinations = prod(len(of_path) for of_path in levels.values())
    places = [tuple(str(point.values.get(path)) for path in levels) for point in results.points]
    is_grid = len(places) == len(set(places)) >= heatmap.FEWEST_FILLED * n_combinations
    if len(levels) not in (2, 3) or not is_grid:
        return []
    if len(levels) == 2:
        return [("", {})]
    third = next((path for path in levels if path.endswith("route")), min(levels, key=lambda path: len(levels[path])))
    return [("_" + re.sub(r"[^\w.]+", "-", level), {third: level}) for level in levels[third]]


def draw_each(results: ResultsView) -> Iterator[tuple[str, Drawing | NothingToDraw]]:
    """Draw every figure of the plan in turn: its name, and the drawing or the reason why there is none."""
    for name, draw in plan_figures(results).items():
        try:
            yield name, draw()
        except NothingToDraw as reason:
            yield name, reason
