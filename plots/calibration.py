"""Predicted against observed shares of the outcomes of a scored cohort.

python plots/calibration.py [FOLDER_WITH_CALIBRATION_CSV] [OUT_FOLDER]
"""

import sys
from pathlib import Path

from simengine.report.figures import calibration


def main(folder: str = "results/cohort", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from a scored cohort and write it with its data."""
    drawing = calibration.draw(folder)
    for path in drawing.save(out, "calibration"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
