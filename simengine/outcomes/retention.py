"""How many cells are there, and what each assay would say, at 1 h, 24 h, 7 d and 30 d."""

from __future__ import annotations

from simengine.outcomes.facts import Column, Facts

_WHEN = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
HOURS = {"1h": 1.0, "24h": 24.0, "7d": 168.0, "30d": 720.0}
_ASSAYS = {
    "living": "living product cells at the target",
    "dna": "donor DNA at the target, which lags death",
    "label": "radiolabel at the target: bound, eluting, partly inside phagocytes",
    "luciferase": "bioluminescence at the target: living, not silenced",
}
_TITLES = {
    "living": "Living cells",
    "dna": "Donor DNA",
    "label": "Radiolabel",
    "luciferase": "Bioluminescence",
}

COLUMNS = {"dose_cells": Column("Dose", "cells", "cells given within the run")}
for _assay, _meaning in _ASSAYS.items():
    for _label in HOURS:
        COLUMNS[f"retained_{_assay}_{_label}"] = Column(
            f"{_TITLES[_assay]} after {_WHEN[_label]}", "fraction of dose", f"{_meaning}, {_WHEN[_label]} after day 0"
        )
for _name, _assay in (
    ("lung_living_1h", "living cells"),
    ("lung_living_24h", "living cells"),
    ("lung_label_1h", "label"),
):
    COLUMNS[_name] = Column(
        f"In the lung: {_assay} after {_WHEN[_name.split('_')[-1]]}",
        "fraction of dose",
        f"{_assay} in the lung, {_WHEN[_name.split('_')[-1]]} after day 0",
    )


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module; NaN where no cells were given, the run ended before, or there is no target."""
    none = float("nan")
    row = {"dose_cells": facts.dose}
    for assay in _ASSAYS:
        for label, hour in HOURS.items():
            series = facts.observed[assay]
            row[f"retained_{assay}_{label}"] = facts.at(series, hour) if facts.dose > 0 and facts.has_target else none
    for name, assay, hour in (
        ("lung_living_1h", "lung_living", 1.0),
        ("lung_living_24h", "lung_living", 24.0),
        ("lung_label_1h", "lung_label", 1.0),
    ):
        row[name] = facts.at(facts.observed[assay], hour) if facts.dose > 0 else none
    return row
