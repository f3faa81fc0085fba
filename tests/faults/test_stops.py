"""A process that is told to stop does, with all that it finished; several in one folder never do the same work."""

import re
import signal
import socket
import time
from collections import Counter
from itertools import product

import numpy as np
import pytest

from simengine.api import open_results
from simengine.studies.design import Key
from tests.faults.nursery import Child, assert_group_ends, contend, left_of, sweep
from tests.faults.test_kill import noted
from tests.toy import run_toy, toy_design

DESIGN = toy_design(doses=(1.0,), patients=2000, replicates=1)
SMALL = toy_design(doses=(1.0,), patients=200, replicates=1)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
STOP_S = 5.0
KINDS = list(product(CODES, (True, False)))
"""Which signal, and whether the group gets it, as from a terminal, or the process that writes alone."""
REFUSED = r"is being written by process (\d+) on (\S+) since 20\d\d-\S+; wait, or choose another --out"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    found = {}
    for design in (DESIGN, SMALL):
        folder = tmp_path_factory.mktemp("reference")
        run_toy(folder, design, executor="serial")
        found[len(design)] = open_results(folder).hash
    return found


def stop(folder, executor, signum, to_group, wait_s):
    """Begin a sweep, tell it to stop a moment later, look at what it leaves; return how long that took, s."""
    how = {"executor": executor, "jobs": 2, "batch": 4, "commit_every_s": 0.05}
    child = Child(sweep, folder, DESIGN, folder.with_suffix(".txt"), 0.01, how)
    child.wait_until_at_work()
    time.sleep(wait_s)
    began = time.monotonic()
    child.send(signum, to_group)
    assert child.end() == CODES[signum]
    took = time.monotonic() - began
    assert_group_ends(child.pid)
    results = open_results(folder)
    assert results.manifest["status"] == "stopped"
    assert len(results.table) < len(DESIGN)
    assert not list(folder.rglob(".*.tmp"))
    return took, len(results.table)


def stops(tmp_path, reference, executor, n, longest_s):
    """Stop n sweeps at random moments; all go on to the same bits."""
    rng = np.random.default_rng(5)
    took, rows = [], []
    for i in range(n):
        folder = tmp_path / str(i)
        seconds, saved = stop(folder, executor, *KINDS[i % len(KINDS)], rng.uniform(0.0, longest_s))
        took.append(seconds)
        rows.append(saved)
        run_toy(folder, DESIGN, executor="serial")
        assert open_results(folder).hash == reference[len(DESIGN)]
    print(f"{executor}: {n} stops, {max(took):.1f} s at most, {np.mean(rows):.0f} rows saved on average")
    assert max(rows) > 0
    return took


def test_a_stop_at_any_moment_saves_what_was_finished(tmp_path, reference):
    stops(tmp_path, reference, "threads", 12, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "n", "longest_s"), [("threads", 40, 1.0), ("processes", 40, 4.0), ("dask", 20, 6.0)])
def test_a_hundred_stops_save_what_was_finished(tmp_path, reference, executor, n, longest_s):
    """The hang limit of each is ten times what is promised; the time of each is printed."""
    assert len(stops(tmp_path, reference, executor, n, longest_s)) == n


def struggle(folder, reference, n, rng):
    """Kill a writer, then let n processes at its folder at once; return how many were refused."""
    notes = folder.with_suffix(".txt")
    first = Child(sweep, folder, SMALL, notes, 0.002, {"executor": "threads", "jobs": 2, "batch": 4, "commit_every_s": 0.02})
    first.wait_until_at_work()
    time.sleep(rng.uniform(0.0, 0.1))
    first.kill()
    earlier = noted(notes)
    saved = len(open_results(folder).table)
    gate = time.monotonic() + 0.3
    children = [Child(contend, folder, SMALL, notes, gate + rng.uniform(0.0, 0.02)) for _ in range(n)]
    told = [child.told() for child in children]
    pids = {child.pid for child in children}
    assert [child.end() for child in children] == [0] * n
    for _, words in [answer for answer in told if answer[0] == "refused"]:
        holder = re.search(REFUSED, words)
        assert holder is not None, words
        assert int(holder[1]) in pids | {first.pid}
        assert holder[2] == socket.gethostname()
    answers = Counter(answer for answer, _ in told)
    assert answers["done"] >= 1, "a lock that nobody holds held somebody up"
    assert (noted(notes) - earlier).total() == len(SMALL) - saved, "a run was done by two"
    results = open_results(folder)
    assert [Key(*row) for row in results.table[["point", "patient", "replicate"]].itertuples(index=False)] == SMALL.keys
    assert results.hash == reference[len(SMALL)]
    assert not left_of(first.pid)
    return answers["refused"]


def struggles(tmp_path, reference, trials):
    rng = np.random.default_rng(6)
    sizes = [2 + i % 7 for i in range(trials)]
    refused = [struggle(tmp_path / str(i), reference, n, rng) for i, n in enumerate(sizes)]
    print(f"{trials} folders, {sum(sizes)} processes, {sum(refused)} refused by the name of the holder")
    assert sum(refused) >= trials


def test_several_processes_in_one_folder_do_no_run_twice(tmp_path, reference):
    """A writer is killed, and two to four others come at once: one goes on at once, the others are told who it is."""
    struggles(tmp_path, reference, 3)


@pytest.mark.slow
def test_fifty_folders_with_two_to_eight_processes_each(tmp_path, reference):
    struggles(tmp_path, reference, 50)
