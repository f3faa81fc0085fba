"""The equations of cells, each checked by its formula: fates, rules, marks, contact, killing, states, walk, forces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import kstest

from simengine.catalog import load_catalog
from simengine.engine.decide import decide
from simengine.engine.spaces import put_in_order
from simengine.foundation.jit import kernel
from simengine.kernels.contacts import MARGIN_UM, deliver_attack, keep_recognised, offer_slots, share_in_reach
from simengine.kernels.fates import DEATH, NOTHING, PROGRESS, first_event, pick_cause, relax_towards
from simengine.kernels.forces import displace, relax, yielding
from simengine.kernels.motion import new_heading, turning_probability
from simengine.kernels.response import respond
from simengine.mechanisms import antibody, apoptosis, cytotoxicity, motility, phagocytosis, registry
from simengine.mechanisms.secretion import feel_gradients
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w
from tests.small_world import SmallWorld

Z = 4.9
"""Standard errors at which a count is refused: a sound sampler fails once in a million runs."""


@kernel
def respond_in(world, first, last):
    """Evaluate the rules of a world for some of its cells, as the engine does."""
    respond(world.cells.whole[c.TYPE], world.work.signals, world.rules, first, last, world.work.behaviours)


def crowd(label, n, **changes):
    """Return a small world with ``n`` cells of one type, in no particular order."""
    small = SmallWorld(**changes)
    for _ in range(n):
        small.add(label)
    return small


@pytest.mark.parametrize(
    ("left", "hazard", "progress_left", "progress", "expected"),
    [
        (1.0, 0.5, 9.0, 0.1, (DEATH, 2.0)),
        (9.0, 0.5, 0.3, 0.1, (PROGRESS, 3.0)),
        (1.0, 0.5, 0.1, 0.1, (PROGRESS, 1.0)),
        (9.0, 0.5, 9.0, 0.1, (NOTHING, 4.0)),
        (0.0, 0.0, 9.0, 0.0, (NOTHING, 4.0)),
    ],
)
def test_an_event_happens_when_its_cumulative_hazard_is_used_up(left, hazard, progress_left, progress, expected):
    """EQ-FATE-1 within 4 h: the first of the two thresholds, at threshold / hazard; no hazard, no event."""
    assert first_event(left, hazard, progress_left, progress, 4.0) == pytest.approx(expected)


def test_causes_are_drawn_in_proportion_to_their_hazards():
    """EQ-FATE-2 on a fine grid of uniform numbers: shares to 1e-4; a cause without hazard is never chosen."""
    hazards = np.zeros((4, 2))
    hazards[:, 1] = [0.0, 0.2, 0.0, 0.6]
    grid = (np.arange(10_000) + 0.5) / 10_000
    chosen = np.bincount([pick_cause(hazards, 1, 0.8, u) for u in grid], minlength=4)
    np.testing.assert_allclose(chosen / 10_000, [0.0, 0.25, 0.0, 0.75], atol=1e-4)


def hazard_world(n, death, division, hours):
    """Let ``n`` stromal cells live through one step at given hazards; return the world and their thresholds before."""
    small = crowd("stromal_resting", n)
    small.world.work.hazards[:] = 0.0
    small.world.work.behaviours[:] = 0.0
    small.world.work.hazards[registry.CAUSES.names().index("apoptosis"), :n] = death
    small.world.work.behaviours[small.names.behaviours.index("division_per_h"), :n] = division
    before = small.world.cells.real[c.DEATH_LEFT, :n].copy()
    decide(small.handle, 0, hours, 0, n)
    return small, before


def test_the_compensator_is_the_hazard_lived_through():
    """EQ-FATE-3: tally = sum of min(threshold, hazard x hours), to rounding; deaths at threshold / hazard exactly."""
    small, left = hazard_world(200, 0.3, 0.0, 2.0)
    kind = small.type_of("stromal_resting")
    cause = registry.CAUSES.names().index("apoptosis")
    tally = small.world.tally[:, 0, cause, kind]
    assert tally[w.TALLY_HAZARD] == pytest.approx(np.minimum(left, 0.6).sum(), rel=1e-12)
    assert tally[w.TALLY_EVENTS] == np.sum(left <= 0.6)
    n = int(small.world.events.count[0])
    np.testing.assert_allclose(np.sort(small.world.events.hour[:n]), np.sort(left[left <= 0.6]) / 0.3, rtol=1e-12)


def test_daughters_live_through_the_rest_of_the_step_of_their_birth():
    """EQ-FATE-4: a pure birth process over one step of two mean cycles; 256 mothers, mean 256 e^2, SD 110, |z| < 4.9.

    If daughters waited for the next step there would be 256 x 3 = 768 cells: z = -10.
    """
    small, _ = hazard_world(256, 0.0, 1.0, 2.0)
    n, growth = 256, np.exp(2.0)
    sd = np.sqrt(n * growth * (growth - 1.0))
    assert abs(int(small.world.cells.count[0]) - n * growth) < Z * sd


def test_states_between_zero_and_one_relax_exactly():
    """EQ-STATE-1 against a numerical solution, to 1e-8, and for a long step to the balance."""
    solved = solve_ivp(lambda _, y: 0.3 * (1.0 - y) - 0.1 * y, (0.0, 2.5), [0.05], rtol=1e-10, atol=1e-12)
    assert relax_towards(0.05, 0.3, 0.1, 2.5) == pytest.approx(solved.y[0, -1], rel=1e-8)
    assert relax_towards(0.05, 0.3, 0.1, 1e4) == pytest.approx(0.75)
    assert relax_towards(0.05, 0.0, 0.0, 2.5) == 0.05


@pytest.mark.parametrize(("label", "product"), [("macrophage", "bm_msc"), ("cardiomyocyte_immature", "ipsc_cm")])
def test_rules_multiply_add_and_are_clamped(label, product):
    """EQ-RULE-1 for all behaviours of two types against a plain reading of the catalogue, at random signals."""
    small = SmallWorld(**{"product.name": product})
    i = small.add(label)
    signals = np.random.default_rng(5).uniform(0.0, 3.0, len(small.names.signals))
    small.world.work.signals[:, 0] = signals
    respond_in(small.handle, i, i + 1)
    kind, _, stage = label.partition("_")
    row = small.names.behaviours.index
    expected = small.world.rules.base[:, small.type_of(label)].copy()
    added = np.zeros_like(expected)
    for rule in load_catalog().rules.values():
        held = rule["kind"] == kind or (rule["kind"] == "product" and stage)
        if not held or rule["stage"] not in ("*", stage or "resting"):
            continue
        signal = signals[small.names.signals.index(str(rule["signal"]))]
        hill = signal ** rule["exponent"] / (signal ** rule["exponent"] + rule["half"] ** rule["exponent"])
        if rule["additive"]:
            added[row(str(rule["behaviour"]))] += rule["limit"] * hill
        else:
            expected[row(str(rule["behaviour"]))] *= 1.0 + (rule["limit"] - 1.0) * hill
    low, high = small.world.rules.bounds
    clamped = np.clip(expected + added, low, high)
    assert np.count_nonzero(clamped) >= 8
    np.testing.assert_allclose(small.world.work.behaviours[:, 0], clamped, rtol=1e-12, atol=0.0)


def test_a_behaviour_never_leaves_its_bounds():
    """EQ-RULE-1: a row that would raise a rate ten thousandfold stops at the bound of the behaviour, 5 per h."""
    row = {"id": "strong", "kind": "macrophage", "signal": "tnf", "behaviour": "to_m1_per_h", "limit": 1e4, "half": 1.0}
    small = SmallWorld(rule=[row | {"source": "for this test"}])
    i = small.add("macrophage")
    small.world.work.signals[:] = 0.0
    small.world.work.signals[small.names.signals.index("tnf"), 0] = 1e9
    respond_in(small.handle, i, i + 1)
    assert small.world.work.behaviours[small.names.behaviours.index("to_m1_per_h"), 0] == 5.0


def test_a_cell_shows_what_its_expression_and_the_pair_make_of_it():
    """EQ-MARK-1, EQ-MARK-2, EQ-MARK-3, EQ-MARK-4 and EQ-MARK-5 for one product cell."""
    small = crowd("stromal_resting", 1)
    pair = small.world.body.pair
    pair[b.PAIR_CLASS_1], pair[b.PAIR_CLASS_2], pair[b.PAIR_MINOR], pair[b.PAIR_LIGANDS] = 0.5, 0.25, 1.0, 0.85
    pair[b.PAIR_AUTO], pair[b.PAIR_SHIELD], pair[b.PAIR_NATURAL], pair[b.PAIR_PRESENTED] = 0.2, 0.25, 0.1, 0.07
    small.world.body.solutes[small.solute("donor_antibody")] = 0.6
    small.behave("class_1_expression", 0, 0.4)
    small.behave("class_2_expression", 0, 0.2)
    cytotoxicity.act(small.handle, 0, 0.2, 0, 1)
    shown = small.world.cells.real[:, 0]
    assert shown[c.CLASS_1] == pytest.approx(0.4 * (0.5 + small.parameter("cytotoxicity.minor_weight") + 0.2))
    assert shown[c.CLASS_2] == pytest.approx(0.2 * 0.25)
    presence = min(1.0, 0.4 / small.parameter("cytotoxicity.class_1_of_self"))
    assert shown[c.MISSING_SELF] == pytest.approx(0.75 * (1.0 - 0.85 * presence))
    assert shown[c.OPSONISED] == pytest.approx(0.6 * 0.4 + 0.1)
    assert shown[c.PRESENTED] == pytest.approx(0.07)


@pytest.mark.parametrize("way", [0.0, 30.0])
@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
def test_killers_reach_as_many_real_cells_whatever_the_weight_of_agents(weight, way):
    """EQ-CONTACT-4: agents met x weight x share, at one real density, to rounding (3.5 without the share)."""
    density, killer, cell = 1e-5, 10.0, 10.0
    single, agent = killer + cell + MARGIN_UM, killer + cell * np.cbrt(weight) + MARGIN_UM
    met = density / weight * np.pi * (4.0 / 3.0 * agent**3 + agent**2 * way)
    expected = density * np.pi * (4.0 / 3.0 * single**3 + single**2 * way)
    assert met * weight * share_in_reach(single, agent, way) == pytest.approx(expected, rel=1e-12)


def test_killers_share_their_slots_and_targets_accept_so_many():
    """EQ-CONTACT-1, EQ-CONTACT-2 and EQ-KILL-1: two killers of weight 2 on two targets, one of which accepts too little."""
    weight, marks = np.array([1.0, 4.0, 1.0]), np.array([[0.5, 0.25, 0.0], [0.0, 0.0, 9.0], [0.0] * 3, [0.0] * 3])
    index, strength = np.array([0, 1, 2, 0]), np.array([1.0, 0.5, 1.0, 1.0])
    kept = keep_recognised(3, index, np.array([1.0, 0.0, 0.0, 0.0]), marks, weight, strength)
    assert kept == 2
    np.testing.assert_allclose(strength[:2], [0.5, 0.5])
    offered, hazard = np.zeros(3), np.zeros(3)
    for _ in range(2):
        offer_slots(2.0, kept, index, strength, offered)
    np.testing.assert_allclose(offered, [2.0, 2.0, 0.0])
    accepted = np.minimum(1.0, [1.0, 100.0, 100.0] / np.maximum(offered, 1e-9))
    delivered = [deliver_attack(2.0, 0.3, kept, index, strength, weight, accepted, hazard) for _ in range(2)]
    np.testing.assert_allclose(hazard, [0.3 * 1.0 / 1.0, 0.3 * 2.0 / 4.0, 0.0])
    engaged = 0.5 + 1.0
    np.testing.assert_allclose(delivered, 0.3 * engaged / 2.0)


def test_searching_killers_engage_at_their_rate_times_what_they_recognise():
    """EQ-CONTACT-3: 500 CD8 cells at one target in 10 motion steps of 6 min, half of which should engage; |z| < 4.9.

    The standard error is 0.7 %; testing once a step and not once a substep, or minutes taken for hours, is seen at once.
    """
    small = crowd("cd8", 500)
    target = small.add("stromal_resting")
    n, real = 501, small.world.cells.real
    real[c.X : c.Z + 1, :n] = 20.0
    real[c.SPEED, :n] = 1e-9
    real[c.ENGAGING, :500] = np.log(2.0) / 0.1
    real[c.SPEED, target] = 0.0
    real[c.CLASS_1, target] = 1.0
    put_in_order(small.handle)
    small.world.patch[0, w.SHOWN_CLASS_1] = 1.0
    engaged, steps = 0, 10
    for step in range(steps):
        small.world.cells.whole[c.ENGAGED_UNTIL, :n] = -1
        motility.move(small.handle, 12 * step, 0.1, 0.1, 0, n)
        engaged += int(np.sum(small.world.cells.whole[c.ENGAGED_UNTIL, :n] > 12 * step))
    sees = small.world.types.sees[small.type_of("cd8"), 0]
    chance = 1.0 - 0.5**sees
    assert abs(engaged - 500 * steps * chance) < Z * np.sqrt(500 * steps * chance * (1.0 - chance))


def test_only_fragile_cells_are_at_risk_of_the_fragile_death():
    """EQ-DEATH-1 for a fragile and a sturdy cell."""
    small = crowd("stromal_resting", 2)
    small.world.cells.real[c.FRAILTY, :2] = 1.0, 0.0
    for k in range(2):
        small.behave("apoptosis_per_h", k, 0.01)
        small.behave("fragile_death_per_h", k, 0.2)
    apoptosis.propose(small.handle, 0, 0.2, 0, 2)
    rows = [registry.CAUSES.names().index(name) for name in ("apoptosis", "fragile")]
    np.testing.assert_array_equal(small.world.work.hazards[rows, :2], [[0.01, 0.01], [0.2, 0.0]])


def test_complement_lyses_what_is_opsonised():
    """EQ-ANTIBODY-2: the behaviour times what is bound."""
    small = crowd("stromal_resting", 1)
    small.world.cells.real[c.OPSONISED, 0] = 0.3
    small.behave("complement_lysis_per_h", 0, 0.5)
    antibody.propose(small.handle, 0, 0.2, 0, 1)
    assert small.world.work.hazards[registry.CAUSES.names().index("rejected_antibody"), 0] == pytest.approx(0.15)


def test_the_dead_of_a_voxel_are_eaten_exponentially():
    """EQ-EAT-1: a cell of weight 1 eating at 2 per h for a quarter of an hour leaves exp(-1/2), in its voxel only."""
    small = crowd("macrophage", 1)
    put_in_order(small.handle)
    small.world.tissue[w.DEBRIS], small.world.tissue[w.APOPTOTIC] = 0.1, 3.0
    small.behave("eating_per_h", 0, 2.0)
    phagocytosis.act(small.handle, 0, 0.25, 0, 1)
    voxel = int(small.world.cells.whole[c.VOXEL, 0])
    assert small.world.tissue[w.DEBRIS, 0, voxel] == pytest.approx(0.1 * np.exp(-0.5))
    assert small.world.tissue[w.APOPTOTIC, 0, voxel] == pytest.approx(3.0 * np.exp(-0.5))
    assert np.sum(small.world.tissue[w.DEBRIS] != 0.1) == 1


@pytest.mark.parametrize(("minutes", "persistence"), [(0.5, 4.0), (2.0, 4.0), (6.0, 4.0)])
def test_turning_gives_the_diffusion_of_the_continuous_walk(minutes, persistence):
    """EQ-WALK-1: the diffusion constant of the chain, s (1 + p) / (1 - p) / 2, equals the persistence time, to rounding."""
    keeps = 1.0 - turning_probability(minutes, persistence)
    assert 0.5 * minutes * (1.0 + keeps) / (1.0 - keeps) == pytest.approx(persistence, rel=1e-12)
    assert turning_probability(100.0, persistence) == 1.0


def test_new_headings_are_a_random_direction_plus_the_drift():
    """EQ-WALK-2 in space and in the plane, for a grid of uniform numbers; unit length, and isotropic without drift."""
    grid = (np.arange(40) + 0.5) / 40
    mean = np.zeros(3)
    for u in grid:
        angle = 2.0 * np.pi * u
        for v in grid:
            height, ring = 2.0 * v - 1.0, np.sqrt(1.0 - (2.0 * v - 1.0) ** 2)
            wanted = np.array([ring * np.cos(angle) + 0.5, ring * np.sin(angle) - 0.2, height + 0.1])
            found = new_heading(u, v, 0.5, -0.2, 0.1, False)
            np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-12)
            mean += new_heading(u, v, 0.0, 0.0, 0.0, False)
        flat = np.array([np.cos(angle) + 0.5, np.sin(angle) - 0.2, 0.0])
        found = new_heading(u, 0.5, 0.5, -0.2, 0.1, True)
        np.testing.assert_allclose(found, flat / np.linalg.norm(flat), atol=1e-12)
    np.testing.assert_allclose(mean / 1600, 0.0, atol=1e-12)


def test_the_pull_of_a_gradient_saturates():
    """EQ-WALK-3: a field linear in x, at a cell inside: drift = bias x g / (|g| + g_half) along x."""
    small = SmallWorld(**{"patch.shape": [5, 5, 3]})
    i = small.add("macrophage")
    small.put(i, 50.0, 50.0, 30.0)
    put_in_order(small.handle)
    f = small.names.fields.index("chemokine")
    half = small.world.fields.constant[w.FIELD_GRADIENT_HALF, f]
    slope = 3.0 * half
    small.world.fields.value[f, 0] = np.tile(20.0 * slope * np.arange(5), 15)
    small.world.work.behaviours[:] = 0.0
    small.behave("chemotaxis.chemokine", 0, 0.8)
    feel_gradients(small.handle, 0, 1)
    np.testing.assert_allclose(small.world.cells.real[c.DRIFT_X : c.DRIFT_Z + 1, 0], [0.8 * 0.75, 0.0, 0.0], rtol=1e-12)


def test_engaged_killers_stay_and_the_others_walk_their_speed():
    """EQ-WALK-4: of two cells one is engaged; the other moves at most speed x time, and straight within one substep."""
    small = SmallWorld(**{"patch.shape": [40, 40, 20]})
    for _ in range(2):
        small.add("macrophage")
    put_in_order(small.handle)
    real, whole = small.world.cells.real, small.world.cells.whole
    real[c.X : c.Z + 1, :2] = 200.0
    real[c.SPEED, :2] = 5.0
    whole[c.ENGAGED_UNTIL, :2] = 1000, -1
    heading = real[c.HEADING_X : c.HEADING_Z + 1, 1].copy()
    moved, displaced = [], small.world.grid.scratch[:3, :2]
    for tick in range(0, 600, 12):
        displaced[:] = 0.0
        motility.move(small.handle, tick, 0.1, 0.1, 0, 2)
        moved.append(displaced.copy())
    np.testing.assert_array_equal(real[c.X : c.Z + 1, :2], 200.0)
    lengths = np.linalg.norm(moved, axis=1)
    np.testing.assert_array_equal(lengths[:, 0], 0.0)
    np.testing.assert_allclose(lengths[:, 1], 30.0, rtol=1e-9)
    assert np.linalg.norm(real[c.HEADING_X : c.HEADING_Z + 1, 1]) == pytest.approx(1.0)
    assert not np.allclose(heading, real[c.HEADING_X : c.HEADING_Z + 1, 1])


def test_a_cell_enters_with_the_volume_it_stands_for_and_fresh_thresholds():
    """EQ-ENTER-1: weight 8 doubles the radius; 1,000 thresholds are Exp(1) and places uniform (KS, p > 1e-5)."""
    small = crowd("stromal_resting", 1000, **{"patch.agent_weight": 8.0})
    real, kind = small.world.cells.real[:, :1000], small.type_of("stromal_resting")
    np.testing.assert_allclose(real[c.RADIUS], 2.0 * small.world.types.real[w.TYPE_RADIUS_UM, kind], rtol=1e-12)
    for row in (c.DEATH_LEFT, c.PROGRESS_LEFT):
        assert kstest(real[row], "expon").pvalue > 1e-5
    assert kstest(real[c.X] / 80.0, "uniform").pvalue > 1e-5
    fragile = small.world.types.real[w.TYPE_FRAGILE, kind]
    assert abs(real[c.FRAILTY].sum() - 1000 * fragile) < Z * np.sqrt(1000 * fragile * (1.0 - fragile))


def test_a_pair_pushes_and_holds_by_the_pair_law():
    """EQ-FORCE-1, -2 and -3 for overlap and for a gap: velocity, stiffness, and the yielding move, cut at the cap."""
    shape, start = np.array([1, 4, 4, 4]), np.zeros(65, np.int64)
    start[43:] = 2
    for distance in (12.0, 18.0):
        columns, speeds = np.zeros((4, 4)), np.zeros((4, 4))
        body, velocity = columns[:, :2], speeds[:, :2]
        body[:3], body[3] = 41.0, 8.0
        body[0, 1] += distance
        mechanics = np.array([[4.0, 9.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [1.0, 2.0, 1.0, 1.0]])
        relax(start, shape, 20.0, columns, np.arange(4, dtype=np.int32), mechanics, (1.25, 0.0), speeds)
        push, hold = max(1.0 - distance / 16.0, 0.0) ** 2, max(1.0 - distance / 20.0, 0.0) ** 2
        force = 6.0 * push - 0.5 * hold
        np.testing.assert_allclose(velocity[0], [-force, force / 2.0], rtol=1e-12)
        before, pulled = body[0].copy(), velocity[0].copy()
        yielding(2, velocity, 0.5, 0.01, body)
        displace(2, velocity, shape, 20.0, body)
        stiffness = 2.0 * 6.0 * max(1.0 - distance / 16.0, 0.0) / 16.0 / np.array([1.0, 2.0])
        np.testing.assert_allclose(velocity[3], stiffness, rtol=1e-12)
        lasting = 0.5 / (1.0 + 2.0 * stiffness * 0.5)
        moves = np.clip(lasting * pulled, -0.08, 0.08)
        np.testing.assert_allclose(body[0] - before, moves, atol=1e-12)
