"""Cells push and hold one another: pair forces, and the move they cause.

Ground, canonical order, ``start``, ``shape`` and ``body`` are those of `simengine.kernels.neighbours`. Forces act
within one patch, and each patch is computed by itself: stacked or alone, it gives the same bits.

The search grid is not the voxel grid. Interactions reach up to 2·`reach`·(largest radius), 30 µm for cardiomyocytes,
further than a 20 µm voxel; per patch, cells are therefore filed into *bins* no shorter than that, whose 3×3×3 (3×3 in
one layer) hold every partner. Each pair is met once, from the bin that comes first, and its force is given to both
sides. ``benchmarks/decisions/neighbour_list.py`` holds the timing that this rests on.

Why the loops look as they do: bins adjacent in x are contiguous in memory, so the candidates of a bin are five runs,
copied once to a buffer; squared distances are a loop without branches, which the compiler turns into vectors; the few
pairs in range (one in nine) are kept by a counter that advances or not; and only these get a square root and divisions.
Unsigned indices spare the test for negative ones.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.kernels.neighbours import interval_of, reflect

__all__ = ["displace", "relax", "yielding"]

NUDGE = 1e-9  # µm; two cells at one place are taken to lie this far apart along x, the earlier one on the left


@inlined
def _bins_across(shape, spacing, edge):
    """Return (nx, ny, nz): how many bins, none shorter than `edge` (µm), fit into a patch; at least one per axis."""
    return (
        max(int(shape[3] * spacing / edge), 1),
        max(int(shape[2] * spacing / edge), 1),
        max(int(shape[1] * spacing / edge), 1),
    )


@inlined
def _file_into_bins(body, extent, bins, bin_start, slot):
    """Write the slot of each cell of a patch in bin order (bin, then canonical order), and where bins begin."""
    n = slot.size
    n_bins = bin_start.size - 1
    bin_start[:] = 0
    which = np.empty(n, np.int64)
    for i in range(n):
        ix = interval_of(body[0, i], extent[0] / bins[0], bins[0])
        iy = interval_of(body[1, i], extent[1] / bins[1], bins[1])
        iz = interval_of(body[2, i], extent[2] / bins[2], bins[2])
        which[i] = (iz * bins[1] + iy) * bins[0] + ix
        bin_start[which[i] + 1] += 1
    for b in range(n_bins):
        bin_start[b + 1] += bin_start[b]
    for i in range(n):
        slot[i] = bin_start[which[i]]
        bin_start[which[i]] += 1
    for b in range(n_bins, 0, -1):
        bin_start[b] = bin_start[b - 1]
    bin_start[0] = 0


@kernel
def _append_run(begin, end, packed, candidate, source, m):
    """Append slots begin..end−1 to the candidates (x, y, z, radius, and the slot itself); return how many there are."""
    o = np.uint64(m)
    for k in range(np.uint64(begin), np.uint64(end)):
        x, y, z, radius = packed[0, k], packed[1, k], packed[2, k], packed[3, k]
        candidate[0, o] = x
        candidate[1, o] = y
        candidate[2, o] = z
        candidate[3, o] = radius
        source[o] = k
        o += np.uint64(1)
    return m + end - begin


@kernel
def _collect(at, bins, bin_start, packed, candidate, source):
    """Collect the bin at (x, y, z) and the bins around it that come later, itself first; return the number of candidates."""
    nx, ny, nz = bins
    ix, iy, iz = at
    b = (iz * ny + iy) * nx + ix
    left = max(ix - 1, 0) - ix
    right = min(ix + 1, nx - 1) - ix + 1
    m = _append_run(bin_start[b], bin_start[b + right], packed, candidate, source, 0)
    if iy + 1 < ny:
        row = b + nx
        m = _append_run(bin_start[row + left], bin_start[row + right], packed, candidate, source, m)
    if iz + 1 < nz:
        for jy in range(max(iy - 1, 0), min(iy + 2, ny)):
            row = b + nx * (ny + jy - iy)
            m = _append_run(bin_start[row + left], bin_start[row + right], packed, candidate, source, m)
    return m


@kernel
def _keep_near(a, m, candidate, reach, gap, near):
    """Write to `near` which of the candidates after `a` lie within reach of it; return how many."""
    x, y, z, radius = candidate[0, a], candidate[1, a], candidate[2, a], candidate[3, a]
    after_x, after_y, after_z, after_r = (
        candidate[0, a + 1 : m],
        candidate[1, a + 1 : m],
        candidate[2, a + 1 : m],
        candidate[3, a + 1 : m],
    )
    squared_reach = reach * reach
    for k in range(m - a - 1):
        dx, dy, dz = after_x[k] - x, after_y[k] - y, after_z[k] - z
        both = after_r[k] + radius
        gap[k] = (dx * dx + dy * dy + dz * dz) - squared_reach * (both * both)
    kept = np.uint64(0)
    for k in range(m - a - 1):
        near[kept] = a + 1 + k
        kept += np.uint64(gap[k] < 0.0)
    return kept


@kernel
def _push(a, kept, near, candidate, source, strength, reach, force):
    """Add the forces between candidate `a` and the `kept` near ones, and their stiffness, to both sides."""
    x, y, z, radius = candidate[0, a], candidate[1, a], candidate[2, a], candidate[3, a]
    own = source[a]
    repulsion, adhesion = strength[own, 0], strength[own, 1]
    per_reach = 1.0 / reach
    sum_x, sum_y, sum_z, sum_stiff = 0.0, 0.0, 0.0, 0.0
    for k in range(kept):
        b = near[k]
        other = source[b]
        dx, dy, dz = candidate[0, b] - x, candidate[1, b] - y, candidate[2, b] - z
        squared = dx * dx + dy * dy + dz * dz
        if squared == 0.0:
            dx, squared = NUDGE, NUDGE * NUDGE
        distance = np.sqrt(squared)
        per_both = 1.0 / (candidate[3, b] + radius)
        relative = distance * per_both
        push = max(1.0 - relative, 0.0)
        hold = 1.0 - relative * per_reach
        pressing = (strength[other, 0] * repulsion) * push
        f = ((strength[other, 1] * adhesion) * (hold * hold) - pressing * push) / distance
        stiff = pressing * per_both
        dx *= f
        dy *= f
        dz *= f
        sum_x += dx
        sum_y += dy
        sum_z += dz
        sum_stiff += stiff
        force[other, 0] -= dx
        force[other, 1] -= dy
        force[other, 2] -= dz
        force[other, 3] += stiff
    force[own, 0] += sum_x
    force[own, 1] += sum_y
    force[own, 2] += sum_z
    force[own, 3] += sum_stiff


@kernel
def _sum_forces(bins, bin_start, packed, strength, reach, force):
    """Add up all pair forces of a patch in bin order; return the number of pairs in range."""
    n = packed.shape[1]
    candidate = np.empty((4, n))
    source = np.empty(n, np.uint64)
    near = np.empty(n, np.uint64)
    gap = np.empty(n)
    pairs, b = 0, 0
    for z in range(bins[2]):
        for y in range(bins[1]):
            for x in range(bins[0]):
                own = bin_start[b + 1] - bin_start[b]
                b += 1
                if own > 0:
                    m = _collect((x, y, z), bins, bin_start, packed, candidate, source)
                    for a in range(own):
                        kept = _keep_near(a, m, candidate, reach, gap, near)
                        if kept > 0:
                            _push(a, kept, near, candidate, source, strength, reach, force)
                            pairs += int(kept)
    return pairs


@inlined
def _relax_patch(shape, spacing, body, kind, mechanics, reach, out_velocity):
    """Write the velocities of one patch, whose cells are all the columns given; return the number of pairs in range."""
    n = body.shape[1]
    multiple, largest = reach
    for i in range(n):
        if body[3, i] > largest:
            largest = body[3, i]
    bins = _bins_across(shape, spacing, max(2.0 * multiple * largest * (1.0 + 1e-9), spacing))
    extent = (shape[3] * spacing, shape[2] * spacing, shape[1] * spacing)
    bin_start = np.empty(bins[0] * bins[1] * bins[2] + 1, np.int64)
    slot = np.empty(n, np.int64)
    _file_into_bins(body, extent, bins, bin_start, slot)
    packed, strength = np.empty((4, n)), np.empty((n, 2))
    roots, per_drag = np.sqrt(mechanics[:2]), 1.0 / mechanics[2]
    for i in range(n):
        k = slot[i]
        packed[0, k], packed[1, k], packed[2, k], packed[3, k] = body[0, i], body[1, i], body[2, i], body[3, i]
        strength[k, 0], strength[k, 1] = roots[0, kind[i]], roots[1, kind[i]]
    force = np.zeros((n, 4))
    pairs = _sum_forces(bins, bin_start, packed, strength, multiple, force)
    for i in range(n):
        k, mobility = slot[i], per_drag[kind[i]]
        for axis in range(3):
            out_velocity[axis, i] = force[k, axis] * mobility
        out_velocity[3, i] = 2.0 * force[k, 3] * mobility
    return pairs


@kernel
def relax(start, shape, spacing, body, kind, mechanics, reach, out_velocity):
    """Write the velocity that repulsion and adhesion give to each cell, and its stiffness; return the pairs in range.

    Parameters
    ----------
    start : int64[V + 1], from `sort_by_voxel`; cells are in canonical order.
    shape : int64[4] = (P, nz, ny, nx); spacing : float64, µm.
    body : float64[≥4, C], rows x, y, z, radius, µm.
    kind : int32[C], the column of `mechanics` that holds for each cell.
    mechanics : float64[≥3, T], rows repulsion c_r, adhesion c_a (force, ≥ 0) and drag (force per µm/min, > 0).
    reach : (multiple, largest): adhesion acts up to `multiple` ≥ 1 of the sum of radii; `largest` is a radius (µm) that no
        cell of the run exceeds, or 0. It sets the bins: while it holds, a large cell that arrives elsewhere does not
        regroup anybody's sums. A larger cell is still treated correctly.
    out_velocity : float64[≥4, C], µm/min, rows 0 to 2 written for the cells of `start`; row 3 the stiffness, per min.

    Returns
    -------
    int64; the mean number of neighbours of a cell is twice this over the number of cells.

    Notes
    -----
    EQ-FORCE-1: with R = r_i + r_j, S = s·R, distance d, and n the unit vector from j to i, the force on i is

        [√(c_r,i·c_r,j)·(1 − d/R)² for d < R  −  √(c_a,i·c_a,j)·(1 − d/S)² for d < S] · n,

    and on j its exact opposite: coefficients are geometric means, so that a pair agrees on them. Motion is
    overdamped, velocity = force/drag, so Σ drag·velocity = 0 up to rounding. Two cells at one place are pushed apart
    along x. In one layer all z are equal and the z velocity is zero.

    EQ-FORCE-3: the stiffness of a cell is Σ_j 2·√(c_r,i·c_r,j)·(1 − d/R)/R over drag: how fast its velocity falls while
    it yields alone to all that press on it.

    Source: the pair law of PhysiCell, Ghaffarizadeh et al., PLoS Comput Biol 14:e1005991 (2018), which takes geometric
    means as well.

    Checked against all pairs in ``tests/unit/test_forces.py``.
    """
    n_voxels = shape[1] * shape[2] * shape[3]
    pairs = 0
    for patch in range(shape[0]):
        first, last = start[patch * n_voxels], start[(patch + 1) * n_voxels]
        if last > first:
            pairs += _relax_patch(
                shape,
                spacing,
                body[:, first:last],
                kind[first:last],
                mechanics,
                reach,
                out_velocity[:, first:last],
            )
    return pairs


@kernel
def yielding(count, velocity, minutes, cap, body):
    """Turn the velocity of the first `count` cells into how far it takes them, at most `cap` radii; return how many were cut.

    Parameters
    ----------
    velocity : float64[≥4, C], from `relax`: µm/min, and the stiffness, per min; rows 0 to 2 become µm.
    minutes : float64.
    cap : float64, the longest move as a fraction of the cell's radius; a longer one keeps its direction.
    body : float64[≥4, C], row 3 the radius, µm.

    Notes
    -----
    EQ-FORCE-2: move = velocity·t/(1 + 2κt), with the stiffness κ and t in min, cut to cap·radius: a linearly implicit
    Euler step. For two cells that press on each other 2κ is the slope of the force; many neighbours make it an upper
    bound, so that no step, however long, throws a cell beyond where the force has gone. A forward Euler step of 6 min
    with c_r/drag = 10 µm/min and 11 neighbours never settles; this one does, as ``tests/unit/test_forces.py`` shows.
    """
    capped = 0
    for i in range(count):
        lasting = minutes / (1.0 + 2.0 * velocity[3, i] * minutes)
        dx, dy, dz = lasting * velocity[0, i], lasting * velocity[1, i], lasting * velocity[2, i]
        move, longest = np.sqrt(dx * dx + dy * dy + dz * dz), cap * body[3, i]
        kept = longest / move if move > longest else 1.0
        capped += int(move > longest)
        velocity[0, i], velocity[1, i], velocity[2, i] = kept * dx, kept * dy, kept * dz
    return capped


@kernel
def displace(count, displacement, shape, spacing, body):
    """Move the first `count` cells.

    Parameters
    ----------
    displacement : float64[≥3, C], µm.
    shape : int64[4] = (P, nz, ny, nx); spacing : float64, µm. Walls reflect; in one layer z stays.
    body : float64[≥4, C], rows 0 to 2 rewritten.
    """
    width, depth, height = shape[3] * spacing, shape[2] * spacing, shape[1] * spacing
    for i in range(count):
        body[0, i] = reflect(body[0, i] + displacement[0, i], width)
        body[1, i] = reflect(body[1, i] + displacement[1, i], depth)
        if shape[1] > 1:
            body[2, i] = reflect(body[2, i] + displacement[2, i], height)
