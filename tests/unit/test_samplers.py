"""Samplers: each follows its distribution, uses only the draws it may, and is exact where there is nothing to draw.

Distributions are tested with fixed keys and n = 100,000 numbers each: Kolmogorov-Smirnov where continuous, else
chi-square over at most 60 classes of about equal probability. A family of tests has p < 1e-3 altogether under sound
samplers: each case must reach p > 1e-3 / (number of cases), the first step of Holm, which alone decides whether a
family has a failure. This detects a distribution function off by 0.8 %, or classes off by 2.5 % on average; the slow
tier, with n = 2,000,000, 0.2 % and 0.6 %.
"""

from __future__ import annotations

import itertools
from decimal import Decimal, localcontext
from math import factorial

import numba
import numpy as np
import pytest
from scipy import stats

from simengine.foundation import random, samplers

COMPILED = not numba.config.DISABLE_JIT
N = 100_000 if COMPILED else 2_000
N_SLOW = 2_000_000
KEY = random.make_key(31, 4, 1)
CODE = random.purpose("tests.samplers")


def _draw(n, sampler, *parameters):
    """Return n numbers, one for each of n identities."""
    return np.array([sampler(KEY, np.uint64(i), 5, CODE, 3, *parameters) for i in range(n)])


def _share_of_grid(sampler, part):
    return lambda n: _draw(n, sampler)[:, part]


CONTINUOUS = {
    "normal": (lambda n: _draw(n, samplers.normal), stats.norm.cdf),
    "first of two normal": (_share_of_grid(samplers.normal2, 0), stats.norm.cdf),
    "second of two normal": (_share_of_grid(samplers.normal2, 1), stats.norm.cdf),
    "exponential": (lambda n: _draw(n, samplers.exponential), stats.expon.cdf),
    "x on the sphere": (_share_of_grid(samplers.unit_vector, 0), stats.uniform(-1, 2).cdf),
    "y on the sphere": (_share_of_grid(samplers.unit_vector, 1), stats.uniform(-1, 2).cdf),
    "z on the sphere": (_share_of_grid(samplers.unit_vector, 2), stats.uniform(-1, 2).cdf),
    "x on the circle": (_share_of_grid(samplers.unit_vector_2d, 0), stats.arcsine(-1, 2).cdf),
    "y on the circle": (_share_of_grid(samplers.unit_vector_2d, 1), stats.arcsine(-1, 2).cdf),
}
POISSON = (1e-3, 0.5, 3.0, 9.999, 10.0, 12.5, 40.0, 100.0, 1e4, 1e8, 1e12)
BINOMIAL = (
    *((1, 0.3), (10, 0.5), (19, 0.5), (1000, 0.005), (10**6, 1e-5 / 2), (10**12, 1e-12), (10**12, 5e-12)),
    *((20, 0.5), (25, 0.4), (40, 0.9), (1000, 0.02), (1000, 0.7), (10**6, 0.3), (10**9, 1e-7), (10**12, 0.3)),
    *((3, 0.99), (100, 0.95), (10**12, 1.0 - 1e-9)),
)
N_COUNTS = len(POISSON) + len(BINOMIAL)


def _p_of_classes(counts, expected):
    """Return the p value of chi-square, after pooling the classes in which fewer than five are expected."""
    rare = expected < 5.0
    pooled = [*counts[~rare], counts[rare].sum()], [*expected[~rare], expected[rare].sum()]
    if pooled[1][-1] < 5.0:
        assert pooled[0][-1] < 25, "far too many of what should hardly ever be"
        pooled = counts[~rare], expected[~rare] * counts[~rare].sum() / expected[~rare].sum()
    return stats.chisquare(*pooled).pvalue if len(pooled[0]) > 1 else 1.0


def _p_of_counts(found, reference):
    """Return the p value of chi-square over classes of about equal probability under a frozen SciPy distribution."""
    edges = np.unique(reference.ppf(np.linspace(0.0, 1.0, 61)[1:-1]))
    expected = len(found) * np.diff(np.concatenate([[0.0], reference.cdf(edges), [1.0]]))
    counts = np.bincount(np.searchsorted(edges, found), minlength=len(edges) + 1)
    return _p_of_classes(counts, expected)


