"""Time the field solvers per voxel and update, beside first-order implicit steps in C compiled on the spot.

    python benchmarks/fields.py [--repeats 9] [--json PATH]

Three tables, CPU time, minimum and median over repeats in which all ways take turns:

    one step        alternating directions with a loss of its own in every voxel, for one step a call and for ten, beside C
                    (one loss for the whole grid, benchmarks/reference/diffusion.c); 1 and 4 substrates
    steady state    from a field that changed by 0, 1 and 5 %, and from nothing; losses jump fiftyfold; tolerance 1e-4
    accuracy 1e-3   ns per voxel, substrate and simulated minute to stay within 1e-3 of the largest value at the end of every
                    six minutes for one hour, sources changing every six minutes: smooth, or jumping between voxels; loss
                    uniform, or with uptake by a tenth of the voxels. The reference takes 2,048 substeps
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from simengine.kernels.fields_spectral import cosine_basis, step_spectral
from simengine.kernels.fields_steady import field_work, solve_steady
from simengine.kernels.fields_transient import step_adi, step_implicit

Array = NDArray[np.float64]
REFERENCE = Path(__file__).parent / "reference" / "diffusion.c"
STEP_GRIDS = [(5, 20, 20), (5, 32, 32), (1, 100, 100), (100, 100, 100)]
STEADY_GRIDS = [(5, 20, 20), (5, 32, 32), (1, 100, 100)]
ALPHA, LOSS = 90.0, 9.0  # 10 µm²/s in 20 µm voxels, and a diffusion length of 63 µm
INTERVAL_H, INTERVALS = 0.1, 10


def compile_reference(folder: Path) -> Path:
    """Compile the C reference for this processor and return the program."""
    program = folder / "diffusion"
    subprocess.run(["cc", "-O3", "-march=native", "-o", str(program), str(REFERENCE)], check=True)
    return program


def time_reference(program: Path, shape: tuple[int, int, int], substrates: int, steps: int) -> float:
    """Run the C reference; return ns of CPU per voxel, substrate and step."""
    sizes = [str(n) for n in (*shape[::-1], substrates, steps)]
    return float(subprocess.run([program, *sizes], check=True, capture_output=True, text=True).stdout.split()[0])


def ns_each(action: Callable[[], object], times: int, updates: float) -> float:
    """Return ns of CPU per update of `times` calls that make `updates` each."""
    begun = time.process_time_ns()
    for _ in range(times):
        action()
    return (time.process_time_ns() - begun) / (times * updates)


def take_turns(ways: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Call every way once unrecorded, then `repeats` times in turn; return what each gave."""
    for way in ways.values():
        way()
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seen[name].append(way())
    return seen


def summarise(seen: dict[str, list[float]], base: str | None = None) -> dict[str, dict[str, float]]:
    """Return minimum, median and, where a base is named, the ratios to it of minima and of paired repeats (median)."""
    table = {name: {"min": min(values), "median": statistics.median(values)} for name, values in seen.items()}
    if base is not None:
        for name, values in seen.items():
            table[name]["ratio_of_min"] = min(values) / min(seen[base])
            table[name]["ratio"] = statistics.median(a / b for a, b in zip(values, seen[base], strict=True))
    return table


