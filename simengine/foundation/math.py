"""Elementary functions with the same bits on every processor.

Library versions of exp, log and sine differ in the last bit between machines. These use only ``+ - * /``, square root
and integer operations on float64, in a fixed order and without fused multiply-add, which IEEE 754 defines to the last
bit.

Range reduction follows W. J. Cody and W. Waite, *Software Manual for the Elementary Functions* (1980). The polynomials
are Taylor series on the reduced range, so that every coefficient can be checked by eye. The exponent of a float is
read and set through ``np.float64(x).view(np.int64)``, which works in compiled code and in plain Python alike.

Largest errors, in units in the last place (ulp): exp, log 1; log1p 1.5; sincos 1 up to ten radians and 2 up to a
million; sincos_turn, expm1 2. ``power``, ``log_gamma`` and ``normal_quantile`` state theirs below. All are asserted in
``tests/unit/test_math.py``.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from simengine.foundation.jit import kernel

__all__ = [
    "exp",
    "expm1",
    "hill",
    "log",
    "log1p",
    "log_gamma",
    "normal_quantile",
    "power",
    "sincos",
    "sincos_turn",
]

_INF = float("inf")
_NAN = float("nan")

_ONE_OVER_LN2 = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # 32 bits, so that its product with any exponent is exact
_LN2_LOW = 1.9082149292705877e-10
_TO_INTEGER = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to the nearest integer, kept in the low bits
_TO_INTEGER_BITS = 0x4338000000000000

_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_ONE_BITS = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF
_SMALLEST_NORMAL = 2.0**-1022
_TWO_54 = 2.0**54

_TWO_OVER_PI = 0.6366197723675814
_HALF_PI_1 = 1.5707963267341256  # 33 bits of pi / 2, so that k * _HALF_PI_1 is exact for |k| < 2**20
_HALF_PI_2 = 6.077100506303966e-11  # the next 33 bits
_HALF_PI_3 = 2.0222662487959506e-21  # the rest
_TWO_PI = 6.283185307179586
_TWO_PI_LOW = 2.4492935982947064e-16  # what the float above lacks
_LARGEST_ANGLE = 1e6

_HALF_LOG_TWO_PI = 0.9189385332046728

# Algorithm AS 241: centre, tail and far tail of the normal quantile, as coefficients of numerator and denominator, the
# highest power first.
_CENTRE = (
    (2.5090809287301226727e3, 5.2264952788528545610e3),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (3.3871328727963666080e0, 1.0),
)
_TAIL = (
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (1.27045825245236838258e0, 1.48103976427480074590e-1),
    (3.64784832476320460504e0, 6.89767334985100004550e-1),
    (5.76949722146069140550e0, 1.67638483018380384940e0),
    (4.63033784615654529590e0, 2.05319162663775882187e0),
    (1.42343711074968357734e0, 1.0),
)
_FAR = (
    (2.01033439929228813265e-7, 2.04426310338993978564e-15),
    (2.71155556874348757815e-5, 1.42151175831644588870e-7),
    (1.24266094738807843860e-3, 1.84631831751005468180e-5),
    (2.65321895265761230930e-2, 7.86869131145613259100e-4),
    (2.96560571828504891230e-1, 1.48753612908506148525e-2),
    (1.78482653991729133580e0, 1.36929880922735805310e-1),
    (5.46378491116411436990e0, 5.99832206555887937690e-1),
    (6.65790464350110377720e0, 1.0),
)


@kernel
def _power_of_two(k):
    """Return 2**k for an int64 ``k`` between -1022 and 1023."""
    return np.int64((k + 1023) << 52).view(np.float64)


@kernel
def _exp_tail(r):
    """Return (exp(r) - 1 - r) / r**2 for |r| <= 0.35 by its Taylor series, as pairs of pairs (Estrin)."""
    r2 = r * r
    r4 = r2 * r2
    a = (1.0 / 2.0 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0))
    b = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0))
    c = (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) + r2 * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0))
    return a + r4 * (b + r4 * c)


@kernel
def exp(x):
    """Return e**x; 0 below -745.14, inf above 709.79, nan for nan.

    Notes
    -----
    x = k ln 2 + r with integer k and |r| <= ln(2)/2; exp(r) by Taylor to r**13; 2**k in two factors, so that results
    below the smallest normal number come out right.
    """
    if x != x:
        return x
    x = min(max(x, -746.0), 710.0)
    shifted = x * _ONE_OVER_LN2 + _TO_INTEGER
    k = shifted - _TO_INTEGER
    n = np.float64(shifted).view(np.int64) - _TO_INTEGER_BITS
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    y = 1.0 + (r + r * r * _exp_tail(r))
    half = n >> 1
    return (y * _power_of_two(half)) * _power_of_two(n - half)


@kernel
def expm1(x):
    """Return e**x - 1 without loss for small ``x``; -1 far below zero, inf above 709.79, nan for nan."""
    if x != x or x == 0.0:
        return x
    if x > 40.0 or x < -40.0:
        return exp(x) - 1.0
    shifted = x * _ONE_OVER_LN2 + _TO_INTEGER
    k = shifted - _TO_INTEGER
    n = np.float64(shifted).view(np.int64) - _TO_INTEGER_BITS
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    small = r + r * r * _exp_tail(r)
    return (small + (1.0 - _power_of_two(-n))) * _power_of_two(n)


@kernel
def _log_of_reduced(f, k):
    """Return log(1 + f) + k ln 2 for sqrt(1/2) <= 1 + f <= sqrt(2), with ``k`` a whole number as float64.

    log(1 + f) = 2 artanh(s) with s = f/(2 + f): a Taylor series in s**2 <= 0.0295.
    """
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    a = (2.0 / 3.0 + z * (2.0 / 5.0)) + z2 * (2.0 / 7.0 + z * (2.0 / 9.0))
    b = (2.0 / 11.0 + z * (2.0 / 13.0)) + z2 * (2.0 / 15.0 + z * (2.0 / 17.0))
    c = (2.0 / 19.0 + z * (2.0 / 21.0)) + z2 * (2.0 / 23.0)
    series = z * (a + z4 * (b + z4 * c))
    half_square = 0.5 * f * f
    return k * _LN2_HIGH - ((half_square - (s * (half_square + series) + k * _LN2_LOW)) - f)


@kernel
def log(x):
    """Return the natural logarithm; -inf for 0, nan for negative numbers and nan, inf for inf."""
    if not x > 0.0:
        return -_INF if x == 0.0 else _NAN
    if x == _INF:
        return x
    n = np.int64(0)
    if x < _SMALLEST_NORMAL:
        x = x * _TWO_54
        n = np.int64(-54)
    bits = np.float64(x).view(np.int64) + (_ONE_BITS - _SQRT_HALF_BITS)
    n = n + (bits >> 52) - 1023
    m = np.int64((bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64)
    return _log_of_reduced(m - 1.0, float(n))


@kernel
def log1p(x):
    """Return log(1 + x) without loss for small ``x``; -inf for -1, nan below -1 and for nan, inf for inf."""
    if -0.29 < x < 0.41:
        return x if x == 0.0 else _log_of_reduced(x, 0.0)
    if not x > -1.0 or x == _INF:
        return log(1.0 + x)
    sum_ = 1.0 + x
    lost = x - (sum_ - 1.0) if x < 1.0 else 1.0 - (sum_ - x)
    return log(sum_) + lost / sum_


@kernel
def _sincos_near_zero(r, low):
    """Return sine and cosine of r + low, for |r| <= pi/4 and a correction far below the last place of ``r``."""
    z = r * r
    z2 = z * z
    z4 = z2 * z2
    half = 0.5 * z
    w = 1.0 - half
    a = (-1.0 / 6.0 + z * (1.0 / 120.0)) + z2 * (-1.0 / 5040.0 + z * (1.0 / 362880.0))
    b = (-1.0 / 39916800.0 + z * (1.0 / 6227020800.0)) + z2 * (-1.0 / 1307674368000.0 + z * (1.0 / 355687428096000.0))
    sine = r + (r * z * (a + z4 * b) + low * w)
    c = (1.0 / 24.0 + z * (-1.0 / 720.0)) + z2 * (1.0 / 40320.0 + z * (-1.0 / 3628800.0))
    d = (1.0 / 479001600.0 + z * (-1.0 / 87178291200.0)) + z2 * (1.0 / 20922789888000.0)
    cosine = w + (((1.0 - w) - half) + (z2 * (c + z4 * d) - r * low))
    return sine, cosine


@kernel
def _add_right_angles(sine, cosine, n):
    """Return sine and cosine of an angle plus ``n`` (int64) right angles."""
    if n & 1:
        sine, cosine = cosine, -sine
    if n & 2:
        sine, cosine = -sine, -cosine
    return sine, cosine


@kernel
def sincos(x):
    """Return (sin x, cos x), ``x`` in radians; (nan, nan) beyond a million radians."""
    if not -_LARGEST_ANGLE <= x <= _LARGEST_ANGLE:
        return _NAN, _NAN
    shifted = x * _TWO_OVER_PI + _TO_INTEGER
    k = shifted - _TO_INTEGER
    high = x - k * _HALF_PI_1
    middle = k * _HALF_PI_2
    r = high - middle
    sine, cosine = _sincos_near_zero(r, ((high - r) - middle) - k * _HALF_PI_3)
    return _add_right_angles(sine, cosine, np.float64(shifted).view(np.int64))


@kernel
def sincos_turn(turns):
    """Return sine and cosine of an angle in full turns (1 = 2 pi radians), |turns| <= 1e6: its reduction is exact."""
    if not -_LARGEST_ANGLE <= turns <= _LARGEST_ANGLE:
        return _NAN, _NAN
    shifted = 4.0 * turns + _TO_INTEGER
    r = turns - 0.25 * (shifted - _TO_INTEGER)
    sine, cosine = _sincos_near_zero(r * _TWO_PI, r * _TWO_PI_LOW)
    return _add_right_angles(sine, cosine, np.float64(shifted).view(np.int64))


@kernel
def power(x, y):
    """Return x**y for x >= 0, with relative error at most (1 + 1.5 |y log x|) * 2**-52; nan for negative ``x``.

    Anything to the power 0 is 1; 0 to a positive power is 0, to a negative one inf.
    """
    if y == 0.0 or x == 1.0:
        return 1.0
    return exp(y * log(x))


@kernel
def hill(signal, half, exponent):
    """Return the Hill response signal**n / (signal**n + half**n), between 0 and 1; 0 where the signal is not positive.

    Parameters
    ----------
    signal, half : float64
        Signal and the signal of half response (> 0), in one unit.
    exponent : float64
        Hill exponent n > 0; 1, 1.5, 2, 3 and 4 take a fast path.
    """
    if signal <= 0.0:
        return 0.0
    ratio = half / signal
    if exponent == 1.0:
        return 1.0 / (1.0 + ratio)
    if exponent == 1.5:
        return 1.0 / (1.0 + ratio * np.sqrt(ratio))
    if exponent == 2.0:
        return 1.0 / (1.0 + ratio * ratio)
    if exponent == 3.0:
        return 1.0 / (1.0 + ratio * ratio * ratio)
    if exponent == 4.0:
        square = ratio * ratio
        return 1.0 / (1.0 + square * square)
    return 1.0 / (1.0 + power(ratio, exponent))


@kernel
def log_gamma(x):
    """Return the logarithm of the gamma function for x > 0; inf at 0 and at inf, nan below.

    Error at most 1e-14 * max(1, |result|).

    Notes
    -----
    Stirling's series to x**-13 for x >= 10; smaller ``x`` are lifted there by gamma(x + 1) = x gamma(x).

    Source: M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions* (1964), 6.1.15 and 6.1.41.
    """
    if not x > 0.0:
        return _INF if x == 0.0 else _NAN
    if x == _INF:
        return x
    product = 1.0
    while x < 10.0:
        product = product * x
        x = x + 1.0
    z = 1.0 / (x * x)
    series = 1.0 / 12.0 + z * (-1.0 / 360.0 + z * (1.0 / 1260.0 + z * (-1.0 / 1680.0)))
    z4 = z * z * z * z
    series = series + z4 * (1.0 / 1188.0 + z * (-691.0 / 360360.0 + z * (1.0 / 156.0)))
    return (x - 0.5) * log(x) - x + _HALF_LOG_TWO_PI + series / x - log(product)


@kernel
def _ratio_of_polynomials(r, table):
    """Return the ratio of two polynomials of degree 7 in ``r``, with the coefficients of ``table``."""
    numerator, denominator = table[0]
    for i in range(1, 8):
        above, below = table[i]
        numerator = numerator * r + above
        denominator = denominator * r + below
    return numerator / denominator


@kernel
def normal_quantile(u):
    """Return the number that a standard normal variable stays below with probability ``u``.

    Relative error at most 1e-15 (absolute, near u = 1/2); -inf and inf at 0 and 1, nan outside.

    Source: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37
    (1988) 477-484, routine PPND16.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio_of_polynomials(0.180625 - q * q, _CENTRE)
    tail = u if q < 0.0 else 1.0 - u
    if not tail > 0.0:
        return _NAN if tail != 0.0 else (-_INF if q < 0.0 else _INF)
    r = np.sqrt(-log(tail))
    if r <= 5.0:
        x = _ratio_of_polynomials(r - 1.6, _TAIL)
    else:
        x = _ratio_of_polynomials(r - 5.0, _FAR)
    return -x if q < 0.0 else x
