"""When things happen: the steps of time, what conditioning does in each, and what drugs do in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import simengine.transplant.state as s
from simengine.catalog import Catalog
from simengine.foundation.math import exp, log
from simengine.patients.draws import Dice
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.transplant.drugs import add_effects

__all__ = ["Steps", "blocks_of", "hits_of", "steps_of"]

FINE_DAYS, COARSE_DAYS = 0.25, 1.0
FINE_UNTIL_DAY = 100
"""Steps of 6 h until engraftment and acute disease are over, of a day afterwards."""
_FIRST_TICK_DAY = -60
_TICKS_PER_DAY = 2880
_LN10 = float(log(10.0))

_HITS = {
    s.HIT_STEM: "stem_log10_kill",
    s.HIT_PROGENITOR: "progenitor_log10_kill",
    s.HIT_LYMPHOCYTE: "lymphocyte_log10_kill",
    s.HIT_TUMOUR: "tumour_log10_kill",
}
_INJURIES = {s.HIT_SKIN: "skin_damage", s.HIT_GUT: "gut_damage", s.HIT_LIVER: "liver_damage"}
_EFFECTS = {
    s.BLOCK_ACTIVATION: ("largest_activation_inhibition", 1.0),
    s.BLOCK_PROLIFERATION: ("largest_proliferation_inhibition", 1.0),
    s.BLOCK_REGULATORY: ("largest_regulatory_inhibition", 1.0),
    s.DEPLETION_PER_DAY: ("depletion_per_h", 24.0),
    s.DIVIDING_DEATH_PER_DAY: ("dividing_death_per_h", 24.0),
    s.INFECTION_RISE: ("infection_rise", 1.0),
}


class Steps(NamedTuple):
    """The steps of a run: first day and length of each, days, float64[S]; base tick of each for addresses, int64[S]."""

    start_day: NDArray[np.float64]
    days: NDArray[np.float64]
    tick: NDArray[np.int64]


def _courses(scenario: Scenario, catalog: Catalog, *uses: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the regimens of these uses."""
    for use in uses:
        yield from catalog.entry("regimens", getattr(scenario.transplant, use)).rows


def steps_of(scenario: Scenario, catalog: Catalog) -> Steps:
    """Return the steps from the first day on which something is given to the last day of the run."""
    rows = _courses(scenario, catalog, "conditioning", "prophylaxis", "serotherapy")
    first = min([-1, *(int(row["first_day"]) for row in rows)])
    end = max(1, int(np.ceil(scenario.run.duration_days)))
    fine = min(end, FINE_UNTIL_DAY)
    start = np.concatenate([np.arange(first, fine, FINE_DAYS), np.arange(fine, end, COARSE_DAYS)])
    days = np.where(start < fine, FINE_DAYS, COARSE_DAYS)
    return Steps(start, days, np.round((start - _FIRST_TICK_DAY) * _TICKS_PER_DAY).astype(np.int64))


def hits_of(scenario: Scenario, numbers: Numbers, dice: Dice, steps: Steps) -> NDArray[np.float64]:
    """Return what conditioning kills and injures in each step, float64[S, N_HIT].

    The doses of a day act in its first step. Kills are -ln(survival), times the patient's own exposure to the agent; kills
    of the tumour also times the sensitivity of the disease.
    """
    out = np.zeros((len(steps.start_day), s.N_HIT))
    care = scenario.transplant
    assert care is not None
    sensitivity = numbers("diseases", care.disease, "conditioning_sensitivity")
    for row in _courses(scenario, numbers.catalog, "conditioning"):
        agent, first, last = str(row["drug"]), int(row["first_day"]), int(row["last_day"])
        part = float(row["share"]) / (last - first + 1) * numbers.own("agents", agent, "exposure", dice)
        for day in range(first, last + 1):
            at = int(np.searchsorted(steps.start_day, day))
            for column, name in _HITS.items():
                kill = _LN10 * part * numbers("agents", agent, name)
                out[at, column] += kill * (sensitivity if column == s.HIT_TUMOUR else 1.0)
            for column, name in _INJURIES.items():
                out[at, column] -= part * float(log(1.0 - min(0.99, numbers("agents", agent, name))))
            out[at, s.HIT_ORGANS] += part * numbers("agents", agent, "organ_toxicity")
    return out


def blocks_of(scenario: Scenario, numbers: Numbers, dice: Dice, steps: Steps) -> NDArray[np.float64]:
    """Return what drugs block, kill and raise in each step, float64[S, N_BLOCK]."""
    n = len(steps.start_day)
    spared, out = np.ones((n, 3)), np.zeros((n, s.N_BLOCK))
    for row in _courses(scenario, numbers.catalog, "prophylaxis", "serotherapy"):
        add_effects(steps.start_day, steps.days, _course(row, numbers, dice), _effects(str(row["drug"]), numbers), spared, out)
    out[:, :3] = 1.0 - spared
    return out


def _course(row: Mapping[str, Any], numbers: Numbers, dice: Dice) -> NDArray[np.float64]:
    """Return one course as ``add_effects`` takes it; doses are chosen for the target level at the typical half-life."""
    name = str(row["drug"])
    interval = numbers("drugs", name, "dosing_interval_h")
    typical = float(log(2.0)) / numbers.typical("drugs", name, "half_life_h")
    own = float(log(2.0)) / numbers.own("drugs", name, "half_life_h", dice)
    rise = float(row["share"]) * numbers("drugs", name, "target_trough_ng_per_ml") * (float(exp(typical * interval)) - 1.0)
    last = float(row["last_day"])
    taper = float(row.get("taper_day", last + 1.0))
    half = numbers("drugs", name, "half_effect_ng_per_ml")
    return np.array(
        [float(row["first_day"]), last, taper, interval, rise, own, half, numbers("drugs", name, "effect_exponent")]
    )


def _effects(drug: str, numbers: Numbers) -> NDArray[np.float64]:
    """Return the largest effects of a drug, float64[N_BLOCK]; of depletion the share that reaches tissue."""
    out = np.zeros(s.N_BLOCK)
    for column, (name, factor) in _EFFECTS.items():
        if numbers.has("drugs", drug, name):
            out[column] = factor * numbers("drugs", drug, name)
    out[s.DEPLETION_PER_DAY] *= numbers("transplantation", "clones", "depletion_share")
    return out
