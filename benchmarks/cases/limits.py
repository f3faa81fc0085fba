"""The machine's limits: memory, random numbers, deposit and gradient, implicit diffusion, pair forces, each in C.

Compiled on the spot with ``cc -O3 -march=native``; the sources in ``benchmarks/reference`` say what each does. The engine's
random numbers stand beside those in C; its forces and fields beside theirs in the cases ``mechanics`` and ``fields``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.figures import Figure, Missing
from benchmarks.setting import NO_COMPILER, Setting, reference
from benchmarks.timing import Spent, figures_of, in_turns, spent
from simengine.foundation.jit import kernel
from simengine.foundation.random import make_key, purpose, uniform2

CODE = purpose("benchmarks.limits")
GRIDS = ((100, 100, 1), (100, 100, 100))
NUMBERS = 1_000_000
AGENTS, SIDE = 100_000, 64


@kernel
def _in_bulk(key, out, when):  # type: ignore[no-untyped-def]
    """Fill ``out``, float64[2, n], with uniform numbers."""
    for i in range(out.shape[1]):
        out[0, i], out[1, i] = uniform2(key, i, when, CODE, 0)


@kernel
def _by_agents(key, identity, when):  # type: ignore[no-untyped-def]
    """Return a sum over agents that draw four uniform numbers each."""
    total = 0.0
    for i in range(identity.size):
        a, b = uniform2(key, identity[i], when, CODE, 0)
        c, d = uniform2(key, identity[i], when, CODE, 1)
        total += a * b + c * d
    return total


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield the limits in C, and the engine's random numbers beside."""
    yield from _random(setting)
    programs = {name: setting.program(name) for name in ("triad", "gradient", "diffusion", "cells")}
    if None in programs.values():
        yield Missing("limits in C", NO_COMPILER)
        return
    triad, gradient, diffusion, cells = (program for program in programs.values() if program)
    times = setting.pick(20, 3)
    ways = {
        "memory, 3 x 100 MB: triad": reference(triad, 100, times),
        "memory, 3 x 0.5 MB: triad": reference(triad, 0.5, 200 * times),
    }
    for name, found in in_turns(ways, setting.repeats).items():
        yield _figure(name, "ns per element", found, gb_per_s=24.0)
    gradient_ways = {
        f"{what}, {AGENTS:,} agents, 64³ voxels: C": (reference(gradient, SIDE, AGENTS, times * 5, word), "ns per agent")
        for what, word in (
            ("deposit in order", "deposit"),
            ("deposit scattered", "scattered"),
            ("gradient at agents", "sample"),
        )
    }
    gradient_ways["gradient of a field, 64³ voxels: C"] = (reference(gradient, SIDE, AGENTS, times, "field"), "ns per voxel")
    seen = in_turns({name: way for name, (way, _) in gradient_ways.items()}, setting.repeats)
    for name, found in seen.items():
        yield _figure(name, gradient_ways[name][1], found)
    diffusion_ways = {
        f"implicit diffusion, {x}x{y}x{z} voxels, substrates {n}: C": reference(
            diffusion, x, y, z, n, max(setting.pick(20_000_000, 2_000_000) // (x * y * z * n), 3)
        )
        for x, y, z in GRIDS
        for n in (1, 4)
    }
    for name, found in in_turns(diffusion_ways, setting.repeats).items():
        yield _figure(name, "ns per voxel, substrate and step", found)
    fast = setting.program("cells", "-ffast-math")
    assert fast is not None
    force_ways = {
        f"pair forces, {n:,} agents: C {way}": reference(program, n, setting.pick(20, 10), way.split(",")[0])
        for n in setting.pick((10_000, 100_000), (10_000,))
        for way, program in (("list", cells), ("pairs", cells), ("verlet", cells), ("verlet, fast-math", fast))
    }
    for name, found in in_turns(force_ways, setting.repeats).items():
        yield _figure(name, "ns per agent and step", found)


def _figure(name: str, unit: str, found: list[Spent], gb_per_s: float | None = None) -> Figure:
    cpu = [one.cpu for one in found]
    about = {"gb_per_s": gb_per_s / min(cpu)} if gb_per_s else {}
    return Figure(name, unit, cpu, [one.wall for one in found], about=about)


def _random(setting: Setting) -> Iterator[Figure | Missing]:
    program, key = setting.program("random"), make_key(1, 2, 3)
    if program is None:
        yield Missing("random numbers in C", NO_COMPILER)
    numbers = np.empty((2, NUMBERS // 2))
    identity = np.random.default_rng(0).integers(0, 2**63, NUMBERS // 4).astype(np.uint64)
    own: dict[str, Callable[[], object]] = {
        "bulk": lambda: _in_bulk(key, numbers, 1),
        "agents": lambda: _by_agents(key, identity, 1),
    }
    for way, title in (("bulk", "uniform numbers in bulk"), ("agents", "uniform numbers, four an agent")):
        ways: dict[str, Callable[[], Spent]] = {"simengine": lambda way=way: spent(own[way], NUMBERS, setting.pick(10, 2))}  # type: ignore[misc]
        if program is not None:
            ways["C"] = reference(program, NUMBERS, setting.pick(10, 2), way)
        yield from figures_of(title, "ns per number", in_turns(ways, setting.repeats), "C").values()
