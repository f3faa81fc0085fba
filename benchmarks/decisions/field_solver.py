"""How to find a field's steady state, warm? The timing behind simengine/kernels/fields_steady.py.

    python benchmarks/decisions/field_solver.py [--repeats 9]

Losses jump fiftyfold in a tenth of the voxels; the start is the steady state of sources that differ by up to 10 %. Each way
goes on until its largest true error is below 1e-4 of the largest value. Five ways, all on the same blocks of columns:

    gradients, cycle      conjugate gradients behind one multigrid cycle (chosen)
    cycles                multigrid cycles alone
    gradients, columns    conjugate gradients behind column solves, red, black, red
    gradients, diagonal   conjugate gradients behind a division by the diagonal
    columns               column solves alone, red and black in turn (Gauss-Seidel)

Seen on two shared x86-64 cores, median ratio of CPU time to the first way, for diffusion lengths of 1, 3 and 10 voxels:

                          5x20x20             5x32x32             1x100x100
    cycles                1.30  1.50  0.70    1.10  1.18  0.87    1.24  1.40   0.89
    gradients, columns    0.73  1.19  1.85    0.82  1.32  2.09    1.04  1.30   2.60
    gradients, diagonal   1.11  2.15  2.87    1.42  2.07  4.11    1.15  2.00   3.59
    columns               0.93  2.10  6.67    0.97  2.55  9.17    1.17  3.25  13.42

The chosen way needs 3 or 4 iterations everywhere. Cycles alone come close here, but where half of a 32x32 grid loses a
thousand times faster than a rest with a diffusion length of 32 voxels, they leave 0.81 of the error each, the chosen way 0.1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

import numpy as np

from simengine.foundation.jit import kernel
from simengine.kernels import fields_multigrid as grid
from simengine.kernels import fields_steady as steady

GRIDS = [(5, 20, 20), (5, 32, 32), (1, 100, 100)]
LENGTHS = [1.0, 3.0, 10.0]  # diffusion length between the sinks, in voxels
WAYS = {"gradients, cycle": 0, "cycles": 1, "gradients, columns": 2, "gradients, diagonal": 3, "columns": 4}


@kernel
def precondition(way, residual, inverse, diagonal, scratch, plan, out):
    """Write an approximate solution for the residual."""
    if way <= 1:
        grid.cycle(residual, inverse, scratch, plan, len(plan), out)
    elif way == 3:
        for i in range(out.size):
            out[i] = residual[i] / diagonal[i] if diagonal[i] > 0.0 else 0.0
    else:
        grid._relax_first(out, residual, inverse, plan[0], 1.0)
        grid._relax(out, residual, inverse, plan[0], 1, 1.0)
        if way == 2:
            grid._relax(out, residual, inverse, plan[0], 0, 1.0)


@kernel
def iterate(way, limit, exact, work, plan):
    """Go on for `limit` iterations, or until the error is below 1e-4 where `exact` is not empty; return the iterations."""
    change, residual, diagonal, value, direction = work[1], work[2], work[3], work[4], work[5]
    inverse, image, scratch, lanes = work[6], work[7], work[8], work[8, :32]
    first, last = plan[0, grid.START], plan[0, grid.START] + 4 * plan[0, grid.LAYERS] * plan[0, grid.PLANE]
    z, r, x, p, q = (change[first:last], residual[first:last], value[first:last], direction[first:last], image[first:last])
    grid.multiply(value, diagonal, plan[0], image)
    steady._add(-1.0, q, r)
    energy, step = 1.0, 1.0
    for n in range(1, limit + 1):
        precondition(way, residual, inverse, diagonal, scratch, plan, change)
        if way in (1, 4):
            p[:] = z
        else:
            before = energy
            energy = steady._dot(z, r, lanes)
            steady._turn(z, energy / before if n > 1 else 0.0, p)
        grid.multiply(direction, diagonal, plan[0], image)
        if way not in (1, 4):
            step = energy / steady._dot(p, q, lanes)
        steady._advance(step, p, q, x, r)
        if exact.size > 0:
            worst = 0.0
            for i in range(first, last):
                worst = max(worst, abs(exact[i] - value[i]))
            if worst <= 1e-4 * steady.largest(exact):
                return n
    return limit


def prepare(shape, length, rng):
    """Return a work array loaded with a problem and a warm start, its plan, and the exact solution in blocks."""
    loss = np.where(rng.random(shape) < 0.1, 50.0, 1.0) / length**2
    source = rng.random(shape) * (rng.random(shape) < 0.2)
    exact, start, work = np.zeros(shape), np.zeros(shape), steady.field_work(*shape)
    steady.solve_steady(exact, source, loss, 1.0, 1e-12, work)
    steady.solve_steady(start, source * rng.uniform(0.9, 1.1, shape), loss, 1.0, 1e-12, work)
    plan = np.empty(grid.PLAN_SHAPE, dtype=np.int64)
    levels, _ = grid.plan_levels(*shape, plan)
    blocks = np.zeros(work.shape[1])
    work[1:] = 0.0
    plane = shape[1] * shape[2]
    for layer in range(shape[0]):
        for field, row in ((source, work[2]), (loss, work[3]), (start, work[4]), (exact, blocks)):
            grid.gather(field.ravel(), layer * plane, shape[2], 1.0, 0.0, plan[0], layer, row)
    grid.factorise(work[0], work[3], work[6], work[8], plan, levels)
    return work, plan[:levels], blocks


def main() -> None:
    """Parse the command line, count iterations, time all ways in turn and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    for shape in GRIDS:
        for length in LENGTHS:
            work, plan, exact = prepare(shape, length, np.random.default_rng(1))
            needed = {name: iterate(way, 5000, exact, work.copy(), plan) for name, way in WAYS.items()}
            spent: dict[str, list[float]] = {name: [] for name in WAYS}
            for _ in range(asked.repeats):
                for name, way in WAYS.items():
                    copies = [work.copy() for _ in range(20)]
                    run = partial(iterate, way, needed[name], np.empty(0))
                    begun = time.process_time_ns()
                    for copy in copies:
                        run(copy, plan)
                    spent[name].append((time.process_time_ns() - begun) / 20)
            print(f"{'x'.join(map(str, shape))} voxels, diffusion length {length:g} voxels")
            for name, seen in spent.items():
                ratio = statistics.median(a / b for a, b in zip(seen, spent["gradients, cycle"], strict=True))
                per_voxel = min(seen) / np.prod(shape)
                print(f"  {name:20s} {needed[name]:4d} iterations   {per_voxel:7.1f} ns per voxel   ratio {ratio:6.2f}")


if __name__ == "__main__":
    main()