def _reference(exact, mean, variance):
    """Return the exact distribution; beyond a variance of 1e7, where SciPy loses digits, the normal (off by 1e-4)."""
    return exact if variance < 1e7 else stats.norm(mean, np.sqrt(variance))


def _check_continuous(case, n):
    draw, cdf = CONTINUOUS[case]
    p = stats.kstest(draw(n), cdf).pvalue
    assert p > 1e-3 / len(CONTINUOUS), f"p = {p:.2g}"


def _check_poisson(mean, n):
    p = _p_of_counts(_draw(n, samplers.poisson, mean), _reference(stats.poisson(mean), mean, mean))
    assert p > 1e-3 / N_COUNTS, f"p = {p:.2g}"


def _check_binomial(trials, share, n):
    mean = trials * share
    reference = _reference(stats.binom(trials, share), mean, mean * (1.0 - share))
    p = _p_of_counts(_draw(n, samplers.binomial, trials, share), reference)
    assert p > 1e-3 / N_COUNTS, f"p = {p:.2g}"


@pytest.mark.parametrize("case", CONTINUOUS)
def test_continuous_numbers_follow_their_distribution(case):
    _check_continuous(case, N)


@pytest.mark.parametrize("mean", POISSON)
def test_poisson_counts_follow_their_distribution(mean):
    _check_poisson(mean, N)


@pytest.mark.parametrize(("trials", "share"), BINOMIAL)
def test_binomial_counts_follow_their_distribution(trials, share):
    _check_binomial(trials, share, N)


@pytest.mark.slow
@pytest.mark.parametrize("case", CONTINUOUS)
def test_continuous_numbers_follow_their_distribution_with_high_power(case):
    _check_continuous(case, N_SLOW)


@pytest.mark.slow
@pytest.mark.parametrize("mean", POISSON)
def test_poisson_counts_follow_their_distribution_with_high_power(mean):
    _check_poisson(mean, N_SLOW)


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "share"), BINOMIAL)
def test_binomial_counts_follow_their_distribution_with_high_power(trials, share):
    _check_binomial(trials, share, N_SLOW)


def _log_factorial(n):
    """Return log(n!) with 50 digits."""
    n = Decimal(n)
    if n < 100:
        return Decimal(factorial(int(n))).ln()
    two_pi = Decimal("6.28318530717958647692528676655900576839433879875021")
    terms = ((12, 1), (-360, 3), (1260, 5), (-1680, 7), (1188, 9))
    return n * n.ln() - n + (two_pi * n).ln() / 2 + sum(1 / (c * n**power) for c, power in terms)


def _log_poisson(k, mean):
    """Return the log probability of a Poisson count with 50 digits."""
    return k * Decimal(mean).ln() - Decimal(mean) - _log_factorial(k)


def _log_binomial(k, n, p):
    """Return the log probability of a binomial count with 50 digits."""
    choices = _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)
    return choices + k * Decimal(p).ln() + (n - k) * (1 - Decimal(p)).ln()


@pytest.mark.parametrize("mean", [12.5, 1e4, 1e12])
def test_the_poisson_acceptance_test_holds_the_true_probability(mean):
    """Log probabilities within five standard deviations are within 1e-9 of a calculation with 50 digits."""
    with localcontext(prec=50):
        for k in np.unique(np.floor(mean + np.linspace(-3.5, 5.0, 40) * np.sqrt(mean))).tolist():
            found = -samplers._deviance(k, mean) - samplers._factorial_remainder(k)
            assert abs(found - float(_log_poisson(int(k), mean))) < 1e-9


@pytest.mark.parametrize(("n", "p"), [(25, 0.4), (10_000, 0.01), (10**12, 0.25)])
def test_the_binomial_acceptance_test_holds_the_true_probability(n, p):
    """As above; the sampler compares two counts, so that log(n!) drops out there."""
    deviation = np.sqrt(n * p * (1.0 - p))
    with localcontext(prec=50):
        for k in np.unique(np.floor(n * p + np.linspace(-3.0, 4.0, 30) * deviation)).tolist():
            remainders = samplers._factorial_remainder(k) + samplers._factorial_remainder(n - k)
            deviances = samplers._deviance(k, n * p) + samplers._deviance(n - k, n * (1.0 - p))
            found = samplers._factorial_remainder(float(n)) - remainders - deviances
            assert abs(found - float(_log_binomial(int(k), n, p))) < 1e-9


