"""Workers that are killed at random, stops and kills of the process that writes: no run is lost, nobody stays behind."""

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
from simengine.studies.manifest import NAME
from tests.toy import long_design, run_toy, slow_run

TOY = Path(__file__).resolve().parent.parent / "toy.py"
ROOT = TOY.parent.parent
WAIT_S = 50
"""Ten times what is promised."""
EXECUTORS = ("processes", "dask")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    run_toy(folder, long_design(), executor="serial")
    return open_results(folder).hash


def is_worker(process):
    """Whether a process was started to do runs."""
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False


def killing(rng, mean_s, done, killed):
    """Kill a worker of this process every now and then, until told that the sweep is done."""
    while not done.wait(rng.exponential(mean_s)):
        workers = [child for child in psutil.Process().children(recursive=True) if is_worker(child)]
        if workers:
            victim = workers[rng.integers(len(workers))]
            killed.append(victim.pid)
            victim.kill()


def storm(folder, executor, pause_s, mean_s, seed):
    """Do a sweep while its workers are killed; return the results and who was killed."""
    done, killed = threading.Event(), []
    killer = threading.Thread(target=killing, args=(np.random.default_rng(seed), mean_s, done, killed))
    killer.start()
    try:
        run_toy(folder, long_design(), partial(slow_run, pause_s), executor=executor, jobs=2, batch=10)
    finally:
        done.set()
        killer.join()
    return open_results(folder), killed


@pytest.mark.parametrize("executor", EXECUTORS)
def test_killed_workers_cost_no_run_and_no_bit(tmp_path, reference, executor):
    results, killed = storm(tmp_path, executor, pause_s=0.02, mean_s=1.0, seed=4)
    assert len(results.table) == len(long_design())
    assert results.hash == reference
    assert killed
    assert results.manifest["sessions"][0]["workers_lost"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_fifty_sweeps_of_killed_workers_cost_no_run_and_no_bit(tmp_path, reference, executor):
    """Kills two seconds apart on average; at least one in two must have struck a worker at work."""
    n_killed = n_lost = 0
    for seed in range(50):
        results, killed = storm(tmp_path / str(seed), executor, pause_s=0.03, mean_s=2.0, seed=seed)
        assert results.hash == reference, seed
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


def left_of(group):
    """Return the living processes of a group, the dead that wait to be buried aside."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def assert_group_ends(group):
    deadline = time.monotonic() + WAIT_S
    while left_of(group):
        assert time.monotonic() < deadline, left_of(group)
        time.sleep(0.1)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("to_group", [True, False], ids=["group", "alone"])
def test_a_stop_ends_all_workers_and_leaves_whole_results(tmp_path, reference, executor, signum, code, to_group):
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
    assert open_results(tmp_path).hash == reference


@pytest.mark.parametrize("executor", EXECUTORS)
def test_workers_end_when_the_process_that_writes_is_killed(tmp_path, reference, executor):
    child = start(tmp_path, executor)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(WAIT_S)
    child.stderr.close()
    assert_group_ends(child.pid)
    run_toy(tmp_path, long_design(), executor=executor, jobs=2)
    assert open_results(tmp_path).hash == reference


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
