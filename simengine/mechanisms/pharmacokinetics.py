"""Drugs: one compartment, repeated doses, Emax effects on named targets."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp, hill
from simengine.mechanisms.vocabulary import DRUG_ADDS, DRUG_BLOCKS
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
    (Bliss independence); hazards and prices of drugs add.
    """
    solutes = world.body.solutes
    n_targets, n_hazards = len(b.DRUG_TARGETS), len(b.DRUG_HAZARDS)
    for t in range(n_targets):
        solutes[DRUG_BLOCKS + t] = 1.0  # what is spared, until all drugs are counted
    for t in range(n_hazards):
        solutes[DRUG_ADDS + t] = 0.0
    for g in range(world.body.drugs.shape[0]):
        drug = world.body.drugs[g]
        _advance_level(drug, tick, hours)
        effect = hill(drug[b.DRUG_LEVEL], drug[b.DRUG_HALF], drug[b.DRUG_EXPONENT])
        for t in range(n_targets):
            solutes[DRUG_BLOCKS + t] *= 1.0 - drug[b.DRUG_FIRST_TARGET + t] * effect
        for t in range(n_hazards):
            solutes[DRUG_ADDS + t] += drug[b.DRUG_FIRST_HAZARD + t] * effect
    for t in range(n_targets):
        solutes[DRUG_BLOCKS + t] = 1.0 - solutes[DRUG_BLOCKS + t]
