"""The bits of a run depend on what is asked and on its address, on nothing about how it is computed.

Blocks, checkpoints, room for cells, the order of cells in memory, the processor, and compilation itself are varied; every
bit of the recorded course, the events, the tally and the snapshots must stay.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine.engine import Stopped, simulate
from simengine.engine.build import build
from simengine.engine.spaces import populate, put_in_order
from simengine.engine.step import advance
from simengine.mechanisms import MECHANISMS
from simengine.state import cells as c
from simengine.state import world as w
from simengine.state.arrays import grow
from simengine.state.cells import allocate_cells
from simengine.state.handles import handle_of
from tests.verification.relations.busy import busy_catalog, busy_courses, busy_scenario
from tests.verification.relations.patients import DENSE, count, differing, digest, scenario

ROOT = Path(simengine.__file__).parents[1]
DAYS = 2.0
STOPS_H = sorted(np.random.default_rng(8).uniform(0.05, 24 * DAYS - 0.05, 12).round(3).tolist())


@pytest.fixture(scope="module")
def asked():
    """Two doses of cells that are attacked at once, under a drug, with two snapshots."""
    return scenario(
        product__name="ipsc_cm",
        donor__match="0/8",
        patient__sensitised=True,
        delivery=[DENSE, {**DENSE, "day": 1.2}],
        drug=[{"name": "tacrolimus"}],
        run__duration_days=DAYS,
        run__record_every_h=3.0,
        output__snapshot_days=[0.5, DAYS],
    )


@pytest.fixture(scope="module")
def whole(asked):
    """The course of the run in one piece."""
    return simulate(asked, 5, 1, 2)


@pytest.fixture(scope="module")
def busy():
    """Twenty patients in whom everything happens at once."""
    return busy_courses(20)


def test_there_is_something_to_disagree_about(whole):
    assert whole.status == "ok"
    assert len(whole.events["uid"]) > 60
    assert sum(count(whole, event) for event in whole.event_names[:-2]) > 20
    assert len(whole.snapshots) == 2


def test_a_run_again_gives_the_same_bits(asked, whole):
    assert digest(simulate(asked, 5, 1, 2)) == digest(whole)


def drive(asked, ticks, between=lambda world, handle: None):
    """Return the world at the end, advanced in blocks of ``ticks`` with something done to it between any two."""
    world = grow(build(asked, 5, 1, 2).world)
    handle = handle_of(world)
    populate(handle)
    while world.clock[w.NOW] < world.clock[w.END]:
        now = int(world.clock[w.NOW])
        assert advance(handle, now, min(now + ticks, int(world.clock[w.END]))) == w.DONE
        between(world, handle)
    return world


def assert_ends_alike(world, whole):
    """Record, tally and events of a world are those of the course."""
    n = int(world.events.count[0])
    assert world.record.values.tobytes() == whole.values.tobytes()
    assert world.tally.tobytes() == whole.tally.tobytes()
    assert world.events.uid[:n].tobytes() == whole.events["uid"].tobytes()
    assert world.events.hour[:n].tobytes() == whole.events["hour"].tobytes()


@pytest.mark.parametrize("ticks", [1, 12, 97, 10**6])
def test_blocks_of_any_length_give_the_same_bits(asked, whole, ticks):
    """From single steps to the whole run. Detects state outside the world, and steps cut short at the end of a block."""
    assert_ends_alike(drive(asked, ticks), whole)


def test_a_run_put_aside_after_a_snapshot_still_has_it(asked, whole, tmp_path):
    """A snapshot shows its own day, also when the run was stopped and resumed between it and the end."""
    with pytest.raises(Stopped):
        simulate(asked, 5, 1, 2, checkpoint=tmp_path / "run", stop_at_h=20.0)
    assert differing(whole, simulate(asked, 5, 1, 2, checkpoint=tmp_path / "run")) == []


def test_a_run_put_aside_many_times_goes_on_with_the_same_bits(asked, whole, tmp_path):
    for stop_at_h in STOPS_H:
        with pytest.raises(Stopped):
            simulate(asked, 5, 1, 2, checkpoint=tmp_path / "run", stop_at_h=stop_at_h)
    resumed = simulate(asked, 5, 1, 2, checkpoint=tmp_path / "run")
    assert [name for name in differing(whole, resumed) if not name.startswith("snapshots")] == []


def with_room_for(capacity):
    """Return a ``build`` whose world has room for another number of cells than usual."""

    def built(*args):
        usual = build(*args)
        grid = usual.world.grid
        cells, voxels = allocate_cells(capacity), grid.start.size - 1
        other = grid._replace(
            order=np.zeros(capacity, np.int32),
            count=np.zeros(voxels, np.int32),
            scratch=np.zeros((usual.world.grid.scratch.shape[0], capacity)),
        )
        usual.world = usual.world._replace(cells=cells, grid=other)
        return usual

    return built


@pytest.mark.parametrize("capacity", [2060, 50_000])
def test_room_for_cells_changes_no_bit(asked, whole, monkeypatch, capacity):
    """The smaller world has room for nine cells beside the reserve and must grow in the middle of the run."""
    monkeypatch.setattr("simengine.engine.run.build", with_room_for(capacity))
    other = simulate(asked, 5, 1, 2)
    assert other.statistics["agents_capacity"] == (4120.0 if capacity == 2060 else capacity)
    assert other.statistics["agents_capacity"] != whole.statistics["agents_capacity"]
    assert differing(whole, other) == []


def test_thousands_of_cells_outgrow_their_room_with_the_same_bits(monkeypatch):
    """Agents of a hundredth of a cell: more than three thousand, so that the room there is doubles while they arrive."""
    asked = scenario(delivery=[DENSE], patch__agent_weight=0.01, run__duration_days=0.1, run__record_every_h=0.5)
    course = simulate(asked, 1)
    assert course.statistics["agents_capacity"] > 6500.0
    monkeypatch.setattr("simengine.engine.run.build", with_room_for(40_000))
    roomy = simulate(asked, 1)
    assert roomy.statistics["agents_capacity"] == 40_000.0
    assert differing(course, roomy) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_cells_in_memory_changes_no_bit(asked, whole, seed):
    """All columns are shuffled every two hours, then sorted as after any birth. Detects ties broken by place in memory."""
    dice, moved = np.random.default_rng(seed), [0]

    def shuffle(world, handle):
        n = int(world.cells.count[0])
        order = dice.permutation(n)
        moved[0] += int(np.sum(order != np.arange(n)))
        for block in (world.cells.real, world.cells.whole, world.cells.uid.reshape(1, -1)):
            block[:, :n] = block[:, :n][:, order]
        put_in_order(handle)

    assert_ends_alike(drive(asked, 240, shuffle), whole)
    assert moved[0] > 200


def test_everything_happens_in_the_busy_patients(busy):
    """What follows compares as much biology as there is: all causes, divisions, transitions, arrivals, engaged killers."""
    assert {course.status for course in busy} == {"ok"}
    happened = {event: sum(count(course, event) for course in busy) for event in busy[0].event_names}
    for event in ("fragile", "ischaemia", "division", "transition", "phagocytosed", "apoptosis"):
        assert happened[event] > 0, event
    for arm in ("nk", "cd8", "cd4", "antibody"):
        assert happened[f"rejected_{arm}"] > 0, arm
    assert sum(count(course, "egress", course.host_types) for course in busy) > 0
    assert sum(np.sum(course.events["event"] == len(course.event_names)) for course in busy) >= 200
    agents = [course.total([f"{p}.agents.{k}" for p in course.patches for k in course.host_types]) for course in busy]
    own = [course.total([f"{p}.agents.{k}" for p in course.patches for k in course.product_types]) for course in busy]
    assert 15.0 < float(np.mean([np.max(a + b) for a, b in zip(agents, own)])) < 40.0


def test_killers_are_engaged_in_the_busy_patients():
    """After four of the five hours, over the first ten patients."""
    asked, known, engaged = busy_scenario(), busy_catalog(), 0
    for patient in range(10):
        world = build(asked, 1, patient, 0, known).world
        handle = handle_of(world)
        populate(handle)
        advance(handle, 0, 480)
        engaged += int(np.sum(world.cells.whole[c.ENGAGED_UNTIL, : world.cells.count[0]] > 480))
    assert engaged >= 5


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_acts_in_the_busy_patients(busy, mechanism):
    """Switched off, each leaves another course: none of them is idle where compiled and plain runs are compared."""
    without = busy_courses(2, mechanism)
    assert all(digest(first) != digest(second) for first, second in zip(busy, without))


def fresh(n, **environment):
    """Return the digests of the first busy patients, computed in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.verification.relations.busy", str(n)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
        timeout=850,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_plainest_processor_gives_the_same_bits(busy):
    """Compiled for a processor without vector units and fused multiply-add: no bit may hang on instructions."""
    assert fresh(20, NUMBA_CPU_NAME="generic") == [digest(course) for course in busy]


def test_plain_python_gives_the_bits_of_compiled_code(busy):
    """20 patients, some 20 agents, 50 steps, every mechanism on, JIT off: events and courses are equal to the last bit."""
    assert fresh(20, NUMBA_DISABLE_JIT="1") == [digest(course) for course in busy]
