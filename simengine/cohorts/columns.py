"""Columns of a table as numbers for a regression: categories as zero or one, doses as logarithms, gaps filled in the fold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.fields import Fault, number_of
from simengine.cohorts.mapping import Benchmark, Mapping
from simengine.cohorts.tables import Table

__all__ = ["Predictors", "Scale", "predictors_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each column among the patients of some folds."""

    mean: Floats
    sd: Floats

    def applied(self, x: Floats) -> Floats:
        """Return columns in standard deviations; a gap is 0, the mean, and so is a column that does not vary."""
        away = np.divide(x - self.mean, self.sd, out=np.zeros(x.shape), where=self.sd > 1e-12)
        return np.where(np.isnan(away), 0.0, away)


@dataclass(frozen=True)
class Predictors:
    """Columns for a regression, float64[N, P]; NaN where the table says nothing."""

    names: tuple[str, ...]
    x: Floats

    def scale(self, rows: NDArray[np.int64]) -> Scale:
        """Return the scale of some patients; of no others, so that a fold that is predicted stays unseen."""
        part = self.x[rows]
        known = np.isfinite(part)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, part, 0.0).sum(axis=0) / count
        spread = np.where(known, part - mean, 0.0)
        return Scale(mean, np.sqrt((spread**2).sum(axis=0) / count))


def predictors_of(mapping: Mapping, benchmark: Benchmark, table: Table) -> Predictors:
    """Return the columns of a benchmark.

    A column of which every known cell is a number is one number, or its logarithm (a number that is not above 0 counts as
    half the least that is). Any other has one column for each category but the most frequent.
    """
    names: list[str] = []
    found: list[Floats] = []
    for column in benchmark.columns:
        texts = table.column(column)
        known = [text not in mapping.missing for text in texts]
        numbers = [number_of(text) if is_known else np.nan for text, is_known in zip(texts, known)]
        if any(isinstance(number, Fault) for number in numbers):
            for level in _levels(texts, known):
                names.append(f"{column} = {level}")
                found.append(np.array([float(text == level) if k else np.nan for text, k in zip(texts, known)]))
            continue
        values = np.array(numbers, dtype=np.float64)
        names.append(column)
        found.append(_logarithm(values) if column in benchmark.log else values)
    return Predictors(tuple(names), np.column_stack(found) if found else np.zeros((len(table.rows), 0)))


def _levels(texts: list[str], known: list[bool]) -> list[str]:
    """Return the categories of a column but the most frequent, in alphabetical order."""
    counts = Counter(text for text, is_known in zip(texts, known) if is_known)
    reference = min(counts, key=lambda level: (-counts[level], level))
    return sorted(level for level in counts if level != reference)


def _logarithm(values: Floats) -> Floats:
    positive = values[np.isfinite(values) & (values > 0.0)]
    least = float(positive.min()) / 2.0 if positive.size else 1.0
    return np.log(np.where(values > 0.0, values, np.where(np.isnan(values), np.nan, least)))
