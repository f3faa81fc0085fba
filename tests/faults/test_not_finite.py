"""What is not a number is never hidden: it is put into every array of a running patient, and the run must say so.

A number that is written anew before it is read does no harm: then the result is that of the sound run, to the bit.
"""

from __future__ import annotations

import numpy as np
import pytest

from simengine import scenario, transplant
from simengine.engine.build import build
from simengine.engine.checkpoint import load_checkpoint, save_checkpoint
from simengine.engine.run import Stopped, simulate
from simengine.outcomes import evaluate
from simengine.state import cells as c
from simengine.state.arrays import PASSING, arrays_of, not_finite
from simengine.transplant import run as transplant_run
from simengine.transplant.build import build as build_transplant

TEXT = """
name = "small"
patient.vary = "none"
patch.shape = [6, 6, 3]
run.duration_days = 0.5
run.record_every_h = 3
output.events = true
delivery = [{ route = "intramyocardial", dose_cells = 10_000_000, n_sites = 4, volume_ml_per_site = 0.02 }]
drug = [{ name = "tacrolimus" }]
"""
ADDRESS = (1, 0, 0)
BAD = (np.nan, np.inf)
MOST_ROWS = 40
ARRAYS = [
    "cells.real",
    "grid.spacing_um",
    "grid.largest_um",
    "grid.scratch",
    "fields.value",
    "fields.source",
    "fields.loss",
    "fields.tissue_source",
    "fields.tissue_loss",
    "fields.constant",
    "fields.work",
    "tissue",
    "patch",
    "types.real",
    "types.sees",
    "rules.base",
    "rules.bounds",
    "rules.number",
    "work.signals",
    "work.behaviours",
    "work.hazards",
    "work.strength",
    "work.way",
    "body.transfer",
    "body.solutes",
    "body.doses",
    "body.drugs",
    "body.pair",
    "body.flux",
    "record.values",
    "events.hour",
    "tally",
    "par",
]
OF_TRANSPLANTS = ["level", "left", "day_of", "number", "par", "start_day", "days", "hit", "block", "flow", "record"]


def reals(state):
    """Return the arrays of a state that can hold what is not a number."""
    return {name: array for name, array in arrays_of(state).items() if array.dtype == np.float64}


def rows_of(array):
    """Return the rows into which what is not a number is put: all at once, and one at a time where they are few."""
    return [..., *(range(len(array)) if len(array) <= MOST_ROWS else ())]


class Halfway:
    """A patient after six hours, from whom copies go on."""

    def __init__(self, folder):
        self.scenario = scenario.loads(TEXT).points[0].scenario
        self.label = (self.scenario.hash, *ADDRESS)
        self.file = folder / "halfway"
        with pytest.raises(Stopped):
            simulate(self.scenario, *ADDRESS, checkpoint=self.file, stop_at_h=6.0)
        self.saved = self.file.read_bytes()
        self.sound = self.ended(lambda world: None)

    def ended(self, change):
        """Return how a patient ends whose state is changed after six hours: the course, and its outcomes."""
        self.file.write_bytes(self.saved)
        world, taken, snapshots = load_checkpoint(self.file, self.label, build(self.scenario, *ADDRESS).world)
        change(world)
        save_checkpoint(self.file, self.label, world, taken, snapshots)
        course = simulate(self.scenario, *ADDRESS, checkpoint=self.file)
        return course, evaluate(self.scenario, course)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    return Halfway(tmp_path_factory.mktemp("halfway"))


def is_same(one, other):
    """Tell whether two courses and their outcomes are the same, to the bit."""
    (course, result), (other_course, other_result) = one, other
    return (
        course.values.tobytes() == other_course.values.tobytes()
        and all(course.events[name].tobytes() == other_course.events[name].tobytes() for name in course.events)
        and repr(result.row) == repr(other_result.row)
        and all(result.courses[name].tobytes() == other_result.courses[name].tobytes() for name in result.courses)
    )


def test_the_lists_hold_every_array_of_real_numbers(halfway):
    world = load_checkpoint(halfway.file, halfway.label, build(halfway.scenario, *ADDRESS).world)[0]
    patient = build_transplant(graft(), *ADDRESS).patient
    assert sorted(reals(world)) == sorted(ARRAYS)
    assert sorted(reals(patient)) == sorted(OF_TRANSPLANTS)
    assert set(PASSING) <= {*ARRAYS, *OF_TRANSPLANTS}


def test_the_sound_patient_has_living_product_and_host_cells(halfway):
    course, result = halfway.sound
    assert (course.status, result.row["status"]) == ("ok", "ok")
    assert course.total([f"{patch}.agents.{kind}" for patch in course.patches for kind in course.product_types])[-1] > 5
    assert len(course.events["hour"]) > 0


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_not_a_number_ends_the_run_or_leaves_no_trace(halfway, name):
    """Each row of each array of the world, and all rows at once, NaN and infinite; infinite arrivals may also be too many."""
    hidden = []
    for row in rows_of(reals(build(halfway.scenario, *ADDRESS).world)[name]):
        for bad in BAD:

            def change(world, row=row, bad=bad):
                living = int(world.cells.count[0])
                reals(world)[name][(row, slice(living)) if name == "cells.real" else row] = bad

            ended = halfway.ended(change)
            course, result = ended
            if course.status != "ok":
                assert result.row == {"status": course.status, "reason": course.reason}
            elif not is_same(ended, halfway.sound):
                hidden.append((row, bad))
    assert hidden == []


@pytest.mark.parametrize("row", [c.X, c.DEATH_LEFT, c.PROGRESS_LEFT, c.FATIGUE])
def test_a_cell_that_is_not_a_number_ends_the_run_at_the_next_record(halfway, row):
    """Nothing recorded shows these numbers, and one bad cell among many moves no sum."""

    def change(world):
        world.cells.real[row, 0] = np.nan

    course, _ = halfway.ended(change)
    assert course.status == "numerical_error"
    assert course.hours[-1] <= 9.0


def graft():
    """Return a transplantation of 40 days."""
    return scenario.loads('name = "graft"\n[transplant]\n[run]\nduration_days = 40').points[0].scenario


@pytest.mark.parametrize("name", OF_TRANSPLANTS)
def test_what_is_not_a_number_ends_a_transplantation_or_leaves_no_trace(monkeypatch, name):
    """Each row of each array, and all of its rows at once; NaN, infinite, and below all numbers."""
    sound = transplant.simulate(graft(), *ADDRESS)
    assert sound.status == "ok"
    hidden = []
    for row in [..., *range(len(reals(build_transplant(graft(), *ADDRESS).patient)[name]))]:
        for bad in (*BAD, -np.inf):

            def planted(*arguments, row=row, bad=bad):
                built = build_transplant(*arguments)
                reals(built.patient)[name][row] = bad
                return built

            monkeypatch.setattr(transplant_run, "build", planted)
            course = transplant.simulate(graft(), *ADDRESS)
            if course.status == "ok" and course.values.tobytes() != sound.values.tobytes():
                hidden.append((row, bad))
    assert hidden == []


def test_the_first_array_that_is_not_finite_is_named(halfway):
    world = build(halfway.scenario, *ADDRESS).world
    assert not_finite(world) == ""
    world.body.pair[0] = np.inf
    assert not_finite(world) == "body.pair"
    world.grid.scratch[0] = np.nan
    assert not_finite(world) == "body.pair"
