"""The ledger: where every product cell is or how it ended, at every recorded time, in real cells of the whole patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.state.course import Course

__all__ = ["LedgerDoesNotClose", "close_ledger", "scale_of"]

CLOSES_TO = 1e-9
"""Largest gap between dose + births and fates + living, as a fraction of the dose."""


class LedgerDoesNotClose(ArithmeticError):
    """Product cells were lost or made without a fate: an error of the program, never a result."""


def scale_of(course: Course, patch: str) -> float:
    """Return how many real cells of the patient stand behind one real cell of a patch at tick 0: V_zone / V_patch.

    What is counted in the course (deaths, births) is kept at this scale; what lives now is worth `growth` times as much.
    """
    return float(course[f"{patch}.zone_mm3"][0] / course[f"{patch}.volume_mm3"][0])


def close_ledger(course: Course) -> dict[str, NDArray[np.float64]]:
    """Return ``fate.*`` (cumulative), ``living.*`` and ``births``, float64[S] each, and check that they add up.

    Notes
    -----
    EQ-LEDGER-1: sum of fates + sum of living = given + births, within 1e-9, patches scaled by V_zone / V_patch of tick 0,
    the living by their growth as well.

    Raises
    ------
    LedgerDoesNotClose
        If at any time fates and living differ from dose plus births by more than a rounding error.
    """
    ledger: dict[str, NDArray[np.float64]] = {f"fate.{fate}": course[f"body.{fate}"] for fate in course.fates}
    n_events = len(course.event_names)
    for event in course.event_names[: n_events - 2]:
        ended = _in_patches(course, [f"lost.{event}.{kind}" for kind in course.product_types])
        if np.any(ended > 0.0) or not event.startswith("unused"):
            ledger[f"fate.{event}"] = ended
    for compartment in course.compartments:
        if compartment != "target" or not course.patches:
            ledger[f"living.{compartment}"] = course[f"body.{compartment}"]
    for kind in course.product_types:
        ledger[f"living.target_{kind}"] = _in_patches(course, [f"cells.{kind}"], now=True)
    ledger["living.pending"] = _in_patches(course, ["pending"], now=True)
    ledger["births"] = _in_patches(course, ["births"])
    _check(course, ledger)
    return ledger


def _in_patches(course: Course, names: list[str], now: bool = False) -> NDArray[np.float64]:
    """Return the sum of columns over the patches, in real cells of the patient; ``now`` for what lives at that time."""
    out = np.zeros(len(course.hours))
    for patch in course.patches:
        counted = course.total([f"{patch}.{name}" for name in names]) * scale_of(course, patch)
        out = out + (counted * course[f"{patch}.growth"] if now else counted)
    return out


def _check(course: Course, ledger: dict[str, NDArray[np.float64]]) -> None:
    ends = np.zeros(len(course.hours))
    for name, series in ledger.items():
        if name != "births":
            ends = ends + series
    came = course["given"] + ledger["births"]
    gap = np.abs(ends - came)
    allowed = CLOSES_TO * np.maximum(came, 1.0)
    if np.any(gap > allowed):
        worst = int(np.argmax(gap - allowed))
        raise LedgerDoesNotClose(
            f"at {course.hours[worst]:g} h fates and living are {ends[worst]:.6f} cells, dose and births {came[worst]:.6f}"
        )
