"""Steady concentration of a field with a loss and a source of its own in every voxel, starting from the last one known.

Conjugate gradients, preconditioned by one multigrid cycle: each time the error falls about tenfold, at any diffusion
length and with losses that jump a thousandfold from voxel to voxel. A field that has changed by a few per cent takes
four cycles.

Source: M. R. Hestenes, E. Stiefel, Methods of conjugate gradients, J. Res. NBS 49 (1952) 409-436; O. Tatebe, The
multigrid preconditioned conjugate gradient method, Copper Mountain 1993. Checked in ``tests/analytic/test_fields.py``;
the timing behind the choice is ``benchmarks/decisions/field_solver.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.kernels.fields_multigrid import (
    PLAN_SHAPE,
    count_neighbours,
    cycle,
    factorise,
    gather,
    multiply,
    plan_levels,
    scatter,
)

__all__ = [
    "BEFORE",
    "CYCLE_LIMIT",
    "DRIVE",
    "IMAGE",
    "INVERSE",
    "KEPT",
    "SCRATCH",
    "field_work",
    "largest",
    "solve_shifted",
    "solve_steady",
]

CYCLE_LIMIT = 60

_LANES = 32  # partial sums of a total
_NEGLIGIBLE = 1e-12  # of the first guess: rounding of the first residual

# Rows of the work array. The first six rely on zeros in their empty places; other solvers may use the last four.
_COUNT, _CHANGE, _RESIDUAL, _DIAGONAL, _VALUE, _DIRECTION = range(6)
INVERSE, IMAGE, SCRATCH, BEFORE, KEPT, DRIVE = range(6, 12)


@kernel
def field_work(layers, rows, columns):
    """Return the work array of the field solvers for grids of this shape: float64[12, n], reusable for any field."""
    plan = np.empty(PLAN_SHAPE, dtype=np.int64)
    levels, size = plan_levels(layers, rows, columns, plan)
    work = np.zeros((12, max(size, _LANES, 8 * columns, rows)))
    count_neighbours(plan, levels, work[SCRATCH], work[_COUNT])
    return work


@inlined
def solve_steady(value, source, loss, alpha, tolerance, work):
    """Bring a field to the steady state of diffusion, loss and source: ``(loss - alpha Laplace) value = source``.

    Parameters
    ----------
    value : float64[z, y, x]
        In: a first guess, best the last solution. Out: the steady state, never negative.
    source : float64[z, y, x]
        Concentration made per hour, not negative.
    loss : float64[z, y, x]
        Rate of loss, per hour, not negative, positive somewhere.
    alpha : float
        Diffusion constant over the square of the voxel width, per hour, positive.
    tolerance : float
        Largest error allowed, relative to the largest value (customary: 1e-4).
    work : float64[12, n]
        From ``field_work``; holds nothing between calls.

    Returns
    -------
    int
        Multigrid cycles used; negative if the field could not be solved (a number was not finite, or all loss is zero).

    Notes
    -----
    A cycle applied to the residual estimates the error. The solver stops once twice the largest estimate is below the
    tolerance, adds the estimate, sets negative remainders to zero (the solution has none, so this only reduces the
    error) and scales the field so that what is lost equals what is made. The largest error left was half the tolerance
    and its median 0.08 of it, over losses uniform, scattered over three decades, and jumping a thousandfold, at
    diffusion lengths of 0.03 to 30 voxels.
    """
    return solve_shifted(value, source, loss, alpha, 0.0, tolerance, work)


@kernel
def solve_shifted(value, source, loss, alpha, rate, tolerance, work):
    """Solve ``(rate + loss - alpha Laplace) out = rate * value + source`` in place of ``value``.

    ``rate`` zero is the steady state; one over a time step is the implicit Euler step. The rest as in ``solve_steady``.
    """
    layers, rows, columns = value.shape
    plan = np.empty(PLAN_SHAPE, dtype=np.int64)
    levels, _ = plan_levels(layers, rows, columns, plan)
    top, plan = plan[0], plan[:levels]
    first, last = top[0], top[0] + 4 * layers * top[5]
    scratch, inverse, diagonal = work[SCRATCH], work[INVERSE], work[_DIAGONAL]
    lanes = scratch[:_LANES]

    c, made_here, lost_here = value.reshape(value.size), source.reshape(value.size), loss.reshape(value.size)
    made = _total(made_here, lanes)
    if rate > 0.0:
        made += rate * _total(c, lanes)
    if made == 0.0:
        value[:] = 0.0
        return 0
    for layer in range(layers):
        start = layer * rows * columns
        gather(lost_here, start, columns, 1.0 / alpha, rate / alpha, top, layer, diagonal)
        gather(made_here, start, columns, 1.0 / alpha, 0.0, top, layer, work[_RESIDUAL])
        gather(c, start, columns, 1.0, 0.0, top, layer, work[_VALUE])
    _add(rate / alpha, work[_VALUE, first:last], work[_RESIDUAL, first:last])
    factorise(work[_COUNT], diagonal, inverse, scratch, plan, levels)
    cycles = _iterate(work, plan, first, last, tolerance)
    if cycles > 0:
        for layer in range(layers):
            scatter(work[_VALUE], top, layer, layer * rows * columns, columns, c)
        if _balance(c, lost_here, rate, made, lanes):
            return cycles
    work[_CHANGE:] = 0.0  # a number that is not finite must not survive in an empty place
    return -CYCLE_LIMIT


@inlined
def _iterate(work, plan, first, last, tolerance):
    """Go along conjugate gradients until the estimated error is small; return the cycles used, 0 if in vain."""
    change, residual, inverse, scratch = work[_CHANGE], work[_RESIDUAL], work[INVERSE], work[SCRATCH]
    z, r, x = change[first:last], residual[first:last], work[_VALUE, first:last]
    p, q = work[_DIRECTION, first:last], work[IMAGE, first:last]
    multiply(work[_VALUE], work[_DIAGONAL], plan[0], work[IMAGE])
    _add(-1.0, q, r)
    floor = _NEGLIGIBLE * largest(x)
    energy = 0.0
    p[:] = 0.0
    for cycles in range(1, CYCLE_LIMIT + 1):
        cycle(residual, inverse, scratch, plan, len(plan), change)
        before = energy
        energy = _dot(z, r, scratch[:_LANES])
        if not energy >= 0.0:
            return 0
        if 2.0 * largest(z) <= tolerance * max(largest(x), floor):
            _add(1.0, z, x)
            return cycles
        _turn(z, energy / before if cycles > 1 else 0.0, p)
        multiply(work[_DIRECTION], work[_DIAGONAL], plan[0], work[IMAGE])
        step = energy / _dot(p, q, scratch[:_LANES])
        _advance(step, p, q, x, r)
    return 0


@kernel
def _balance(value, loss, rate, made, lanes):
    """Set negative remainders to zero and scale the field so that it loses what is made; return whether it can."""
    for i in range(value.size):
        value[i] = value[i] if value[i] > 0.0 else 0.0
    lost = _dot(value, loss, lanes)
    if rate > 0.0:
        lost += rate * _total(value, lanes)
    if not lost > 0.0:
        return False
    factor = made / lost
    for i in range(value.size):
        value[i] *= factor
    return True


@kernel
def _dot(a, b, lanes):
    """Return the sum of ``a * b``, summed in fixed lanes so that the loop is vectorised in a fixed order."""
    lanes[:] = 0.0
    n = a.size // _LANES * _LANES
    for start in range(0, n, _LANES):
        for i in range(_LANES):
            lanes[i] += a[start + i] * b[start + i]
    total = 0.0
    for i in range(_LANES):
        total += lanes[i]
    for i in range(n, a.size):
        total += a[i] * b[i]
    return total


@kernel
def _total(a, lanes):
    """Return the sum of ``a``, summed in fixed lanes."""
    lanes[:] = 0.0
    n = a.size // _LANES * _LANES
    for start in range(0, n, _LANES):
        for i in range(_LANES):
            lanes[i] += a[start + i]
    total = 0.0
    for i in range(_LANES):
        total += lanes[i]
    for i in range(n, a.size):
        total += a[i]
    return total


@kernel
def largest(a):
    """Return the largest absolute value."""
    m0 = m1 = m2 = m3 = 0.0
    n = a.size // 4 * 4
    for i in range(0, n, 4):
        m0 = max(m0, abs(a[i]))
        m1 = max(m1, abs(a[i + 1]))
        m2 = max(m2, abs(a[i + 2]))
        m3 = max(m3, abs(a[i + 3]))
    for i in range(n, a.size):
        m0 = max(m0, abs(a[i]))
    return max(max(m0, m1), max(m2, m3))


@kernel
def _add(factor, a, out):
    """Add ``factor * a`` to ``out``."""
    for i in range(out.size):
        out[i] += factor * a[i]


@kernel
def _advance(step, direction, image, out_value, out_residual):
    """Go a step along the direction."""
    for i in range(out_value.size):
        out_value[i] += step * direction[i]
        out_residual[i] -= step * image[i]


@kernel
def _turn(change, factor, out_direction):
    """Write the next direction: the change, made conjugate to the last direction."""
    for i in range(out_direction.size):
        out_direction[i] = change[i] + factor * out_direction[i]
