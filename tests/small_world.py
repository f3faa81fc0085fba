"""The world of one small patient, with cells put where a test wants them: for formulas that need more than plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from simengine import scenario
from simengine.engine.build import Built, build
from simengine.mechanisms import registry
from simengine.state import cells as c
from simengine.state.entry import enter
from simengine.state.handles import handle_of

TEXT = """
name = "small"
patient.vary = "none"
patch.shape = [4, 4, 2]
run.duration_days = 1.0
delivery = [{ route = "intramyocardial", dose_cells = 1000000, n_sites = 4, volume_ml_per_site = 0.2 }]
drug = [{ name = "tacrolimus" }]
"""


class SmallWorld:
    """A world at tick 0 without cells, its compiled handle, and its rows by name."""

    def __init__(self, **changes: Any) -> None:
        self.scenario = scenario.loads(TEXT, overrides=changes).points[0].scenario
        self.built: Built = build(self.scenario, 1, 0, 0)
        self.world, self.names, self.numbers = self.built.world, self.built.names, self.built.numbers
        self.handle = handle_of(self.world)

    def type_of(self, label: str) -> int:
        """Return the row of a type."""
        return [cell.label for cell in self.names.types].index(label)

    def add(self, label: str, patch: int = 0) -> int:
        """Let one cell enter at a random place; return its column."""
        identity = np.uint64(1000 + int(self.world.cells.count[0]))
        return int(enter(self.handle, self.type_of(label), patch, identity, 0))

    def put(self, i: int, x: float, y: float, z: float) -> None:
        """Move a cell to a place (µm) before the cells are put in order."""
        self.world.cells.real[c.X : c.X + 3, i] = x, y, z

    def parameter(self, name: str) -> float:
        """Return a parameter of a mechanism."""
        return float(self.world.par[registry.PARAMETERS.names().index(name)])

    def solute(self, name: str) -> int:
        """Return the row of a body solute."""
        return registry.SOLUTES.names().index(name)

    def pool(self, name: str) -> int:
        """Return the row of a pool of immune cells."""
        return registry.POOLS.names().index(name)

    def behave(self, name: str, column: int, value: float) -> None:
        """Set a behaviour of a column of the chunk, as if rules had given it."""
        self.world.work.behaviours[self.names.behaviours.index(name), column] = value
