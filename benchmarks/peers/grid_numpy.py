"""The simple grid model (``grid_work``) in plain NumPy: one array of places, whole arrays at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from grid_work import AROUND, SIDE, places, spread
from stated import measure_steps


def make(agents: int) -> Callable[[], int]:
    """Return the step of a model."""
    row, column = places(agents).T.copy()
    field = np.zeros((SIDE, SIDE))

    def step() -> int:
        nonlocal row, column, field
        fresh = np.bincount(row * SIDE + column, minlength=SIDE * SIDE).reshape(SIDE, SIDE)
        field = spread(field, fresh.astype(float))
        flat = field.ravel()
        options = np.stack([(row + i) % SIDE * SIDE + (column + j) % SIDE for i, j in AROUND])
        voxel = np.take_along_axis(options, flat[options].argmin(axis=0)[None], axis=0)[0]
        row, column = np.divmod(voxel, SIDE)
        contacts = np.bincount(voxel, minlength=SIDE * SIDE)[voxel] - 1
        return int(contacts.sum())

    return step


if __name__ == "__main__":
    measure_steps(make, "numpy")
