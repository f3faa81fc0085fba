"""Cross-validation: every patient predicted by what was fitted without him."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["FOLDS", "REPEATS", "Fit", "folds", "out_of_fold"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FOLDS, REPEATS = 10, 5
"""Parts into which the patients are divided, and how often they are divided anew."""
Fit = Callable[[Rows], Callable[[Rows], Floats]]
"""Patients to fit on -> patients to predict -> a prediction for each, float64[n, ...]."""


def folds(n: int, seed: int, repeat: int, n_folds: int = FOLDS) -> Iterator[tuple[Rows, Rows]]:
    """Yield (patients to fit on, patients to predict); every patient is predicted once. Fixed by seed and repeat."""
    order = np.random.default_rng([seed, repeat]).permutation(n)
    for part in np.array_split(order, min(n_folds, n)):
        yield np.setdiff1d(np.arange(n), part), np.sort(part)


def out_of_fold(n: int, fit: Fit, seed: int, repeats: int = REPEATS) -> Iterator[tuple[Floats, Rows]]:
    """Yield the predictions of all patients and the fold of each, int64[N], once for each division into folds."""
    for repeat in range(repeats):
        found: Floats | None = None
        fold = np.zeros(n, dtype=np.int64)
        for number, (known, unseen) in enumerate(folds(n, seed, repeat)):
            part = fit(known)(unseen)
            if found is None:
                found = np.full((n, *part.shape[1:]), np.nan)
            found[unseen], fold[unseen] = part, number
        if found is not None:
            yield found, fold
