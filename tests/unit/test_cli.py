"""The command line: help, exit codes, what goes to which stream, and nothing loaded that is not needed."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import simengine as package
from simengine import api, cli
from simengine.cli.progress import Reporter, duration
from simengine.foundation.version import __version__
from simengine.studies.execute import Progress
from simengine.studies.probe import probe
from tests.toy import toy_run, toy_study

ROOT = Path(package.__file__).parents[1]
HEAVY = ("numba", "pandas", "pyarrow", "scipy", "matplotlib", "pydantic", "numpy", "rich")


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """The toy study in place of every scenario and the toy runner in place of the engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "load", lambda path, overrides=(): toy_study())
    monkeypatch.setattr(api, "warm_up", lambda announce, scenarios=None: announce())
    monkeypatch.setattr(api, "_descriptions", lambda runner: {})
    monkeypatch.setattr("simengine.studies.estimate._bound_mb", lambda scenario: 50.0)
    monkeypatch.setattr("simengine.studies.estimate._apart", lambda plan: probe(replace(plan, runner=toy_run)))
    monkeypatch.setattr("simengine.engine.simulate", lambda *address: address, raising=False)
    monkeypatch.setattr("simengine.outcomes.evaluate", lambda scenario, address: toy_run(*address), raising=False)
    return tmp_path


