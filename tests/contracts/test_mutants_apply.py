"""The list of planted defects is in order: each still applies, and its test is there. That they are caught is a long tier.

`python tests/mutants/run.py` plants them one by one.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _runner():
    """Load the program that plants defects; it is a script and no package."""
    found = importlib.util.spec_from_file_location("planted_defects", ROOT / "tests" / "mutants" / "run.py")
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


RUNNER = _runner()
MUTANTS = RUNNER.manifest()


def test_there_are_at_least_twenty_of_all_kinds():
    assert len(MUTANTS) >= 20
    assert {name for name, n in Counter(mutant.id for mutant in MUTANTS).items() if n > 1} == set()
    assert {mutant.tier for mutant in MUTANTS} <= set(RUNNER.TIERS)
    floors = {mutant.file.split("/")[1] for mutant in MUTANTS}
    assert floors >= {"foundation", "kernels", "mechanisms", "engine", "outcomes", "scenario", "studies"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.id for mutant in MUTANTS])
def test_a_defect_applies_once_and_names_a_test_that_is_there(mutant):
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1
    assert mutant.old != mutant.new
    ast.parse(source.replace(mutant.old, mutant.new))
    file, _, name = mutant.test.partition("::")
    tests = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tests) if isinstance(node, ast.FunctionDef)}
    assert name.partition("[")[0] in names
    assert mutant.promise.strip()


def test_the_page_of_promises_names_tests_and_defects_that_are_there():
    """Files by their path, tests of the name `test_...` by their name, defects by their id; and how many there are."""
    text = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"`([^`\s]+)`", text))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    files = {path.name for path in (ROOT / "tests").rglob("*.py")}
    assert {name for name in quoted if name.startswith("tests/") and not list(ROOT.glob(name))} == set()
    named = {name for name in quoted if name.startswith("test_")}
    assert {name for name in named if name not in files and f"def {name}(" not in sources} == set()
    ids = {name for name in quoted if re.fullmatch(r"[a-z]+(-[a-z]+)+", name)}
    assert len(ids) >= 20
    assert ids - {mutant.id for mutant in MUTANTS} == set()
    fast = sum(mutant.tier == "fast" for mutant in MUTANTS)
    assert f"{len(MUTANTS)} in all, {fast} fast and {len(MUTANTS) - fast} slow" in text
