"""What is added, watched or switched off changes nobody else: same dice, same fates.

All comparisons are of bits unless a test says otherwise.
"""

import numpy as np
import pytest

from simengine.engine import simulate
from simengine.mechanisms import MECHANISMS
from simengine.outcomes import evaluate
from simengine.scenario import loads
from tests.verification.relations.interference import (
    PRODUCT,
    QUIET,
    at_common_hours,
    beside_the_books,
    dividing,
    fates,
    idle,
    mute,
)
from tests.verification.relations.patients import DENSE, differing, digest, scenario

BUSY = {
    "product__name": "ipsc_cm",
    "donor__match": "0/8",
    "patient__sensitised": True,
    "delivery": [DENSE],
    "drug": [{"name": "tacrolimus"}],
    "run__duration_days": 3.0,
    "output__snapshot_days": [3.0],
}


def test_keeping_events_changes_nothing_else():
    kept, dropped = (simulate(scenario(**BUSY, output__events=on), 3) for on in (True, False))
    assert len(kept.events["uid"]) > 30
    assert len(dropped.events["uid"]) == 0
    assert [name for name in differing(kept, dropped) if not name.startswith("events.")] == []


def test_keeping_courses_changes_nothing_else():
    with_courses, without = (scenario(**BUSY, output__courses=on) for on in (True, False))
    first, second = simulate(with_courses, 3), simulate(without, 3)
    assert digest(first) == digest(second)
    rich, poor = evaluate(with_courses, first), evaluate(without, second)
    assert repr(rich.row) == repr(poor.row)
    assert rich.events == poor.events
    assert len(rich.courses) > 20
    assert list(poor.courses) == ["time_h"]


@pytest.mark.parametrize("delivery", [[], [DENSE]], ids=["untreated", "treated"])
@pytest.mark.parametrize("changed", [{"output__snapshot_days": [2.5417, 5.0]}, {"run__record_every_h": 1.0}], ids=str)
def test_looking_more_often_changes_nothing(delivery, changed):
    """Snapshots at an odd hour, and records each hour, in a lesion that sleeps and in one that is awake.

    Detects steps of a sleeping patch that are cut short where something is recorded.
    """
    asked = {"delivery": delivery, "run__duration_days": 6.0, "patch__shape": [20, 20, 3]}
    assert at_common_hours(simulate(scenario(**asked), 2), simulate(scenario(**asked, **changed), 2)) == []


@pytest.mark.parametrize("replicate", range(5))
def test_one_more_agent_changes_no_fate_in_a_quiet_tissue(replicate):
    """Without contacts, signals and eating, host cells and cells that both doses brought live and die as before.

    The dose is raised by about one agent's worth. Detects dice that hang on the number of cells or on their columns,
    also those of a second division.
    """
    asked = {"run__duration_days": 4.0, "output__snapshot_days": [4.0], **QUIET}
    per_agent = DENSE["dose_cells"] / 30
    more = {**DENSE, "dose_cells": int(DENSE["dose_cells"] + 1.5 * per_agent)}
    first = simulate(scenario(**asked, delivery=[DENSE]), 4, 0, replicate, catalog=dividing())
    second = simulate(scenario(**asked, delivery=[more]), 4, 0, replicate, catalog=dividing())
    a, b = fates(first), fates(second)
    shared = set(a) & set(b)
    assert set(a) != set(b)
    assert sum(len(events) > 3 for events in a.values()) > 5
    assert len(shared) > 0.7 * len(a)
    assert [uid for uid in shared if a[uid] != b[uid]] == []
    hosts = range(1, 1 + len(first.host_types))
    assert first.tally[:, :, :, hosts].tobytes() == second.tally[:, :, :, hosts].tobytes()
    for name in ("uid", "x_um", "y_um", "z_um"):
        kept = [course.snapshots["day_4"] for course in (first, second)]
        assert np.array_equal(*(snap[name][np.isin(snap["type"], hosts)] for snap in kept)), name


