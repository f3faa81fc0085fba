"""A disk that fails at any operation costs time, never a result; damage is found when results are opened."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from simengine import api, cli
from simengine.api import open_results
from simengine.studies import store
from simengine.studies.files import Disk, ResultsError, write_file
from simengine.studies.manifest import NAME
from simengine.studies.store import writing
from tests.faults.small_disk import IN_A_NAMESPACE
from tests.toy import run_toy, toy_design, toy_run, toy_study

ROOT = Path(__file__).resolve().parents[2]
DESIGN = toy_design(replicates=2, patients=2)
STUDY = toy_study(replicates=2, patients=2)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE)


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


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """The command line with the toy study in three parts; called with a disk, returns its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "load", lambda path, overrides=(): STUDY)
    monkeypatch.setattr(api, "warm_up", lambda announce, scenarios: None)
    monkeypatch.setattr("simengine.engine.simulate", lambda *address: address, raising=False)
    monkeypatch.setattr("simengine.outcomes.evaluate", lambda scenario, address: toy_run(*address), raising=False)
    monkeypatch.setattr(store, "PART_RUNS", 4)

    def call(folder, disk):
        monkeypatch.setattr(store, "writing", partial(writing, disk=disk))
        with pytest.raises(SystemExit) as caught:
            cli.main(["run", "toy", "--quiet", "--executor", "serial", "--out", str(folder)])
        return caught.value.code, *capsys.readouterr()

    return call


def try_errors(command, tmp_path, chosen):
    """Let operations fail in turn as chosen (n -> errors); every failure must be told well and cost no result."""
    disk = FailingDisk()
    assert command(tmp_path / "healthy", disk)[0] == 0
    healthy = open_results(tmp_path / "healthy")
    assert disk.count >= 40
    assert len(healthy.manifest["parts"]) == 3
    tried = 0
    for at in range(1, disk.count + 1):
        for number, is_sticky in chosen(at):
            tried += 1
            folder = tmp_path / "struck"
            code, out, err = command(folder, FailingDisk(at, number, is_sticky))
            told = rf"simengine: {re.escape(str(folder))}\S*: {os.strerror(number)} \[{errno.errorcode[number]}\]\n"
            assert (code, out) == (74, "")
            assert re.fullmatch(told, err), err
            assert not list(folder.rglob(".*.tmp"))
            if (folder / NAME).exists():
                assert set(open_results(folder).table["status"]) <= {"ok"}
            else:
                assert at <= 8, "the manifest is the first file, and takes seven operations after the folder is made"
            run_toy(folder, DESIGN, executor="serial")
            assert open_results(folder).hash == healthy.hash
            assert open_results(folder).manifest["parts"].keys() == {path.name for path in (folder / "parts").iterdir()}
            shutil.rmtree(folder)
    print(f"{tried} failures of {disk.count} operations")
    return tried


def test_an_error_at_any_operation_is_named_and_costs_no_result(command, tmp_path):
    """Every operation of a small study in turn, with one of six errors in turn, once and for good.

    Detects an ignored error of close or sync, a partial file under its final name, a bare except.
    """
    assert try_errors(command, tmp_path, lambda at: [(ERRORS[at % 6], False), (ERRORS[(at + 3) % 6], True)]) >= 80


@pytest.mark.slow
def test_every_error_at_any_operation_is_named_and_costs_no_result(command, tmp_path):
    """Every operation of a small study in turn, with each of six errors, once and for good."""
    every = [(number, is_sticky) for number in ERRORS for is_sticky in (False, True)]
    assert try_errors(command, tmp_path, lambda at: every) >= 480


def small_disks(sizes):
    """Fill disks of some sizes, in MiB; return what became of each and the hash of a study on a large one."""
    can_mount = subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    words = [*(IN_A_NAMESPACE if can_mount else []), sys.executable, str(ROOT / "tests" / "faults" / "small_disk.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words += ["tmpfs" if can_mount else "limit", *map(str, sizes)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=True)
    expected, *lines = done.stdout.splitlines()
    return [json.loads(line) for line in lines], expected


def try_sizes(sizes):
    found, expected = small_disks(sizes)
    assert [one["mib"] for one in found] == list(sizes)
    for one in found:
        told = {"tmpfs": r"No space left on device \[ENOSPC\]", "limit": r"File too large \[EFBIG\]"}[one["kind"]]
        assert one["code"] == 74
        assert re.fullmatch(rf"simengine: results/toy/\S+: {told}\n", one["errors"]), one["errors"]
        assert (one["damage"], one["leftovers"]) == ([], 0)
        assert one["rows"] < len(toy_design())
        assert (one["again"], one["hash"]) == (0, expected)
    print(f"{found[0]['kind']}: rows saved by size in MiB: { ({one['mib']: one['rows'] for one in found}) }")


def test_a_study_on_a_disk_that_is_full_goes_on_when_there_is_room():
    """Disks of 1, 7 and 20 MiB for a study of 23; really mounted where the system lets us."""
    try_sizes([1, 7, 20])


@pytest.mark.slow
def test_twenty_full_disks():
    """Disks of 1 to 20 MiB."""
    try_sizes(range(1, 21))


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


def test_a_damaged_part_is_named_with_what_to_do_when_a_study_continues(tmp_path):
    copy = tmp_path / "copy"
    run(copy, Disk())
    expected = open_results(copy).hash
    part = sorted((copy / "parts").iterdir())[0]
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(ResultsError, match="move it away and resume"):
        run(copy, Disk())
    part.unlink()
    run(copy, Disk())
    assert open_results(copy).hash == expected
