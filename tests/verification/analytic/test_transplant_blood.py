"""Maturation, life in blood and recovery after a transplantation, against laws that are exact for every step of time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from simengine.transplant import haematopoiesis
from simengine.transplant import state as s
from simengine.transplant.step import COLUMNS, advance
from tests.small_patient import DONOR, MANY, SmallPatient
from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P

TRANSIT = 8.0
STEPS = {"6 h": 0.25, "24 h": 1.0}
FOR_EVER = 1e12


def line(small, tick, days, life=FOR_EVER):
    """Advance the myeloid line by one step: no growth, 50 cells of a maturing progenitor, 8 days of transit."""
    haematopoiesis._advance_line(small.patient, tick, days, s.MYELOID, (0.0, 0.0, 50.0, TRANSIT, life), 1.0)


@pytest.mark.parametrize("days", STEPS.values(), ids=STEPS)
def test_transit_times_are_a_sum_of_four_geometric_times(days):
    """n = 1e6 cells that begin to mature together: step of arrival is negative binomial, chi-square p >= 5e-6.

    Mean and variance by z: mean 8 d for both steps, variance 8²/4 - 8 x step d² (Erlang, less for long steps; sees 0.5 %).
    Detects a stage too few, cells that pass two stages in a step, and a mean that follows the step.
    """
    small, n = SmallPatient().empty(), 10**6
    small.cells[s.MYELOID + 1, DONOR] = n
    chance, blood, ends = days * 4.0 / TRANSIT, [0], 160
    for tick in range(ends):
        line(small, tick, days)
        blood.append(int(small.cells[s.NEUTROPHILS, DONOR]))
    arrived = np.diff(blood)
    law = stats.nbinom(4, chance, loc=4)
    steps = np.arange(1, ends + 1)
    times, mean = days * steps, np.sum(arrived * days * steps) / n
    variance = TRANSIT**2 / 4.0 - TRANSIT * days
    assert days * law.mean() == pytest.approx(TRANSIT)
    assert days**2 * law.var() == pytest.approx(variance)
    assert blood[-1] > n * (1.0 - 1e-4)
    assert abs(mean - TRANSIT) < LARGEST_Z * np.sqrt(variance / n) + 1e-3
    found = np.sum(arrived * (times - mean) ** 2) / n
    assert abs(found / variance - 1.0) < LARGEST_Z * np.sqrt((law.stats("k") + 2.0) / n) + 2e-3
    frequent = n * law.pmf(steps) >= 8.0
    seen = np.append(arrived[frequent], n - arrived[frequent].sum())
    expected = np.append(law.pmf(steps[frequent]), 1.0 - law.pmf(steps[frequent]).sum()) * n
    assert stats.chisquare(seen, expected * seen.sum() / expected.sum()).pvalue > LEAST_P


@pytest.mark.parametrize("life", [0.42, 10.5])
@pytest.mark.parametrize("days", STEPS.values(), ids=STEPS)
def test_counts_at_rest_are_production_times_mean_time_for_every_step(days, life):
    """Progenitors held still: stages hold production x transit / 4 each, blood production x life, mean of 200 steps.

    About 2e13 cells, so that 1e-4 is many standard errors of chance; the law is exact for both steps. Detects arrivals that
    live a whole step, or none of it (at 24 h and a life of 10 h a factor of two), and stages emptied at the wrong moment.
    """
    small, found = SmallPatient().empty(), []
    maturing = 1.0 - np.exp(-small.parameter("haematopoiesis.maturing_per_day") * days)
    made = MANY * maturing * 50.0 / days
    for tick in range(round(160.0 / days)):
        small.cells[s.MYELOID, DONOR] = MANY
        line(small, tick, days, life)
        if tick * days >= 110.0:
            found.append(small.cells[s.MYELOID + 1 : s.MYELOID + 6, DONOR].copy())
    mean = np.mean(found, axis=0)
    np.testing.assert_allclose(mean[:4], made * TRANSIT / 4.0, rtol=1e-4)
    assert mean[4] == pytest.approx(made * life, rel=1e-4)


def growth_of(small, days):
    """Return the net growth of myeloid progenitors with all room, per day, at a step: births less those that mature."""
    rates = [small.parameter(f"haematopoiesis.{name}_per_day") for name in ("progenitor_growth", "maturing")]
    rates[0] *= small.number[s.GROWTH_OF_GRAFT]
    born, gone = (1.0 - np.exp(-rate * days) for rate in rates)
    return float(np.log(1.0 + born - gone)) / days


def recovery(dose, replicate, alone):
    """Return the day on which neutrophils pass 0.5e9/L after a graft of own cells, by straight lines in logarithm; and whose.

    ``alone``: with room without end and no supply by stem cells, so that progenitors only grow and mature.
    """
    asked = {
        "donor__relation": "autologous",
        "transplant__conditioning": "mel_200",
        "transplant__prophylaxis": "no_prophylaxis",
    }
    off = {"mechanisms__mortality": False, "mechanisms__lymphocytes": False, "run__duration_days": 60.0}
    small = SmallPatient(replicate, transplant__cd34_cells_per_kg=dose, **asked, **off)
    if alone:
        small.set(haematopoiesis__progenitors_per_kg=1e15, haematopoiesis__stem_output_per_day=0.0)
        small.cells[:] = 0
    rows = int(advance(small.patient))
    record = small.patient.record[:rows]
    day = small.patient.start_day[0] + np.arange(rows)
    counts = np.log(np.maximum(record[:, COLUMNS.index("blood.neutrophils")], 1e-12))
    fall = int(np.flatnonzero((day > 3.0) & (counts < np.log(0.5)))[0])
    after = int(np.flatnonzero((np.arange(rows) > fall) & (counts >= np.log(0.5)))[0])
    return float(np.interp(np.log(0.5), counts[after - 1 : after + 1], day[after - 1 : after + 1])), small


def slope(doses, replicates, alone):
    """Return the slope of the median day against the logarithm of the dose, the law's, and the days."""
    days = [np.median([recovery(dose, r, alone)[0] for r in range(replicates)]) for dose in doses]
    small = recovery(doses[0], 0, alone)[1]
    return float(np.polyfit(np.log(doses), days, 1)[0]), -1.0 / growth_of(small, 0.25), days


