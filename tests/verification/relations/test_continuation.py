"""A run that is put aside at any step and gone on with ends in the bits of one in one piece; what that takes is listed."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from simengine.engine import checkpoint as checkpoints
from simengine.engine.build import build
from simengine.engine.checkpoint import load_checkpoint, save_checkpoint
from simengine.state.arrays import arrays_of, with_arrays
from tests.verification.relations.continued import ADDRESS, SIX, whole
from tests.verification.relations.patients import differing

THREADS = 4
WRITTEN_BEFORE_READ = {
    *("fields.source", "fields.loss"),  # summed anew before each solve
    *("grid.start", "grid.order", "grid.count", "grid.scratch"),  # cells are sorted anew
    *("work.signals", "work.behaviours", "work.hazards", "work.place", "work.index", "work.strength", "work.way"),
    *("events.count", "events.whole", "events.uid", "events.hour"),  # taken out of the world, and kept beside it
}
"""Arrays of which a checkpoint needs no number."""
CONSTANT = {
    *("grid.shape", "grid.spacing_um", "grid.largest_um", "fields.constant", "fields.treatment", "fields.work"),
    *("types.real", "types.whole", "types.sees", "record.ticks", "par", "enabled", "key"),
    *("rules.base", "rules.bounds", "rules.active_start", "rules.active", "rules.start", "rules.row", "rules.number"),
    *("rules.felt", "body.transfer", "body.doses", "body.pair"),
}
"""Arrays that follow from scenario and address: a world built anew has them already."""
STATE = {
    *("cells.count", "cells.real", "cells.whole", "cells.uid", "fields.value", "fields.tissue_source", "fields.tissue_loss"),
    *("fields.sweeps", "tissue", "patch", "body.counts", "body.pools", "body.solutes", "body.given", "body.drugs"),
    *("body.flux", "record.values", "tally", "clock"),
}
"""Arrays that only the checkpoint knows."""


def unlike(one, other):
    """Return what differs between two courses by any bit."""
    if (one.status, len(one.hours)) != (other.status, len(other.hours)) or one.hours.tobytes() != other.hours.tobytes():
        return ["the end"]
    told = [name for name in ("statistics", "traits") if repr(getattr(one, name)) != repr(getattr(other, name))]
    return told + differing(one, other)


def wrong_stops(name, n, folder):
    """Stop a run at n random base ticks; go on in this thread, then with four at a time; return where bits differ."""
    run = whole(name)
    ticks = np.random.default_rng(8).integers(1, run.end, n).tolist()
    files = [run.stopped(tick, folder / f"{i}") for i, tick in enumerate(ticks)]
    here = [run.resumed(file) for file in files]
    with ThreadPoolExecutor(THREADS) as pool:
        there = list(pool.map(run.resumed, files))
    assert len(here) == len(there) == n
    return [(tick, wrong) for tick, course in zip(ticks * 2, here + there) if (wrong := unlike(run.course, course))]


@pytest.mark.parametrize("name", SIX)
def test_a_run_put_aside_at_a_random_step_goes_on_with_the_same_bits(tmp_path, name):
    """Two stops of each of six patients, resumed here and four at a time: columns, events, tally, snapshots, statistics."""
    assert wrong_stops(name, 2, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SIX)
def test_a_run_put_aside_at_fifty_steps_goes_on_with_the_same_bits(tmp_path, name):
    """Six patients, 50 stops, two ways to go on: 600 of 600."""
    assert wrong_stops(name, 50, tmp_path) == []


@pytest.fixture(scope="module", params=["busy", "attacked"])
def halfway(request, tmp_path_factory):
    """A run, and its checkpoint after three fifths."""
    run = whole(request.param)
    file = run.stopped(3 * run.end // 5 + 7, tmp_path_factory.mktemp("halfway") / "run")
    return run, file, (run.scenario.hash, *ADDRESS)


def fresh_world(run):
    """Return the world of a run as it is built."""
    return build(run.scenario, *ADDRESS, run.catalog).world


def replaced(name, of, world, arrays):
    """Restore a world with one array replaced by ``of(the array as built, the array as saved)``."""
    return with_arrays(world, {**arrays, name: of(arrays_of(world)[name], arrays[name])})


def end_without(run, file, name, of, patch):
    """Return what differs where one array is not restored; a refusal differs, too."""
    patch.setattr(checkpoints, "with_arrays", partial(replaced, name, of))
    try:
        return unlike(run.course, run.resumed(file))
    except ValueError:
        return ["refused"]
    finally:
        patch.undo()


def test_the_lists_hold_every_array_of_the_world(halfway):
    names = [*WRITTEN_BEFORE_READ, *CONSTANT, *STATE]
    assert sorted(names) == sorted(arrays_of(fresh_world(halfway[0])))


@pytest.mark.parametrize("lost", ["rebuilt", "zeroed"])
def test_every_array_that_a_checkpoint_forgets_is_missed(monkeypatch, tmp_path, lost):
    """Each array in turn is left as built, or is zero, in each of two patients: a bit differs or the run is refused.

    But for the arrays that need not be kept: in these, no bit may differ.
    """
    keeps = WRITTEN_BEFORE_READ | (CONSTANT if lost == "rebuilt" else set())
    missed = set()
    for name in ("busy", "attacked"):
        run = whole(name)
        file = run.stopped(3 * run.end // 5 + 7, tmp_path / name)
        for array in arrays_of(fresh_world(run)):
            of = (lambda built, saved: built) if lost == "rebuilt" else (lambda built, saved: np.zeros_like(saved))
            missed |= {array} if end_without(run, file, array, of, monkeypatch) else set()
    assert missed == {*WRITTEN_BEFORE_READ, *CONSTANT, *STATE} - keeps


def test_a_checkpoint_without_an_array_is_refused(halfway, monkeypatch, tmp_path):
    """Each array in turn is left out of a file that is otherwise whole, with its right digest."""
    run, file, label = halfway
    world, taken, snapshots = load_checkpoint(file, label, fresh_world(run))
    known = arrays_of(world)
    for name in known:
        monkeypatch.setattr(checkpoints, "arrays_of", lambda _, name=name: {k: v for k, v in known.items() if k != name})
        save_checkpoint(tmp_path / "run", label, world, taken, snapshots)
        with pytest.raises(ValueError, match=f"is incomplete: it has no '{name}'$"):
            run.resumed(tmp_path / "run")


@pytest.mark.parametrize("lost", ["events", "snapshots"])
def test_what_stands_beside_the_world_is_missed(tmp_path, lost):
    run = whole("attacked")
    label = (run.scenario.hash, *ADDRESS)
    file = run.stopped(3 * run.end // 5 + 7, tmp_path / "run")
    world, taken, snapshots = load_checkpoint(file, label, fresh_world(run))
    assert len(taken[0]["hour"]) > 10
    assert list(snapshots) == ["day_0.5"]
    save_checkpoint(file, label, world, *{"events": ([], snapshots), "snapshots": (taken, {})}[lost])
    assert {name.split(".")[0] for name in unlike(run.course, run.resumed(file))} == {lost}
