"""Recognition and engagement between killers and their targets, counted in real cells.

Nobody is named here: a cell shows marks, another sees marks, and recognition is their scalar product. Targets are met
in canonical order (voxel, identity), so that sums over them do not depend on the order of memory.
"""

from __future__ import annotations

from simengine.foundation.jit import kernel

__all__ = ["MARGIN_UM", "MAX_TOUCHED", "deliver_attack", "keep_recognised", "offer_slots"]

MARGIN_UM = 1.0
"""Cells touch when their surfaces are this close, µm (about the length of membrane protrusions; a convention)."""

MAX_TOUCHED = 1024
"""Most cells that one killer can touch; fewer than a hundred fill all space at unit weight."""


@kernel
def keep_recognised(n, index, sees, marks, weight, strength):
    """Keep of the ``n`` cells in ``index`` those that are recognised; return how many.

    Parameters
    ----------
    n, index : int64, int64[MAX_TOUCHED]
        Columns of the cells in reach, in canonical order; rewritten.
    sees : float64[4]
        Sensitivity to each mark.
    marks : float64[4, C]
        What cells show: alloantigen on class I and on class II, missing self, bound antibody.
    weight : float64[C]
        Real cells per agent.
    strength : float64[MAX_TOUCHED]
        Written: weight x recognition of each kept cell (EQ-CONTACT-1), recognition = sees . marks.
    """
    kept = 0
    for m in range(n):
        j = index[m]
        seen = sees[0] * marks[0, j] + sees[1] * marks[1, j] + sees[2] * marks[2, j] + sees[3] * marks[3, j]
        if seen > 0.0:
            index[kept] = j
            strength[kept] = weight[j] * seen
            kept += 1
    return kept


@kernel
def offer_slots(slots, n, index, strength, offered):
    """Share the engagement slots of one killer among its ``n`` targets, in proportion to ``strength``.

    Adds to ``offered`` float64[C] (EQ-CONTACT-2); ``slots`` is the killer's weight in real cells.
    """
    total = 0.0
    for m in range(n):
        total += strength[m]
    for m in range(n):
        offered[index[m]] += slots * strength[m] / total


@kernel
def deliver_attack(slots, kill, n, index, strength, weight, claims, out):
    """Turn the accepted slots of one killer into hazards on its targets; return the hazard it delivered, per h.

    Parameters
    ----------
    slots, kill : float64
        The killer's weight, and the hazard that one real engaged killer puts on one real target, per h.
    n, index, strength
        From :func:`keep_recognised`.
    weight : float64[C]
        Real cells per agent.
    claims : float64[2, C]
        Slots offered to each target by all killers, and slots that it accepts.
    out : float64[C]
        Hazard of each target from this arm, per h; added to.

    Notes
    -----
    EQ-KILL-1: e_kt = offered by k to t x min(1, accepted_t / offered_t); hazard of t = kill x sum_k e_kt / weight_t.
    """
    total = 0.0
    for m in range(n):
        total += strength[m]
    delivered = 0.0
    for m in range(n):
        j = index[m]
        engaged = slots * strength[m] / total
        if claims[0, j] > claims[1, j]:
            engaged *= claims[1, j] / claims[0, j]
        out[j] += kill * engaged / weight[j]
        delivered += kill * engaged / slots
    return delivered
