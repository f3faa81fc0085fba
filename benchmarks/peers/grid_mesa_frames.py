"""The simple grid model (``grid_work``) in mesa-frames: agents as rows of a Polars frame, a few expressions a step.

The neighbours are read by expressions on the columns: the grid of mesa-frames forms the neighbourhoods of all agents as one
frame without duplicates, which loses whose they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from grid_work import AROUND, SIDE, places, spread
from mesa_frames import AgentSetPolars, ModelDF
from stated import measure_steps


class Walkers(AgentSetPolars):
    """All agents: columns ``row`` and ``column``."""

    def __init__(self, model: ModelDF, agents: int) -> None:
        super().__init__(model)
        row, column = places(agents).T
        self.add(pl.DataFrame({"unique_id": np.arange(agents), "row": row, "column": column}))
        self.field = np.zeros((SIDE, SIDE))
        self.contacts = 0

    def step(self) -> None:
        """Take one step."""
        voxel = pl.col("row") * SIDE + pl.col("column")
        found = self.agents.group_by(voxel.alias("voxel")).len()
        fresh = np.zeros(SIDE * SIDE)
        fresh[found["voxel"].to_numpy()] = found["len"].to_numpy()
        self.field = spread(self.field, fresh.reshape(SIDE, SIDE))
        level = pl.lit(pl.Series(self.field.ravel()))
        options = [(pl.col("row") + i) % SIDE * SIDE + (pl.col("column") + j) % SIDE for i, j in AROUND]
        read = self.agents.select(
            *(option.alias(f"at{k}") for k, option in enumerate(options)),
            *(level.gather(option).alias(f"level{k}") for k, option in enumerate(options)),
        )
        least = pl.min_horizontal(f"level{k}" for k in range(len(AROUND)))
        first = pl.coalesce(pl.when(pl.col(f"level{k}") == least).then(pl.col(f"at{k}")) for k in range(len(AROUND)))
        moved = read.select(voxel=first)
        self.set({"row": moved["voxel"] // SIDE, "column": moved["voxel"] % SIDE})
        self.contacts = self.agents.select((pl.len().over(voxel) - 1).sum()).item()


class Model(ModelDF):
    """The model that holds the agents."""

    def __init__(self, agents: int) -> None:
        super().__init__()
        self.walkers = Walkers(self, agents)
        self.agents += self.walkers


def make(agents: int) -> Callable[[], int]:
    """Return the step of a model."""
    model = Model(agents)
    [walkers] = model.agents.agents

    def step() -> int:
        model.agents.do("step")
        return int(walkers.contacts)

    return step


if __name__ == "__main__":
    measure_steps(make, "mesa-frames", "polars", "numpy")
