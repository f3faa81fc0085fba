"""Rules as data: from the signals of each cell to its behaviours."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel
from simengine.foundation.math import hill

__all__ = ["respond"]

_PADDING = 8  # rows a power of two apart would share the same few lines of the cache


@inlined
def _saturate(felt, n, half, exponent, out):
    """Write the Hill response to ``n`` values; frequent exponents have loops of their own, without branches."""
    if exponent not in (1.0, 1.5, 2.0):
        for m in range(n):
            out[m] = hill(felt[m], half, exponent)
        return
    for m in range(n):
        out[m] = np.inf if felt[m] <= 0.0 else half / felt[m]
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
def _respond_alike(kind, signals, rules, columns, n, work, out):
    """Evaluate the rows of one type for ``n`` columns of a chunk, row by row.

    ``work`` float64[B + 2, >= n] holds the behaviours of these columns side by side, then what they feel and how strongly.
    """
    felt, strength = work[out.shape[0]], work[out.shape[0] + 1]
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        base, behaviour = rules.base[rules.active[a], kind], work[rules.active[a]]
        for m in range(n):
            behaviour[m] = base
    for r in range(rules.start[kind], rules.start[kind + 1]):
        signal = signals[rules.row[0, r]]
        for m in range(n):
            felt[m] = signal[columns[m]]
        _saturate(felt, n, rules.number[1, r], rules.number[2, r], strength)
        limit, behaviour = rules.number[0, r], work[rules.row[1, r]]
        if rules.row[2, r] == 1:
            for m in range(n):
                behaviour[m] += limit * strength[m]
        else:
            for m in range(n):
                behaviour[m] *= 1.0 + (limit - 1.0) * strength[m]
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        low, high = rules.bounds[0, rules.active[a]], rules.bounds[1, rules.active[a]]
        source, behaviour = work[rules.active[a]], out[rules.active[a]]
        for m in range(n):
            behaviour[columns[m]] = min(max(source[m], low), high)


@kernel
def respond(types, signals, rules, first, last, out):
    """Evaluate all rule rows for the columns ``first`` to ``last``.

    Parameters
    ----------
    types : int32[C]
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
    of one type are evaluated together, side by side and row by row, so that loops are vectors without branches.
    """
    n = last - first
    for b in range(out.shape[0]):
        for k in range(n):
            out[b, k] = 0.0
    columns, work = np.empty(n, np.uint64), np.empty((out.shape[0] + 2, n + _PADDING))
    is_there = np.zeros(rules.base.shape[1], np.bool_)
    for k in range(n):
        is_there[types[first + k]] = True
    for kind in range(is_there.size):
        if is_there[kind]:
            alike = np.uint64(0)
            for k in range(n):
                columns[alike] = k
                alike += np.uint64(types[first + k] == kind)
            _respond_alike(kind, signals, rules, columns, alike, work, out)
