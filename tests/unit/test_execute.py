"""Rows depend on the address of a run and on nothing about how it was done; a failed run is a row like any other."""

import itertools
import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from simengine.api import open_results
from simengine.studies.execute import Progress, Stopped
from simengine.studies.executors import available_jobs
from simengine.studies.runs import Task, attempt
from simengine.studies.store import writing
from tests.toy import run_toy, toy_design, toy_run

KEYS = toy_design().keys
ORDERS = {
    "forward": list,
    "reversed": lambda keys: keys[::-1],
    "shuffled": lambda keys: [keys[i] for i in np.random.default_rng(5).permutation(len(keys))],
}


def hasty(*address):
    """Finish out of order: the pause depends on the run and differs from call to call."""
    time.sleep(hash((threading.get_ident(), *address[1:])) % 5 / 1000)
    return toy_run(*address)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    run_toy(folder, jobs=1, batch=1)
    return open_results(folder).hash


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("jobs", "batch"), [*itertools.product((1, 2, 8), (1, 7, None))])
def test_threads_batch_and_order_change_no_bit(tmp_path, reference, jobs, batch, order):
    run_toy(tmp_path, runner=hasty, jobs=jobs, batch=batch, order=ORDERS[order], commit_every_s=0.0)
    results = open_results(tmp_path)
    assert len(results.table) == len(KEYS)
    assert results.hash == reference
    session = results.manifest["sessions"][0]
    assert (session["jobs"], session["batch"]) == (jobs, batch or "auto")
    assert session["workers_that_worked"] >= min(jobs, 2)


def test_every_run_is_given_its_own_address(tmp_path):
    seen = []
    run_toy(tmp_path, runner=lambda s, seed, i, r: seen.append((s.dose, seed, i, r)) or toy_run(s, seed, i, r), jobs=3)
    assert sorted(seen) == sorted((float(key.point), 7, key.patient, key.replicate) for key in KEYS)


def failing(scenario, seed, patient, replicate):
    """One run of each kind of failure among good ones."""
    result = toy_run(scenario, seed, patient, replicate)
    kind = {(0, 0): "raise", (1, 1): "status", (2, 2): "infinite", (2, 3): "course"}.get((patient, replicate))
    if scenario.dose != 1.0 or kind is None:
        return result
    if kind == "raise":
        raise ZeroDivisionError("a rate of\n zero")
    if kind == "status":
        result.row.update(status="capacity_exceeded", reason="more than 9 cells")
    if kind == "infinite":
        result.row["change_points"] = float("inf")
    if kind == "course":
        result.courses["living.muscle"][2] = -np.inf
    return result


def test_failed_runs_are_rows_with_status_and_reason_and_the_others_go_on(tmp_path):
    run_toy(tmp_path, runner=failing, jobs=2)
    results = open_results(tmp_path)
    bad = results.table[results.table["status"] != "ok"]
    assert len(results.table) == len(KEYS)
    assert list(zip(bad["patient"], bad["replicate"], bad["status"], bad["reason"])) == [
        (0, 0, "failed", "ZeroDivisionError: a rate of zero"),
        (1, 1, "capacity_exceeded", "more than 9 cells"),
        (2, 2, "numerical_error", "infinite: change_points"),
        (2, 3, "numerical_error", "infinite: living.muscle"),
    ]
    assert results.manifest["counts"] == {
        "capacity_exceeded": 1,
        "failed": 1,
        "numerical_error": 2,
        "ok": len(KEYS) - 4,
    }
    assert results.course(1, "living.muscle")[1].shape == (8, 5)
    summary = results.summary(["change_points"]).set_index("arm")
    assert summary.loc["dose 1", ["n", "excluded"]].tolist() == [8, 4]
    assert summary.loc["dose 2", ["n", "excluded"]].tolist() == [12, 0]


def test_failures_do_not_depend_on_threads(tmp_path):
    run_toy(tmp_path / "one", runner=failing, jobs=1)
    run_toy(tmp_path / "many", runner=failing, jobs=8, batch=1, order=ORDERS["reversed"])
    assert open_results(tmp_path / "one").hash == open_results(tmp_path / "many").hash


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_saves_what_is_done_and_the_rest_follows_later(tmp_path, reference, signum, code):
    lock, started = threading.Lock(), []

    def interrupted(*address):
        with lock:
            started.append(address)
            if len(started) == 10:
                os.kill(os.getpid(), signum)
        time.sleep(0.01)
        return toy_run(*address)

    with pytest.raises(Stopped) as caught:
        run_toy(tmp_path, runner=interrupted, jobs=2, batch=4)
    assert caught.value.exit_code == code
    partial = open_results(tmp_path)
    assert 8 <= len(partial.table) <= 20
    assert str(caught.value) == f"stopped; {len(partial.table)} of {len(KEYS)} runs are saved, the same command continues"
    assert partial.manifest["status"] == "stopped"
    again = []
    run_toy(tmp_path, runner=lambda *address: again.append(address) or toy_run(*address), jobs=2)
    assert len(again) == len(KEYS) - len(partial.table)
    assert open_results(tmp_path).hash == reference
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_stop_does_not_wait_for_a_run_that_takes_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr("simengine.studies.execute.GRACE_S", 0.2)
    release = threading.Event()

    def endless(scenario, seed, patient, replicate):
        if (scenario.dose, patient, replicate) == (1.0, 0, 0):
            os.kill(os.getpid(), signal.SIGINT)
            release.wait(30)
        return toy_run(scenario, seed, patient, replicate)

    began = time.monotonic()
    with pytest.raises(Stopped):
        run_toy(tmp_path, runner=endless, jobs=1, batch=1)
    release.set()
    assert time.monotonic() - began < 10
    assert len(open_results(tmp_path).table) == 12


def test_progress_counts_up_to_the_end(tmp_path):
    seen: list[Progress] = []
    run_toy(tmp_path, runner=failing, jobs=2, batch=3, progress=seen.append)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[0] == Progress(0, len(KEYS), 0)
    assert seen[-1] == Progress(len(KEYS), len(KEYS), 4)


def test_commits_are_spread_out_so_that_parts_stay_few(tmp_path):
    run_toy(tmp_path, jobs=2, batch=1)
    assert len(open_results(tmp_path).manifest["parts"]) == 1


def test_a_part_is_due_when_it_is_large_or_has_waited(tmp_path, monkeypatch):
    """By runs, by bytes and by time; never when there is nothing to write."""
    from simengine.studies import store as stores

    clock = [0.0]
    monkeypatch.setattr(stores.time, "monotonic", lambda: clock[0])
    record = attempt(Task(toy_run, 7), toy_design().point[0], KEYS[0])
    assert record.nbytes > 1000
    for name, enough in (("PART_RUNS", 3), ("PART_BYTES", 3 * record.nbytes)):
        with writing(tmp_path / name, toy_design(), {}) as store:
            monkeypatch.setattr(stores, name, enough)
            due = []
            for key in KEYS[:5]:
                store.add(replace(record, key=key))
                due.append(store.is_due())
                if due[-1]:
                    store.commit()
            assert due == [False, False, True, False, False]
            monkeypatch.undo()
            monkeypatch.setattr(stores.time, "monotonic", lambda: clock[0])
            clock[0] += 29.9
            assert not store.is_due()
            clock[0] += 0.2
            assert store.is_due()
            store.commit()
            clock[0] += 100.0
            assert not store.is_due()


def test_threads_follow_what_was_asked_then_the_scheduler_then_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert available_jobs() == 6
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert available_jobs() == 4
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "64")
    assert available_jobs() == 6
    assert available_jobs(3) == 3
