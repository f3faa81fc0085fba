"""Addressed random numbers: the generator is the published one, addresses never meet, neighbours are unrelated.

Statistical tests use fixed keys, so that each always gives the same verdict. Their thresholds keep the chance that a
sound generator fails any test of a group at 1e-3 (Bonferroni, which is the first step of Holm).
"""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest
from scipy import stats

from simengine.foundation import random

COMPILED = not numba.config.DISABLE_JIT
ALL_ONES = 2**64 - 1
KEY = random.make_key(20, 3, 7)


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
        ((ALL_ONES, ALL_ONES), (ALL_ONES, ALL_ONES), (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
        (
            (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
            (0x243F6A8885A308D3, 0x13198A2E03707344),
            (0x263C7D30BB0F0AF1, 0x56BE8361D3311526),
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_threefry_gives_the_published_answers(key, counter, expected):
    """Vectors `threefry2x64 20` of Random123; they catch any wrong rotation, key word or number of rounds."""
    words = random.threefry(*(np.uint64(word) for word in (*key, *counter)))
    assert tuple(int(word) for word in words) == expected


def test_each_bit_of_key_and_counter_flips_half_of_the_output():
    """Avalanche: for each of 256 input bits, n = 256 trials of 128 bits; |z| < 4.8 of Binomial(128 n, 1/2).

    That is p < 1e-3 / 256. Detects a lost input bit (z = 181), a 32-bit truncation, or a round left out.
    """
    trials = 256 if COMPILED else 4
    words = np.random.default_rng(1).integers(0, 2**64, size=(trials, 4), dtype=np.uint64)
    for bit in range(256):
        flipped = 0
        for row in words:
            other = row.copy()
            other[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
            for one, two in zip(random.threefry(*row), random.threefry(*other), strict=True):
                flipped += int(one ^ two).bit_count()
        z = (flipped - 64 * trials) / np.sqrt(32 * trials)
        assert abs(z) < 4.8, f"input bit {bit}: {flipped / trials:.1f} of 128 bits flip, z = {z:.1f}"


def test_key_holds_seed_patient_and_replicate_side_by_side():
    assert random.make_key(5, 6, 7).tolist() == [5, 6 << 32 | 7]
    assert random.make_key(2**64 - 1, 2**32 - 1, 2**32 - 1).tolist() == [ALL_ONES, ALL_ONES]
    assert random.make_key(0, 0, 0).dtype == np.uint64


@pytest.mark.parametrize(
    ("seed", "patient", "replicate", "message"),
    [
        (-1, 0, 0, "seed must be between 0 and 2\\*\\*64"),
        (2**64, 0, 0, "seed must be between 0 and 2\\*\\*64"),
        (0, 2**32, 0, "patient must be between 0 and 2\\*\\*32"),
        (0, -1, 0, "patient must be between 0 and 2\\*\\*32"),
        (0, 0, 2**32, "replicate must be between 0 and 2\\*\\*32"),
    ],
)
def test_key_refuses_what_would_not_fit(seed, patient, replicate, message):
    with pytest.raises(ValueError, match=message):
        random.make_key(seed, patient, replicate)


@pytest.mark.parametrize("when", [0, 1, 2**31 - 1, 2**31, 2**32 + 5, random.MAX_WHEN])
@pytest.mark.parametrize("code", [0, 1, 2**16 - 1])
@pytest.mark.parametrize("draw", [0, 1, random.MAX_DRAW])
def test_fields_of_an_address_can_be_read_back(when, code, draw):
    word = int(random.pack(when, code, draw))
    assert (word >> 30, word >> 14 & 0xFFFF, word & 0x3FFF) == (when, code, draw)


def test_a_field_beyond_its_limit_never_touches_another():
    assert int(random.pack(0, 0, random.MAX_DRAW + 1)) == 0
    assert int(random.pack(0, 2**16, 0)) == 0
    assert int(random.pack(random.MAX_WHEN + 1, 0, 0)) == 0


def test_times_half_the_range_apart_have_numbers_of_their_own():
    numbers = {random.uniform(KEY, np.uint64(9), when, 77, 0) for when in (3, 3 + 2**31, 3 + 2**32, 3 + 2**33)}
    assert len(numbers) == 4


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.setattr(random, "_registry", {})


@pytest.mark.usefixtures("empty_registry")
def test_the_code_of_a_purpose_depends_on_its_name_alone():
    first = [random.purpose(name) for name in ("motion.direction", "fates.death")]
    random._registry.clear()
    again = [random.purpose(name) for name in ("fates.death", "new", "motion.direction")]
    assert first == [again[2], again[0]] == [17309, 38080]
    assert random.purpose("new") == again[1]
    assert random.purposes() == {"fates.death": 38080, "motion.direction": 17309, "new": again[1]}


@pytest.mark.usefixtures("empty_registry")
def test_two_purposes_with_one_code_are_refused():
    """Names are tried until two meet, as among 65,520 codes they must within a few hundred to a few thousand."""
    names = [f"p{i}" for i in range(10_000)]
    with pytest.raises(ValueError, match=r"purposes 'p\d+' and 'p\d+' have the same code \d+: rename one of them"):
        list(map(random.purpose, names))


@pytest.mark.usefixtures("empty_registry")
def test_no_purpose_has_a_reserved_code(monkeypatch):
    monkeypatch.setattr(random, "_registry", _Forgetful())
    codes = {random.purpose(f"p{i}") for i in range(200_000)}
    assert min(codes) == 16
    assert max(codes) == 2**16 - 1


class _Forgetful(dict):
    """A registry that never finds two names on one code."""

    def setdefault(self, key, default=None):
        return default


def test_numbers_lie_strictly_inside_the_unit_interval_on_a_grid_of_53_bits():
    lowest, highest = (random._to_unit(np.uint64(bits)) for bits in (0, ALL_ONES))
    assert (lowest, highest) == (2.0**-53, 1.0 - 2.0**-53)
    assert 0.0 < 1.0 - highest < 1.0 - lowest < 1.0
    numbers = [random.uniform(KEY, np.uint64(i), 0, 77, 0) for i in range(1000)]
    assert all((number * 2.0**53).is_integer() for number in map(float, numbers))
    assert any((number * 2.0**53) % 2 for number in numbers)


def test_one_call_for_two_gives_the_same_first_number():
    for i in range(100):
        u, v = random.uniform2(KEY, np.uint64(i), 5, 77, 2)
        assert u == random.uniform(KEY, np.uint64(i), 5, 77, 2) != v


def _stream(n, key=KEY, identity=None, when=11, code=77, draw=0):
    """Return numbers of n identities at one time, or of one identity at n times."""
    if identity is None:
        return np.array([random.uniform(key, np.uint64(i), when, code, draw) for i in range(n)])
    return np.array([random.uniform(key, np.uint64(identity), i, code, draw) for i in range(n)])


N = 50_000 if COMPILED else 1_000
NEIGHBOURS = {
    "seed": {"key": random.make_key(21, 3, 7)},
    "patient": {"key": random.make_key(20, 4, 7)},
    "replicate": {"key": random.make_key(20, 3, 8)},
    "when": {"when": 12},
    "purpose": {"code": 78},
    "draw": {"draw": 1},
}


@pytest.mark.parametrize("field", [*NEIGHBOURS, "identity"])
def test_streams_next_to_each_other_are_unrelated(field):
    """Chi-square of 10 x 10 cells over n = 50,000 pairs, 99 degrees of freedom, p > 1e-3 / 7.

    Detects any dependence of 4 % of the expected cell counts: shared numbers, lags, a correlation of 0.05.
    """
    if field == "identity":
        one, two = _stream(N, identity=40), _stream(N, identity=41)
    else:
        one, two = _stream(N), _stream(N, **NEIGHBOURS[field])
    counts, _, _ = np.histogram2d(one, two, bins=10, range=[[0, 1], [0, 1]])
    p = stats.chisquare(counts.ravel()).pvalue
    assert p > 1e-3 / 7, f"{field}: p = {p:.2g}, correlation {np.corrcoef(one, two)[0, 1]:.3f}"


@pytest.mark.parametrize("along", ["identity", "time"])
def test_numbers_are_uniform(along):
    """Kolmogorov-Smirnov, n = 50,000, p > 1e-3 / 2: detects a distribution function that is off by 0.01."""
    p = stats.kstest(_stream(N, identity=None if along == "identity" else 40), "uniform").pvalue
    assert p > 1e-3 / 2


def test_daughters_and_arrivals_have_identities_of_their_own():
    parents, ordinals, sources = range(60), range(60), range(5)
    born = {int(random.daughter_identity(KEY, np.uint64(p), o)) for p, o in itertools.product(parents, ordinals)}
    times = (0, 1, 2**31, random.MAX_WHEN)
    places = (0, 1, 2**14, 2**32, random.MAX_ORDINAL)
    come = {int(random.arrival_identity(KEY, s, t, o)) for s, t, o in itertools.product(sources, times, places)}
    assert len(born) == 3600
    assert len(come) == 100
    assert len(born | come) == 3700


def test_identities_differ_between_replicates():
    other = random.make_key(20, 3, 8)
    assert random.daughter_identity(KEY, np.uint64(1), 0) != random.daughter_identity(other, np.uint64(1), 0)
    assert random.arrival_identity(KEY, 1, 0, 0) != random.arrival_identity(other, 1, 0, 0)


def test_identities_never_share_an_address_with_a_draw():
    """Birth and arrival use codes 0 and 1, below the first that a purpose can have."""
    birth, _ = random.threefry(KEY[0], KEY[1], np.uint64(5), np.uint64(random.pack(3, 0, 0)))
    place = np.uint64(2) << np.uint64(40) | np.uint64(9)
    arrival, _ = random.threefry(KEY[0], KEY[1], place, np.uint64(random.pack(3, 1, 0)))
    assert random.daughter_identity(KEY, np.uint64(5), 3) == birth
    assert random.arrival_identity(KEY, 2, 3, 9) == arrival


@numba.njit
def _write_outputs(keys, identities, whens, codes, n_draws, out):
    """Write the first output word of every combination."""
    i = 0
    for k in range(keys.shape[0]):
        for identity in identities:
            for when in whens:
                for code in codes:
                    for draw in range(n_draws):
                        counter = random.pack(when, code, draw)
                        out[i], _ = random.threefry(keys[k, 0], keys[k, 1], identity, counter)
                        i += 1


def _distinct_outputs(n_keys, n_identities, n_whens, n_codes, n_draws):
    """Return how many different words come out of a block of addresses such as runs have, and its size."""
    rng = np.random.default_rng(4)
    runs = list(itertools.product((0, 1), range(n_keys // 4), (0, 1)))
    keys = np.array([random.make_key(*run) for run in runs])
    whens = np.unique(np.concatenate([np.arange(n_whens // 2), 2**31 - 2 + np.arange(n_whens - n_whens // 2)]))
    codes = np.array([random._RESERVED + i for i in range(n_codes)])
    first = np.arange(n_identities // 2, dtype=np.uint64)
    identities = np.concatenate([first, rng.integers(2**40, 2**64, n_identities - len(first), dtype=np.uint64)])
    out = np.empty(len(keys) * len(identities) * len(whens) * len(codes) * n_draws, np.uint64)
    _write_outputs(keys, identities, whens, codes, n_draws, out)
    out.sort()
    return 1 + np.count_nonzero(out[1:] != out[:-1]), len(out)


def test_a_million_addresses_have_a_million_different_numbers():
    """Over seeds, patients, replicates, identities, times on both sides of 2**31, purposes and draws.

    Two equal words of 64 bits are expected 3e-8 times by chance: a meeting means that two addresses are one.
    """
    distinct, n = _distinct_outputs(8, 50, 50, 10, 5) if COMPILED else _distinct_outputs(4, 10, 10, 5, 2)
    assert n >= (1_000_000 if COMPILED else 4_000)
    assert distinct == n


@pytest.mark.slow
def test_a_hundred_million_addresses_have_as_many_different_numbers():
    """As above; by chance two words are equal 3e-4 times."""
    distinct, n = _distinct_outputs(40, 500, 100, 10, 5)
    assert n >= 100_000_000
    assert distinct == n
