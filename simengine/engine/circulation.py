"""From a product, a route and a patient to the rates between the compartments of the body."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import Catalog, Entry
from simengine.engine.names import Names, has_patch
from simengine.foundation.linear import transition_matrix
from simengine.foundation.math import exp, power
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.state import body as b

__all__ = ["compartment_rates", "diameter_of", "lung_passage", "passage_of", "transition_matrices"]

Routes = Mapping[str, Entry]

_REFERENCE_UM = 7.5
"""Diameter of the mononuclear cells for which retention and extraction were measured, µm."""
_CATHETER_PER_H = 120.0
"""Rate at which a vascular catheter empties into its vessel, per h: half a minute."""
_LN2 = 0.6931471805599453


def lung_passage(diameter_um: float, adhesion: float, half_um: float, steepness: float) -> float:
    """Return the chance of a cell to pass the lung once (EQ-LUNG-1).

    passage = (1 - adhesion) / (1 + exp((d - d_half) / s)): large cells stick in capillaries, adhesive ones to their walls.
    """
    return (1.0 - adhesion) / (1.0 + float(exp((diameter_um - half_um) / steepness)))


def _organ_flows(
    rates: NDArray[np.float64], passage: float, larger: float, homing: float, numbers: Numbers, species: str, organ: str
) -> None:
    """Fill the flows of blood: through the lung to the arteries, and through the organs back to the veins (EQ-BODY-1).

    ``organ`` is the target's; what it, liver, spleen and marrow leave of the flow goes through the rest. The liver's flow
    holds that of the gut, which is taken off where the gut is the target.
    """

    def number(name: str) -> float:
        return numbers("species", species, name)

    minute_volume_ml_h = number("cardiac_output_l_per_min") * 60_000.0
    blood_ml = number("blood_volume_ml_per_kg") * number("body_mass_kg")
    leave_veins = minute_volume_ml_h / (blood_ml * number("venous_fraction"))
    leave_arteries = minute_volume_ml_h / (blood_ml * number("arterial_fraction"))
    rates[b.VENOUS, b.LUNG] = leave_veins * (1.0 - passage)
    rates[b.VENOUS, b.ARTERIAL] = leave_veins * passage
    to_target = number(f"flow.{organ}") if organ != "none" else 0.0
    named = {b.LIVER: number("flow.liver"), b.SPLEEN: number("flow.spleen"), b.MARROW: number("flow.marrow")}
    if organ == "gut":
        named[b.LIVER] -= to_target
    caught = 0.0
    for compartment, flow in (named | {b.REST: 1.0 - to_target - sum(named.values())}).items():
        extraction = min(1.0, number("organ_extraction") * larger)
        rates[b.ARTERIAL, compartment] = leave_arteries * flow * extraction
        caught += flow * extraction
    extraction = min(1.0, number("organ_extraction") * larger * (1.0 + homing))
    rates[b.ARTERIAL, b.TARGET_VESSELS] = leave_arteries * to_target * extraction
    rates[b.ARTERIAL, b.VENOUS] = leave_arteries * (1.0 - caught - to_target * extraction)


def _losses(rates: NDArray[np.float64], homing: float, numbers: Numbers, species: str) -> None:
    """Fill lodging, release and death in the organs (EQ-BODY-2)."""

    def number(name: str) -> float:
        return numbers("species", species, name)

    lung_death = _LN2 / number("lung_death_half_life_h")
    rates[b.LUNG, b.DIED_LUNG] = lung_death
    rates[b.LUNG, b.ARTERIAL] = number("lung_release_per_h")
    rates[b.LIVER, b.CLEARED_LIVER] = number("liver_clearance_per_h")
    rates[b.SPLEEN, b.CLEARED_SPLEEN] = number("spleen_clearance_per_h")
    rates[b.MARROW, b.DIED_ELSEWHERE] = lung_death
    rates[b.REST, b.DIED_ELSEWHERE] = lung_death
    rates[b.TARGET_VESSELS, b.TARGET] = number("homing_transmigration_per_h") * homing
    rates[b.TARGET_VESSELS, b.VENOUS] = number("target_vessel_release_per_h")
    rates[b.TARGET_VESSELS, b.DIED_ELSEWHERE] = number("target_vessel_death_per_h")


_FIRST = {"venous": b.VENOUS, "target_vessels": b.TARGET_VESSELS, "liver": b.LIVER}
"""Compartments that a vascular route may offer its cells to first."""


def _depots(
    rates: NDArray[np.float64], larger: float, scenario: Scenario, names: Names, entries: Routes, numbers: Numbers
) -> None:
    """Fill the places of administration (EQ-ROUTE-1).

    A local depot lodges (by size and clumping), washes out (by perfusion of species and site) and leaks; a catheter empties
    into its vessel, where the compartment that is met first holds its share.
    """
    washout = numbers("species", scenario.patient.species, "washout") * numbers("sites", scenario.site.name, "washout")
    clumping = numbers("products", scenario.product.name, "clumping")
    for i, route in enumerate(names.routes):
        depot, facts = b.FIRST_DEPOT + i, entries[route].facts
        if facts["kind"] == "local":
            lodge = numbers("routes", route, "lodge_per_h") * clumping
            lodge *= float(power(larger, numbers("routes", route, "retention_diameter_exponent") / 2.0))
            rates[depot, b.TARGET] = lodge
            rates[depot, b.VENOUS] = numbers("routes", route, "wash_per_h") * washout
            rates[depot, b.LOST_AT_DELIVERY] = numbers("routes", route, "leak_per_h")
        else:
            caught = min(1.0, numbers("routes", route, "first_pass_extraction") * larger)
            rates[depot, _FIRST[str(facts["first"])]] += _CATHETER_PER_H * caught
            rates[depot, b.VENOUS] += _CATHETER_PER_H * (1.0 - caught)


def diameter_of(scenario: Scenario, numbers: Numbers) -> float:
    """Return the mean diameter of the product's cells, µm: as the scenario says, else the product."""
    stated = scenario.product.diameter_um
    return numbers("products", scenario.product.name, "diameter_um") if stated is None else stated


