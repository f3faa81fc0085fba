"""Results: opening a million rows, every byte verified, and their table as pandas has it.

Rows are made, 20 numbers each in four arms, and written as a study writes them: in parts of 10,000 runs. Wall time, as two
threads read: it means something on an idle machine only. The CPU time of all threads is noted beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

import simengine
from benchmarks.figures import Figure
from benchmarks.setting import Setting
from simengine.scenario import loads
from simengine.studies import manifest, parts
from simengine.studies.design import design
from simengine.studies.files import sha256
from simengine.studies.store import PART_RUNS

ARMS, OUTCOMES, GOAL_S = 4, 20, 2.0


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield the figure."""
    rows = setting.pick(1_000_000, 40_000)
    folder = setting.folder / "rows"
    write(folder, rows)
    read(folder)  # loads what reads
    walls, cpus = [], []
    for _ in range(setting.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        read(folder)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    yield Figure(f"results, {rows:,} rows opened and read (wall)", "s", walls, goal=GOAL_S, about={"cpu_s": cpus})


def read(folder: Path) -> int:
    """Open results and return the rows of their table."""
    return len(simengine.open_results(folder).table)


def write(folder: Path, rows: int) -> None:
    """Write made results, four arms of one patient a row."""
    study = loads("".join(["name = 'rows'\n", *(f"[[arm]]\nname = 'arm {i}'\n" for i in range(ARMS))]))
    chosen = replace(design(study), patients=rows // ARMS, replicates=1)
    told, rng = manifest.new(chosen, {}), np.random.default_rng(0)
    (folder / parts.FOLDER).mkdir(parents=True)
    for first in range(0, rows, PART_RUNS):
        number = np.arange(first, min(first + PART_RUNS, rows))
        point = (number // (rows // ARMS)).astype(np.int32)
        keys = {"point": point, "arm": [f"arm {i}" for i in point], "patient": (number % (rows // ARMS)).astype(np.int32)}
        keys |= {"replicate": np.zeros_like(point), "status": ["ok"] * len(point), "reason": [""] * len(point)}
        outcomes = {f"outcome_{i:02d}": rng.normal(size=len(point)) for i in range(OUTCOMES)}
        data = parts.to_bytes(pa.table({**keys, **outcomes}), told["study_hash"])
        (folder / parts.FOLDER / parts.file_name(data)).write_bytes(data)
        told["parts"][parts.file_name(data)] = sha256(data)
    manifest.write(folder, told | {"status": "complete", "counts": {"ok": rows}})
