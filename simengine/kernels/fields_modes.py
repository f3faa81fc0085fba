"""The slowest cosine modes of a grid: how much of them is in a field, and the field they make.

Without flux at the walls the discrete Laplace operator is diagonal in the cosine transform (DCT-II) along each axis. Where
diffusion is fast, only a few modes of each axis change slowly; to and from those a transform is a product with thin
matrices, axis by axis, and costs less than a step by alternating directions.

Source: G. Strang, The discrete cosine transform, SIAM Review 41 (1999) 135-147. Checked in
``tests/analytic/test_fields_transient.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import exp, sincos_turn

__all__ = ["from_modes", "mode_weights", "slow_modes", "to_modes"]

U = np.uint64

_CHUNK = 512  # voxels side by side, so that the sums of all modes stay in the first cache


@kernel
def slow_modes(length, limit):
    """Return the modes of an axis with an eigenvalue up to ``limit``, the constant one at least: float64[modes + 1, length].

    A row holds a mode; the last one holds the eigenvalues of minus the second difference, ``2 - 2 cos(pi mode / length)``, of
    these modes and, if one is left, of the next.
    """
    rates = np.full(length, 4.0)
    count = 0
    for mode in range(length):
        sine, _ = sincos_turn(mode / (4.0 * length))
        rates[mode] = 4.0 * sine * sine
        if rates[mode] > limit and mode > 0:
            break
        count += 1
    table = np.empty((count + 1, length))
    for i in range(length):
        _, turn = sincos_turn((2 * i + 1) / (4.0 * length))
        before, here = turn, 1.0  # cosines of -1 and 0 times the angle, then by the recurrence of Chebyshev
        for mode in range(count):
            table[mode, i] = here * np.sqrt((2.0 if mode > 0 else 1.0) / length)
            before, here = here, 2.0 * turn * here - before
        table[count, i] = rates[i]
    return table


@kernel
def mode_weights(tables, loss, alpha, hours, out):
    """Write for each mode its rate and the three weights of what drives it: float64[4, modes].

    Parameters
    ----------
    tables : tuple of float64[modes + 1, length]
        From ``slow_modes``, in the order z, y, x.
    loss, alpha, hours : float
        Loss of all voxels (per hour), diffusion constant over the square of the voxel width (per hour), step.
    out : float64[4, modes]
        Rate (per hour), then ``hours`` times phi 1, 2 and 3: the weights of a drive constant, growing like t / hours, and
        like (t / hours)**2 / 2. phi_1(z) = (1 - exp(-z)) / z, phi_(k + 1)(z) = (1 / k! - phi_k(z)) / z.
    """
    index = 0
    for i in range(tables[0].shape[0] - 1):
        for j in range(tables[1].shape[0] - 1):
            for k in range(tables[2].shape[0] - 1):
                rate = loss + alpha * (tables[0][-1, i] + tables[1][-1, j] + tables[2][-1, k])
                z = rate * hours
                if z < 0.1:
                    third = 1.0 / 6.0 - z / 24.0 * (1.0 - z / 5.0 * (1.0 - z / 6.0 * (1.0 - z / 7.0 * (1.0 - z / 8.0))))
                    second = 0.5 - z * third
                    first = 1.0 - z * second
                else:
                    first = (1.0 - exp(-z)) / z
                    second = (1.0 - first) / z
                    third = (0.5 - second) / z
                out[0, index], out[1, index] = rate, hours * first
                out[2, index], out[3, index] = hours * second, hours * third
                index += 1


@kernel
def to_modes(field, tables, shape, first, second, out):
    """Write how much of each slow mode is in a field: float64[modes]; ``first`` and ``second`` are overwritten."""
    layers, rows, columns = shape
    kz, ky, kx = tables[0].shape[0] - 1, tables[1].shape[0] - 1, tables[2].shape[0] - 1
    across = np.empty((columns, kx))
    for i in range(columns):
        for k in range(kx):
            across[i, k] = tables[2][k, i]
    here = field
    if layers > 1:
        _combine(here, tables[0].reshape(tables[0].size), (1, kz, layers, layers, 1), rows * columns, first)
        here = first
    _combine(here, tables[1].reshape(tables[1].size), (kz, ky, rows, rows, 1), columns, second)
    _combine(across.reshape(across.size), second, (1, kz * ky, columns, columns, 1), kx, out)


@kernel
def from_modes(modes, tables, shape, first, second, out):
    """Write the field of given modes; ``first`` and ``second`` are overwritten."""
    layers, rows, columns = shape
    kz, ky, kx = tables[0].shape[0] - 1, tables[1].shape[0] - 1, tables[2].shape[0] - 1
    _combine(tables[2].reshape(tables[2].size), modes, (1, kz * ky, kx, kx, 1), columns, second)
    if layers > 1:
        _combine(second, tables[1].reshape(tables[1].size), (kz, rows, ky, 1, rows), columns, first)
        _combine(first, tables[0].reshape(tables[0].size), (1, layers, kz, 1, layers), rows * columns, out)
    else:
        _combine(second, tables[1].reshape(tables[1].size), (kz, rows, ky, 1, rows), columns, out)


@kernel
def _combine(field, weights, shape, inner, out):
    """Write ``out[o, j, x] = sum over i of weights[j, i] * field[o, i, x]``, four terms at a time.

    ``shape`` holds the numbers of o, j and i, and how far apart the weights of neighbouring j and i lie.
    """
    outer, made, given, stride, step = shape
    for o in range(outer):
        for start in range(0, inner, _CHUNK):
            n = U(min(_CHUNK, inner - start))
            for i in range(0, given, 4):
                a = U((o * given + i) * inner + start)
                b = a + U(inner) if i + 1 < given else a
                c = a + U(2 * inner) if i + 2 < given else a
                d = a + U(3 * inner) if i + 3 < given else a
                for j in range(made):
                    here, at = U((o * made + j) * inner + start), j * stride + i * step
                    p = weights[at]
                    q = weights[at + step] if i + 1 < given else 0.0
                    r = weights[at + 2 * step] if i + 2 < given else 0.0
                    s = weights[at + 3 * step] if i + 3 < given else 0.0
                    if i == 0:
                        for x in range(n):
                            out[here + x] = (p * field[a + x] + q * field[b + x]) + (r * field[c + x] + s * field[d + x])
                    else:
                        for x in range(n):
                            out[here + x] += (p * field[a + x] + q * field[b + x]) + (r * field[c + x] + s * field[d + x])
