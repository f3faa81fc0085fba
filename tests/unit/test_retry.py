"""Runs that were set apart for what may have been an accident are done again on demand: the old row stands, or the new one."""

import shutil
from pathlib import Path

import pytest

import simengine
from simengine.api import open_results
from simengine.scenario.model import Precision
from simengine.studies import manifest, parts
from simengine.studies.design import Key, RequestError
from simengine.studies.estimate import done_in
from simengine.studies.files import Disk
from simengine.studies.runs import FINAL, STATUSES
from tests.toy import run_toy, toy_design, toy_run, toy_study

DESIGN = toy_design()
ACCIDENTS = sorted(set(STATUSES) - set(FINAL))
UNLUCKY = {(0.0, 0, 0): "failed", (0.0, 1, 1): "time_exceeded", (1.0, 2, 3): "worker_lost", (2.0, 0, 1): "failed"}
FOR_GOOD = {(1.0, 0, 0): "numerical_error", (2.0, 2, 2): "capacity_exceeded"}


class Patients:
    """The toy, but for runs that end badly; knows how often each was done."""

    def __init__(self, bad, reason="at first"):
        self.bad, self.reason, self.seen = bad, reason, []

    def __call__(self, scenario, seed, patient, replicate):
        address = (scenario.dose, patient, replicate)
        self.seen.append(address)
        if address in self.bad:
            error = ValueError(self.reason)
            error.status = self.bad[address]
            raise error
        return toy_run(scenario, seed, patient, replicate)


def run(folder, bad, disk=None, **options):
    """Do or continue the study in parts of four runs; return who was simulated."""
    reason = options.pop("reason", "at first")
    patients = Patients(bad, reason)
    run_toy(folder, DESIGN, patients, disk or Disk(), executor="serial", batch=4, commit_every_s=0.0, **options)
    return patients.seen


def rows(folder):
    """The status of every run; no run may have two rows or none."""
    table = open_results(folder).table
    keys = [Key(*row) for row in table[["point", "patient", "replicate"]].itertuples(index=False)]
    assert keys == DESIGN.keys
    return {(dose, p, r): s for dose, p, r, s in table[["dose", "patient", "replicate", "status"]].itertuples(index=False)}


@pytest.fixture(scope="module")
def struck(tmp_path_factory):
    folder = tmp_path_factory.mktemp("struck") / "results"
    run(folder, UNLUCKY | FOR_GOOD)
    return folder


@pytest.fixture
def copy(struck, tmp_path):
    return Path(shutil.copytree(struck, tmp_path / "copy"))


@pytest.fixture(scope="module")
def spared(tmp_path_factory):
    """The hash of a study in which nothing went wrong but what goes wrong every time."""
    folder = tmp_path_factory.mktemp("spared")
    run(folder, FOR_GOOD)
    return open_results(folder).hash


def test_every_status_is_either_final_or_tried_again():
    assert ACCIDENTS == ["failed", "time_exceeded", "worker_lost"] == sorted(set(UNLUCKY.values()))
    assert sorted({"ok", *FOR_GOOD.values()}) == sorted(FINAL)


def test_a_resume_alone_tries_nothing_again(copy, struck):
    assert run(copy, {}) == []
    assert open_results(copy).hash == open_results(struck).hash


def test_accidents_are_done_again_and_their_rows_replaced(copy, spared):
    assert sorted(run(copy, FOR_GOOD, retry=True)) == sorted(UNLUCKY)
    assert {address: status for address, status in rows(copy).items() if status != "ok"} == FOR_GOOD
    results = open_results(copy)
    assert results.hash == spared
    assert results.manifest["status"] == "complete"
    assert results.manifest["counts"] == {"capacity_exceeded": 1, "numerical_error": 1, "ok": 34}
    assert sorted(path.name for path in (copy / "parts").iterdir()) == sorted(results.manifest["parts"])
    assert len(results.snapshots()) == 2, "one of the three runs with a snapshot ended for good"
    assert run(copy, {}, retry=True) == []


def test_what_fails_again_has_one_row_with_the_new_reason(copy):
    for reason in ("again", "and again", "and again"):
        assert len(run(copy, UNLUCKY | FOR_GOOD, reason=reason, retry=True)) == 12, "four, each tried three times"
        assert {address: status for address, status in rows(copy).items() if status != "ok"} == UNLUCKY | FOR_GOOD
        table = open_results(copy).table
        assert set(table[table["status"].isin(ACCIDENTS)]["reason"]) == {f"ValueError: {reason}"}


