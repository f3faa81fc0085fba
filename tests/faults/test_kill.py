"""A sweep that is killed at random moments, again and again, ends with the same bytes as one that never was."""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from simengine.api import open_results
from simengine.studies import parts
from simengine.studies.design import Key
from simengine.studies.files import ResultsError
from simengine.studies.manifest import NAME
from tests.faults.nursery import Child, sweep
from tests.toy import run_toy, toy_design

PATIENTS = toy_design(doses=(1.0,), patients=2000, replicates=1)
JOBS, PART_RUNS = 3, 60
HOW = {"executor": "threads", "jobs": JOBS, "batch": 10, "commit_every_s": 1e9, "part_runs": PART_RUNS}
PAUSE_S = 0.001
LONGEST_S = 0.25
"""Most that a sweep is given before it is killed; it needs about two seconds."""
SOONEST = 0.2
"""Share of the kills that do not wait until the sweep is at work."""


def bytes_of(folder):
    """The digest of all rows written as one part in canonical order, and of each snapshot as it is."""
    results = open_results(folder)
    names = parts.columns(list((folder / parts.FOLDER).iterdir()))
    table = parts.read(sorted((folder / parts.FOLDER).iterdir()), names).select(sorted(names))
    data = [parts.to_bytes(table, results.manifest["study_hash"]), *(path.read_bytes() for path in results.snapshots())]
    assert len(data) == 2
    return results.hash, [hashlib.sha256(one).hexdigest() for one in data]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    run_toy(folder, PATIENTS, executor="serial")
    return bytes_of(folder)


def rows_in(folder):
    """The runs that are safe, every file verified; none before the first manifest."""
    if not (folder / NAME).exists():
        return set()
    table = open_results(folder).table
    return {Key(*row) for row in table[["point", "patient", "replicate"]].itertuples(index=False)}


def noted(notes):
    """How often each run was done; the last line of a process that was killed may be short."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    return Counter(Key(0, int(words[1]), int(words[2])) for words in map(str.split, lines) if len(words) == 3)


def landing(folder, rows, has_worked):
    """Where a kill struck: which temporary file it left, else how far the sweep was."""
    leftovers = list(folder.rglob(".*.tmp"))
    assert len(leftovers) <= 1
    if len(rows) == len(PATIENTS):
        return "after the last part"
    if leftovers:
        return "between write and rename" if has_worked else "into the manifest, before the first run"
    return "between parts" if has_worked else "before the first run"


@dataclass
class Storm:
    """What many kills did: where they fell, and how many runs each cost."""

    landings: Counter
    lost: list[int]

    @property
    def in_mid_sweep(self):
        return self.landings["between write and rename"] + self.landings["between parts"]


def storm(tmp_path, reference, kills, seed):
    """Kill sweeps at uniform random moments, continuing each until it is whole; count where the kills fell."""
    rng, found = np.random.default_rng(seed), Storm(Counter(), [])
    number, rows, done = 0, set(), Counter()
    while found.landings.total() < kills or rows:
        folder, notes = tmp_path / str(number), tmp_path / f"{number}.txt"
        child = Child(sweep, folder, PATIENTS, notes, PAUSE_S, HOW)
        if rng.uniform() > SOONEST:
            child.wait_until_at_work()
        time.sleep(rng.uniform(0.0, LONGEST_S))
        child.kill()
        (before, rows), (earlier, done) = (rows, rows_in(folder)), (done, noted(notes))
        assert before <= rows, "a run that was safe is lost"
        session = done - earlier
        assert not before & session.keys(), "a run that was safe is done again"
        found.landings[landing(folder, rows, bool(session))] += 1
        found.lost.append(len(session.keys() - rows))
        if len(rows) == len(PATIENTS):
            run_toy(folder, PATIENTS, runner=lambda *_: pytest.fail("a run was done twice"))
            assert bytes_of(folder) == reference
            assert rows_in(folder) == set(PATIENTS.keys) == done.keys()
            assert not list(folder.rglob(".*.tmp"))
            number, rows, done = number + 1, set(), Counter()
    print(f"kills: {found.landings.total()} over {number} sweeps of {len(PATIENTS)} patients: {dict(found.landings)}")
    print(f"runs lost by a kill: {np.mean(found.lost):.1f} on average, {max(found.lost)} at most, parts of {PART_RUNS}")
    return found


def assert_lands_well(found, kills):
    """Most kills fall into a sweep, some into a file, and none costs more than a part a worker."""
    assert found.landings.total() >= kills
    assert found.in_mid_sweep >= 0.6 * kills, found.landings
    assert found.landings["between write and rename"] >= 0.05 * kills, found.landings
    assert 0 < max(found.lost) <= JOBS * PART_RUNS, max(found.lost)


def test_two_hundred_kills_lose_no_run_and_change_no_bit(tmp_path, reference):
    """Detects a writer in place, a resume by counting rows, a manifest that claims what is not there.

    At least 60 % of the kills fall into a sweep and 5 % between writing a file and naming it; landing places are printed.
    """
    assert_lands_well(storm(tmp_path, reference, kills=200, seed=2), 200)


@pytest.mark.slow
def test_a_thousand_kills_lose_no_run_and_change_no_bit(tmp_path, reference):
    assert_lands_well(storm(tmp_path, reference, kills=1000, seed=3), 1000)


def test_the_lock_of_a_killed_writer_holds_nobody_up(tmp_path, reference):
    child = Child(sweep, tmp_path / "out", PATIENTS, tmp_path / "notes", PAUSE_S, HOW)
    while not rows_in(tmp_path / "out"):
        time.sleep(0.01)
    with pytest.raises(ResultsError, match=f"written by process {child.pid} on "):
        run_toy(tmp_path / "out", PATIENTS)
    child.kill()
    run_toy(tmp_path / "out", PATIENTS)
    assert bytes_of(tmp_path / "out") == reference
