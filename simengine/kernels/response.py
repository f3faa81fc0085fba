"""Rules as data: from the signals of each cell to its behaviours."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.foundation.math import hill

__all__ = ["respond"]


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
    where an additive row contributes limit x Hill, so that only a row marked additive raises a zero base.
    """
    for k in range(last - first):
        kind = types[first + k]
        for b in range(out.shape[0]):
            out[b, k] = 0.0
        for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
            behaviour = rules.active[a]
            out[behaviour, k] = rules.base[behaviour, kind]
        for r in range(rules.start[kind], rules.start[kind + 1]):
            strength = hill(signals[rules.row[0, r], k], rules.number[1, r], rules.number[2, r])
            behaviour = rules.row[1, r]
            if rules.row[2, r] == 1:
                out[behaviour, k] += rules.number[0, r] * strength
            else:
                out[behaviour, k] *= 1.0 + (rules.number[0, r] - 1.0) * strength
        for a in range(rules.active_start[kind], rules.active_start[kind + 1]):
            behaviour = rules.active[a]
            value = out[behaviour, k]
            out[behaviour, k] = min(max(value, rules.bounds[0, behaviour]), rules.bounds[1, behaviour])
