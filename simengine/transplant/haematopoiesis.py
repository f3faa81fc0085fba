"""Blood: niches that host and donor compete for, progenitors, maturation, counts.

Everything is a whole number of cells; each move is a binomial or Poisson draw with an address of its own. The clock may
take steps of any length up to a day: what flows through a stage or a mature pool has the right mean for every step.
"""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp
from simengine.foundation.random import purpose
from simengine.foundation.samplers import binomial, poisson
from simengine.transplant.registry import PARAMETERS

__all__ = ["engraft", "flow", "transfuse"]

RENEWAL = PARAMETERS("haematopoiesis.stem_renewal_per_day", "1/day", "divisions of a stem cell that has free niches around it")
LEAVING = PARAMETERS("haematopoiesis.stem_leaving_per_day", "1/day", "stem cells that differentiate or die")
FADING = PARAMETERS("haematopoiesis.short_term_loss_per_day", "1/day", "loss of short-term repopulating cells")
EQUIVALENT = PARAMETERS("haematopoiesis.short_term_equivalent", "1", "output of a short-term cell over that of a stem cell")
OUTPUT = PARAMETERS("haematopoiesis.stem_output_per_day", "1/day", "multipotent progenitors that a stem cell keeps up a day")
MULTIPOTENT_DAYS = PARAMETERS("haematopoiesis.multipotent_days", "days", "mean time of a multipotent progenitor")
SUPPORT = PARAMETERS("haematopoiesis.support_half_per_kg", "1/kg", "stem-cell equivalents that keep up half of all progenitors")
PROGENITORS = PARAMETERS("haematopoiesis.progenitors_per_kg", "1/kg", "room for the progenitors of one lineage")
GROWTH = PARAMETERS(
    "haematopoiesis.progenitor_growth_per_day", "1/day", "divisions of myeloid progenitors with room around them"
)
GROWTH_MEGA = PARAMETERS("haematopoiesis.megakaryocyte_growth", "1", "the same of megakaryocyte progenitors, relative")
GROWTH_ERYTHROID = PARAMETERS("haematopoiesis.erythroid_growth", "1", "the same of erythroid progenitors, relative")
HOST_GROWTH = PARAMETERS("haematopoiesis.host_growth", "1", "growth of the host's progenitors after treatment, relative")
GRAFT_DAYS = PARAMETERS("haematopoiesis.graft_growth_days", "days", "time in which a graft comes to grow as any marrow")
MATURING = PARAMETERS("haematopoiesis.maturing_per_day", "1/day", "progenitors that begin to mature")
AMPLIFIED = PARAMETERS("haematopoiesis.neutrophils_per_progenitor", "1", "neutrophils that one maturing progenitor makes")
AMPLIFIED_MEGA = PARAMETERS("haematopoiesis.platelets_per_progenitor", "1", "platelets that one maturing progenitor makes")
AMPLIFIED_RED = PARAMETERS("haematopoiesis.red_cells_per_progenitor", "1", "red cells that one maturing progenitor makes")
TRANSIT = PARAMETERS("haematopoiesis.neutrophil_transit_days", "days", "maturation to neutrophils")
TRANSIT_MEGA = PARAMETERS("haematopoiesis.platelet_transit_days", "days", "maturation to platelets")
TRANSIT_RED = PARAMETERS("haematopoiesis.red_cell_transit_days", "days", "maturation to red cells")
LIFE = PARAMETERS("haematopoiesis.neutrophil_life_days", "days", "mean time of a neutrophil in blood")
LIFE_MEGA = PARAMETERS("haematopoiesis.platelet_life_days", "days", "mean life of a platelet")
LIFE_RED = PARAMETERS("haematopoiesis.red_cell_life_days", "days", "mean life of a red cell")
FACTOR_GROWTH = PARAMETERS("haematopoiesis.growth_factor_growth", "1", "growth of myeloid progenitors under G-CSF, relative")
FACTOR_TRANSIT = PARAMETERS("haematopoiesis.growth_factor_transit", "1", "maturation time of neutrophils under G-CSF, relative")
DRUG_SHARE = PARAMETERS("haematopoiesis.drug_death_share", "1", "death of progenitors over that of dividing T cells, by drugs")
FIXED_LOSS = PARAMETERS("haematopoiesis.platelet_fixed_loss_per_nl_per_day", "1/nL/day", "platelets used to keep vessels tight")
CONSUMED = PARAMETERS("haematopoiesis.platelet_consumption", "1", "rise of the loss of platelets with full damage of organs")
ISO_LOSS = PARAMETERS(
    "haematopoiesis.isoagglutinin_loss_per_day", "1/day", "loss of the host's antibody against donor red cells"
)
TRIGGER = PARAMETERS("haematopoiesis.transfusion_trigger_g_per_l", "g/L", "haemoglobin below which red cells are given")
UNIT = PARAMETERS("haematopoiesis.red_cells_per_unit", "cells", "red cells of one unit")
TRANSFUSED_LIFE = PARAMETERS("haematopoiesis.transfused_life_days", "days", "mean life of transfused red cells")