def test_the_probability_of_a_count_includes_zero_and_all():
    """At the ends the factorials vanish: log P(0) = n log(1 - p), log P(n) = n log p, and for Poisson -mean."""
    assert -samplers._deviance(0.0, 11.0) - samplers._factorial_remainder(0.0) == -11.0
    all_of_them = -samplers._deviance(25.0, 10.0) - samplers._deviance(0.0, 15.0)
    assert all_of_them == pytest.approx(25.0 * np.log(0.4), rel=1e-14)


@pytest.mark.parametrize("k", [0, 1, 2, 5, 9, 10, 11, 50, 170])
def test_factorials_are_right_on_both_sides_of_the_series(k):
    exact = float(sum(np.log(np.arange(1, k + 1)))) - (k * np.log(k) - k if k else 0.0)
    assert samplers._factorial_remainder(float(k)) == pytest.approx(exact, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "p", "expected"),
    [
        (0, 0.5, 0),
        (-3, 0.5, 0),
        (9, 0.0, 0),
        (9, -1.0, 0),
        (9, 1.0, 9),
        (10**12, 1.0, 10**12),
        (9, 2.0, 9),
        (9, np.nan, 0),
    ],
)
def test_certain_counts_are_exact(n, p, expected):
    assert samplers.binomial(KEY, np.uint64(1), 5, CODE, 3, n, p) == expected


@pytest.mark.parametrize("mean", [0.0, -1.0, np.nan])
def test_a_mean_that_is_not_positive_gives_no_events(mean):
    assert samplers.poisson(KEY, np.uint64(1), 5, CODE, 3, mean) == 0


def test_every_binomial_count_lies_between_zero_and_all():
    for n, p in itertools.product((1, 2, 20, 21, 10**12), (1e-300, 1e-13, 0.2, 0.5, 0.5000001, 1.0 - 1e-13)):
        counts = _draw(200, samplers.binomial, n, p)
        assert counts.min() >= 0
        assert counts.max() <= n


def test_counts_by_inversion_rise_with_their_mean_at_the_same_address():
    """Common random numbers: more of a cause never gives fewer events below a mean of 10."""
    for i in range(300):
        counts = [samplers.poisson(KEY, np.uint64(i), 5, CODE, 3, mean) for mean in (0.1, 0.5, 1.0, 3.0, 9.0)]
        assert counts == sorted(counts)
        shares = [samplers.binomial(KEY, np.uint64(i), 5, CODE, 3, 15, p) for p in (0.01, 0.1, 0.3, 0.49)]
        assert shares == sorted(shares)


def test_normal_and_exponential_numbers_rise_and_fall_with_the_uniform_number():
    u = _draw(500, random.uniform)
    order = np.argsort(u)
    assert np.all(np.diff(_draw(500, samplers.normal)[order]) > 0)
    assert np.all(np.diff(_draw(500, samplers.exponential)[order]) < 0)


def test_two_normal_numbers_of_one_draw_are_independent():
    """Chi-square of 8 x 8 equally probable cells, n = 100,000, p > 1e-3: detects a correlation of 0.03."""
    cells = np.floor(8 * stats.norm.cdf(_draw(N, samplers.normal2))).astype(int)
    counts = np.bincount(8 * cells[:, 0] + cells[:, 1], minlength=64)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_directions_have_length_one_and_no_preferred_octant():
    """Chi-square of the eight octants, n = 100,000, p > 1e-3: detects one that is 2 % too full."""
    vectors = _draw(N, samplers.unit_vector)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose((_draw(1000, samplers.unit_vector_2d) ** 2).sum(axis=1), 1.0, rtol=1e-14)
    octants = np.bincount((vectors > 0.0) @ [1, 2, 4], minlength=8)
    assert stats.chisquare(octants).pvalue > 1e-3


