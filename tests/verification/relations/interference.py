"""What must change nobody else: cells that cannot touch, doses that nobody feels, mechanisms without strength."""

from __future__ import annotations

from functools import cache

import numpy as np

from simengine.catalog import Catalog
from simengine.catalog.records import Entry
from simengine.state.course import Course
from tests.verification.relations.patients import catalog, differing

QUIET = {
    "mechanisms__secretion": False,
    "mechanisms__cytotoxicity": False,
    "mechanisms__antibody": False,
    "mechanisms__priming": False,
    "mechanisms__motility": False,
    "mechanisms__phagocytosis": False,
    "mechanisms__ischaemia": False,
    "mechanisms__exposure": False,
    "mechanisms__growth": False,
}
"""A sub-model in which no cell can touch, poison or feed another."""


def at_common_hours(first: Course, second: Course) -> list[str]:
    """Return the columns in which two courses differ at the hours that both recorded, and whether tallies agree."""
    a, b = np.isin(first.hours, second.hours), np.isin(second.hours, first.hours)
    assert np.sum(a) > 3
    found = [name for name in first.columns if first[name][a].tobytes() != second[name][b].tobytes()]
    return found + ([] if first.tally.tobytes() == second.tally.tobytes() else ["tally"])


def fates(course: Course) -> dict[int, list[tuple[float, int]]]:
    """Return when and of what each product cell died or divided: identity and ordinal -> hour and event."""
    found: dict[int, list[tuple[float, int]]] = {}
    for uid, hour, event in zip(course.events["uid"], course.events["hour"], course.events["event"]):
        found.setdefault(int(uid), []).append((float(hour), int(event)))
    return found


@cache
def dividing() -> Catalog:
    """Return the catalogue in which all product cells divide every two days, in any crowd."""
    return catalog(
        lambda entry, name, value: 0.02 if name.endswith("behaviours.division_per_h") else value,
        lambda rule: rule["signal"] not in ("crowding", "apoptotic"),
    )


@cache
def mute() -> Catalog:
    """Return the catalogue in which product cells give nothing, take nothing, and leave no trace when they die."""
    return catalog(
        lambda entry, name, value: 0.0 if entry.kind == "lineages" and (".secretion." in name or ".uptake." in name) else value,
        lambda rule: rule["signal"] != "apoptotic",
    )


ZERO = {
    "antibody": ("complement_lysis_per_h", "response_per_h", "made_per_h", "titre_of_sensitised"),
    "apoptosis": ("apoptosis_per_h", "fragile_death_per_h"),
    "cytotoxicity": ("engaging_per_h", "class_1_expression", "class_2_expression"),
    "delivery": ("viability",),
    "differentiation": ("transition_per_h",),
    "exposure": (),
    "growth": (),
    "homing": ("recruitment_per_mm3_per_h", "egress_per_h", "effector_drain_per_h"),
    "ischaemia": ("ischaemic_death_per_h",),
    "licensing": ("licensing_per_h", "unlicensing_per_h"),
    "motility": ("speed_um_per_min", "repulsion_um_per_min", "adhesion_um_per_min"),
    "pharmacokinetics": ("largest_", "depletion_per_h", "dividing_death_per_h", "infection_rise", "organ_damage_per_h"),
    "phagocytosis": ("eating_per_h",),
    "polarisation": ("to_m2_per_h", "to_m1_per_h"),
    "priming": ("loaded_per_cell", "waking_per_h"),
    "proliferation": ("division_per_h",),
    "safety": ("arrhythmia_of_1e8_per_h", "infection_per_h", "embolism_of_1e6_per_h", "thrombosis_of_dose_per_h"),
    "secretion": ("secretion.", "uptake."),
    "tissue_repair": ("salvage", "necrosis", "fibrosis", "regrowth", "angiogenesis", "vessel_loss", "debris_cl", "neutrophil_"),
    "trafficking": ("lodge_per_h", "wash_per_h", "leak_per_h"),
}
"""What makes each mechanism idle: the numbers, by the beginning of their names, that are set to zero."""

UNHEARD = {"exposure": "apoptotic_exposure"}
"""Signals that rules must not read where a mechanism is idle."""
BEYOND = {"growth": "packing_limit"}
"""Limits that are out of reach where a mechanism is idle."""

BOOKS = {
    "safety": ("solute.organ_damage_left",),
    "exposure": ("solute.apoptotic_exposure",),
    "delivery": ("given", "body.lost_at_delivery"),
    "homing": ("recruitment",),
    "pharmacokinetics": ("level.", "exposure."),
    "cytotoxicity": ("shown_",),
    "trafficking": ("body.depot_",),
}
"""Columns that only book what an idle mechanism still counts."""

PRODUCT = {"licensing": "bm_msc"}
"""Whose cells the mechanism acts on, where cardiomyocytes are not among them."""


@cache
def idle(mechanism: str) -> Catalog:
    """Return the catalogue in which a mechanism has no strength."""
    zeros = ZERO[mechanism]

    def number(entry: Entry, name: str, value: float) -> float:
        if name == BEYOND.get(mechanism):
            return 1e9
        return 0.0 if entry.kind != "sites" and any(f".{zero}" in f".{name}" for zero in zeros) else value

    heard = UNHEARD.get(mechanism)
    return catalog(number, lambda rule: not str(rule["behaviour"]).startswith(zeros) and rule["signal"] != heard)


def beside_the_books(mechanism: str, off: Course, weak: Course) -> list[str]:
    """Return what differs between a mechanism switched off and one without strength, its own book-keeping aside."""
    books = BOOKS.get(mechanism, ())
    columns = [name for name in off.columns if not name.startswith(books) and not name.split(".", 1)[-1].startswith(books)]
    assert len(columns) > 0.9 * len(off.columns)
    found = [name for name in differing(off, weak, columns) if name != "tally"]
    return found + ([] if weak.tally[:2].tobytes() == off.tally[:2].tobytes() else ["tally"])
