"""From a scenario, the catalogue and a key to the patient on the first day of conditioning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import simengine.transplant.state as s
from simengine.catalog import Catalog, load_catalog
from simengine.foundation.math import log
from simengine.foundation.random import make_key
from simengine.patients.draws import Dice
from simengine.patients.matching import Pair, pair_of
from simengine.patients.modifiers import numbers_of
from simengine.patients.numbers import Numbers
from simengine.patients.population import as_met, drawn_traits
from simengine.patients.traits import weight_kg
from simengine.scenario import Scenario
from simengine.transplant.graft import graft_numbers
from simengine.transplant.registry import PARAMETERS
from simengine.transplant.schedule import blocks_of, hits_of, steps_of
from simengine.transplant.state import Patient
from simengine.transplant.step import COLUMNS, SWITCHES

__all__ = ["Built", "build"]

_SAME_BODY = ("autologous", "identical_twin")
_ORGAN_WEIGHTS = {s.WEIGHT_SKIN: "skin_weight", s.WEIGHT_GUT: "gut_weight", s.WEIGHT_LIVER: "liver_weight"}


@dataclass
class Built:
    """A patient on the first day, the pair, CD34 and T cells given per kg, and what was drawn: `traits` by a population."""

    patient: Patient
    pair: Pair
    doses: tuple[float, float]
    traits: Mapping[str, float]


def build(scenario: Scenario, seed: int, patient: int, replicate: int, catalog: Catalog | None = None) -> Built:
    """Return the patient of one run on the first day of conditioning.

    Parameters
    ----------
    scenario : Scenario
        With a section ``[transplant]``, fully resolved and checked.
    seed, patient, replicate : int
        The address of the run: with the scenario they fix every bit of the result.
    """
    catalog = catalog or load_catalog()
    traits = drawn_traits(scenario, seed, patient, catalog)
    scenario = as_met(scenario, traits, catalog)
    numbers = numbers_of(scenario, catalog, (seed, patient, replicate))
    dice = Dice(scenario.patient.vary, seed, patient, replicate)
    pair = pair_of(scenario, numbers, dice)
    steps = steps_of(scenario, catalog)
    key = make_key(seed, patient, replicate)
    number = _numbers(scenario, numbers, dice, pair, weight_kg(scenario.patient, catalog))
    doses = graft_numbers(scenario, numbers, dice, key, number)
    n_records = int(steps.start_day[-1] + steps.days[-1] - steps.start_day[0]) + 2
    world = Patient(
        cells=np.zeros((s.N_POOLS, s.N_ORIGINS), np.int64),
        clone=np.zeros((2, s.N_CLONE), np.int64),
        tumour=np.array([int(number[s.TUMOUR_CELLS])], np.int64),
        level=np.zeros(s.N_LEVEL),
        left=np.array([-float(log(dice.run_uniform(f"transplant.clock_{i}"))) for i in range(s.N_LEFT)]),
        day_of=np.full(len(s.EVENTS), np.nan),
        number=number,
        par=parameters(numbers, dice),
        enabled=np.array([int(scenario.mechanisms.get(name, True)) for name in SWITCHES], np.int64),
        start_day=steps.start_day,
        days=steps.days,
        tick=steps.tick,
        hit=hits_of(scenario, numbers, dice, steps),
        block=blocks_of(scenario, numbers, dice, steps),
        flow=np.zeros(s.N_MARROWS),
        record=np.zeros((n_records, len(COLUMNS))),
        key=key,
    )
    _fill_host(world, numbers, pair)
    return Built(world, pair, doses, traits)


_OWN = (
    ("haematopoiesis", "progenitor_growth_per_day"),
    ("haematopoiesis", "megakaryocyte_growth"),
    ("haematopoiesis", "neutrophil_transit_days"),
    ("haematopoiesis", "platelet_transit_days"),
    ("graft_versus_host", "alloreactivity"),
)
"""Numbers of the mechanisms that differ from patient to patient."""


def parameters(numbers: Numbers, dice: Dice) -> NDArray[np.float64]:
    """Return the parameters of all mechanisms in register order, float64[n]."""
    out = []
    for row in PARAMETERS.rows:
        entry, name = row.name.split(".", 1)
        own = (entry, name) in _OWN
        out.append(numbers.own("transplantation", entry, name, dice) if own else numbers("transplantation", entry, name))
    return np.array(out)


def _foreign(numbers: Numbers, mechanism: str, class_1: float, class_2: float, minor: float, dpb1: bool) -> float:
    """Return how foreign one side is to the other's T cells.

    EQ-FOREIGN-1: class I weight x share of class I alleles that differ + class II weight x share at DRB1 + minor weight x
    load of minor antigens + DPB1 weight if DPB1 is not permissive in this direction.
    """
    weigh = ("class_1_weight", "class_2_weight", "minor_weight", "dpb1_weight")
    return sum(
        numbers("transplantation", mechanism, name) * x
        for name, x in zip(weigh, (class_1, class_2, minor, float(dpb1)), strict=True)
    )


def _numbers(scenario: Scenario, numbers: Numbers, dice: Dice, pair: Pair, mass_kg: float) -> NDArray[np.float64]:
    """Return what is fixed for the patient: recognition in both directions, disease, treatment, dispositions."""
    care, out = scenario.transplant, np.zeros(s.N_NUMBER)
    assert care is not None
    disease, foreign = care.disease, scenario.donor.relation not in _SAME_BODY
    out[s.MASS_KG], out[s.ALLOGENEIC] = mass_kg, float(foreign)
    if foreign:
        way = "non-permissive "
        out[s.FOREIGN_HVG] = _foreign(
            numbers, "host_versus_graft", pair.class_1, pair.class_2, pair.minor, pair.dpb1 == f"{way}HvG"
        )
        back = pair.gvh
        out[s.FOREIGN_GVH] = _foreign(
            numbers, "graft_versus_host", back.class_1, back.class_2, back.minor, pair.dpb1 == f"{way}GvH"
        )
        out[s.MISSING_SELF_HVG], out[s.MISSING_SELF_GVH] = pair.missing_self, back.missing_self
        out[s.MAJOR_ABO] = float("major" in pair.blood_group or "bidirectional" in pair.blood_group)
    scale = mass_kg / 70.0
    doubling = numbers.own("diseases", disease, "doubling_days", dice)
    out[s.TUMOUR_CELLS] = numbers.own("diseases", disease, "residual_cells", dice) * scale
    out[s.TUMOUR_GROWTH_PER_DAY] = float(log(2.0)) / doubling
    out[s.TUMOUR_KILL] = numbers("diseases", disease, "tumour_kill_by_graft")
    out[s.RELAPSE_CELLS] = numbers("diseases", disease, "relapse_cells") * scale
    out[s.RELAPSE_DEATH_PER_DAY] = numbers("diseases", disease, "death_after_relapse_per_day")
    out[s.NICHES] = round(
        numbers("transplantation", "haematopoiesis", "niches_per_kg") * mass_kg * _of(numbers, disease, "niche_share")
    )
    out[s.HOST_IMMUNITY] = _of(numbers, disease, "host_immunity") * scenario.patient.immune_strength
    out[s.HOST_MARROW] = _of(numbers, disease, "host_marrow")
    chance = _of(numbers, disease, "sensitisation")
    out[s.SENSITISED] = float(scenario.patient.sensitised or dice.uniform("transplant.sensitised") < chance)
    out[s.GROWTH_FACTOR] = float(care.growth_factor)
    for row, name in _ORGAN_WEIGHTS.items():
        out[row] = numbers.own("transplantation", "graft_versus_host", name, dice)
    out[s.STEROID_RESPONSE] = numbers.own("transplantation", "treatment", "steroid_response", dice)
    out[s.STROMAL_RESPONSE] = numbers.own("transplantation", "treatment", "stromal_response", dice)
    out[s.SEVERITY_OF_CHRONIC] = dice.run_uniform("transplant.severity_of_chronic")
    _second_line(care.second_line, numbers, out)
    return out


def _of(numbers: Numbers, disease: str, name: str) -> float:
    return numbers("diseases", disease, name)


_USUAL_STROMAL_DOSE = 2e6
"""Cells per kg that one unit of stromal effect stands for."""


def _second_line(regimen: str, numbers: Numbers, out: NDArray[np.float64]) -> None:
    """Write the doses of the second line; none where the regimen states none."""
    if numbers.has("regimens", regimen, "doses"):
        out[s.SECOND_LINE_DOSES] = numbers("regimens", regimen, "doses")
        out[s.SECOND_LINE_INTERVAL_DAYS] = numbers("regimens", regimen, "interval_days")
        out[s.SECOND_LINE_DOSE] = numbers("regimens", regimen, "cells_per_kg") / _USUAL_STROMAL_DOSE


def _fill_host(patient: Patient, numbers: Numbers, pair: Pair) -> None:
    """Fill marrow, blood and lymphocytes of the host near their steady state, and start levels and clocks.

    EQ-HOST-1: stem cells = niches x host marrow; every pool of marrow and blood stands at production x mean time, production
    at 0.7 of the room that these stem cells keep up; lymphocytes = normal x immunity of the host.
    """

    def of(mechanism: str, name: str) -> float:
        return numbers("transplantation", mechanism, name)

    cells, number, mass = patient.cells, patient.number, patient.number[s.MASS_KG]
    stem = np.floor(number[s.NICHES] * min(1.0, number[s.HOST_MARROW]))
    cells[s.STEM, s.HOST] = int(stem)
    cells[s.MULTIPOTENT, s.HOST] = int(
        stem * of("haematopoiesis", "stem_output_per_day") * of("haematopoiesis", "multipotent_days")
    )
    support = stem / mass / (stem / mass + of("haematopoiesis", "support_half_per_kg"))
    progenitors = 0.7 * of("haematopoiesis", "progenitors_per_kg") * mass * support
    names = (("neutrophil", "neutrophils"), ("platelet", "platelets"), ("red_cell", "red_cells"))
    for line, (one, many) in enumerate(names):
        row = s.FIRST_PROGENITOR + line * s.N_LINE
        made = progenitors * of("haematopoiesis", "maturing_per_day") * of("haematopoiesis", f"{many}_per_progenitor")
        cells[row, s.HOST] = int(progenitors)
        cells[row + 1 : row + 1 + s.N_STAGES, s.HOST] = int(made * of("haematopoiesis", f"{one}_transit_days") / s.N_STAGES)
        cells[row + s.N_LINE - 1, s.HOST] = int(made * of("haematopoiesis", f"{one}_life_days"))
    immunity = number[s.HOST_IMMUNITY] * mass
    cells[s.T_CELLS, s.HOST] = int(immunity * of("lymphocytes", "t_cells_per_kg"))
    cells[s.B_CELLS, s.HOST] = int(immunity * of("lymphocytes", "b_cells_per_kg"))
    cells[s.NK_CELLS, s.HOST] = int(immunity * of("lymphocytes", "nk_cells_per_kg"))
    patient.level[s.HOST_APC] = 1.0
    patient.level[s.ISOAGGLUTININ] = 1.0
    is_foreign = pair.class_1 + pair.class_2 > 0.0 or pair.dpb1 == "non-permissive HvG"
    patient.level[s.DONOR_ANTIBODY] = float(number[s.SENSITISED] > 0.0 and is_foreign)
