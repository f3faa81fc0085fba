"""Small linear algebra: products, Cholesky factors, and the transition matrices of Markov chains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from simengine.foundation.linear import cholesky, matmul, transition_matrix

RNG = np.random.default_rng(8)


def _transitions(rates, hours):
    out, work = np.full(rates.shape, np.nan), np.full((2, *rates.shape), np.nan)
    transition_matrix(rates, hours, out, work)
    return out


def _generator(rates):
    """Return the rates with the diagonal that makes each row sum to zero."""
    generator = rates.copy()
    np.fill_diagonal(generator, 0.0)
    np.fill_diagonal(generator, -generator.sum(axis=1))
    return generator


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (7, 5, 1), (3, 0, 2)])
def test_products_are_products(shape):
    n, k, m = shape
    a, b, out = RNG.normal(size=(n, k)), RNG.normal(size=(k, m)), np.full((n, m), np.nan)
    matmul(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_a_cholesky_factor_is_lower_and_gives_the_matrix_back(n):
    root = RNG.normal(size=(n, n))
    a = root @ root.T + 0.1 * np.eye(n)
    out = np.full((n, n), np.nan)
    assert cholesky(a, out)
    np.testing.assert_array_equal(out, np.tril(out))
    np.testing.assert_allclose(out, np.linalg.cholesky(a), rtol=1e-10)
    in_place = a.copy()
    assert cholesky(in_place, in_place)
    np.testing.assert_array_equal(in_place, out)


@pytest.mark.parametrize("a", [[[1.0, 2.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]], [[np.nan, 0.0], [0.0, 1.0]]])
def test_a_matrix_that_is_not_positive_definite_is_refused(a):
    assert not cholesky(np.array(a), np.zeros((2, 2)))


@pytest.mark.parametrize("hours", [1e-6, 0.1, 1.0, 24.0, 720.0])
@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_transition_matrices_agree_with_the_matrix_exponential(n, hours):
    rates = RNG.exponential(size=(n, n)) * 10.0 ** RNG.uniform(-3, 1, size=(n, n))
    np.testing.assert_allclose(_transitions(rates, hours), linalg.expm(_generator(rates) * hours), atol=2e-12)


@pytest.mark.parametrize("largest", [1e-9, 1.0, 1e3, 1e6])
def test_rows_are_probabilities_whatever_the_rates(largest):
    """Rows sum to one within 1e-14 and nothing is negative, up to a million expected events with twenty doublings."""
    for _ in range(20):
        rates = RNG.exponential(size=(6, 6)) ** 4 * largest
        rates[RNG.random((6, 6)) < 0.4] = 0.0
        p = _transitions(rates, 1.0)
        assert np.all(p >= 0.0)
        assert np.max(np.abs(p.sum(axis=1) - 1.0)) <= 1e-14


def test_small_probabilities_keep_their_relative_accuracy():
    """Two states in closed form, p01 = a/(a+b) (1 - exp(-(a+b) t)), with rates 1e-9 and 1e3: relative error 1e-11."""
    a, b = 1e-9, 1e3
    for hours in (1e-5, 1e-3, 1.0, 100.0):
        p = _transitions(np.array([[0.0, a], [b, 0.0]]), hours)
        assert p[0, 1] == pytest.approx(-a / (a + b) * np.expm1(-(a + b) * hours), rel=1e-11)


def test_a_chain_with_one_way_out_is_a_decay():
    """A pure loss: p00 = exp(-rate t), and the absorbing state keeps everything."""
    p = _transitions(np.array([[0.0, 0.3], [0.0, 0.0]]), 7.0)
    assert p[0, 0] == pytest.approx(np.exp(-2.1), rel=1e-14)
    assert p[1].tolist() == [0.0, 1.0]


def test_two_steps_of_a_chain_make_one_of_twice_the_length():
    rates = RNG.exponential(size=(5, 5))
    once = _transitions(rates, 0.37)
    np.testing.assert_allclose(once @ once, _transitions(rates, 0.74), atol=1e-14)


def test_nothing_moves_without_time_or_rates():
    rates = RNG.exponential(size=(4, 4))
    np.testing.assert_array_equal(_transitions(rates, 0.0), np.eye(4))
    np.testing.assert_array_equal(_transitions(np.zeros((4, 4)), 5.0), np.eye(4))


def test_the_diagonal_of_the_rates_is_not_read():
    rates = RNG.exponential(size=(4, 4))
    other = rates.copy()
    np.fill_diagonal(other, np.nan)
    np.testing.assert_array_equal(_transitions(rates, 1.0), _transitions(other, 1.0))
