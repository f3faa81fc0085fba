"""Infusions and injections: doses flow into their place of administration, whole cells at a time."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.state import body as b


@inlined
def carry(world, tick, hours, first, last):
    """Give what is due in ``[tick, tick + hours)``: the whole part of the line from first to last tick (EQ-DOSE-1).

    What is dead in the syringe is booked as lost at delivery.
    """
    body = world.body
    end = float(tick) + hours * 120.0
    for d in range(body.doses.shape[0]):
        start, stop = body.doses[d, b.DOSE_FIRST_TICK], body.doses[d, b.DOSE_LAST_TICK]
        if end <= start:
            continue
        share = min(1.0, (end - start) / max(stop - start, 1.0))
        due = int(body.doses[d, b.DOSE_CELLS] * share + 1e-9) if share < 1.0 else int(body.doses[d, b.DOSE_CELLS])
        alive = int(due * body.doses[d, b.DOSE_VIABLE]) - int(body.given[d] * body.doses[d, b.DOSE_VIABLE])
        body.counts[int(body.doses[d, b.DOSE_DEPOT])] += alive
        body.counts[b.LOST_AT_DELIVERY] += due - body.given[d] - alive
        body.given[d] = due
