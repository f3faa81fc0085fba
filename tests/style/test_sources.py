"""The house rules that a machine can check: sizes, names, docstrings, imports, and what lies at the top."""

import ast
import fnmatch
import subprocess
import sys
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = sorted((ROOT / "simengine").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "plots").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
EVERYTHING = [*PACKAGE, *TESTS, *SCRIPTS]

MOST_LINES = 350
MOST_LINES_OF_A_FUNCTION = 60
MOST_ARGUMENTS = 8
MOST_LINES_OF_A_PLOT = 30
DRAWERS_WITHOUT_LABEL = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "place" + "holder")
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "benchmarks",
    "docs",
    "plots",
    "pyproject.toml",
    "scenarios",
    "simengine",
    "tests",
}
RUN_FROM_DATA = {"eval", "exec", "compile", "__import__"}
READ_CODE_FROM_DATA = {"pickle", "marshal", "shelve", "dill", "joblib", "yaml"}


def tree(path):
    return ast.parse(path.read_text(), str(path))


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def place(path, node=None):
    return f"{path.relative_to(ROOT)}:{node.lineno}" if node is not None else str(path.relative_to(ROOT))


def test_there_is_something_to_check():
    assert len(PACKAGE) > 20
    assert len(TESTS) > 5


def test_no_module_is_longer_than_a_few_screens():
    lengths = {place(path): len(path.read_text().splitlines()) for path in [*PACKAGE, *SCRIPTS]}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_a_plot_of_the_gallery_is_one_short_script():
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "plots").glob("*.py")}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_PLOT} == {}


def test_every_function_fits_on_a_screen():
    long = {
        place(path, node): node.end_lineno - node.lineno + 1
        for path in EVERYTHING
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_no_function_takes_more_than_eight_arguments():
    def count(node):
        return len([arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if arg.arg != "self"])

    many = {place(path, node): count(node) for path in PACKAGE for node in functions(path) if count(node) > MOST_ARGUMENTS}
    assert many == {}


def test_every_drawer_has_a_label():
    assert [place(path) for path in EVERYTHING if {path.stem, path.parent.name} & DRAWERS_WITHOUT_LABEL] == []


def test_every_public_name_says_what_it_is():
    """Modules, and the public functions, classes and methods at their top, have docstrings."""
    silent = [place(path) for path in PACKAGE if ast.get_docstring(tree(path)) is None]
    for path in PACKAGE:
        top = [node for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        protocols = {c for c in top if isinstance(c, ast.ClassDef) and "Protocol" in ast.unparse(c)[:200]}
        methods = [
            node
            for owner in top
            if isinstance(owner, ast.ClassDef) and owner not in protocols and not owner.name.startswith("_")
            for node in owner.body
            if isinstance(node, ast.FunctionDef)
        ]
        for node in (*top, *methods):
            if not node.name.startswith("_") and ast.get_docstring(node) is None:
                silent.append(f"{place(path, node)} {node.name}")
    assert silent == []


@pytest.mark.parametrize("word", UNFINISHED)
def test_nothing_is_left_unfinished(word):
    found = [place(path) for path in EVERYTHING if word in path.read_text()]
    assert found == []


def test_no_error_is_swallowed_whole():
    bare = [
        place(path, node)
        for path in EVERYTHING
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or [ast.unparse(step) for step in node.body] in (["pass"], ["..."]))
    ]
    assert bare == []


def test_the_library_speaks_through_logging_and_return_values():
    printing = [
        place(path, node)
        for path in PACKAGE
        if "cli" not in path.relative_to(ROOT).parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_nothing_runs_code_from_data():
    calls = [
        place(path, node)
        for path in PACKAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUN_FROM_DATA
    ]
    imports = [
        place(path, node)
        for path in PACKAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
        if name.partition(".")[0] in READ_CODE_FROM_DATA
    ]
    assert calls + imports == []


def claims_in(path):
    return [node for node in functions(path) if node.name.startswith("test_")]


def asserts(node):
    """Whether a test checks anything: an assert, an expected error, or a call of something of the file that does."""
    return any(
        isinstance(part, ast.Assert)
        or (isinstance(part, ast.Call) and ast.unparse(part.func).rpartition(".")[2].startswith(("raises", "assert_")))
        for part in ast.walk(node)
    )


def test_every_test_checks_something():
    empty = []
    for path in TESTS:
        checking = {node.name for node in functions(path) if asserts(node)}
        for node in claims_in(path):
            called = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if not asserts(node) and not called & checking:
                empty.append(f"{place(path, node)} {node.name}")
    assert empty == []


def test_no_test_is_skipped_or_expected_to_fail():
    excuses = ("skip", "skipif", "xfail", "importorskip")
    found = [
        place(path, node)
        for path in TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in excuses
    ]
    assert found == []


def test_no_module_imports_itself_in_a_circle():
    graph = grimp.build_graph("simengine", cache_dir=None)
    names = sorted(graph.modules)
    links = np.zeros((len(names), len(names)), dtype=bool)
    for i, name in enumerate(names):
        for imported in graph.find_modules_directly_imported_by(name):
            links[i, names.index(imported)] = True
    _, group = connected_components(csr_array(links), directed=True, connection="strong")
    circles = [[names[i] for i in np.flatnonzero(group == g)] for g in range(group.max() + 1)]
    assert [circle for circle in circles if len(circle) > 1] == []


def test_a_module_imports_from_lower_floors_only():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_top_of_the_project_holds_what_belongs_there():
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split() if line]
    found = {path.name for path in ROOT.iterdir() if path.name != ".git"}
    strangers = {name for name in found - TOP_LEVEL if not any(fnmatch.fnmatch(name, rule) for rule in ignored)}
    assert strangers == set()
    assert set() == TOP_LEVEL - found
