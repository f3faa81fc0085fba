"""The field solvers a step at a time: alternating directions beside first-order steps in C, and the steady state.

    one step        alternating directions with a loss of its own in every voxel, for one step a call and for ten, beside C
                    (one loss for the whole grid, benchmarks/reference/diffusion.c); 1 and 4 substrates
    steady state    from a field that changed by 0, 1 and 5 %, and from nothing; losses jump fiftyfold; tolerance 1e-4

What an equal error costs is the case ``diffusion``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, Missing
from benchmarks.setting import NO_COMPILER, Setting, reference
from benchmarks.timing import Spent, figures_of, in_turns, spent
from simengine.kernels.fields_alternating import step_adi
from simengine.kernels.fields_steady import field_work, solve_steady

STEP_GRIDS = ((5, 20, 20), (5, 32, 32), (1, 100, 100), (100, 100, 100))
STEADY_GRIDS = ((5, 20, 20), (5, 32, 32), (1, 100, 100))
ALPHA, LOSS = 90.0, 9.0  # 10 µm²/s in 20 µm voxels, and a diffusion length of 63 µm


def uptake(shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Losses per hour in which one voxel in ten takes up fifty times faster."""
    return LOSS * np.where(rng.random(shape) < 0.1, 50.0, 1.0)


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield ns per voxel of single steps and of steady states."""
    if setting.program("diffusion") is None:
        yield Missing("one step of a field: C", NO_COMPILER)
    for shape in setting.pick(STEP_GRIDS, STEP_GRIDS[1:3]):
        for substrates in (1, 4):
            yield from _one_step(shape, substrates, setting)
    for shape in setting.pick(STEADY_GRIDS, STEADY_GRIDS[:1]):
        yield from _steady_state(shape, setting)


def _one_step(shape: tuple[int, int, int], substrates: int, setting: Setting) -> Iterator[Figure]:
    rng = np.random.default_rng(1)
    fields = [(rng.random(shape), rng.random(shape), uptake(shape, rng)) for _ in range(substrates)]
    work = field_work(*shape)
    updates = fields[0][0].size * substrates
    calls = max(2_000_000 // updates, 1)

    def advance(substeps: int) -> None:
        for value, source, loss in fields:
            step_adi(value, source, loss, ALPHA, 0.001 * substeps, substeps, work)

    ways: dict[str, Callable[[], Spent]] = {
        "one step a call": lambda: spent(lambda: advance(1), updates, calls),
        "ten steps a call": lambda: spent(lambda: advance(10), 10 * updates, max(calls // 10, 1)),
    }
    program = setting.program("diffusion")
    if program is not None:
        ways["C, first order"] = reference(program, *shape[::-1], substrates, max(calls, 3))
    title = f"one step, {'x'.join(map(str, shape))} voxels, substrates {substrates}"
    yield from figures_of(title, "ns per voxel, substrate and step", in_turns(ways, setting.repeats), "C, first order").values()


def _steady_state(shape: tuple[int, int, int], setting: Setting) -> Iterator[Figure]:
    rng = np.random.default_rng(2)
    loss, source, work = uptake(shape, rng), rng.random(shape) * (rng.random(shape) < 0.2), field_work(*shape)
    value = np.zeros(shape)
    starts, cycles = {"from nothing": np.zeros(shape)}, {}
    for change in (0.05, 0.01, 0.0):
        start = np.zeros(shape)
        solve_steady(start, source * (1.0 + 2.0 * change * rng.uniform(-1.0, 1.0, shape)), loss, ALPHA, 1e-8, work)
        starts[f"changed by {change:.0%}"] = start

    def solve(name: str) -> None:
        value[:] = starts[name]
        cycles[name] = solve_steady(value, source, loss, ALPHA, 1e-4, work)

    calls = max(1_000_000 // value.size, 1)
    ways: dict[str, Callable[[], Spent]] = {name: partial(spent, partial(solve, name), value.size, calls) for name in starts}
    title = f"steady state, {'x'.join(map(str, shape))} voxels"
    for name, figure in figures_of(title, "ns per voxel", in_turns(ways, setting.repeats)).items():
        yield replace(figure, about={"cycles": cycles[name]})
