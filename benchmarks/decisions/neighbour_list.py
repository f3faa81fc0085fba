"""Which cells can be in reach? The timing behind the search in simengine/kernels/forces.py.

    python benchmarks/decisions/neighbour_list.py [--repeats 9]

Interactions reach up to 30 µm, further than a voxel of 20 µm. Four ways to find partners, one result:

    bins, each pair once     bins no shorter than the reach, later bins only; force given to both sides (chosen)
    bins a quarter longer    the same with fewer, fuller bins
    bins, from both sides    the same bins, all 27; every cell gathers its own sum, nothing is written to others
    voxels within reach      no second grid: the voxels up to ceil(reach / 20 µm) away, each pair once

Seen on two shared x86-64 cores, median ratio of CPU time to the first way, in the order above: one size on a lattice,
10,000 cells (16 neighbours) 1, 1.18, 1.45, 1.89; 100,000 cells 1, 1.12, 1.43, 1.97; sizes of 4-12 µm, 10,000 cells (6
neighbours) 1, 1.22, 1.49, 1.87; 2,000 such cells in 32x32x5 voxels 1, 0.95, 1.46, 2.01. Voxels lose because 5x5x5 of
them hold more strangers than 3x3x3 bins, in shorter runs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from simengine.foundation.jit import kernel
from simengine.kernels import forces
from simengine.kernels.neighbours import locate, sort_by_voxel

SPACING = 20.0
FACTOR = 1.25


@kernel
def collect_all_around(b, bins, bin_start, packed, candidate, source):
    """Collect the 27 bins around bin `b`; return the number of candidates and where bin `b` is among them."""
    nx, ny, nz = bins
    ix, iy, iz = b % nx, b // nx % ny, b // (nx * ny)
    left, right = max(ix - 1, 0), min(ix + 2, nx)
    m = 0
    own = 0
    for jz in range(max(iz - 1, 0), min(iz + 2, nz)):
        for jy in range(max(iy - 1, 0), min(iy + 2, ny)):
            row = (jz * ny + jy) * nx
            if jz == iz and jy == iy:
                own = m + bin_start[b] - bin_start[row + left]
            m = forces._append_run(bin_start[row + left], bin_start[row + right], packed, candidate, source, m)
    return m, own


@kernel
def sum_from_both_sides(bins, bin_start, packed, reach, force):
    """Let each cell gather its own sum from all 27 bins; return the number of pairs in range."""
    n = packed.shape[1]
    candidate, gap = np.empty((4, n)), np.empty(n)
    source, near = np.empty(n, np.uint64), np.empty(n, np.uint64)
    squared_reach, per_reach = reach * reach, 1.0 / reach
    met = 0
    for b in range(bin_start.size - 1):
        cells = bin_start[b + 1] - bin_start[b]
        if cells == 0:
            continue
        m, own = collect_all_around(b, bins, bin_start, packed, candidate, source)
        for a in range(own, own + cells):
            x, y, z, radius = candidate[0, a], candidate[1, a], candidate[2, a], candidate[3, a]
            for k in range(m):
                dx, dy, dz = candidate[0, k] - x, candidate[1, k] - y, candidate[2, k] - z
                both = candidate[3, k] + radius
                gap[k] = (dx * dx + dy * dy + dz * dz) - squared_reach * (both * both)
            gap[a] = 1.0
            kept = np.uint64(0)
            for k in range(m):
                near[kept] = k
                kept += np.uint64(gap[k] < 0.0)
            this = source[a]
            fx, fy, fz = 0.0, 0.0, 0.0
            for k in range(kept):
                j = near[k]
                dx, dy, dz = candidate[0, j] - x, candidate[1, j] - y, candidate[2, j] - z
                distance = np.sqrt(dx * dx + dy * dy + dz * dz)
                relative = distance / (candidate[3, j] + radius)
                push, hold = max(1.0 - relative, 0.0), 1.0 - relative * per_reach
                f = (packed[5, source[j]] * packed[5, this]) * (hold * hold)
                f = (f - (packed[4, source[j]] * packed[4, this]) * (push * push)) / distance
                fx += f * dx
                fy += f * dy
                fz += f * dz
            force[0, this], force[1, this], force[2, this] = fx, fy, fz
            met += int(kept)
    return met // 2


@kernel
def relax_from_both_sides(shape, spacing, body, mechanics, reach, out_velocity):
    """As `forces._relax_patch`, but every cell gathers its own sum."""
    n, (multiple, largest) = body.shape[1], reach
    bins = forces._bins_across(shape, spacing, max(2.0 * multiple * largest * (1.0 + 1e-9), spacing))
    extent = (shape[3] * spacing, shape[2] * spacing, shape[1] * spacing)
    bin_start = np.empty(bins[0] * bins[1] * bins[2] + 1, np.int64)
    slot = np.empty(n, np.int64)
    forces._file_into_bins(body, extent, bins, bin_start, slot)
    packed, force = np.empty((6, n)), np.zeros((3, n))
    for i in range(n):
        k = slot[i]
        for row in range(4):
            packed[row, k] = body[row, i]
        packed[4, k], packed[5, k] = np.sqrt(mechanics[0, 0]), np.sqrt(mechanics[1, 0])
    pairs = sum_from_both_sides(bins, bin_start, packed, multiple, force)
    for i in range(n):
        for axis in range(3):
            out_velocity[axis, i] = force[axis, slot[i]] / mechanics[2, 0]
    return pairs


@kernel
def collect_later_voxels(v, far, start, shape, packed, candidate, source):
    """Collect voxel `v` and the later voxels up to `far` away, whose cells are already in order of voxels."""
    nz, ny, nx = shape[1], shape[2], shape[3]
    ix, iy, iz = v % nx, v // nx % ny, v // (nx * ny)
    left, right = max(ix - far, 0), min(ix + far + 1, nx)
    m = forces._append_run(start[v], start[v - ix + right], packed, candidate, source, 0)
    for jz in range(iz, min(iz + far + 1, nz)):
        for jy in range(max(iy - far, 0) if jz > iz else iy + 1, min(iy + far + 1, ny)):
            row = (jz * ny + jy) * nx
            m = forces._append_run(start[row + left], start[row + right], packed, candidate, source, m)
    return m


@kernel
def relax_by_voxels(shape, start, far, packed, mechanics, reach, out_velocity):
    """Velocities of one patch by the voxels that `start` describes."""
    n = packed.shape[1]
    candidate, gap, force, strength = np.empty((4, n)), np.empty(n), np.zeros((n, 4)), np.empty((n, 2))
    source, near = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for i in range(n):
        strength[i, 0], strength[i, 1] = np.sqrt(mechanics[0, 0]), np.sqrt(mechanics[1, 0])
    pairs = 0
    for v in range(start.size - 1):
        own = start[v + 1] - start[v]
        if own > 0:
            m = collect_later_voxels(v, far, start, shape, packed, candidate, source)
            for a in range(own):
                kept = forces._keep_near(a, m, candidate, reach, gap, near)
                forces._push(a, kept, near, candidate, source, strength, reach, force)
                pairs += int(kept)
    for i in range(n):
        for axis in range(3):
            out_velocity[axis, i] = force[i, axis] / mechanics[2, 0]
    return pairs


def one_size(n: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return x, y, z, radius of cells of one size (8.41 µm) on a lattice as dense as close packing, and the shape."""
    rng = np.random.default_rng(1)
    across = int(np.ceil(np.cbrt(n * 15.5**3 / np.sqrt(2.0)) / SPACING))
    side = int(np.ceil(np.cbrt(n)))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[np.arange(side) + 0.5] * 3)])[:, :n]
    places = (grid + rng.uniform(-0.1, 0.1, grid.shape)) * across * SPACING / side
    return np.vstack([places, np.full(n, 8.412710547954228)]), (1, across, across, across)


