"""What the scripts of all peers share: the words that state the work, clocks, and the places of cells. Needs NumPy only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["close_packing", "largest_memory_mb", "measure_steps", "report", "time_it", "work"]

PITCH_UM = 15.5


def work() -> dict[str, str]:
    """Return the ``name=value`` words of the command line."""
    return dict(word.split("=", 1) for word in sys.argv[1:])


def time_it(action: Callable[[], Any], units: float) -> dict[str, float]:
    """Return CPU and wall time of a call in ns per unit of work; CPU of the process, since a peer may start threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": 1e9 * cpu / units, "wall": 1e9 * wall / units}


def largest_memory_mb() -> float:
    """Return the largest memory of this process so far, MB, from the kernel's account of it.

    Not from ``getrusage``, which counts for a process what the one that started it held then.
    """
    with open("/proc/self/status", encoding="utf-8") as lines:
        found = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return float(found) / 1024.0


def report(found: dict[str, Any], *packages: str) -> None:
    """Print what was found, with the versions of the packages that did it."""
    print(json.dumps(found | {"versions": {name: version(name) for name in packages}}))


def measure_steps(make: Callable[[int], Callable[[], int]], *packages: str) -> None:
    """Time the steps that a grid model takes after its first; ``make(agents)`` returns a step, which returns all contacts."""
    asked = work()
    agents, steps = int(asked["agents"]), int(asked["steps"])
    step = make(agents)
    contacts = [step()]
    found = time_it(lambda: contacts.extend(step() for _ in range(steps)), agents * steps)
    report(found | {"contacts": contacts[:2]}, *packages)


def close_packing(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return float64[3, n], µm: hexagonal close packing in a cube, jitter ±5 % of the pitch, in random order."""
    side = np.cbrt(n * PITCH_UM**3 / np.sqrt(2.0))
    rows = []
    for k in range(int(side / (PITCH_UM * np.sqrt(2 / 3))) + 2):
        for j in range(int((side - k % 2 * PITCH_UM * np.sqrt(3) / 6) / (PITCH_UM * np.sqrt(3) / 2)) + 1):
            x = np.arange((j + k) % 2 * PITCH_UM / 2, side, PITCH_UM)
            y = j * PITCH_UM * np.sqrt(3) / 2 + k % 2 * PITCH_UM * np.sqrt(3) / 6
            rows.append(np.stack([x, np.full_like(x, y), np.full_like(x, k * PITCH_UM * np.sqrt(2 / 3))]))
    places = np.concatenate(rows, axis=1)[:, :n]
    places = places + (rng.random(places.shape) - 0.5) * 0.1 * PITCH_UM
    return rng.permutation(places - places.min(axis=1, keepdims=True), axis=1)
