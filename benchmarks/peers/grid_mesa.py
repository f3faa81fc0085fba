"""The simple grid model (``grid_work``) in Mesa: agents as objects that live in the cells of an orthogonal Moore grid.

The field is NumPy, handed to the agents as a list of lists, which Python reads faster than an array.
"""

from __future__ import annotations

from collections.abc import Callable

import mesa
import numpy as np
from grid_work import AROUND, SIDE, places, spread
from mesa.discrete_space import CellAgent, OrthogonalMooreGrid
from stated import measure_steps


class Walker(CellAgent):
    """An agent in a cell."""

    def deposit(self) -> None:
        """Add to the voxel."""
        row, column = self.cell.coordinate
        self.model.fresh[row][column] += 1.0

    def move(self) -> None:
        """Go where there is least."""
        field, around = self.model.levels, self.cell.connections
        self.cell = min((around[key] for key in AROUND), key=lambda cell: field[cell.coordinate[0]][cell.coordinate[1]])

    def count(self) -> int:
        """Return how many others are here."""
        return len(self.cell.agents) - 1


class Walkers(mesa.Model):
    """All agents, the grid and the field."""

    def __init__(self, agents: int) -> None:
        super().__init__(seed=1)
        self.grid = OrthogonalMooreGrid((SIDE, SIDE), torus=True, random=self.random)
        self.field = np.zeros((SIDE, SIDE))
        for row, column in places(agents).tolist():
            Walker(self).cell = self.grid[row, column]

    def step(self) -> None:
        """Take one step."""
        self.fresh = [[0.0] * SIDE for _ in range(SIDE)]
        self.agents.do("deposit")
        self.field = spread(self.field, np.array(self.fresh))
        self.levels = self.field.tolist()
        self.agents.do("move")
        self.contacts = sum(self.agents.map("count"))


def make(agents: int) -> Callable[[], int]:
    """Return the step of a model."""
    model = Walkers(agents)

    def step() -> int:
        model.step()
        return int(model.contacts)

    return step


if __name__ == "__main__":
    measure_steps(make, "mesa", "numpy")
