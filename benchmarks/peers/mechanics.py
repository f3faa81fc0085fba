"""PhysiCell's mechanics step of 0.1 min (pyphysicell): cells of one type, close packed, in a box with 60 µm to spare.

    mechanics.py way=model|kernels agents=N steps=N

``model`` calls the public ``Simulation.run`` with no substrate, one phenotype step before the clock starts, mechanics every
0.1 min: cell list, forces, contacts, motility (none), second-order positions. ``kernels`` calls the compiled cell list, forces
and positions alone, on the same arrays. Both in ns per agent and step.
"""

from __future__ import annotations

import numpy as np
import pyphysicell as pc
from pyphysicell import _kernels as kernels
from stated import close_packing, report, time_it, work

STEP_MIN, MARGIN_UM = 0.1, 60.0


def simulation(agents: int) -> pc.Simulation:
    """Return a simulation of as many cells, one step done."""
    places = close_packing(agents, np.random.default_rng(1)).T + MARGIN_UM
    side = float(np.ceil((places.max() + MARGIN_UM) / 20.0) * 20.0)
    model = pc.Model(
        domain=pc.Domain(0.0, side, 0.0, side, 0.0, side, use_2D=False),
        time=pc.Time(dt_diffusion=STEP_MIN, dt_mechanics=STEP_MIN, dt_phenotype=1e6),
        cell_types=[pc.CellType("cell")],
        calculate_gradients=False,
    )
    made = pc.Simulation(model, seed=1)
    made.add_cells(places, "cell")
    made.step()
    return made


def kernels_only(of: pc.Simulation, steps: int) -> None:
    """Take steps by the compiled functions alone."""
    cells, domain, n = of.cells, of.model.domain, of.cells.n
    edge = 30.0
    across = int(np.ceil(domain.x_max / edge))
    position, previous = cells.position[:n].copy(), cells.prev_velocity[:n].copy()
    velocity, pressure, neighbours = np.zeros((n, 3)), np.zeros(n), np.zeros(n, np.int64)
    names = ("radius", "rel_max_adhesion", "adhesion", "repulsion", "type_idx", "adhesive_affinity", "movable")
    columns = [np.ascontiguousarray(cells.view(name)) for name in names]
    head, after = np.empty(across**3, np.int64), np.empty(n, np.int64)
    box = ((0.0, 0.0, 0.0), edge, (across,) * 3)
    for _ in range(steps):
        head.fill(-1)
        after.fill(-1)
        velocity.fill(0.0)
        kernels.build_cell_list(position, *box, head, after)
        kernels.forces(position, *columns, *box, head, after, False, velocity, pressure, neighbours)
        kernels.update_positions(position, velocity, previous, columns[-1], STEP_MIN, False)


def main() -> None:
    """Measure."""
    asked = work()
    agents, steps = int(asked["agents"]), int(asked["steps"])
    made = simulation(agents)
    if asked["way"] == "kernels":
        kernels_only(made, 1)
        found = time_it(lambda: kernels_only(made, steps), agents * steps)
    else:
        found = time_it(lambda: made.run(until=made.t + steps * STEP_MIN), agents * steps)
    report(found | {"neighbours": float(made.cells.view("neighbors").mean())}, "pyphysicell", "numpy")


if __name__ == "__main__":
    main()
