"""What a population draws: the spread of each trait and how traits go together, of its catalogue entry and the scenario."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simengine.catalog import Catalog
from simengine.scenario.model import NEVER_DRAWN, Patient, Scenario, Serostatus, Sex

__all__ = ["SECOND_OF", "Marginal", "cholesky_rows", "correlations", "drawable", "drawn_together", "pearson", "spreads"]

TRAIT, CORRELATION = "traits.", "correlation."
"""Heads of the parameters of a population's entry: `traits.TRAIT` and `correlation.TRAIT.OTHER.rank`."""
SECOND_OF: Mapping[str, tuple[str, str]] = {"sex": ("male", "female"), "cmv": ("negative", "positive")}
"""Fields of two words; a share is that of the second."""
_LEAST_PIVOT = 1e-6


@dataclass(frozen=True)
class Marginal:
    """The spread of one trait: a share, or a distribution with its centre, bounds and, if stated, standard deviation."""

    share: float | None = None
    distribution: str = "fixed"
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    sd: float | None = None


def drawable(catalog: Catalog) -> dict[str, bool]:
    """Return what a population may draw, each with whether it is yes or no: fields of the patient, and genes by name."""
    kinds = {float: False, float | None: False, bool: True, Sex: True, Serostatus: True}
    fields = {name: kinds[field.annotation] for name, field in Patient.model_fields.items() if field.annotation in kinds}  # type: ignore[index]
    return {name: kind for name, kind in fields.items() if name not in NEVER_DRAWN} | dict.fromkeys(
        catalog.names("genes"), True
    )


def spreads(scenario: Scenario, catalog: Catalog) -> dict[str, Marginal]:
    """Return the spread of every trait that is drawn, in the order in which they are written; the scenario's win."""
    if scenario.population is None:
        return {}
    found, shares = {}, drawable(catalog)
    for path, given in _of_entry(scenario, catalog, TRAIT).items():
        parameter, name = catalog.parameters[path], path.split(TRAIT, 1)[1]
        numbers = Marginal(None, parameter.distribution, given, parameter.low, parameter.high)
        found[name] = Marginal(share=given) if shares[name] else numbers
    for name, spread in scenario.population.traits.items():
        shape = (spread.distribution or "fixed", spread.value or 0.0, spread.low or 0.0, spread.high or 0.0, spread.sd)
        found[name] = Marginal(spread.share, *shape)
    return found


def correlations(scenario: Scenario, catalog: Catalog) -> dict[tuple[str, str], float]:
    """Return the rank correlations of pairs of traits, in the order in which they are drawn; the scenario's win."""
    if scenario.population is None:
        return {}
    found: dict[tuple[str, str], float] = {}
    for path, rank in _of_entry(scenario, catalog, CORRELATION).items():
        first, second, _ = path.split(CORRELATION, 1)[1].split(".")
        found[first, second] = rank
    for row in scenario.population.correlation:
        first, second = row.between
        found[(second, first) if (second, first) in found else (first, second)] = row.rank
    return found


def _of_entry(scenario: Scenario, catalog: Catalog, head: str) -> dict[str, float]:
    """Return the numbers in force of the ready-made population whose names begin so, by path."""
    name = scenario.population.name if scenario.population else None
    entry = catalog.entries["populations"].get(name or "")
    paths = [f"populations.{name}.{parameter}" for parameter in entry.parameters if parameter.startswith(head)] if entry else []
    return {path: scenario.parameters.get(path, catalog.parameters[path].value) for path in paths}


def drawn_together(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the traits that are correlated with any other, in order of first mention: who is added last changes nobody."""
    return list(dict.fromkeys(name for pair in pairs for name in pair))


def pearson(rank: float) -> float:
    """Return the correlation of two normal numbers whose ranks correlate by ``rank``: 2 sin(pi rank / 6).

    The sine is its Taylor series, so that it has the same bits everywhere.
    """
    x = math.pi * rank / 6.0
    term = total = x
    for k in range(1, 10):
        term *= -x * x / (2 * k * (2 * k + 1))
        total += term
    return 2.0 * total


def cholesky_rows(names: Sequence[str], pairs: Mapping[tuple[str, str], float]) -> list[list[float]] | None:
    """Return the lower triangular factor of the correlations of normal numbers, row by row; None if there is none.

    A matrix that is not positive definite belongs to no distribution: no patients can be like that.
    """
    rows: list[list[float]] = []
    for i, name in enumerate(names):
        row: list[float] = []
        for j in range(i):
            rank = pairs.get((name, names[j]), pairs.get((names[j], name), 0.0))
            row.append((pearson(rank) - _product(row, rows[j])) / rows[j][j])
        pivot = 1.0 - _product(row, row)
        if pivot < _LEAST_PIVOT:
            return None
        rows.append([*row, math.sqrt(pivot)])
    return rows


def _product(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the scalar product over the length of the shorter, added in order: `sum` has not the same bits everywhere."""
    total = 0.0
    for a, b in zip(first, second, strict=False):
        total += a * b
    return total
