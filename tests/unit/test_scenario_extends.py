"""Inheritance: what merges and what replaces, and that no name leads out of the folders where scenarios live."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from simengine.foundation.errors import InputError
from simengine.scenario import check_files, find_scenario, inherit, load, loads, scenarios_folder
from simengine.scenario.model import MOST_FILES

ROOT = Path(__file__).parents[2]

HOSTILE = [
    "../secret.toml",
    "../../secret.toml",
    "./../secret.toml",
    "inner/../../secret.toml",
    "inner/../../../../../../../../etc/secret.toml",
    "/etc/passwd",
    "/etc/passwd.toml",
    "//etc/secret.toml",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/mem",
    "/proc/self/environ",
    "file:///etc/secret.toml",
    "http://example.org/a.toml",
    "~/secret.toml",
    "~root/secret.toml",
    "$HOME/secret.toml",
    "${HOME}/secret.toml",
    "%HOME%/secret.toml",
    "..\\secret.toml",
    "..\\..\\secret.toml",
    "\\\\server\\share\\a.toml",
    "\\\\?\\C:\\secret.toml",
    "C:\\secret.toml",
    "C:/secret.toml",
    "%2e%2e/secret.toml",
    "..%2fsecret.toml",
    "..%00/secret.toml",
    "sound.toml\x00.txt",
    "sound.toml\n",
    "‥/secret.toml",
    "．．/secret.toml",
    "..∕secret.toml",
    "ѕound.toml",
    "sound.toml ",
    " sound.toml",
    "sound",
    "sound.json",
    ".",
    "..",
    "inner",
    "inner/",
    "",
    "CON.toml",
    "nul.toml",
    "inner/COM1.toml",
    "link_out.toml",
    "link_folder/secret.toml",
    "link_to_link.toml",
    "pipe.toml",
    "link_to_zero.toml",
    "a" * 300 + ".toml",
    ".hidden.toml",
    "-rf.toml",
    "sound.toml; rm -rf x.toml",
    "`id`.toml",
    "$(id).toml",
]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a folder with sound files, a secret outside it, and links that lead there."""
    folder = tmp_path / "studies"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(inherit, "scenarios_folder", lambda: tmp_path / "own")
    (tmp_path / "secret.toml").write_text("[patient]\nage_years = 113.7\n")
    (folder / "sound.toml").write_text("[patient]\nage_years = 50\n")
    (folder / "inner" / "deep.toml").write_text('extends = "../sound.toml"\n[patient]\nsex = "female"\n')
    (tmp_path / "own" / "shared.toml").write_text("[patient]\nweight_kg = 99\n")
    (folder / "link_in.toml").symlink_to(folder / "sound.toml")
    (folder / "link_out.toml").symlink_to(tmp_path / "secret.toml")
    (folder / "link_to_link.toml").symlink_to(folder / "link_out.toml")
    (folder / "link_folder").symlink_to(tmp_path)
    (folder / "link_to_zero.toml").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.toml")
    return folder


def written(folder, text):
    """Write a scenario and return its path."""
    (folder / "main.toml").write_text(text)
    return folder / "main.toml"


def quoted(name):
    """Return a TOML string for any name."""
    return '"' + "".join(f"\\u{ord(c):04x}" if c in '\\"' or ord(c) < 32 else c for c in name) + '"'


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folders_or_to_anything_but_a_plain_file(study, name):
    with pytest.raises(InputError) as caught:
        load(written(study, f'name = "main"\nextends = {quoted(name)}\n'))
    places = [(Path(p.file).name, p.line, p.column) for p in caught.value.problems]
    assert places in ([("main.toml", 2, 11)], [("pipe.toml", 1, 1)])
    assert "113.7" not in str(caught.value)


def test_the_hostile_names_are_many():
    assert len(set(HOSTILE)) >= 50


@pytest.mark.parametrize(
    ("name", "age", "weight"),
    [
        ("sound.toml", 50, None),
        ("./sound.toml", 50, None),
        ("inner/deep.toml", 50, None),
        ("inner/../sound.toml", None, None),
        ("link_in.toml", 50, None),
        ("shared.toml", 60, 99),
    ],
)
def test_plain_relative_names_are_found_beside_the_file_or_among_the_projects(study, name, age, weight):
    path = written(study, f'name = "main"\nextends = "{name}"\n')
    if age is None:
        assert [p.path for p in check_files([path])] == ["extends"]
        return
    patient = load(path).points[0].scenario.patient
    assert (patient.age_years, patient.weight_kg) == (age, weight)


def test_a_file_that_turns_into_a_link_is_not_followed(study, monkeypatch):
    path = written(study, 'name = "main"\nextends = "sound.toml"\n')
    read = inherit.read_toml

    def swap(place, shown):
        Path(place).unlink()
        Path(place).symlink_to(study.parent / "secret.toml")
        return read(place, shown)

    monkeypatch.setattr(inherit, "read_toml", swap)
    with pytest.raises(InputError) as caught:
        load(path)
    assert [problem.path for problem in caught.value.problems] == ["extends"]


