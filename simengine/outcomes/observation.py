"""What a laboratory would see: living cells, donor DNA, luciferase and radiolabel are four different things."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.math import exp
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.state.course import Course

__all__ = ["observe"]

_LN2 = math.log(2.0)
_ELSEWHERE = (
    ("living.liver", "living.spleen", "living.bone_marrow", "living.rest"),
    ("fate.cleared_liver", "fate.cleared_spleen", "fate.died_elsewhere"),
)
"""The living in organs other than lung and target, and the fates of those that died there."""


def _decay(rate: float, hours: float) -> float:
    return float(exp(-rate * hours))


def _remains(
    living: NDArray[np.float64], died: NDArray[np.float64], hours: NDArray[np.float64], rate: float
) -> NDArray[np.float64]:
    """Return what is left of the dead: made as cells die evenly between records, lost at ``rate`` per h (EQ-OBSERVE-1)."""
    left = np.zeros(len(hours))
    for n in range(1, len(hours)):
        step = hours[n] - hours[n - 1]
        kept = _decay(rate, step)
        left[n] = left[n - 1] * kept + (died[n] - died[n - 1]) * (1.0 - kept) / (rate * step)
    return living + left


def observe(
    scenario: Scenario, course: Course, ledger: dict[str, NDArray[np.float64]], numbers: Numbers
) -> dict[str, NDArray[np.float64]]:
    """Return the signals at the target, in the lung and elsewhere, each as a fraction of the dose given so far, float64[S].

    Notes
    -----
    EQ-OBSERVE-2: DNA = living + dead, the dead losing it with a half-life. Luciferase = living, silenced in time. Label =
    (living + dead remains in phagocytes) x (1 - unbound share) x elution; the unbound share is in blood and urine.
    Elsewhere is every organ but lung and target, without blood.
    """
    species = scenario.patient.species
    hours = course.hours
    given = np.maximum(course["given"], 1.0)
    target = ledger["living.target_vessels"]
    for name, series in ledger.items():
        if name.startswith(("living.target_", "living.depot_")) and name != "living.target_vessels":
            target = target + series
    if not course.patches:
        target = target + ledger["living.target"]
    died = np.zeros(len(hours))
    for event in course.event_names[:-2]:
        died = died + ledger.get(f"fate.{event}", np.zeros(len(hours)))
    died = died + ledger["fate.died_in_target"]
    dna = _LN2 / numbers("species", species, "assay.dna_half_life_h")
    eaten = _LN2 / numbers("species", species, "assay.label_clearance_half_life_h")
    bound = 1.0 - numbers("species", species, "assay.label_unbound_fraction")
    elution = numbers("species", species, "assay.label_elution_per_h")
    silencing = numbers("products", scenario.product.name, "luciferase_silencing_per_day") / 24.0
    faded = np.array([_decay(elution, h) for h in hours])
    lung, dead_lung = ledger["living.lung"], ledger["fate.lodged_died_lung"]
    elsewhere, dead_elsewhere = (sum((ledger[name] for name in names), np.zeros(len(hours))) for names in _ELSEWHERE)
    return {
        "living": target / given,
        "dna": _remains(target, died, hours, dna) / given,
        "label": _remains(target, died, hours, eaten) * bound * faded / given,
        "luciferase": target * np.array([_decay(silencing, h) for h in hours]) / given,
        "lung_living": lung / given,
        "lung_dna": _remains(lung, dead_lung, hours, dna) / given,
        "lung_label": _remains(lung, dead_lung, hours, eaten) * bound * faded / given,
        "elsewhere_living": elsewhere / given,
        "elsewhere_dna": _remains(elsewhere, dead_elsewhere, hours, dna) / given,
    }
