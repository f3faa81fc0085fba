"""Every equation of the model has one number, one docstring, one place in the description, and a test.

An equation is named `EQ-NAME-1`. The description is `docs/model.md`; a docstring that names two or more ids may be one
place for several equations; a test names an id in its own docstring or body.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ID = re.compile(r"EQ-[A-Z]+-[0-9]+")
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def described() -> list[str]:
    """Return the ids of the headings and items of the model description that introduce an equation, in order."""
    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    return re.findall(r"^\*\*(EQ-[A-Z]+-[0-9]+)\*\*", text, flags=re.MULTILINE)


def in_docstrings() -> Counter[str]:
    """Return in how many docstrings of the package each id occurs."""
    found: Counter[str] = Counter()
    for path in sorted((ROOT / "simengine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED):
                found.update(set(ID.findall(ast.get_docstring(node) or "")))
    return found


def in_sources() -> set[str]:
    """Return every id anywhere in the package, comments included."""
    return {name for path in (ROOT / "simengine").rglob("*.py") for name in ID.findall(path.read_text(encoding="utf-8"))}


def in_tests() -> set[str]:
    """Return every id that a test function names."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found |= set(ID.findall(ast.get_source_segment(source, node) or ""))
    return found


def test_every_equation_stands_in_exactly_one_docstring():
    counts = in_docstrings()
    assert len(counts) >= 60
    assert {name: n for name, n in counts.items() if n != 1} == {}
    assert in_sources() - set(counts) == set(), "named in a comment only"


def test_the_description_introduces_every_equation_once_and_no_other():
    introduced = Counter(described())
    assert {name: n for name, n in introduced.items() if n != 1} == {}
    assert set(introduced) == set(in_docstrings())


def test_the_description_mentions_no_equation_that_is_not_there():
    mentioned = set(ID.findall((ROOT / "docs" / "model.md").read_text(encoding="utf-8")))
    assert mentioned - set(in_docstrings()) == set()


def test_every_equation_is_named_by_a_test():
    assert set(in_docstrings()) - in_tests() == set()


def test_no_test_names_an_equation_that_is_not_there():
    assert in_tests() - set(in_docstrings()) == set()


def test_numbers_of_an_equation_run_without_a_gap():
    groups: dict[str, list[int]] = {}
    for name in in_docstrings():
        _, group, number = name.split("-")
        groups.setdefault(group, []).append(int(number))
    assert {group: sorted(n) for group, n in groups.items() if sorted(n) != list(range(1, len(n) + 1))} == {}
