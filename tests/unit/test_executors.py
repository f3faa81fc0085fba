"""The same rows whoever does the runs; a run that takes its worker along is tried three times and set apart."""

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import active_children, get_context
from types import SimpleNamespace

import pytest
from distributed import LocalCluster

from simengine.api import open_results, sweep
from simengine.scenario import loads
from simengine.studies.design import RequestError
from simengine.studies.execute import Stopped
from simengine.studies.executors import foreign
from simengine.studies.executors.foreign import local_cluster
from simengine.studies.executors.local import STARTS, NotBegun, ProcessWorker
from simengine.studies.files import ResultsError
from tests.toy import deadly_run, long_design, run_toy, slow_run, toy_design, toy_run

KEYS = toy_design().keys
PROCESSES = ("processes", "dask")


def pids(results):
    return {worker.split()[1] for session in results.manifest["sessions"] for worker in session["workers"]}


@pytest.mark.parametrize("executor", ["serial", "threads", "processes", "dask"])
def test_the_executor_changes_no_bit(tmp_path, long_hash, executor):
    run_toy(tmp_path, long_design(), partial(slow_run, 0.003), executor=executor, jobs=2, batch=5)
    results = open_results(tmp_path)
    assert len(results.table) == len(long_design())
    assert results.hash == long_hash
    session = results.manifest["sessions"][0]
    assert session["executor"] == executor
    assert session["workers_that_worked"] == (1 if executor == "serial" else 2)
    ours = str(os.getpid())
    assert (len(pids(results) - {ours}) >= 2) if executor in PROCESSES else (pids(results) == {ours})


def test_whatever_has_a_submit_does_the_runs(tmp_path, long_hash):
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for name, pool in {"threads": threads, "processes": processes}.items():
            run_toy(tmp_path / name, long_design(), executor=pool)
            assert open_results(tmp_path / name).hash == long_hash
            assert pool.submit(abs, -1).result() == 1


