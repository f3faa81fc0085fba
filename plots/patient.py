"""One transplanted patient on one page: blood, chimerism, GVHD, malignancy, drugs, and the replicates.

python plots/patient.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import patient


def main(folder: str = "results/transplant_donor_choice", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = patient.draw(results)
    for path in drawing.save(out, "patient"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
