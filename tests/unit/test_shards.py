"""Shares of a study, run apart and joined, are the study; what is missing, damaged or foreign is never joined."""

import os
import re
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import simengine
from simengine.api import open_results
from simengine.cli import simengine as command
from simengine.scenario import loads
from simengine.studies import shards
from simengine.studies.design import Key, RequestError
from simengine.studies.files import Disk, ResultsError
from simengine.studies.slurm import Job, script
from tests.toy import run_toy, slow_run, toy_design, toy_run, toy_study

ROOT = Path(__file__).resolve().parents[2]
KEYS = toy_design().keys
TISSUE = """
name = "tissue"
replicates = 4
run = { duration_days = 1.0 }
patch = { shape = [6, 6, 2] }
delivery = [{ route = "intramyocardial", dose_cells = 100000 }]
[[arm]]
name = "own"
set = { "donor.relation" = "autologous" }
[[arm]]
name = "other"
"""
TRANSPLANT = """
name = "graft"
replicates = 6
run = { duration_days = 40.0 }
[transplant]
"""


def run_share(folder, i, n=3, runner=toy_run, **options):
    return simengine.sweep(toy_study(), out=folder, shard=f"{i}/{n}", runner=runner, **options)


def run_shares(folder, order=(1, 2, 3)):
    for i in order:
        run_share(folder, i)
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    run_toy(folder)
    return open_results(folder)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 50])
def test_shares_are_every_nth_run_and_make_up_the_whole(n):
    assert [Key(point, patient, replicate) for point in range(3) for patient in range(3) for replicate in range(4)] == KEYS
    designs = [shards.share(toy_design(), f"{i}/{n}") for i in range(1, n + 1)]
    assert [design.keys for design in designs] == [KEYS[i::n] for i in range(n)]
    assert [len(design) for design in designs] == [len(KEYS[i::n]) for i in range(n)]
    assert {design.experiment()["seed"] for design in designs} == {7}


def test_a_later_first_patient_is_kept_in_shares():
    design = replace(toy_design(), first_patient=10)
    assert sorted({key.patient for key in shards.share(design, "2/2").keys}) == [10, 11, 12]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_joined_shares_are_the_results_of_the_whole(tmp_path, reference, order):
    merged = simengine.merge(run_shares(tmp_path, order))
    assert merged.hash == reference.hash
    assert merged.manifest["study_hash"] == reference.manifest["study_hash"]
    assert {name: merged.manifest[name] for name in ("runs", "counts", "status", "points", "swept")} == {
        name: reference.manifest[name] for name in ("runs", "counts", "status", "points", "swept")
    }
    assert "shard" not in merged.manifest
    assert [session["shard"] for session in merged.manifest["sessions"]] == [[1, 3], [2, 3], [3, 3]]
    assert len(merged.manifest["parts"]) == 1
    assert [path.name for path in merged.snapshots()] == [path.name for path in reference.snapshots()]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "manifest.json", "parts", "snapshots"]


def test_more_shares_than_runs_are_joined_all_the_same(tmp_path, reference):
    for i in range(1, 41):
        run_share(tmp_path, i, 40)
    assert simengine.merge(tmp_path).hash == reference.hash


