"""A field in time by alternating directions: short steps of order 2, each solved along x, y and z in turn.

The steady state is kept exactly, no mass is lost at the walls, and no field turns negative within the bound of
``fields_transient.choose_substep``.

Source: J. Douglas, J. E. Gunn, A general formulation of alternating direction methods, Numer. Math. 6 (1964) 428-453;
D. W. Peaceman, H. H. Rachford, J. SIAM 3 (1955) 28-41 (the same in two dimensions). Checked in
``tests/analytic/test_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.kernels.fields_steady import BEFORE, IMAGE, INVERSE, SCRATCH

__all__ = ["imbalance", "step_adi"]

_LANES = 8  # rows solved side by side along x

U = np.uint64


@kernel
def step_adi(value, source, loss, alpha, hours, substeps, work):
    """Advance a field by ``substeps`` equal steps of alternating directions (Douglas and Gunn).

    Parameters
    ----------
    value, source, loss, alpha, hours, work
        As in ``step_transient``.
    substeps : int
        From ``choose_substep``, where the field must not turn negative.

    Notes
    -----
    With A = Ax + Ay + Az, all loss in Az, and a substep t: (1 + t/2 Ax)(1 + t/2 Ay)(1 + t/2 Az) change = t (source - A
    value). The change vanishes in the steady state of any t; in two dimensions this is the method of Peaceman and
    Rachford. As Ax and Ay move but do not lose, what is lost in a substep is exactly t * sum(loss * mean of the values
    before and after).
    """
    layers, rows, columns = value.shape
    n = value.size
    step = hours / substeps
    half = 0.5 * step * alpha
    c, s, k = value.reshape(n), source.reshape(n), loss.reshape(n)
    change, pivots, tile = work[IMAGE], work[INVERSE], work[SCRATCH]
    along_x, along_y = work[BEFORE, :columns], work[BEFORE, columns : columns + rows]
    _pivots_of_line(half, along_x)
    _pivots_of_line(half, along_y)
    for substep in range(substeps):
        for layer in range(layers):
            if substep == 0:
                _pivots_of_columns(k, half, 0.5 * step, layer, value.shape, pivots)
            imbalance(c, s, k, step * alpha, step, layer, value.shape, change)
            end = (layer + 1) * rows
            for row in range(layer * rows, end, _LANES):
                _solve_along_x(change, along_x, half, row, min(row + _LANES, end), tile)
            _solve_along_y(change, along_y, half, layer, columns)
            _eliminate_along_z(change, pivots, half, layer, rows * columns)
        for layer in range(layers - 1, -1, -1):
            _finish_along_z(change, pivots, half, layer, value.shape, c)


@kernel
def _pivots_of_line(half, out):
    """Write one over the pivots of ``1 + half * (-second difference)`` on a line without flux at its ends."""
    last = out.size - 1
    for i in range(out.size):
        pivot = 1.0 + half * (min(i, 1) + min(last - i, 1))
        if i > 0:
            pivot -= half * half * out[i - 1]
        out[i] = 1.0 / pivot


@kernel
def _pivots_of_columns(loss, half, half_step, layer, shape, out):
    """Write a layer of one over the pivots of ``1 + half * (-second difference) + half_step * loss`` along z."""
    n = U(shape[1] * shape[2])
    here = U(layer) * n
    under = here - n if layer > 0 else here
    diagonal = 1.0 + half * (min(layer, 1) + min(shape[0] - 1 - layer, 1))
    if layer == 0:
        for i in range(n):
            out[i] = 1.0 / (diagonal + half_step * loss[i])
    else:
        for i in range(n):
            out[here + i] = 1.0 / (diagonal + half_step * loss[here + i] - half * half * out[under + i])


@kernel
def imbalance(c, source, loss, exchange, step, layer, shape, out):
    """Write what a layer gains in a step: source, minus loss, plus the flow from neighbours (``exchange`` is per step)."""
    layers, rows, columns = shape
    n = U(columns)
    plane = U(rows) * n
    for first, stop in ((0, 1), (1, rows - 1), (max(rows - 1, 1), rows)):
        if first >= stop:
            continue
        here = U(layer) * plane + U(first) * n
        under = here - plane if layer > 0 else here
        over = here + plane if layer < layers - 1 else here
        north = here - n if first > 0 else here
        south = here + n if stop < rows else here
        last = U(stop - first) * n - U(1)
        for i in range(U(1), last):  # along all rows at once, as if the end of one and the start of the next were neighbours
            around = (c[north + i] + c[south + i]) + (c[under + i] + c[over + i])
            around += c[here + i - U(1)] + c[here + i + U(1)]
            gain = step * (source[here + i] - loss[here + i] * c[here + i])
            out[here + i] = gain + exchange * (around - 6.0 * c[here + i])
        for i, west, east in ((U(0), U(0), min(U(1), last)), (last, max(last, U(1)) - U(1), last)):
            around = (c[north + i] + c[south + i]) + (c[under + i] + c[over + i])
            around += c[here + west] + c[here + east]
            gain = step * (source[here + i] - loss[here + i] * c[here + i])
            out[here + i] = gain + exchange * (around - 6.0 * c[here + i])
        for row in range(1, stop - first):  # take back what has flowed between them
            i = here + U(row) * n
            flow = exchange * (c[i] - c[i - U(1)])
            out[i] += flow
            out[i - U(1)] -= flow


@kernel
def _solve_along_x(out, pivots, half, row, stop, tile):
    """Solve up to eight rows side by side; lanes without a row of their own repeat the last one.

    The lanes have names, so that they stay in registers: through a tile alone every value would wait for the one before.
    """
    n, first, top = U(pivots.size), U(row) * U(pivots.size), U(stop - row - 1)
    r0, r1, r2, r3 = first, first + min(U(1), top) * n, first + min(U(2), top) * n, first + min(U(3), top) * n
    r4, r5 = first + min(U(4), top) * n, first + min(U(5), top) * n
    r6, r7 = first + min(U(6), top) * n, first + min(U(7), top) * n
    a = b = c = d = e = f = g = h = 0.0
    for i in range(n):
        p, t = pivots[i], U(_LANES) * i
        a, b = p * (out[r0 + i] + half * a), p * (out[r1 + i] + half * b)
        c, d = p * (out[r2 + i] + half * c), p * (out[r3 + i] + half * d)
        e, f = p * (out[r4 + i] + half * e), p * (out[r5 + i] + half * f)
        g, h = p * (out[r6 + i] + half * g), p * (out[r7 + i] + half * h)
        tile[t], tile[t + U(1)], tile[t + U(2)], tile[t + U(3)] = a, b, c, d
        tile[t + U(4)], tile[t + U(5)], tile[t + U(6)], tile[t + U(7)] = e, f, g, h
    a = b = c = d = e = f = g = h = 0.0
    for j in range(n):
        i = n - U(1) - j
        p, t = half * pivots[i], U(_LANES) * i
        a, b = tile[t] + p * a, tile[t + U(1)] + p * b
        c, d = tile[t + U(2)] + p * c, tile[t + U(3)] + p * d
        e, f = tile[t + U(4)] + p * e, tile[t + U(5)] + p * f
        g, h = tile[t + U(6)] + p * g, tile[t + U(7)] + p * h
        out[r0 + i], out[r1 + i], out[r2 + i], out[r3 + i] = a, b, c, d
        out[r4 + i], out[r5 + i], out[r6 + i], out[r7 + i] = e, f, g, h


@kernel
def _solve_along_y(out, pivots, half, layer, columns):
    """Solve the lines along y of one layer, side by side along x."""
    n = U(columns)
    rows = pivots.size
    first = U(layer * rows) * n
    last = first + U(rows - 1) * n
    here = first
    for i in range(n):
        out[here + i] *= pivots[0]
    y = 0
    while here < last:
        north = here
        here += n
        y += 1
        for i in range(n):
            out[here + i] = pivots[y] * (out[here + i] + half * out[north + i])
    while here > first:
        south = here
        here -= n
        y -= 1
        for i in range(n):
            out[here + i] += half * pivots[y] * out[south + i]


@kernel
def _eliminate_along_z(change, pivots, half, layer, plane):
    """Eliminate a layer by the one below."""
    n = U(plane)
    here = U(layer) * n
    if layer == 0:
        for i in range(n):
            change[i] *= pivots[i]
    else:
        under = here - n
        for i in range(n):
            change[here + i] = pivots[here + i] * (change[here + i] + half * change[under + i])


@kernel
def _finish_along_z(change, pivots, half, layer, shape, out_value):
    """Substitute the layer above into a layer and add the change to the field."""
    n = U(shape[1] * shape[2])
    here = U(layer) * n
    if layer < shape[0] - 1:
        over = here + n
        for i in range(n):
            change[here + i] += half * pivots[here + i] * change[over + i]
    for i in range(n):
        out_value[here + i] += change[here + i]
