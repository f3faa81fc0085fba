"""The patient's body at tick 0: what was drawn for the recipient, doses and drugs to come, precursors, compartments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simengine.catalog import Catalog
from simengine.engine.arms import Standing
from simengine.engine.circulation import compartment_rates, passage_of, transition_matrices
from simengine.engine.names import Names
from simengine.engine.tables import body_scale
from simengine.foundation.math import exp, log
from simengine.mechanisms import registry
from simengine.patients.draws import Dice
from simengine.patients.matching import Pair, pair_of
from simengine.patients.numbers import Numbers
from simengine.patients.traits import weight_kg
from simengine.scenario import Scenario
from simengine.state import body as b
from simengine.state import world as w
from simengine.state.world import Body

__all__ = ["EVENTS", "Recipient", "body_of", "recipient_of", "ticks_of"]


@dataclass(frozen=True)
class Recipient:
    """What was drawn for one patient: traits of site (``lesion_fraction`` and what else it names), immunity, donor pair."""

    site: dict[str, float]
    immune_strength: float
    potency: float
    lung_passage: float
    pair: Pair
    dice: Dice


def ticks_of(hours: float) -> int:
    """Return the base ticks nearest to a time in h."""
    return round(hours * w.TICKS_PER_H)


def recipient_of(scenario: Scenario, numbers: Numbers, dice: Dice, traits: tuple[str, ...] = ()) -> Recipient:
    """Draw the traits of the patient; values that the scenario states are taken as they are.

    ``traits`` are parameters of the site that are drawn beside the lesion fraction.

    EQ-TRAIT-2: immune strength = stated x the patient's own variation; potency = the product's own variation. Modifiers act
    on both variations.
    """
    site, patient = scenario.site.name, scenario.patient
    drawn = {name: numbers.own("sites", site, name, dice) for name in ("lesion_fraction", *traits)}
    if scenario.site.lesion_fraction is not None:
        drawn["lesion_fraction"] = scenario.site.lesion_fraction
    immune = patient.immune_strength * numbers.own("sites", site, "immune_variation", dice)
    return Recipient(
        site=drawn,
        immune_strength=immune,
        potency=numbers.own("products", scenario.product.name, "potency_variation", dice),
        lung_passage=passage_of(scenario, numbers),
        pair=pair_of(scenario, numbers, dice),
        dice=dice,
    )


def _doses(scenario: Scenario, names: Names, numbers: Numbers) -> np.ndarray:
    """Return the doses: cells, first and last tick, place, and how many of the cells are alive."""
    out = np.zeros((len(scenario.delivery), b.N_DOSE))
    step = ticks_of(scenario.clocks.motion_min / 60.0)
    viability = scenario.product.viability
    if viability is None:
        viability = numbers("products", scenario.product.name, "viability")
    for row, delivery in zip(out, scenario.delivery, strict=True):
        cells = delivery.dose_cells
        if cells is None:
            cells = int((delivery.dose_cells_per_kg or 0.0) * weight_kg(scenario.patient, numbers.catalog))
        first = ticks_of(24.0 * delivery.day) // step * step
        duration = delivery.duration_min
        if duration is None:
            duration = numbers("routes", delivery.route, "duration_min")
        row[b.DOSE_CELLS] = cells
        row[b.DOSE_FIRST_TICK] = first
        row[b.DOSE_LAST_TICK] = first + ticks_of(duration / 60.0)
        row[b.DOSE_DEPOT] = b.FIRST_DEPOT + names.routes.index(delivery.route)
        row[b.DOSE_VIABLE] = viability
    return out


def _drugs(scenario: Scenario, numbers: Numbers, dice: Dice) -> np.ndarray:
    """Return the drugs; a dose is chosen for the target trough at the typical half-life, the level follows the patient's.

    EQ-DRUG-3: rise of the level by one dose = trough (exp(k T) - 1), k typical elimination, T dosing interval.
    """
    out = np.zeros((len(scenario.drug), b.N_DRUG))
    for row, drug in zip(out, scenario.drug, strict=True):
        name = drug.name
        interval = numbers("drugs", name, "dosing_interval_h")
        typical = float(log(2.0)) / numbers.typical("drugs", name, "half_life_h")
        own = float(log(2.0)) / numbers.own("drugs", name, "half_life_h", dice)
        trough = drug.target_trough_ng_per_ml
        if trough is None:
            trough = numbers("drugs", name, "target_trough_ng_per_ml")
        stop = scenario.run.duration_days if drug.stop_day is None else drug.stop_day
        row[b.DRUG_FIRST_TICK] = ticks_of(24.0 * drug.start_day)
        row[b.DRUG_LAST_TICK] = ticks_of(24.0 * stop) + 1
        row[b.DRUG_INTERVAL_TICKS] = ticks_of(interval)
        row[b.DRUG_RISE] = trough * (float(exp(typical * interval)) - 1.0)
        row[b.DRUG_ELIMINATION] = own
        row[b.DRUG_HALF] = numbers("drugs", name, "half_effect_ng_per_ml")
        row[b.DRUG_EXPONENT] = numbers("drugs", name, "effect_exponent")
        effects = [f"largest_{target}_inhibition" for target in b.DRUG_TARGETS] + list(b.DRUG_HAZARDS)
        for i, effect in enumerate(effects):
            row[b.DRUG_FIRST_TARGET + i] = numbers("drugs", name, effect) if numbers.has("drugs", name, effect) else 0.0
    return out


EVENTS = ("arrhythmia", "infection", "embolism", "organ_damage", "thrombosis")
"""Adverse events, each a clock that starts at Exp(1)."""


def body_of(
    scenario: Scenario, catalog: Catalog, names: Names, numbers: Numbers, recipient: Recipient, standing: Standing
) -> Body:
    """Return the body at tick 0: empty compartments, precursors by mismatch, and the clocks of adverse events.

    EQ-PRIME-3: naive cells = precursors of the species x how foreign the graft is to the clone, memory = naive x memory
    share x sensitisation, and CD8 memory against the lineage itself in autoimmune disease; each clock of an adverse event
    starts at Exp(1).
    """
    rates = compartment_rates(scenario, names, numbers, catalog)
    pools, solutes = np.zeros(len(registry.POOLS), np.int64), np.zeros(len(registry.SOLUTES))
    sensitised = float(scenario.patient.sensitised)
    pool, solute = registry.POOLS.names().index, registry.SOLUTES.names().index
    size = body_scale(numbers, scenario.patient.species)
    for clone, foreign in (("cd8", standing.cd8), ("cd4", standing.cd4)):
        precursors = size * numbers("mechanisms", "priming", f"{clone}_precursors_cells")
        naive = precursors * foreign
        pools[pool(f"{clone}_naive")] = round(naive)
        memory = naive * sensitised * numbers("mechanisms", "priming", "memory_of_sensitised")
        pools[pool(f"{clone}_memory")] = round(memory + precursors * (standing.memory_of_self if clone == "cd8" else 0.0))
    if standing.runs("antibody"):
        solutes[solute("donor_antibody")] = sensitised * numbers("mechanisms", "antibody", "titre_of_sensitised")
    for event in EVENTS:
        solutes[solute(f"{event}_left")] = -float(log(recipient.dice.run_uniform(f"safety.{event}")))
    pair = standing.pair()
    pair[b.PAIR_IMMUNE], pair[b.PAIR_MASS_KG] = recipient.immune_strength, weight_kg(scenario.patient, catalog)
    n = len(names.compartments)
    return Body(
        counts=np.zeros(n, np.int64),
        transfer=transition_matrices(rates, scenario.clocks.motion_min / 60.0, scenario.clocks.body_h),
        pools=pools,
        solutes=solutes,
        doses=_doses(scenario, names, numbers),
        given=np.zeros(len(scenario.delivery), np.int64),
        drugs=_drugs(scenario, numbers, recipient.dice),
        pair=pair,
        flux=np.zeros(b.N_FLUX),
    )
