"""Recognition and engagement between killers and their targets, counted in real cells.

Nobody is named here: a cell shows marks, another sees marks, and recognition is their scalar product. Targets are met
in canonical order (voxel, identity), so that sums over them do not depend on the order of memory.
"""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel

__all__ = ["MARGIN_UM", "MAX_TOUCHED", "deliver_attack", "keep_recognised", "offer_slots", "share_in_reach"]

MARGIN_UM = 1.0
"""Cells touch when their surfaces are this close, µm (about the length of membrane protrusions; a convention)."""

MAX_TOUCHED = 1024
"""Most cells that one killer can touch; fewer than a hundred fill all space at unit weight."""


@kernel
def swept_volume(reach, way):
    """Return the volume within ``reach`` (µm) of a straight way of length ``way`` (µm), in units of π µm³."""
    return reach * reach * (4.0 / 3.0 * reach + way)


@inlined
def share_in_reach(single, agent, way):
    """Return which share of the real cells of a touched agent a killer reaches on its way.

    Parameters
    ----------
    single, agent : float64
        Distance (µm) at which two single cells touch, and that at which the two agents do.
    way : float64
        Length of the killer's way, µm.

    Notes
    -----
    EQ-CONTACT-4: the share is the volume swept by single cells over that swept by the agents. An agent of ten cells is
    touched from farther off than each of its cells would be; with all of them in reach at once killers would engage the
    more the coarser the agents. With this share the mean number of real cells in reach is the same at any weight.
    """
    return swept_volume(single, way) / swept_volume(agent, way)


@inlined
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
        On entry the share of each agent's real cells that is in reach, see :func:`share_in_reach`. Rewritten:
        share x weight x recognition of each kept cell (EQ-CONTACT-1), recognition = sees . marks.
    """
    kept = 0
    for m in range(n):
        j = index[m]
        seen = 0.0
        for mark in range(sees.size):
            seen += sees[mark] * marks[mark, j]
        if seen > 0.0:
            index[kept] = j
            strength[kept] = strength[m] * weight[j] * seen
            kept += 1
    return kept


@inlined
def offer_slots(slots, n, index, strength, offered):
    """Share the engagement slots of one killer among its ``n`` targets, in proportion to ``strength``.

    Adds to ``offered`` float64[C] (EQ-CONTACT-2); ``slots`` is the killer's weight in real cells.
    """
    total = 0.0
    for m in range(n):
        total += strength[m]
    for m in range(n):
        offered[index[m]] += slots * strength[m] / total


@inlined
def deliver_attack(slots, kill, n, index, strength, weight, accepted, out):
    """Turn the accepted slots of one killer into hazards on its targets; return the hazard it delivered, per h.

    Parameters
    ----------
    slots, kill : float64
        The killer's weight, and the hazard that one real engaged killer puts on one real target, per h.
    n, index, strength
        From :func:`keep_recognised`.
    weight : float64[C]
        Real cells per agent.
    accepted : float64[C]
        Share of the slots offered to each target by all killers that it accepts, 0-1.
    out : float64[C]
        Hazard of each target from this arm, per h; added to.

    Notes
    -----
    EQ-KILL-1: e_kt = offered by k to t x min(1, places of t / offered_t); hazard of t = kill x sum_k e_kt / weight_t.
    """
    total = 0.0
    for m in range(n):
        total += strength[m]
    delivered = 0.0
    for m in range(n):
        j = index[m]
        engaged = slots * strength[m] / total * accepted[j]
        out[j] += kill * engaged / weight[j]
        delivered += kill * engaged / slots
    return delivered
