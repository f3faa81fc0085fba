"""Concentration fields: which treatment fits a field, and the well-mixed field.

Grids are float64[z, y, x], voxels are cubes, lengths are in micrometres, times in hours; the sides have no flux. A voxel's
value is the value at its centre. The solvers are ``fields_steady``, ``fields_transient`` and ``fields_spectral``.
Checked in ``tests/analytic/test_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.math import expm1

__all__ = [
    "LOCAL",
    "STEADY",
    "TRANSIENT",
    "WELL_MIXED",
    "choose_treatment",
    "diffusion_length_um",
    "step_mixed",
]

WELL_MIXED, STEADY, TRANSIENT, LOCAL = range(4)

RELAXATIONS = 3.0  # a field is steady if it relaxes this often while its sources change: the lag left is 5 % (assumed)


@inlined
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


@inlined
def step_mixed(value, source, loss, hours):
    """Return the well-mixed concentration after ``hours`` with constant source (per hour) and loss rate (per hour): exact."""
    faded = expm1(-loss * hours)
    return value + faded * value + source * (-faded / loss if loss > 0.0 else hours)
