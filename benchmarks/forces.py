"""Time one step of pair forces: agents kept in order, forces, move; beside C compiled on the spot.

    python benchmarks/forces.py [--agents 10000 100000] [--repeats 9] [--json PATH]

Cells of one radius in hexagonal close packing (spacing 15.5 µm, reach 21 µm, about 11 neighbours among 95 candidates)
in 20 µm voxels; a state of 34 real and 10 whole rows is carried along. CPU time per agent and step; every repeat times
all kernels and both C programs, so that their ratios are of one run. `list` is the usual cell list in C, `pairs` the
recipe of the kernel in C (benchmarks/reference/cells.c).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from simengine.kernels.forces import displace, relax
from simengine.kernels.neighbours import locate, permute, sort_by_voxel

SPACING_UM = 20.0
PITCH_UM = 15.5
RADIUS_UM = 8.412710547954228
REAL_ROWS, WHOLE_ROWS = 34, 10
STEPS = 8
REFERENCE = Path(__file__).parent / "reference" / "cells.c"


def close_packing(n: int, rng: np.random.Generator) -> np.ndarray:
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


def step_phases(n: int) -> dict[str, Callable[[], Any]]:
    """Return the phases of one step on a fresh block of `n` cells, by name, in the order in which they run."""
    rng = np.random.default_rng(1)
    real = np.zeros((REAL_ROWS, n))
    real[:3] = close_packing(n, rng)
    whole = np.zeros((WHOLE_ROWS, n), np.int64)
    patch = whole[0]
    uid = rng.permutation(n).astype(np.uint64)
    real[3] = RADIUS_UM
    mechanics = np.repeat([[10.0], [0.4], [1.0]], n, axis=1)
    across = int(np.ceil(real[:3].max() / SPACING_UM))
    shape = np.array([1, across, across, across])
    voxel, order, work = np.empty((3, n), np.int64)
    start = np.empty(across**3 + 1, np.int64)
    cursor = np.empty(across**3, np.int64)
    velocity = np.empty((3, n))

    def carry() -> None:
        for block in (real.view(np.int64), whole, uid.reshape(1, -1).view(np.int64)):
            permute(block, order, n, work)

    return {
        "locate": lambda: locate(n, real, patch, SPACING_UM, shape, voxel),
        "sort": lambda: sort_by_voxel(n, voxel, uid, start, order, cursor),
        "permute": carry,
        "forces": lambda: relax(start, shape, SPACING_UM, real, mechanics, 1.25, RADIUS_UM, velocity),
        "move": lambda: displace(n, velocity, 0.1, 0.1, shape, SPACING_UM, real),
    }


def time_steps(phases: dict[str, Callable[[], Any]], n: int) -> tuple[dict[str, float], float]:
    """Run `STEPS` steps; return ns of CPU per agent and step by phase and in all, and the mean number of neighbours."""
    spent = dict.fromkeys(phases, 0.0)
    pairs = 0
    for _ in range(STEPS):
        for name, phase in phases.items():
            begun = time.process_time()
            result = phase()
            spent[name] += (time.process_time() - begun) * 1e9 / n / STEPS
            pairs = result if name == "forces" else pairs
    spent["all"] = sum(spent.values())
    return spent, 2 * pairs / n


def compile_reference(folder: Path) -> Path:
    """Compile the C reference for this processor and return the program."""
    program = folder / "cells"
    subprocess.run(["cc", "-O3", "-march=native", "-o", str(program), str(REFERENCE), "-lm"], check=True)
    return program


def time_reference(program: Path, n: int, way: str) -> tuple[float, float]:
    """Run the C reference; return ns of CPU per agent and step, and the mean number of neighbours."""
    words = subprocess.run([program, str(n), str(STEPS), way], check=True, capture_output=True, text=True).stdout.split()
    return float(words[3]), float(words[2])


def measure(n: int, repeats: int, program: Path) -> dict[str, Any]:
    """Return minimum and median over interleaved repeats of every phase and of C, ratios and mean neighbours."""
    phases = step_phases(n)
    time_steps(phases, n)
    times: dict[str, list[float]] = {}
    neighbours = {}
    for _ in range(repeats):
        spent, neighbours["kernel"] = time_steps(phases, n)
        for way in ("list", "pairs"):
            spent[f"C {way}"], neighbours[f"C {way}"] = time_reference(program, n, way)
        for name, value in spent.items():
            times.setdefault(name, []).append(value)
    ns = {name: {"min": min(seen), "median": statistics.median(seen)} for name, seen in times.items()}
    ratio = {
        way: statistics.median(a / b for a, b in zip(times["all"], times[way], strict=True)) for way in ("C list", "C pairs")
    }
    return {"agents": n, "repeats": repeats, "neighbours": neighbours, "ns": ns, "ratio_all_to": ratio}


def main() -> None:
    """Parse the command line, measure, print a table and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        program = compile_reference(Path(folder))
        for n in asked.agents:
            result = measure(n, asked.repeats, program)
            results.append(result)
            print(f"{n} agents, {result['neighbours']['kernel']:.2f} neighbours; ns of CPU per agent and step")
            for name, value in result["ns"].items():
                print(f"  {name:8s} min {value['min']:7.1f}   median {value['median']:7.1f}")
            for way, value in result["ratio_all_to"].items():
                print(f"  all / {way:8s} {value:.2f} (median of ratios, {asked.repeats} interleaved repeats)")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
