"""What a study will cost: the arithmetic on a probe, the runs that a probe chooses, and rows like those of a study."""

import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from simengine.scenario.model import Output
from simengine.studies import parts, shards
from simengine.studies.design import RequestError
from simengine.studies.estimate import ADDRESS_BYTES, PART_ENTRY_BYTES, READING_BYTES, Estimate, estimate
from simengine.studies.likely import likely_rows
from simengine.studies.memory import peak_mb
from simengine.studies.probe import Found, _order, spread
from simengine.studies.runs import Task, attempt
from tests.toy import toy_design, toy_run, toy_study

FOUND = Found(
    runs=3,
    failed=0,
    start_s=2.0,
    end_s=1.0,
    seconds_a_run=0.1,
    loaded_mb=300.0,
    run_mb=50.0,
    writing_mb=40.0,
    row_mb=0.1,
    part_runs=40,
    part_bytes=60_000.0,
    row_bytes=1000.0,
    columns=10,
    snapshot_bytes=5000.0,
    manifest_bytes=7000.0,
)


def rows_of(design, keys=None):
    """The runs of a toy design, all or some."""
    return [attempt(Task(toy_run, design.seed), design.point[key.point], key) for key in (keys or design.keys)]


def deadly(scenario, seed, patient, replicate):
    """Ends its process."""
    os._exit(1)


def test_memory_is_counted_by_thread_and_by_process():
    cost = Estimate(runs=100, left=100, jobs=4, found=FOUND)
    rows = 100 * ADDRESS_BYTES / 1e6 + 40 * 0.1
    assert cost.memory.total_mb == 340.0 + rows + 4 * 50.0
    for place in ("processes", "dask"):
        assert replace(cost, place=place).memory.total_mb == 340.0 + rows + 4 * 350.0
    elsewhere = replace(cost, place="tcp://host:1").memory
    assert (elsewhere.total_mb, elsewhere.worker_mb) == (340.0 + rows, 350.0)
    assert replace(cost, place="serial").memory.workers == 1
    assert replace(cost, left=3).memory.workers == 3


def test_in_the_end_the_whole_table_is_in_memory():
    cost = Estimate(runs=1_000_000, left=0, jobs=1, found=FOUND)
    assert cost.memory.rows_mb == ADDRESS_BYTES + 10 * READING_BYTES


def test_disk_is_that_of_all_parts_snapshots_and_the_manifest():
    cost = Estimate(runs=100, left=20, jobs=4, snapshot_runs=6, found=FOUND)
    assert cost.parts == 3
    assert cost.disk_bytes == 100 * 1000 + 3 * 20_000 + 6 * 5000 + 7000 + 2 * PART_ENTRY_BYTES


def test_time_is_that_of_runs_start_and_end():
    cost = Estimate(runs=100, left=40, jobs=4, found=FOUND)
    assert cost.seconds == pytest.approx(2 + 40 * 0.1 / 4 + 1)
    assert cost.cpu_seconds == pytest.approx(2 + 40 * 0.1 + 1)
    apart = replace(cost, place="processes")
    assert apart.seconds == pytest.approx(2 * 2 + 40 * 0.1 / 4 + 1)
    assert apart.cpu_seconds == pytest.approx(5 * 2 + 40 * 0.1 + 1)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 100])
def test_an_order_that_is_spread_has_every_place_once_and_the_ends_first(n):
    order = list(spread(n))
    assert sorted(order) == list(range(n))
    assert order[:2] == [0, n - 1][:n]


def test_a_probe_meets_each_arm_before_it_meets_one_again_and_stays_in_its_share():
    design = toy_design()
    assert sorted(_order(design)) == design.keys
    assert {key.point for key in islice(_order(design), 3)} == {0, 1, 2}
    share = shards.share(design, "2/5")
    assert sorted(_order(share)) == share.keys


def test_a_probe_is_done_in_a_process_that_has_done_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = np.ones(40_000_000)
    cost = estimate(toy_design(), toy_run, 2)
    assert 20.0 < cost.probed.loaded_mb < peak_mb() - held.nbytes / 2e6
    assert cost.probed.runs == cost.runs == 36
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RequestError, match="--quick"):
        estimate(toy_design(), deadly, 1)


def test_a_likely_row_is_the_run_where_it_was_done_and_else_one_like_it():
    design = toy_design(replicates=50)
    done = rows_of(design, design.keys[::60])
    rows = likely_rows(design, done, design.keys)
    assert [row.key for row in rows] == design.keys
    assert {row.key for row in done} <= {row.key for row in rows if row in done}
    made = [row for row in rows if row.key not in {run.key for run in done}]
    assert len(made) > 400
    assert len({row.row["change_points"] for row in made}) == len(made)
    assert {row.arm for row in made} == {"dose 0", "dose 1", "dose 2"}
    assert all(np.array_equal(row.courses["time_h"], np.arange(0.0, 25.0, 6.0)) for row in made)


def test_snapshots_are_in_the_rows_that_keep_them():
    points = tuple(replace(p, scenario=replace(p.scenario, output=Output(snapshot_replicates=2))) for p in toy_study().points)
    design = toy_design()
    design = replace(design, points=points)
    rows = likely_rows(design, rows_of(design, design.keys[:1]), design.keys)
    assert {row.key.replicate for row in rows if row.snapshots} == {0, 1}


def test_a_part_of_likely_rows_has_the_size_of_a_part():
    """Six of 600 runs stand for all of them: the part is within 10 % of the true one."""
    design = toy_design(replicates=50, patients=4)
    true = len(parts.encode(rows_of(design), design.swept, "", {}))
    done = rows_of(design, list(islice(_order(design), 6)))
    likely = len(parts.encode(likely_rows(design, done, design.keys), design.swept, "", {}))
    assert abs(likely / true - 1.0) < 0.10
