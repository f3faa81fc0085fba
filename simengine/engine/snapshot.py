"""The whole patch at one time, as arrays that can be drawn and exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.engine.names import Names
from simengine.state import cells as c
from simengine.state import world as w
from simengine.state.world import World

__all__ = ["snapshot"]


def snapshot(world: World, names: Names) -> Mapping[str, NDArray[Any]]:
    """Return cells, fields and tissue of all patches.

    Keys: ``time_h``; ``spacing_um``; ``shape`` (nx, ny, nz); ``patch_names``, ``type_names``; of cells ``x_um`` ``y_um``
    ``z_um`` ``radius_um`` ``weight`` float64[C], ``type`` ``patch`` int64[C], ``uid`` uint64[C]; ``field_<name>`` and
    ``functional`` ``injured`` ``scar`` ``void`` ``vessels`` float64[P, nz, ny, nx].
    """
    n = int(world.cells.count[0])
    real, whole = world.cells.real[:, :n], world.cells.whole[:, :n]
    box = tuple(int(length) for length in world.grid.shape)
    arrays: dict[str, NDArray[Any]] = {
        "time_h": np.array(world.clock[w.NOW] / w.TICKS_PER_H),
        "spacing_um": np.array(world.grid.spacing_um[0]),
        "shape": world.grid.shape[:0:-1].copy(),
        "patch_names": np.array(names.patches),
        "type_names": np.array([cell.label for cell in names.types]),
        "uid": world.cells.uid[:n].copy(),
        "type": whole[c.TYPE].copy(),
        "patch": whole[c.PATCH].copy(),
    }
    for name, row in (("x_um", c.X), ("y_um", c.Y), ("z_um", c.Z), ("radius_um", c.RADIUS), ("weight", c.WEIGHT)):
        arrays[name] = real[row].copy()
    for f, field in enumerate(names.fields):
        arrays[f"field_{field}"] = world.fields.value[f].reshape(box).copy()
    for row, name in enumerate(("functional", "injured", "scar", "void", "vessels")):
        arrays[name] = world.tissue[row].reshape(box).copy()
    return arrays