def test_shares_may_run_at_the_same_time(tmp_path, reference):
    runner = partial(slow_run, 0.01)
    threads = [threading.Thread(target=run_share, args=(tmp_path, i, 3, runner)) for i in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert simengine.merge(tmp_path).hash == reference.hash


@pytest.mark.parametrize("text", [TISSUE, TRANSPLANT], ids=["tissue", "transplant"])
def test_real_runs_have_the_same_bits_in_shares(tmp_path, text):
    study = loads(text)
    for i in (3, 1, 2):
        simengine.sweep(study, out=tmp_path / "shares", shard=f"{i}/3")
    assert simengine.merge(tmp_path / "shares").hash == simengine.sweep(study, out=tmp_path / "whole", jobs=1).hash


def test_parts_are_joined_into_few_and_split_where_they_are_large(tmp_path, reference, monkeypatch):
    for i in (1, 2, 3):
        run_share(tmp_path, i, batch=1, commit_every_s=0.0)
    assert sum(len(list((path / "parts").iterdir())) for path in shards.found(tmp_path)) > 20
    monkeypatch.setattr(shards, "PART_BYTES", 2000)
    merged = simengine.merge(tmp_path)
    assert 2 < len(merged.manifest["parts"]) < 20
    assert merged.hash == reference.hash


def test_a_share_is_continued_and_nothing_is_done_twice(tmp_path, reference):
    run_shares(tmp_path)
    part = next((shards.found(tmp_path)[1] / "parts").iterdir())
    part.unlink()
    with pytest.raises(ResultsError, match="is missing"):
        simengine.merge(tmp_path)
    seen = []
    run_share(tmp_path, 2, runner=lambda *address: seen.append(address) or toy_run(*address))
    assert len(seen) == 12
    run_share(tmp_path, 1, runner=lambda *_: pytest.fail("a run was done twice"))
    assert simengine.merge(tmp_path).hash == reference.hash


def stopped_share(folder):
    with pytest.raises(ResultsError):
        run_share(folder, 2, runner=toy_run, progress=lambda progress: (_ for _ in ()).throw(ResultsError("stop")))


def foreign_share(folder):
    simengine.sweep(toy_study(seed=8), out=folder, shard="2/3", runner=toy_run)


def test_what_is_not_complete_is_not_joined_and_all_of_it_is_named(tmp_path):
    run_share(tmp_path, 3)
    stopped_share(tmp_path)
    with pytest.raises(RequestError) as caught:
        simengine.merge(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[1:] == [
        "  000001-of-000003: is missing",
        "  000002-of-000003: is running, with 0 of 12 runs written",
    ]
    with pytest.raises(ResultsError, match="join them with `simengine merge`"):
        open_results(tmp_path)


def test_shares_of_another_study_are_not_joined(tmp_path):
    run_share(tmp_path, 1)
    foreign_share(tmp_path)
    run_share(tmp_path, 3)
    with pytest.raises(RequestError, match=r"000002-of-000003: is of another study .*seed, study_hash differ"):
        simengine.merge(tmp_path)


def test_a_damaged_share_is_not_joined(tmp_path):
    run_shares(tmp_path)
    part = next((shards.found(tmp_path)[2] / "parts").iterdir())
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(bytes(data))
    with pytest.raises(ResultsError, match=re.escape(str(part))):
        simengine.merge(tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_folders_of_shares_and_of_whole_studies_are_kept_apart(tmp_path):
    run_share(tmp_path / "shares", 1)
    with pytest.raises(RequestError, match="holds shards"):
        simengine.sweep(toy_study(), out=tmp_path / "shares", runner=toy_run)
    with pytest.raises(RequestError, match="holds shards of 3"):
        run_share(tmp_path / "shares", 1, 4)
    run_toy(tmp_path / "whole")
    with pytest.raises(RequestError, match="a whole study"):
        run_share(tmp_path / "whole", 1)
    with pytest.raises(RequestError, match="holds no shards"):
        simengine.merge(tmp_path / "whole")


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "-1/3", "1/0", "1/3/5", "a/b", "1.0/3", " 1/3", "1/1000000"])
def test_a_shard_is_written_i_of_n(text):
    with pytest.raises(RequestError, match="--shard: got "):
        shards.parse(text)


class FailingDisk(Disk):
    """Fails at the n-th operation."""

    def __init__(self, n):
        self.left = n

    def _count(self):
        self.left -= 1
        if self.left < 0:
            raise OSError(5, "Input/output error")

    def create(self, path):
        self._count()
        return super().create(path)

    def rename(self, source, target):
        self._count()
        super().rename(source, target)


def test_a_merge_that_fails_anywhere_is_done_by_the_next(tmp_path, reference):
    n = 0
    while True:
        folder = run_shares(tmp_path / str(n))
        try:
            shards.merge(folder, FailingDisk(n))
        except OSError:
            assert not (folder / "manifest.json").exists()
            assert len(shards.found(folder)) == 3
            assert simengine.merge(folder).hash == reference.hash
            n += 1
        else:
            break
    assert n >= 6


def test_a_merge_that_was_killed_before_the_shares_were_removed_is_finished(tmp_path, reference, monkeypatch):
    run_shares(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shards.shutil, "rmtree", lambda path, ignore_errors=False: None)
        shards.merge(tmp_path)
    assert len(shards.found(tmp_path)) == 3
    assert simengine.merge(tmp_path).hash == reference.hash
    assert not shards.found(tmp_path)


def invoke(*words):
    return CliRunner().invoke(command, words, standalone_mode=False)


def test_the_script_for_slurm_runs_and_joins_a_study(tmp_path):
    """The script is run as SLURM would, once for each task; the time limit and cores are SLURM's."""
    study = tmp_path / "my study.toml"
    study.write_text(TRANSPLANT)
    out = tmp_path / "a folder; with $(signs)"
    words = (
        "slurm",
        str(study),
        "--shards",
        "2",
        "--out",
        str(out),
        "--partition",
        "long",
        "--executor",
        "threads",
        "--set",
        "donor.age_years=33",
    )
    text = invoke(*words).output
    path = tmp_path / "job.sh"
    path.write_text(text)
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=60)
    assert "#SBATCH --array=1-2\n" in text
    assert "#SBATCH --partition=long\n" in text
    assert "#SBATCH --signal=B:TERM@120\n" in text
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SLURM_CPUS_PER_TASK": "1"}
    for task in ("2", "1"):
        given = environment | {"SLURM_ARRAY_TASK_ID": task}
        subprocess.run(["bash", str(path)], check=True, timeout=600, env=given, cwd=tmp_path, capture_output=True)
    merged = simengine.merge(out)
    whole = simengine.sweep(simengine.load(study, ["donor.age_years=33"]), out=tmp_path / "whole")
    assert merged.hash == whole.hash