def mixed_sizes(n: int, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return x, y, z, radius of cells of 4 to 12 µm anywhere in a patch, and the shape."""
    rng = np.random.default_rng(2)
    size = np.array([[shape[3]], [shape[2]], [shape[1]]]) * SPACING
    return np.vstack([rng.random((3, n)) * size, rng.uniform(4.0, 12.0, (1, n))]), shape


def ways(cells: np.ndarray, shape_of: tuple[int, ...]) -> dict[str, Callable[[], int]]:
    """Return the four ways on the same sorted cells; they are checked against one another."""
    n = cells.shape[1]
    shape = np.array(shape_of, np.int64)
    voxel, order, kind = np.zeros((3, n), np.int32)
    start, cursor = np.empty(shape.prod() + 1, np.int64), np.empty(shape.prod(), np.int32)
    locate(n, cells, kind, SPACING, shape, voxel)
    sort_by_voxel(n, voxel, np.arange(n, dtype=np.uint64), start, order, cursor)
    cells = np.ascontiguousarray(cells[:, order])
    mechanics = np.array([[10.0], [0.4], [1.0]])
    largest = float(cells[3].max())
    out = np.empty((4, n))
    far = int(np.ceil(2 * FACTOR * largest / SPACING))
    reach, longer = (FACTOR, largest), (FACTOR, largest * 1.25)
    table = {
        "bins, each pair once": lambda: forces.relax(start, shape, SPACING, cells, kind, mechanics, reach, out),
        "bins a quarter longer": lambda: forces.relax(start, shape, SPACING, cells, kind, mechanics, longer, out),
        "bins, from both sides": lambda: relax_from_both_sides(shape, SPACING, cells, mechanics, reach, out),
        "voxels within reach": lambda: relax_by_voxels(shape, start, far, cells, mechanics, FACTOR, out),
    }
    velocities = []
    for way in table.values():
        way()
        velocities.append(out[:3].copy())
    if np.ptp(velocities, axis=0).max() > 1e-11:
        raise ValueError("the ways to find neighbours disagree")
    return table


def main() -> None:
    """Time the ways in interleaved repeats and print least and median CPU time and the ratio to the chosen one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    cases = {
        "one size on a lattice, 10,000 cells": one_size(10_000),
        "one size on a lattice, 100,000 cells": one_size(100_000),
        "sizes of 4-12 µm, 10,000 cells": mixed_sizes(10_000, (1, 19, 20, 20)),
        "sizes of 4-12 µm, 2,000 cells in 32x32x5 voxels": mixed_sizes(2_000, (1, 5, 32, 32)),
    }
    for title, case in cases.items():
        table = ways(*case)
        n = case[0].shape[1]
        steps = max(1, 40_000 // n)
        ns: dict[str, list[float]] = {name: [] for name in table}
        for _ in range(repeats):
            for name, way in table.items():
                begun = time.process_time()
                for _ in range(steps):
                    pairs = way()
                ns[name].append((time.process_time() - begun) * 1e9 / n / steps)
        print(f"{title}: {2 * pairs / n:.1f} neighbours; ns of CPU per agent and step")
        chosen = ns["bins, each pair once"]
        for name, seen in ns.items():
            ratio = statistics.median(a / b for a, b in zip(seen, chosen, strict=True))
            print(f"  {name:22s} min {min(seen):6.1f}   median {statistics.median(seen):6.1f}   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
