"""Rules as data: from the signals of each cell to its behaviours."""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel
from simengine.foundation.math import hill

__all__ = ["respond"]


@kernel
def _saturate(signal, half, exponent, first, last, out):
    """Write the Hill response of each column; the exponents that most rules have in loops of their own, without branches."""
    if exponent == 1.0:
        for k in range(first, last):
            out[k] = 0.0 if signal[k] <= 0.0 else 1.0 / (1.0 + half / signal[k])
    elif exponent == 1.5:
        for k in range(first, last):
            ratio = half / signal[k]
            out[k] = 0.0 if signal[k] <= 0.0 else 1.0 / (1.0 + ratio * np.sqrt(ratio))
    elif exponent == 2.0:
        for k in range(first, last):
            ratio = half / signal[k]
            out[k] = 0.0 if signal[k] <= 0.0 else 1.0 / (1.0 + ratio * ratio)
    else:
        for k in range(first, last):
            out[k] = hill(signal[k], half, exponent)


@kernel
def _respond_alike(kind, signals, rules, first, last, strength, out):
    """Evaluate the rows of one type for the columns ``first`` to ``last`` of a chunk, row by row ."""
    for b in range(out.shape[0]):
        for k in range(first, last):
            out[b, k] = 0.0
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        base, behaviour = rules.base[rules.active[a], kind], out[rules.active[a]]
        for k in range(first, last):
            behaviour[k] = base
    for r in range(rules.start[kind], rules.start[kind + 1]):
        _saturate(signals[rules.row[0, r]], rules.number[1, r], rules.number[2, r], first, last, strength)
        limit, behaviour = rules.number[0, r], out[rules.row[1, r]]
        if rules.row[2, r] == 1:
            for k in range(first, last):
                behaviour[k] += limit * strength[k]
        else:
            for k in range(first, last):
                behaviour[k] *= 1.0 + (limit - 1.0) * strength[k]
    for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
        low, high = rules.bounds[0, rules.active[a]], rules.bounds[1, rules.active[a]]
        behaviour = out[rules.active[a]]
        for k in range(first, last):
            behaviour[k] = min(max(behaviour[k], low), high)


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
    where an additive row contributes limit x Hill, so that only a row marked additive raises a zero base. Neighbours in
    memory of one type are evaluated together, row by row, so that the loops over them are vectors.
    """
    strength = np.empty(out.shape[1])
    begin, n = 0, last - first
    while begin < n:
        kind, end = types[first + begin], begin + 1
        while end < n and types[first + end] == kind:
            end += 1
        _respond_alike(kind, signals, rules, begin, end, strength, out)
        begin = end
