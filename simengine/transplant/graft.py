"""The graft: doses, processing, and how many of its cells reach a place where they can act."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import simengine.transplant.state as s
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial
from simengine.patients.draws import Dice
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario

__all__ = ["CD3_PER_KG", "CD34_PER_KG", "doses_of", "graft_numbers"]

CD34_PER_KG, CD3_PER_KG = "cd34_cells_per_kg", "cd3_cells_per_kg"
_HOME = purpose("graft.home")
_NK_PER_T = 0.05
"""NK cells of a graft per T cell."""
_FROZEN = ("cord_blood",)


def doses_of(scenario: Scenario, numbers: Numbers, dice: Dice) -> tuple[float, float]:
    """Return CD34 and T cells given per kg, alive and after depletion.

    EQ-INFUSION-1: given = stated (or drawn for the graft) x share that depletion keeps; of frozen grafts times the viability
    after thawing. A stated dose of CD34 cells is that of living cells before depletion.
    """
    care = scenario.transplant
    assert care is not None
    graft = care.graft
    cd34 = numbers.own("grafts", graft, CD34_PER_KG, dice) if care.cd34_cells_per_kg is None else care.cd34_cells_per_kg
    cd3 = numbers.own("grafts", graft, CD3_PER_KG, dice) if care.cd3_cells_per_kg is None else care.cd3_cells_per_kg
    if care.cd34_cells_per_kg is None and care.units == 2:
        cd34 *= 2.0
    if care.cd3_cells_per_kg is None and care.units == 2:
        cd3 *= 2.0
    is_frozen = graft in _FROZEN or scenario.donor.relation == "autologous"
    alive = numbers("grafts", graft, "thaw_viability" if is_frozen else "viability")
    kept_34, kept_3 = (numbers("depletions", care.depletion, name) for name in ("cd34_kept", "cd3_kept"))
    return cd34 * kept_34 * (1.0 if care.cd34_cells_per_kg is not None else alive), cd3 * kept_3 * alive


def graft_numbers(
    scenario: Scenario, numbers: Numbers, dice: Dice, key: NDArray[np.uint64], out: NDArray[np.float64]
) -> tuple[float, float]:
    """Write how many cells of each kind come to act, by unit, into the patient's numbers; return the doses.

    EQ-INFUSION-2: stem, short-term and committed cells = Binomial(CD34 cells, homing x their share); of two units the first has
    a share drawn between 0.35 and 0.65.
    """
    care = scenario.transplant
    assert care is not None
    graft, mass = care.graft, out[s.MASS_KG]
    cd34, cd3 = doses_of(scenario, numbers, dice)
    first = 1.0 if care.units == 1 else 0.35 + 0.3 * dice.uniform("transplant.first_unit")
    homing = numbers("grafts", graft, "homing")
    kinds = (
        (s.PROGENITORS_DONOR, "progenitor_fraction"),
        (s.STEM_DONOR, "stem_fraction"),
        (s.SHORT_DONOR, "short_term_fraction"),
    )
    for row, name in kinds:
        chance = homing * numbers("grafts", graft, name)
        for unit, share in enumerate((first, 1.0 - first)):
            n = int(cd34 * mass * share)
            out[row + unit] = binomial(key, np.uint64(row + unit), 0, _HOME, 0, n, chance)
    out[s.T_DONOR], out[s.T_SECOND] = int(cd3 * mass * first), int(cd3 * mass * (1.0 - first))
    out[s.NK_DONOR] = int(_NK_PER_T * cd3 * mass / max(1e-12, numbers("depletions", care.depletion, "cd3_kept")))
    out[s.NK_DONOR] *= numbers("depletions", care.depletion, "nk_kept")
    out[s.GROWTH_OF_GRAFT] = numbers("grafts", graft, "progenitor_growth")
    out[s.T_POTENCY] = numbers("grafts", graft, "t_alloreactivity")
    out[s.CHRONIC_POTENCY] = numbers("grafts", graft, "chronic_potency")
    return cd34, cd3
