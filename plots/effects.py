"""Change of ejection fraction against the first arm, patient by patient.

python plots/effects.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import effects


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = effects.draw(results, outcome="lvef_change_points")
    for path in drawing.save(out, "effects"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