_HOME = purpose("haematopoiesis.home")
_RENEW = purpose("haematopoiesis.renew")
_LEAVE = purpose("haematopoiesis.leave")
_SUPPLY = purpose("haematopoiesis.supply")
_GROW = purpose("haematopoiesis.grow")
_MATURE = purpose("haematopoiesis.mature")
_DIE = purpose("haematopoiesis.die")
_ARRIVE = purpose("haematopoiesis.arrive")
_POISON = purpose("haematopoiesis.poison")
_SPLIT = purpose("haematopoiesis.split")

NEUTROPHIL_LITRES_PER_KG = 0.14
"""Volume over which neutrophils of the blood are spread, circulating and marginated alike, L/kg."""
PLATELET_LITRES_PER_KG = 0.1
"""The same of platelets, of which the spleen holds a third."""
BLOOD_LITRES_PER_KG = 0.07
GRAMS_PER_RED_CELL = 29e-12
"""Haemoglobin of one red cell, g."""
GROWTH_FACTOR_FROM_DAY = 5.0


@kernel
def engraft(patient, tick):
    """Put the cells of the graft that home into the marrow: stem cells as far as niches are free.

    Notes
    -----
    EQ-NICHE-1: of the stem cells that home, as many lodge as niches are free, shared between two units at random; those
    without a niche are lost. Short-term cells and committed progenitors need no niche; a third of the progenitors
    belongs to each lineage.
    """
    cells, number = patient.cells, patient.number
    free = np.int64(number[s.NICHES]) - cells[s.STEM, s.HOST]
    first, second = np.int64(number[s.STEM_DONOR]), np.int64(number[s.STEM_SECOND])
    lodged = max(np.int64(0), min(free, first + second))
    share = first / max(1.0, float(first + second))
    own = binomial(patient.key, np.uint64(s.STEM), tick, _HOME, 0, lodged, share)
    own = min(first, max(own, lodged - second))
    cells[s.STEM, s.DONOR] += own
    cells[s.STEM, s.SECOND] += lodged - own
    for origin in range(s.DONOR, s.SECOND + 1):
        cells[s.SHORT_TERM, origin] += np.int64(number[s.SHORT_DONOR + origin - s.DONOR])
        left = np.int64(number[s.PROGENITORS_DONOR + origin - s.DONOR])
        for line in range(3):
            row = s.FIRST_PROGENITOR + line * s.N_LINE
            part = binomial(patient.key, np.uint64(row), tick, _SPLIT, 64 * origin, left, 1.0 / (3 - line))
            cells[row, origin] += part
            left -= part


@kernel
def _advance_niches(patient, tick, days):
    """Advance the stem cells of all origins, in the niches they share.

    Notes
    -----
    EQ-NICHE-2: each stem cell divides at the rate r x free niches / niches and leaves at the rate l, whoever's it is; new
    cells never exceed the free niches.
    """
    cells, par = patient.cells, patient.par
    niches = patient.number[s.NICHES]
    occupied = 0
    for origin in range(s.N_MARROWS):
        occupied += cells[s.STEM, origin]
    free = max(0.0, niches - occupied)
    chance = 1.0 - exp(-par[RENEWAL] * free / max(1.0, niches) * days)
    gone = 1.0 - exp(-par[LEAVING] * days)
    faded = 1.0 - exp(-par[FADING] * days)
    for origin in range(s.N_MARROWS):
        identity = np.uint64(8 * s.STEM + origin)
        n = cells[s.STEM, origin]
        if n > 0:
            born = binomial(patient.key, identity, tick, _RENEW, 0, n, chance)
            lost = binomial(patient.key, identity, tick, _LEAVE, 0, n, gone)
            cells[s.STEM, origin] = n - lost + min(born, np.int64(free))
            free -= min(born, np.int64(free))
        n = cells[s.SHORT_TERM, origin]
        if n > 0:
            cells[s.SHORT_TERM, origin] = n - binomial(patient.key, identity, tick, _LEAVE, 64, n, faded)


