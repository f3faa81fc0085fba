"""Cells kept for 30 days by source and donor match.

python plots/heatmap.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import heatmap


def main(folder: str = "results/heart_infarct_sources", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = heatmap.draw(results, outcome="retained_living_30d")
    for path in drawing.save(out, "heatmap"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
