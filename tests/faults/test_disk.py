"""A disk that fails at any operation costs time, never a result; damage is found when results are opened."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simengine.api import open_results
from simengine.studies.files import Disk, ResultsError, write_file
from simengine.studies.manifest import NAME
from tests.toy import run_toy, toy_design

ROOT = Path(__file__).resolve().parents[2]
DESIGN = toy_design(replicates=2, patients=2)


class FailingDisk(Disk):
    """Fails at the n-th operation, once or for ever; counts what it is asked."""

    def __init__(self, at=0, number=errno.ENOSPC, is_sticky=False):
        self.at, self.number, self.is_sticky, self.count = at, number, is_sticky, 0

    def _ask(self):
        self.count += 1
        if self.count == self.at or (self.is_sticky and 0 < self.at < self.count):
            raise OSError(self.number, os.strerror(self.number))

    def create(self, path):
        self._ask()
        return super().create(path)

    def write(self, descriptor, data):
        self._ask()
        return super().write(descriptor, data)

    def sync(self, descriptor):
        self._ask()
        super().sync(descriptor)

    def close(self, descriptor):
        super().close(descriptor)
        self._ask()

    def rename(self, source, target):
        self._ask()
        super().rename(source, target)


def run(folder, disk):
    run_toy(folder, DESIGN, disk=disk, jobs=1, batch=4, commit_every_s=0.0)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder, disk = tmp_path_factory.mktemp("healthy"), FailingDisk()
    run(folder, disk)
    return folder, disk.count, open_results(folder).hash


@pytest.mark.parametrize(
    ("number", "is_sticky"),
    [(errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EIO, False)],
    ids=["full", "full for good", "input-output error"],
)
def test_an_error_at_any_operation_is_named_and_costs_no_result(tmp_path, healthy, number, is_sticky):
    """Every operation of a small study in turn, as many as a run without fault counts.

    Detects an ignored error of close or sync, a partial file under its final name, a bare except.
    """
    _, operations, expected = healthy
    assert operations >= 40
    for at in range(1, operations + 1):
        folder = tmp_path / str(at)
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            run(folder, FailingDisk(at, number, is_sticky))
        assert caught.value.errno == number
        assert str(caught.value.filename).startswith(str(folder))
        assert not list(folder.rglob(".*.tmp"))
        if (folder / NAME).exists():
            assert set(open_results(folder).table["status"]) <= {"ok"}
        else:
            assert at <= 5, "the manifest is the first file and takes five operations"
        run(folder, Disk())
        assert open_results(folder).hash == expected


LIMITED = """
import resource, sys
import simengine.engine, simengine.outcomes
from simengine import api, cli
from tests.toy import toy_run, toy_study

api.load = lambda path, overrides=(): toy_study()
api.warm_up = lambda announce, scenarios: None
simengine.engine.simulate = lambda *address: address
simengine.outcomes.evaluate = lambda scenario, address: toy_run(*address)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
cli.main(["run", "toy", "--quiet"])
"""
"""The command line with the toy study, under a limit on the size of files."""


@pytest.mark.parametrize("limit", [100, 4_000, 8_000])
def test_a_write_that_the_system_refuses_ends_the_command_with_one_line_and_code_74(tmp_path, limit):
    """No injection: the kernel cuts files off at a size, in the manifest or in a part."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIMITED, str(limit)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 74
    assert re.fullmatch(r"simengine: results/toy/\S+: File too large \[EFBIG\]\n", done.stderr), done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.rglob(".*.tmp"))


def test_a_disk_that_takes_a_few_bytes_at_a_time_still_gets_them_all(tmp_path):
    class Sipping(Disk):
        def write(self, descriptor, data):
            return super().write(descriptor, data[:3])

    write_file(tmp_path / "file", b"0123456789", Sipping())
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_failed_write_leaves_the_file_that_was_there(tmp_path):
    write_file(tmp_path / "file", b"old")
    for at in range(1, 5):
        with pytest.raises(OSError, match="No space"):
            write_file(tmp_path / "file", b"new and longer", FailingDisk(at))
        assert (tmp_path / "file").read_bytes() == b"old"
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "absent" / "file", b"new")


def test_a_damaged_part_is_named_with_what_to_do_when_a_study_continues(healthy, tmp_path):
    copy = Path(shutil.copytree(healthy[0], tmp_path / "copy"))
    part = sorted((copy / "parts").iterdir())[0]
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(ResultsError, match="move it away and resume"):
        run(copy, Disk())
    part.unlink()
    run(copy, Disk())
    assert open_results(copy).hash == healthy[2]
