"""Why runs differ: shares of patients, knowledge and chance in the variance of outcomes.

python plots/spread.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import spread


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = spread.draw(results)
    for path in drawing.save(out, "spread"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
