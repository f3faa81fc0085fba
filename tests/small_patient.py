"""A patient around a transplantation, with cells put where a test wants them: for formulas and for exact references."""

from __future__ import annotations

from typing import Any

import numpy as np

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.patients.modifiers import numbers_of
from simengine.transplant import state as s
from simengine.transplant.build import Built, build
from simengine.transplant.registry import PARAMETERS

TEXT = """
name = "small"
patient = { vary = "none", weight_kg = 70.0 }
run.duration_days = 120.0
[transplant]
"""
Z = 4.9
"""Standard errors at which a count is refused: a sound sampler fails once in a million runs."""
MANY = 10**12
"""So many cells that a share of them is known to some millionths."""


def transplantation(**changes: Any) -> scenario.Scenario:
    """Return the scenario of a small transplantation with values changed by dotted path, dots written as two underscores."""
    given = {name.replace("__", "."): value for name, value in changes.items()}
    return scenario.loads(TEXT, overrides=given).points[0].scenario


class SmallPatient:
    """A patient of 70 kg on the first day; ``empty`` takes out all cells, clones and what is given."""

    def __init__(self, replicate: int = 0, **changes: Any) -> None:
        self.scenario = transplantation(**changes)
        self.built: Built = build(self.scenario, 1, 0, replicate)
        self.patient = self.built.patient
        self.numbers = numbers_of(self.scenario, load_catalog())
        self.cells, self.clone, self.level = self.patient.cells, self.patient.clone, self.patient.level
        self.number, self.par = self.patient.number, self.patient.par

    def empty(self) -> SmallPatient:
        """Take out all cells, clones, malignant cells, levels, hits and blocks; returns the patient."""
        for array in (self.cells, self.clone, self.patient.tumour, self.level, self.patient.hit, self.patient.block):
            array[...] = 0
        return self

    def step_of(self, day: float) -> int:
        """Return the step that begins on a day."""
        return int(np.flatnonzero(self.patient.start_day == day)[0])

    def parameter(self, name: str) -> float:
        """Return a parameter as mechanism.name."""
        return float(self.par[PARAMETERS.names().index(name)])

    def set(self, **parameters: float) -> SmallPatient:
        """Set parameters, dots written as two underscores; returns the patient."""
        for name, value in parameters.items():
            self.par[PARAMETERS.names().index(name.replace("__", "."))] = value
        return self

    def of(self, folder: str, entry: str, name: str) -> float:
        """Return a number of the catalogue for this patient."""
        return self.numbers(folder, entry, name)


def assert_share(found: float, n: float, chance: float) -> None:
    """A count is that of n independent cells with a chance each, within 4.9 standard errors (and one cell)."""
    error = Z * np.sqrt(max(0.0, n * chance * (1.0 - chance))) + 1.0
    assert abs(found - n * chance) <= error, (found, n * chance)


def assert_poisson(found: float, mean: float) -> None:
    """A count is Poisson of this mean, within 4.9 standard errors (and one cell)."""
    assert abs(found - mean) <= Z * np.sqrt(mean) + 1.0, (found, mean)


def fresh(small: SmallPatient, replicate: int) -> None:
    """Give the patient another key, so that the same step is another chance."""
    small.patient.key[:] = (np.uint64(1), np.uint64(replicate))


HOST, DONOR, SECOND = s.HOST, s.DONOR, s.SECOND
