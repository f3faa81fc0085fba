"""The equations of treatment, chronic disease, malignancy and death around a transplantation, each checked by its formula."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.transplant import chronic_disease, malignancy, mortality, treatment
from simengine.transplant import state as s
from tests.small_patient import DONOR, HOST, MANY, SECOND, SmallPatient

HOUR_6 = 0.25


def treated(small, grades, days=1.0, first=20.0):
    """Let treatment judge one grade a day from a day on."""
    for i, grade in enumerate(grades):
        small.level[s.GRADE] = grade
        treatment.flow(small.patient, small.step_of(first + i), days)


def test_steroids_start_at_grade_two_and_taper_below_it():
    """EQ-TREATMENT-1: nothing in grade I; in full from the first day of grade II; tapered only while milder; started anew."""
    small, fall = SmallPatient().empty(), SmallPatient().parameter("treatment.taper_per_day")
    treated(small, [1, 1])
    assert (small.level[s.STEROID], np.isnan(small.patient.day_of[s.DAY_OF_STEROID])) == (0.0, True)
    treated(small, [2, 2, 2], first=30.0)
    assert (small.level[s.STEROID], small.patient.day_of[s.DAY_OF_STEROID]) == (1.0, 30.0)
    treated(small, [1, 0, 0], first=33.0)
    assert small.level[s.STEROID] == pytest.approx(np.exp(-3.0 * fall))
    treated(small, [3], first=36.0)
    assert small.level[s.STEROID] == pytest.approx(np.exp(-3.0 * fall))
    small.level[s.STEROID] = 0.19
    treated(small, [2], first=37.0)
    assert (small.level[s.STEROID], small.patient.day_of[s.DAY_OF_STEROID]) == (1.0, 30.0)


@pytest.mark.parametrize(
    ("grades", "day"), [([3] * 9, 27.0), ([3, 4, 4, 4, 4, 4, 4, 4, 3], 27.0), ([3, 3, 3, 2] + [3] * 9, np.nan)]
)
def test_disease_that_does_not_answer_is_refractory(grades, day):
    """EQ-TREATMENT-1: after the stated days without a grade below that of the start; one day of grade II less is an answer."""
    small = SmallPatient().empty()
    assert small.parameter("treatment.refractory_after_days") == 7.0
    treated(small, grades)
    assert small.patient.day_of[s.DAY_OF_REFRACTORY] == pytest.approx(day, nan_ok=True)


def test_stromal_cells_are_given_at_even_intervals_from_the_day_of_refractoriness():
    """EQ-TREATMENT-1: eight doses of 2e6/kg, twice a week, and none without a second line."""
    for line, n in (("stromal_cells", 8), ("no_second_line", 0)):
        small = SmallPatient(transplant__second_line=line).empty()
        given = []
        for day in np.arange(20.0, 60.0, HOUR_6):
            small.level[s.GRADE] = 3
            treatment.flow(small.patient, small.step_of(day), HOUR_6)
            given += [day] * int(small.level[s.STROMAL_GIVEN] - len(given))
        assert given == [27.0 + 3.5 * i for i in range(n)]


def test_stromal_cells_saturate_stop_and_repair():
    """EQ-TREATMENT-2: three doses of a patient who answers half as well; the attack left is the product of what both leave."""
    small = SmallPatient().empty()
    small.level[[s.STROMAL, s.STEROID]] = 3.0, 0.8
    small.number[[s.STROMAL_RESPONSE, s.STEROID_RESPONSE]] = 0.5, 0.7
    effect = 1.5 / (1.5 + small.parameter("treatment.stromal_half_doses"))
    left = (1.0 - 0.8 * 0.7) * (1.0 - small.parameter("treatment.stromal_stops") * effect)
    assert treatment.stopped_by_treatment(small.patient) == pytest.approx(1.0 - left)
    assert treatment.repair_by_treatment(small.patient) == pytest.approx(
        1.0 + small.parameter("treatment.stromal_repair") * effect
    )
    treated(small, [2], days=2.0)
    assert small.level[s.STROMAL] == pytest.approx(3.0 * np.exp(-2.0 * small.parameter("treatment.stromal_loss_per_day")))


def test_the_clock_of_chronic_disease_runs_by_memory_and_after_acute_disease():
    """EQ-CHRONIC-1: at a drive of a half, without and with acute disease; nothing too early; onset when it is spent."""
    small = SmallPatient().empty()
    small.number[s.CHRONIC_POTENCY] = 2.0
    half = small.parameter("chronic_disease.memory_half_per_kg") * 70.0 / 2.0
    small.clone[s.GVH, [s.MEMORY, s.EFFECTORS]] = 0.25 * half, 0.75 * half
    left, onset = small.patient.left, small.parameter("chronic_disease.onset_per_day")
    left[s.LEFT_CHRONIC] = 1.0
    chronic_disease.flow(small.patient, small.step_of(40.0), 1.0)
    assert left[s.LEFT_CHRONIC] == 1.0
    step = small.step_of(110.0)
    chronic_disease.flow(small.patient, step, 1.0)
    assert left[s.LEFT_CHRONIC] == pytest.approx(1.0 - 0.5 * onset, rel=1e-9)
    small.patient.day_of[s.DAY_OF_STEROID] = 30.0
    chronic_disease.flow(small.patient, step, 1.0)
    after = 1.0 + small.parameter("chronic_disease.rise_after_acute")
    assert left[s.LEFT_CHRONIC] == pytest.approx(1.0 - 0.5 * onset * (1.0 + after), rel=1e-9)
    assert small.level[s.CHRONIC] == 0.0
    left[s.LEFT_CHRONIC] = 0.4 * onset
    chronic_disease.flow(small.patient, step, 1.0)
    assert (small.level[s.CHRONIC] > 0.0, small.patient.day_of[s.DAY_OF_CHRONIC]) == (True, 110.0)


def test_severity_of_chronic_disease_follows_the_drive():
    """EQ-CHRONIC-2: at a drive m = 0.8 the patient's uniform number is below, between and above the two edges."""
    small = SmallPatient().empty()
    small.number[s.CHRONIC_POTENCY] = 1.0
    mild = 0.2 * small.parameter("chronic_disease.mild_share")
    severe = 1.0 - 0.8 * small.parameter("chronic_disease.severe_share")
    for u, severity in ((mild - 1e-3, 1.0), (mild + 1e-3, 2.0), (severe - 1e-3, 2.0), (severe + 1e-3, 3.0)):
        small.clone[s.GVH, s.MEMORY] = 4.0 * small.parameter("chronic_disease.memory_half_per_kg") * 70.0
        small.number[s.SEVERITY_OF_CHRONIC], small.level[s.CHRONIC] = u, 0.0
        small.patient.left[s.LEFT_CHRONIC] = 0.0
        chronic_disease.flow(small.patient, small.step_of(110.0), 1.0)
        assert small.level[s.CHRONIC] == severity, u


