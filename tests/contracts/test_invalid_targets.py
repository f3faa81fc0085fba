"""The gate of target files: each malformed file is refused with exactly the faults it has, where it has them.

The corpus `tests/targets/invalid` is written like that of scenarios: `# expect: LINE:COL path | words` for each fault.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simengine import cli
from simengine.foundation.errors import InputError
from simengine.studies.target_files import chosen, load_targets, loads_targets

CORPUS = Path(__file__).parents[1] / "targets"
INVALID = sorted((CORPUS / "invalid").glob("*.toml"))
EXPECT = re.compile(r"^# expect: (?P<line>\d+):(?P<column>\d+) (?P<path>\S+)(?: \| (?P<words>.+))?$", re.M)
FORM = re.compile(r"^[^\n]+:\d+:\d+: [^\s:]+: got [^\n]+, expected [^\n]+$")


def expected(path: Path) -> list[re.Match[str]]:
    """Return the faults that a file says it has."""
    found = [*EXPECT.finditer(path.read_text())]
    assert len(found) == path.read_text().count("# expect:") > 0
    return found


def test_the_corpus_is_large_and_no_file_stands_in_it_twice():
    assert len(INVALID) >= 60
    assert len({path.read_text() for path in INVALID}) == len(INVALID)


@pytest.mark.parametrize("path", INVALID, ids=[path.stem for path in INVALID])
def test_every_fault_of_a_target_file_is_reported_at_its_place_and_nothing_else(path):
    with pytest.raises(InputError) as caught:
        load_targets([path])
    problems = caught.value.problems
    assert {(p.line, p.column, p.path) for p in problems} == {
        (int(m["line"]), int(m["column"]), m["path"]) for m in expected(path)
    }
    assert all(FORM.match(str(problem)) for problem in problems)
    messages = "\n".join(map(str, problems))
    assert [m["words"] for m in expected(path) if m["words"] and m["words"] not in messages] == []


def test_faults_of_several_files_come_at_once():
    with pytest.raises(InputError) as caught:
        load_targets(INVALID)
    assert {Path(problem.file).name for problem in caught.value.problems} == {path.name for path in INVALID}


def test_one_id_in_two_files_is_refused(tmp_path):
    (tmp_path / "again.toml").write_text((CORPUS / "valid" / "every_statistic.toml").read_text())
    with pytest.raises(InputError, match="an id that no other target has"):
        load_targets([CORPUS / "valid" / "every_statistic.toml", tmp_path / "again.toml"])


def test_an_id_that_no_target_has_is_refused_with_the_nearest(tmp_path):
    entries = load_targets([CORPUS / "valid" / "every_statistic.toml"])
    with pytest.raises(InputError, match='did you mean "S-mean"'):
        chosen(entries, ["S-maen"])
    assert [entry.target.id for entry in chosen(entries, ["S-id50"])] == ["S-id50"]


def test_a_malformed_file_ends_the_command_with_exit_code_2_and_nothing_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        cli.main(["validate", str(CORPUS / "invalid" / "many_faults.toml")])
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.count("many_faults.toml:") == len(expected(CORPUS / "invalid" / "many_faults.toml"))
    assert list(tmp_path.iterdir()) == []


def test_a_fault_in_an_extended_file_is_told_at_its_place_in_that_file(tmp_path):
    (tmp_path / "parent.toml").write_text('name = "parent"\n[product]\nname = "bm_mscs"\n')
    child = (CORPUS / "valid" / "every_statistic.toml").read_text()
    child = child.replace('product.name = "bm_msc"', 'extends = "parent.toml"', 1)
    with pytest.raises(InputError) as caught:
        loads_targets(child, "child.toml", tmp_path)
    (problem,) = caught.value.problems
    assert (Path(problem.file).name, problem.line, problem.column, problem.path) == ("parent.toml", 3, 8, "product.name")
