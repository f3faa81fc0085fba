"""Patients of some twenty agents in whom everything happens at once, for comparing ways of computing them.

As a program, ``python -m tests.verification.relations.busy N``, it prints one digest a patient.
"""

from __future__ import annotations

import sys

from simengine.catalog import Catalog
from simengine.catalog.records import Entry
from simengine.engine import simulate
from simengine.mechanisms import MECHANISMS
from simengine.scenario import Scenario, loads
from simengine.state.course import Course
from tests.verification.relations.patients import catalog, digest

STEPS = 50
"""Motion steps of 6 min: five hours."""

TEXT = f"""
name = "busy"
run = {{ duration_days = {STEPS * 6 / 1440}, record_every_h = 1.0 }}
patch.shape = [5, 5, 1]
product.name = "ipsc_cm"
donor.match = "0/8"
patient.sensitised = true
delivery = [{{ route = "intramyocardial", dose_cells = 100000000, n_sites = 1, volume_ml_per_site = 0.2, duration_min = 6.0 }}]
drug = [{{ name = "tacrolimus", target_trough_ng_per_ml = 2.0 }}]
[[rule]]
id = "licensed"
kind = "product"
signal = "tnf"
behaviour = "licensing_per_h"
limit = 1.0
half = 0.1
additive = true
source = "test"
[[rule]]
id = "felt"
kind = "product"
signal = "activation"
behaviour = "apoptosis_per_h"
limit = 5.0
half = 0.1
source = "test"
"""

NUMBERS = {
    "density_per_mm3": 6000.0,
    "recruitment_per_mm3_per_h": 3000.0,
    "complement_lysis_per_h": 0.3,
    "engaging_per_h": 1000.0,
    "division_per_h": 0.1,
    "transition_per_h": 0.1,
    "apoptosis_per_h": 0.02,
    "ischaemic_death_per_h": 2.0,
    "stage_fraction.residual": 0.3,
    "stage_fraction.progenitor": 0.3,
    "stage_fraction.immature": 0.4,
    "class_2_expression": 0.5,
    "waking_per_h": 1.0,
    "first_division_h": 1.0,
    "cd8_cycle_h": 0.1,
    "cd4_cycle_h": 0.1,
    "loaded_half_cells": 10.0,
    "infection_per_h": 0.1,
    "packing_limit": 0.03,
}
"""Rates at which five hours are enough for everything to happen."""


def _faster(entry: Entry, name: str, value: float) -> float:
    if name == "resting.behaviours.class_2_expression":
        return value
    return NUMBERS.get(name.split("behaviours.")[-1], value)


def busy_catalog() -> Catalog:
    """Return the catalogue in which everything happens within hours."""
    return catalog(_faster)


def busy_scenario(without: str = "") -> Scenario:
    """Return the scenario, with one mechanism switched off or none."""
    off = {f"mechanisms.{without}": False} if without in MECHANISMS else {}
    return loads(TEXT, overrides=off).points[0].scenario


def busy_courses(n: int, without: str = "") -> list[Course]:
    """Return the courses of patients 0 to n - 1."""
    asked, known = busy_scenario(without), busy_catalog()
    return [simulate(asked, 1, patient, 0, catalog=known) for patient in range(n)]


if __name__ == "__main__":
    for course in busy_courses(int(sys.argv[1])):
        print(digest(course), flush=True)