def uptake(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    """Losses per hour in which one voxel in ten takes up fifty times faster."""
    return LOSS * np.where(rng.random(shape) < 0.1, 50.0, 1.0)


def one_step(shape: tuple[int, int, int], substrates: int, repeats: int, program: Path) -> dict[str, dict[str, float]]:
    """Time single steps and steps in tens by alternating directions, beside C."""
    rng = np.random.default_rng(1)
    fields = [(rng.random(shape), rng.random(shape), uptake(shape, rng)) for _ in range(substrates)]
    work = field_work(*shape)
    updates = fields[0][0].size * substrates
    calls = max(2_000_000 // updates, 1)

    def advance(substeps: int) -> None:
        for value, source, loss in fields:
            step_adi(value, source, loss, ALPHA, 0.001 * substeps, substeps, work)

    return summarise(
        take_turns(
            {
                "C, first order": lambda: time_reference(program, shape, substrates, max(calls, 3)),
                "one step a call": lambda: ns_each(lambda: advance(1), calls, updates),
                "ten steps a call": lambda: ns_each(lambda: advance(10), max(calls // 10, 1), 10 * updates),
            },
            repeats,
        ),
        "C, first order",
    )


def steady_state(shape: tuple[int, int, int], repeats: int) -> tuple[dict[str, dict[str, float]], dict[str, int]]:
    """Time the steady solver from starts of different quality; also return the cycles it took."""
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
    ways: dict[str, Callable[[], float]] = {name: partial(ns_each, partial(solve, name), calls, value.size) for name in starts}
    return summarise(take_turns(ways, repeats)), cycles


def sources(kind: str, shape: tuple[int, int, int]) -> Iterator[Array]:
    """Yield the sources of each interval: a smooth wave that travels, or one voxel in fifty drawn anew."""
    rng = np.random.default_rng(3)
    x = np.broadcast_to((np.arange(shape[2]) + 0.5) / shape[2], shape)
    for i in range(INTERVALS):
        made = 1.0 + np.cos(2.0 * np.pi * x + 0.6 * i) if kind == "smooth" else 100.0 * (rng.random(shape) < 0.02)
        yield np.ascontiguousarray(made, dtype=np.float64)


def first_order(value: Array, source: Array, hours: float, substeps: int) -> Array:
    """Advance by the first-order split steps of the C reference, one cosine mode at a time."""
    t, rates = hours / substeps, []
    n_axes = sum(n > 1 for n in value.shape)
    for axis, n in enumerate(value.shape):
        rate = ALPHA * (2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n)) + (LOSS / n_axes if n > 1 else 0.0)
        rates.append(rate.reshape([-1 if a == axis else 1 for a in range(3)]))
    factor = 1.0 / ((1.0 + t * rates[0]) * (1.0 + t * rates[1]) * (1.0 + t * rates[2]))
    modes, driven = dctn(value, norm="ortho"), t * dctn(source, norm="ortho")
    for _ in range(substeps):
        modes = factor * (modes + driven)
    return np.asarray(idctn(modes, norm="ortho"), dtype=np.float64)


def accuracy(
    shape: tuple[int, int, int], kind: str, loss_kind: str, repeats: int, program: Path
) -> dict[str, dict[str, float]]:
    """Find the substeps each method needs for 1e-3, then time it with them: ns per voxel and simulated minute."""
    loss = uptake(shape, np.random.default_rng(4)) if loss_kind == "uptake" else np.full(shape, LOSS)
    work, basis = field_work(*shape), cosine_basis(*shape)

    def alternating(value: Array, source: Array, substeps: int) -> Array:
        step_adi(value, source, loss, ALPHA, INTERVAL_H, substeps, work)
        return value

    def implicit(value: Array, source: Array, substeps: int) -> Array:
        for _ in range(substeps):
            step_implicit(value, source, loss, ALPHA, INTERVAL_H / substeps, 1e-5, work)
        return value

    def spectral(value: Array, source: Array, substeps: int) -> Array:
        step_spectral(value, source, LOSS, ALPHA, INTERVAL_H, basis, work)
        return value

    def course(method: Callable[[Array, Array, int], Array], substeps: int) -> Array:
        value, seen = np.zeros(shape), []
        for source in sources(kind, shape):
            value = method(value, source, substeps)
            seen.append(value.copy())
        return np.array(seen)

    exact = course(alternating, 2048)
    methods: dict[str, Callable[[Array, Array, int], Array]] = {"alternating": alternating, "implicit": implicit}
    if loss_kind == "uniform":
        methods |= {"spectral": spectral, "C, first order": lambda v, s, n: first_order(v, s, INTERVAL_H, n)}
    needed = {}
    for name, method in methods.items():
        needed[name] = 1
        while np.abs(course(method, needed[name]) - exact).max() > 1e-3 * exact.max() and needed[name] < 65536:
            needed[name] = needed[name] + 1 if needed[name] < 8 else needed[name] * 5 // 4
    updates = int(np.prod(shape)) * INTERVALS * INTERVAL_H * 60.0
    steps = max(2_000_000 // int(np.prod(shape)), 3)

    def spend(name: str) -> float:
        if name.startswith("C"):
            return time_reference(program, shape, 1, steps) * needed[name] / (60.0 * INTERVAL_H)
        return ns_each(lambda: course(methods[name], needed[name]), 2, updates)

    table = summarise(take_turns({name: partial(spend, name) for name in methods}, repeats))
    for name, row in table.items():
        row["substeps"] = needed[name]
    return table


def show(title: str, table: dict[str, dict[str, float]]) -> None:
    """Print one table of named rows."""
    print(title)
    for name, row in table.items():
        extra = [f"{key} {value:.4g}" for key, value in row.items() if key not in ("min", "median")]
        print(f"  {name:18s} min {row['min']:8.2f}   median {row['median']:8.2f}   {'   '.join(extra)}")


def main() -> None:
    """Parse the command line, measure, print tables and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = compile_reference(Path(folder))
        for shape in STEP_GRIDS:
            for substrates in (1, 4):
                title = f"one step, {'x'.join(map(str, shape))} voxels, {substrates} substrates: ns per voxel and substrate"
                results[title] = table = one_step(shape, substrates, asked.repeats, program)
                show(title, table)
        for shape in STEADY_GRIDS:
            title = f"steady state, {'x'.join(map(str, shape))} voxels: ns per voxel"
            table, cycles = steady_state(shape, asked.repeats)
            for name, n in cycles.items():
                table[name]["cycles"] = n
            results[title] = table
            show(title, table)
        for kind in ("smooth", "jumping"):
            for loss_kind in ("uniform", "uptake"):
                title = f"accuracy 1e-3, 5x20x20 voxels, {kind} sources, {loss_kind} loss: ns per voxel and minute"
                results[title] = table = accuracy((5, 20, 20), kind, loss_kind, asked.repeats, program)
                show(title, table)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
