"""Where cells stand: voxels, walls, canonical order, and the cells within reach of a path.

The ground is a stack of P *patches*, each a closed box of nz·ny·nx cubic voxels of edge `spacing` (µm). A cell has a
patch and a place local to it, 0..nx·spacing and so on. ``shape`` is int64[4] = (P, nz, ny, nx), and a voxel's number is
((patch·nz + iz)·ny + iy)·nx + ix. One layer (nz = 1) is a 2-D patch: all its cells have z at mid-layer.

The *canonical order* of cells is (voxel, identity). Cells are physically kept in it, so that every sum over cells has
one order, whatever memory looked like before, and so that neighbours in space are neighbours in memory. ``start`` is
int64[V + 1]: the cells of voxel v are ``start[v]`` to ``start[v + 1]``, those of patch p are contiguous.

``body`` is a float64 block whose rows 0 to 3 are x, y, z and radius (µm); it may have more. The radius is that of the
whole agent: one that stands for w real cells of radius r has r·w^(1/3), so its volume is that of them all.

No place, not even a NaN, leads outside an array.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel

__all__ = [
    "DUPLICATE",
    "IN_ORDER",
    "MAX_EDGE",
    "axis_share",
    "filled_voxels",
    "interval_of",
    "locate",
    "permute",
    "reflect",
    "sort_by_voxel",
    "swept_contacts",
    "voxel_of",
]

IN_ORDER, DUPLICATE = 0, 1

MAX_EDGE = 9.0
"""Most voxels along one edge of an agent: 729 cells fill all that may be listed, heavier agents are as wide."""


@kernel
def interval_of(place, edge, n):
    """Return which of `n` intervals of length `edge` holds `place`, counted from 0; outside (or NaN), the nearest."""
    t = place / edge
    if not t > 0.0:
        return 0
    if t >= n:
        return n - 1
    return int(t)


@kernel
def voxel_of(x, y, z, patch, spacing, shape):
    """Return the number of the voxel that holds the place (x, y, z) (µm) of a patch; outside, the nearest voxel."""
    ix = interval_of(x, spacing, shape[3])
    iy = interval_of(y, spacing, shape[2])
    iz = interval_of(z, spacing, shape[1])
    return ((patch * shape[1] + iz) * shape[2] + iy) * shape[3] + ix


@kernel
def axis_share(at, edge, place, n):
    """Return which share of a cube of ``edge`` voxels around the middle of voxel ``at`` lies in voxel ``place`` of an axis.

    Of what lies beyond the walls of the ``n`` voxels nothing is lost: the shares within them sum to 1.
    """
    inside, held = 0.0, 0.0
    reach = int(np.ceil(0.5 * edge - 0.5))
    for other in range(max(at - reach, 0), min(at + reach, n - 1) + 1):
        overlap = min(1.0, 0.5 * edge + 0.5 - abs(other - at))
        inside += overlap
        if other == place:
            held = overlap
    return held / inside


@kernel
def filled_voxels(voxel, edge, shape, out_voxel, out_share):
    """List the voxels that an agent fills, with its share in each; return how many.

    Parameters
    ----------
    voxel : int64, the voxel of its centre, counted inside its patch.
    edge : float64, the cube root of its real cells: where one cell counts in one voxel, w cells count in w voxels. At most
        MAX_EDGE is used.
    shape : int64[4] = (P, nz, ny, nx).
    out_voxel, out_share : int64[K], float64[K] with K ≥ MAX_EDGE³, written; the shares sum to 1.

    Notes
    -----
    EQ-SPREAD-1: the agent is a cube of ``edge`` voxels around its voxel's middle; its share is their overlap.
    """
    if edge <= 1.0:
        out_voxel[0], out_share[0] = voxel, 1.0
        return 1
    edge = min(edge, MAX_EDGE)
    nz, ny, nx = shape[1], shape[2], shape[3]
    ix, iy, iz = voxel % nx, (voxel // nx) % ny, voxel // (nx * ny)
    reach = int(np.ceil(0.5 * edge - 0.5))
    n = 0
    for z in range(max(iz - reach, 0), min(iz + reach, nz - 1) + 1):
        share_z = axis_share(iz, edge, z, nz)
        for y in range(max(iy - reach, 0), min(iy + reach, ny - 1) + 1):
            share_zy = share_z * axis_share(iy, edge, y, ny)
            for x in range(max(ix - reach, 0), min(ix + reach, nx - 1) + 1):
                out_voxel[n] = (z * ny + y) * nx + x
                out_share[n] = share_zy * axis_share(ix, edge, x, nx)
                n += 1
    return n


@kernel
def reflect(place, extent):
    """Return where a move to `place` ends between perfect mirrors at 0 and `extent` (µm), however long the move was.

    Notes
    -----
    The mirror images of the box repeat with period 2·extent and are even: y = |x| mod 2L, then 2L − y where y > L. A
    place within the box is returned bit for bit, one mirrored once is exact. A uniform density stays uniform, which
    a clamp at the wall would spoil. A NaN stays one.
    """
    period = 2.0 * extent
    folded = abs(place)
    if folded > period:
        folded -= period * np.floor(folded / period)
    if folded > extent:
        folded = period - folded
    if folded < 0.0:
        return 0.0
    return folded


@kernel
def locate(count, body, patch, spacing, shape, out_voxel):
    """Write the voxel number of each of the first `count` cells.

    Parameters
    ----------
    body : float64[≥4, C], see the module.
    patch : int32[C].
    spacing : float64, µm.
    shape : int64[4] = (P, nz, ny, nx).
    out_voxel : int32[C], written.
    """
    for i in range(count):
        out_voxel[i] = voxel_of(body[0, i], body[1, i], body[2, i], patch[i], spacing, shape)


@kernel
def sort_by_voxel(count, voxel, uid, start, order, work):
    """Find the canonical order (voxel, identity) of the first `count` cells; return IN_ORDER or DUPLICATE.

    Parameters
    ----------
    voxel : int32[C], 0 ≤ voxel < V.
    uid : uint64[C], permanent identities.
    start : int64[V + 1], written: where each voxel begins.
    order : int32[C], written: ``order[k]`` is the present index of the cell that belongs at k.
    work : int32[≥ V], overwritten.

    Notes
    -----
    A counting sort over voxels, then an insertion sort by identity inside each. Cells that were in order and stayed
    in their voxel cost one comparison. DUPLICATE means that two cells of one voxel share an identity; their order is
    then undefined and the run must stop.

    Checked in ``tests/unit/test_neighbours.py``.
    """
    n_voxels = start.size - 1
    start[:] = 0
    for i in range(count):
        start[voxel[i] + 1] += 1
    for v in range(n_voxels):
        work[v] = start[v]
        start[v + 1] += start[v]
    for i in range(count):
        v = voxel[i]
        order[work[v]] = i
        work[v] += 1
    status = IN_ORDER
    for k in range(1, count):
        i = order[k]
        identity = uid[i]
        first = start[voxel[i]]
        j = k
        while j > first and uid[order[j - 1]] > identity:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
        if j > first and uid[order[j - 1]] == identity:
            status = DUPLICATE
    return status


@kernel
def permute(real, whole, uid, order, count):
    """Bring the first `count` columns into the order given: new column k is the old column ``order[k]``.

    Parameters
    ----------
    real : float64[R, C]; whole : int32[W, C]; uid : uint64[C], rewritten.
    order : int32[C], a permutation of 0..count−1.

    Notes
    -----
    Only columns that change place are touched: from step to step about one in ten.
    """
    moved = np.empty(count, np.uint64)
    origin = np.empty(count, np.uint64)
    n = np.uint64(0)
    for k in range(count):
        moved[n] = k
        origin[n] = order[k]
        n += np.uint64(order[k] != k)
    moved, origin = moved[:n], origin[:n]
    buffer, numbers = np.empty(n), np.empty(n, np.int32)
    for row in range(real.shape[0]):
        for m in range(n):
            buffer[m] = real[row, origin[m]]
        for m in range(n):
            real[row, moved[m]] = buffer[m]
    for row in range(whole.shape[0]):
        for m in range(n):
            numbers[m] = whole[row, origin[m]]
        for m in range(n):
            whole[row, moved[m]] = numbers[m]
    names = np.empty(n, np.uint64)
    for m in range(n):
        names[m] = uid[origin[m]]
    for m in range(n):
        uid[moved[m]] = names[m]


@kernel
def swept_contacts(i, to, body, start, shape, spacing, reach, out_index):
    """Find the cells that cell `i` touches on its straight way from its place to `to`; return how many.

    Parameters
    ----------
    i : int64, the moving cell; it never touches itself.
    to : float64[3], µm, the end of the way.
    body : float64[≥4, C], see the module.
    start : int64[nz·ny·nx + 1], that of the cell's own patch: ``start[p·V : (p + 1)·V + 1]`` with V = nz·ny·nx.
    shape : int64[4] = (P, nz, ny, nx); spacing : float64, µm.
    reach : (margin, largest), float64, µm: surfaces at most `margin` apart touch; `largest` is a radius that no other
        cell exceeds, plus the longest move of others since they were sorted.
    out_index : int64[K], written: the cells touched, in canonical order.

    Returns
    -------
    int64, the number found. Above K only the first K were written: the caller needs a longer `out_index`. What follows
    the last one found is scratch.

    Notes
    -----
    Contact: least distance from the other's centre to the segment ≤ r_i + r_j + margin. Testing the way and not its
    end alone keeps fast cells from jumping over others (else capture is too low by a term of order √dt). Ask leg by leg
    for a way that is folded at a wall. Every candidate is written, and the counter advances or not: half the time of a
    branch.

    Checked against all pairs in ``tests/unit/test_neighbours.py``.
    """
    x, y, z = body[0, i], body[1, i], body[2, i]
    way_x, way_y, way_z = to[0] - x, to[1] - y, to[2] - z
    squared_way = way_x * way_x + way_y * way_y + way_z * way_z
    per_squared_way = 1.0 / squared_way if squared_way > 0.0 else 0.0
    own = body[3, i] + reach[0]
    search = own + reach[1]
    from_x = interval_of(min(x, to[0]) - search, spacing, shape[3])
    past_x = interval_of(max(x, to[0]) + search, spacing, shape[3]) + 1
    from_y = interval_of(min(y, to[1]) - search, spacing, shape[2])
    past_y = interval_of(max(y, to[1]) + search, spacing, shape[2]) + 1
    from_z = interval_of(min(z, to[2]) - search, spacing, shape[1])
    past_z = interval_of(max(z, to[2]) + search, spacing, shape[1]) + 1
    mover = np.uint64(i)
    found = 0
    for iz in range(from_z, past_z):
        for iy in range(from_y, past_y):
            row = (iz * shape[2] + iy) * shape[3]
            for j in range(np.uint64(start[row + from_x]), np.uint64(start[row + past_x])):
                dx, dy, dz = body[0, j] - x, body[1, j] - y, body[2, j] - z
                t = min(max((dx * way_x + dy * way_y + dz * way_z) * per_squared_way, 0.0), 1.0)
                dx -= t * way_x
                dy -= t * way_y
                dz -= t * way_z
                touch = own + body[3, j]
                touches = dx * dx + dy * dy + dz * dz <= touch * abs(touch)
                if found < out_index.size:
                    out_index[found] = j
                found += int(touches and j != mover)
    return found
