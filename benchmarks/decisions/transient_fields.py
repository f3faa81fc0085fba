"""How to advance a field in time at equal error? The timing behind simengine/kernels/fields_slaved.py.

    python -m benchmarks.decisions.transient_fields [--repeats 5]

One minute of D = 1e5 µm²/min in voxels of 20 µm from nothing, one loss or one voxel in ten that takes up fifty times as fast,
sources a wave or jumping (the works "fast" of the case ``diffusion``). Each way takes as few steps as keep the error of
every interval below 1e-3 of the largest value. Printed: steps an interval, ns per voxel and minute, CPU time, least of the
repeats. ``simengine`` is the choice of ``step_transient``: slow modes with slaved fine structure.

Seen on two shared x86-64 cores, ns for simengine, alternating, implicit (100 x 100 voxels; 20 x 20 x 20):

    smooth, uniform         11   11  319      31   18  368
    smooth, uptake          33  102  351      50  129  409
    jumping, uniform        26   37  326      34  145  354
    jumping, uptake         73  114  418      45  184  495

Jumping uptake takes two steps in the plane: one leaves slightly more than 1e-3. The alternating directions here are told the
fewest steps that will do; without that knowledge they need those for positivity, some 400.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.cases.diffusion import Work, methods_of, steps_needed

SHAPES = ((1, 100, 100), (20, 20, 20))
MEASURE = 1024  # steps an interval of alternating directions, the measure where the loss is not the same everywhere


def main() -> None:
    """Parse the command line, find the steps that each way needs, time it and print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    for shape in SHAPES:
        for kind in ("smooth", "jumping"):
            for loss in ("uniform", "uptake"):
                work = Work("fast", shape, kind, loss)
                methods = methods_of(work)
                exact = [value.copy() for value in work.course(methods["alternating"], MEASURE)]
                minutes = work.numbers[2] * 60.0 * work.numbers[3]
                for name in ("simengine", "alternating", "implicit"):
                    steps, error, _ = steps_needed(work, methods[name], exact)
                    spent = []
                    for _ in range(asked.repeats):
                        begun = time.process_time_ns()
                        work.run(methods[name], steps)
                        spent.append(time.process_time_ns() - begun)
                    cost = min(spent) / np.prod(shape) / minutes
                    print(f"{work.title:58s} {name:12s} {steps:5d} steps {cost:8.1f} ns   error {error:.1e}")


if __name__ == "__main__":
    main()
