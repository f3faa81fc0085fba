"""Licensing: stromal cells must be switched on by inflammation before they suppress."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.kernels.fates import relax_towards
from simengine.mechanisms.registry import BEHAVIOURS
from simengine.state import cells as c

LICENSING_PER_H = BEHAVIOURS("licensing_per_h", "1/h", "rate at which inflammation licenses the cell", 0.0, 5.0)
UNLICENSING_PER_H = BEHAVIOURS("unlicensing_per_h", "1/h", "rate at which licensing fades", 0.0, 5.0)


@inlined
def act(world, tick, hours, first, last):
    """Move the licensing of each cell of a chunk towards its balance, exactly (``relax_towards``)."""
    behaviours = world.work.behaviours
    state = world.cells.real[c.ACTIVATION]
    for k in range(last - first):
        i = first + k
        state[i] = relax_towards(state[i], behaviours[LICENSING_PER_H, k], behaviours[UNLICENSING_PER_H, k], hours)