def test_a_cluster_object_its_client_and_its_address_do_the_runs(tmp_path, long_hash):
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, cluster.get_client() as client:
        for name, place in {"cluster": cluster, "client": client, "address": cluster.scheduler_address}.items():
            run_toy(tmp_path / name, long_design(), executor=place)
            assert open_results(tmp_path / name).hash == long_hash
            assert len(pids(open_results(tmp_path / name))) == 2


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("thread", "executor: got 'thread', expected .*threads"),
        (7, "executor: got 7, expected a name"),
        ("tcp://127.0.0.1:9", "no scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_what_cannot_do_runs_is_refused(tmp_path, monkeypatch, wanted, message):
    monkeypatch.setattr("simengine.studies.executors.foreign.CONNECT_S", 1)
    with pytest.raises(RequestError, match=message):
        run_toy(tmp_path, executor=wanted)


def test_a_runner_that_cannot_be_sent_is_an_error_at_once(tmp_path):
    with pytest.raises(Exception, match="local object"):
        run_toy(tmp_path, runner=lambda *address: toy_run(*address), executor="processes", jobs=1)


@pytest.mark.parametrize(
    ("executor", "kind", "limit_s", "status"),
    [
        ("processes", "killed", None, "worker_lost"),
        ("processes", "crash", None, "worker_lost"),
        ("processes", "hangs", 0.1, "worker_lost"),
        ("processes", "loops", 0.1, "time_exceeded"),
        ("processes", "memory", None, "failed"),
        ("dask", "killed", None, "worker_lost"),
        ("threads", "loops", 0.1, "time_exceeded"),
        ("serial", "loops", 0.1, "time_exceeded"),
    ],
)
def test_a_run_that_never_answers_is_set_apart_and_the_others_go_on(tmp_path, executor, kind, limit_s, status):
    run_toy(tmp_path, runner=partial(deadly_run, kind), executor=executor, jobs=2, run_limit_s=limit_s)
    results = open_results(tmp_path)
    bad = results.table[results.table["status"] != "ok"]
    assert len(results.table) == len(KEYS)
    assert bad[["arm", "patient", "replicate", "status"]].to_numpy().tolist() == [["dose 1", 2, 3, status]]
    reasons = {"worker_lost": "3 times", "time_exceeded": "took longer than 0.1 s", "failed": "Error: Unable to allocate"}
    assert reasons[status] in bad["reason"].item()
    lost = results.manifest["sessions"][0]["workers_lost"]
    assert lost >= 3 if status == "worker_lost" else lost == 0
    summary = results.summary(["change_points"]).set_index("arm")
    assert summary.loc["dose 1", ["n", "excluded"]].tolist() == [11, 1]


@pytest.mark.parametrize("status", ["failed", "time_exceeded", "numerical_error", "capacity_exceeded"])
def test_what_may_be_an_accident_is_tried_three_times_and_what_is_not_once(tmp_path, status):
    seen = []

    def unlucky(scenario, seed, patient, replicate):
        seen.append((scenario.dose, patient, replicate))
        if seen[-1] == (1.0, 0, 0):
            error = ValueError("on purpose")
            error.status = status
            raise error
        return toy_run(scenario, seed, patient, replicate)

    run_toy(tmp_path, runner=unlucky, executor="serial")
    assert seen.count((1.0, 0, 0)) == (3 if status in ("failed", "time_exceeded") else 1)
    assert len(seen) == len(KEYS) + seen.count((1.0, 0, 0)) - 1
    assert open_results(tmp_path).manifest["counts"] == {"ok": len(KEYS) - 1, status: 1}


def test_an_accident_that_passes_leaves_no_trace(tmp_path):
    seen = []

    def unlucky(*address):
        seen.append(address[2:])
        if seen.count(address[2:]) < 3:
            raise OSError("the network is down")
        return toy_run(*address)

    run_toy(tmp_path / "unlucky", runner=unlucky, executor="serial")
    run_toy(tmp_path / "well", executor="serial")
    assert open_results(tmp_path / "unlucky").hash == open_results(tmp_path / "well").hash


@pytest.mark.parametrize("kills", [6, 1000])
def test_a_worker_that_is_killed_while_it_starts_is_held_against_no_run(tmp_path, monkeypatch, kills):
    """Detects a run that is set apart because machines are so busy that workers die before they begin."""
    begin, begun = ProcessWorker.__init__, []

    def unlucky(worker):
        begun.append(worker)
        if len(begun) <= kills:
            raise NotBegun("killed before it began")
        begin(worker)

    monkeypatch.setattr(ProcessWorker, "__init__", unlucky)
    if kills > STARTS:
        with pytest.raises(ResultsError, match=f"no worker begins: killed before it began, {STARTS} times in a row"):
            run_toy(tmp_path, executor="processes", jobs=1)
        assert open_results(tmp_path).manifest["status"] == "stopped"
    else:
        run_toy(tmp_path, executor="processes", jobs=1)
        assert open_results(tmp_path).manifest["counts"] == {"ok": len(KEYS)}


def test_a_limit_that_no_run_meets_changes_no_bit(tmp_path, long_hash):
    run_toy(tmp_path, long_design(), executor="processes", jobs=2, run_limit_s=60.0)
    assert open_results(tmp_path).hash == long_hash


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("nan")])
def test_a_limit_of_nothing_is_refused(tmp_path, limit_s):
    with pytest.raises(RequestError, match="run_limit_s"):
        run_toy(tmp_path, run_limit_s=limit_s)


def test_a_run_of_the_engine_is_stopped_between_blocks(tmp_path):
    study = loads('name = "long"\nreplicates = 1\nrun = { duration_days = 3000.0, mode = "patch" }')
    results = sweep(study, out=tmp_path, run_limit_s=0.5)
    assert results.table[["status", "reason"]].to_numpy().tolist() == [
        ["time_exceeded", "TimeExceeded: took longer than 0.5 s"]
    ]


