"""A field in time: slow modes and slaved fine structure where diffusion is fast, alternating directions where it is not.

``step_transient`` takes the first where it is accurate enough, in pieces if need be; else, or where few steps do,
alternating directions; else implicit steps of order 2, which take any loss. None loses mass at the walls.

Source: R. Alexander, Diagonally implicit Runge-Kutta methods for stiff O.D.E.'s, SIAM J. Numer. Anal. 14 (1977) 1006-1021
(the implicit step, order 2, L-stable); the other methods' are in their files. Checked in ``tests/analytic/test_fields.py``
and ``tests/analytic/test_fields_transient.py``; the timing behind the choice is ``benchmarks/decisions/transient_fields.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined
from simengine.kernels.fields_alternating import step_adi
from simengine.kernels.fields_slaved import step_slaved
from simengine.kernels.fields_steady import BEFORE, largest, solve_shifted

__all__ = ["ADI_LIMIT", "IMPLICIT_STEPS", "choose_substep", "step_implicit", "step_transient"]

ADI_LIMIT = 96  # substeps that cost about as much as the implicit steps of one call
IMPLICIT_STEPS = 4

_SHORT = 12  # substeps that cost about as much as a step with slow modes
_PIECES = 4  # into which a step with slow modes is cut at most
_IMPLICIT_TOLERANCE = 1e-5  # of the solver inside an implicit step
_GAMMA = 0.2928932188134524  # 1 - 1/sqrt(2): both stages of the implicit step share it, and the step is L-stable


@inlined
def choose_substep(alpha, loss_max, hours, tolerance):
    """Return into how many substeps alternating directions must cut a step to keep any field from turning negative.

    Parameters
    ----------
    alpha : float
        Diffusion constant over the square of the voxel width, per hour.
    loss_max : float
        Largest rate of loss of any voxel, per hour.
    hours : float
        Step.
    tolerance : float
        Largest error of a mode, as a share of its change until it is steady.

    Notes
    -----
    A substep is a matrix applied to the field plus another one applied to the source. The second has no negative entry
    for any step. The first has none while step * (alpha / 0.6 + loss_max / 1.5) <= 1 (found by computing it on small
    grids for 12 values of alpha and 9 of loss, uniform, single and scattered; asserted in the tests).
    A mode of rate r is off by r**3 / 12 exp(-r) over the square of the substeps (r per step), and by 0.112 of that at most.
    """
    rate = hours * (12.0 * alpha + loss_max)
    error = min(rate * rate * rate / 12.0, 0.112)
    return int(np.ceil(max(hours * (alpha / 0.6 + loss_max / 1.5), np.sqrt(error / tolerance), 1.0)))


@inlined
def step_transient(value, source, loss, alpha, hours, tolerance, work):
    """Advance a field by a step with sources and losses constant in it, by the cheapest of three methods that will do.

    Parameters
    ----------
    value : float64[z, y, x]
        In and out: concentration, not negative.
    source, loss : float64[z, y, x]
        Concentration made per hour; rate of loss per hour. Not negative.
    alpha : float
        Diffusion constant over the square of the voxel width, per hour, positive.
    hours : float
        Step.
    tolerance : float
        Of the last correction, relative to the largest value (customary: 5e-3 for an error of 1e-3).
    work : float64[12, n]
        From ``field_work``.

    Returns
    -------
    int
        Sweeps by alternating directions; or minus the number of implicit steps, where these were taken.

    Notes
    -----
    Slow modes are tried where alternating directions would need many substeps and no voxel loses faster than it exchanges
    with a neighbour, first for the whole step, then for halves and quarters. Implicit steps are taken where that fails and
    more than ``ADI_LIMIT`` substeps would be needed to stay positive; they do not heed the tolerance. Errors seen over
    random fields are in ``tests/analytic/test_fields_transient.py``.
    """
    loss_max = largest(loss.reshape(loss.size))
    left, piece, taken = _PIECES, _PIECES, 0
    if choose_substep(alpha, loss_max, hours, tolerance) > _SHORT and loss_max <= alpha:
        while left > 0 and piece > 0:
            sweeps = step_slaved(value, source, loss, alpha, hours * piece / _PIECES, tolerance, work)
            if sweeps >= 0:
                taken += sweeps
                left -= piece
            else:
                piece = piece // 2 if sweeps == -1 else 0
    if left == 0:
        return taken
    rest = hours * left / _PIECES
    substeps = choose_substep(alpha, loss_max, rest, tolerance)
    if substeps <= ADI_LIMIT:
        step_adi(value, source, loss, alpha, rest, substeps, work)
        return taken + substeps
    for _ in range(IMPLICIT_STEPS):
        step_implicit(value, source, loss, alpha, rest / IMPLICIT_STEPS, _IMPLICIT_TOLERANCE, work)
    return -IMPLICIT_STEPS


@inlined
def step_implicit(value, source, loss, alpha, hours, tolerance, work):
    """Advance a field by one implicit step of any length: of order 2, or of order 1 where 2 could turn negative.

    Parameters as in ``step_transient``.

    Notes
    -----
    Stage one is an implicit Euler step to the fraction gamma. Stage two is another of that length, from the field
    carried on by (1 - gamma) / gamma of the change. That start is positive unless the field fell by more than 41 %
    somewhere; then the rest of the step is implicit Euler too. Implicit Euler keeps a field positive.
    """
    before = work[BEFORE, : value.size]
    flat = value.reshape(value.size)
    for i in range(flat.size):
        before[i] = flat[i]
    solve_shifted(value, source, loss, alpha, 1.0 / (_GAMMA * hours), tolerance, work)
    onward = (1.0 - _GAMMA) / _GAMMA
    positive = True
    for i in range(flat.size):
        positive = positive and before[i] + onward * (flat[i] - before[i]) >= 0.0
    if positive:
        for i in range(flat.size):
            flat[i] = before[i] + onward * (flat[i] - before[i])
        solve_shifted(value, source, loss, alpha, 1.0 / (_GAMMA * hours), tolerance, work)
    else:
        solve_shifted(value, source, loss, alpha, 1.0 / ((1.0 - _GAMMA) * hours), tolerance, work)
