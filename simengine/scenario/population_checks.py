"""Checks of a population: traits that can be drawn, spreads that are whole, correlations that can hold together."""

from __future__ import annotations

from collections.abc import Iterator

from simengine.catalog import Catalog
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Check, Finding, Unsound, known, told
from simengine.scenario.model import Patient, Scenario, Spread
from simengine.scenario.population import cholesky_rows, correlations, drawable, drawn_together, spreads

_NUMBERS = ("distribution", "value", "low", "high")


def _check_name(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    population = scenario.population
    if population is not None and population.name is not None:
        yield from known(("population", "name"), population.name, catalog.names("populations"))


def _check_something_is_drawn(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    population = scenario.population
    if population is not None and population.name is None and not population.traits:
        yield Finding(("population",), "no trait", "a name of the catalogue, or traits", at_key=True)


def _check_traits(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    shares = drawable(catalog)
    for name, spread in scenario.population.traits.items() if scenario.population else ():
        path: FieldPath = ("population", "traits", name)
        if name not in shares:
            yield Finding(path, shown(name), f"a trait: {listed(shares)}", nearest(name, shares), at_key=True)
            continue
        try:
            yield from _share_findings(path, spread) if shares[name] else _number_findings(path, name, spread)
        except Unsound:
            continue


def _share_findings(path: FieldPath, spread: Spread) -> Iterator[Finding]:
    """A trait that is yes or no has a share and nothing else."""
    if spread.share is None:
        yield Finding((*path, "share"), "nothing", "a number from 0 to 1", "a trait of yes or no is drawn by its share")
    for field in (*_NUMBERS, "sd"):
        if getattr(spread, field) is not None:
            yield Finding((*path, field), field, "only share, for a trait of yes or no", "leave it out", at_key=True)


def _number_findings(path: FieldPath, name: str, spread: Spread) -> Iterator[Finding]:
    """A number has a shape, a centre and bounds, in order and within what the field of the patient allows."""
    if spread.share is not None:
        yield Finding((*path, "share"), "share", "distribution, value, low and high, as this trait is a number", at_key=True)
        return
    missing = [field for field in _NUMBERS if getattr(spread, field) is None]
    yield from (Finding((*path, field), "nothing", "a distribution with value, low and high") for field in missing)
    if spread.sd is not None and spread.distribution not in ("normal", "lognormal", None):
        expected = "no sd, but for a normal or lognormal distribution"
        yield Finding((*path, "sd"), told(spread.sd), expected, "leave it out")
    low, value, high = spread.low, spread.value, spread.high
    if low is None or value is None or high is None:
        return
    metadata = Patient.model_fields[name].metadata
    least = next(m.ge for m in metadata if hasattr(m, "ge"))
    most = next(m.le for m in metadata if hasattr(m, "le"))
    if not least <= low <= value:
        yield Finding((*path, "low"), told(low), f"a number from {least:g} to the value, {value:g}")
    elif low <= 0.0 and spread.distribution in ("lognormal", "loguniform"):
        yield Finding((*path, "low"), told(low), f"a number above 0 for a {spread.distribution} distribution")
    if not value <= high <= most:
        yield Finding((*path, "high"), told(high), f"a number from the value, {value:g}, to {most:g}")


def _check_correlated(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.population is None:
        return
    drawn = spreads(scenario, catalog)
    seen: list[frozenset[str]] = []
    for i, row in enumerate(scenario.population.correlation):
        path: FieldPath = ("population", "correlation", i, "between")
        for j, name in enumerate(row.between):
            if name not in drawn:
                expected = f"a trait that this population draws: {listed(drawn)}"
                yield Finding((*path, j), shown(name), expected, nearest(name, drawn))
        if row.between[0] == row.between[1]:
            yield Finding(path, f"{shown(row.between[0])} twice", "two different traits")
        elif frozenset(row.between) in seen:
            yield Finding(path, "a second correlation of this pair", "each pair once")
        seen.append(frozenset(row.between))


def _check_definite(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    pairs = correlations(scenario, catalog)
    if any(first == second for first, second in pairs):
        return
    names = drawn_together(pairs)
    for n in range(len(names)):
        if cholesky_rows(names[: n + 1], pairs) is None:
            expected = "correlations that can hold together (a positive definite matrix)"
            hint = f"those of {names[n]} contradict the others; weaken one"
            yield Finding(("population", "correlation"), "correlations that no patients can have", expected, hint)
            return


CHECKS_OF_POPULATION: tuple[Check, ...] = (
    _check_name,
    _check_something_is_drawn,
    _check_traits,
    _check_correlated,
    _check_definite,
)
