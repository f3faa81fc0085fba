"""The biased persistent walk: turning, stepping."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined
from simengine.foundation.math import sincos

__all__ = ["new_heading", "turning_probability"]

_TWO_PI = 6.283185307179586


@inlined
def turning_probability(minutes, persistence_min):
    """Return the chance to turn in one substep so that the long-time diffusion of the walk is exact.

    Notes
    -----
    EQ-WALK-1: a walk that keeps its heading over a step of length s with chance p has the diffusion constant
    v² s (1 + p) / (1 - p) / (2 d); equal to the continuous v² T / d for p = (2T - s) / (2T + s). The turning chance is
    1 - p = 2s / (2T + s), at most 1 for steps up to twice the persistence time.
    """
    chance = 2.0 * minutes / (2.0 * persistence_min + minutes)
    return min(chance, 1.0)


@inlined
def new_heading(u, v, drift_x, drift_y, drift_z, is_flat):
    """Return a unit vector: an isotropic direction plus the drift, normalised.

    Parameters
    ----------
    u, v : float64
        Uniforms in (0, 1).
    drift_x, drift_y, drift_z : float64
        Bias along sensed gradients, dimensionless; 0 gives an isotropic walk.
    is_flat : bool
        One layer of voxels: headings stay in the plane.

    Notes
    -----
    EQ-WALK-2: heading = (e + b) / |e + b| with e uniform on the sphere (the circle when flat).
    """
    s, c = sincos(_TWO_PI * u)
    if is_flat:
        x, y, z = c + drift_x, s + drift_y, 0.0
    else:
        height = 2.0 * v - 1.0
        ring = np.sqrt(max(0.0, 1.0 - height * height))
        x, y, z = ring * c + drift_x, ring * s + drift_y, height + drift_z
    length = np.sqrt(x * x + y * y + z * z)
    if length < 1e-12:
        return c, s, 0.0
    return x / length, y / length, z / length
