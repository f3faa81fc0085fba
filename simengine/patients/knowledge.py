"""What is not known about the typical patient: sets of parameters drawn from their stated uncertainty.

A draw belongs to nobody: all patients and all arms share it, so that their differences are free of it. Each parameter has its
own address (seed, number of the draw, path), so that one more uncertain parameter moves no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from simengine.catalog import Catalog
from simengine.foundation.random import make_key, purpose, uniform
from simengine.patients.draws import value_at
from simengine.scenario import Scenario
from simengine.scenario.uncertainty_checks import is_within

__all__ = ["Address", "draw_of", "drawn_parameters"]

Address = tuple[int, int, int]
"""Seed, patient and replicate of a run."""

_NOBODY = 2**32 - 1
"""Patient number of the key of a draw, which is no patient's."""
_DRAW = purpose("knowledge.draw")


def draw_of(uncertainty: Mapping[str, object], patient: int, replicate: int) -> int | None:
    """Return the number of the set of parameters of a run, from the plain content of `[uncertainty]`; None: as stated."""
    knowledge = uncertainty.get("knowledge", "none")
    if knowledge == "per_patient":
        return patient
    return replicate % int(str(uncertainty["draws"])) if knowledge == "per_draw" else None


def drawn_parameters(scenario: Scenario, catalog: Catalog, address: Address) -> dict[str, float]:
    """Return the parameters that a run draws, by path; what the scenario states is known and not drawn.

    Each is the quantile of its stated distribution at its own uniform number.
    """
    seed, patient, replicate = address
    draw = draw_of(scenario.uncertainty.model_dump(), patient, replicate)
    if draw is None:
        return {}
    key, groups = make_key(seed, _NOBODY, draw), scenario.uncertainty.parameters
    return {
        path: value_at(parameter, float(uniform(key, _identity(path), 0, _DRAW, 0)))
        for path, parameter in catalog.uncertain.items()
        if path not in scenario.parameters and (not groups or any(is_within(path, group) for group in groups))
    }


def _identity(path: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big"))
