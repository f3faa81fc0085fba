"""Concentration fields: which treatment fits a field, the well-mixed field, and what an agent senses at its place.

Grids are float64[z, y, x], voxels are cubes, lengths are in micrometres, times in hours; the sides have no flux. A voxel's
value is the value at its centre. The solvers are ``fields_steady``, ``fields_transient`` and ``fields_spectral``.
Checked in ``tests/analytic/test_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import expm1

__all__ = [
    "LOCAL",
    "STEADY",
    "TRANSIENT",
    "WELL_MIXED",
    "choose_treatment",
    "diffusion_length_um",
    "field_at",
    "gradient",
    "interpolate",
    "interpolated_gradient",
    "step_mixed",
]

WELL_MIXED, STEADY, TRANSIENT, LOCAL = range(4)

RELAXATIONS = 3.0  # a field is steady if it relaxes this often while its sources change: the lag left is 5 % (assumed)


@kernel
def diffusion_length_um(diffusion, loss):
    """Return how far a molecule gets before it is lost, ``sqrt(diffusion / loss)``, in µm (µm²/h, per hour); inf if never."""
    return np.sqrt(diffusion / loss) if loss > 0.0 else np.inf


@kernel
def choose_treatment(diffusion, loss_mean, spacing, extent, source_hours):
    """Return how a field is best computed: ``WELL_MIXED``, ``STEADY``, ``TRANSIENT`` or ``LOCAL``.

    Parameters
    ----------
    diffusion : float
        Diffusion constant, µm²/h.
    loss_mean : float
        Mean rate of decay, clearance and uptake, per hour.
    spacing : float
        Width of a voxel, µm.
    extent : float
        Longest side of the patch, µm.
    source_hours : float
        Time in which the sources change by their own size, hours.

    Notes
    -----
    EQ-FIELD-3: a diffusion length beyond the patch makes one value for all of it (``step_mixed``). Below a voxel: a
    signal of contact, no field at all. Between: a field, in its steady state if it relaxes ``RELAXATIONS`` times while
    its sources change.
    """
    length = diffusion_length_um(diffusion, loss_mean)
    if diffusion <= 0.0 or length < spacing:
        return LOCAL
    if length > extent:
        return WELL_MIXED
    if loss_mean * source_hours >= RELAXATIONS:
        return STEADY
    return TRANSIENT


@kernel
def step_mixed(value, source, loss, hours):
    """Return the well-mixed concentration after ``hours`` with constant source (per hour) and loss rate (per hour): exact."""
    faded = expm1(-loss * hours)
    return value + faded * value + source * (-faded / loss if loss > 0.0 else hours)


@kernel
def gradient(value, spacing, out):
    """Write the gradient at the voxel centres by central differences.

    Parameters
    ----------
    value : float64[z, y, x]
        Concentration.
    spacing : float
        Width of a voxel, µm.
    out : float64[3, z, y, x]
        Concentration per µm along x, y and z. At a wall the missing neighbour equals the voxel itself: no flux.
    """
    layers, rows, columns = value.shape
    factor = 0.5 / spacing
    for z in range(layers):
        for y in range(rows):
            here = value[z, y]
            north, south = value[z, max(y - 1, 0)], value[z, min(y + 1, rows - 1)]
            under, over = value[max(z - 1, 0), y], value[min(z + 1, layers - 1), y]
            along_x, along_y, along_z = out[0, z, y], out[1, z, y], out[2, z, y]
            for x in range(columns):
                along_y[x] = factor * (south[x] - north[x])
                along_z[x] = factor * (over[x] - under[x])
            for x in range(1, columns - 1):
                along_x[x] = factor * (here[x + 1] - here[x - 1])
            along_x[0] = factor * (here[min(1, columns - 1)] - here[0])
            along_x[columns - 1] = factor * (here[columns - 1] - here[max(columns - 2, 0)])


@kernel
def field_at(value, ix, iy, iz):
    """Return the concentration of the voxel (ix, iy, iz) of ``value``: float64[z, y, x]."""
    return value[iz, iy, ix]


@kernel
def _bracket(position, spacing, n):
    """Return the voxel centre before a position, the one after it, and the share of the latter; walls hold the value."""
    place = min(max(position / spacing - 0.5, 0.0), n - 1.0)
    before = int(place)
    return before, min(before + 1, n - 1), place - before


@kernel
def interpolate(value, x, y, z, spacing):
    """Return the concentration at a point (µm) between the voxel centres, linear along each axis.

    ``value`` is float64[z, y, x]. Beyond the outermost centres the value is held, as walls have no flux.
    """
    layers, rows, columns = value.shape
    x0, x1, east = _bracket(x, spacing, columns)
    y0, y1, south = _bracket(y, spacing, rows)
    z0, z1, up = _bracket(z, spacing, layers)
    low = (1.0 - south) * ((1.0 - east) * value[z0, y0, x0] + east * value[z0, y0, x1])
    low += south * ((1.0 - east) * value[z0, y1, x0] + east * value[z0, y1, x1])
    if layers == 1:
        return low
    high = (1.0 - south) * ((1.0 - east) * value[z1, y0, x0] + east * value[z1, y0, x1])
    high += south * ((1.0 - east) * value[z1, y1, x0] + east * value[z1, y1, x1])
    return (1.0 - up) * low + up * high


@kernel
def _rise(before, here, after, offset):
    """Return the difference over one voxel around a point ``offset`` (-0.5 to 0.5 voxels) from the centre of ``here``."""
    return (0.5 + offset) * (after - here) + (0.5 - offset) * (here - before)


@kernel
def _blend(a, b, c, d, first, second):
    """Return the bilinear mean: ``a b`` before, ``c d`` after the first place; ``a c`` before, ``b d`` after the second."""
    return (1.0 - first) * ((1.0 - second) * a + second * b) + first * ((1.0 - second) * c + second * d)


@kernel
def interpolated_gradient(value, x, y, z, spacing):
    """Return the gradient (gx, gy, gz) at a point (µm) inside the patch, in concentration per µm.

    The difference of the interpolated values half a voxel before and after the point: continuous, zero across a wall, and
    at a voxel centre equal to what ``gradient`` writes. ``value`` is float64[z, y, x].
    """
    layers, rows, columns = value.shape
    i, j, k = min(int(x / spacing), columns - 1), min(int(y / spacing), rows - 1), min(int(z / spacing), layers - 1)
    dx, dy, dz = x / spacing - 0.5 - i, y / spacing - 0.5 - j, z / spacing - 0.5 - k
    xa, xb, ya, yb = max(i - 1, 0), min(i + 1, columns - 1), max(j - 1, 0), min(j + 1, rows - 1)
    za, zb = max(k - 1, 0), min(k + 1, layers - 1)
    x0, x1, east = _bracket(x, spacing, columns)
    y0, y1, south = _bracket(y, spacing, rows)
    z0, z1, up = _bracket(z, spacing, layers)
    v = value
    gx = _blend(
        _rise(v[z0, y0, xa], v[z0, y0, i], v[z0, y0, xb], dx),
        _rise(v[z0, y1, xa], v[z0, y1, i], v[z0, y1, xb], dx),
        _rise(v[z1, y0, xa], v[z1, y0, i], v[z1, y0, xb], dx),
        _rise(v[z1, y1, xa], v[z1, y1, i], v[z1, y1, xb], dx),
        up,
        south,
    )
    gy = _blend(
        _rise(v[z0, ya, x0], v[z0, j, x0], v[z0, yb, x0], dy),
        _rise(v[z0, ya, x1], v[z0, j, x1], v[z0, yb, x1], dy),
        _rise(v[z1, ya, x0], v[z1, j, x0], v[z1, yb, x0], dy),
        _rise(v[z1, ya, x1], v[z1, j, x1], v[z1, yb, x1], dy),
        up,
        east,
    )
    gz = _blend(
        _rise(v[za, y0, x0], v[k, y0, x0], v[zb, y0, x0], dz),
        _rise(v[za, y0, x1], v[k, y0, x1], v[zb, y0, x1], dz),
        _rise(v[za, y1, x0], v[k, y1, x0], v[zb, y1, x0], dz),
        _rise(v[za, y1, x1], v[k, y1, x1], v[zb, y1, x1], dz),
        south,
        east,
    )
    return gx / spacing, gy / spacing, gz / spacing
