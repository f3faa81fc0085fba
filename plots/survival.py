"""Survival by arm, of grafts or of transplanted patients, with intervals and numbers at risk.

python plots/survival.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import survival


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = survival.draw(results)
    for path in drawing.save(out, "survival"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
