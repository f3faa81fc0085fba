"""Virtual patients: each drawn from the stated spreads, with traits that go together, and the same in every arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simengine.catalog import Catalog
from simengine.foundation.math import exp, log, normal_quantile
from simengine.patients.draws import Dice, probability_below, value_at
from simengine.scenario import Scenario
from simengine.scenario.population import (
    SECOND_OF,
    Marginal,
    cholesky_rows,
    correlations,
    drawable,
    drawn_together,
    spreads,
)

__all__ = ["TRAIT", "as_met", "drawn_traits"]

TRAIT = "trait."
"""Head of the traits of a course, and of the columns of a result, that a population gave."""


def drawn_traits(scenario: Scenario, seed: int, patient: int, catalog: Catalog) -> dict[str, float]:
    """Return the traits that the population gives a patient, by name; flags are 0 or 1, and what `[patient]` states wins.

    Parameters
    ----------
    seed, patient
        With the population they alone decide: arms, replicates and the number of patients change nobody.

    Notes
    -----
    EQ-POPULATION-1: z of each trait standard normal at an address of its own; correlated ones L z with L L^T = r, r = 2 sin(pi
    rank / 6), in the order of first mention; u = Phi(z); a number is the quantile u of its spread, a flag is set if u > 1 -
    share.
    """
    marginals = spreads(scenario, catalog)
    if not marginals:
        return {}
    dice = Dice("per_patient", seed, patient, 0)
    at = {name: dice.uniform(f"population.{name}") for name in marginals}
    at |= _together(scenario, catalog, dice)
    found = {name: _value(marginal, at[name]) for name, marginal in marginals.items()}
    return found | _stated(scenario, found)


def _together(scenario: Scenario, catalog: Catalog, dice: Dice) -> dict[str, float]:
    """Return the quantiles of the correlated traits."""
    pairs = correlations(scenario, catalog)
    names = drawn_together(pairs)
    normal = [float(normal_quantile(dice.uniform(f"population.{name}"))) for name in names]
    found = {}
    for name, row in zip(names, cholesky_rows(names, pairs) or [], strict=True):
        z = 0.0
        for weight, one in zip(row, normal, strict=False):
            z += weight * one
        found[name] = probability_below(z)
    return found


def _value(marginal: Marginal, u: float) -> float:
    """Return the quantile ``u`` of a spread (EQ-POPULATION-2).

    With a standard deviation: value + sd z (lognormal: value exp(sd z)) with z the quantile between the cuts at low and
    high, so that nothing piles up there. Without one as any number of the catalogue.
    """
    if marginal.share is not None:
        return float(u > 1.0 - marginal.share)
    if marginal.sd is None:
        return value_at(marginal, u)
    is_log = marginal.distribution == "lognormal"
    centre, low, high = (float(log(x)) if is_log else x for x in (marginal.value, marginal.low, marginal.high))
    below, above = (probability_below((x - centre) / marginal.sd) for x in (low, high))
    x = centre + marginal.sd * float(normal_quantile(below + u * (above - below)))
    return min(marginal.high, max(marginal.low, float(exp(x)) if is_log else x))


def _stated(scenario: Scenario, drawn: Mapping[str, float]) -> dict[str, float]:
    """Return those of the drawn traits that `[patient]` states, as numbers."""
    patient = scenario.patient
    fields = {name: getattr(patient, name) for name in drawn if name in patient.model_fields_set}
    values = {name: SECOND_OF[name].index(value) if name in SECOND_OF else value for name, value in fields.items()}
    return {name: float(value) for name, value in {**values, **patient.genes}.items() if name in drawn}


def as_met(scenario: Scenario, traits: Mapping[str, float], catalog: Catalog) -> Scenario:
    """Return the scenario with a patient of these traits, as `drawn_traits` gave them."""
    shares, genes = drawable(catalog), catalog.names("genes")
    fields: dict[str, Any] = {}
    for name, value in traits.items():
        if name not in genes:
            fields[name] = bool(value) if shares[name] else value
        if name in SECOND_OF:
            fields[name] = SECOND_OF[name][int(value)]
    fields["genes"] = {**scenario.patient.genes, **{name: bool(traits[name]) for name in genes if name in traits}}
    return scenario.model_copy(update={"patient": scenario.patient.model_copy(update=fields)}) if traits else scenario