def test_tables_merge_and_lists_replace(study):
    (study / "base.toml").write_text(
        '[patient]\nage_years = 40\nsex = "female"\n[output]\nsnapshot_days = [1, 2]\n[mechanisms]\nantibody = false\n'
        + '[[delivery]]\nroute = "intravenous"\ndose_cells = 1e8\n' * 2
    )
    text = (
        'name = "main"\nextends = "base.toml"\npatient.age_years = 41\noutput.snapshot_days = [3]\nmechanisms.motility = true\n'
        '[[delivery]]\nroute = "intracoronary"\ndose_cells = 1e6\n'
    )
    scenario = load(written(study, text)).points[0].scenario
    assert (scenario.patient.age_years, scenario.patient.sex) == (41, "female")
    assert scenario.output.snapshot_days == (3,)
    assert scenario.mechanisms == {"antibody": False, "motility": True}
    assert [delivery.route for delivery in scenario.delivery] == ["intracoronary"]


def test_later_files_win_and_a_file_counts_once(study):
    (study / "left.toml").write_text('extends = "sound.toml"\n[patient]\nage_years = 51\nweight_kg = 51\n')
    (study / "right.toml").write_text('extends = "sound.toml"\n[patient]\nweight_kg = 52\n')
    study_ = load(written(study, 'name = "main"\nextends = ["left.toml", "right.toml"]\n'))
    patient = study_.points[0].scenario.patient
    assert (patient.age_years, patient.weight_kg) == (51, 52)
    assert [Path(d.file).name for d in study_.documents] == ["sound.toml", "left.toml", "right.toml", "main.toml"]


def test_a_family_of_doubling_files_is_read_once_each(study):
    for i in range(20):
        (study / f"level{i}.toml").write_text(f'extends = ["level{i + 1}.toml", "other{i + 1}.toml"]\n')
        (study / f"other{i}.toml").write_text(f'extends = ["level{i + 1}.toml"]\n')
    (study / "level20.toml").write_text("")
    (study / "other20.toml").write_text("")
    problems = check_files([written(study, 'name = "main"\nextends = "level0.toml"\n')])
    assert {problem.expected for problem in problems} == {f"at most {MOST_FILES} files in all"}


def test_a_chain_of_files_has_a_limit(study):
    for i in range(MOST_FILES + 5):
        (study / f"c{i}.toml").write_text(f'extends = "c{i + 1}.toml"\n')
    problems = check_files([written(study, 'name = "main"\nextends = "c0.toml"\n')])
    assert [problem.expected for problem in problems] == [f"at most {MOST_FILES} files in all"]


def test_a_text_extends_the_scenarios_of_the_project(study):
    assert loads('name = "x"\nextends = "shared.toml"').points[0].scenario.patient.weight_kg == 99
    assert loads('name = "x"\nextends = "sound.toml"', folder=study).points[0].scenario.patient.age_years == 50


def test_a_scenario_of_the_project_is_found_by_its_name(tmp_path, monkeypatch):
    from simengine.scenario import study as module

    (tmp_path / "demo.toml").write_text('name = "demo"\n')
    monkeypatch.setattr(module, "scenarios_folder", lambda: tmp_path)
    assert load("demo").name == "demo"
    assert find_scenario("absent") == Path("absent")
    assert find_scenario("x/demo") == Path("x/demo")
    assert scenarios_folder().name in ("scenarios", "_scenarios")


HOOK = """
import sys
from pathlib import Path
from simengine import scenario
from simengine.foundation.errors import InputError

folder = Path(sys.argv[1])
files = sorted(folder.glob("invalid/*.toml")) + sorted(folder.glob("valid/*.toml"))
scenario.check_files([files[0], files[-1]])
seen = []
FORBIDDEN = ("exec", "compile", "os.system", "subprocess.Popen", "socket", "ctypes", "import", "os.exec", "pickle")

def hook(event, arguments):
    if event.startswith(FORBIDDEN):
        seen.append((event, str(arguments)[:80]))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append((event, str(arguments)))

sys.addaudithook(hook)
for file in files:
    scenario.check_files([file])
    try:
        scenario.loads(file.read_text(), overrides=["title=__import__('os').system('id')", "donor.match=`id`"])
    except InputError:
        pass
quiet = list(seen)
compile("1", "planted", "eval")
print(len(files), len(quiet), len(seen))
for event in quiet:
    print(event)
"""


def test_no_document_makes_the_gate_execute_import_or_write_anything():
    command = [sys.executable, "-c", textwrap.dedent(HOOK), str(ROOT / "tests" / "scenarios")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    n_files, n_quiet, n_planted = map(int, done.stdout.splitlines()[0].split())
    assert n_files > 300
    assert (n_quiet, n_planted) == (0, 1), done.stdout
