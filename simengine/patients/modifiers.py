"""The modifier table: how traits of patient, donor and product change the numbers of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from simengine.catalog import Catalog
from simengine.foundation.math import exp, log
from simengine.patients.knowledge import Address, drawn_parameters
from simengine.patients.numbers import Numbers
from simengine.patients.traits import traits_of
from simengine.scenario import Scenario

__all__ = ["acting", "modified", "multipliers", "numbers_of"]

_LEAST = 0.05
"""What a line leaves of a quantity at least: a straight association does not reach far beyond the data it was drawn through."""


def _factor(row: Mapping[str, Any], x: float) -> float:
    """Return what one row multiplies its quantity by.

    Notes
    -----
    EQ-TRAIT-1: factor: slope ** x, so that a flag that is set gives the slope; linear: 1 + slope (x - reference), at least
    0.05; power: (x / reference) ** slope; curve: the straight line between the points around x, level beyond the ends.
    """
    form = row["form"]
    if form == "factor":
        return _power(float(row["slope"]), x)
    if form == "linear":
        return max(_LEAST, 1.0 + float(row["slope"]) * (x - float(row["reference"])))
    if form == "power":
        return _power(max(x, 1e-9) / float(row["reference"]), float(row["slope"]))
    return _on_curve(row["points"], x)


def _power(base: float, exponent: float) -> float:
    """Return base ** exponent, exactly for the exponents 0 and 1 of a flag."""
    return {0.0: 1.0, 1.0: base}[exponent] if exponent in (0.0, 1.0) else float(exp(exponent * log(base)))


def _on_curve(points: list[list[float]], x: float) -> float:
    if x <= points[0][0]:
        return float(points[0][1])
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return float(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return float(points[-1][1])


def acting(scenario: Scenario, catalog: Catalog) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Yield each row of the table whose trait the scenario has, with the factor that it comes to."""
    traits = traits_of(scenario, catalog)
    for entry in catalog.entries["modifiers"].values():
        for row in entry.rows:
            if row["trait"] in traits:
                yield row, _factor(row, traits[row["trait"]])


def modified(scenario: Scenario, catalog: Catalog) -> dict[str, float]:
    """Return the factor on each quantity: the product over all rows whose trait the scenario has; 1 where none acts."""
    factors = dict.fromkeys(catalog.quantities, 1.0)
    for row, factor in acting(scenario, catalog):
        factors[row["quantity"]] *= factor
    return factors


def multipliers(scenario: Scenario, catalog: Catalog) -> dict[str, float]:
    """Return the factor on each number of the catalogue that is not 1, by path.

    EQ-TRAIT-3: factor on a number = product over the quantities that reach it of (factor of the quantity) ** power.
    """
    found: dict[str, float] = {}
    for quantity, factor in modified(scenario, catalog).items():
        for path, power in catalog.quantities[quantity].items() if factor != 1.0 else ():
            found[path] = found.get(path, 1.0) * _power(factor, power)
    return found


def numbers_of(scenario: Scenario, catalog: Catalog, address: Address | None = None) -> Numbers:
    """Return the numbers of a scenario as they are for its patient, donor and product.

    With the address of a run (seed, patient, replicate) parameters that are not known are those that it draws; without, every
    parameter has its stated value.
    """
    drawn = drawn_parameters(scenario, catalog, address) if address is not None else {}
    return Numbers(catalog, {**drawn, **scenario.parameters}, multipliers(scenario, catalog))
