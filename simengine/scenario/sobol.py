"""The Sobol sequence in plain arithmetic, so that a file is read without a compiler or a numerical library.

Source: S. Joe, F. Y. Kuo, SIAM J. Sci. Comput. 30 (2008) 2635-2654, whose primitive polynomials and direction numbers (the
first dimensions of new-joe-kuo-6) these are.
"""

from __future__ import annotations

__all__ = ["BITS", "MOST_DIMENSIONS", "sobol_column"]

BITS = 30
"""Binary digits of a coordinate."""

_DIMENSIONS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (3, (1,)),
    (7, (1, 3)),
    (11, (1, 3, 1)),
    (13, (1, 1, 1)),
    (19, (1, 1, 3, 3)),
    (25, (1, 3, 5, 13)),
    (37, (1, 1, 5, 5, 17)),
    (41, (1, 1, 5, 5, 5)),
    (47, (1, 1, 7, 11, 19)),
    (55, (1, 1, 5, 1, 1)),
    (59, (1, 1, 1, 3, 11)),
    (61, (1, 3, 5, 5, 31)),
    (67, (1, 3, 3, 9, 7, 49)),
    (91, (1, 1, 1, 15, 21, 21)),
    (97, (1, 3, 1, 13, 27, 49)),
    (103, (1, 1, 1, 15, 7, 5)),
    (109, (1, 3, 1, 15, 13, 25)),
    (115, (1, 1, 5, 5, 19, 61)),
    (131, (1, 3, 7, 11, 23, 15, 103)),
    (137, (1, 3, 7, 13, 13, 15, 69)),
    (143, (1, 1, 3, 13, 7, 35, 63)),
    (145, (1, 3, 5, 9, 1, 25, 53)),
    (157, (1, 3, 1, 13, 9, 35, 107)),
    (167, (1, 3, 1, 5, 27, 61, 31)),
    (171, (1, 1, 5, 11, 19, 41, 61)),
    (185, (1, 3, 5, 3, 3, 13, 69)),
    (191, (1, 1, 7, 13, 1, 19, 1)),
    (193, (1, 3, 7, 5, 13, 19, 59)),
    (203, (1, 1, 3, 9, 25, 29, 41)),
    (211, (1, 3, 5, 13, 23, 1, 55)),
    (213, (1, 3, 7, 3, 13, 59, 17)),
    (229, (1, 3, 1, 3, 5, 53, 69)),
    (239, (1, 1, 5, 5, 23, 33, 13)),
    (241, (1, 1, 7, 7, 1, 61, 123)),
    (247, (1, 1, 7, 9, 13, 61, 49)),
    (253, (1, 3, 3, 5, 3, 55, 33)),
    (285, (1, 3, 1, 15, 31, 13, 49, 245)),
    (299, (1, 3, 5, 15, 31, 59, 63, 97)),
    (301, (1, 3, 1, 11, 11, 11, 77, 249)),
    (333, (1, 3, 1, 11, 27, 43, 71, 9)),
    (351, (1, 1, 7, 15, 21, 11, 81, 45)),
    (355, (1, 3, 7, 3, 25, 31, 65, 79)),
    (357, (1, 3, 1, 1, 19, 11, 3, 205)),
    (361, (1, 1, 5, 9, 19, 21, 29, 157)),
    (369, (1, 3, 7, 11, 1, 33, 89, 185)),
    (391, (1, 3, 3, 3, 15, 9, 79, 71)),
    (397, (1, 3, 7, 11, 15, 39, 119, 27)),
    (425, (1, 1, 3, 1, 11, 31, 97, 225)),
    (451, (1, 1, 1, 3, 23, 43, 57, 177)),
)
"""Of each dimension but the first: the primitive polynomial as binary digits, and the first direction numbers."""
MOST_DIMENSIONS = len(_DIMENSIONS) + 1


def sobol_column(dimension: int, n: int) -> list[int]:
    """Return the first n coordinates of one dimension (counted from 0) as whole multiples of 2**-30.

    Notes
    -----
    Recurrence of the direction numbers by the polynomial of degree s; points in the order of the Gray code: from one to the
    next, the direction number at the lowest zero digit of the index is added without carry.
    """
    if dimension == 0:
        numbers = [1] * BITS
    else:
        polynomial, first = _DIMENSIONS[dimension - 1]
        degree, numbers = len(first), list(first)
        for k in range(degree, BITS):
            new = numbers[k - degree] ^ (numbers[k - degree] << degree)
            for i in range(1, degree):
                if polynomial >> (degree - i) & 1:
                    new ^= numbers[k - i] << i
            numbers.append(new)
    directions = [number << (BITS - 1 - k) for k, number in enumerate(numbers[:BITS])]
    column, here = [], 0
    for i in range(n):
        column.append(here)
        here ^= directions[(~i & (i + 1)).bit_length() - 1]
    return column