def test_rejection_uses_no_more_than_its_draws_and_then_gives_the_most_likely_count(monkeypatch):
    """Every candidate is made to fail: the draws asked for are 64 in a row from the first, whatever the sampler."""
    asked = []

    def always_rejected(key, identity, when, purpose, draw):
        asked.append(draw)
        return 1e-15, 1.0 - 1e-15

    monkeypatch.setattr(samplers, "uniform2", always_rejected)
    binomial = getattr(samplers._binomial_by_rejection, "py_func", samplers._binomial_by_rejection)
    poisson = getattr(samplers.poisson, "py_func", samplers.poisson)
    assert binomial(KEY, np.uint64(1), 5, CODE, 3, 100.0, 0.3) == 30
    assert asked == list(range(3, 3 + samplers.DRAWS_PER_COUNT))
    asked.clear()
    assert poisson(KEY, np.uint64(1), 5, CODE, 3, 50.0) == 50
    assert asked == list(range(3, 3 + samplers.DRAWS_PER_COUNT))


class _OneCandidate:
    """Stands for `uniform2`: gives one candidate, and is rejected when a second is asked for."""

    def __init__(self, u, v):
        self.candidates = [(u, v)]

    def __call__(self, key, identity, when, purpose, draw):
        return self.candidates.pop()  # of an empty list: IndexError


def _accepted(monkeypatch, sampler, parameters, u, v):
    """Return the count made of one candidate, or nothing if it is rejected."""
    monkeypatch.setattr(samplers, "uniform2", _OneCandidate(u, v))
    try:
        return sampler(KEY, np.uint64(1), 5, CODE, 3, *parameters)
    except IndexError:
        return None


@pytest.mark.parametrize(
    ("name", "parameters", "exact"),
    [
        ("poisson", (10.0,), stats.poisson(10.0)),
        ("poisson", (30.0,), stats.poisson(30.0)),
        ("_binomial_by_rejection", (20.0, 0.5), stats.binom(20, 0.5)),
        ("_binomial_by_rejection", (200.0, 0.1), stats.binom(200, 0.1)),
    ],
)
def test_rejection_is_exact_by_quadrature(monkeypatch, name, parameters, exact):
    """For 10,000 values of u, the largest v that is accepted: their sums by count are proportional to the probabilities.

    Each count of more than 1 % is right to 1 % of itself (quadrature: 0.4 %), far below what samples show. Detects a
    squeeze that accepts too much, a hat that is too low somewhere, a wrong derivative of the transformation.
    """
    sampler = getattr(getattr(samplers, name), "py_func", getattr(samplers, name))
    mass = np.zeros(400)
    for u in (np.arange(10_000) + 0.5) / 10_000:
        count, low, high = _accepted(monkeypatch, sampler, parameters, u, 1e-12), 0.0, 1.0
        if count is None:
            continue
        for _ in range(11):
            v = 0.5 * (low + high)
            low, high = (low, v) if _accepted(monkeypatch, sampler, parameters, u, v) is None else (v, high)
        mass[count] += 0.5 * (low + high)
    probability = exact.pmf(np.arange(len(mass)))
    often = probability > 0.01
    np.testing.assert_allclose((mass / mass.sum())[often], probability[often], rtol=0.01)


@pytest.mark.parametrize("mean", [10.0, 15.0, 100.0, 1e12])
def test_rejection_almost_never_needs_half_of_its_draws(mean, monkeypatch):
    """Fewer than 0.4 of the candidates are refused (n = 2,000, standard error 0.01): 64 in a row have p < 1e-25."""
    asked = []
    two = samplers.uniform2

    def counted(*address):
        asked.append(address)
        return two(*address)

    monkeypatch.setattr(samplers, "uniform2", counted)
    poisson = getattr(samplers.poisson, "py_func", samplers.poisson)
    binomial = getattr(samplers._binomial_by_rejection, "py_func", samplers._binomial_by_rejection)
    for i in range(1_000):
        poisson(KEY, np.uint64(i), 5, CODE, 3, mean)
        binomial(KEY, np.uint64(i), 5, CODE, 3, 2.5 * mean, 0.4)
    assert 1.0 - 2_000 / len(asked) < 0.4


def _multinomial(identity, n, p, entries):
    out = np.full(entries, -1, dtype=np.int64)
    samplers.multinomial(KEY, np.uint64(identity), 5, CODE, 3, n, np.array(p), out)
    return out


