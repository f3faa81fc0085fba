"""The foundation gives the same bits on every x86 processor, compiled or not.

Shown by its machine code, which holds no fused multiply-add and calls no library, and by one hash of a long stream.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import simengine

ROOT = Path(simengine.__file__).parent.parent


def _python(script, *arguments, **environment):
    """Return the words that a script prints in an interpreter of its own."""
    command = [sys.executable, "-W", "ignore:overflow encountered", "-c", script, *arguments]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0", **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


ASSEMBLY = r"""
import math as library, re
import numba
from numba import float64
from simengine.foundation import linear, math

def count(name, function, *kinds, **options):
    compiled = numba.njit(error_model="numpy", **options)(getattr(function, "py_func", function))
    compiled.compile(kinds)
    text = compiled.inspect_asm(compiled.signatures[0])
    fused = len(re.findall(r"\bvfn?m(?:add|sub)", text))
    called = len(re.findall(r"\$(?:exp|log|log1p|expm1|pow|sin|cos|tgamma|lgamma|fma)\b", text))
    print(name, fused, called, len(re.findall(r"\bv?mul[sp]d\b", text)))

count("must_fuse", lambda x, y, z: x * y + z, float64, float64, float64, fastmath=True)
count("must_call", lambda x: library.exp(x), float64)
for name in ("exp", "log", "log1p", "expm1", "sincos", "sincos_turn", "log_gamma", "normal_quantile"):
    count(name, getattr(math, name), float64)
count("power", math.power, float64, float64)
count("hill", math.hill, float64, float64, float64)
matrix = float64[:, ::1]
count("matmul", linear.matmul, matrix, matrix, matrix)
count("cholesky", linear.cholesky, matrix, matrix)
count("transition_matrix", linear.transition_matrix, matrix, float64, matrix, float64[:, :, ::1])
"""


def test_machine_code_has_no_fused_multiply_add_and_calls_no_library():
    """Compiled, not run, for a processor that has fused multiply-add; two functions that must be caught come first."""
    words = iter(_python(ASSEMBLY, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx2,+fma"))
    counts = {name: tuple(int(next(words)) for _ in range(3)) for name in words}
    assert counts.pop("must_fuse")[0] >= 1, "the search no longer sees a fused multiply-add"
    assert counts.pop("must_call")[1] >= 1, "the search no longer sees a call of the library"
    assert len(counts) == 13
    for name, (fused, called, multiplied) in counts.items():
        assert (fused, called) == (0, 0), name
        assert multiplied >= 1, f"{name} was not compiled to arithmetic"


STREAM = r"""
import hashlib, sys
import numpy as np
from simengine.foundation import linear, math, random, samplers

key, code = random.make_key(12, 3, 4), random.purpose("tests.stream")
p_row, out = np.array([0.2, 0.3, 0.1]), np.zeros(4, np.int64)
rates, matrix, work = np.ones((3, 3)), np.zeros((3, 3)), np.zeros((2, 3, 3))

def numbers(i):
    at = key, np.uint64(i), i * 2**20, code, i % 7
    u, x = random.uniform(*at), samplers.normal(*at)
    yield from (u, x, *random.uniform2(*at), *samplers.normal2(*at), samplers.exponential(*at))
    yield from (*samplers.unit_vector(*at), *samplers.unit_vector_2d(*at), samplers.categorical(*at, p_row, 3))
    yield from (samplers.poisson(*at, 20.0 * u), samplers.poisson(*at, 1e9 * u))
    yield from (samplers.binomial(*at, 1 + i % 30, u), samplers.binomial(*at, 10**12, u))
    yield from (math.exp(50.0 * x), math.log(u), math.log1p(x * x), math.expm1(x), *math.sincos(100.0 * x))
    yield from (*math.sincos_turn(x), math.power(u, x), math.hill(u, 0.3, 2.5), math.log_gamma(20.0 * u))
    samplers.multinomial(*at, 10**6, p_row, out)
    yield from out.tolist()
    if i % 50 == 0:
        rates[0, 1], rates[2, 0] = 100.0 * u, 0.01 * u
        linear.transition_matrix(rates, u, matrix, work)
        yield from matrix.ravel().tolist()

stream, length = hashlib.sha256(), 0
for i in range(int(sys.argv[1])):
    chunk = np.array([float(number) for number in numbers(i)])
    stream.update(chunk.tobytes())
    length += len(chunk)
    if i == 59:
        print(length, stream.hexdigest()[:16])
print(length, stream.hexdigest()[:16])
"""
FIRST_60, FIRST_3200 = ["1938", "25432ddd29a85e4e"], ["102976", "c877fc3cae831d74"]
"""Length and hash of the stream. Written down, so that another machine, or a changed formula, shows."""


@pytest.mark.parametrize("processor", ["host", "generic"])
def test_a_hundred_thousand_numbers_have_one_hash_on_every_processor(processor):
    """`generic` is x86-64 without vector or fused instructions beyond SSE2. One wrong bit changes the hash."""
    environment = {} if processor == "host" else {"NUMBA_CPU_NAME": processor}
    assert _python(STREAM, "3200", **environment) == [*FIRST_60, *FIRST_3200]


def test_numbers_have_the_same_bits_with_the_compiler_off():
    """The first 1,938 of the same stream, in plain Python."""
    assert _python(STREAM, "60", NUMBA_DISABLE_JIT="1") == FIRST_60 * 2
