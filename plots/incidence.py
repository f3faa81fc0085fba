"""What happens first: cumulative incidence by cause, of loss of a graft, or of relapse and death after a transplantation.

python plots/incidence.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import incidence


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = incidence.draw(results)
    for path in drawing.save(out, "incidence"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
