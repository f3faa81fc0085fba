"""A study whose runs take microseconds: what the upper floors are tested with, alone and as a process to be killed.

As a program: ``python tests/toy.py FOLDER JOBS SECONDS_PER_RUN [EXECUTOR]`` runs or continues a sweep in a folder.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simengine.api import open_results
from simengine.foundation import deadline
from simengine.scenario.model import Output, Precision, Run
from simengine.studies.design import Design, design
from simengine.studies.execute import Progress, Stopped, execute
from simengine.studies.files import DISK, Disk
from simengine.studies.manifest import NAME
from simengine.studies.store import writing


@dataclass(frozen=True)
class ToyScenario:
    """A dose and what goes with it; quacks like a scenario."""

    dose: float = 1.0
    donor: dict[str, Any] = field(default_factory=lambda: {"match": "8/8", "age_years": 40})
    output: Output = field(default_factory=lambda: Output(snapshot_replicates=1000))
    run: Run = field(default_factory=Run)
    transplant: None = None

    def plain(self) -> dict[str, Any]:
        """The scenario as plain JSON."""
        return {"dose": self.dose, "donor": dict(self.donor)}


@dataclass(frozen=True)
class ToyPoint:
    """An arm of the toy study."""

    index: int
    label: str
    values: dict[str, Any]
    scenario: ToyScenario


@dataclass(frozen=True)
class ToyStudy:
    """Three doses, some patients and replicates."""

    points: tuple[ToyPoint, ...]
    name: str = "toy"
    title: str = "A toy"
    description: str = ""
    seed: int = 7
    replicates: int = 4
    patients: int = 3
    precision: Precision | None = None


@dataclass(frozen=True)
class ToyResult:
    """What a run returns."""

    row: dict[str, float | int | str]
    courses: dict[str, np.ndarray]
    events: list[tuple[float, str, str]]
    snapshots: dict[str, dict[str, np.ndarray]]


def toy_study(doses: tuple[float, ...] = (0.0, 1.0, 2.0), **changes: Any) -> ToyStudy:
    """A study with one arm for each dose."""
    points = [ToyPoint(i, f"dose {dose:g}", {"dose": dose}, ToyScenario(dose)) for i, dose in enumerate(doses)]
    return ToyStudy(tuple(points), **changes)


def toy_design(doses: tuple[float, ...] = (0.0, 1.0, 2.0), **changes: Any) -> Design:
    """The runs of a toy study."""
    return design(toy_study(doses, **changes))


def toy_run(scenario: ToyScenario, seed: int, patient: int, replicate: int) -> ToyResult:
    """A result that depends on the address of the run alone, with every kind of column a result can have."""
    noise = np.random.default_rng([seed, patient, replicate])
    time_h = np.arange(0.0, 25.0, 6.0)
    course = np.exp(-time_h / 10.0) * noise.normal(scenario.dose, 0.1, time_h.size)
    change = float(noise.normal(scenario.dose))
    row: dict[str, float | int | str] = {"change_points": change, "lost": int(change < 0.5), "cause": "none"}
    row["loss_day"] = float("nan") if scenario.dose == 0 else abs(change)
    snapshots = {"day1": toy_snapshot(change)} if patient == 0 and replicate == 0 else {}
    events = [(6.0, "priming", f"patient {patient}")] if change > 1 else []
    return ToyResult(row, {"time_h": time_h, "living.muscle": course}, events, snapshots)


def toy_snapshot(x: float) -> dict[str, np.ndarray]:
    """Two patches of 4x3x2 voxels with three cells."""
    grid = np.arange(48.0).reshape(2, 2, 3, 4) + x
    return {
        "time_h": np.float64(24.0),
        "spacing_um": np.float64(20.0),
        "shape": np.array([4, 3, 2]),
        "patch_names": np.array(["deposit", "remote"]),
        "type_names": np.array(["msc"]),
        "x_um": np.array([1.0, 2.0, 3.0]),
        "y_um": np.array([1.0, 2.0, 3.5]),
        "z_um": np.array([1.0, 2.0, 3.0]),
        "radius_um": np.array([8.0, 9.0, 10.0]),
        "weight": np.ones(3),
        "type": np.zeros(3, dtype=np.int64),
        "patch": np.array([0, 0, 1]),
        "field_oxygen": grid,
        "functional": grid / 100,
    }


def run_toy(
    folder: Path,
    chosen: Design | None = None,
    runner: Callable[..., Any] = toy_run,
    disk: Disk = DISK,
    retry: bool = False,
    **options: Any,
) -> None:
    """Run or continue a toy study in a folder."""
    with writing(folder, toy_design() if chosen is None else chosen, {}, disk, retry) as store:
        execute(store, runner, **options)


def long_design() -> Design:
    """The 300 runs of `main`."""
    return toy_design(replicates=20, patients=5)


class SlowDisk(Disk):
    """Writes in pieces and waits, so that a kill often falls into a file, or between writing and naming it."""

    PIECE = 8192

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write some of the bytes and wait."""
        written = super().write(descriptor, data[: self.PIECE])
        time.sleep(0.002)
        return written

    def rename(self, source: Path, target: Path) -> None:
        """Rename a little later."""
        time.sleep(0.015)
        super().rename(source, target)


def slow_run(pause_s: float, *address: Any) -> ToyResult:
    """A run that takes its time."""
    time.sleep(pause_s)
    return toy_run(*address)


def deadly_run(
    kind: str, scenario: ToyScenario, seed: int, patient: int, replicate: int, at: tuple = (1.0, 2, 3), notes: str = os.devnull
) -> ToyResult:
    """A toy run, but for one that ends badly, in a way of its own, and leaves a line in a file each time it is begun."""
    if (scenario.dose, patient, replicate) == at:
        with open(notes, "a") as file:
            file.write(f"{kind}\n")
        return _end_badly(kind, toy_run(scenario, seed, patient, replicate))
    return toy_run(scenario, seed, patient, replicate)


def _end_badly(kind: str, result: ToyResult) -> ToyResult:
    """End the process, hang, take all memory, raise an error, or return what is not finite."""
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "crash":
        faulthandler._sigsegv()
    if kind == "hangs":
        time.sleep(600)
    while kind == "loops":
        deadline.check()
    if kind == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (2**34, resource.getrlimit(resource.RLIMIT_AS)[1]))
        np.ones(2**36)
    if kind in ("raises", "grows"):
        error = ValueError("on purpose")
        error.status = "failed" if kind == "raises" else "capacity_exceeded"  # type: ignore[attr-defined]
        raise error
    return replace(result, row={**result.row, "change_points": float("inf" if kind == "infinite" else "nan")})


def main() -> None:
    """Run a sweep that can be killed at any moment; say `ready` when it begins."""
    folder, jobs, pause_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    executor = sys.argv[4] if len(sys.argv) > 4 else "threads"

    def say_ready(progress: Progress) -> None:
        if progress.done == already:
            print("ready", flush=True)

    already = len(open_results(folder).table) if (folder / NAME).exists() else 0
    options = {"executor": executor, "jobs": jobs, "batch": 4, "commit_every_s": 0.0, "progress": say_ready}
    try:
        run_toy(folder, long_design(), partial(slow_run, pause_s), SlowDisk(), **options)
    except Stopped as stopped:
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    main()
