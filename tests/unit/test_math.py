"""Own elementary functions: accuracy on dense grids against 80-bit references, and the edges of their domains.

Errors are in units in the last place (ulp) of the float64 nearest to the reference, which NumPy computes in long
double, good to 1/2,000 ulp. Each bound is the one that the module states.
"""

from __future__ import annotations

import math as library
import statistics

import numpy as np
import pytest
from scipy import special

from simengine.foundation import math

INF, NAN = float("inf"), float("nan")
RNG = np.random.default_rng(7)
N = 20_000


def _log_uniform(low, high):
    return np.exp(RNG.uniform(np.log(low), np.log(high), N))


def _error_ulp(function, reference, grid):
    """Return the largest error of ``function`` over ``grid``, and where it is."""
    exact = reference(grid.astype(np.longdouble))
    found = np.array([function(x) for x in grid.tolist()], dtype=np.longdouble)
    errors = np.abs((found - exact) / np.spacing(np.abs(exact.astype(np.float64))))
    return float(errors.max()), float(grid[errors.argmax()])


GRIDS = {
    "exp over its range": (math.exp, np.exp, RNG.uniform(-708.0, 709.7, N), 1.0),
    "exp near zero": (math.exp, np.exp, RNG.uniform(-2.0, 2.0, N), 1.0),
    "exp of tiny numbers": (math.exp, np.exp, _log_uniform(1e-300, 1.0), 1.0),
    "log over its range": (math.log, np.log, _log_uniform(1e-307, 1e307), 1.0),
    "log near one": (math.log, np.log, RNG.uniform(0.5, 2.0, N), 1.0),
    "log beside one": (math.log, np.log, 1.0 + RNG.uniform(-1e-9, 1e-9, N), 1.0),
    "log of subnormal numbers": (math.log, np.log, RNG.integers(1, 2**52, N) * 5e-324, 1.0),
    "log1p near zero": (math.log1p, np.log1p, RNG.uniform(-0.999, 4.0, N), 1.5),
    "log1p of small numbers": (math.log1p, np.log1p, _log_uniform(1e-300, 1e-3), 1.5),
    "log1p of large numbers": (math.log1p, np.log1p, _log_uniform(1.0, 1e300), 1.5),
    "expm1 near zero": (math.expm1, np.expm1, RNG.uniform(-3.0, 3.0, N), 2.0),
    "expm1 of small numbers": (math.expm1, np.expm1, -_log_uniform(1e-300, 1e-3), 2.0),
    "expm1 over its range": (math.expm1, np.expm1, RNG.uniform(-60.0, 709.7, N), 2.0),
    "sine to ten radians": (lambda x: math.sincos(x)[0], np.sin, RNG.uniform(-10.0, 10.0, N), 1.0),
    "cosine to ten radians": (lambda x: math.sincos(x)[1], np.cos, RNG.uniform(-10.0, 10.0, N), 1.0),
    "sine to a million": (lambda x: math.sincos(x)[0], np.sin, RNG.uniform(-1e6, 1e6, N), 2.0),
    "cosine to a million": (lambda x: math.sincos(x)[1], np.cos, RNG.uniform(-1e6, 1e6, N), 2.0),
    "sine of small numbers": (lambda x: math.sincos(x)[0], np.sin, _log_uniform(1e-300, 1e-3), 1.0),
}


@pytest.mark.parametrize("case", GRIDS)
def test_errors_stay_below_the_stated_bound(case):
    function, reference, grid, bound = GRIDS[case]
    error, where = _error_ulp(function, reference, grid)
    assert error < bound, f"{error:.2f} ulp at {where!r}"


def test_sine_and_cosine_of_turns_are_within_two_ulp():
    """The reference turns by quarters exactly, then takes the sine of at most an eighth of a turn."""
    turns = np.concatenate([RNG.uniform(0.0, 1.0, N), RNG.uniform(-1e6, 1e6, N)])
    quarters = np.rint(4.0 * turns)
    angle = (turns - 0.25 * quarters).astype(np.longdouble) * (8 * np.arctan(np.longdouble(1)))
    s, c = np.sin(angle), np.cos(angle)
    quadrant = quarters.astype(np.int64) % 4
    exact = np.array([np.choose(quadrant, [s, c, -s, -c]), np.choose(quadrant, [c, -s, -c, s])]).T
    found = np.array([math.sincos_turn(x) for x in turns.tolist()])
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact.astype(np.float64)))) < 2.0


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (math.exp, 0.0, 1.0),
        (math.exp, -0.0, 1.0),
        (math.exp, INF, INF),
        (math.exp, -INF, 0.0),
        (math.exp, NAN, NAN),
        (math.exp, 709.782712893384, library.exp(709.782712893384)),
        (math.exp, 709.7827128933841, INF),
        (math.exp, 1e308, INF),
        (math.exp, -745.1332191019412, 0.0),
        (math.exp, -745.13321910194, 5e-324),
        (math.exp, -1e308, 0.0),
        (math.log, 1.0, 0.0),
        (math.log, 0.0, -INF),
        (math.log, -0.0, -INF),
        (math.log, INF, INF),
        (math.log, NAN, NAN),
        (math.log, -1e-300, NAN),
        (math.log, -INF, NAN),
        (math.log, 5e-324, library.log(5e-324)),
        (math.log, 1.7976931348623157e308, library.log(1.7976931348623157e308)),
        (math.log1p, 0.0, 0.0),
        (math.log1p, 5e-324, 5e-324),
        (math.log1p, -1.0, -INF),
        (math.log1p, -1.5, NAN),
        (math.log1p, INF, INF),
        (math.log1p, -INF, NAN),
        (math.log1p, NAN, NAN),
        (math.log1p, 1.7976931348623157e308, library.log(1.7976931348623157e308)),
        (math.expm1, 0.0, 0.0),
        (math.expm1, 5e-324, 5e-324),
        (math.expm1, -INF, -1.0),
        (math.expm1, -800.0, -1.0),
        (math.expm1, INF, INF),
        (math.expm1, 710.0, INF),
        (math.expm1, NAN, NAN),
        (math.log_gamma, 0.0, INF),
        (math.log_gamma, -0.5, NAN),
        (math.log_gamma, INF, INF),
        (math.log_gamma, NAN, NAN),
        (math.normal_quantile, 0.5, 0.0),
        (math.normal_quantile, 0.0, -INF),
        (math.normal_quantile, 1.0, INF),
        (math.normal_quantile, -0.1, NAN),
        (math.normal_quantile, 1.1, NAN),
        (math.normal_quantile, NAN, NAN),
    ],
)
def test_edges_of_the_domains_are_as_in_the_standard(function, x, expected):
    assert function(x) == pytest.approx(expected, rel=1e-14, abs=0.0, nan_ok=True)


