"""Rules as data: from the signals of each cell to its behaviours."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import hill

__all__ = ["respond"]


@kernel
def _saturate(signal, columns, n, half, exponent, out):
    """Write the Hill response of ``n`` columns of a signal; frequent exponents have loops of their own, without branches."""
    if exponent not in (1.0, 1.5, 2.0):
        for m in range(n):
            out[m] = hill(signal[columns[m]], half, exponent)
        return
    for m in range(n):
        felt = signal[columns[m]]
        out[m] = np.inf if felt <= 0.0 else half / felt
    if exponent == 1.0:
        for m in range(n):
            out[m] = 1.0 / (1.0 + out[m])
    elif exponent == 1.5:
        for m in range(n):
            out[m] = 1.0 / (1.0 + out[m] * np.sqrt(out[m]))
    else:
        for m in range(n):
            out[m] = 1.0 / (1.0 + out[m] * out[m])


@kernel
def _respond_alike(kind, signals, rules, columns, n, strength, out):
    """Evaluate the rows of one type for ``n`` columns of a chunk, row by row; ``strength`` is scratch."""
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        base, behaviour = rules.base[rules.active[a], kind], out[rules.active[a]]
        for m in range(n):
            behaviour[columns[m]] = base
    for r in range(rules.start[kind], rules.start[kind + 1]):
        _saturate(signals[rules.row[0, r]], columns, n, rules.number[1, r], rules.number[2, r], strength)
        limit, behaviour = rules.number[0, r], out[rules.row[1, r]]
        if rules.row[2, r] == 1:
            for m in range(n):
                behaviour[columns[m]] += limit * strength[m]
        else:
            for m in range(n):
                behaviour[columns[m]] *= 1.0 + (limit - 1.0) * strength[m]
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        low, high = rules.bounds[0, rules.active[a]], rules.bounds[1, rules.active[a]]
        behaviour = out[rules.active[a]]
        for m in range(n):
            behaviour[columns[m]] = min(max(behaviour[columns[m]], low), high)


@kernel
def respond(types, signals, rules, first, last, out):
    """Evaluate all rule rows for the columns ``first`` to ``last``.

    Parameters
    ----------
    types : int64[C]
        Row of the type table of each column; columns ``first:last`` are read.
    signals : float64[S, >= last - first]
        Signals of the chunk, column 0 belongs to ``first``.
    rules : Rules
        ``base`` float64[B, T]; ``bounds`` float64[2, B]; CSR lists of active behaviours and of rule rows by type, the
        additive rows of a type last.
    out : float64[B, >= last - first]
        Behaviours; rows that are inactive for a type become 0.

    Notes
    -----
    EQ-RULE-1: behaviour = clamp(base x product(1 + (limit - 1) Hill(signal; half, exponent)) + sum(additive), low, high),
    where an additive row contributes limit x Hill, so that only a row marked additive raises a zero base. All columns
    of one type are evaluated together, row by row, so that loops have no branches.
    """
    n = last - first
    for b in range(out.shape[0]):
        for k in range(n):
            out[b, k] = 0.0
    columns, strength = np.empty(n, np.int64), np.empty(n)
    for kind in range(rules.base.shape[1]):
        alike = 0
        for k in range(n):
            columns[alike] = k
            alike += int(types[first + k] == kind)
        if alike > 0:
            _respond_alike(kind, signals, rules, columns, alike, strength, out)
