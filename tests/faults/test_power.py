"""A power cut at any moment costs at most the part being written: every state a disk could be left in is tried.

What was not synced may be lost, torn or zeroed; a rename may be lost until its folder is synced.
"""

import os
from pathlib import Path

import pytest

from simengine.api import open_results
from simengine.studies.files import Disk
from simengine.studies.manifest import NAME
from tests.toy import run_toy, toy_design

DESIGN = toy_design(doses=(0.0, 1.0), replicates=3, patients=2)

TORN = {
    "whole": lambda data: data,
    "lost": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "nearly": lambda data: data[: len(data) * 93 // 100],
    "zeroed": lambda data: bytes(len(data)),
}


class RecordingDisk(Disk):
    """Notes every operation while doing it."""

    def __init__(self):
        self.log = []
        self._files = {}

    def create(self, path):
        descriptor = super().create(path)
        self._files[descriptor] = path
        self.log.append(("create", path))
        return descriptor

    def write(self, descriptor, data):
        written = super().write(descriptor, data)
        self.log.append(("write", self._files[descriptor], bytes(data[:written])))
        return written

    def sync(self, descriptor):
        super().sync(descriptor)
        if descriptor in self._files:
            self.log.append(("sync", self._files[descriptor]))
        else:
            self.log.append(("sync folder", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def close(self, descriptor):
        super().close(descriptor)
        del self._files[descriptor]

    def rename(self, source, target):
        super().rename(source, target)
        self.log.append(("rename", source, target))


class LazyDisk(RecordingDisk):
    """The planted defect: says that it synced, and did not."""

    def sync(self, descriptor):
        if descriptor not in self._files:
            super().sync(descriptor)


class ForgetfulDisk(RecordingDisk):
    """The other planted defect: never syncs a folder."""

    def sync(self, descriptor):
        if descriptor in self._files:
            super().sync(descriptor)


def left_behind(log, torn, keeps_renames):
    """The files that a cut after some operations may leave, by path."""
    open_files, synced, named, fresh = {}, set(), {}, {}
    for kind, path, *rest in log:
        if kind == "create":
            open_files[path] = b""
            synced.discard(path)
        elif kind == "write":
            open_files[path] += rest[0]
        elif kind == "sync":
            synced.add(path)
        elif kind == "rename":
            data = open_files.pop(path)
            fresh[rest[0]] = data if path in synced else TORN[torn](data)
        else:
            named.update({target: fresh.pop(target) for target in list(fresh) if target.parent == path})
    if keeps_renames:
        named |= fresh | {path: TORN[torn](data) for path, data in open_files.items()}
    return named


def promised(log):
    """The files whose writing had returned: another one was begun after they got their name."""
    last = max((i for i, entry in enumerate(log) if entry[0] == "create"), default=0)
    return {entry[2].name for entry in log[:last] if entry[0] == "rename"}


def states(log):
    """Every different state, with the files promised by then."""
    seen = {}
    for cut in range(len(log) + 1):
        for torn in TORN:
            for keeps_renames in (False, True):
                files = left_behind(log[:cut], torn, keeps_renames)
                seen[tuple(sorted(files.items())), frozenset(promised(log[:cut]))] = None
    return list(seen)


def record(folder, disk):
    """Run a small study on a disk and return what it did."""
    folder.mkdir()
    run_toy(folder.resolve(), DESIGN, disk=disk, jobs=1, batch=4, commit_every_s=0.0)
    return disk.log


def recover(place, source, files, safe):
    """Lay out what a cut left, open it, and continue it; return the hash of the end."""
    for path, data in files:
        target = place / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    assert safe <= {path.name for path, _ in files}, "a file that was promised is gone"
    if (place / NAME).exists():
        open_results(place)
    place.mkdir(exist_ok=True)
    run_toy(place, DESIGN)
    return open_results(place).hash


def try_all(tmp_path, disk):
    source = tmp_path / "source"
    log = record(source, disk)
    expected = open_results(source).hash
    found = states(log)
    for i, (files, safe) in enumerate(found):
        assert recover(tmp_path / str(i), source.resolve(), files, safe) == expected
    return len(log), len(found)


def test_every_state_after_a_power_cut_recovers_to_the_same_bits(tmp_path):
    operations, found = try_all(tmp_path, RecordingDisk())
    assert operations >= 30
    assert found >= 40


@pytest.mark.parametrize("disk", [LazyDisk, ForgetfulDisk])
def test_a_writer_that_does_not_sync_is_caught_by_this_test(tmp_path, disk):
    with pytest.raises(Exception, match=r"damaged|promised is gone"):
        try_all(tmp_path, disk())
