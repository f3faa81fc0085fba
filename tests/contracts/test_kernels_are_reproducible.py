"""The source of every kernel uses nothing whose last bit is left to a library, by its syntax tree.

What follows from it for the bits themselves is shown in `test_bits_are_the_same_everywhere.py`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numba
import pytest

import simengine
from simengine.foundation.jit import FLOORS_WITHOUT_KERNELS, inlined, kernel

PACKAGE = Path(simengine.__file__).parent
KERNELS = {"simengine.foundation.jit.kernel", "simengine.foundation.jit.inlined"}

EXACT = {
    "math": {"sqrt", "floor", "ceil", "isnan", "isfinite", "isinf", "inf", "nan", "pi"},
    "numpy": {
        *("sqrt", "floor", "ceil", "trunc", "rint", "abs", "minimum", "maximum"),
        *("isnan", "isfinite", "isinf", "inf", "nan", "pi", "float64", "int32", "int64", "uint64", "bool_"),
        *("array", "empty", "full", "ones", "zeros", "empty_like", "zeros_like", "ndindex"),
    },
}
"""What IEEE 754 or the integers define to the last bit, and what makes arrays. Sums are loops: NumPy adds in pairs."""
LIBRARIES = {"random", "cmath", "statistics", "scipy", "time", "datetime", "os", "uuid", "secrets"}
INEXACT_BUILTINS = {"pow", "sum", "hash", "id", "set", "frozenset", "dict"}
INEXACT_METHODS = {"sum", "mean", "std", "var", "prod", "cumsum", "cumprod", "dot", "trace", "sort", "argsort"}
OTHER_COMPILERS = {"njit", "jit", "jitclass", "vectorize", "guvectorize", "cfunc", "stencil", "prange", "generated_jit"}


def _names(tree):
    """Return what each imported name of a module stands for, with dots."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _dotted(node, names):
    """Return what a name or attribute stands for, with dots; nothing for what belongs to a value."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return owner and f"{owner}.{node.attr}"
    return ""


def _kernels(tree, names):
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in functions if any(_is_kernel(one, names) for one in node.decorator_list)]


def _is_kernel(decorator, names):
    return _dotted(decorator.func if isinstance(decorator, ast.Call) else decorator, names) in KERNELS


def _fault_of_operator(node):
    if isinstance(node.op, ast.MatMult):
        return "@ goes to a library"
    constant = isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant)
    if isinstance(node.op, ast.Pow) and not constant:
        return "** goes to the library's pow"
    return ""


def _fault_of_name(node, names):
    library, _, name = _dotted(node, names).partition(".")
    if library in LIBRARIES and name:
        return f"{library}.{name} is a library's"
    if library in EXACT and name and name not in EXACT[library]:
        return f"{library}.{name} is not among the exact ones"
    if isinstance(node, ast.Name) and node.id in INEXACT_BUILTINS and not library:
        return f"{node.id} differs between versions of Python, or compiled and not"
    if isinstance(node, ast.Attribute) and node.attr in INEXACT_METHODS and not library:
        return f".{node.attr} may add or order in another way"
    return ""


def _faults(source, where="<text>"):
    """Return all that would make the kernels of a module give other bits elsewhere, as `file:line: why`."""
    tree = ast.parse(source)
    names = _names(tree)
    found = set()
    for node in (part for function in _kernels(tree, names) for part in ast.walk(function)):
        if isinstance(node, ast.BinOp | ast.AugAssign):
            found.add((node.lineno, _fault_of_operator(node)))
        elif isinstance(node, ast.Name | ast.Attribute):
            found.add((node.lineno, _fault_of_name(node, names)))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("fastmath", "parallel"):
            found.add((node.value.lineno, f"option {node.arg}"))
        if isinstance(node, ast.Name | ast.Attribute) and not where.endswith("foundation/jit.py"):
            dotted = _dotted(node, names)
            if dotted.startswith("numba.") and dotted.split(".")[-1] in OTHER_COMPILERS:
                found.add((node.lineno, f"{dotted} is not the house's @kernel"))
    return [f"{where}:{line}: {why}" for line, why in sorted(found) if why]


def _modules():
    return sorted(PACKAGE.rglob("*.py"))


def _names_of_kernels(path):
    tree = ast.parse(path.read_text())
    return [node.name for node in _kernels(tree, _names(tree))]


def test_no_kernel_leaves_its_last_bit_to_a_library():
    faults = [_faults(path.read_text(), path.relative_to(PACKAGE.parent).as_posix()) for path in _modules()]
    assert not any(faults), "\n".join(fault for of_one in faults for fault in of_one)


def test_the_search_sees_the_kernels():
    """A check of nothing would pass: the foundation alone has dozens."""
    assert sum(len(_names_of_kernels(path)) for path in (PACKAGE / "foundation").glob("*.py")) > 40
    assert "uniform" in _names_of_kernels(PACKAGE / "foundation" / "random.py")


HEADER = """
import math, random, time
import math as m
from math import tanh
import numpy as np
from simengine.foundation.jit import kernel
"""


@pytest.mark.parametrize(
    "body",
    [
        *("math.exp(x)", "math.sin(x)", "m.pow(x, 2.0)", "tanh(x)", "np.exp(x)", "np.float32(x)"),
        *("np.dot(a, a)", "np.sum(a)", "np.linalg.norm(a)", "np.random.rand()", "random.random()", "time.time()"),
        *("x**2", "x**0.5", "pow(x, 2)", "sum(a)", "a.sum()", "a.dot(a)", "a @ a", "hash(x)"),
    ],
)
def test_the_search_finds_what_is_not_exact(body):
    assert len(_faults(f"{HEADER}@kernel\ndef f(x, a):\n    return {body}\n")) >= 1
    assert _faults(f"{HEADER}def f(x, a):\n    return {body}\n") == []


def test_the_search_finds_powers_in_place():
    assert len(_faults(f"{HEADER}@kernel\ndef f(x, a):\n    x **= 2\n    return x\n")) == 1


@pytest.mark.parametrize("line", ["numba.njit", "njit(nogil=True)", "nb.vectorize", "kernel(fastmath=True)"])
def test_the_search_finds_other_ways_to_compile(line):
    header = "import numba\nimport numba as nb\nfrom numba import njit\nfrom simengine.foundation.jit import kernel\n"
    assert len(_faults(f"{header}@{line}\ndef f(x):\n    return x\n")) == 1


@pytest.mark.parametrize(
    "body", ["math.exp(x) + exp(x)", "np.sqrt(x) + np.floor(x) + abs(x)", "min(x, 2.0**-53)", "m.floor(x)", "x * x / x"]
)
def test_the_search_leaves_exact_operations_alone(body):
    header = (
        "import numpy as np\nimport math as m\nfrom simengine.foundation import math\n"
        "from simengine.foundation.math import exp\nfrom simengine.foundation import jit\n"
    )
    assert _faults(f"{header}@jit.kernel\ndef f(x):\n    return {body}\n") == []


def test_floors_outside_the_cache_hash_hold_no_kernels():
    """An edit there does not move the cache folder: see `foundation/jit.py`."""
    for path in _modules():
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in FLOORS_WITHOUT_KERNELS:
            assert _names_of_kernels(path) == [], path


def test_kernels_are_compiled_strictly(monkeypatch):
    """No fast arithmetic, no threads inside, the interpreter lock released, division as IEEE 754 has it."""
    for decorator, inline in ((kernel, "never"), (inlined, "always")):
        asked = {}
        monkeypatch.setattr(numba, "njit", lambda asked=asked, **options: asked.update(options) or (lambda function: function))
        decorator(abs)
        asked.pop("cache")
        assert asked == {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "inline": inline}
