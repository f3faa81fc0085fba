"""The log of single events: who, what, when, exactly."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.state import cells as c

__all__ = ["log_event"]


@kernel
def log_event(world, tick, hour, event, i):
    """Count an event, and keep it while the log has room (the engine stops before it is full)."""
    events = world.events
    events.count[1] += 1
    n = events.count[0]
    if n < events.hour.shape[0]:
        events.whole[n, 0] = tick
        events.whole[n, 1] = event
        events.whole[n, 2] = world.cells.whole[c.TYPE, i]
        events.uid[n] = world.cells.uid[i]
        events.hour[n] = hour
        events.count[0] = n + 1