def test_malignant_cells_are_killed_by_conditioning_t_cells_and_nk_cells_and_grow():
    """EQ-TUMOUR-1: T cells at half, NK cells at twice the normal number missing half, susceptibility 0.7, a kill of one log."""
    small = SmallPatient().empty()
    small.patient.tumour[0] = MANY
    half = small.parameter("malignancy.t_cells_half_per_kg") * 70.0
    small.clone[s.GVH, [s.EFFECTORS, s.MEMORY]] = 0.25 * half, 0.25 * half
    small.clone[s.GVH, s.NAIVE] = 0.25 * half / small.parameter("malignancy.resting_share")
    small.cells[s.T_CELLS, DONOR : SECOND + 1] = 0.125 * half / small.parameter("malignancy.polyclonal_share")
    small.cells[s.NK_CELLS, [DONOR, HOST]] = 2.0 * small.parameter("malignancy.nk_normal_per_kg") * 70.0
    small.number[[s.TUMOUR_KILL, s.MISSING_SELF_GVH, s.ALLOGENEIC, s.RELAPSE_CELLS]] = 0.7, 0.5, 1.0, 1e15
    small.patient.hit[0, s.HIT_TUMOUR] = np.log(10.0)
    malignancy.flow(small.patient, 0, 0, HOUR_6)
    hazard = 0.5 * small.parameter("malignancy.graft_versus_tumour_per_day") + small.parameter("malignancy.nk_killing_per_day")
    growth = 2.0 - np.exp(-small.number[s.TUMOUR_GROWTH_PER_DAY] * HOUR_6)
    assert small.patient.tumour[0] == pytest.approx(0.1 * MANY * np.exp(-0.7 * hazard * HOUR_6) * growth, rel=1e-4)
    small.number[s.ALLOGENEIC] = 0.0
    small.patient.hit[0] = 0.0
    before = small.patient.tumour[0]
    malignancy.flow(small.patient, 0, 1, HOUR_6)
    assert small.patient.tumour[0] == pytest.approx(before * growth, rel=1e-4)


def test_relapse_is_reached_after_the_graft_only_and_extinction_is_cure():
    """EQ-TUMOUR-1: the stated number of cells before day 0 is no relapse; no cell left stays none."""
    small = SmallPatient().empty()
    small.patient.tumour[0], small.number[s.RELAPSE_CELLS] = MANY, MANY
    malignancy.flow(small.patient, small.step_of(-3.0), 0, HOUR_6)
    assert small.level[s.RELAPSED] == 0.0
    malignancy.flow(small.patient, small.step_of(5.0), 1, HOUR_6)
    assert (small.level[s.RELAPSED], small.patient.day_of[s.DAY_OF_RELAPSE]) == (1.0, 5.0)
    counted = small.patient.tumour[0]
    malignancy.flow(small.patient, small.step_of(6.0), 2, HOUR_6)
    assert small.patient.tumour[0] == counted
    cured = SmallPatient().empty()
    malignancy.flow(cured.patient, 0, 0, HOUR_6)
    assert cured.patient.tumour[0] == 0


