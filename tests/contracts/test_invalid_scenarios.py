"""The gate holds: each malformed scenario of the corpus is refused with exactly the faults it has, where it has them.

Each file of `tests/scenarios/invalid` begins with one line for each of its faults, `# expect: LINE:COL path`, where a place
in a file that it extends is written `# expect: FILE:LINE:COL path`, and `| words` at the end asks for words of the
message. The test fails on a fault that is missed, misplaced or misnamed, and on any fault too many.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simengine.foundation.errors import InputError
from simengine.scenario import Scenario, check_files, load
from simengine.scenario.paths import slot_at

CORPUS = Path(__file__).parents[1] / "scenarios"
INVALID = sorted((CORPUS / "invalid").glob("*.toml"))
VALID = sorted((CORPUS / "valid").glob("*.toml"))
EXPECT = re.compile(r"^# expect: (?:(?P<file>[^:]+):)?(?P<line>\d+):(?P<column>\d+) (?P<path>\S+)(?: \| (?P<words>.+))?$")
FORM = re.compile(r"^[^\n]+:\d+:\d+: [^\s:]+: got [^\n]+, expected [^\n]+$")


def expectations(path: Path) -> list[re.Match[str]]:
    """Return the faults that a file says it has."""
    heads = [line for line in path.read_text().splitlines() if line.startswith("# expect:")]
    found = [EXPECT.match(line) for line in heads]
    assert heads, f"{path.name} expects nothing"
    assert all(found), f"{path.name}: a line cannot be read"
    return [match for match in found if match]


@pytest.mark.parametrize("path", INVALID, ids=[path.stem for path in INVALID])
def test_every_fault_is_reported_at_its_place_and_nothing_else(path):
    with pytest.raises(InputError) as caught:
        load(path)
    problems = caught.value.problems
    found = {(Path(p.file).name, p.line, p.column, p.path) for p in problems}
    expected = {(Path(m["file"] or path).name, int(m["line"]), int(m["column"]), m["path"]) for m in expectations(path)}
    assert found == expected
    assert all(FORM.match(str(problem)) for problem in problems)
    messages = "\n".join(map(str, problems))
    assert [m["words"] for m in expectations(path) if m["words"] and m["words"] not in messages] == []


def test_the_corpus_is_large_and_says_what_it_holds():
    assert len(INVALID) >= 170
    texts = [path.read_bytes() for path in INVALID]
    assert len(set(texts)) == len(texts)


def every_field() -> set[str]:
    """Return the dotted names of all fields of the schema, lists without their index."""
    names = set()
    for name in Scenario.model_fields:
        slot = slot_at((name,))
        names |= {f"{name}.{inner}" for inner in slot.names()} or {name} if slot else set()
    return names


def test_the_corpus_strikes_every_field_of_the_schema_several_times():
    struck: dict[str, int] = {}
    for path in INVALID:
        for match in expectations(path):
            name = re.sub(r"\.\d+(?=\.|$)", "", match["path"])
            struck[name] = struck.get(name, 0) + 1
    seldom = {name for name in every_field() if struck.get(name, 0) < 3}
    assert seldom == {"mechanisms", "parameters"} & seldom


@pytest.mark.parametrize("path", VALID, ids=[path.stem for path in VALID])
def test_a_sound_scenario_is_accepted(path):
    assert load(path).points


def test_files_are_checked_together_and_sound_ones_are_silent():
    some = [INVALID[0], *VALID, INVALID[-1]]
    problems = check_files(some)
    assert {Path(p.file).name for p in problems} <= {INVALID[0].name, INVALID[-1].name}
    assert len(problems) == len(expectations(INVALID[0])) + len(expectations(INVALID[-1]))
    assert check_files(VALID) == []