def passage_of(scenario: Scenario, numbers: Numbers) -> float:
    """Return the chance of a product cell to pass the lung of the host once."""
    species, product = scenario.patient.species, scenario.product.name
    return lung_passage(
        diameter_of(scenario, numbers),
        numbers("products", product, "adhesion"),
        numbers("species", species, "lung_pass_half_um"),
        numbers("species", species, "lung_pass_steepness_um"),
    )


def compartment_rates(scenario: Scenario, names: Names, numbers: Numbers, catalog: Catalog) -> NDArray[np.float64]:
    """Return the rates of the product cells' way through the body, per h, float64[N, N]; the diagonal is 0."""
    species, product, site = scenario.patient.species, scenario.product.name, scenario.site.name
    relative = diameter_of(scenario, numbers) / _REFERENCE_UM
    larger = relative * relative
    homing = numbers("products", product, "cxcr4_expression") * numbers("sites", site, "cxcl12_pull")
    n = len(names.compartments)
    rates = np.zeros((n, n))
    organ = str(catalog.entry("sites", site).facts["organ"])
    _organ_flows(rates, passage_of(scenario, numbers), larger, homing, numbers, species, organ)
    _losses(rates, homing, numbers, species)
    _depots(rates, larger, scenario, names, catalog.entries["routes"], numbers)
    if not has_patch(scenario, catalog):
        rates[b.TARGET, b.DIED_TARGET] = numbers("products", product, "loss_in_target_per_h")
    return rates


def transition_matrices(rates: NDArray[np.float64], fast_h: float, slow_h: float) -> NDArray[np.float64]:
    """Return the transition probabilities over a fast and a slow step, float64[2, N, N] (EQ-TRAFFIC-2: P = exp(Q t))."""
    n = rates.shape[0]
    out, work = np.zeros((2, n, n)), np.zeros((2, n, n))
    transition_matrix(rates, fast_h, out[0], work)
    transition_matrix(rates, slow_h, out[1], work)
    return out
