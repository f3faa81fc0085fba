"""Drugs: one compartment, repeated doses, Emax effects on named targets."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp, hill
from simengine.mechanisms.vocabulary import DRUG_ACTIVATION, DRUG_INFECTION, DRUG_PROLIFERATION
from simengine.state import body as b


@inlined
def _advance_level(drug, tick, hours):
    """Advance one drug's level by ``hours`` with the doses due in ``[tick, tick + hours)`` given at its start.

    Notes
    -----
    EQ-DRUG-1: each dose raises the level by a fixed amount; between doses it falls as exp(-k t).
    """
    ticks = int(hours * 120.0 + 0.5)
    start, stop, interval = int(drug[b.DRUG_FIRST_TICK]), int(drug[b.DRUG_LAST_TICK]), int(drug[b.DRUG_INTERVAL_TICKS])
    for at in range(tick, tick + ticks):
        if start <= at < stop and (at - start) % interval == 0:
            drug[b.DRUG_LEVEL] += drug[b.DRUG_RISE]
    k = drug[b.DRUG_ELIMINATION]
    after = drug[b.DRUG_LEVEL] * exp(-k * hours)
    drug[b.DRUG_EXPOSURE] += (drug[b.DRUG_LEVEL] - after) / k
    drug[b.DRUG_LEVEL] = after


@inlined
def flow(world, tick, hours, first, last):
    """Advance all drugs and store their joint effects.

    Notes
    -----
    EQ-DRUG-2: effect of one drug = Emax C^n / (C^n + EC50^n); effects on one target combine as 1 - product(1 - effect)
    (Bliss independence); the infection hazards of drugs add.
    """
    spared_activation, spared_proliferation, infection = 1.0, 1.0, 0.0
    for g in range(world.body.drugs.shape[0]):
        drug = world.body.drugs[g]
        _advance_level(drug, tick, hours)
        effect = hill(drug[b.DRUG_LEVEL], drug[b.DRUG_HALF], drug[b.DRUG_EXPONENT])
        spared_activation *= 1.0 - drug[b.DRUG_ACTIVATION] * effect
        spared_proliferation *= 1.0 - drug[b.DRUG_PROLIFERATION] * effect
        infection += drug[b.DRUG_INFECTION] * effect
    world.body.solutes[DRUG_ACTIVATION] = 1.0 - spared_activation
    world.body.solutes[DRUG_PROLIFERATION] = 1.0 - spared_proliferation
    world.body.solutes[DRUG_INFECTION] = infection
