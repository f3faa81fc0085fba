"""The simple grid model (``grid_work``) in AgentPy: agents as objects in a list, on a grid that knows who is where.

The field is NumPy, handed to the agents as a list of lists, which Python reads faster than an array.
"""

from __future__ import annotations

from collections.abc import Callable

import agentpy as ap
import numpy as np
from grid_work import AROUND, SIDE, places, spread
from stated import measure_steps


class Walker(ap.Agent):
    """An agent on the grid."""

    def deposit(self) -> None:
        """Add to the voxel."""
        row, column = self.model.grid.positions[self]
        self.model.fresh[row][column] += 1.0

    def move(self) -> None:
        """Go where there is least."""
        row, column = self.model.grid.positions[self]
        field = self.model.levels
        options = [((row + i) % SIDE, (column + j) % SIDE) for i, j in AROUND]
        self.model.grid.move_to(self, min(options, key=lambda at: field[at[0]][at[1]]))

    def meet(self) -> int:
        """Return how many others are here."""
        return len(self.model.grid.agents[self.model.grid.positions[self]]) - 1


class Walkers(ap.Model):
    """All agents, the grid and the field."""

    def setup(self) -> None:
        """Place the agents."""
        self.walkers = ap.AgentList(self, self.p.agents, Walker)
        self.grid = ap.Grid(self, (SIDE, SIDE), torus=True)
        self.grid.add_agents(self.walkers, positions=[tuple(place) for place in places(self.p.agents).tolist()])
        self.field = np.zeros((SIDE, SIDE))

    def step(self) -> None:
        """Take one step."""
        self.fresh = [[0.0] * SIDE for _ in range(SIDE)]
        self.walkers.deposit()
        self.field = spread(self.field, np.array(self.fresh))
        self.levels = self.field.tolist()
        self.walkers.move()
        self.contacts = sum(self.walkers.meet())


def make(agents: int) -> Callable[[], int]:
    """Return the step of a model."""
    model = Walkers({"agents": agents})
    model.sim_setup(steps=1)

    def step() -> int:
        model.step()
        return int(model.contacts)

    return step


if __name__ == "__main__":
    measure_steps(make, "agentpy", "numpy")
