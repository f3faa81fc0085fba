"""A field in time where diffusion is fast: its slow cosine modes one by one, its fine structure slaved to them.

A mode that relaxes many times within a step follows its sources and sinks; its value at the end is a steady state, and no
small steps are needed to find it. What is left to follow in time are the few slow modes, each of which is known exactly
for a drive that is a parabola in time. A loss that differs from voxel to voxel couples the modes: it drives them by
``(mean loss - loss) * change of the field``, which is looked at in the middle and at the end of the step.

Source: S. M. Cox, P. C. Matthews, Exponential time differencing for stiff systems, J. Comput. Phys. 176 (2002) 430-455 (the
weights of a drive); E. L. Wachspress, *Iterative solution of elliptic systems*, Prentice-Hall 1966, chapter 6 (alternating
directions with steps in a geometric sequence). Checked in ``tests/analytic/test_fields_transient.py``; the timing behind
the choice is ``benchmarks/decisions/transient_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.math import exp, log
from simengine.kernels.fields_alternating import imbalance, step_adi
from simengine.kernels.fields_modes import from_modes, mode_weights, slow_modes, to_modes
from simengine.kernels.fields_steady import DRIVE, IMAGE, INVERSE, KEPT, SCRATCH, largest

__all__ = ["SLOW", "step_slaved"]

SLOW = 20.0  # a mode is slow along an axis if it decays there by no more than exp(-20) in a step

_EVEN = 1e-12  # spread of the loss, relative to its mean, that counts as none
_SWEEP_LIMIT = 24
_LEAST_SHARE = -1e-6  # of the largest value: how far a field may fall below zero

# Rows of the modes' array: what drives them at the start, how that has grown by the middle and by the end, their change by
# then, how fast they change at the end; then rate and weights for the whole step and for half of it.
_DRIVEN, _MIDDLE, _END, _CHANGE, _HALFWAY, _SPEED, _WHOLE, _HALF, _ROWS = 0, 1, 2, 3, 4, 5, 6, 10, 14


@kernel
def step_slaved(value, source, loss, alpha, hours, tolerance, work):
    """Advance a field by a step, if that can be done within the tolerance; else leave it as it is.

    Parameters
    ----------
    value, source, loss, alpha, hours, tolerance, work
        As in ``step_transient``.

    Returns
    -------
    int
        Sweeps by alternating directions, which find the fine structure; -1 if the step was not accurate enough, -2 if a
        value was negative or not finite.

    Notes
    -----
    Not accepted: any voxel changed by more than the tolerance by the last look at the coupling or by the last sweep, a value
    below -1e-6 of the largest, a number that is not finite. The steady state stays to rounding, and the mean, being the
    slowest mode, follows sources and losses; nothing is lost at the walls.
    """
    shape, n = value.shape, value.size
    c = value.reshape(n)
    limit = SLOW / (alpha * hours)
    tables = (slow_modes(shape[0], limit), slow_modes(shape[1], limit), slow_modes(shape[2], limit))
    mean, is_even = _mean_loss(loss.reshape(n))
    modes = np.zeros((_ROWS, (len(tables[0]) - 1) * (len(tables[1]) - 1) * (len(tables[2]) - 1)))
    mode_weights(tables, mean, alpha, hours, modes[_WHOLE:_HALF])
    mode_weights(tables, mean, alpha, 0.5 * hours, modes[_HALF:])
    for i in range(n):
        work[KEPT, i] = c[i]
    unsettled = _predict(value, source, loss, alpha, is_even, tables, modes, work)
    sweeps, moved = _find_fine_structure(value, loss, alpha, tolerance, tables, work)
    changed = 0.0 if is_even else _correct(value, loss, tables, modes, work)
    total, least, most = 0.0, 0.0, 0.0
    for i in range(n):
        total += c[i]
        least, most = min(least, c[i]), max(most, c[i])
    is_sound = np.isfinite(total) and least >= _LEAST_SHARE * most
    if is_sound and max(changed, moved, 4.0 * unsettled) <= tolerance * most:
        return sweeps
    for i in range(n):
        c[i] = work[KEPT, i]
    return -1 if is_sound else -2


@kernel
def _mean_loss(loss):
    """Return the mean of the loss, and whether it is the same everywhere."""
    total, least, most = 0.0, loss[0], loss[0]
    for i in range(loss.size):
        total += loss[i]
        least, most = min(least, loss[i]), max(most, loss[i])
    return total / loss.size, most - least <= _EVEN * most


@inlined
def _predict(value, source, loss, alpha, is_even, tables, modes, work):
    """Change the slow modes, write the source that holds them at the end, and return how far the coupling is from settled."""
    shape, n, here = value.shape, value.size, work[IMAGE]
    c, s, k = value.reshape(n), source.reshape(n), loss.reshape(n)
    mean, unsettled = modes[_WHOLE, 0], 0.0  # the rate of the constant mode is the mean loss
    for layer in range(shape[0]):
        imbalance(c, s, k, alpha, 1.0, layer, shape, here)
    to_modes(here, tables, shape, work[INVERSE], work[SCRATCH], modes[_DRIVEN])
    _respond(modes)
    if not is_even:
        _couple(modes[_HALFWAY], k, mean, tables, shape, work, modes[_MIDDLE])
        _couple(modes[_CHANGE], k, mean, tables, shape, work, modes[_END])
        _respond(modes)
        so_far = modes[_CHANGE].copy()
        _couple(modes[_HALFWAY], k, mean, tables, shape, work, modes[_MIDDLE])
        _respond(modes)
        for m in range(so_far.size):
            last = modes[_CHANGE, m] - so_far[m]
            unsettled += last * last
    from_modes(modes[_SPEED], tables, shape, work[INVERSE], work[SCRATCH], here)
    for i in range(n):
        work[DRIVE, i] = s[i] - here[i]
    from_modes(modes[_CHANGE], tables, shape, work[INVERSE], work[SCRATCH], here)
    for i in range(n):
        c[i] += here[i]
    return np.sqrt(unsettled / n)


@kernel
def _respond(modes):
    """Write the change of every mode by the middle and by the end, and its speed at the end."""
    for m in range(modes.shape[1]):
        bend = 2.0 * modes[_END, m] - 4.0 * modes[_MIDDLE, m]
        climb = modes[_END, m] - bend
        change = modes[_WHOLE + 1, m] * modes[_DRIVEN, m] + modes[_WHOLE + 2, m] * climb
        modes[_CHANGE, m] = change + 2.0 * modes[_WHOLE + 3, m] * bend
        halfway = modes[_HALF + 1, m] * modes[_DRIVEN, m] + 0.5 * modes[_HALF + 2, m] * climb
        modes[_HALFWAY, m] = halfway + 0.5 * modes[_HALF + 3, m] * bend
        modes[_SPEED, m] = modes[_DRIVEN, m] + modes[_END, m] - modes[_WHOLE, m] * modes[_CHANGE, m]


@kernel
def _couple(change, loss, mean, tables, shape, work, out):
    """Write how a change of the slow modes drives them where the loss is not its mean."""
    here = work[IMAGE]
    from_modes(change, tables, shape, work[INVERSE], work[SCRATCH], here)
    for i in range(loss.size):
        here[i] *= mean - loss[i]
    to_modes(here, tables, shape, work[INVERSE], work[SCRATCH], out)


@inlined
def _find_fine_structure(value, loss, alpha, tolerance, tables, work):
    """Relax all but the slow modes; return the sweeps and how far the last one moved any voxel.

    The first sweep, in the middle of the spectrum, tells how much there is to do: it moves a mode at either end of it by
    ``2 end / (1 + end)`` of what it lacks. The others fit eigenvalues that nearly follow Wachspress' optimum, of which each
    leaves a share of ``exp(-pi**2 / (2 log(4 widest / narrowest)))``; in a box, where all three directions lag, that to the
    power of 3/4 (of the fields tried; a field made of the slowest corner of the spectrum alone would lag more).
    """
    n = value.size
    lowest = 4.0
    for axis in range(3):
        count = len(tables[axis]) - 1
        if count < value.shape[axis]:
            lowest = min(lowest, tables[axis][count, count])
    if lowest >= 4.0:
        return 0, 0.0
    drive = work[DRIVE, :n].reshape(value.shape)
    step_adi(value, drive, loss, alpha, 1.0 / (alpha * np.sqrt(lowest)), 1, work)
    moved = largest(work[IMAGE, :n])
    end = np.sqrt(lowest / 4.0)
    left = moved * (1.0 + end) / (2.0 * end)
    span = log(16.0 / lowest)
    kept = exp(-(0.375 if min(value.shape) > 1 else 0.5) * np.pi * np.pi / span)
    wanted = 0.15 * tolerance * largest(value.reshape(n))
    sweeps = 0
    while left > wanted and sweeps < _SWEEP_LIMIT:
        sweeps += 1
        left *= kept
    for j in range(sweeps):
        at = span * (j + 0.5) / sweeps
        down, up = exp(at), exp(span - at)
        eigenvalue = 8.0 / (down + 1.0 / down) if down < up else 0.5 * lowest * (up + 1.0 / up)
        step_adi(value, drive, loss, alpha, 2.0 / (alpha * eigenvalue), 1, work)
    return sweeps + 1, largest(work[IMAGE, :n])


@inlined
def _correct(value, loss, tables, modes, work):
    """Put the slow modes right, now that the fine structure drives them too; return by how much any voxel changed."""
    shape, n, here = value.shape, value.size, work[IMAGE]
    c, k, mean = value.reshape(n), loss.reshape(n), modes[_WHOLE, 0]
    for i in range(n):
        here[i] = c[i] - work[KEPT, i]
    so_far, before, end = np.empty(modes.shape[1]), modes[_CHANGE].copy(), modes[_END].copy()
    to_modes(here, tables, shape, work[INVERSE], work[SCRATCH], so_far)
    for i in range(n):
        here[i] *= mean - k[i]
    to_modes(here, tables, shape, work[INVERSE], work[SCRATCH], modes[_END])
    for m in range(so_far.size):  # the fine structure grows evenly
        modes[_MIDDLE, m] += 0.5 * (modes[_END, m] - end[m])
    _respond(modes)
    for m in range(so_far.size):
        before[m] = modes[_CHANGE, m] - before[m]
        so_far[m] = modes[_CHANGE, m] - so_far[m]
    from_modes(before, tables, shape, work[INVERSE], work[SCRATCH], here)
    changed = largest(here[:n])
    from_modes(so_far, tables, shape, work[INVERSE], work[SCRATCH], here)
    for i in range(n):
        c[i] += here[i]
    return changed