def test_recovery_comes_sooner_by_the_logarithm_of_the_dose_over_net_growth():
    """Progenitors with all room: day = transit + ln(needed / homed) / growth, growth that of the steps of 6 h.

    Five doses over two decades, one run each (1e4 cells home and more: 1 % of noise, 0.03 d). The slope is within 2 % of
    -1 / growth (straight lines between days cost up to 1 %), and the day itself within 0.3 d of linear theory.
    """
    doses = 1e5 * 10.0 ** np.linspace(0.0, 2.0, 5)
    found, law, days = slope(doses, 1, True)
    assert found == pytest.approx(law, rel=0.02)
    small = recovery(doses[0], 0, True)[1]
    assert np.max(np.abs(np.array(days) - expected_days(small, doses))) < 0.3


def expected_days(small, doses):
    """Return the days on which the mean of the linear process passes 0.5e9/L, step by step of its means."""
    growth, moving = growth_of(small, 0.25) * 0.25, 1.0 / small.parameter("haematopoiesis.neutrophil_transit_days")
    maturing = 1.0 - np.exp(-small.parameter("haematopoiesis.maturing_per_day") * 0.25)
    made, life = (
        small.parameter("haematopoiesis.neutrophils_per_progenitor"),
        small.parameter("haematopoiesis.neutrophil_life_days"),
    )
    kept = np.exp(-0.25 / life)
    stage, blood, counts, progenitors = np.zeros(4), 0.0, [], 1.0
    for _ in range(240):
        counts.append(blood)
        out = stage * moving
        blood = blood * kept + out[3] * (1.0 - kept) * life / 0.25
        stage = stage - out + np.array([progenitors * maturing * made, *out[:3]])
        progenitors *= np.exp(growth)
    chance = small.number[s.PROGENITORS_DONOR] / 3.0 / (doses[0] * 70.0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(counts) / (0.14 * 70.0 * 1e9))
    return np.array([np.interp(np.log(0.5), logs + np.log(chance * dose * 70.0), 0.25 * np.arange(240)) for dose in doses])


def test_a_whole_patient_follows_the_law_while_progenitors_are_far_from_their_room():
    """Own blood cells from 8e5 to 8e6 CD34 per kg, median of 9 runs: slope within 20 % of -1 / growth.

    With fewer cells the room that few stem cells keep up bends the line, with more the room itself.
    """
    doses = np.array([8e5, 1.6e6, 4e6, 8e6])
    found, law, days = slope(doses, 9, False)
    assert found == pytest.approx(law, rel=0.2)
    assert np.all(np.diff(days) < 0.0)
