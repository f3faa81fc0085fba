"""The simple grid model that all peers run: what it is, and its field. Needs NumPy only.

100,000 agents on a torus of 400 x 400 voxels with one field. In each step, each phase for all agents before the next:

1. deposit    every agent adds 1 to its voxel;
2. field      c += fresh deposits; then c += 0.2 * (sum of the 4 neighbours - 4 c) - 0.1 * c;
3. move       every agent reads the 8 voxels around it and moves to the one with the least, the first of equals;
4. contacts   every agent counts the others in its voxel.

All start from the same places, so that all must count the same contacts: the check that the work is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["AROUND", "DECAY", "EXCHANGE", "SIDE", "places", "spread"]

SIDE = 400
EXCHANGE, DECAY = 0.2, 0.1
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def places(agents: int) -> NDArray[np.int64]:
    """Return where agents start: int64[agents, 2], row and column."""
    return np.random.default_rng(1).integers(SIDE, size=(agents, 2))


def spread(field: NDArray[np.float64], fresh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the field one step later."""
    c = field + fresh
    padded = np.pad(c, 1, mode="wrap")
    around = (padded[:-2, 1:-1] + padded[2:, 1:-1]) + (padded[1:-1, :-2] + padded[1:-1, 2:])
    moved: NDArray[np.float64] = c + EXCHANGE * (around - 4.0 * c) - DECAY * c
    return moved
