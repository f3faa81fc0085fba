"""One step of pair forces in 3-D, agents kept in order and moved: the engine, C, and PhysiCell's model.

Cells of one radius in hexagonal close packing (spacing 15.5 µm, reach 21 µm, about 11 neighbours among 95 candidates) in
20 µm voxels; a state of 26 real and 9 whole rows is carried along. `C list` is the usual cell list, `C pairs` the recipe of
the kernel, `C verlet` keeps its list for ten steps (benchmarks/reference/cells.c). pyphysicell takes PhysiCell's mechanics
step of 0.1 min from the same places: `model` is its public `Simulation.run`, `kernels` its cell list, forces and
positions alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.environments import Peer
from benchmarks.figures import Figure, Missing
from benchmarks.peers.stated import close_packing
from benchmarks.setting import NO_COMPILER, Setting, reference
from benchmarks.timing import Spent, figures_of, in_turns, timed
from simengine.kernels.forces import displace, relax, yielding
from simengine.kernels.neighbours import locate, permute, sort_by_voxel

SPACING_UM = 20.0
RADIUS_UM = 8.412710547954228
REAL_ROWS, WHOLE_ROWS = 26, 9
STEPS = 8
GOAL_NS, MOST_OF_C_LIST = 350.0, 0.65


def step_phases(n: int) -> dict[str, Callable[[], Any]]:
    """Return the phases of one step on a fresh block of `n` cells, by name, in the order in which they run."""
    rng = np.random.default_rng(1)
    real = np.zeros((REAL_ROWS, n))
    real[:3] = close_packing(n, rng)
    whole = np.zeros((WHOLE_ROWS, n), np.int32)
    patch, kind = whole[:2]
    uid = rng.permutation(n).astype(np.uint64)
    real[3] = RADIUS_UM
    mechanics = np.array([[10.0], [0.4], [1.0]])
    across = int(np.ceil(real[:3].max() / SPACING_UM))
    shape = np.array([1, across, across, across])
    voxel, order = np.empty((2, n), np.int32)
    start = np.empty(across**3 + 1, np.int64)
    cursor = np.empty(across**3, np.int32)
    velocity = np.empty((4, n))

    def move() -> None:
        yielding(n, velocity, 0.1, 0.1, real)
        displace(n, velocity, shape, SPACING_UM, real)

    return {
        "locate": lambda: locate(n, real, patch, SPACING_UM, shape, voxel),
        "sort": lambda: sort_by_voxel(n, voxel, uid, start, order, cursor),
        "permute": lambda: permute(real, whole, uid, order, n),
        "forces": lambda: relax(start, shape, SPACING_UM, real, kind, mechanics, (1.25, RADIUS_UM), velocity),
        "move": move,
    }


class _Steps:
    """The engine's step on `n` cells, with the time of each phase and the neighbours of the last step."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.phases = step_phases(n)
        self.parts: dict[str, list[float]] = {name: [] for name in self.phases}
        self.neighbours = 0.0

    def __call__(self) -> Spent:
        """Take `STEPS` steps; return ns per agent and step."""
        took = {name: Spent(0.0, 0.0) for name in self.phases}
        for _ in range(STEPS):
            for name, phase in self.phases.items():
                one, result = timed(phase)
                took[name] = Spent(took[name].cpu + one.cpu, took[name].wall + one.wall)
                if name == "forces":
                    self.neighbours = 2 * result / self.n
        for name, one in took.items():
            self.parts[name].append(one.per(self.n * STEPS).cpu)
        return Spent(sum(one.cpu for one in took.values()), sum(one.wall for one in took.values())).per(self.n * STEPS)


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield ns per agent and step of the engine, of C, and of PhysiCell's model."""
    for n in setting.pick((10_000, 100_000), (10_000,)):
        yield from _compare(n, setting)


def _compare(n: int, setting: Setting) -> Iterator[Figure | Missing]:
    title, unit, own = f"mechanics, {n:,} agents", "ns per agent and step", _Steps(n)
    ways: dict[str, Callable[[], Spent]] = {"simengine": own}
    program, base = setting.program("cells"), None
    if program is None:
        yield Missing(f"{title}: C", NO_COMPILER)
    else:
        base = "C list"
        ways |= {f"C {way}": reference(program, n, STEPS, way) for way in ("list", "pairs", "verlet")}
    peer = Peer("pyphysicell", "mechanics.py", setting)
    if why := peer.missing():
        yield Missing(f"{title}: pyphysicell", why)
    else:
        steps = setting.pick(10, 3)
        ways |= {f"pyphysicell, {way}": partial(peer.time, way=way, agents=n, steps=steps) for way in ("model", "kernels")}
    found = figures_of(title, unit, in_turns(ways, setting.repeats), base)
    for way, figure in found.items():
        if way == "simengine":
            most = MOST_OF_C_LIST if figure.beside else None
            yield replace(figure, goal=GOAL_NS, most_beside=most, about={"neighbours": own.neighbours})
            for part, values in own.parts.items():
                yield Figure(f"{title}, only {part}: simengine", unit, values[1:])
        else:
            yield figure
