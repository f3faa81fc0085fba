"""The first start: compiling the model of transplantation, or finding it compiled."""

from __future__ import annotations

import time

from simengine.foundation.jit import cache_folder
from simengine.scenario import loads
from simengine.transplant.run import simulate

__all__ = ["is_compiled", "warmup"]

_WARM = """
name = "warmup"
transplant.second_line = "stromal_cells"
run.duration_days = 2
"""


def is_compiled() -> bool:
    """Tell whether compiled code of this version of the model is at hand."""
    folder = cache_folder()
    return (
        folder is not None
        and any(folder.glob("transplant_*/step.advance-*.nbi"))
        and any(folder.glob("transplant_*/drugs.add_effects-*.nbi"))
    )


def warmup() -> float:
    """Compile all kernels, or load them from the cache; return the seconds it took."""
    began = time.perf_counter()
    simulate(loads(_WARM).points[0].scenario, seed=1)
    return time.perf_counter() - began