def call(*arguments):
    """Call the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    return caught.value.code


def loaded_by(code):
    """The heavy packages that a fresh process has loaded after some code."""
    probe = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    return set(done.stderr.split()) & set(HEAVY)


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_every_command_has_help_with_an_example(command, capsys):
    assert call(*command.split(), "--help") == 0
    text = capsys.readouterr().out
    assert re.search(rf"Example:\n +simengine {command or 'demo'}", text)


def test_help_names_every_command_and_the_disclaimer(capsys):
    call("--help")
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in cli.COMMANDS)
    assert "Not medical advice" in text


def test_help_loads_nothing_heavy():
    code = "from simengine.cli import main\ntry:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass"
    assert loaded_by(code) == set()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import simengine; assert simengine.__version__") == set()


def test_every_public_name_is_there_and_listed():
    assert dir(package) == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


def test_the_version_is_that_of_the_project_file():
    assert __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_run_prints_results_on_stdout_and_messages_on_stderr(toy, capsys):
    assert call("run", "toy", "--jobs", 2) == 0
    out, err = capsys.readouterr()
    assert out.startswith("A toy\n")
    assert "dose 2" in out
    assert "Research software. Not medical advice." in out
    assert max(map(len, out.splitlines())) <= 100
    assert "compiling the engine, first run only" in err
    assert "results: results/toy" in err
    assert len(package.open_results("results/toy").table) == 36


def test_an_arm_alone_has_a_folder_of_its_own(toy):
    assert call("run", "toy", "--arm", "dose 1", "--quiet") == 0
    assert package.open_results("results/toy-dose_1").table["arm"].unique().tolist() == ["dose 1"]


def test_quiet_leaves_stderr_empty(toy, capsys):
    assert call("sweep", "toy", "--quiet") == 0
    out, err = capsys.readouterr()
    assert "dose 2" in out
    assert err == ""


def test_json_is_one_document_of_plain_numbers(toy, capsys):
    assert call("sweep", "toy", "--json", "--quiet", "--replicates", 2) == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["counts"] == {"ok": 18}
    assert document["hash"] == package.open_results("results/toy").hash
    assert {row["arm"] for row in document["summary"]} == {"dose 0", "dose 1", "dose 2"}


def test_dry_run_says_what_it_costs_and_writes_nothing(toy, capsys):
    assert call("run", "toy", "--dry-run", "--jobs", 3) == 0
    out = capsys.readouterr().out
    assert "3 arms x 3 patients x 4 replicates = 36 runs" in out
    lines = [
        r"about \d+ (s|min) .*on 3 threads with a core each \(\S+ s a run, from 36 runs\)",
        r"about 0\.\d{3} MB in results/toy",
        r"about \d+ MB of memory: \d+ for the program, \d+ for rows, 3 x \d+ for threads",
        r"the largest run would take 50 MB if it filled run.max_agents; above 2000 MB \(run.memory_limit_mb\) it is refused",
    ]
    assert re.search("\n".join(lines) + "\n$", out)
    assert "are done already" not in out
    assert list(toy.iterdir()) == []


def test_dry_run_says_what_a_resume_would_skip_and_what_a_shard_is(toy, capsys):
    call("run", "toy", "--replicates", 2, "--shard", "1/2", "--quiet")
    capsys.readouterr()
    before = sorted(toy.rglob("*"))
    asked = ("run", "toy", "--replicates", 2, "--dry-run", "--quick")
    assert call(*asked, "--shard", "1/2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("runs", "done")} == {"runs": 9, "done": 9}
    assert call(*asked, "--shard", "1/2") == 0
    assert capsys.readouterr().out == (
        "toy: 3 arms x 3 patients x 2 replicates, of which shard 1/2: 9 runs\n"
        "9 are done already and are not run again, 0 are left\n"
        "the largest run would take 50 MB if it filled run.max_agents; above 2000 MB (run.memory_limit_mb) it is refused\n"
    )
    assert call(*asked, "--shard", "2/2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] == 0
    assert sorted(toy.rglob("*")) == before
    assert call("run", "toy", "--replicates", 3, "--dry-run", "--quick", "--shard", "1/2") == 2
    assert "replicates: 2 -> 3" in capsys.readouterr().err


def test_quick_dry_run_runs_nothing(toy, monkeypatch, capsys):
    monkeypatch.setattr("simengine.engine.simulate", lambda *_: pytest.fail("a run was done"), raising=False)
    assert call("run", "toy", "--dry-run", "--quick", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 36


def test_a_failed_run_ends_with_code_1_after_the_summary(toy, monkeypatch, capsys):
    def evaluate(scenario, address):
        if address[2:] == (1, 2):
            raise FloatingPointError("negative cells")
        return toy_run(*address)

    monkeypatch.setattr("simengine.outcomes.evaluate", evaluate, raising=False)
    assert call("run", "toy") == 1
    out, err = capsys.readouterr()
    assert "11/12" in out
    assert "3 of 36 runs are left out: 3 failed." in out
    assert "arm 'dose 0', patient 1, replicate 2: failed: FloatingPointError: negative cells" in err


def test_a_retry_does_failed_runs_again_and_a_dry_run_counts_them(toy, monkeypatch, capsys):
    def evaluate(scenario, address):
        if address[2:] == (1, 2):
            raise FloatingPointError("negative cells")
        return toy_run(*address)

    with monkeypatch.context() as unlucky:
        unlucky.setattr("simengine.outcomes.evaluate", evaluate, raising=False)
        assert call("run", "toy", "--quiet") == 1
    assert call("run", "toy", "--quiet") == 1
    for words, done, left in ((("--retry",), 33, 3), ((), 36, 0)):
        capsys.readouterr()
        assert call("run", "toy", "--dry-run", "--quick", *words) == 0
        assert f"{done} are done already and are not run again, {left} are left\n" in capsys.readouterr().out
    assert call("run", "toy", "--quiet", "--retry") == 0
    assert "left out" not in capsys.readouterr().out
    assert api.open_results("results/toy").manifest["counts"] == {"ok": 36}


def test_a_changed_experiment_ends_with_code_2_and_restart_keeps_the_old(toy, capsys):
    call("run", "toy", "--quiet")
    capsys.readouterr()
    assert call("run", "toy", "--seed", 8) == 2
    out, err = capsys.readouterr()
    assert "  seed: 7 -> 8\n" in err
    assert out == ""
    assert call("run", "toy", "--seed", 8, "--restart", "--quiet") == 0
    assert package.open_results("results/toy").manifest["seed"] == 8
    assert package.open_results("results/toy.before-1").manifest["seed"] == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["run"], "Missing argument 'SCENARIO'"),
        (["run", "x", "--jobs", "0"], "--jobs"),
        (["run", "x", "--seed", "-1"], "--seed"),
        (["plot", "nowhere"], "does not exist"),
        (["run", "nowhere.toml"], "nowhere.toml:1:1: "),
        (["check", "nowhere.toml"], "nowhere.toml:1:1: "),
        (["list", "nonsense"], "KIND"),
    ],
)
def test_wrong_input_ends_with_code_2_and_one_message(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert call(*arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_arm_is_answered_with_the_arms_there_are(toy, capsys):
    assert call("run", "toy", "--arm", "dose 11") == 2
    assert 'expected one of dose 0, dose 1, dose 2; did you mean "dose 1"?' in capsys.readouterr().err


def test_an_absurd_number_of_runs_is_refused_before_anything_is_made(toy, capsys):
    assert call("run", "toy", "--replicates", 10**15) == 2
    assert "expected at most" in capsys.readouterr().err
    assert list(toy.iterdir()) == []


def test_a_full_disk_ends_with_code_74_and_one_line(toy, monkeypatch, capsys):
    def write(self, descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("simengine.studies.files.Disk.write", write)
    assert call("run", "toy", "--quiet") == 74
    assert capsys.readouterr().err == "simengine: results/toy/manifest.json: No space left on device [ENOSPC]\n"


def test_damaged_results_end_with_code_74(toy, capsys):
    call("run", "toy", "--quiet")
    path = Path("results/toy/manifest.json")
    path.write_bytes(path.read_bytes().replace(b'"seed": 7', b'"seed": 9'))
    capsys.readouterr()
    assert call("plot", "results/toy") == 74
    assert "manifest.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_ends_with_its_code_and_no_traceback(toy, monkeypatch, capsys, signum, code):
    def evaluate(scenario, address):
        os.kill(os.getpid(), signum)
        return toy_run(*address)

    monkeypatch.setattr("simengine.outcomes.evaluate", evaluate, raising=False)
    assert call("run", "toy", "--jobs", 1) == code
    out, err = capsys.readouterr()
    assert re.search(r"simengine: stopped; \d+ of 36 runs are saved", err)
    assert "Traceback" not in err
    assert out == ""


def test_an_interrupt_before_the_first_run_ends_with_code_130(toy, monkeypatch, capsys):
    def interrupt(announce, scenarios=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "warm_up", interrupt)
    assert call("run", "toy") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_results_that_are_complete_are_shown_again_without_running(toy, monkeypatch, capsys):
    call("run", "toy", "--quiet")
    first = capsys.readouterr().out
    monkeypatch.setattr("simengine.engine.simulate", lambda *_: pytest.fail("a run was done"), raising=False)
    assert call("run", "toy", "--quiet") == 0
    assert capsys.readouterr().out == first


def test_the_schema_is_json_with_its_own_draft(capsys):
    assert call("schema") == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


def test_list_names_every_kind(capsys):
    assert call("list", "--json") == 0
    kinds = [row["kind"] for row in json.loads(capsys.readouterr().out)]
    assert {"products", "drugs", "sites", "scenarios"} <= set(kinds)


def test_doctor_reports_each_thing_on_one_line(capsys):
    call("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 12
    assert all(line.startswith(("ok  ", "PROBLEM  ")) for line in lines)


def test_plot_draws_and_says_what_it_wrote(toy, capsys):
    call("run", "toy", "--quiet")
    capsys.readouterr()
    assert call("plot", "results/toy", "--out", "drawn", "--paraview") == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {".png", ".csv", ".html", ".pvd"} <= {path.suffix for path in written}
    assert all(path.stat().st_size > 100 for path in written)
    assert Path("drawn/paraview/point0002-patient00000-replicate00000/deposit-cells.pvd") in written


def test_demo_runs_draws_and_says_where_everything_is(toy, capsys):
    assert call("demo", "--jobs", 2) == 0
    out, err = capsys.readouterr()
    assert "drawing the figures" in err
    assert "Research software. Not medical advice." in out
    assert max(map(len, out.splitlines())) <= 100
    figures = re.search(r"^figures: (.+)$", out, re.MULTILINE)
    assert figures is not None
    assert list(Path(figures[1]).glob("*.png"))


def test_progress_in_a_log_speaks_every_half_minute_only(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Reporter() as report:
        for done in range(121):
            report(Progress(done, 121, failed=done // 100))
            now[0] += 1.0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[1] == "running: 30 of 121 done, 60 runs/min, 1 min 31 s left"
    assert lines[-1].startswith("running, 1 failed: 120 of 121")


def test_lengths_of_time_are_written_as_people_say_them():
    assert [duration(s) for s in (0.4, 59.4, 200, 7500, 273600)] == [
        "0 s",
        "59 s",
        "3 min 20 s",
        "2 h 5 min",
        "3 d 4 h",
    ]


def test_packaged_studies_are_listed_with_what_they_are_for(capsys):
    """Each by its name with the comment of its first line."""
    assert call("scenarios", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    files = sorted((ROOT / "scenarios").glob("*.toml"))
    assert [row["name"] for row in rows] == [file.stem for file in files]
    assert [f"# {row['what it is for']}" for row in rows] == [file.read_text().splitlines()[0] for file in files]


def test_a_packaged_study_is_copied_and_nothing_is_overwritten(tmp_path, monkeypatch, capsys):
    """To the folder one is in, to another folder, to a file; a second time the copy and what changed in it stay."""
    monkeypatch.chdir(tmp_path)
    original = (ROOT / "scenarios" / "heart_infarct_demo.toml").read_text()
    (tmp_path / "there").mkdir()
    name = "heart_infarct_demo.toml"
    for to, lands in (([], name), (["there"], f"there/{name}"), (["own.toml"], "own.toml")):
        assert call("scenarios", "copy", "heart_infarct_demo", *to) == 0
        assert (tmp_path / lands).read_text() == original
    (tmp_path / "own.toml").write_text("mine")
    assert call("scenarios", "copy", "heart_infarct_demo", "own.toml") == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "own.toml").read_text() == "mine"
    assert call("scenarios", "copy", "heart_infarct_dmo") == 2
    assert "heart_infarct_demo" in capsys.readouterr().err