@pytest.mark.parametrize("entries", [3, 4])
def test_multinomial_counts_follow_their_joint_distribution(entries):
    """Chi-square over all ways in which 4 things fall on the entries; n = 50,000, p > 1e-3 / 2.

    The fourth entry is a remainder of 0.2. Detects shared draws between entries and a wrong conditional probability.
    """
    n = N // 2
    full = [0.5, 0.2, 0.3] if entries == 3 else [0.4, 0.3, 0.1, 0.2]
    falls = [way for way in itertools.product(range(5), repeat=entries) if sum(way) == 4]
    found = [tuple(_multinomial(i, 4, full[:3], entries).tolist()) for i in range(n)]
    expected = n * stats.multinomial(4, full).pmf(falls)
    counts = np.array([found.count(way) for way in falls])
    assert counts.sum() == n
    assert _p_of_classes(counts, expected) > 1e-3 / 2


def test_large_multinomial_counts_have_the_right_means_and_covariances():
    """n = 4,000 splits of 1e12: each mean and covariance within 4.5 standard errors (14 of them, p < 1e-4 together)."""
    n, things, p = N // 25, 10**12, np.array([0.1, 0.2, 0.3])
    full = np.array([*p, 0.4])
    found = np.array([_multinomial(i, things, p, 4) for i in range(n)])
    scaled = (found - things * full) / np.sqrt(things)
    covariance = np.diag(full) - np.outer(full, full)
    assert np.all(np.abs(scaled.mean(axis=0)) < 4.5 * np.sqrt(np.diag(covariance) / n))
    variances = np.diag(covariance)
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert np.all(np.abs(np.cov(scaled.T) - covariance) < 4.5 * error)


@pytest.mark.parametrize("n", [0, 1, 17, 10**6, 10**12])
def test_multinomial_counts_sum_to_the_number_of_things(n):
    for i in range(200):
        out = _multinomial(i, n, [0.1, 0.0, 0.2, 1e-9, 0.6], 6)
        assert out.sum() == n
        assert out.min() >= 0
        assert out[1] == 0


@pytest.mark.parametrize("p", [[0.1, 0.2, 0.7], [0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_rounding_leaves_nothing_for_a_remainder_that_is_none(p):
    """0.1 + 0.2 + 0.7 is not quite 1 in floats: of 1e12 things times 200, none may fall on the difference."""
    for i in range(200):
        assert _multinomial(i, 10**12, p, 4)[3] == 0


def test_the_last_entry_takes_all_that_is_left():
    assert _multinomial(1, 50, [0.0, 0.0], 3).tolist() == [0, 0, 50]
    assert _multinomial(1, 50, [1.0], 1).tolist() == [50]
    assert _multinomial(1, 50, [0.0], 1).tolist() == [50]


def test_entries_of_a_multinomial_use_draws_of_their_own():
    """The first count is the binomial one at the first draw; the second starts 64 draws later."""
    for i in range(100):
        first, second, _ = _multinomial(i, 1000, [0.3, 0.35], 3)
        assert first == samplers.binomial(KEY, np.uint64(i), 5, CODE, 3, 1000, 0.3)
        assert second == samplers.binomial(KEY, np.uint64(i), 5, CODE, 3 + 64, 1000 - int(first), 0.35 / 0.7)


def test_categories_are_chosen_by_their_weight():
    """Chi-square with 3 degrees of freedom, n = 100,000, p > 1e-3: detects a weight that is off by 3 %."""
    weights = np.array([2.0, 0.0, 1.0, 5.0, 0.0, 0.5, 99.0])
    counts = np.bincount(_draw(N, samplers.categorical, weights, 6), minlength=6)
    assert counts[1] == counts[4] == 0
    assert stats.chisquare(counts[[0, 2, 3, 5]], N * np.array([2.0, 1.0, 5.0, 0.5]) / 8.5).pvalue > 1e-3


def test_without_weight_there_is_no_category():
    assert samplers.categorical(KEY, np.uint64(1), 5, CODE, 3, np.zeros(4), 4) == -1
    assert samplers.categorical(KEY, np.uint64(1), 5, CODE, 3, np.ones(4), 0) == -1
