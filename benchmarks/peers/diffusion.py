"""BioFVM's diffusion and decay (pyphysicell), one substrate from nothing with a constant source: ns per voxel and update.

    diffusion.py file=WORK.npz updates=N

The file holds ``source`` (per minute, [z, y, x]), ``step_min``, ``diffusion`` (µm²/min), ``decay`` (per minute) and
``spacing_um``. Each update adds ``step * source`` (not timed: BioFVM knows sources only as cells) and takes one locally
one-dimensional implicit step (timed). The field is written back into the file as ``value``.
"""

from __future__ import annotations

import time

import numpy as np
import pyphysicell as pc
from stated import report, work


def main() -> None:
    """Measure."""
    asked = work()
    given, updates = dict(np.load(asked["file"])), int(asked["updates"])
    source, step, dx = given["source"], float(given["step_min"]), float(given["spacing_um"])
    z, y, x = (n * dx for n in source.shape)
    domain = pc.Domain(0.0, x, 0.0, y, 0.0, z, dx, dx, dx, use_2D=source.shape[0] == 1)
    substrate = pc.Substrate("signal", float(given["diffusion"]), float(given["decay"]))
    field = pc.Microenvironment(pc.Model(domain=domain, substrates=[substrate]))
    field.step(step)
    field.density[:] = 0.0
    cpu = wall = 0.0
    for _ in range(updates):
        field.density[..., 0] += step * source
        wall_before, before = time.perf_counter(), time.process_time()
        field.step(step)
        cpu += time.process_time() - before
        wall += time.perf_counter() - wall_before
    np.savez(asked["file"], **given, value=field.density[..., 0])
    units = source.size * updates / 1e9
    report({"cpu": cpu / units, "wall": wall / units}, "pyphysicell", "numpy")


if __name__ == "__main__":
    main()