def test_each_cause_runs_its_own_clock_and_the_first_spent_is_the_cause():
    """EQ-MORTALITY-1: what each clock loses in a day; of two spent in a step the one spent sooner, at its own time."""
    small = SmallPatient().empty()
    small.patient.left[:] = 10.0
    small.level[[s.DAMAGE_GUT, s.DAMAGE_LIVER, s.TOXIC_ORGANS, s.RELAPSED]] = 0.5, 0.8, 0.6, 1.0
    small.number[s.RELAPSE_DEATH_PER_DAY] = 0.2
    mortality.flow(small.patient, small.step_of(50.0), 1.0)
    used = 10.0 - small.patient.left
    expected = {
        s.DIES_OF_RELAPSE: 0.2,
        s.DIES_OF_GVHD: small.parameter("mortality.gvhd_per_day") * (0.5**4 + 0.8**4),
        s.DIES_OF_TOXICITY: 0.6 * small.parameter("mortality.toxicity_per_day"),
        s.DIES_OF_FAILURE: small.parameter("mortality.failure_per_day"),
        s.DIES_OF_AGE: small.parameter("mortality.background_per_day"),
        s.DIES_OF_INFECTION: small.level[s.HAZARD_INFECTION],
        s.LEFT_CHRONIC: 0.0,
    }
    for clock, hazard in expected.items():
        assert used[clock] == pytest.approx(hazard, abs=1e-12), s.CAUSES[clock % 7]
    for day, stem in ((28.0, 0), (50.0, small.number[s.NICHES])):
        small.cells[s.STEM, HOST] = stem
        before = small.patient.left[s.DIES_OF_FAILURE]
        mortality.flow(small.patient, small.step_of(day), HOUR_6)
        assert small.patient.left[s.DIES_OF_FAILURE] == before, "too early, or a full marrow"
    assert small.level[s.DEAD] == 0.0
    small.patient.left[:] = 10.0
    small.patient.left[s.DIES_OF_RELAPSE], small.patient.left[s.DIES_OF_GVHD] = 0.1, 0.01 * expected[s.DIES_OF_GVHD]
    mortality.flow(small.patient, small.step_of(60.0), 1.0)
    assert small.level[s.DEAD] == s.DIES_OF_GVHD
    assert small.patient.day_of[s.DAY_OF_DEATH] == pytest.approx(60.01)


def test_infection_kills_where_defences_are_down():
    """EQ-MORTALITY-2: each rise alone, over a base that follows the catalogue."""

    def hazard(**levels):
        small = SmallPatient().empty()
        small.cells[[s.NEUTROPHILS, s.T_CELLS], DONOR] = int(1e9 * 0.14 * 70.0), int(1e9 * 4.0 * 70.0)
        for name, value in levels.items():
            if name in ("neutrophils", "t_cells"):
                small.cells[getattr(s, name.upper()), DONOR] = value
            elif name == "infection_rise":
                small.patient.block[0, s.INFECTION_RISE] = value
            else:
                small.level[getattr(s, name.upper())] = value
        return mortality._infection(small.patient, 0)

    small = SmallPatient()
    base = small.parameter("mortality.infection_per_day")

    def par(name):
        return small.parameter(f"mortality.{name}")

    half_n, half_t = par("neutrophil_half_per_nl"), par("t_cell_half_per_nl")
    fall_n, fall_t = half_n / (1.0 + half_n), half_t / (1.0 + half_t)
    sound = hazard()
    assert sound == pytest.approx(base * (1.0 + par("rise_by_neutropenia") * fall_n + par("rise_by_lymphopenia") * fall_t))
    rises = {
        "neutrophils": (0, par("rise_by_neutropenia") * (1.0 - fall_n)),
        "t_cells": (0, par("rise_by_lymphopenia") * (1.0 - fall_t)),
        "toxic_gut": (0.5, par("rise_by_barrier") * 0.25),
        "steroid": (0.5, par("rise_by_steroid") * 0.5),
        "chronic": (2.0, par("rise_by_chronic") * 0.5),
        "infection_rise": (3.0, par("share_of_drug_rise") * 3.0),
    }
    for name, (value, rise) in rises.items():
        assert hazard(**{name: value}) - sound == pytest.approx(base * rise), name
    assert hazard(chronic=1.0) == sound
    assert hazard(toxic_gut=0.8, damage_gut=0.9) - sound == pytest.approx(base * par("rise_by_barrier"))
