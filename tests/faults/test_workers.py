"""Workers that are killed at random, stops and kills of the process that writes: no run is lost, nobody stays behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from simengine.api import open_results
from simengine.studies.execute import Stopped
from simengine.studies.files import ResultsError
from simengine.studies.manifest import NAME
from tests.faults.nursery import WAIT_S, assert_group_ends
from tests.toy import deadly_run, long_design, run_toy, slow_run

TOY = Path(__file__).resolve().parent.parent / "toy.py"
ROOT = TOY.parent.parent
EXECUTORS = ("processes", "dask")


def is_worker(process):
    """Whether a process was started to do runs."""
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False


def killing(rng, mean_s, begun, done, killed):
    """Kill a worker of this process when the first rows have come, and then every now and then until a sweep ends."""
    assert begun.wait(WAIT_S)
    gap_s = 0.0
    while not done.wait(gap_s):
        gap_s = rng.exponential(mean_s)
        workers = [child for child in psutil.Process().children(recursive=True) if is_worker(child)]
        if workers:
            victim = workers[rng.integers(len(workers))]
            killed.append(victim.pid)
            victim.kill()


def storm(folder, executor, pause_s, mean_s, seed):
    """Do a sweep while its workers are killed; return the results and who was killed."""
    begun, done, killed = threading.Event(), threading.Event(), []
    killer = threading.Thread(target=killing, args=(np.random.default_rng(seed), mean_s, begun, done, killed))
    killer.start()
    options = {"executor": executor, "jobs": 2, "batch": 10, "progress": lambda progress: progress.done and begun.set()}
    try:
        run_toy(folder, long_design(), partial(slow_run, pause_s), **options)
    finally:
        begun.set()
        done.set()
        killer.join()
    return open_results(folder), killed


@pytest.mark.parametrize("executor", EXECUTORS)
def test_killed_workers_cost_no_run_and_no_bit(tmp_path, long_hash, executor):
    results, killed = storm(tmp_path, executor, pause_s=0.02, mean_s=1.0, seed=4)
    assert len(results.table) == len(long_design())
    assert results.hash == long_hash
    assert killed
    assert results.manifest["sessions"][0]["workers_lost"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_fifty_sweeps_of_killed_workers_cost_no_run_and_no_bit(tmp_path, long_hash, executor):
    """Kills two seconds apart on average; at least one in two must have struck a worker at work."""
    n_killed = n_lost = 0
    for seed in range(50):
        results, killed = storm(tmp_path / str(seed), executor, pause_s=0.03, mean_s=2.0, seed=seed)
        assert results.hash == long_hash, seed
        n_killed += len(killed)
        n_lost += results.manifest["sessions"][0]["workers_lost"]
    print(f"{executor}: {n_killed} killed, {n_lost} lost at work")
    assert n_lost >= n_killed / 2 >= 25


def start(folder, executor, pause_s="0.02"):
    """Start a sweep in a process group of its own; return it once rows are safe on disk."""
    command = [sys.executable, str(TOY), str(folder), "2", pause_s, executor]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, cwd=ROOT, env=environment
    )
    deadline = time.monotonic() + WAIT_S
    while not ((folder / NAME).exists() and len(open_results(folder).table)):
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return child


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("to_group", [True, False], ids=["group", "alone"])
def test_a_stop_ends_all_workers_and_leaves_whole_results(tmp_path, long_hash, executor, signum, code, to_group):
    child = start(tmp_path, executor)
    (os.killpg if to_group else os.kill)(child.pid, signum)
    _, errors = child.communicate(timeout=WAIT_S)
    assert child.returncode == code, errors.decode()
    assert b"Traceback" not in errors
    assert_group_ends(child.pid)
    found = open_results(tmp_path)
    assert 0 < len(found.table) < len(long_design())
    assert found.manifest["status"] == "stopped"
    assert not list(tmp_path.rglob(".*.tmp"))
    run_toy(tmp_path, long_design())
    assert open_results(tmp_path).hash == long_hash


@pytest.mark.parametrize("executor", EXECUTORS)
def test_workers_end_when_the_process_that_writes_is_killed(tmp_path, long_hash, executor):
    child = start(tmp_path, executor)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(WAIT_S)
    child.stderr.close()
    assert_group_ends(child.pid)
    run_toy(tmp_path, long_design(), executor=executor, jobs=2)
    assert open_results(tmp_path).hash == long_hash


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_stop_waits_for_no_run_that_takes_minutes(tmp_path, executor):
    """The promise is five seconds; a run here takes ten minutes."""
    child = start(tmp_path, executor)
    os.kill(child.pid, signal.SIGTERM)
    child.communicate(timeout=WAIT_S)
    command = [sys.executable, str(TOY), str(tmp_path), "2", "600", executor]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(3.0)
    os.kill(child.pid, signal.SIGTERM)
    began = time.monotonic()
    child.communicate(timeout=WAIT_S)
    print(f"{executor}: stopped after {time.monotonic() - began:.1f} s")
    assert child.returncode == 143
    assert_group_ends(child.pid)


@pytest.mark.slow
def test_twenty_runs_that_take_all_memory_cost_no_other_run(tmp_path, long_hash):
    """The limit on the address space of a worker stands in for a machine that is full: the run is a row that says so."""
    victims = [key for key in long_design().keys if key.replicate == 0][:10]
    for i, executor in enumerate(EXECUTORS * 10):
        victim = victims[i // 2]
        at = (float(victim.point), victim.patient, victim.replicate)
        run_toy(tmp_path / str(i), long_design(), partial(deadly_run, "memory", at=at), executor=executor, jobs=2)
        found = open_results(tmp_path / str(i))
        assert found.manifest["counts"] == {"failed": 1, "ok": len(long_design()) - 1}
        run_toy(tmp_path / str(i), long_design(), executor="serial", retry=True)
        assert open_results(tmp_path / str(i)).hash == long_hash


def lose_the_scheduler(folder, after):
    """Do a sweep on a Dask cluster of its own processes whose scheduler is killed once so many runs are done."""
    file = folder.with_suffix(".json")
    words = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    scheduler = subprocess.Popen(words, **quiet)
    words = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-dashboard", "--nworkers", "2", "--nthreads", "1"]
    workers = subprocess.Popen(
        [*words, "--death-timeout", "20", "--scheduler-file", str(file)], start_new_session=True, **quiet
    )

    def kill_the_scheduler(progress):
        if progress.done >= after:
            scheduler.kill()

    try:
        deadline = time.monotonic() + WAIT_S
        while not (file.exists() and file.read_text().endswith("}")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        options = {"executor": address, "batch": 4, "commit_every_s": 0.0, "progress": kill_the_scheduler}
        with pytest.raises((ResultsError, Stopped), match="the cluster that did the runs is gone"):
            run_toy(folder, long_design(), partial(slow_run, 0.01), **options)
    finally:
        scheduler.kill()
        scheduler.wait(WAIT_S)
        os.killpg(workers.pid, signal.SIGKILL)
        workers.wait(WAIT_S)


@pytest.mark.slow
def test_twenty_killed_schedulers_cost_nothing_that_was_finished(tmp_path, long_hash, monkeypatch):
    """A scheduler that is gone is given five seconds to come back instead of thirty."""
    monkeypatch.setattr("simengine.studies.executors.foreign.CONNECT_S", 5)
    rng = np.random.default_rng(9)
    for i in range(20):
        after = int(rng.integers(1, 250))
        lose_the_scheduler(tmp_path / str(i), after)
        found = open_results(tmp_path / str(i))
        assert after <= len(found.table) < len(long_design())
        assert found.manifest["status"] == "stopped"
        run_toy(tmp_path / str(i), long_design(), executor="serial")
        assert open_results(tmp_path / str(i)).hash == long_hash