@pytest.mark.parametrize("limit", ["30", "10:00", "04:00:00", "2-12", "1-00:00:00"])
@pytest.mark.parametrize("name", ["plain", "with space", 'quote"', "$(touch x)", "`touch x`", "ünï"])
def test_no_name_breaks_out_of_the_script(tmp_path, limit, name):
    path = tmp_path / "job.sh"
    path.write_text(script(name, "'x y'", tmp_path / name, Job(3, limit, 1, 100)))
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=60)
    lines = path.read_text().splitlines()
    command_lines = [line for line in lines if line.startswith(("exec ", "  --shard"))]
    words = shlex.split(" ".join(line.removesuffix("\\") for line in command_lines))
    assert (words[0], words[3:6], words[-2:]) == ("exec", ["simengine", "sweep", "x y"], ["--out", str(tmp_path / name)])
    heads = [line for line in lines if line.startswith("#SBATCH --job-name")]
    assert len(heads) == 1
    assert re.fullmatch(r"#SBATCH --job-name=[A-Za-z0-9_.-]+", heads[0])


def test_a_folder_that_no_line_can_hold_is_refused(tmp_path):
    with pytest.raises(RequestError, match="--out: got"):
        script("name", "x", tmp_path / "a\nb", Job(3, "30", 1, 100))


@pytest.mark.parametrize(
    ("option", "value"), [("--time", "an hour"), ("--time", "1;2"), ("--partition", "a b"), ("--account", "$HOME")]
)
def test_what_slurm_does_not_take_is_refused(option, value):
    result = invoke("slurm", "transplant_donor_choice", option, value)
    assert isinstance(result.exception, RequestError)
    assert f"{option}: got {value!r}" in str(result.exception)


def test_the_command_line_runs_shares_and_joins_them(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(TRANSPLANT)
    out = str(tmp_path / "out")
    for i in (1, 2):
        result = invoke("sweep", str(study), "--shard", f"{i}/2", "--out", out)
        assert result.return_value == 0
        assert f"this is shard {i}/2; when all are done: simengine merge {out}" in result.output
    joined = invoke("merge", out)
    assert joined.return_value == 0
    assert f"{out}: 6 runs in 1 parts, hash {open_results(out).hash}" in joined.output
    assert sys.modules["simengine"].__all__.count("merge") == 1
