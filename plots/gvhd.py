"""Graft-versus-host disease by organ: the share of patients in each stage.

python plots/gvhd.py [RESULTS] [OUT_FOLDER]
"""

import sys
from pathlib import Path

import simengine
from simengine.report.figures import gvhd


def main(folder: str = "results/transplant_donor_choice", out: str | Path = Path(__file__).parent / "out") -> None:
    """Draw the figure from saved results and write it with its data."""
    results = simengine.open_results(folder)
    drawing = gvhd.draw(results)
    for path in drawing.save(out, "gvhd"):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
