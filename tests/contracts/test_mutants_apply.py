"""The list of planted defects is in order: each still applies, and its test is there. That they are caught is a long tier.

`python tests/mutants/run.py` plants them one by one.
"""

from __future__ import annotations

import ast
import importlib.util
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
