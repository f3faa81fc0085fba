"""Damage of saved results is found, all of it at once, whatever file it strikes and however small it is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from simengine import cli
from simengine.api import open_results
from simengine.studies import manifest
from simengine.studies.files import ResultsError
from simengine.studies.integrity import inspect
from tests.toy import run_toy, toy_design

DESIGN = toy_design(replicates=2, patients=2)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy") / "results"
    run_toy(folder, DESIGN, jobs=1, batch=4, commit_every_s=0.0)
    assert inspect(folder) == []
    return folder


@pytest.fixture
def copy(healthy, tmp_path):
    return Path(shutil.copytree(healthy, tmp_path / "copy"))


def content_files(folder):
    """Every file that holds results, in a fixed order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    assert {path.suffix for path in files} == {".json", ".parquet", ".npz"}
    return files


def found(folder, *paths):
    """Check that damage is found, and one of the files that it struck named, by a look and by opening the results."""
    assert {damage.path.name for damage in inspect(folder)} & {path.name for path in paths}
    with pytest.raises(ResultsError) as caught:
        open_results(folder)
    assert any(path.name in str(caught.value) for path in paths)


def flip_and_cut(folder, n_flips, n_cuts, seed):
    """Flip one random bit, or cut a random tail, of a random file, again and again, and look each time."""
    rng = np.random.default_rng(seed)
    files = content_files(folder)
    for i in range(n_flips + n_cuts):
        path = files[rng.integers(len(files))]
        data = path.read_bytes()
        place = int(rng.integers(len(data)))
        flipped = data[:place] + bytes([data[place] ^ (1 << int(rng.integers(8)))]) + data[place + 1 :]
        path.write_bytes(flipped if i < n_flips else data[:place])
        found(folder, path)
        path.write_bytes(data)
    assert inspect(folder) == []


def test_every_flipped_bit_and_cut_tail_is_found(copy):
    flip_and_cut(copy, n_flips=200, n_cuts=50, seed=1)


@pytest.mark.slow
def test_ten_thousand_flipped_bits_and_a_thousand_cut_tails_are_found(copy):
    flip_and_cut(copy, n_flips=10_000, n_cuts=1_000, seed=2)


def move_about(healthy, home, n, seed):
    """Swap two files, give one the bytes of another, copy one, rename one, lose one, bring one from elsewhere."""
    rng = np.random.default_rng(seed)
    other = home / "other"
    run_toy(other, toy_design(replicates=2, patients=2, seed=99), jobs=1, batch=4, commit_every_s=0.0)
    for i in range(n):
        folder = Path(shutil.copytree(healthy, home / str(i)))
        files = [path for path in content_files(folder) if path.suffix != ".json"]
        first, second = (files[j] for j in rng.choice(len(files), 2, replace=False))
        one, two = first.read_bytes(), second.read_bytes()
        kind = i % 6
        if kind == 0:
            first.write_bytes(two)
            second.write_bytes(one)
        elif kind == 1:
            first.write_bytes(two)
        elif kind == 2:
            first = Path(shutil.copy(first, first.with_stem(f"{first.stem}-copy")))
        elif kind == 3:
            first = first.rename(first.with_stem(first.stem[:-1] + ("0" if first.stem[-1] != "0" else "1")))
        elif kind == 4:
            first.unlink()
        else:
            stranger = sorted((other / "parts").iterdir())[rng.integers(len(list((other / "parts").iterdir())))]
            first = Path(shutil.copy(stranger, folder / "parts"))
        found(folder, *((first, second) if kind == 0 else (first,)))
        shutil.rmtree(folder)


def test_files_that_were_moved_about_are_found(healthy, tmp_path):
    move_about(healthy, tmp_path, n=24, seed=3)


@pytest.mark.slow
def test_files_that_were_moved_about_two_hundred_times_are_found(healthy, tmp_path):
    move_about(healthy, tmp_path, n=200, seed=4)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_manifest_of_fewer_parts_is_found(copy, rows):
    """One that is older than its parts, in every state that it may have had."""
    written = manifest.read(copy)
    for status in ("complete", "stopped"):
        manifest.write(copy, written | {"status": status, "parts": dict(list(written["parts"].items())[:rows])})
        with pytest.raises(ResultsError, match="not listed"):
            open_results(copy)


def test_counts_that_the_rows_do_not_bear_out_are_found(copy):
    written = manifest.read(copy)
    manifest.write(copy, written | {"counts": {"ok": 11, "failed": 1}})
    with pytest.raises(ResultsError, match=r"holds 12 ok, the manifest says \{'ok': 11, 'failed': 1\}"):
        open_results(copy)


def call(*arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return caught.value.code


def test_all_damage_is_named_at_once_with_what_to_do(copy, capsys):
    """Four files of four kinds in one answer, and exit code 1; nothing is changed by looking."""
    parts, snapshots = sorted((copy / "parts").iterdir()), sorted((copy / "snapshots").iterdir())
    parts[0].write_bytes(parts[0].read_bytes()[:-1])
    parts[2].unlink()
    (copy / "parts" / "notes.txt").write_text("mine")
    (copy / "snapshots" / "strange.npz").write_bytes(b"")
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert call("verify", str(copy)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert f"{parts[0]} is damaged: " in "\n".join(lines)
    assert "move it away and resume: only its runs are computed again" in "\n".join(lines)
    assert f"{parts[2]} is missing" in "\n".join(lines)
    assert "notes.txt is no part of results; move it away" in "\n".join(lines)
    assert lines[-1] == f"{copy}: damaged"
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert call("verify", str(copy), "--json") == 1
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert len(snapshots) == 3


def test_whole_results_are_called_whole(healthy, capsys):
    assert call("verify", str(healthy)) == 0
    assert capsys.readouterr().out == f"{healthy}: whole\n"


def test_a_folder_without_results_is_no_damage_but_a_fault(tmp_path, capsys):
    assert call("verify", str(tmp_path)) == 74
    assert "holds no results" in capsys.readouterr().err


def follow_advice(folder):
    """Take away what is named, and the parts that the advice names."""
    for damage in inspect(folder):
        for path in (damage.path, *(folder / "parts").iterdir()):
            if path == damage.path or path.name in damage.advice:
                path.unlink(missing_ok=True)


def test_the_advice_mends_the_folder(copy, healthy):
    """A part, a snapshot of another one and the manifest are struck; what is left is kept and the study is whole again."""
    parts, snapshots = sorted((copy / "parts").iterdir()), sorted((copy / "snapshots").iterdir())
    for path in (parts[0], snapshots[0], snapshots[2], copy / manifest.NAME):
        path.write_bytes(path.read_bytes()[:-1])
    assert {damage.path.name for damage in inspect(copy)} == {manifest.NAME, parts[0].name}
    follow_advice(copy)
    with pytest.raises(ResultsError, match=r"day1\.npz is damaged"):
        run_toy(copy, DESIGN)
    manifest.write(copy, manifest.new(DESIGN, {}))
    follow_advice(copy)
    assert list((copy / "parts").iterdir()), "all was thrown away"
    run_toy(copy, DESIGN)
    assert open_results(copy).hash == open_results(healthy).hash
    assert inspect(copy) == []