class FailingDisk(Disk):
    """Fails at the n-th operation and ever after, as a process does that was killed."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def _ask(self):
        self.count += 1
        if self.count >= self.at:
            raise OSError(5, "Input/output error")

    def create(self, path):
        self._ask()
        return super().create(path)

    def sync(self, descriptor):
        self._ask()
        super().sync(descriptor)

    def rename(self, source, target):
        self._ask()
        super().rename(source, target)

    def remove(self, path):
        self._ask()
        super().remove(path)


@pytest.mark.parametrize("retry", [True, False], ids=["retried", "resumed"])
def test_a_retry_that_ends_anywhere_leaves_the_old_row_or_the_new_one(struck, tmp_path, spared, retry):
    """Every operation in turn is the last. Detects rows removed before their successors are there, and rows kept beside."""
    seen, at = set(), 0
    while True:
        at += 1
        folder, disk = Path(shutil.copytree(struck, tmp_path / str(at))), FailingDisk(at)
        try:
            run(folder, FOR_GOOD, disk, retry=True)
        except OSError:
            found = rows(folder)
            assert all(found[address] == status for address, status in FOR_GOOD.items())
            assert all(found[address] in ("ok", status) for address, status in UNLUCKY.items())
            seen.add(sum(found[address] == "ok" for address in UNLUCKY))
            if not retry:
                assert run(folder, {}) == []
                assert rows(folder) == found
                assert open_results(folder).manifest["status"] == "complete"
        if retry or disk.count < at:
            run(folder, FOR_GOOD, retry=True)
            assert open_results(folder).hash == spared
        if disk.count < at:
            break
    assert at > 15
    assert {0, 4} <= seen


def test_a_part_that_comes_back_from_the_dead_counts_no_more(copy, struck, spared):
    """A removal that a power cut undid: also of a part whose successor has a successor."""
    run(copy, UNLUCKY | FOR_GOOD, reason="again", retry=True)
    between = [path for path in (copy / "parts").iterdir() if not (struck / "parts" / path.name).exists()]
    kept = [shutil.copy(path, copy.parent) for path in between]
    run(copy, FOR_GOOD, retry=True)
    for path in (*(struck / "parts").iterdir(), *map(Path, kept)):
        shutil.copy(path, copy / "parts")
    assert open_results(copy).hash == spared
    assert simengine.Results(copy).manifest["counts"]["ok"] == 34
    run(copy, {}, retry=True)
    assert sorted(path.name for path in (copy / "parts").iterdir()) == sorted(manifest.read(copy)["parts"])


def test_what_a_foreign_part_says_of_others_is_not_believed(copy, struck, spared):
    name = sorted(path.name for path in (struck / "parts").iterdir())[0]
    table = parts.without(struck / "parts" / name, [])
    data = parts.to_bytes(table, "another", [name])
    (copy / "parts" / parts.file_name(data)).write_bytes(data)
    with pytest.raises(simengine.ResultsError, match="not listed"):
        open_results(copy)


def test_shares_are_retried_alone_and_joined(tmp_path, spared):
    for i in (1, 2):
        options = {"shard": f"{i}/2", "out": tmp_path, "executor": "serial"}
        simengine.sweep(toy_study(), runner=Patients(UNLUCKY | FOR_GOOD), **options)
        simengine.sweep(toy_study(), runner=Patients(FOR_GOOD), retry=True, **options)
    assert simengine.merge(tmp_path).hash == spared


def test_joined_results_are_retried(tmp_path, spared):
    for i in (1, 2):
        simengine.sweep(toy_study(), runner=Patients(UNLUCKY | FOR_GOOD), shard=f"{i}/2", out=tmp_path, executor="serial")
    simengine.merge(tmp_path)
    assert simengine.sweep(toy_study(), runner=Patients(FOR_GOOD), out=tmp_path, executor="serial", retry=True).hash == spared


def test_a_dry_run_counts_what_would_be_tried_again(copy):
    assert (done_in(copy, DESIGN), done_in(copy, DESIGN, retry=True)) == (36, 32)


def test_looks_that_counted_a_failed_run_are_not_unmade(tmp_path):
    precise = toy_design(precision=Precision(outcome="change_points", half_width=0.5))
    with pytest.raises(RequestError, match=r"--retry: a study with \[precision\]"):
        run_toy(tmp_path / "out", precise, retry=True)
    assert not (tmp_path / "out").exists()
