"""Ways of doing the same study: how many workers, how many runs at a time, who does them, in which order.

Processes and clusters are kept from study to study, as each costs seconds to start.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from distributed import Client, LocalCluster

import simengine
from simengine.results import Results
from simengine.scenario import Study, loads
from simengine.studies.executors.local import ProcessWorker

TEXTS = {
    "body": """
name = "body"
seed = 31
patients = 3
replicates = 11
run = { mode = "body", duration_days = 1.0 }
delivery = [{ route = "intravenous", dose_cells = 100_000_000 }]
[[arm]]
name = "large"
[[arm]]
name = "small"
set = { "product.name" = "bm_mnc" }
""",
    "patch": """
name = "patch"
seed = 32
patients = 3
replicates = 11
patch.shape = [4, 4, 1]
run = { duration_days = 0.1, record_every_h = 1.0 }
output.snapshot_days = [0.1]
delivery = [{ route = "intramyocardial", dose_cells = 100_000_000, n_sites = 1, volume_ml_per_site = 0.2 }]
[[arm]]
name = "matched"
[[arm]]
name = "unmatched"
set = { "donor.match" = "0/8", "patient.sensitised" = true }
""",
    "graft": """
name = "graft"
seed = 33
patients = 11
replicates = 3
patient.vary = "per_patient"
run = { duration_days = 15.0 }
[population]
name = "aml_transplant_2010"
[transplant]
[[arm]]
name = "matched"
[[arm]]
name = "half"
set = { "donor.match" = "4/8" }
""",
}
"""Three cheap studies: the body alone, a patch of tissue, a transplantation in virtual patients."""
ROWS = 66
"""Runs of each: more than a batch of 64."""

ORDERS = {
    "forward": list,
    "reversed": lambda keys: keys[::-1],
    "shuffled": lambda keys: [keys[i] for i in np.random.default_rng(3).permutation(len(keys))],
}
SHARDS = "shards"
"""Three shares, done and joined in another order."""


class Cell(NamedTuple):
    """One way of doing one study."""

    executor: str
    jobs: int
    batch: int
    order: str
    study: str


FACTORS = Cell(
    ("serial", "threads", "processes", "dask"), (1, 2, 3, 4, 8, 16), (1, 7, 64, 1000), (*ORDERS, SHARDS), tuple(TEXTS)
)
"""The values of each part of a cell."""

Pair = tuple[int, Any, int, Any]


def every_cell() -> list[Cell]:
    """Return the full product, who is slow to start first."""
    return [Cell(*values) for values in itertools.product(*FACTORS)]


def pairs_of(cells: Iterable[Cell]) -> Counter[Pair]:
    """Count in how many cells each two values of two parts meet."""
    of_cell = (itertools.combinations(enumerate(cell), 2) for cell in cells)
    return Counter((i, a, j, b) for pairs in of_cell for (i, a), (j, b) in pairs)


def chosen_cells(n: int) -> list[Cell]:
    """Return at least n cells in which every two values of every two parts meet, and otherwise most evenly.

    The next cell is the one whose pairs were met least. Many processes with few runs each are dear, so that they come last.
    """
    left, met, chosen = every_cell(), Counter[Pair](), list[Cell]()
    n_pairs = len(pairs_of(left))

    def worth(cell: Cell) -> float:
        is_dear = cell.executor == "processes" and cell.jobs > 4 and cell.batch < 64
        return sum(8.0 ** -met[pair] for pair in pairs_of([cell])) - (2.0 if is_dear else 0.0)

    while len(met) < n_pairs or len(chosen) < n:
        best = max(left, key=worth)
        left.remove(best)
        chosen.append(best)
        met.update(pairs_of([best]))
    return sorted(chosen, key=every_cell().index)


class Lent:
    """A process worker on loan from a stock, to which it goes back at the end."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._worker = stock.idle.pop() if stock.idle else ProcessWorker()
        self.do = self._worker.do

    def end(self) -> None:
        """Give the worker back."""
        self._stock.idle.append(self._worker)


class Stock:
    """Process workers, and a cluster of Dask, that outlive the studies they work for."""

    name, may_exit = ProcessWorker.name, ProcessWorker.may_exit

    def __init__(self) -> None:
        self.idle: list[ProcessWorker] = []
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._layout = (0, 0)

    def __call__(self) -> Lent:
        """Lend a worker, one that is idle if there is any."""
        return Lent(self)

    def client(self, jobs: int) -> Client:
        """Return a client of a cluster with that many threads: one a process up to four, then eight a process."""
        layout = (jobs, 1) if jobs <= 4 else (jobs // 8, 8)
        if self._layout[1] != layout[1] or layout[0] < self._layout[0]:
            self._end_cluster()
            self._cluster = LocalCluster(n_workers=layout[0], threads_per_worker=layout[1], dashboard_address=":0")
            self._client = self._cluster.get_client()
        self._cluster.scale(layout[0])
        self._client.wait_for_workers(layout[0])
        self._layout = layout
        return self._client

    def _end_cluster(self) -> None:
        if self._cluster is not None:
            self._client.close()
            self._cluster.close()

    def close(self) -> None:
        """End all of them."""
        self._end_cluster()
        for worker in self.idle:
            worker.end()


@pytest.fixture(scope="module")
def stock() -> Iterator[Stock]:
    """Workers for a module of tests; ``executor="processes"`` finds them, too."""
    kept = Stock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simengine.studies.executors.choice.ProcessWorker", kept)
        yield kept
    kept.close()


def small_study(name: str) -> Study:
    """Return one of the three studies."""
    return loads(TEXTS[name])


def done(cell: Cell, stock: Stock, folder: Path) -> Results:
    """Do a study in the way of a cell."""
    executor = stock.client(cell.jobs) if cell.executor == "dask" else cell.executor
    how = {"executor": executor, "jobs": cell.jobs, "batch": cell.batch, "out": folder}
    if cell.order != SHARDS:
        return simengine.sweep(small_study(cell.study), order=ORDERS[cell.order], **how)
    for i in (3, 1, 2):
        simengine.sweep(small_study(cell.study), shard=f"{i}/3", **how)
    return simengine.api.merge(folder)
