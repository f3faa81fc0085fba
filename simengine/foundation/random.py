"""Random numbers with an address: a pure function of who asks, when, what for, and which draw.

Nothing here has state. The *key* names the patient and the replicate; the *counter* names the identity that asks, the
time (base tick or event ordinal), the purpose and the number of the draw; Threefry2x64-20 turns both into 128 random
bits. One more cell, mechanism, output or thread therefore changes nobody else's numbers, and two therapies for the
same patient and seed share every draw that has the same meaning.

Layout of the counter::

    word 0   identity                                   64 bits
    word 1   when (34 bits) | purpose (16) | draw (14)

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.jit import kernel

__all__ = [
    "MAX_DRAW",
    "MAX_ORDINAL",
    "MAX_SOURCE",
    "MAX_WHEN",
    "arrival_identity",
    "daughter_identity",
    "make_key",
    "pack",
    "purpose",
    "purposes",
    "threefry",
    "uniform",
    "uniform2",
]

MAX_WHEN = 2**34 - 1
"""Largest base tick or event ordinal of an address (16,000 years in ticks of half a minute)."""
MAX_DRAW = 2**14 - 1
"""Largest draw number of an address."""
MAX_SOURCE = 2**24 - 1
"""Largest source number of an arrival."""
MAX_ORDINAL = 2**40 - 1
"""Largest ordinal of an arrival within its source and time."""

_RESERVED = 16
_BIRTH = 0
_ARRIVAL = 1
_registry: dict[int, str] = {}

_PARITY = np.uint64(0x1BD11BDAA9FC1A22)
_R0, _R1, _R2, _R3 = np.uint64(16), np.uint64(42), np.uint64(12), np.uint64(31)
_R4, _R5, _R6, _R7 = np.uint64(16), np.uint64(32), np.uint64(24), np.uint64(21)
_ONE, _TWO, _THREE, _FOUR, _FIVE = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4), np.uint64(5)
_ZERO, _64 = np.uint64(0), np.uint64(64)

_WHEN_MASK = np.uint64(MAX_WHEN)
_PURPOSE_MASK = np.uint64(2**16 - 1)
_DRAW_MASK = np.uint64(MAX_DRAW)
_ORDINAL_MASK = np.uint64(MAX_ORDINAL)
_WHEN_SHIFT = np.uint64(30)
_PURPOSE_SHIFT = np.uint64(14)
_SOURCE_SHIFT = np.uint64(40)

_DROP_11_BITS = np.uint64(11)
_GRID = 2.0**-53


def make_key(seed: int, patient: int, replicate: int) -> NDArray[np.uint64]:
    """Return the key of one run, ``uint64[2]``: the seed, and patient and replicate side by side.

    Raises
    ------
    ValueError
        If ``seed`` is not within 64 bits, or ``patient`` or ``replicate`` not within 32 (all unsigned).
    """
    for name, number, bits in (("seed", seed, 64), ("patient", patient, 32), ("replicate", replicate, 32)):
        if not 0 <= number < 2**bits:
            raise ValueError(f"{name} must be between 0 and 2**{bits} - 1, not {number}")
    return np.array([seed, patient << 32 | replicate], dtype=np.uint64)


def purpose(name: str) -> int:
    """Return the 16-bit code of a purpose, the same in every process and version, and remember the name.

    The code is a hash of the name alone, so that adding a purpose never renumbers another. Asking twice is fine.

    Raises
    ------
    ValueError
        If another name already has this code: one of the two needs a new name.
    """
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    code = _RESERVED + digest % (2**16 - _RESERVED)
    owner = _registry.setdefault(code, name)
    if owner != name:
        raise ValueError(f"purposes {owner!r} and {name!r} have the same code {code}: rename one of them")
    return code


def purposes() -> dict[str, int]:
    """Return every purpose that was named so far with its code, sorted by name."""
    return dict(sorted((name, code) for code, name in _registry.items()))


@kernel
def _turn(x0, x1, left):
    """Return one round of the Threefry mix: add, rotate to the left, exclusive or."""
    x0 = x0 + x1
    return x0, ((x1 << left) | (x1 >> (_64 - left))) ^ x0


@kernel
def threefry(k0, k1, c0, c1):
    """Return the 128 bits of Threefry2x64-20 as two uint64.

    Parameters
    ----------
    k0, k1 : uint64
        Key.
    c0, c1 : uint64
        Counter. The casts below are for int64 given by mistake: a signed shift would make other numbers of it.

    Notes
    -----
    Twenty rounds of add, rotate and exclusive or; after each four, the next two of three key words and a round count
    are added. All words wrap at 2**64.

    Source: Salmon et al. 2011, section 3.2; checked against the known-answer vectors of Random123.
    """
    k0, k1 = np.uint64(k0), np.uint64(k1)
    k2 = _PARITY ^ k0 ^ k1
    x0, x1 = np.uint64(c0) + k0, np.uint64(c1) + k1
    x0, x1 = _turn(x0, x1, _R0)
    x0, x1 = _turn(x0, x1, _R1)
    x0, x1 = _turn(x0, x1, _R2)
    x0, x1 = _turn(x0, x1, _R3)
    x0, x1 = x0 + k1, x1 + k2 + _ONE
    x0, x1 = _turn(x0, x1, _R4)
    x0, x1 = _turn(x0, x1, _R5)
    x0, x1 = _turn(x0, x1, _R6)
    x0, x1 = _turn(x0, x1, _R7)
    x0, x1 = x0 + k2, x1 + k0 + _TWO
    x0, x1 = _turn(x0, x1, _R0)
    x0, x1 = _turn(x0, x1, _R1)
    x0, x1 = _turn(x0, x1, _R2)
    x0, x1 = _turn(x0, x1, _R3)
    x0, x1 = x0 + k0, x1 + k1 + _THREE
    x0, x1 = _turn(x0, x1, _R4)
    x0, x1 = _turn(x0, x1, _R5)
    x0, x1 = _turn(x0, x1, _R6)
    x0, x1 = _turn(x0, x1, _R7)
    x0, x1 = x0 + k1, x1 + k2 + _FOUR
    x0, x1 = _turn(x0, x1, _R0)
    x0, x1 = _turn(x0, x1, _R1)
    x0, x1 = _turn(x0, x1, _R2)
    x0, x1 = _turn(x0, x1, _R3)
    return x0 + k2, x1 + k0 + _FIVE


@kernel
def pack(when, purpose, draw):
    """Return word 1 of the counter, uint64: 34 bits of ``when``, 16 of ``purpose``, 14 of ``draw``.

    Parameters
    ----------
    when, purpose, draw : int64
        Not negative, at most ``MAX_WHEN``, 65535, ``MAX_DRAW``. A number above its limit loses its upper bits, and
        never touches another field.
    """
    w = (np.uint64(when) & _WHEN_MASK) << _WHEN_SHIFT
    p = (np.uint64(purpose) & _PURPOSE_MASK) << _PURPOSE_SHIFT
    return w | p | (np.uint64(draw) & _DRAW_MASK)


@kernel
def _to_unit(bits):
    """Return the top 53 bits as a float64 strictly inside (0, 1), on the grid of 2**-53, zero moved to the first point.

    The grid is symmetric: one minus the number is again a number of the grid, strictly inside (0, 1).
    """
    return float(max(np.int64(bits >> _DROP_11_BITS), np.int64(1))) * _GRID


@kernel
def uniform(key, identity, when, purpose, draw):
    """Return the uniform random number of one address: float64 strictly inside (0, 1), 53 bits.

    Parameters
    ----------
    key : uint64[2]
        From ``make_key``.
    identity : uint64
        Who asks: a cell, or any number that stands for a place or a pool.
    when, purpose, draw : int64
        Base tick or event ordinal, code from ``purpose``, and number of the draw, as in ``pack``.
    """
    bits, _ = threefry(key[0], key[1], identity, pack(when, purpose, draw))
    return _to_unit(bits)


@kernel
def uniform2(key, identity, when, purpose, draw):
    """Return two independent uniform numbers of one address for the price of one; the first is that of ``uniform``."""
    first, second = threefry(key[0], key[1], identity, pack(when, purpose, draw))
    return _to_unit(first), _to_unit(second)


@kernel
def daughter_identity(key, parent, ordinal):
    """Return the permanent identity, uint64, of the daughter of ``parent``'s division number ``ordinal``.

    Parameters
    ----------
    key : uint64[2]
    parent : uint64
        Identity of the mother cell, which she keeps.
    ordinal : int64
        Number of the division in the mother's life, from 0 to ``MAX_WHEN``.

    Notes
    -----
    The purpose code is one that ``purpose`` never gives, so the address is nobody else's.
    """
    bits, _ = threefry(key[0], key[1], parent, pack(ordinal, _BIRTH, 0))
    return bits


@kernel
def arrival_identity(key, source, when, ordinal):
    """Return the permanent identity, uint64, of a cell that comes from outside.

    Parameters
    ----------
    key : uint64[2]
    source : int64
        Number of the door it came through, at most ``MAX_SOURCE``.
    when : int64
        Schedule entry or base tick, at most ``MAX_WHEN``.
    ordinal : int64
        Its number among those of the same source and time, at most ``MAX_ORDINAL``.

    Notes
    -----
    The purpose code is one that ``purpose`` never gives, so the address is nobody else's.
    """
    place = (np.uint64(source) << _SOURCE_SHIFT) | (np.uint64(ordinal) & _ORDINAL_MASK)
    bits, _ = threefry(key[0], key[1], place, pack(when, _ARRIVAL, 0))
    return bits