def test_the_sign_of_zero_survives():
    for function in (math.log1p, math.expm1):
        assert library.copysign(1.0, function(-0.0)) == -1.0


def test_results_below_the_smallest_normal_number_are_rounded_once_or_twice_not_flushed():
    """Within one step of the subnormal grid, 5e-324."""
    for x in np.linspace(-745.0, -708.5, 2_000).tolist():
        assert abs(math.exp(x) - library.exp(x)) <= 5e-324 + 4.5e-16 * library.exp(x)


@pytest.mark.parametrize("x", [INF, -INF, NAN, 1.1e6, -1.1e6])
def test_angles_beyond_a_million_are_refused_by_nan(x):
    assert all(np.isnan(math.sincos(x)))
    assert all(np.isnan(math.sincos_turn(x)))


def test_quarter_turns_are_exact():
    assert [math.sincos_turn(q / 4) for q in range(4)] == [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]


def test_powers_keep_their_stated_relative_error():
    x, y = _log_uniform(1e-30, 1e30), RNG.uniform(-9.0, 9.0, N)
    exact = x.astype(np.longdouble) ** y.astype(np.longdouble)
    found = np.array([math.power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    bound = (1.0 + 1.5 * np.abs(y * np.log(x))) * 2.0**-52
    assert np.all(np.abs(found / exact - 1.0) <= bound)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.0, 2.5, 0.0),
        (0.0, -1.0, INF),
        (0.0, 0.0, 1.0),
        (5.0, 0.0, 1.0),
        (NAN, 0.0, 1.0),
        (1.0, INF, 1.0),
        (7.5, 1.0, 7.5),
        (INF, 2.0, INF),
        (INF, -2.0, 0.0),
        (10.0, 400.0, INF),
        (10.0, -400.0, 0.0),
        (-2.0, 2.0, NAN),
        (NAN, 2.0, NAN),
    ],
)
def test_powers_at_the_edges(x, y, expected):
    assert math.power(x, y) == pytest.approx(expected, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.7, 2.0, 3.0, 4.0, 8.0])
def test_hill_is_the_textbook_formula(exponent):
    signal = _log_uniform(1e-4, 1e4)
    expected = signal**exponent / (signal**exponent + 0.3**exponent)
    found = np.array([math.hill(s, 0.3, exponent) for s in signal.tolist()])
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert math.hill(0.3, 0.3, exponent) == 0.5


@pytest.mark.parametrize("exponent", [1.0, 2.0, 2.5, 3.0, 4.0])
def test_hill_runs_from_zero_to_one_without_a_gap_in_its_domain(exponent):
    """Whole exponents take a fast path: both paths must agree at the edges."""
    assert [math.hill(s, 1.0, exponent) for s in (-INF, -1.0, -0.0, 0.0)] == [0.0] * 4
    assert math.hill(5e-324, 1.0, exponent) < 1e-300
    assert math.hill(1e308, 1.0, exponent) == math.hill(INF, 1.0, exponent) == 1.0
    assert np.isnan(math.hill(NAN, 1.0, exponent))


def test_the_logarithm_of_gamma_is_within_its_stated_error():
    grid = np.concatenate([RNG.uniform(0.01, 30.0, N), _log_uniform(1e-300, 1e15)]).tolist()
    for x in grid:
        exact = library.lgamma(x)
        assert abs(math.log_gamma(x) - exact) <= 1e-14 * max(1.0, abs(exact)), x


def test_the_normal_quantile_agrees_with_two_other_implementations():
    """With SciPy (Cephes) to 4e-15 and with Python's own (AS 241 with libm) to 1e-15, into the far tail."""
    u = np.concatenate([RNG.uniform(0.0, 1.0, N), _log_uniform(1e-300, 0.1), 0.5 + RNG.uniform(-1e-12, 1e-12, 100)])
    found = np.array([math.normal_quantile(x) for x in u.tolist()])
    standard = statistics.NormalDist()
    np.testing.assert_allclose(found, special.ndtri(u), rtol=4e-15, atol=1e-15)
    np.testing.assert_allclose(found, [standard.inv_cdf(x) for x in u.tolist()], rtol=1e-15, atol=1e-15)


def test_the_normal_quantile_is_odd():
    for u in (2.0**-53, 1e-6, 0.01, 0.07, 0.08, 0.3):
        assert math.normal_quantile(1.0 - u) == pytest.approx(-math.normal_quantile(u), rel=1e-9)
    assert math.normal_quantile(0.75) == -math.normal_quantile(0.25)