@kernel
def _supply(patient, tick, days):
    """Advance the multipotent progenitors; return the stem-cell equivalents of all origins, per kg.

    Notes
    -----
    EQ-SUPPLY-1: equivalents E = stem cells + short-term cells x their relative output; each origin gains Poisson(output x E x
    days) multipotent cells, which stay for a mean time; what leaves in a step goes to every lineage.
    """
    cells, par = patient.cells, patient.par
    moving = min(1.0, days / par[MULTIPOTENT_DAYS])
    total = 0.0
    for origin in range(s.N_MARROWS):
        equivalents = cells[s.STEM, origin] + par[EQUIVALENT] * cells[s.SHORT_TERM, origin]
        total += equivalents
        identity = np.uint64(8 * s.MULTIPOTENT + origin)
        gone = binomial(patient.key, identity, tick, _LEAVE, 0, cells[s.MULTIPOTENT, origin], moving)
        new = poisson(patient.key, identity, tick, _SUPPLY, 0, par[OUTPUT] * equivalents * days)
        cells[s.MULTIPOTENT, origin] += new - gone
        patient.flow[origin] = float(gone)
    return total / patient.number[s.MASS_KG]


@kernel
def _keep(patient, row, origin, tick, days, life, arriving):
    """Return what is left of a mature pool after ``days``, with what arrived in them.

    Notes
    -----
    EQ-CHAIN-2: kept = Binomial(n, e^-x) + Binomial(arrived, (1 - e^-x)/x), x = days / life: arrivals are spread over the
    step, so that production x life is the steady state for every step.
    """
    x = days / life
    kept = exp(-x)
    identity = np.uint64(8 * row + origin)
    n = binomial(patient.key, identity, tick, _DIE, 0, patient.cells[row, origin], kept)
    return n + binomial(patient.key, identity, tick, _ARRIVE, 0, arriving, (1.0 - kept) / x)


@kernel
def _advance_line(patient, tick, days, first, numbers, support):
    """Advance the progenitors of one lineage, their maturing cells and the cells in blood, for all origins.

    Parameters
    ----------
    first : int
        Row of the lineage's progenitors.
    numbers : tuple of 5 float64
        Growth of host progenitors and of the graft's, per day; cells of the blood per progenitor; days of maturation; mean
        life in blood, days.
    support : float
        Share of all progenitors that stem cells keep up, 0-1.

    Notes
    -----
    EQ-PROGENITOR-1: each progenitor divides at the rate g x max(0, 1 - all progenitors / (room x support)) and begins to
    mature at the rate m; multipotent cells of the same origin join it. Drugs that kill dividing cells kill a share of it.

    EQ-CHAIN-1: a progenitor that matures becomes a stated number of cells, which pass `N_STAGES` stages; of a stage
    Binomial(n, days x stages / transit) move on in a step, so that the mean transit is exact for every step.
    """
    cells, par = patient.cells, patient.par
    growth_host, growth_graft, amplified, transit, life = numbers
    room = par[PROGENITORS] * patient.number[s.MASS_KG] * support
    everybody = 0
    for origin in range(s.N_MARROWS):
        everybody += cells[first, origin]
    free = max(0.0, 1.0 - everybody / max(1.0, room))
    moving = min(1.0, days * s.N_STAGES / transit)
    for origin in range(s.N_MARROWS):
        growth = growth_host if origin == s.HOST else growth_graft
        identity = np.uint64(8 * first + origin)
        n = cells[first, origin]
        born = binomial(patient.key, identity, tick, _GROW, 0, n, 1.0 - exp(-growth * free * days))
        maturing = binomial(patient.key, identity, tick, _MATURE, 0, n, 1.0 - exp(-par[MATURING] * days))
        joining = binomial(patient.key, identity, tick, _SPLIT, 0, np.int64(patient.flow[origin]), 1.0 / 3.0)
        cells[first, origin] = n + born - maturing + joining
        arriving = np.int64(0)
        for stage in range(s.N_STAGES, 0, -1):
            row = first + stage
            n = cells[row, origin]
            moved = np.int64(0)
            if n > 0:
                moved = binomial(patient.key, np.uint64(8 * row + origin), tick, _MATURE, 0, n, moving)
                cells[row, origin] = n - moved
            if stage == s.N_STAGES:
                arriving = moved
            else:
                cells[row + 1, origin] += moved
        cells[first + 1, origin] += np.int64(maturing * amplified)
        blood = first + s.N_LINE - 1
        if cells[blood, origin] > 0 or arriving > 0:
            cells[blood, origin] = _keep(patient, blood, origin, tick, days, life, arriving)


@kernel
def _condition(patient, tick, step):
    """Let conditioning kill the marrow: stem cells, and all that divides or matures."""
    hit = patient.hit[step]
    if hit[s.HIT_STEM] == 0.0 and hit[s.HIT_PROGENITOR] == 0.0:
        return
    stem, progenitors = exp(-hit[s.HIT_STEM]), exp(-hit[s.HIT_PROGENITOR])
    for origin in range(s.N_MARROWS):
        for row in range(s.STEM, s.T_CELLS):
            is_blood = row in (s.NEUTROPHILS, s.PLATELETS, s.RED_CELLS)
            kept = stem if row <= s.SHORT_TERM else progenitors
            n = patient.cells[row, origin]
            if n > 0 and not is_blood:
                patient.cells[row, origin] = binomial(patient.key, np.uint64(8 * row + origin), tick, _DIE, 64, n, kept)


