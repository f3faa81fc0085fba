"""What addressed random numbers and own elementary functions cost: the timing behind three decisions.

1. Threefry2x64-20 and not Philox4x32-10: both without state, both from Salmon et al. 2011.
2. Normal numbers by inversion and not by Box-Muller: one address for one number, and it rises with its uniform number.
3. Own exp, log and sine and not the library's, whose last bit differs between machines.

Prints nanoseconds per number in a loop over agents, and the ratio to a calibration loop (a chain of dependent multiply and
add) of the same run. Compare ratios only: the nanoseconds move with the load of the machine.

Run: ``python benchmarks/decisions/random_numbers.py``
"""

from __future__ import annotations

import math as library
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from simengine.foundation.math import exp, log, sincos, sincos_turn
from simengine.foundation.random import make_key, purpose, uniform, uniform2
from simengine.foundation.samplers import binomial, exponential, normal, poisson, unit_vector

N = 20_000
REPEATS = 25
CODE = purpose("benchmarks.random_numbers")
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


@numba.njit
def _philox_round(c0, c1, c2, c3, k0, k1):
    """Return one round of Philox4x32: two products of 32 bits, their halves crossed."""
    a, b = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
    return (b >> HALF) ^ c1 ^ k0, b & LOW, (a >> HALF) ^ c3 ^ k1, a & LOW


@numba.njit
def _philox(key, identity, when):
    """Return a uniform number from Philox4x32-10 with the same address."""
    c0, c1, c2, c3 = identity & LOW, identity >> HALF, np.uint64(when), np.uint64(0)
    k0, k1 = key[0] & LOW, key[1] & LOW
    for _ in range(10):
        c0, c1, c2, c3 = _philox_round(c0, c1, c2, c3, k0, k1)
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & LOW, (k1 + np.uint64(0xBB67AE85)) & LOW
    return float(np.int64((c0 << HALF | c1) >> np.uint64(11))) * 2.0**-53


@numba.njit
def _box_muller(key, identity, when):
    """Return a normal number by Box and Muller's transformation."""
    u, v = uniform2(key, identity, when, CODE, 0)
    _, cosine = sincos_turn(v)
    return np.sqrt(-2.0 * log(u)) * cosine


def _loop(one: Callable[..., float]) -> Callable[..., float]:
    """Return a compiled loop that sums a function of (key, identity, when, x) over agents."""

    @numba.njit(nogil=True, error_model="numpy")
    def run(key: Any, identities: Any, x: Any) -> float:
        total = 0.0
        for i in range(identities.size):
            total += one(key, identities[i], np.int64(i), x[i])
        return total

    return run  # type: ignore[no-any-return]


@numba.njit
def _calibration(key, identities, x):
    """Return a chain of as many dependent multiplications and additions as there are agents."""
    total = 0.0
    for i in range(identities.size):
        total = total * 0.999 + x[i]
    return total


CASES: dict[str, Callable[..., float]] = {
    "uniform, Threefry2x64-20": lambda key, i, when, x: uniform(key, i, when, CODE, 0),
    "uniform, Philox4x32-10": lambda key, i, when, x: _philox(key, i, when),
    "normal, inversion": lambda key, i, when, x: normal(key, i, when, CODE, 0),
    "normal, Box-Muller": lambda key, i, when, x: _box_muller(key, i, when),
    "exponential": lambda key, i, when, x: exponential(key, i, when, CODE, 0),
    "unit vector": lambda key, i, when, x: unit_vector(key, i, when, CODE, 0)[0],
    "Poisson, mean 0.5": lambda key, i, when, x: poisson(key, i, when, CODE, 0, 0.5),
    "Poisson, mean 100": lambda key, i, when, x: poisson(key, i, when, CODE, 0, 100.0),
    "binomial, 10 of 0.3": lambda key, i, when, x: binomial(key, i, when, CODE, 0, 10, 0.3),
    "binomial, 1e9 of 0.3": lambda key, i, when, x: binomial(key, i, when, CODE, 0, 10**9, 0.3),
    "exp, own": lambda key, i, when, x: exp(x),
    "exp, library": lambda key, i, when, x: library.exp(x),
    "log, own": lambda key, i, when, x: log(x),
    "log, library": lambda key, i, when, x: library.log(x),
    "sine, own (with cosine)": lambda key, i, when, x: sincos(x)[0],
    "sine, library": lambda key, i, when, x: library.sin(x),
}


def _nanoseconds(run: Callable[..., float], *arguments: Any) -> float:
    """Return the shortest of some timings, per agent; the first call compiles and is not timed."""
    run(*arguments)
    best = float("inf")
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run(*arguments)
        best = min(best, time.perf_counter() - begin)
    return best / N * 1e9


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    arguments = make_key(1, 2, 3), rng.integers(0, 2**63, N).astype(np.uint64), rng.uniform(0.01, 5.0, N)
    unit = _nanoseconds(_calibration, *arguments)
    print(f"{'number':26s} {'ns':>7s} {'ratio':>7s}")
    print(f"{'calibration':26s} {unit:7.1f} {1.0:7.1f}")
    for name, one in CASES.items():
        spent = _nanoseconds(_loop(numba.njit(one)), *arguments)
        print(f"{name:26s} {spent:7.1f} {spent / unit:7.1f}")


if __name__ == "__main__":
    main()