@pytest.mark.parametrize("dose_cells", [0, 1_000_000_000])
@pytest.mark.parametrize("replicate", range(3))
def test_a_dose_that_nobody_feels_changes_no_host_cell(replicate, dose_cells):
    """Mute cells that nobody touches: host cells come, live and go exactly as without therapy.

    Detects host dice that hang on the length of steps, which are short near a dose.
    """
    quiet = {name: on for name, on in QUIET.items() if "secretion" not in name}
    asked = {"run__duration_days": 4.0, "run__mode": "patch", "patch__shape": [20, 20, 2], "patch__agent_weight": 0.1, **quiet}
    dose = {"route": "intracoronary", "dose_cells": dose_cells}
    treated = simulate(scenario(**asked, delivery=[dose]), 4, 0, replicate, catalog=mute())
    control = simulate(scenario(**asked), 4, 0, replicate, catalog=mute())
    for kind in control.host_types:
        assert treated[f"lesion.cells.{kind}"].tobytes() == control[f"lesion.cells.{kind}"].tobytes(), kind
    hosts = control.total([f"lesion.cells.{kind}" for kind in control.host_types])
    assert np.ptp(hosts) >= 2.0
    grafted = np.max(treated.total([f"lesion.agents.{kind}" for kind in treated.product_types]))
    assert grafted > 5.0 if dose_cells else grafted == 0.0


def test_an_arm_with_dose_zero_is_an_arm_without_therapy():
    """Every number that both record agrees, with all mechanisms on and the patch awake in both."""
    asked = {"run__duration_days": 6.0, "run__mode": "patch", "patient__sensitised": True, "patch__shape": [20, 20, 2]}
    nothing = simulate(scenario(**asked, delivery=[{"route": "intravenous", "dose_cells": 0}]), 4)
    control = simulate(scenario(**asked), 4)
    assert differing(control, nothing) == []
    assert control.tally[1].sum() > 5


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_without_strength_is_a_mechanism_switched_off(mechanism):
    """Cells, tissue, fields, body and events agree; only the book-keeping of the idle mechanism itself may differ.

    Switched off must also differ from switched on: else nothing was tested.
    """
    asked = {**BUSY, "delivery": [{**DENSE, "dose_cells": 400_000_000}], "product__name": PRODUCT.get(mechanism, "ipsc_cm")}
    on = scenario(**asked)
    off = simulate(scenario(**asked, **{f"mechanisms__{mechanism}": False}), 6)
    weak = simulate(on, 6, catalog=idle(mechanism))
    assert beside_the_books(mechanism, off, weak) == []
    assert beside_the_books(mechanism, off, simulate(on, 6)) != []


ARMS = """
name = "arms"
patch.shape = [10, 10, 1]
run.duration_days = 1.0
delivery = [{ route = "intramyocardial", dose_cells = 100000000, n_sites = 2, volume_ml_per_site = 0.2 }]
[[arm]]
name = "matched"
[[arm]]
name = "unmatched"
set = { "donor.match" = "0/8" }
"""


def test_a_further_arm_changes_nobody():
    two = loads(ARMS).points
    three = loads(ARMS + '[[arm]]\nname = "between"\nset = { "donor.match" = "4/8" }\n').points
    assert (len(two), len(three)) == (2, 3)
    for before, after in zip(two, three):
        assert before.label == after.label
        assert before.scenario.hash == after.scenario.hash
        assert digest(simulate(before.scenario, 1)) == digest(simulate(after.scenario, 1))


def test_a_replicate_alone_is_the_replicate_of_a_loop():
    """Detects anything that one run leaves behind for the next in the same process."""
    asked = scenario(**BUSY)
    alone = digest(simulate(asked, 1, 0, 3))
    assert [digest(simulate(asked, 1, 0, replicate)) for replicate in range(5)][3] == alone


def test_seeds_patients_and_replicates_are_different_runs():
    """Neighbouring addresses share neither a bit of the course nor the identity of any cell."""
    asked = scenario(**BUSY)
    courses = [simulate(asked, *address) for address in ((1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (2, 1, 1))]
    assert len({digest(course) for course in courses}) == len(courses)
    identities = [uid for course in courses for uid in np.unique(course.events["uid"]).tolist()]
    assert len(identities) == len(set(identities)) > 150
    traits = [course.traits["lesion_fraction"] for course in courses]
    assert len(set(traits)) == len(traits)


def test_patients_keep_their_traits_over_replicates_if_asked():
    """``per_patient``: replicates share what was drawn for the patient, and no event."""
    asked = scenario(**BUSY, patient__vary="per_patient")
    first, second, other = (simulate(asked, 1, *address) for address in ((0, 0), (0, 1), (1, 0)))
    assert first.traits == second.traits != other.traits
    assert not set(first.events["uid"].tolist()) & set(second.events["uid"].tolist())
