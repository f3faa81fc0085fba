"""A power cut at any moment costs at most the part being written: every state a disk could be left in is tried.

What was not synced may be lost, torn, zeroed or reordered; names may be lost until their folder is synced.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from simengine.api import merge, open_results, sweep
from simengine.studies import shards
from simengine.studies.manifest import NAME
from tests.faults.recording_disk import ForgetfulDisk, LazyDisk, RecordingDisk, states
from tests.toy import run_toy, toy_design, toy_run, toy_study

DESIGN = toy_design(doses=(0.0, 1.0), replicates=3, patients=2)
STUDY = toy_study(doses=(0.0, 1.0), replicates=3, patients=2)
SAMPLE = 80
"""States of each commit that the default tier tries; the slow tier tries all."""


def unlucky_run(scenario, seed, patient, replicate):
    """The toy, but for a run of each dose that fails as by accident."""
    if (patient, replicate) == (0, 0):
        raise OSError("the network is down")
    return toy_run(scenario, seed, patient, replicate)


def files_of(folder):
    """All files below a folder with their bytes, but for locks."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


class Sweep:
    """A study from nothing to its end, in six parts with snapshots."""

    def prepare(self, folder):
        """Nothing is there."""

    def do(self, folder, disk, **options):
        run_toy(folder, DESIGN, disk=disk, executor="serial", batch=2, commit_every_s=0.0, **options)

    def goes_on(self, folder):
        run_toy(folder, DESIGN, executor="serial")


class Retry(Sweep):
    """Failed runs are done again: a part takes the place of another, which is removed."""

    def prepare(self, folder):
        run_toy(folder, DESIGN, unlucky_run, executor="serial", batch=3, commit_every_s=0.0)

    def do(self, folder, disk):
        super().do(folder, disk, retry=True)

    def goes_on(self, folder):
        run_toy(folder, DESIGN, executor="serial", retry=True)


class Merge:
    """Shards are joined."""

    def prepare(self, folder):
        for i in (1, 2):
            sweep(STUDY, out=folder, shard=f"{i}/2", runner=toy_run, executor="serial")

    def do(self, folder, disk):
        shards.merge(folder, disk)

    def goes_on(self, folder):
        if shards.found(folder):
            merge(folder)


KINDS = {"sweep": Sweep(), "retry": Retry(), "merge": Merge()}


def recover(kind, place, source, files, safe):
    """Lay out what a cut left, open it, and continue it; return the hash of the end."""
    for path, data in files:
        target = place / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    assert safe <= {path.name for path, _ in files}, "a file that was promised is gone"
    if (place / NAME).exists():
        open_results(place)
    place.mkdir(exist_ok=True)
    kind.goes_on(place)
    found = open_results(place).hash
    shutil.rmtree(place)
    return found


def record(kind, source, disk):
    """Do what is to be cut short and return all states that a cut may leave, and the hash of a whole one."""
    kind.prepare(source)
    before = files_of(source) if source.exists() else {}
    kind.do(source, disk)
    return states(disk.log, before, source), open_results(source).hash


def try_states(kind, tmp_path, disk, sample=None):
    """Recover from all states or a sample of them, drawn with a fixed seed, and from no folder; return how many there are."""
    source = (tmp_path / "source").resolve()
    found, expected = record(kind, source, disk)
    nothing_left = [i for i, (files, _) in enumerate(found) if not files]
    drawn = np.random.default_rng(1).permutation(len(found))[:sample]
    for i in dict.fromkeys([*nothing_left, *drawn]):
        assert recover(kind, tmp_path / str(i), source, *found[i]) == expected
    return len(found)


@pytest.mark.parametrize("name", KINDS)
def test_states_after_a_power_cut_recover_to_the_same_bits(tmp_path, name):
    """A sample, drawn with a fixed seed, of the states that the slow tier tries one and all."""
    assert try_states(KINDS[name], tmp_path, RecordingDisk(), SAMPLE) >= SAMPLE


@pytest.mark.slow
def test_every_state_after_a_power_cut_recovers_to_the_same_bits(tmp_path):
    """All operations of commits with snapshots, of a retry and of a merge: at least 1,000 different states."""
    found = {name: try_states(kind, tmp_path / name, RecordingDisk()) for name, kind in KINDS.items()}
    print(f"states: {found}")
    assert sum(found.values()) >= 1000


@pytest.mark.parametrize("disk", [LazyDisk, ForgetfulDisk])
@pytest.mark.parametrize("name", KINDS)
def test_a_writer_that_does_not_sync_is_caught_by_this_test(tmp_path, name, disk):
    with pytest.raises(Exception, match=r"damaged|promised is gone|holds no results|cannot be merged|snapshot of no run"):
        try_states(KINDS[name], tmp_path, disk())


def test_shards_that_a_cut_left_half_removed_are_removed_by_the_next_merge(tmp_path):
    merging = KINDS["merge"]
    source = Path(tmp_path / "source")
    merging.prepare(source)
    whole = files_of(source)
    merging.do(source, RecordingDisk())
    expected = open_results(source).hash
    for n in range(1, len(whole)):
        for path in list(whole)[n:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole[path])
        merging.goes_on(source)
        assert open_results(source).hash == expected
        assert not shards.found(source)
