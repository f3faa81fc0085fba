"""Living product cells over time by arm.

python plots/courses.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import courses


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = courses.draw(results, course="living.*", time="early")
    for path in drawing.save(out, "courses"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
