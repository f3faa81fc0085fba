"""Cells of one patch by kind over a field, at the days that were saved.

python plots/patch.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import patch


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = patch.draw(results)
    for path in drawing.save(out, "patch"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
