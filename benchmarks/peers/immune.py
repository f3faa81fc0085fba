"""An immune scene in PhysiCell's model (pyphysicell): one simulated minute, its time in s and the largest memory in MB.

25,000 cells in 75 x 75 x 75 voxels of 20 µm: 17,500 targets close packed in a ball, 7,500 immune cells scattered around it.
Two fields: oxygen (D = 1e5 µm²/min, decay 0.1/min), taken up by all, 38 at the walls; a chemokine (D = 1e3, decay 0.1) made by
targets. Immune cells climb the chemokine (1 µm/min, bias 0.5, persistence 10 min) and attack targets that they touch.
PhysiCell's customary clocks: fields 0.01 min, mechanics 0.1 min, phenotype 6 min. One step is made before the clock starts.
"""

from __future__ import annotations

import time

import numpy as np
import pyphysicell as pc
from stated import close_packing, largest_memory_mb, report

TARGETS, IMMUNE, SIDE_UM = 17_500, 7_500, 1500.0
OXYGEN, CHEMOKINE = "oxygen", "chemokine"


def model() -> pc.Model:
    """Return the scene without its cells."""
    walls = dict.fromkeys(("xmin", "xmax", "ymin", "ymax", "zmin", "zmax"), (True, 38.0))
    uptake = pc.SecretionEntry(uptake_rate=1.0)
    return pc.Model(
        domain=pc.Domain(0.0, SIDE_UM, 0.0, SIDE_UM, 0.0, SIDE_UM, use_2D=False),
        substrates=[
            pc.Substrate(OXYGEN, 1e5, 0.1, 38.0, True, 38.0, walls),
            pc.Substrate(CHEMOKINE, 1e3, 0.1),
        ],
        cell_types=[
            pc.CellType("target", 0, secretion={OXYGEN: uptake, CHEMOKINE: pc.SecretionEntry(1.0, 1.0)}),
            pc.CellType(
                "immune",
                1,
                motility=pc.Motility(1.0, 10.0, 0.5, True, False, True, CHEMOKINE),
                secretion={OXYGEN: uptake},
                interactions=pc.Interactions(attack_rates={"target": 0.01}),
            ),
        ],
    )


def scene() -> pc.Simulation:
    """Return the scene after its first step."""
    rng = np.random.default_rng(1)
    made = pc.Simulation(model(), seed=1)
    places = close_packing(3 * TARGETS, rng).T
    places -= places.mean(axis=0)
    inside = np.argsort((places**2).sum(axis=1))[:TARGETS]
    made.add_cells(places[inside] + SIDE_UM / 2, "target")
    made.add_cells(rng.uniform(0.0, SIDE_UM, (IMMUNE, 3)), "immune")
    made.step()
    return made


def main() -> None:
    """Measure."""
    made = scene()
    wall, cpu = time.perf_counter(), time.process_time()
    made.run(until=made.t + 1.0)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    report({"cpu": cpu, "wall": wall, "memory_mb": largest_memory_mb(), "cells": int(made.cells.n)}, "pyphysicell", "numpy")


if __name__ == "__main__":
    main()
