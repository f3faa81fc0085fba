"""The equations of marrow and blood around a transplantation, each checked by its formula on a patient made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.transplant import conditioning, haematopoiesis
from simengine.transplant import state as s
from simengine.transplant.graft import doses_of
from simengine.transplant.step import _record_blood
from tests.small_patient import DONOR, HOST, MANY, SECOND, SmallPatient, assert_poisson, assert_share, fresh

HOUR_6 = 0.25


def test_host_pools_start_at_production_times_mean_time():
    """EQ-HOST-1: stem cells fill their share of the niches; a pool holds what is made a day x its mean days."""
    small = SmallPatient()
    disease = small.scenario.transplant.disease
    stem = np.floor(round(small.of("transplantation", "haematopoiesis", "niches_per_kg") * 70.0) * 0.5)
    assert small.of("diseases", disease, "host_marrow") == 0.5
    assert small.cells[s.STEM, HOST] == stem
    support = stem / 70.0 / (stem / 70.0 + small.parameter("haematopoiesis.support_half_per_kg"))
    progenitors = 0.7 * small.parameter("haematopoiesis.progenitors_per_kg") * 70.0 * support
    made = progenitors * small.parameter("haematopoiesis.maturing_per_day")
    assert small.cells[s.MYELOID, HOST] == int(progenitors)
    for row, cell, cells in (
        (s.MYELOID, "neutrophil", "neutrophils"),
        (s.MEGAKARYOCYTE, "platelet", "platelets"),
        (s.ERYTHROID, "red_cell", "red_cells"),
    ):
        per_day = made * small.parameter(f"haematopoiesis.{cells}_per_progenitor")
        in_transit = small.cells[row + 1 : row + 5, HOST].sum()
        assert in_transit == pytest.approx(per_day * small.parameter(f"haematopoiesis.{cell}_transit_days"), rel=1e-9)
        in_blood = small.cells[row + 5, HOST]
        assert in_blood == pytest.approx(per_day * small.parameter(f"haematopoiesis.{cell}_life_days"), rel=1e-9)
    immunity = small.of("diseases", disease, "host_immunity")
    assert small.cells[s.T_CELLS, HOST] == int(immunity * 70.0 * small.parameter("lymphocytes.t_cells_per_kg"))
    assert small.cells[:, DONOR:].sum() == 0


def test_doses_are_stated_or_drawn_thawed_and_depleted():
    """EQ-INFUSION-1: living CD34 cells are taken as stated; T cells lose by thawing; two units are twice the drawn dose."""
    from simengine.patients.draws import Dice

    def doses(**changes):
        small = SmallPatient(**changes)
        return doses_of(small.scenario, small.numbers, Dice("none", 1, 0, 0)), small

    stated = {"transplant__cd34_cells_per_kg": 4e6, "transplant__cd3_cells_per_kg": 2e8}
    (cd34, cd3), small = doses(**stated)
    assert (cd34, cd3) == (4e6, pytest.approx(2e8 * small.of("grafts", "mobilised_blood", "viability")))
    (cd34, cd3), small = doses(**stated, transplant__depletion="cd34_selection")
    assert cd34 == pytest.approx(4e6 * small.of("depletions", "cd34_selection", "cd34_kept"))
    fresh_t = 2e8 * small.of("grafts", "mobilised_blood", "viability")
    assert cd3 == pytest.approx(fresh_t * small.of("depletions", "cd34_selection", "cd3_kept"))
    (_, cd3), small = doses(**stated, donor__relation="autologous")
    assert cd3 == pytest.approx(2e8 * small.of("grafts", "mobilised_blood", "thaw_viability"))
    (one, _), small = doses(transplant__graft="cord_blood")
    assert one == pytest.approx(
        small.of("grafts", "cord_blood", "cd34_cells_per_kg") * small.of("grafts", "cord_blood", "thaw_viability")
    )
    (two, _), _ = doses(transplant__graft="cord_blood", transplant__units=2)
    assert two == pytest.approx(2.0 * one)


def test_each_cell_of_the_graft_homes_with_its_chance():
    """EQ-INFUSION-2: binomial counts of three kinds; NK cells by T cells before depletion; T cells all come; units share."""
    small = SmallPatient(transplant__cd34_cells_per_kg=5e6, transplant__cd3_cells_per_kg=1e8)
    homing = small.of("grafts", "mobilised_blood", "homing")
    for row, name in (
        (s.PROGENITORS_DONOR, "progenitor_fraction"),
        (s.STEM_DONOR, "stem_fraction"),
        (s.SHORT_DONOR, "short_term_fraction"),
    ):
        assert_share(small.number[row], 3.5e8, homing * small.of("grafts", "mobilised_blood", name))
        assert small.number[row + 1] == 0.0
    t_cells = int(small.built.doses[1] * 70.0)
    assert small.number[s.T_DONOR] == t_cells
    assert small.number[s.NK_DONOR] == pytest.approx(0.05 * t_cells, abs=1.0)
    depleted = SmallPatient(transplant__cd3_cells_per_kg=1e8, transplant__depletion="alpha_beta")
    assert depleted.number[s.NK_DONOR] == pytest.approx(0.05 * t_cells * 0.7, abs=1.0)
    cord = SmallPatient(transplant__graft="cord_blood", transplant__units=2, transplant__cd34_cells_per_kg=2e7)
    homing = cord.of("grafts", "cord_blood", "homing") * cord.of("grafts", "cord_blood", "progenitor_fraction")
    assert_share(
        cord.number[s.PROGENITORS_DONOR], 7e8, homing
    )  # half of 1.4e9: nothing varies, so that the share is its middle
    assert_share(cord.number[s.PROGENITORS_SECOND], 7e8, homing)


def test_conditioning_kills_by_logs_of_the_shares_given():
    """EQ-CONDITIONING-1: over all steps of bu_cy the sum of -ln(survival) is ln 10 x the logs of both agents, day by day."""
    small = SmallPatient()
    agents = ("busulfan", "cyclophosphamide")
    for column, name in ((s.HIT_STEM, "stem"), (s.HIT_PROGENITOR, "progenitor"), (s.HIT_LYMPHOCYTE, "lymphocyte")):
        logs = sum(small.of("agents", agent, f"{name}_log10_kill") for agent in agents)
        assert small.patient.hit[:, column].sum() == pytest.approx(np.log(10.0) * logs)
    first = small.patient.hit[small.step_of(-7.0), s.HIT_STEM]
    assert first == pytest.approx(np.log(10.0) * small.of("agents", "busulfan", "stem_log10_kill") / 4.0)
    assert small.patient.hit[small.step_of(-7.0) + 1].sum() == 0.0
    half = SmallPatient(parameters={"diseases.acute_myeloid_leukaemia.conditioning_sensitivity": 0.6})
    ratio = half.patient.hit[:, s.HIT_TUMOUR].sum() / small.patient.hit[:, s.HIT_TUMOUR].sum()
    assert ratio == pytest.approx(0.6)
    small.empty()
    small.patient.hit[0, s.HIT_STEM], small.patient.hit[0, s.HIT_PROGENITOR] = np.log(10.0), np.log(100.0)
    small.cells[[s.STEM, s.SHORT_TERM, s.MULTIPOTENT, s.MYELOID + 2, s.NEUTROPHILS], HOST] = MANY
    haematopoiesis._condition(small.patient, 0, 0)
    for row, chance in ((s.STEM, 0.1), (s.SHORT_TERM, 0.1), (s.MULTIPOTENT, 0.01), (s.MYELOID + 2, 0.01), (s.NEUTROPHILS, 1.0)):
        assert_share(small.cells[row, HOST], MANY, chance)


def test_conditioning_injures_what_is_still_sound():
    """EQ-CONDITIONING-2: two doses of 0.5 injure 1 - e^-1; a course of shares that sum to one does its stated damage."""
    small = SmallPatient().empty()
    small.patient.hit[0, s.HIT_GUT], small.patient.hit[0, s.HIT_ORGANS] = 0.5, 0.4
    for _ in range(2):
        conditioning.flow(small.patient, 0, HOUR_6)
    assert small.level[s.TOXIC_GUT] == pytest.approx(1.0 - np.exp(-1.0))
    fading = np.exp(-small.parameter("conditioning.toxicity_loss_per_day") * HOUR_6)
    assert small.level[s.TOXIC_ORGANS] == pytest.approx(0.4 * fading + 0.4)
    one = SmallPatient()
    sound = np.prod([1.0 - one.of("agents", agent, "gut_damage") for agent in ("busulfan", "cyclophosphamide")])
    assert np.exp(-one.patient.hit[:, s.HIT_GUT].sum()) == pytest.approx(sound)


def test_stem_cells_lodge_as_far_as_niches_are_free():
    """EQ-NICHE-1: all that home where there is room; else the free niches, shared; a third of progenitors to each lineage."""
    small = SmallPatient().empty()
    small.number[[s.NICHES, s.STEM_DONOR, s.STEM_SECOND, s.SHORT_DONOR, s.PROGENITORS_DONOR]] = 1000.0, 300.0, 100.0, 77.0, 9e8
    haematopoiesis.engraft(small.patient, 0)
    assert (small.cells[s.STEM, DONOR], small.cells[s.STEM, SECOND], small.cells[s.SHORT_TERM, DONOR]) == (300, 100, 77)
    lineages = small.cells[[s.MYELOID, s.MEGAKARYOCYTE, s.ERYTHROID], DONOR]
    assert lineages.sum() == 9e8
    for n in lineages:
        assert_share(n, 9e8, 1.0 / 3.0)
    shares = []
    for replicate in range(200):
        small.empty()
        fresh(small, replicate)
        small.cells[s.STEM, HOST] = 900
        haematopoiesis.engraft(small.patient, 0)
        assert small.cells[s.STEM].sum() == 1000
        shares.append(small.cells[s.STEM, DONOR])
    assert_share(sum(shares), 200 * 100, 0.75)


def test_all_stem_cells_divide_into_free_niches_and_leave_at_one_rate():
    """EQ-NICHE-2: host and donor alike, births at r x free share; without a free niche none is born; never more than free."""
    small = SmallPatient().empty().set(haematopoiesis__stem_renewal_per_day=0.4, haematopoiesis__stem_leaving_per_day=0.1)
    small.number[s.NICHES] = 4.0 * MANY
    small.cells[s.STEM, :2] = MANY
    haematopoiesis._advance_niches(small.patient, 0, HOUR_6)
    grown = (1.0 - np.exp(-0.4 * 0.5 * HOUR_6)) - (1.0 - np.exp(-0.1 * HOUR_6))
    for origin in (HOST, DONOR):
        assert small.cells[s.STEM, origin] == pytest.approx(MANY * (1.0 + grown), rel=1e-5)
    small.number[s.NICHES] = small.cells[s.STEM].sum()
    before = small.cells[s.STEM, :2].copy()
    haematopoiesis._advance_niches(small.patient, 1, HOUR_6)
    for origin in (HOST, DONOR):
        assert_share(small.cells[s.STEM, origin], before[origin], np.exp(-0.1 * HOUR_6))
    small.empty()
    small.cells[s.SHORT_TERM, DONOR] = MANY
    haematopoiesis._advance_niches(small.patient, 2, HOUR_6)
    assert_share(
        small.cells[s.SHORT_TERM, DONOR], MANY, np.exp(-small.parameter("haematopoiesis.short_term_loss_per_day") * 0.25)
    )
    small.empty().set(haematopoiesis__stem_renewal_per_day=1e3)
    small.number[s.NICHES] = 100.0
    small.cells[s.STEM, :3] = 20
    haematopoiesis._advance_niches(small.patient, 3, 1.0)
    assert small.cells[s.STEM].sum() <= 100


def test_multipotent_cells_come_by_equivalents_and_leave_after_a_mean_time():
    """EQ-SUPPLY-1: Poisson(output x (stem + w short-term) x days) new cells; days / mean of the old ones leave."""
    small = SmallPatient().empty()
    small.cells[s.STEM, HOST], small.cells[s.SHORT_TERM, DONOR], small.cells[s.MULTIPOTENT, DONOR] = 7_000_000, 9_000_000, MANY
    equivalents = haematopoiesis._supply(small.patient, 0, HOUR_6)
    of_short = small.parameter("haematopoiesis.short_term_equivalent") * 9e6
    assert equivalents == pytest.approx((7e6 + of_short) / 70.0)
    output = small.parameter("haematopoiesis.stem_output_per_day") * HOUR_6
    assert_poisson(small.cells[s.MULTIPOTENT, HOST], output * 7e6)
    gone = small.patient.flow[DONOR]
    assert_share(gone, MANY, HOUR_6 / small.parameter("haematopoiesis.multipotent_days"))
    assert_poisson(small.cells[s.MULTIPOTENT, DONOR] - (MANY - gone), output * of_short)


def test_progenitors_grow_into_room_mature_and_are_joined():
    """EQ-PROGENITOR-1: with half of the supported room taken growth is half; host and graft have their own; drugs kill."""
    small = SmallPatient().empty().set(haematopoiesis__progenitors_per_kg=8.0 * MANY / 70.0)
    small.cells[s.MYELOID, :2] = MANY
    small.patient.flow[:] = (3.0 * MANY, 0.0, 0.0)
    haematopoiesis._advance_line(small.patient, 0, HOUR_6, s.MYELOID, (0.8, 0.4, 100.0, 5.0, 0.4), 0.5)
    maturing = 1.0 - np.exp(-small.parameter("haematopoiesis.maturing_per_day") * HOUR_6)
    for origin, growth, joined in ((HOST, 0.8, 1.0), (DONOR, 0.4, 0.0)):
        factor = 1.0 + (1.0 - np.exp(-growth * 0.5 * HOUR_6)) - maturing + joined
        assert small.cells[s.MYELOID, origin] == pytest.approx(MANY * factor, rel=1e-5)
        assert small.cells[s.MYELOID + 1, origin] == pytest.approx(MANY * maturing * 100.0, rel=1e-4)
    small.empty()
    small.patient.block[0, s.DIVIDING_DEATH_PER_DAY] = 2.0
    small.cells[[s.STEM, s.MULTIPOTENT, s.ERYTHROID, s.ERYTHROID + 1], DONOR] = MANY
    haematopoiesis._poison(small.patient, 0, 0, HOUR_6)
    kept = np.exp(-small.parameter("haematopoiesis.drug_death_share") * 2.0 * HOUR_6)
    for row, chance in ((s.STEM, 1.0), (s.MULTIPOTENT, kept), (s.ERYTHROID, kept), (s.ERYTHROID + 1, 1.0)):
        assert_share(small.cells[row, DONOR], MANY, chance)


def test_maturing_cells_pass_four_stages_one_a_step_at_most():
    """EQ-CHAIN-1: days x 4 / transit of a stage move on to the next, none by two; of the last they reach the blood."""
    small = SmallPatient().empty()
    small.cells[s.MYELOID + 1 : s.MYELOID + 5, DONOR] = (MANY, 0, MANY, MANY)
    haematopoiesis._advance_line(small.patient, 0, HOUR_6, s.MYELOID, (0.5, 0.5, 100.0, 8.0, 1e9), 1.0)
    moved = HOUR_6 * 4.0 / 8.0
    for row, chance in zip(range(1, 6), (1.0 - moved, moved, 1.0 - moved, 1.0, moved), strict=True):
        assert small.cells[s.MYELOID + row, DONOR] == pytest.approx(chance * MANY, rel=1e-5)
    assert small.cells[:, HOST].sum() == 0


@pytest.mark.parametrize("days", [HOUR_6, 1.0])
def test_arrivals_are_spread_over_the_step(days):
    """EQ-CHAIN-2: n e^-x of those there and (1 - e^-x)/x of those that arrive are left after x lives."""
    small = SmallPatient().empty()
    small.cells[s.NEUTROPHILS, DONOR] = MANY
    left = haematopoiesis._keep(small.patient, s.NEUTROPHILS, DONOR, 0, days, 0.5, 3 * MANY)
    x = days / 0.5
    assert left == pytest.approx(MANY * (np.exp(-x) + 3.0 * (1.0 - np.exp(-x)) / x), rel=1e-5)


def test_platelets_have_a_fixed_loss_beside_their_life():
    """EQ-PLATELET-1: at 50e9/L the fixed loss of 7.1e9/L a day adds 0.142 per day to 1/own life; below 1e9/L as at 1."""
    small = SmallPatient().empty()
    rate = 1.0 / small.parameter("haematopoiesis.platelet_life_days")
    fixed = small.parameter("haematopoiesis.platelet_fixed_loss_per_nl_per_day")
    for count, counted in ((50.0, 50.0), (0.2, 1.0)):
        small.cells[s.PLATELETS, DONOR] = int(count * 0.1 * 70.0 * 1e9)
        assert haematopoiesis._platelet_life(small.patient) == pytest.approx(1.0 / (rate + fixed / counted), rel=1e-8)


def test_counts_are_cells_over_volume_and_two_units_are_given_below_the_trigger():
    """EQ-BLOOD-1: 2e9 neutrophils a litre in 0.14 L/kg; haemoglobin by cells of 29 pg; two units when it is low, else none."""
    small = SmallPatient().empty()
    small.cells[s.NEUTROPHILS, HOST] = int(2e9 * 0.14 * 70.0)
    small.cells[s.PLATELETS, DONOR] = int(150e9 * 0.1 * 70.0)
    small.cells[s.RED_CELLS, HOST] = int(80.0 / 29e-12 * 0.07 * 70.0)
    out = np.zeros(16)
    _record_blood(small.patient, out)
    assert out[:3] == pytest.approx([2.0, 150.0, 80.0], rel=1e-9)
    assert out[[7, 8, 9]] == pytest.approx([0.0, 1.0, 0.0])
    haematopoiesis.transfuse(small.patient, 0, HOUR_6)
    assert small.cells[s.RED_CELLS, s.TRANSFUSED] == 0
    small.cells[s.RED_CELLS, HOST] = int(74.0 / 29e-12 * 0.07 * 70.0)
    haematopoiesis.transfuse(small.patient, 1, HOUR_6)
    assert small.cells[s.RED_CELLS, s.TRANSFUSED] == 2 * small.parameter("haematopoiesis.red_cells_per_unit")
    assert small.level[s.RED_UNITS] == 2.0
    haematopoiesis.transfuse(small.patient, 2, HOUR_6)
    kept = np.exp(-HOUR_6 / small.parameter("haematopoiesis.transfused_life_days"))
    assert_share(small.cells[s.RED_CELLS, s.TRANSFUSED], 2 * small.parameter("haematopoiesis.red_cells_per_unit"), kept)
