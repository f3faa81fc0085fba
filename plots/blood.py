"""Blood counts after a transplantation by arm, with the days of recovery.

python plots/blood.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import blood


def main(folder: str = "results/transplant_donor_choice", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = blood.draw(results)
    for path in drawing.save(out, "blood"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
