"""One result: the bits of a study do not depend on how, in what company or on which processor it was computed.

Each comparison is of the SHA-256 over the whole table, every float bit of outcomes, courses, events and snapshots.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine import scenario

ROOT = Path(simengine.__file__).parents[1]

TEXT = """
name = "one_result"
seed = 11
replicates = 4
delivery = [{ route = "intramyocardial", dose_cells = 20000000, n_sites = 10, volume_ml_per_site = 0.2 }]
run.duration_days = 3.0
run.record_every_h = 6.0
patch.shape = [12, 12, 2]
patch.agent_weight = 0.2
output.snapshot_days = [1.0, 3.0]
output.snapshot_replicates = 1000
arm = [
  { name = "matched", set = { "donor.match" = "8/8" } },
  { name = "unmatched", set = { "donor.match" = "0/8", "patient.sensitised" = true, "product.viability" = 0.6 } },
]
"""


def study(**changes):
    """The small study, with some values changed."""
    return scenario.loads(TEXT, overrides=changes)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The study on one thread, run by run."""
    return simengine.run(study(), jobs=1, batch=1, out=tmp_path_factory.mktemp("reference") / "out")


def same_bits(first, second):
    """Whether two numbers, or two arrays, agree to the last bit; any NaN agrees with any other."""
    a, b = (np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in (first, second))
    return a.shape == b.shape and bool(np.all((a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))))


def test_the_study_has_something_to_disagree_about(reference):
    """Cells live, die and move; replicates and arms differ, so that equal hashes mean something."""
    table = reference.table
    assert set(table["status"]) == {"ok"}
    assert table["retained_living_1h"].nunique() == len(table)
    assert table["lvef_final_percent"].nunique() == len(table)
    assert table["n_agents_peak"].median() > 20
    assert len(reference.snapshots()) == 2 * len(table)


def test_an_arm_alone_gives_its_rows_of_the_study(reference, tmp_path):
    alone = simengine.run(study(), "unmatched", out=tmp_path / "out").table
    within = reference.table[reference.table["arm"] == "unmatched"].reset_index(drop=True)
    assert alone.columns.tolist() == within.columns.tolist()
    for name in alone.select_dtypes("number"):
        assert same_bits(alone[name], within[name]), name


def test_more_replicates_leave_the_first_ones_as_they_were(reference, tmp_path):
    more = simengine.run(study(), replicates=6, out=tmp_path / "out").table
    shared = more[more["replicate"] < 4].reset_index(drop=True)
    assert [n for n in shared.select_dtypes("number") if not same_bits(shared[n], reference.table[n])] == []


@pytest.mark.parametrize("ticks", [1, 13, 10**6])
def test_the_size_of_blocks_changes_no_bit(reference, tmp_path, monkeypatch, ticks):
    """Blocks from a single base tick to the whole run; their size is otherwise set by the clock on the wall."""
    monkeypatch.setattr("simengine.engine.run._FIRST_BLOCK_TICKS", ticks)
    monkeypatch.setattr("simengine.engine.run.BLOCK_S", 1e-9 if ticks < 10**6 else 1e9)
    assert simengine.run(study(), out=tmp_path / "out").hash == reference.hash


def test_a_snapshot_more_or_less_changes_nothing_else(reference, tmp_path):
    changes = {"output.snapshot_days": []}
    without = simengine.run(study(**changes), out=tmp_path / "out")
    assert without.snapshots() == []
    for point in (0, 1):
        for name in reference.course_names():
            assert same_bits(without.course(point, name)[1], reference.course(point, name)[1]), name


FRESH = """
import sys, simengine
from simengine import scenario
results = simengine.run(scenario.loads(sys.stdin.read()), jobs=2, out=sys.argv[1])
print(results.hash)
"""


def test_the_plainest_processor_gives_the_same_bits(reference, tmp_path):
    """Compiled for a processor without vector units and fused multiply-add."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "out")],
        input=TEXT,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"NUMBA_CPU_NAME": "generic"},
        check=False,
        timeout=850,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == reference.hash
