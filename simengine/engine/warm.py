"""The first start: the engine is compiled by two processes at once, which share the folder for compiled code.

Compilation holds the interpreter's lock, so threads would take turns. A second process compiles the largest branches;
the first compiles the others, waits, and loads what the second has left in the folder. If the second fails, the first
compiles everything by itself: nothing but time hangs on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numba

from simengine.catalog import load_catalog
from simengine.engine.build import build
from simengine.engine.hooks import carry, flow
from simengine.engine.run import simulate
from simengine.engine.spaces import live, populate, relax_fields, walk
from simengine.foundation.jit import cache_folder
from simengine.scenario import Scenario, loads
from simengine.state.handles import handle_of

__all__ = ["compile_branches", "is_compiled", "warmup"]

_WARM = """
name = "warmup"
delivery = [{ route = "intramyocardial", dose_cells = 100000, n_sites = 1, volume_ml_per_site = 0.1 }]
drug = [{ name = "tacrolimus" }]
run = { duration_days = 0.2, record_every_h = 1.0 }
patch = { shape = [6, 6, 2] }
"""
_TICK, _HOURS = numba.int64, numba.float64
_BRANCHES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "fields": (relax_fields, (_TICK, _HOURS)),
    "walk": (walk, (_TICK, numba.int64, _HOURS)),
    "live": (live, (_TICK, numba.int64, _HOURS, numba.boolean)),
    "host": (populate, ()),
    "carry": (carry, (_TICK, _HOURS, numba.int64, numba.int64)),
    "flow": (flow, (_TICK, _HOURS, numba.int64, numba.int64)),
}
_HERE, _THERE = ("live", "host", "carry", "flow"), ("fields", "walk")

_HELPER = "from simengine.engine.warm import compile_branches; compile_branches()"


def is_compiled() -> bool:
    """Tell whether compiled code of this version of the engine is at hand."""
    folder = cache_folder()
    return folder is not None and any(folder.glob("engine_*/step.advance-*.nbi"))


def warmup() -> float:
    """Compile all kernels, or load them from the cache; return the seconds it took."""
    began = time.perf_counter()
    if numba.config.DISABLE_JIT or cache_folder() is None or is_compiled() or (os.cpu_count() or 1) == 1:
        simulate(_scenario(), seed=1)
        return time.perf_counter() - began
    with subprocess.Popen([sys.executable, "-c", _HELPER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as helper:
        try:
            compile_branches(_HERE)
        except BaseException:
            helper.terminate()
            raise
    simulate(_scenario(), seed=1)
    return time.perf_counter() - began


def compile_branches(branches: Sequence[str] = _THERE) -> None:
    """Compile some of the branches that ``advance`` calls, with everything they call in turn."""
    handle = numba.typeof(handle_of(build(_scenario(), 1, 0, 0, load_catalog()).world))
    for name in branches:
        kernel, signature = _BRANCHES[name]
        kernel.compile((handle, *signature))


def _scenario() -> Scenario:
    return loads(_WARM).points[0].scenario
