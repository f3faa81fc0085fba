"""The arrays of a world by name: for checkpoints, for growth, and for tests that look at every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.state.cells import grow_cells
from simengine.state.world import N_SCRATCH, Events, Grid, World

__all__ = ["PASSING", "arrays_of", "grow", "not_finite", "with_arrays", "without_events"]

Array = NDArray[Any]


def arrays_of(state: Any, prefix: str = "") -> dict[str, Array]:
    """Return every array of a named tuple of arrays, by dotted name (``cells.real``); the arrays are not copied."""
    found: dict[str, Array] = {}
    for name, value in zip(state._fields, state, strict=True):
        if isinstance(value, np.ndarray):
            found[prefix + name] = value
        else:
            found |= arrays_of(value, f"{prefix}{name}.")
    return found


PASSING = (
    "cells.real",  # columns beyond the living
    "events.hour",  # rows beyond the kept
    "grid.scratch",
    "record.values",  # rows beyond the written
    "work.behaviours",
    "work.hazards",
    "work.signals",
    "work.strength",
    "work.way",
    "day_of",  # of a transplantation: not a number until the event
    "flow",
)
"""Arrays that may hold what is not a number, where nobody reads it: scratch that is written anew, and room not in use."""


def not_finite(state: Any) -> str:
    """Return the name of the first array of a state that holds NaN or infinity where none may stand, or nothing."""
    for name, array in arrays_of(state).items():
        if name not in PASSING and array.dtype == np.float64 and not np.isfinite(array).all():
            return name
    return ""


def with_arrays(state: Any, arrays: Mapping[str, Array], prefix: str = "") -> Any:
    """Return the same named tuple with the arrays of the given names in place of its own.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    values = [
        arrays[prefix + name] if isinstance(value, np.ndarray) else with_arrays(value, arrays, f"{prefix}{name}.")
        for name, value in zip(state._fields, state, strict=True)
    ]
    return type(state)(*values)


def grow(world: World) -> World:
    """Return the same world with columns for twice as many cells."""
    capacity = 2 * world.cells.uid.shape[0]
    grid = Grid(
        shape=world.grid.shape,
        spacing_um=world.grid.spacing_um,
        largest_um=world.grid.largest_um,
        start=world.grid.start,
        order=np.zeros(capacity, np.int32),
        count=world.grid.count,
        scratch=np.zeros((N_SCRATCH, capacity)),
    )
    return world._replace(cells=grow_cells(world.cells, capacity), grid=grid)


def without_events(world: World) -> tuple[World, dict[str, Array]]:
    """Take the events out of a world: return it with an empty log of room for all its cells, and what was in the log."""
    n = int(world.events.count[0])
    taken = {
        "whole": world.events.whole[:n].copy(),
        "uid": world.events.uid[:n].copy(),
        "hour": world.events.hour[:n].copy(),
    }
    room = world.events.hour.shape[0]
    if room:
        room = max(room, int(world.cells.uid.shape[0]) + 16384)
    met = np.array([0, world.events.count[1]], np.int64)
    empty = Events(met, np.zeros((room, 3), np.int64), np.zeros(room, np.uint64), np.zeros(room))
    return world._replace(events=empty), taken
