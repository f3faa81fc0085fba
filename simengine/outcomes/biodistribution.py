"""What the lung lets pass: the share of cells that cross it the first time they meet it."""

from __future__ import annotations

from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "lung_first_pass_fraction": Column(
        "First passage of the lung", "fraction", "share of cells that pass the lung when they first meet it; NaN without cells"
    )
}


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module."""
    passed = facts.course.traits["lung_passage"] if facts.dose > 0.0 else float("nan")
    return {"lung_first_pass_fraction": passed}
