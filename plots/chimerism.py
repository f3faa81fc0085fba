"""The donor's share of each lineage over time by arm.

python plots/chimerism.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import chimerism


def main(folder: str = "results/transplant_donor_choice", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = chimerism.draw(results)
    for path in drawing.save(out, "chimerism"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
