"""The equations of lymphocytes, clones, rejection and graft-versus-host disease, each checked by its formula."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from simengine.patients.draws import Dice
from simengine.patients.matching import pair_of
from simengine.transplant import graft_versus_host as gvh
from simengine.transplant import host_versus_graft as hvg
from simengine.transplant import lymphocytes
from simengine.transplant import state as s
from simengine.transplant.clones import advance_clone, poison_clone
from simengine.transplant.drugs import add_effects
from tests.small_patient import DONOR, HOST, MANY, SECOND, SmallPatient, assert_poisson, assert_share

HOUR_6 = 0.25
DIVISIONS = range(s.FIRST_DIVISION, s.EFFECTORS)


def spread(rate, days=HOUR_6):
    """Return the chance of an event within some days."""
    return 1.0 - np.exp(-rate * days)


def test_t_cells_expand_into_an_empty_body_and_die_by_life_drugs_and_conditioning():
    """EQ-LYMPHOCYTE-1: at a quarter of the normal number, half of proliferation blocked, and a kill of one log."""
    small = SmallPatient().empty().set(lymphocytes__t_cells_per_kg=8.0 * MANY / 70.0, lymphocytes__expansion_per_day=0.4)
    small.cells[s.T_CELLS, :2] = MANY
    block = small.patient.block[0]
    block[[s.BLOCK_PROLIFERATION, s.DEPLETION_PER_DAY, s.DIVIDING_DEATH_PER_DAY]] = 0.5, 0.3, 2.0
    small.patient.hit[0, s.HIT_LYMPHOCYTE] = np.log(10.0)
    lymphocytes._advance_t_cells(small.patient, 0, 0, HOUR_6)
    hazard = 1.0 / small.parameter("lymphocytes.t_cell_life_days") + 0.3
    hazard += small.parameter("lymphocytes.drug_death_share") * 0.75 * 2.0
    factor = 1.0 + spread(0.4 * 0.75 * 0.5) - (1.0 - 0.1 * np.exp(-hazard * HOUR_6))
    for origin in (HOST, DONOR):
        assert small.cells[s.T_CELLS, origin] == pytest.approx(factor * MANY, rel=1e-5)


def test_lymphocytes_are_made_by_supply_and_slowed_by_disease():
    """EQ-LYMPHOCYTE-2: half of a full supply, a third of it from the host; damage of 0.4 slows thymus and B cells, not NK."""
    small = SmallPatient().empty()
    half = small.parameter("lymphocytes.supply_half_per_kg_per_day") * 70.0 * HOUR_6
    small.patient.flow[:] = (half / 3.0, half * 2.0 / 3.0, 0.0)
    small.level[s.DAMAGE_LIVER] = 0.4
    small.cells[s.THYMUS, DONOR], small.cells[s.B_STAGE + 1, DONOR] = MANY, MANY
    lymphocytes.flow(small.patient, 0, 0, HOUR_6)
    for origin, share in ((HOST, 1.0 / 6.0), (DONOR, 1.0 / 3.0)):
        b_cells = small.parameter("lymphocytes.b_cells_per_kg") / small.parameter("lymphocytes.b_cell_life_days")
        assert_poisson(small.cells[s.B_STAGE, origin], 70.0 * share * 0.6 * HOUR_6 * b_cells)
        natural = small.parameter("lymphocytes.nk_cells_per_kg") / small.parameter("lymphocytes.nk_cell_life_days")
        assert_poisson(small.cells[s.NK_CELLS, origin], 70.0 * share * HOUR_6 * natural)
    thymic = 70.0 * HOUR_6 * 0.6 * small.parameter("lymphocytes.thymic_output_per_kg_per_day")
    assert_poisson(small.cells[s.THYMUS, HOST], thymic / 6.0)
    moved = 2.0 * HOUR_6 / small.parameter("lymphocytes.thymus_days")
    assert_share(small.cells[s.THYMUS + 1, DONOR], MANY, moved)
    assert_share(small.cells[s.B_CELLS, DONOR], MANY, 2.0 * HOUR_6 / small.parameter("lymphocytes.b_maturation_days"))
    small.empty()
    small.cells[[s.B_CELLS, s.NK_CELLS], DONOR] = MANY
    small.patient.block[0, s.DEPLETION_PER_DAY], small.patient.hit[0, s.HIT_LYMPHOCYTE] = 0.8, 0.7
    small.patient.flow[:] = 0.0
    lymphocytes.flow(small.patient, 0, 1, HOUR_6)
    for row, name in ((s.B_CELLS, "b"), (s.NK_CELLS, "nk")):
        life = small.parameter(f"lymphocytes.{name}_cell_life_days")
        assert_share(small.cells[row, DONOR], MANY, np.exp(-HOUR_6 / life - 0.4 * HOUR_6 - 0.7))


@pytest.mark.parametrize("match", ["8/8", "7/8", "6/8", "4/8", "0/8"])
def test_foreignness_is_the_weighted_sum_of_what_the_pair_says(match):
    """EQ-FOREIGN-1: class I, class II, minor and DPB1 of each direction."""
    small = SmallPatient(donor__match=match)
    pair = pair_of(small.scenario, small.numbers, Dice("none", 1, 0, 0))
    for row, mechanism, side, way in (
        (s.FOREIGN_HVG, "host_versus_graft", pair, "HvG"),
        (s.FOREIGN_GVH, "graft_versus_host", pair.gvh, "GvH"),
    ):
        weights = [small.of("transplantation", mechanism, f"{name}_weight") for name in ("class_1", "class_2", "minor", "dpb1")]
        dpb1 = float(pair.dpb1 == f"non-permissive {way}")
        assert small.number[row] == pytest.approx(np.dot(weights, [side.class_1, side.class_2, side.minor, dpb1]))


@pytest.mark.parametrize("relation", ["autologous", "identical_twin"])
def test_own_cells_and_those_of_a_twin_are_not_foreign(relation):
    """EQ-FOREIGN-1: nothing in either direction, no missing self, no antibody against red cells."""
    small = SmallPatient(donor__relation=relation)
    rows = [s.FOREIGN_HVG, s.FOREIGN_GVH, s.MISSING_SELF_HVG, s.MISSING_SELF_GVH, s.MAJOR_ABO, s.ALLOGENEIC]
    assert np.all(small.number[rows] == 0.0)


def test_waking_follows_antigen_foreignness_and_drugs():
    """EQ-CLONE-1: naive and memory cells under a block of 0.6 at a drive of 0.5, foreignness 0.25."""
    small = SmallPatient().empty()
    small.number[s.FOREIGN_GVH] = 0.25
    small.clone[s.GVH, [s.NAIVE, s.MEMORY]] = MANY
    small.patient.block[0, s.BLOCK_ACTIVATION] = 0.6
    advance_clone(small.patient, s.GVH, 0, 0, HOUR_6, 0.5)
    met = small.parameter("clones.waking_per_day") * 0.5 * (1.0 + small.parameter("clones.direct_speed") * 0.25)
    woken = spread(met * 0.4)
    spared = 1.0 - 0.6 * (1.0 - small.parameter("clones.memory_spared"))
    recalled = spread(met * small.parameter("clones.memory_recall") * spared)
    tolerant = (1.0 - woken) * spread(small.parameter("clones.naive_loss_per_day"))
    faded = spread(small.parameter("clones.memory_loss_per_day"))
    cells = small.clone[s.GVH]
    assert cells[s.FIRST_DIVISION] == pytest.approx(MANY * (woken + (1.0 - faded) * recalled), rel=1e-4)
    assert cells[s.NAIVE] == pytest.approx(MANY * (1.0 - woken - tolerant), rel=1e-5)
    assert cells[s.MEMORY] == pytest.approx(MANY * (1.0 - faded) * (1.0 - recalled), rel=1e-5)
    assert small.clone[s.HVG].sum() == 0


def test_divisions_double_what_the_room_lets_succeed():
    """EQ-CLONE-1: as many cells as the room holds: half of those that divide succeed; a proliferation block slows the clock."""
    small = SmallPatient().empty().set(clones__room_per_kg=8.0 * MANY / 70.0)
    small.clone[s.GVH, list(DIVISIONS)] = MANY
    small.patient.block[0, s.BLOCK_PROLIFERATION] = 0.2
    advance_clone(small.patient, s.GVH, 0, 0, HOUR_6, 0.0)
    first = 0.8 * HOUR_6 / small.parameter("clones.first_division_days")
    later = 0.8 * HOUR_6 / small.parameter("clones.cycle_days")
    cells = small.clone[s.GVH]
    assert cells[s.FIRST_DIVISION] == pytest.approx(MANY * (1.0 - first), rel=1e-5)
    assert cells[s.FIRST_DIVISION + 1] == pytest.approx(MANY * (1.0 - later + first), rel=1e-5)
    assert cells[s.EFFECTORS - 1] == pytest.approx(MANY, rel=1e-5)
    calmed = small.parameter("clones.regulatory_share")
    assert cells[s.REGULATORY] == pytest.approx(MANY * later * calmed, rel=1e-4)
    assert cells[s.EFFECTORS] == pytest.approx(MANY * later * (1.0 - calmed), rel=1e-5)


def test_effectors_fade_into_memory():
    """EQ-CLONE-1: effectors, memory and regulatory cells are lost at their rates; a share of the lost effectors is memory."""
    small = SmallPatient().empty()
    small.clone[s.HVG, [s.EFFECTORS, s.REGULATORY]] = MANY
    advance_clone(small.patient, s.HVG, 0, 0, 1.0, 0.0)
    lost = spread(small.parameter("clones.effector_loss_per_day"), 1.0)
    assert_share(small.clone[s.HVG, s.EFFECTORS], MANY, 1.0 - lost)
    assert_share(small.clone[s.HVG, s.MEMORY], MANY, lost * small.parameter("clones.memory_fraction"))
    assert_share(small.clone[s.HVG, s.REGULATORY], MANY, np.exp(-small.parameter("clones.regulatory_loss_per_day")))


def test_drugs_deplete_clones_and_kill_what_divides():
    """EQ-CLONE-2: depletion for all, death of dividing cells for the eight divisions alone; other killing multiplies."""
    small = SmallPatient().empty()
    small.clone[s.GVH] = MANY
    small.patient.block[0, [s.DEPLETION_PER_DAY, s.DIVIDING_DEATH_PER_DAY]] = 0.4, 0.6
    poison_clone(small.patient, s.GVH, 0, 0, HOUR_6, 0.9)
    resting = 0.9 * np.exp(-0.4 * HOUR_6)
    dividing = resting * np.exp(-small.parameter("clones.dividing_death_factor") * 0.6 * HOUR_6)
    for row in range(s.N_CLONE):
        assert_share(small.clone[s.GVH, row], MANY, dividing if row in DIVISIONS else resting)


def test_levels_and_effects_of_prophylaxis_are_means_over_each_step():
    """EQ-DRUG-4: two doses a day, EC50 5 and exponent 2, written out hour by hour; the taper halves a dose half way."""
    start, days = np.arange(0.0, 12.0, 0.25), np.full(48, 0.25)
    effect = np.array([0.9, 0.0, 0.0, 0.0, 0.0, 2.0])
    spared, out = np.ones((48, 3)), np.zeros((48, 6))
    add_effects(start, days, np.array([1.0, 8.0, 5.0, 12.0, 10.0, 0.1, 5.0, 2.0]), effect, spared, out)
    hours = np.arange(288)
    doses = [(24.0 + 12.0 * k, 10.0 * min(1.0, (216.0 - (24.0 + 12.0 * k)) / 96.0)) for k in range(16)]
    level = sum(rise * np.exp(-0.1 * (hours - at)) * (hours >= at) for at, rise in doses)
    share = (level**2 / (level**2 + 25.0)).reshape(48, 6).mean(axis=1)
    np.testing.assert_allclose(spared[:, 0], 1.0 - 0.9 * share, atol=1e-6)
    np.testing.assert_allclose(out[:, 5], 2.0 * share, atol=1e-6)
    assert np.all(spared[:, 1:] == 1.0)
    add_effects(start, days, np.array([1.0, 8.0, 5.0, 12.0, 10.0, 0.1, 5.0, 2.0]), effect, spared, out)
    np.testing.assert_allclose(spared[:, 0], (1.0 - 0.9 * share) ** 2, atol=1e-6)


def test_host_cells_against_the_donor_are_counted_before_conditioning():
    """EQ-HVG-1: Binomial(T cells, share x foreignness); memory of a sensitised patient; antibody where HLA is foreign."""
    small = SmallPatient(donor__match="4/8")
    small.clone[:], small.cells[s.T_CELLS, HOST] = 0, MANY
    small.number[[s.FOREIGN_HVG, s.SENSITISED]] = 0.4, 0.0
    hvg.prime(small.patient, 0)
    assert_share(small.clone[s.HVG, s.NAIVE], MANY, small.parameter("host_versus_graft.precursor_share") * 0.4)
    assert small.clone[s.HVG, s.MEMORY] == 0
    small.number[s.SENSITISED] = 1.0
    hvg.prime(small.patient, 0)
    memory = small.clone[s.HVG, s.NAIVE] * small.parameter("host_versus_graft.memory_of_sensitised")
    assert small.clone[s.HVG, s.MEMORY] == pytest.approx(memory, abs=1.0)


@pytest.mark.parametrize("sensitised", [False, True])
def test_only_foreign_hla_has_met_antibody(sensitised):
    """EQ-HVG-1: a sensitised patient has antibody against foreign HLA, however many minor antigens differ, and else none."""
    minor = {"donor__sex": "male", "patient__sex": "female", "patient__sensitised": sensitised}
    for donor, is_foreign in ((("sibling", "8/8"), False), (("unrelated", "4/8"), True)):
        small = SmallPatient(
            donor__relation=donor[0],
            donor__match=donor[1],
            **minor,
            parameters={
                "hla.minor_antigens.h_y_load": 0.4,
                "hla.minor_antigens.sibling_share": 0.58,
                "hla.minor_antigens.unrelated_load": 1.3,
            },
        )
        assert small.level[s.DONOR_ANTIBODY] == float(is_foreign and sensitised)


def test_rejection_kills_the_donors_marrow_by_three_hazards_that_add():
    """EQ-HVG-2: T cells at half, NK cells at twice the normal number missing half, antibody at 0.3; blood cells are spared."""
    small = SmallPatient().empty().set(clones__effector_loss_per_day=0.0)
    half = small.parameter("host_versus_graft.effectors_half_per_kg") * 70.0
    small.clone[s.HVG, s.EFFECTORS] = half
    small.cells[s.NK_CELLS, HOST] = 2.0 * small.parameter("host_versus_graft.nk_normal_per_kg") * 70.0
    small.number[s.MISSING_SELF_HVG] = 0.5
    small.level[s.DONOR_ANTIBODY] = 0.3
    small.cells[:, DONOR : SECOND + 1] = MANY
    small.cells[s.T_CELLS, DONOR : SECOND + 1] = 0
    small.cells[s.STEM, HOST] = MANY
    hvg.flow(small.patient, small.step_of(10.0), 0, HOUR_6)
    left = np.exp(-small.parameter("host_versus_graft.antibody_loss_per_day") * HOUR_6) * 0.3
    hazard = 0.5 * small.parameter("host_versus_graft.killing_per_day") + small.parameter(
        "host_versus_graft.nk_killing_per_day"
    )
    hazard += small.parameter("host_versus_graft.antibody_killing_per_day") * left
    for row, origin in product(range(s.N_POOLS), (DONOR, SECOND)):
        if row != s.T_CELLS:
            assert_share(small.cells[row, origin], MANY, np.exp(-hazard * HOUR_6) if row in s.DIVIDING else 1.0)
    assert small.cells[s.STEM, HOST] == MANY


def test_donor_t_cells_hold_the_hosts_down():
    """EQ-HVG-3: as many donor T cells as the half number and missing self of 0.5; nothing between a patient and own cells."""
    small = SmallPatient().empty().set(host_versus_graft__veto_half_per_kg=MANY / 70.0)
    small.cells[s.T_CELLS, :2] = MANY
    small.clone[s.HVG, s.NAIVE] = MANY
    small.number[[s.MISSING_SELF_GVH, s.ALLOGENEIC]] = 0.5, 1.0
    hvg._hold_down(small.patient, 0, HOUR_6)
    kept = np.exp(-small.parameter("host_versus_graft.veto_per_day") * 0.5 * 1.5 * HOUR_6)
    assert_share(small.cells[s.T_CELLS, HOST], MANY, kept)
    assert_share(small.clone[s.HVG, s.NAIVE], MANY, kept)
    assert small.cells[s.T_CELLS, DONOR] == MANY
    small.number[s.ALLOGENEIC] = 0.0
    before = small.cells.copy()
    hvg._hold_down(small.patient, 1, HOUR_6)
    assert np.array_equal(before, small.cells)


def test_donor_cells_against_the_host_are_a_share_of_the_t_cells_given():
    """EQ-GVH-1: the share is precursors x foreignness x alloreactivity x potency of the graft, over both units."""
    small = SmallPatient().empty().set(graft_versus_host__alloreactivity=1.5)
    small.number[[s.T_DONOR, s.T_SECOND, s.FOREIGN_GVH, s.T_POTENCY]] = MANY, MANY, 0.5, 0.6
    gvh.infuse(small.patient, 0)
    chance = small.parameter("graft_versus_host.precursor_share") * 0.5 * 1.5 * 0.6
    assert_share(small.clone[s.GVH, s.NAIVE], 2.0 * MANY, chance)
    small.number[s.T_DONOR : s.T_SECOND + 1] = 0.0
    gvh.infuse(small.patient, 0)
    assert small.clone[s.GVH, s.NAIVE] == 0


def test_presentation_rises_with_damage_and_falls_with_the_hosts_cells():
    """EQ-GVH-2: gut damaged twice over counts once; a day after the graft; regulatory cells at the half number halve waking."""
    small = SmallPatient().empty()
    small.level[[s.TOXIC_GUT, s.DAMAGE_GUT, s.TOXIC_SKIN, s.HOST_APC]] = 0.7, 0.6, 0.3, 0.5
    gvh._present(small.patient, 1.0)
    left = 0.5 * np.exp(-small.parameter("graft_versus_host.host_apc_loss_per_day"))
    told = small.parameter("graft_versus_host.resting_presentation")
    told += small.parameter("graft_versus_host.presentation_by_damage") * 1.3 / 3.0
    told += small.parameter("graft_versus_host.translocation")
    indirect = small.parameter("graft_versus_host.indirect_presentation")
    expected = told * (left + (1.0 - left) * indirect)
    assert small.level[s.PRESENTATION] == pytest.approx(expected)
    small.set(graft_versus_host__regulatory_half_per_kg=MANY / 70.0, clones__naive_loss_per_day=0.0)
    small.set(graft_versus_host__host_apc_loss_per_day=0.0)
    small.number[s.FOREIGN_GVH] = 0.0
    small.clone[s.GVH, [s.NAIVE, s.REGULATORY]] = MANY
    gvh.flow(small.patient, small.step_of(1.0), 0, HOUR_6)
    drive = expected / 2.0
    woken = spread(small.parameter("clones.waking_per_day") * drive)
    assert_share(small.clone[s.GVH, s.NAIVE], MANY, 1.0 - woken)


def test_organs_are_damaged_and_repaired_exactly_over_a_step():
    """EQ-GVH-3: two half days are one day; a tenth stopped, repair helped by half; a leaking gut is attacked more."""
    results = []
    for days in (0.5, 1.0):
        small = SmallPatient().empty()
        small.clone[s.GVH, s.EFFECTORS] = 3.0 * small.parameter("graft_versus_host.effectors_half_per_kg") * 70.0
        small.number[s.WEIGHT_SKIN : s.WEIGHT_LIVER + 1] = (1.0, 2.0, 0.0)
        small.level[[s.DAMAGE_SKIN, s.DAMAGE_LIVER, s.TOXIC_GUT]] = 0.1, 0.4, 0.8
        for _ in range(round(1.0 / days)):
            gvh.attack(small.patient, days, 0.1, 1.5)
        results.append(small.level[: s.TOXIC_LIVER + 1].copy())
    but_gut = [row for row in range(s.TOXIC_LIVER + 1) if row != s.DAMAGE_GUT]
    np.testing.assert_allclose(results[0][but_gut], results[1][but_gut], rtol=1e-12)
    own, repair = (
        0.9 * 0.75 * small.parameter("graft_versus_host.damage_per_day"),
        1.5 * small.parameter("graft_versus_host.repair_per_day"),
    )
    kindled = small.parameter("graft_versus_host.kindling") * small.parameter("graft_versus_host.translocation")
    gut = 2.0 * (1.0 + 0.8 * kindled)
    for row, weight, began in ((s.DAMAGE_SKIN, 1.0, 0.1), (s.DAMAGE_GUT, gut, 0.0), (s.DAMAGE_LIVER, 0.0, 0.4)):
        goal = weight * own / (weight * own + repair)
        assert results[1][row] == pytest.approx(goal + (began - goal) * np.exp(-weight * own - repair))
    assert results[0][s.TOXIC_GUT] == pytest.approx(0.8 * np.exp(-small.parameter("graft_versus_host.toxic_repair_per_day")))


def test_a_stage_is_how_many_thresholds_the_damage_reaches():
    """EQ-GVH-4: below, at and above each of four thresholds."""
    small = SmallPatient()
    edges = [small.parameter(f"graft_versus_host.stage_{i}_damage") for i in range(1, 5)]
    assert edges == sorted(edges)
    for stage, edge in enumerate(edges, start=1):
        assert gvh.stage_of(small.par, edge) == stage
        assert gvh.stage_of(small.par, edge - 1e-9) == stage - 1
    assert gvh.stage_of(small.par, 1.0) == 4


def test_grades_are_those_of_the_consensus():
    """EQ-GVH-5: all 125 triples against the table of 1994 read as the highest grade of which any condition holds."""
    for skin, gut, liver in product(range(5), repeat=3):
        conditions = {
            1: 1 <= skin <= 2,
            2: skin == 3 or gut == 1 or liver == 1,
            3: 2 <= gut <= 4 or 2 <= liver <= 3,
            4: skin == 4 or liver == 4,
        }
        expected = max([0, *(grade for grade, holds in conditions.items() if holds)])
        assert gvh.grade_of(skin, gut, liver) == expected, (skin, gut, liver)


def test_alloreactive_cells_clear_the_hosts_marrow():
    """EQ-GVH-6: effectors and memory at the half number kill half as fast as the most; donor cells and blood are spared."""
    small = SmallPatient().empty()
    half = small.parameter("graft_versus_host.marrow_half_per_kg") * 70.0
    small.clone[s.GVH, [s.EFFECTORS, s.MEMORY]] = 0.25 * half, 0.75 * half
    small.cells[:, :2] = MANY
    gvh._clear_marrow(small.patient, 0, 1.0)
    kept = np.exp(-0.5 * small.parameter("graft_versus_host.marrow_killing_per_day"))
    for row in range(s.N_POOLS):
        assert_share(small.cells[row, HOST], MANY, kept if row in s.DIVIDING else 1.0)
        assert small.cells[row, DONOR] == MANY
