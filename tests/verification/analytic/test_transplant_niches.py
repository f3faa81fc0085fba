"""Few niches that host and donor share, against the exact chain of the same steps and the process in continuous time.

Stem cells of two origins are put into six niches; with so few the graft is lost or takes over by chance, and every
probability can be had by multiplying matrices. Homing: a graft of few cells brings a stem cell with a single-hit probability.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

from simengine.foundation.jit import kernel
from simengine.patients.draws import Dice
from simengine.transplant import haematopoiesis
from simengine.transplant import state as s
from simengine.transplant.graft import graft_numbers
from tests.small_patient import SmallPatient
from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P

NICHES, RENEWAL, LEAVING = 6, 0.4, 0.15
HOST, DONOR = 3, 2
STATES = [(h, d) for h, d in product(range(NICHES + 1), repeat=2) if h + d <= NICHES]
DAYS = 10.0


@kernel
def many(patient, n, steps, days, host, donor, found):
    """Let n patients of as many keys live through some steps; count in ``found`` how many end with (host, donor) cells."""
    for replicate in range(n):
        patient.key[1] = replicate
        patient.cells[s.STEM, s.HOST] = host
        patient.cells[s.STEM, s.DONOR] = donor
        for tick in range(steps):
            haematopoiesis._advance_niches(patient, tick, days)
        found[patient.cells[s.STEM, s.HOST], patient.cells[s.STEM, s.DONOR]] += 1


def counted(n, days):
    """Return how many of n patients end in each state, int64[states]."""
    small = SmallPatient().empty()
    small.set(haematopoiesis__stem_renewal_per_day=RENEWAL, haematopoiesis__stem_leaving_per_day=LEAVING)
    small.number[s.NICHES] = NICHES
    found = np.zeros((NICHES + 1, NICHES + 1), np.int64)
    many(small.patient, n, round(DAYS / days), days, HOST, DONOR, found)
    assert found.sum() == n == sum(found[state] for state in STATES)
    return np.array([found[state] for state in STATES])


def in_steps(days):
    """Return the exact distribution after 10 days of steps: births find room in the order host, donor.

    Written down from EQ-NICHE-2 alone: each cell has a birth with one chance and leaves with another, and of a pool's
    births no more lodge than niches were free before the step and are not taken by the pool before.
    """
    matrix = np.zeros((len(STATES), len(STATES)))
    for i, (h, d) in enumerate(STATES):
        free = NICHES - h - d
        chance, gone = 1.0 - np.exp(-RENEWAL * free / NICHES * days), 1.0 - np.exp(-LEAVING * days)
        for b, x in product(range(h + 1), repeat=2):
            of_host = stats.binom.pmf(b, h, chance) * stats.binom.pmf(x, h, gone)
            lodged = min(b, free)
            for c, y in product(range(d + 1), repeat=2):
                of_donor = stats.binom.pmf(c, d, chance) * stats.binom.pmf(y, d, gone)
                after = (h - x + lodged, d - y + min(c, free - lodged))
                matrix[i, STATES.index(after)] += of_host * of_donor
    return np.linalg.matrix_power(matrix, round(DAYS / days))[STATES.index((HOST, DONOR))]


def in_continuous_time():
    """Return the distribution after 10 days of the Markov chain with these rates."""
    rates = np.zeros((len(STATES), len(STATES)))
    for i, (h, d) in enumerate(STATES):
        birth = RENEWAL * (NICHES - h - d) / NICHES
        for (to_h, to_d), rate in {
            (h + 1, d): h * birth,
            (h, d + 1): d * birth,
            (h - 1, d): h * LEAVING,
            (h, d - 1): d * LEAVING,
        }.items():
            if rate > 0.0:
                rates[i, STATES.index((to_h, to_d))] = rate
        rates[i, i] = -rates[i].sum()
    return expm(rates * DAYS)[STATES.index((HOST, DONOR))]


def assert_distribution(found, expected):
    """Chi-square over states of at least eight expected patients, the rest together: p >= 5e-6."""
    n = found.sum()
    frequent = n * expected >= 8.0
    seen, law = found[frequent], expected[frequent]
    if not frequent.all():
        seen, law = np.append(seen, found[~frequent].sum()), np.append(law, expected[~frequent].sum())
    assert stats.chisquare(seen, n * law / law.sum()).pvalue > LEAST_P


def lost(distribution):
    """Return the share in which no donor cell is left."""
    return float(sum(p for (_, d), p in zip(STATES, distribution, strict=True) if d == 0))


@pytest.mark.parametrize("days", [0.25, 1.0])
def test_host_and_donor_in_few_niches_follow_the_exact_chain_of_steps(days):
    """n = 20,000 patients, steps of 6 h and of a day: joint distribution by chi-square, loss of the graft by z.

    Sees 1 % of the patients in the wrong state and 3 % of the probability of loss (0.3). Detects births beyond the free
    niches, another order of origins, and draws that host and donor share.
    """
    found, expected = counted(20_000, days), in_steps(days)
    assert_distribution(found, expected)
    p = lost(expected)
    assert 0.2 < p < 0.6
    assert abs(lost(found) - 20_000 * p) < LARGEST_Z * np.sqrt(20_000 * p * (1.0 - p))


def test_short_steps_give_the_process_in_continuous_time():
    """Chain of steps against expm of the rates: the distance falls in proportion to the step; n = 4,000 patients agree."""
    exact = in_continuous_time()
    far, near = (0.5 * np.abs(in_steps(days) - exact).sum() for days in (0.1, 0.0125))
    assert near < 0.01
    assert far / near == pytest.approx(8.0, rel=0.1)
    assert_distribution(counted(4_000, 0.0125), exact)


def test_steps_of_six_hours_lose_few_grafts_to_coarseness():
    """Loss of the graft in ten days: steps of 6 h are within a tenth of continuous time; host and donor meet one law."""
    exact = lost(in_continuous_time())
    assert lost(in_steps(0.25)) == pytest.approx(exact, rel=0.1)


DOSES = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)


def test_a_small_graft_takes_with_a_single_hit_probability():
    """P(a stem cell homes) = 1 - exp(-D s) at 8 doses of D CD34 cells per kg, s = 70 kg x homing x stem share.

    500 patients a dose; each |z| < 4.56 (sees 0.1 in P at the middle), and the sum of the 8 squares by chi-square. Detects
    homing or share taken twice or not at all, and rounding of small doses.
    """
    small = SmallPatient(transplant__cd34_cells_per_kg=1e6)
    graft = small.scenario.transplant.graft
    s_per_dose = 70.0 * small.of("grafts", graft, "homing") * small.of("grafts", graft, "stem_fraction")
    squares = []
    for i, dose in enumerate(DOSES):
        small.number[s.MASS_KG] = 70.0 * dose / 1e6
        hits = 0
        for replicate in range(500):
            key = np.array([i, replicate], np.uint64)
            graft_numbers(small.scenario, small.numbers, Dice("none", 1, 0, 0), key, small.number)
            hits += int(small.number[s.STEM_DONOR] > 0)
        p = 1.0 - np.exp(-dose * s_per_dose)
        z = (hits - 500 * p) / np.sqrt(500 * p * (1.0 - p)) if 500 * (1.0 - p) > 1e-3 else float(hits < 500)
        assert abs(z) < LARGEST_Z, (dose, hits, p)
        squares.append(z * z)
    assert stats.chi2(len(DOSES)).sf(sum(squares)) > LEAST_P