@kernel
def _poison(patient, tick, step, days):
    """Let drugs that kill dividing cells kill progenitors; stem cells are spared."""
    kept = exp(-patient.par[DRUG_SHARE] * patient.block[step, s.DIVIDING_DEATH_PER_DAY] * days)
    if kept == 1.0:
        return
    for origin in range(s.N_MARROWS):
        for row in s.DIVIDING[2:]:
            n = patient.cells[row, origin]
            patient.cells[row, origin] = binomial(patient.key, np.uint64(8 * row + origin), tick, _POISON, 0, n, kept)


@kernel
def _platelet_life(patient):
    """Return the mean life of a platelet at the count that there is, days.

    Notes
    -----
    EQ-PLATELET-1: 1/life = 1/own life + fixed loss / count, the count at least 1e9/L.

    Source: S. R. Hanson, S. J. Slichter, "Platelet kinetics in patients with bone marrow hypoplasia: evidence for a fixed
    platelet requirement", Blood 66 (1985) 1105-1109.
    """
    total = 0.0
    for origin in range(s.N_MARROWS):
        total += patient.cells[s.PLATELETS, origin]
    count = max(1.0, total / (PLATELET_LITRES_PER_KG * patient.number[s.MASS_KG] * 1e9))
    return 1.0 / (1.0 / patient.par[LIFE_MEGA] + patient.par[FIXED_LOSS] / count)


@kernel
def flow(patient, step, tick, days):
    """Advance marrow and blood by one step."""
    par, number, level = patient.par, patient.number, patient.level
    _condition(patient, tick, step)
    _poison(patient, tick, step, days)
    _advance_niches(patient, tick, days)
    equivalents = _supply(patient, tick, days)
    support = equivalents / (equivalents + par[SUPPORT])
    day = patient.start_day[step]
    helped = number[s.GROWTH_FACTOR] > 0.0 and day >= GROWTH_FACTOR_FROM_DAY and level[s.RECOVERED] == 0.0
    faster = par[FACTOR_GROWTH] if helped else 1.0
    transit = par[TRANSIT] * (par[FACTOR_TRANSIT] if helped else 1.0)
    graft = 1.0 - (1.0 - number[s.GROWTH_OF_GRAFT]) * exp(-max(0.0, day) / par[GRAFT_DAYS])
    host = par[HOST_GROWTH]
    own = par[GROWTH] * faster
    _advance_line(patient, tick, days, s.MYELOID, (own * host, own * graft, par[AMPLIFIED], transit, par[LIFE]), support)
    injured = max(level[s.DAMAGE_SKIN], level[s.DAMAGE_GUT], level[s.DAMAGE_LIVER])
    life = _platelet_life(patient) / (1.0 + par[CONSUMED] * injured)
    own = par[GROWTH] * par[GROWTH_MEGA]
    numbers = (own * host, own * graft, par[AMPLIFIED_MEGA], par[TRANSIT_MEGA], life)
    _advance_line(patient, tick, days, s.MEGAKARYOCYTE, numbers, support)
    own = par[GROWTH] * par[GROWTH_ERYTHROID]
    level[s.ISOAGGLUTININ] *= exp(-par[ISO_LOSS] * days)
    lysed = 1.0 - number[s.MAJOR_ABO] * level[s.ISOAGGLUTININ]
    numbers = (own * host, own * graft, par[AMPLIFIED_RED] * lysed, par[TRANSIT_RED], par[LIFE_RED])
    _advance_line(patient, tick, days, s.ERYTHROID, numbers, support)


@kernel
def transfuse(patient, tick, days):
    """Give red cells when haemoglobin is low, and lose those given before.

    Notes
    -----
    EQ-BLOOD-1: concentration = cells / (volume x body mass); two units are given whenever haemoglobin is below the trigger.
    """
    cells, par = patient.cells, patient.par
    given = cells[s.RED_CELLS, s.TRANSFUSED]
    if given > 0:
        kept = exp(-days / par[TRANSFUSED_LIFE])
        given = binomial(patient.key, np.uint64(8 * s.RED_CELLS + s.TRANSFUSED), tick, _DIE, 0, given, kept)
    cells[s.RED_CELLS, s.TRANSFUSED] = given
    total = 0.0
    for origin in range(s.N_ORIGINS):
        total += cells[s.RED_CELLS, origin]
    haemoglobin = total * GRAMS_PER_RED_CELL / (BLOOD_LITRES_PER_KG * patient.number[s.MASS_KG])
    if haemoglobin < par[TRIGGER]:
        cells[s.RED_CELLS, s.TRANSFUSED] += np.int64(2.0 * par[UNIT] * patient.number[s.MASS_KG] / 70.0)
        patient.level[s.RED_UNITS] += 2.0
