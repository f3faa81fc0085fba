"""In random patients, what is added, watched or switched off changes nobody else, to the bit.

Six kinds of change; each returns what differs beside it, and whether the change did anything that could be felt.
"""

import numpy as np
import pytest

from simengine.engine import simulate
from simengine.mechanisms import MECHANISMS
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
from tests.verification.studies import exact_rows, results_of

PRODUCTS = ("ipsc_cm", "bm_msc", "cord_msc", "esc_cm")
MATCHES = ("8/8", "4/8", "0/8")


def one_of(dice, values):
    """Return one of some values."""
    return values[int(dice.integers(len(values)))]


def random_patient(dice):
    """Return the changes that make a random patient: cells, donor, dose, drug, tissue, hours."""
    dose = {"route": "intramyocardial", "n_sites": int(dice.integers(1, 4)), "volume_ml_per_site": 0.2}
    doses = [{**dose, "dose_cells": int(dice.integers(30, 300)) * 1_000_000, "day": day} for day in (0, 0.3)]
    return {
        "product__name": one_of(dice, PRODUCTS),
        "donor__match": one_of(dice, MATCHES),
        "patient__sensitised": bool(dice.integers(2)),
        "patient__age_years": int(dice.integers(30, 80)),
        "delivery": doses[: int(dice.integers(1, 3))],
        "drug": [{"name": "tacrolimus"}][: int(dice.integers(2))],
        "patch__shape": [*dice.integers(6, 12, 2).tolist(), 1],
        "run__duration_days": one_of(dice, (0.5, 1.0)),
        "run__record_every_h": one_of(dice, (2.0, 3.0)),
    }


def address(dice):
    """Return a random address of a run."""
    return tuple(dice.integers(0, 1000, 3).tolist())


def an_observer(dice):
    """Records and snapshots at more and odd hours."""
    asked, where = random_patient(dice), address(dice)
    days = sorted({round(float(day), 4) for day in dice.uniform(0.05, asked["run__duration_days"], 2)})
    plain = simulate(scenario(**asked), *where)
    seen = simulate(scenario(**{**asked, "run__record_every_h": 1.0}, output__snapshot_days=days), *where)
    return at_common_hours(plain, seen), len(seen.hours) > len(plain.hours) and len(seen.snapshots) == len(days)


def an_output(dice):
    """Events kept or dropped, with a snapshot or without."""
    asked, where = random_patient(dice), address(dice)
    kept = simulate(scenario(**asked, output__events=True, output__snapshot_days=[0.25]), *where)
    bare = simulate(scenario(**asked, output__events=False), *where)
    wrong = [name for name in differing(kept, bare) if not name.startswith(("events.", "snapshots"))]
    return wrong, len(kept.events["uid"]) > 0 == len(bare.events["uid"])


def an_agent(dice):
    """One or two agents more in a tissue in which no cell can touch, poison or feed another."""
    size = int(dice.integers(50, 300)) * 1_000_000
    asked = {"run__duration_days": 2.0, "patch__shape": [*dice.integers(8, 12, 2).tolist(), 1], **QUIET}
    where, per_agent = address(dice), DENSE["dose_cells"] / 30
    doses = (size, int(size + 1.5 * per_agent))
    one, other = (
        simulate(scenario(**asked, delivery=[{**DENSE, "dose_cells": cells}]), *where, catalog=dividing()) for cells in doses
    )
    a, b = fates(one), fates(other)
    hosts = range(1, 1 + len(one.host_types))
    wrong = [uid for uid in set(a) & set(b) if a[uid] != b[uid]]
    wrong += [] if one.tally[:, :, :, hosts].tobytes() == other.tally[:, :, :, hosts].tobytes() else ["host cells"]
    return wrong, len(set(a) & set(b)) > 0.5 * len(a) > 1 and set(a) != set(b)


def a_dose(dice):
    """A dose that nobody can feel: host cells are those of an untreated patient."""
    quiet = {name: on for name, on in QUIET.items() if "secretion" not in name}
    shape = [*dice.integers(10, 16, 2).tolist(), 1]
    asked = {"run__duration_days": 2.0, "run__mode": "patch", "patch__shape": shape, "patch__agent_weight": 0.1, **quiet}
    dose = {"route": "intracoronary", "dose_cells": int(dice.integers(1, 20)) * 100_000_000}
    where = address(dice)
    treated = simulate(scenario(**asked, delivery=[dose]), *where, catalog=mute())
    control = simulate(scenario(**asked), *where, catalog=mute())
    columns = [f"lesion.cells.{kind}" for kind in control.host_types]
    wrong = [name for name in columns if treated[name].tobytes() != control[name].tobytes()]
    grafted = treated.total([f"lesion.agents.{kind}" for kind in treated.product_types])
    return wrong, np.max(grafted) > 1.0 and np.ptp(control.total(columns)) > 0.0


def a_mechanism(dice):
    """A mechanism without strength, against the same mechanism switched off."""
    mechanism, asked, where = one_of(dice, tuple(MECHANISMS)), random_patient(dice), address(dice)
    asked["product__name"] = PRODUCT.get(mechanism, asked["product__name"])
    on = scenario(**asked)
    off = simulate(scenario(**asked, **{f"mechanisms__{mechanism}": False}), *where)
    wrong = beside_the_books(mechanism, off, simulate(on, *where, catalog=idle(mechanism)))
    return [f"{mechanism}: {name}" for name in wrong], digest(off) != digest(simulate(on, *where))


def an_arm(dice, folder):
    """A further arm of a study: rows of the others, with courses, events and snapshots."""
    million = dice.integers(10, 100)
    text = f"""
name = "arms"
seed = {dice.integers(1000)}
replicates = 2
patch.shape = [6, 6, 1]
run = {{ duration_days = 0.25, record_every_h = 2.0 }}
output.snapshot_days = [0.25]
delivery = [{{ route = "intramyocardial", dose_cells = {million}_000_000, n_sites = 1, volume_ml_per_site = 0.2 }}]
arm = [{{ name = "a", set = {{ "donor.match" = "{one_of(dice, MATCHES)}" }} }}, {{ name = "b" }}%s]
"""
    more = f', {{ name = "c", set = {{ "product.name" = "{one_of(dice, PRODUCTS)}", "patient.age_years" = 71 }} }}'
    two, three = (exact_rows(results_of(loads(text % arm), folder / f"{len(arm)}").path) for arm in ("", more))
    wrong = [key for key, row in two.items() if {name: three[key].get(name) for name in row} != row]
    return wrong, (len(two), len(three)) == (4, 6) and len({str(row) for row in three.values()}) == 6


KINDS = (an_observer, an_output, an_agent, a_dose, a_mechanism, an_arm)


def assert_nobody_else_changes(kind, n, folder):
    """Try a kind of change in n random patients; at least in a half it must have done something that could be felt."""
    felt = 0
    for case in range(n):
        dice = np.random.default_rng([KINDS.index(kind), case])
        wrong, is_felt = kind(dice, folder / str(case)) if kind is an_arm else kind(dice)
        assert wrong == [], case
        felt += is_felt
    assert felt >= n / 2, felt


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_else_changes_in_random_patients(tmp_path, kind):
    """Ten cases of each of six kinds. Detects dice that hang on what else is there, and looking that takes part."""
    assert_nobody_else_changes(kind, 10, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nobody_else_changes_in_five_hundred_random_patients(tmp_path, kind):
    """84 cases of each of six kinds, the ten of the default tier among them."""
    assert_nobody_else_changes(kind, 84, tmp_path)
