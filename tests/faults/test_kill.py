"""A sweep that is killed at random moments, again and again, ends with the same bytes as one that never was."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simengine.api import open_results
from simengine.studies.design import Key
from simengine.studies.files import ResultsError
from simengine.studies.manifest import NAME
from tests.toy import long_design, run_toy

TOY = Path(__file__).resolve().parent.parent / "toy.py"
ROOT = TOY.parent.parent
LONGEST_S = 0.6
WAIT_S = 60


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    run_toy(folder, long_design(), jobs=1)
    return open_results(folder).hash


def start(folder):
    """Start a sweep in a process group of its own and return it once the sweep is about to begin."""
    command = [sys.executable, str(TOY), str(folder), "3", "0.01"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def kill(child):
    """Kill the whole group, with no chance to say goodbye."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(WAIT_S)
    child.stdout.close()


def rows_in(folder):
    """The runs that are safe, every file verified; none before the first manifest."""
    if not (folder / NAME).exists():
        return set()
    table = open_results(folder).table
    return {Key(*row) for row in table[["point", "patient", "replicate"]].itertuples(index=False)}


def landing(folder, rows):
    """Where a kill struck: which temporary file it left, else how far the sweep was."""
    leftovers = [path.name for path in folder.rglob(".*.tmp")]
    assert len(leftovers) <= 1
    if leftovers:
        return "between write and rename"
    if not rows:
        return "before the first part"
    return "between parts" if len(rows) < len(long_design()) else "after the last part"


def storm(tmp_path, reference, kills, seed):
    """Kill sweeps at uniform random moments, continuing each until it is whole; count where the kills fell."""
    rng = np.random.default_rng(seed)
    landings = Counter()
    n_folder, rows = 0, set()
    while landings.total() < kills:
        folder = tmp_path / str(n_folder)
        child = start(folder)
        time.sleep(rng.uniform(0.0, LONGEST_S))
        kill(child)
        before, rows = rows, rows_in(folder)
        assert before <= rows, "a run that was safe is lost"
        landings[landing(folder, rows)] += 1
        if len(rows) == len(long_design()):
            run_toy(folder, long_design(), runner=lambda *_: pytest.fail("a run was done twice"))
            assert open_results(folder).hash == reference
            n_folder, rows = n_folder + 1, set()
    run_toy(tmp_path / str(n_folder), long_design())
    results = open_results(tmp_path / str(n_folder))
    assert results.hash == reference
    assert rows_in(results.path) == set(long_design().keys)
    assert not list(tmp_path.rglob(".*.tmp"))
    print(f"kills landed: {dict(landings)}")
    return landings


def test_twenty_kills_lose_no_run_and_change_no_bit(tmp_path, reference):
    """Detects a writer in place, a resume by counting rows, a manifest that claims what is not there."""
    landings = storm(tmp_path, reference, kills=20, seed=2)
    assert landings["between write and rename"] + landings["between parts"] >= 8, landings
    assert landings["between write and rename"] >= 1, landings


@pytest.mark.slow
def test_two_hundred_kills_lose_no_run_and_change_no_bit(tmp_path, reference):
    """At least 60 % of the kills fall into a sweep and 5 % between writing a file and naming it."""
    landings = storm(tmp_path, reference, kills=200, seed=3)
    assert landings["between write and rename"] + landings["between parts"] >= 120, landings
    assert landings["between write and rename"] >= 10, landings


def test_the_lock_of_a_killed_writer_holds_nobody_up(tmp_path, reference):
    child = start(tmp_path / "out")
    while not rows_in(tmp_path / "out"):
        time.sleep(0.01)
    with pytest.raises(ResultsError, match=f"written by process {child.pid} on "):
        run_toy(tmp_path / "out", long_design())
    kill(child)
    run_toy(tmp_path / "out", long_design())
    assert open_results(tmp_path / "out").hash == reference


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_process_ends_soon_and_leaves_whole_results(tmp_path, signum, code):
    child = start(tmp_path)
    while not rows_in(tmp_path):
        time.sleep(0.01)
    os.killpg(child.pid, signum)
    child.wait(WAIT_S)
    child.stdout.close()
    rows = rows_in(tmp_path)
    assert 0 < len(rows) < len(long_design())
    assert child.returncode == code
    assert open_results(tmp_path).manifest["status"] == "stopped"
    assert not list(tmp_path.rglob(".*.tmp"))
