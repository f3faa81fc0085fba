"""Cells as columns: two blocks of numbers and one row of identities, one column per cell.

Living cells fill the first ``count[0]`` columns, sorted by (voxel, identity). Nothing refers to a cell by its column
across a step: the permanent identity is its only name.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_ARMS", "N_MARKS", "Cells", "allocate_cells", "grow_cells"]

N_ARMS = 4
"""Number of arms of attack that a cell can suffer from at once."""

# Rows of Cells.real; the first four are the body that kernels.neighbours expects ----------------------------------------
(
    X,  # position inside the patch, µm
    Y,
    Z,
    RADIUS,  # of the whole agent, µm: with the cube root of its weight
    WEIGHT,  # real cells that this agent stands for
    HEADING_X,  # unit vector of the walk
    HEADING_Y,
    HEADING_Z,
    DRIFT_X,  # bias of the walk: sum over sensed gradients
    DRIFT_Y,
    DRIFT_Z,
    SPEED,  # µm per minute
    DEATH_LEFT,  # remaining cumulative hazard until death, starts Exp(1)
    PROGRESS_LEFT,  # remaining cumulative hazard until the next division or transition, starts Exp(1)
    OWED_H,  # time of the last step that a changed cell has not lived through yet, h
    FRAILTY,  # 1 for cells drawn fragile, else 0
    ACTIVATION,  # licensing of stromal cells, 0-1
    POLARISATION,  # macrophages: 0 = M1, 1 = M2
    FATIGUE,  # killers: hazard delivered so far
    ENGAGING,  # rate of engaging a fully recognised real cell in reach, per h
    KILLING,  # hazard that one real engaged cell puts on its target, per h
    CLASS_1,  # what a target shows: alloantigen on class I
    CLASS_2,  # alloantigen on class II
    MISSING_SELF,  # absence of class I ligands, 0-1
    OPSONISED,  # antibody bound, 0-1
    PRESENTED,  # antigen that the host's own cells present for the graft cell
) = range(26)
N_MARKS = 5
"""Marks that a target can show: the rows from CLASS_1 on."""
N_REAL = 26

# Rows of Cells.whole --------------------------------------------------------------------------------------------------
(
    TYPE,  # row of the type table: a kind in one stage
    PATCH,
    VOXEL,  # global voxel, see kernels.neighbours
    BORN,  # base tick of birth or arrival
    SINCE,  # base tick since when in this stage
    DIVISIONS,  # ordinal of the next division: address of the daughter's identity
    RENEWALS,  # ordinal of the next progress threshold: address of its draw
    ENGAGED_UNTIL,  # base tick at which the engagement ends, -1 = searching
    FATE,  # of the running step: -1 = lives on, else cause of death
) = range(9)
N_WHOLE = 9


class Cells(NamedTuple):
    """Columns of all agents of one patient.

    ``count`` int64[1] living cells; ``real`` float64[N_REAL, C]; ``whole`` int32[N_WHOLE, C]; ``uid`` uint64[C].
    """

    count: NDArray[np.int64]  # type: ignore[assignment]
    real: NDArray[np.float64]
    whole: NDArray[np.int32]
    uid: NDArray[np.uint64]


def allocate_cells(capacity: int) -> Cells:
    """Return empty columns for ``capacity`` cells."""
    return Cells(
        np.zeros(1, np.int64),
        np.zeros((N_REAL, capacity)),
        np.zeros((N_WHOLE, capacity), np.int32),
        np.zeros(capacity, np.uint64),
    )


def grow_cells(cells: Cells, capacity: int) -> Cells:
    """Return the same cells in columns with room for ``capacity``."""
    larger = allocate_cells(capacity)
    n = int(cells.count[0])
    larger.count[0] = n
    larger.real[:, :n] = cells.real[:, :n]
    larger.whole[:, :n] = cells.whole[:, :n]
    larger.uid[:n] = cells.uid[:n]
    return larger
