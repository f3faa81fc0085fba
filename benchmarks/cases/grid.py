"""A simple grid model, 100,000 agents and one field: the engine as a scenario, four other tools, and one bespoke kernel.

Each step: deposit, read the 8 neighbours of a diffusing field, move, count contacts; ``benchmarks/peers/grid_work.py`` states
it in full, and all tools must count the same contacts in their first two steps. `bespoke kernel` is the same loop written for
this alone in Numba: a limit, not a way to use the engine. The scenario is ``benchmarks/scenes/grid_model.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.environments import Peer
from benchmarks.figures import Figure, Missing
from benchmarks.peers.grid_work import AROUND, DECAY, EXCHANGE, SIDE, places
from benchmarks.scenes import SCENES, agents_in, difference, scenario_of
from benchmarks.setting import Setting
from benchmarks.timing import Spent, figures_of, in_turns, spent
from simengine.foundation.jit import kernel

TITLE, UNIT, GOAL_NS = "grid model, 100,000 agents", "ns per agent and step", 350.0
AGENTS = 100_000
SCENARIO = "simengine, as a scenario"
PEERS = {"Mesa": "mesa", "AgentPy": "agentpy", "mesa-frames": "mesa_frames", "NumPy": "numpy"}
OFFSETS = np.array(AROUND, dtype=np.int64)


@kernel
def _step(row, column, field, fresh):  # type: ignore[no-untyped-def]
    """Take one step in place; return the sum of all contacts. ``fresh``, float64[side, side], is zero before and after."""
    side = field.shape[0]
    for i in range(row.size):
        fresh[row[i], column[i]] += 1.0
    for y in range(side):
        for x in range(side):
            fresh[y, x] += field[y, x]
    for y in range(side):
        north, south = (y - 1) % side, (y + 1) % side
        for x in range(side):
            west, east = (x - 1) % side, (x + 1) % side
            c = fresh[y, x]
            around = (fresh[north, x] + fresh[south, x]) + (fresh[y, west] + fresh[y, east])
            field[y, x] = c + EXCHANGE * (around - 4.0 * c) - DECAY * c
    fresh[:] = 0.0
    for i in range(row.size):
        best_row, best_column, least = row[i], column[i], np.inf
        for k in range(OFFSETS.shape[0]):
            y, x = row[i] + OFFSETS[k, 0], column[i] + OFFSETS[k, 1]
            y += side if y < 0 else -side if y >= side else 0
            x += side if x < 0 else -side if x >= side else 0
            if field[y, x] < least:
                best_row, best_column, least = y, x, field[y, x]
        row[i], column[i] = best_row, best_column
        fresh[best_row, best_column] += 1.0
    contacts = 0.0
    for i in range(row.size):
        contacts += fresh[row[i], column[i]] - 1.0
    fresh[:] = 0.0
    return contacts


def bespoke(agents: int) -> Callable[[], float]:
    """Return the step of the bespoke kernel on fresh arrays."""
    row, column = (np.ascontiguousarray(axis) for axis in places(agents).T)
    field, fresh = np.zeros((2, SIDE, SIDE))
    return lambda: float(_step(row, column, field, fresh))


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield ns per agent and step of the scenario, of the bespoke kernel, and of the peers."""
    step = bespoke(AGENTS)
    contacts = {"bespoke kernel": [step(), step()]}
    about: dict[str, float] = {}
    ways: dict[str, Callable[[], Spent]] = {"bespoke kernel": lambda: spent(step, AGENTS, setting.pick(20, 5))}
    file = SCENES / "grid_model.toml"
    if file.exists():
        ways[SCENARIO] = _scenario(file, about)
    else:
        yield Missing(f"{TITLE}: {SCENARIO}", f"there is no {file.name}")
    for tool, name in PEERS.items():
        peer = Peer(name, f"grid_{name}.py", setting)
        if why := peer.missing():
            yield Missing(f"{TITLE}: {tool}", why)
        else:
            steps = setting.pick(2, 1) if tool in ("Mesa", "AgentPy") else setting.pick(20, 5)

            def ask(peer: Peer = peer, tool: str = tool, steps: int = steps) -> Spent:
                found = peer.ask(agents=AGENTS, steps=steps)
                contacts[tool] = found["contacts"]
                return Spent(found["cpu"], found["wall"])

            ways[tool] = ask
    seen = in_turns(ways, setting.repeats)
    if len(counts := {tuple(map(float, count)) for count in contacts.values()}) > 1:
        raise RuntimeError(f"the tools do not do the same work: contacts {contacts}, {len(counts)} answers")
    for name, figure in figures_of(TITLE, UNIT, seen, "NumPy").items():
        told = {"contacts": contacts[name]} if name in contacts else about
        yield replace(figure, about=told, goal=GOAL_NS if name == SCENARIO else None)


def _scenario(file: Path, about: dict[str, float]) -> Callable[[], Spent]:
    """Return a way to time a step of the scenario, a whole run less one half as long, which also tells its agents."""
    long = scenario_of(file)
    short = scenario_of(file, {"run.duration_days": long.run.duration_days / 2})
    steps = (long.run.duration_days - short.run.duration_days) * 24 * 60 / long.clocks.motion_min

    def way() -> Spent:
        took, course = difference(short, long)
        about["agents"] = agents_in(course)
        return took.per(about["agents"] * steps)

    return way
