"""What holds in every run: conservation, bounds, whole numbers; and the limits of nothing: no dose, no time."""

from __future__ import annotations

import numpy as np
import pytest

from simengine import scenario
from simengine.engine import simulate
from simengine.outcomes.ledger import close_ledger

TEXT = """
name = "limits"
donor.match = "0/8"
patient.sensitised = true
run.duration_days = 6.0
run.record_every_h = 4.0
patch.shape = [10, 10, 1]
patch.spacing_um = 40.0
output.snapshot_days = [1.0, 6.0]
"""
INJECTED = 'delivery = [{ route = "intramyocardial", dose_cells = 50000000, n_sites = 10, volume_ml_per_site = 0.02 }]\n'
TWICE = """
delivery = [{ route = "intravenous", dose_cells = 100000000 }, { route = "intracoronary", dose_cells = 100000000, day = 1.0 }]
drug = [{ name = "tacrolimus" }]
"""
ARMS = {
    "injected": TEXT + INJECTED,
    "infused twice": TEXT + TWICE,
    "cardiomyocytes, always awake": TEXT + INJECTED + 'product.name = "ipsc_cm"\nrun.mode = "patch"\n',
    "half cells": TEXT + INJECTED + "patch.agent_weight = 0.5\n",
    "untreated": TEXT,
}


def first_of(text, **changes):
    """The first point of a scenario."""
    return scenario.loads(text, overrides=changes).points[0].scenario


@pytest.fixture(scope="module", params=list(ARMS))
def course(request):
    """One run of each arm."""
    found = simulate(first_of(ARMS[request.param]), 3)
    assert found.status == "ok"
    return found


def test_ledger_closes_at_every_recorded_time(course):
    """Fates and living add up to dose and births, to 1e-9 of the dose, at all times; dead ends only grow."""
    ledger = close_ledger(course)
    ends = [series for name, series in ledger.items() if name.startswith("fate.")]
    assert len(course.hours) > 20
    assert all((np.diff(series) >= 0.0).all() for series in ends)
    if course["given"][-1] > 0:
        assert sum(series[-1] for series in ends) > 0.1 * course["given"][-1]


def test_tissue_fractions_add_up_to_one(course):
    """F + D + S + V = 1 in every voxel of every snapshot and in the mean at every record, to 1e-12; each within 0 and 1."""
    names = ("functional", "injured", "scar", "void")
    for patch in course.patches:
        total = sum(course[f"{patch}.tissue.{name}"] for name in names)
        assert np.abs(total - 1.0).max() < 1e-12
    for snapshot in course.snapshots.values():
        assert np.abs(sum(snapshot[name] for name in names) - 1.0).max() < 1e-12
        for name in names:
            assert snapshot[name].min() >= 0.0
            assert snapshot[name].max() <= 1.0


def test_nothing_is_negative(course):
    """Every recorded number but the clocks of adverse events, every field and every weight is at least 0."""
    assert np.isfinite(course.values).all()
    for name in course.columns:
        if not name.endswith("_left"):
            assert course[name].min() >= 0.0, name
    for snapshot in course.snapshots.values():
        for name in ("weight", "radius_um", *(key for key in snapshot if key.startswith("field_"))):
            assert np.all(snapshot[name] >= 0.0), name
    assert course.tally.min() >= 0.0


def test_cells_are_counted_in_whole_numbers(course):
    """Compartments, fates, pools and agents are integers; what left and what came in the body is exactly the dose."""
    whole = [name for name in course.columns if name.startswith(("body.", "pool.")) or ".agents." in name]
    assert len(whole) > 40
    for name in [*whole, "given"]:
        assert (course[name] == np.round(course[name])).all(), name
    total = course.total([name for name in course.columns if name.startswith("body.")])
    assert (total == course["given"]).all()


def test_cells_stay_within_their_patch_and_have_one_identity(course):
    """In every snapshot each position lies in its box, and no two cells share an identity."""
    for snapshot in course.snapshots.values():
        for axis, length in zip("xyz", snapshot["shape"], strict=True):
            assert snapshot[f"{axis}_um"].min() >= 0.0
            assert snapshot[f"{axis}_um"].max() <= length * snapshot["spacing_um"]
        assert len(np.unique(snapshot["uid"])) == len(snapshot["uid"]) > 0


def test_every_product_cell_has_at_most_one_fate_and_dies_after_it_came(course):
    """In the log, each identity dies at most once, not before it came, and never more cells die than came and were born."""
    events, division = course.events, course.event_names.index("division")
    died, came = events["event"] < division, events["event"] == len(course.event_names)
    assert len(np.unique(events["uid"][died])) == died.sum()
    assert len(np.unique(events["uid"][came])) == came.sum()
    first = dict(zip(events["uid"][came], events["hour"][came], strict=True))
    assert all(hour >= first.get(uid, 0.0) for uid, hour in zip(events["uid"][died], events["hour"][died], strict=True))
    assert died.sum() <= came.sum() + (events["event"] == division).sum()
    assert (events["hour"] <= course.hours[-1] + 1e-9).all()


@pytest.mark.parametrize("route", ["intravenous", "intramyocardial"])
def test_a_dose_of_no_cells_is_no_therapy(route):
    """M6: the arm with a dose of 0 equals the arm without therapy, exactly, in every recorded number that both have."""
    empty = simulate(
        first_of(TEXT + f'delivery = [{{ route = "{route}", dose_cells = 0, day = 1.0 }}]\npatch.layout = "single"'), 4
    )
    control = simulate(first_of(TEXT + 'patch.layout = "single"'), 4)
    shared = [name for name in control.columns if name in empty.columns]
    assert len(shared) > 150
    assert [name for name in shared if not np.array_equal(control[name], empty[name])] == []
    assert control["lesion.agents.macrophage"].std() > 0.0


@pytest.mark.parametrize("mode", ["auto", "patch", "body"])
@pytest.mark.parametrize("days", [0.01, 0.04, 0.45, 1.03])
def test_a_run_is_recorded_at_its_end_however_short(days, mode):
    """M26: horizons of 14 and 58 min, and such as are no multiple of any step, are recorded at or up to an hour after them.

    Nothing is logged after the last record. Detects runs that step over their end and leave no record of it.
    """
    text = f'name = "short"\npatch.shape = [4, 4, 1]\nrun.record_every_h = 0.2\n{INJECTED}'
    course = simulate(first_of(text, **{"run.duration_days": days, "run.mode": mode}), 1)
    assert course.status == "ok"
    assert course.hours[0] == 0.0
    assert 24.0 * days - 0.5 / 60.0 <= course.hours[-1] <= 24.0 * days + 1.0
    assert (course.events["hour"] <= course.hours[-1] + 1e-9).all()


def test_many_cells_may_arrive_at_once():
    """A bolus of 40,000 agents in the first hour ends in agents and a full log, not in a lack of columns.

    ``run.max_agents`` is 200,000. Detects room that is made between steps alone, for as many as were there before.
    """
    text = """
name = "bolus"
patch.shape = [20, 20, 5]
product.viability = 1.0
mechanisms = { motility = false, growth = false }
run.duration_days = 0.1
run.record_every_h = 1.0
[[delivery]]
route = "intramyocardial"
dose_cells = 1.5e8
n_sites = 1
volume_ml_per_site = 0.01
duration_min = 0.1
"""
    course = simulate(first_of(text), 1)
    assert course.status == "ok", course.reason
    arrived = (course.events["event"] == len(course.event_names)).sum()
    assert arrived == np.floor(course["deposit.arrived"][-1])
    assert 30_000 < arrived < 60_000
