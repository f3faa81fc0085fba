"""A field with one loss everywhere, exactly: every cosine mode of the grid decays on its own.

Without flux at the walls the discrete Laplace operator is diagonal in the cosine transform (DCT-II) along each axis. The
transform is a product with small matrices, kept in a *basis* made once per grid, so that its bits do not depend on a
library. Exact in time for sources constant in the step, and the measure of the other solvers.

Source: G. Strang, The discrete cosine transform, SIAM Review 41 (1999) 135-147. Checked in
``tests/analytic/test_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import expm1, sincos_turn
from simengine.kernels.fields_steady import BEFORE, IMAGE, INVERSE

__all__ = ["cosine_basis", "solve_spectral", "step_spectral"]


@kernel
def cosine_basis(layers, rows, columns):
    """Return the cosine modes of a grid: float64[3, 2 n + 1, n], n the longest side, axes in the order z, y, x.

    Rows 0 to n - 1 of an axis hold one mode each, rows n to 2 n - 1 the transposed matrix, the last row the eigenvalues
    of minus the second difference, ``2 - 2 cos(pi mode / length)``.
    """
    lengths = (layers, rows, columns)
    n = max(layers, rows, columns)
    basis = np.zeros((3, 2 * n + 1, n))
    for axis in range(3):
        length = lengths[axis]
        for mode in range(length):
            scale = np.sqrt((1.0 if mode == 0 else 2.0) / length)
            sine, _ = sincos_turn(mode / (4.0 * length))
            basis[axis, 2 * n, mode] = 4.0 * sine * sine
            for i in range(length):
                turn = ((2 * i + 1) * mode) % (4 * length)
                _, cosine = sincos_turn(turn / (4.0 * length))
                basis[axis, mode, i] = scale * cosine
                basis[axis, n + i, mode] = scale * cosine
    return basis


@kernel
def solve_spectral(value, source, loss, alpha, basis, work):
    """Write the steady state of diffusion, source and one loss (per hour, positive) into ``value``: float64[z, y, x].

    ``basis`` is from ``cosine_basis``, ``work`` from ``field_work``; the rest as in ``step_spectral``.
    """
    a, b, c = work[IMAGE, : value.size], work[INVERSE, : value.size], work[BEFORE, : value.size]
    _to_modes(source, basis, c, b, a)
    for index, (i, j, k) in enumerate(np.ndindex(value.shape)):
        a[index] /= _rate(loss, alpha, basis, i, j, k)
    _from_modes(a, basis, b, c, value)


@kernel
def step_spectral(value, source, loss, alpha, hours, basis, work):
    """Advance a field with one loss everywhere by a step of any length, exactly.

    Parameters
    ----------
    value : float64[z, y, x]
        In and out: concentration.
    source : float64[z, y, x]
        Concentration made per hour, constant in the step.
    loss : float
        Rate of loss of every voxel, per hour.
    alpha : float
        Diffusion constant over the square of the voxel width, per hour.
    hours : float
        Step.
    basis : float64[3, 2 n + 1, n]
        From ``cosine_basis``.
    work : float64[12, n]
        From ``field_work``.

    Notes
    -----
    A mode of rate r: value * exp(-r t) + source * (1 - exp(-r t)) / r.
    """
    a, b, c = work[IMAGE, : value.size], work[INVERSE, : value.size], work[BEFORE, : value.size]
    _to_modes(source, basis, c, b, a)
    flat = value.reshape(value.size)
    _to_modes(value, basis, c, flat, b)
    for index, (i, j, k) in enumerate(np.ndindex(value.shape)):
        rate = _rate(loss, alpha, basis, i, j, k)
        faded = expm1(-rate * hours)
        a[index] = b[index] + faded * b[index] + a[index] * (-faded / rate if rate > 0.0 else hours)
    _from_modes(a, basis, b, c, value)


@kernel
def _rate(loss, alpha, basis, i, j, k):
    """Return the decay rate of mode (i, j, k)."""
    return loss + alpha * (basis[0, -1, i] + basis[1, -1, j] + basis[2, -1, k])


@kernel
def _to_modes(field, basis, first, second, out):
    """Write the cosine transform of a field; ``first`` and ``second`` are overwritten."""
    layers, rows, columns = field.shape
    n = basis.shape[2]
    _along_x(field.reshape(field.size), basis[2, n : 2 * n], columns, first)
    _across(first, basis[1, :n], layers, rows, columns, second)
    _across(second, basis[0, :n], 1, layers, rows * columns, out)


@kernel
def _from_modes(modes, basis, first, second, out_field):
    """Write the field of given modes; ``first`` and ``second`` are overwritten."""
    layers, rows, columns = out_field.shape
    n = basis.shape[2]
    _across(modes, basis[0, n : 2 * n], 1, layers, rows * columns, first)
    _across(first, basis[1, n : 2 * n], layers, rows, columns, second)
    _along_x(second, basis[2, :n], columns, out_field.reshape(out_field.size))


@kernel
def _along_x(field, matrix, columns, out):
    """Write each row of ``columns`` values times a matrix."""
    for start in range(0, field.size, columns):
        row = out[start : start + columns]
        row[:] = 0.0
        for i in range(columns):
            weights = matrix[i, :columns]
            value = field[start + i]
            for j in range(columns):
                row[j] += value * weights[j]


@kernel
def _across(field, matrix, outer, length, inner, out):
    """Write a matrix times each block of ``length`` rows of ``inner`` values."""
    for block in range(0, outer * length, length):
        for j in range(length):
            row = out[(block + j) * inner : (block + j + 1) * inner]
            row[:] = 0.0
            for i in range(length):
                weight = matrix[j, i]
                values = field[(block + i) * inner : (block + i + 1) * inner]
                for x in range(inner):
                    row[x] += weight * values[x]
