"""A stored run is done again from its folder alone, and every bit of it is compared."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import simengine
import simengine.scenario
from simengine import cli
from simengine.scenario import loads
from simengine.studies import manifest, provenance, replay
from simengine.studies.design import NOT_OF_A_POINT, Key, RequestError, design
from tests.toy import ToyResult, toy_snapshot

TEXT = """
name = "again"
patients = 3
replicates = 2
seed = 5
[[arm]]
name = "one"
[[arm]]
name = "half a dose"
set = { "run.duration_days" = 15 }
"""


def made(scenario, seed, patient, replicate):
    """A run that depends on its scenario and address, with every kind of column."""
    dice = np.random.default_rng([seed, patient, replicate, int(scenario.run.duration_days)])
    days = np.arange(0.0, scenario.run.duration_days)
    row = {"change": float(dice.normal()), "cause": "none", "lost": float("nan") if patient else 0.0}
    snapshots = {"day1": toy_snapshot(float(dice.normal()))} if replicate == 0 else {}
    return ToyResult(row, {"time_h": days * 24, "course": dice.normal(size=days.size)}, [(3.0, "priming", "x")], snapshots)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay") / "results"
    simengine.run(loads(TEXT), out=folder, runner=made, jobs=1)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.mark.parametrize("run", range(12))
def test_a_run_done_again_is_the_same_to_the_bit(finished, run):
    found = replay.replay(finished, run, made)
    assert found.is_same
    assert found.key == design(loads(TEXT)).keys[run]
    assert (found.courses, found.events, found.snapshots) == (2, 1, 1 if found.key.replicate == 0 else 0)
    assert found.program == ()
    assert str(found).startswith(f"arm {found.arm!r}, patient {found.key.patient}, replicate {found.key.replicate}: the same")


def last_bit(result, what):
    """The result with the last bit of one number, course, event or snapshot turned, or with one thing less."""
    row, courses, events, snapshots = dict(result.row), dict(result.courses), list(result.events), result.snapshots
    if what == "change":
        row["change"] = float(np.nextafter(row["change"], 9))
    elif what == "lost":
        row["lost"] = None
    elif what == "cause":
        row["cause"] = "nonE"
    elif what == "course.course":
        courses["course"] = np.concatenate([courses["course"][:-1], [np.nextafter(courses["course"][-1], 9)]])
    elif what == "events":
        events[0] = (np.nextafter(3.0, 4), "priming", "x")
    else:
        snapshots = {"day1": toy_snapshot(0.123)}
    return ToyResult(row, courses, events, snapshots)


@pytest.mark.parametrize("what", ["change", "lost", "cause", "course.course", "events", "snapshot.day1"])
def test_the_last_bit_of_anything_is_seen_and_named(finished, what):
    found = replay.replay(finished, 0, lambda *address: last_bit(made(*address), what))
    assert [difference.column for difference in found.differences] == [what]
    assert f"\n  {what}: " in str(found)
    if what == "course.course":
        assert "at 29 of 30 -> " in str(found)


def test_a_run_that_fails_now_differs(finished):
    def failing(*_):
        raise ArithmeticError("planted")

    found = replay.replay(finished, 0, failing)
    assert not found.is_same
    assert {"status", "reason", "change", "course.course"} <= {difference.column for difference in found.differences}


def test_a_run_that_failed_fails_again(tmp_path):
    def failing(scenario, seed, patient, replicate):
        raise ArithmeticError(f"planted {seed} {patient} {replicate}")

    simengine.run(loads(TEXT), out=tmp_path, runner=failing)
    found = replay.replay(tmp_path, 3, failing)
    assert found.is_same
    assert found.outcomes == 0


@pytest.mark.parametrize("path", ["model_version", "catalog.products.bm_msc", "catalog.cells.macrophage"])
def test_another_model_is_refused_with_what_differs(copy, path):
    written = manifest.read(copy)
    owner, *keys = path.split(".")
    inner = written[owner][keys[0]] if keys else written
    stored, inner[path.split(".")[-1]] = inner[path.split(".")[-1]], "other"
    manifest.write(copy, written)
    with pytest.raises(RequestError, match=re.escape(f'\n  {path}: "other" -> "{stored}"')):
        replay.replay(copy, 0, made)


def test_other_sources_of_the_same_model_are_told(finished, monkeypatch):
    monkeypatch.setattr(provenance, "_model_sources", lambda: "edited")
    found = replay.replay(finished, 0, made)
    assert found.is_same
    assert re.fullmatch(r'model_sources: "\w+" -> "edited"', *found.program)
    assert "another program did this run (there -> now): model_sources" in str(found)


def test_a_run_is_found_by_its_address(finished):
    assert replay.numbered(finished, "half a dose", 1, 1) == design(loads(TEXT)).keys.index(Key(1, 1, 1))
    with pytest.raises(RequestError, match='did you mean "half a dose"'):
        replay.numbered(finished, "half a dos", 0, 0)
    with pytest.raises(RequestError, match="no run of arm 'one', patient 3, replicate 0"):
        replay.numbered(finished, "one", 3, 0)
    with pytest.raises(RequestError, match=r"--run: got 12, expected 0 to 11"):
        replay.replay(finished, 12, made)


@pytest.mark.parametrize(
    "text",
    [
        'name = "tissue"\nseed = 3\nreplicates = 2\npatch.shape = [4, 4, 1]\nrun.duration_days = 0.5\n'
        'output.snapshot_days = [0.5]\ndelivery = [{ route = "intramyocardial", dose_cells = 1e6 }]\n',
        'name = "drawn"\nseed = 9\nreplicates = 4\npatients = 2\nrun = { duration_days = 3, mode = "body" }\n'
        'population.name = "older_after_infarction"\nuncertainty = { knowledge = "per_draw", draws = 3 }\n',
        'name = "marrow"\nseed = 4\nreplicates = 2\nrun.duration_days = 20\n[transplant]\n',
    ],
    ids=["tissue", "drawn", "marrow"],
)
def test_the_engine_repeats_its_runs_by_the_command_line(tmp_path, capsys, monkeypatch, text):
    """From a folder that was moved, without its scenario file, in another working folder."""
    simengine.run(loads(text), out=tmp_path / "there", jobs=2)
    (tmp_path / "there").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    label = simengine.open_results("moved").points[0].label
    for arguments in (["--run", "1"], ["--arm", label, "--replicate", "1"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(["replay", "moved", *arguments])
        assert caught.value.code == 0
        assert "patient 0, replicate 1: the same to the bit: " in capsys.readouterr().out
    assert simengine.open_results("moved").replay(0).is_same
    with pytest.raises(SystemExit) as caught:
        cli.main(["replay", "moved"])
    assert caught.value.code == 2


def test_every_packaged_study_can_be_had_back_from_its_manifest():
    """Each arm of each study resolves to the scenario that it was, all fields stated or not."""
    for path in sorted(Path(simengine.scenario.scenarios_folder()).glob("*.toml")):
        chosen = design(simengine.load(path))
        written = manifest.new(chosen, {})
        for point in chosen.points:
            again = replay._point(written, point.index).scenario.model_dump(exclude=set(NOT_OF_A_POINT))
            assert again == point.scenario.model_dump(exclude=set(NOT_OF_A_POINT))
