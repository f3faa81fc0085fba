"""Small dense linear algebra with the same bits everywhere: products, Cholesky factors, Markov transition matrices.

For matrices of a few rows to a few dozen, where plain loops in a fixed order are as fast as a library and, unlike one,
give the same sums on every machine.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel

__all__ = ["cholesky", "matmul", "transition_matrix"]

_TERMS = 20
"""Terms of the series for one scaled step: with at most one expected event, the rest is below 1 / 21! = 2e-20."""


@kernel
def matmul(a, b, out):
    """Write the product of two matrices.

    Parameters
    ----------
    a, b : float64[n, k], float64[k, m]
    out : float64[n, m]
        Must be neither ``a`` nor ``b``.
    """
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            out[i, j] = 0.0
        for k in range(a.shape[1]):
            factor = a[i, k]
            for j in range(b.shape[1]):
                out[i, j] += factor * b[k, j]


@kernel
def cholesky(a, out):
    """Write the lower triangular factor L with L L^T = a, zeros above; return whether ``a`` is positive definite.

    Parameters
    ----------
    a : float64[n, n]
        Symmetric; only the lower triangle is read.
    out : float64[n, n]
        May be ``a`` itself. Half written where the answer is False.
    """
    n = a.shape[0]
    for j in range(n):
        rest = a[j, j]
        for k in range(j):
            rest -= out[j, k] * out[j, k]
        if not rest > 0.0:
            return False
        pivot = np.sqrt(rest)
        out[j, j] = pivot
        for i in range(j + 1, n):
            rest = a[i, j]
            for k in range(j):
                rest -= out[i, k] * out[j, k]
            out[i, j] = rest / pivot
    for i in range(n):
        for j in range(i + 1, n):
            out[i, j] = 0.0
    return True


@kernel
def _normalise_rows(p, out):
    """Write each row of ``p`` divided by its sum; ``out`` may be ``p``."""
    for i in range(p.shape[0]):
        total = 0.0
        for j in range(p.shape[1]):
            total += p[i, j]
        for j in range(p.shape[1]):
            out[i, j] = p[i, j] / total


@kernel
def _uniformise(rates, largest, out):
    """Write the transition matrix of one event of the uniformised chain: ``rates / largest``, the rest stays."""
    n = rates.shape[0]
    for i in range(n):
        stay = largest
        for j in range(n):
            if j != i:
                stay -= rates[i, j]
                out[i, j] = rates[i, j] / largest
        out[i, i] = max(stay, 0.0) / largest


@kernel
def transition_matrix(rates, hours, out, work):
    """Write the probabilities of going from each state to each other within a time, for constant rates.

    Parameters
    ----------
    rates : float64[n, n], per hour
        ``rates[i, j]`` >= 0 leads from ``i`` to ``j``; the diagonal is not read.
    hours : float64
        Not negative.
    out : float64[n, n]
        Rows sum to 1 within 1e-14, and nothing is negative, whatever the rates.
    work : float64[2, n, n]
        Scratch.

    Notes
    -----
    P = exp(Q t) by uniformisation: with L the largest total exit rate, A = 1 + Q / L and x = L t / 2**s <= 1,
    P = (exp(-x) sum_k (x A)**k / k!) ** (2**s). These are sums and products of numbers that are not negative, without
    cancellation, so that small probabilities keep their relative accuracy. The factor exp(-x) and the rounding are both
    settled by normalising the rows, again after each squaring.

    Source: A. Jensen, "Markoff chains as an aid in the study of Markoff processes", Skand. Aktuarietidskr. 36 (1953)
    87-91. Checked against ``scipy.linalg.expm``.
    """
    n = rates.shape[0]
    largest = 0.0
    for i in range(n):
        total = 0.0
        for j in range(n):
            if j != i:
                total += rates[i, j]
        largest = max(largest, total)
    step, power = work[0], work[1]
    for i in range(n):
        for j in range(n):
            out[i, j] = 1.0 if i == j else 0.0
    x = largest * hours
    if not x > 0.0:
        return
    _uniformise(rates, largest, step)
    doublings = 0
    while x > 1.0:
        x *= 0.5
        doublings += 1
    for k in range(_TERMS, 0, -1):
        matmul(step, out, power)
        for i in range(n):
            for j in range(n):
                out[i, j] = power[i, j] * (x / k) + (1.0 if i == j else 0.0)
    _normalise_rows(out, out)
    for _ in range(doublings):
        matmul(out, out, power)
        _normalise_rows(power, out)
