"""Every product cell ends in exactly one place: ledgers close, counts are whole, identities are unique."""

import numpy as np
import pytest

from simengine.catalog import load_catalog
from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.outcomes.ledger import LedgerDoesNotClose, close_ledger, scale_of
from simengine.state.body import COMPARTMENTS, FATES
from tests.verification.relations.patients import scenario

PRODUCTS = load_catalog().names("products")
ROUTES = ("intramyocardial", "intracoronary", "intravenous")
DONORS = (
    {"donor__match": "8/8"},
    {"donor__match": "4/8"},
    {"donor__match": "0/8"},
    {"donor__relation": "sibling", "donor__match": "6/8"},
    {"donor__relation": "xenogeneic", "donor__match": "0/8"},
)
CASES = [(product, ROUTES[i % 3], DONORS[(i + i // 3) % 5]) for i, product in enumerate(p for p in PRODUCTS for _ in range(3))]
"""Every product by every route, with the donors in turn."""

CLOSES_TO = 1e-9


def asked(product, route, donor, **more):
    """Two doses, the second to a patient who has met the first, in few voxels and agents of a fifth of a cell."""
    local = {"n_sites": 2, "volume_ml_per_site": 0.1} if route == "intramyocardial" else {}
    doses = [{"route": route, "dose_cells": 60_000_001, "day": day, **local} for day in (0.0, 2.3)]
    return scenario(
        product__name=product,
        delivery=doses,
        patch__shape=[6, 6, 1],
        patch__agent_weight=0.2,
        run__duration_days=6.0,
        output__snapshot_days=[0.1, 3.0, 6.0],
        **donor,
        **more,
    )


def gap(course):
    """Return the largest gap of the ledger over all recorded times, as a fraction of the dose, added up independently.

    Whatever is recorded in the body and in the patches; not the ledger of the outcomes, which checks itself.
    """
    body = [f"body.{name}" for name in (*course.compartments, *FATES) if name != "target" or not course.patches]
    ends = course.total(body)
    came = course["given"].copy()
    for patch in course.patches:
        own = [f"{patch}.cells.{kind}" for kind in course.product_types]
        own += [f"{patch}.lost.{cause}.{kind}" for cause in course.event_names[:-2] for kind in course.product_types]
        ends = ends + (course.total(own) + course[f"{patch}.pending"]) * scale_of(course, patch)
        came = came + course[f"{patch}.births"] * scale_of(course, patch)
    return float(np.max(np.abs(ends - came) / np.maximum(came, 1.0)))


@pytest.mark.parametrize(("product", "route", "donor"), CASES, ids=str)
def test_the_ledger_closes_at_every_recorded_time(product, route, donor):
    """27 scenarios: dose + births = fates + living + waiting, to 1e-9, whoever adds it up."""
    study = asked(product, route, donor)
    course = simulate(study, 1)
    assert course.status == "ok"
    assert course["given"][-1] == 2 * 60_000_001
    assert gap(course) < CLOSES_TO
    assert set(evaluate(study, course).courses) > {"births", "living.lung", "fate.lost_at_delivery"}


@pytest.mark.parametrize("route", ROUTES)
def test_the_ledger_closes_in_a_body_without_patch(route):
    """All counts of the body are whole, and add up exactly."""
    course = simulate(asked("bm_msc", route, {}), 1)
    alone = scenario(delivery=[{"route": route, "dose_cells": 12_345_678}], run__mode="body", run__duration_days=10.0)
    for one in (course, simulate(alone, 1)):
        counts = [one[f"body.{name}"] for name in (*one.compartments, *FATES)]
        assert all(np.array_equal(series, np.floor(series)) and np.min(series) >= 0 for series in counts)
    assert np.array_equal(sum(counts), one["given"])
    assert one["given"][-1] == 12_345_678
    assert set(one.compartments) > set(COMPARTMENTS)


@pytest.mark.parametrize("route", ROUTES)
def test_what_leaves_the_body_for_the_target_arrives_in_the_patch(route):
    """Cells that came into the target, times V_patch / V_zone, are the arrivals of the patch: nothing is made on the way."""
    course = simulate(asked("bm_mnc", route, DONORS[1]), 2)
    patch = course.patches[0]
    arrived = course[f"{patch}.arrived"] * scale_of(course, patch)
    assert np.max(np.abs(arrived - course["body.target"]) / np.maximum(course["body.target"], 1.0)) < CLOSES_TO
    assert course["body.target"][-1] > 100


@pytest.mark.parametrize(("product", "match"), [("ipsc_cm", "0/8"), ("bm_msc", "8/8"), ("cord_blood_cd34", "4/8")])
def test_identities_are_unique_and_fates_follow_lives(product, match):
    """Nobody is there twice; each arrival has at most one death, and who lives at the end has none."""
    course = simulate(asked(product, ROUTES[0], {"donor__match": match}), 3)
    for day in course.snapshots.values():
        assert len(np.unique(day["uid"])) == len(day["uid"])
    assert max(len(day["uid"]) for day in course.snapshots.values()) > 10
    arrival, n_causes = len(course.event_names), len(course.event_names) - 2
    uid, event = course.events["uid"], course.events["event"]
    dead, came = uid[event < n_causes], uid[event == arrival]
    assert len(np.unique(dead)) == len(dead) > 20
    assert len(np.unique(came)) == len(came) > 20
    last = course.snapshots["day_6"]
    own = last["type"] > len(course.host_types)
    assert not set(last["uid"][own].tolist()) & set(dead.tolist())
    born = int(np.sum(event == course.event_names.index("division")))
    assert len(came) + born == len(dead) + int(np.sum(own))


def test_a_ledger_that_does_not_close_is_an_error():
    """One cell made to vanish at the end is found, so that the tests above can fail."""
    course = simulate(asked("bm_msc", ROUTES[0], {}), 1)
    course.values[-1, list(course.columns).index("body.lung")] += 1.0
    with pytest.raises(LedgerDoesNotClose):
        close_ledger(course)
    assert gap(course) > CLOSES_TO


def test_tissue_fractions_add_up_and_nothing_is_negative():
    """F + D + S + V = 1 in every patch at every recorded time; levels, amounts and counts are never negative."""
    course = simulate(asked("ipsc_cm", ROUTES[0], {"donor__match": "0/8"}, patient__sensitised=True), 4)
    for patch in course.patches:
        whole = course.total([f"{patch}.tissue.{name}" for name in ("functional", "injured", "scar", "void")])
        assert np.max(np.abs(whole - 1.0)) < 1e-12
    may_be_negative = ("solute.",)
    low = {name: float(np.min(course[name])) for name in course.columns if not name.startswith(may_be_negative)}
    assert {name: value for name, value in low.items() if value < -1e-9} == {}


@pytest.mark.parametrize("mode", ["auto", "patch", "body"])
@pytest.mark.parametrize("days", [0.01, 0.5, 1.013])
def test_a_run_is_recorded_from_its_start_to_its_end(days, mode):
    """Also where the end falls between two steps: the last record is the first step of the body at or after the end."""
    dose = {"route": "intramyocardial", "dose_cells": 1_000_000}
    course = simulate(scenario(delivery=[dose], run__duration_days=days, run__mode=mode, run__record_every_h=0.2), 1)
    assert course.hours[0] == 0.0
    assert -0.01 < course.hours[-1] - 24.0 * days < 1.0
    assert np.all(np.diff(course.hours) > 0.0)
