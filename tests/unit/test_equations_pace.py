"""The paces of a patch: when it is settled, what then waits for the step of the tissue, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.engine.decide import strike
from simengine.engine.spaces import put_in_order, walk
from simengine.engine.step import SETTLED_SHARE, _set_pace
from simengine.foundation.jit import kernel
from simengine.mechanisms import registry
from simengine.mechanisms.cytotoxicity import engage
from simengine.state import cells as c
from simengine.state import world as w
from tests.small_world import SmallWorld

LATE = 20 * w.TICKS_PER_H
"""A step of the tissue long after the dose."""


@kernel
def set_pace(world, tick):
    """Choose the paces of a world as the engine does."""
    _set_pace(world, tick)


def awake_patch(expected, **changes):
    """Return a world with 200 product cells in a patch that is awake, of which so many were expected to change."""
    small = SmallWorld(**changes)
    for _ in range(200):
        small.add("stromal_resting")
    put_in_order(small.handle)
    small.world.patch[0, w.AWAKE] = 1.0
    small.world.tally[w.TALLY_HAZARD, 0, 1, small.type_of("stromal_resting")] = expected
    return small


@pytest.mark.parametrize(("events", "settled"), [(0.9, 1.0), (1.1, 0.0)])
def test_a_patch_settles_where_at_most_one_in_a_hundred_was_expected_to_change(events, settled):
    small = awake_patch(events * SETTLED_SHARE * 200)
    set_pace(small.handle, LATE)
    assert small.world.patch[0, w.AWAKE] == 1.0
    assert small.world.patch[0, w.SETTLED] == settled


def test_only_what_was_expected_since_the_last_step_counts():
    small = awake_patch(50.0)
    set_pace(small.handle, LATE)
    assert small.world.patch[0, w.SETTLED] == 0.0
    set_pace(small.handle, LATE + int(small.world.clock[w.TISSUE]))
    assert small.world.patch[0, w.SETTLED] == 1.0


def test_what_hosts_expect_does_not_count():
    small = awake_patch(0.0)
    small.world.tally[w.TALLY_HAZARD, 0, 1, small.type_of("macrophage")] = 50.0
    set_pace(small.handle, LATE)
    assert small.world.patch[0, w.SETTLED] == 1.0


def test_a_patch_stays_busy_near_a_dose_on_waking_and_when_asked_to():
    near = awake_patch(0.0)
    set_pace(near.handle, 0)
    waking = awake_patch(0.0)
    waking.world.patch[0, w.AWAKE] = 0.0
    set_pace(waking.handle, LATE)
    asked = awake_patch(0.0, **{"run.mode": "patch"})
    set_pace(asked.handle, LATE)
    for small in (near, waking, asked):
        assert small.world.patch[0, w.AWAKE] == 1.0
        assert small.world.patch[0, w.SETTLED] == 0.0


def attacked_pair(accepts=1e9):
    """Return a world with two CD8 cells engaged with the same product cell, out of reach of everything else."""
    small = SmallWorld()
    for label in ("stromal_resting", "cd8", "cd8", "stromal_resting"):
        small.add(label)
    real, whole = small.world.cells.real, small.world.cells.whole
    kind = small.type_of("stromal_resting")
    real[c.X : c.Z + 1, :4] = np.array([[10.0, 12.0, 14.0, 70.0], [10.0] * 4, [10.0] * 4])
    real[c.CLASS_1, whole[c.TYPE] == kind] = 1.0
    real[c.KILLING, :4] = 0.3
    whole[c.ENGAGED_UNTIL, :4] = np.where(whole[c.TYPE, :4] == kind, -1, 10_000)
    small.world.types.real[w.TYPE_ACCEPTS, kind] = accepts
    put_in_order(small.handle)
    targets = np.flatnonzero(whole[c.TYPE, :4] == kind)
    near = targets[np.argmin(real[c.X, targets])]
    return small, int(near), int(targets[targets != near][0])


@pytest.mark.parametrize(("accepts", "share"), [(1e9, 1.0), (2.0, 1.0), (1.5, 0.75), (1.0, 0.5)])
def test_a_target_has_places_for_so_many_killers(accepts, share):
    """EQ-KILL-1 through the columns: two killers on one target that has places for all, for two, and for fewer."""
    small, near, far = attacked_pair(accepts)
    assert engage(small.handle, 0, 0.2, 0, 4)
    attack = small.world.grid.scratch[w.ATTACK : w.ATTACK + c.N_ARMS].sum(axis=0)
    assert attack[near] == pytest.approx(2.0 * 0.3 * share, rel=1e-12)
    assert attack[far] == 0.0
    assert not engage(SmallWorld().handle, 0, 0.2, 0, 0)


def test_the_attacked_live_through_kill_alone():
    """EQ-FATE-5: the threshold falls by kill x hours and by nothing else, or the cell dies at threshold / kill."""
    for left, dies in ((1.0, False), (0.06, True)):
        small, near, far = attacked_pair()
        real, whole = small.world.cells.real, small.world.cells.whole
        real[c.DEATH_LEFT, [near, far]] = left
        small.world.work.hazards[:] = 7.0
        engage(small.handle, LATE, 0.2, 0, 4)
        strike(small.handle, LATE, 0.2, 0, 4)
        cause = len(registry.CAUSES) + small.world.types.whole[w.TYPE_ARM, small.type_of("cd8")]
        lived = 0.1 if dies else 0.2
        assert (whole[c.FATE, near] == cause) == dies
        assert real[c.DEATH_LEFT, far] == left
        assert whole[c.FATE, far] == -1
        assert real[c.DEATH_LEFT, near] == pytest.approx(left - 0.6 * lived, abs=1e-12)
        tally = small.world.tally[w.TALLY_HAZARD, 0]
        assert tally.sum() == tally[cause, small.type_of("stromal_resting")] == pytest.approx(0.6 * lived, rel=1e-12)
        if dies:
            assert small.world.events.hour[0] == pytest.approx(20.0 + lived, rel=1e-12)


def test_in_a_settled_patch_only_seekers_walk_between_steps_of_the_tissue():
    """The others walk once a step of the tissue, all of it: 200 cells, mean square 2 d D t within 4.9 standard errors."""
    small = SmallWorld(**{"patch.shape": [60, 60, 60]})
    for label in ["stromal_resting"] * 200 + ["cd8"] * 20:
        small.add(label)
    real, whole, patch = small.world.cells.real, small.world.cells.whole, small.world.patch[0]
    n, kind = 220, small.type_of("stromal_resting")
    put_in_order(small.handle)
    seeks = whole[c.TYPE, :n] != kind
    real[c.SPEED, :n], real[c.ENGAGING, :n] = 0.2, np.where(seeks, 1e-9, 0.0)
    patch[w.AWAKE], patch[w.SETTLED], patch[w.SHOWN_CLASS_1] = 1.0, 1.0, 1.0
    small.world.types.real[[w.TYPE_REPULSION, w.TYPE_ADHESION]] = 0.0
    before = real[c.X : c.Z + 1, :n].copy()
    walk(small.handle, LATE + 12, 0, 0.1)
    moved = np.linalg.norm(real[c.X : c.Z + 1, :n] - before, axis=0)
    np.testing.assert_array_equal(moved[~seeks], 0.0)
    assert 0.0 < moved[seeks].min() <= moved[seeks].max() == pytest.approx(1.2)
    real[c.X : c.Z + 1, :n] = 600.0
    walk(small.handle, LATE, 0, 0.1)
    away = real[c.X : c.Z + 1, :n] - 600.0
    assert np.linalg.norm(away[:, seeks], axis=0).max() < 1.2 + 1e-9
    t, persistence = 120.0, small.world.types.real[w.TYPE_PERSISTENCE_MIN, kind]
    expected = 2.0 * (0.2 * persistence) ** 2 * (t / persistence - 1.0 + np.exp(-t / persistence))
    squares = (away[:, ~seeks] ** 2).sum(axis=0)
    assert abs(squares.mean() - expected) < 4.9 * squares.std(ddof=1) / np.sqrt(200)