def test_a_cluster_that_goes_away_costs_nothing_that_was_finished(tmp_path, long_hash):
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")

    def pull_the_plug(progress):
        if progress.done > 20:
            cluster.close()

    with pytest.raises((ResultsError, Stopped), match="the cluster that did the runs is gone"):
        run_toy(tmp_path, long_design(), partial(slow_run, 0.01), executor=cluster, batch=5, progress=pull_the_plug)
    found = open_results(tmp_path)
    assert 20 < len(found.table) < len(long_design())
    assert found.manifest["status"] == "stopped"
    run_toy(tmp_path, long_design())
    assert open_results(tmp_path).hash == long_hash


def deaf():
    """A worker that is just being started: nobody can ask it to end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    time.sleep(600)


def test_no_worker_outlives_a_cluster_of_our_own_and_those_of_others_live():
    """Also one that the cluster knows no more, or not yet: this process could not end before it."""
    began = [get_context("spawn").Process(target=deaf, name="Dask Worker process (from Nanny)") for _ in range(2)]
    began[0].start()
    cluster = local_cluster(1)
    began[1].start()
    cluster.close()
    try:
        assert [worker.is_alive() for worker in began] == [True, False]
        assert [child for child in active_children() if "Dask" in child.name] == began[:1]
    finally:
        for worker in began:
            worker.kill()
            worker.join()


class Deserted:
    """A client whose cluster has no workers left."""

    status = "running"

    def nthreads(self):
        """Return the threads of each worker."""
        return {}


def test_a_cluster_of_our_own_that_lost_all_workers_for_good_is_gone(monkeypatch):
    """A cluster of somebody else may be waiting for machines."""
    monkeypatch.setattr(foreign, "COUNT_AGAIN_S", -1.0)
    empty = SimpleNamespace(workers={}, scale=lambda n: None)
    ours, theirs = (foreign.Cluster(Deserted(), owned) for owned in ((None, empty), (None,)))
    assert (ours.workers, theirs.workers) == (1, 1)
    monkeypatch.setattr(foreign, "DESERTED_S", -1.0)
    assert theirs.workers == 1
    with pytest.raises(ResultsError, match="is gone"):
        assert ours.workers == 0


def test_a_worker_of_our_own_whose_keeper_gave_up_is_started_anew(monkeypatch):
    """A keeper does so when its worker is killed while it starts; Dask would leave it at that."""
    monkeypatch.setattr(foreign, "COUNT_AGAIN_S", 0.2)
    cluster = local_cluster(1)
    try:
        before, keepers = set(cluster.client.nthreads()), cluster._owned[1].workers
        cluster._owned[1].sync(next(iter(keepers.values())).close)
        deadline = time.monotonic() + 60
        while not set(cluster.client.nthreads()) - before:
            assert cluster.workers == 1
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        cluster.close()
    assert len(before) == 1


def test_a_batch_is_cut_where_runs_become_slow(tmp_path):
    def slower(scenario, seed, patient, replicate):
        time.sleep(0.4 if scenario.dose == 2.0 and patient == 2 else 0.0)
        return toy_run(scenario, seed, patient, replicate)

    seen = []
    run_toy(tmp_path, runner=slower, executor="serial", batch=1000, progress=lambda progress: seen.append(progress.done))
    assert seen == [0, 35, 36]


class OtherModel(ThreadPoolExecutor):
    """A cluster on which another version is installed."""

    def submit(self, function, *arguments):
        """Do a call and answer as the other version."""
        return super().submit(lambda: replace(function(*arguments), model="another"))


def test_workers_with_another_version_of_the_model_are_refused(tmp_path):
    with OtherModel(1) as pool, pytest.raises(ResultsError, match="has another version of the model"):
        run_toy(tmp_path, executor=pool)
    assert len(open_results(tmp_path).table) == 0
