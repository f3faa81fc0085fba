"""Macrophage polarisation: from inflammatory (M1) to reparative (M2) and back."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.kernels.fates import relax_towards
from simengine.mechanisms.registry import BEHAVIOURS
from simengine.state import cells as c

TO_M2_PER_H = BEHAVIOURS("to_m2_per_h", "1/h", "rate of turning from M1 to M2", 0.0, 5.0)
TO_M1_PER_H = BEHAVIOURS("to_m1_per_h", "1/h", "rate of turning from M2 to M1", 0.0, 5.0)


@inlined
def act(world, tick, hours, first, last):
    """Move the polarisation of each cell of a chunk towards its balance, exactly (``relax_towards``)."""
    behaviours = world.work.behaviours
    state = world.cells.real[c.POLARISATION]
    for k in range(last - first):
        i = first + k
        state[i] = relax_towards(state[i], behaviours[TO_M2_PER_H, k], behaviours[TO_M1_PER_H, k], hours)
