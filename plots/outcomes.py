"""Distribution of the change of ejection fraction by arm.

python plots/outcomes.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import outcomes


def main(folder: str = "results/heart_infarct_demo", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = outcomes.draw(results, outcome="lvef_change_points")
    for path in drawing.save(out, "outcomes"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
