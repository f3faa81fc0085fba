"""What is predicted of a patient, and which columns of a run say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DAYS", "FLAGS", "PREDICTED", "SURVIVAL", "SURVIVAL_DAYS", "Predicted"]

Kind = Literal["day", "flag", "survival"]


@dataclass(frozen=True)
class Predicted:
    """One quantity: its kind, a title, the columns of a run that hold it, and the horizon of a comparison in days.

    `column` is 1 or 0, whether it happened; empty where a missing day alone says so. `day` is the column of its day; empty
    where a flag has none.
    """

    name: str
    kind: Kind
    title: str
    column: str = ""
    day: str = ""
    horizon_days: float = 730.0


PREDICTED: dict[str, Predicted] = {
    entry.name: entry
    for entry in (
        Predicted("neutrophil_day", "day", "Neutrophils above 0.5 x 10⁹/L", "neutrophil_engrafted", "neutrophil_day", 42.0),
        Predicted("platelet20_day", "day", "Platelets above 20 x 10⁹/L", "", "platelet20_day", 100.0),
        Predicted("platelet50_day", "day", "Platelets above 50 x 10⁹/L", "platelet50_recovered", "platelet50_day", 100.0),
        Predicted("acute_gvhd_2_4", "flag", "Acute GVHD of grade II-IV", "acute_gvhd_2_4", "acute_gvhd_day", 100.0),
        Predicted("acute_gvhd_3_4", "flag", "Acute GVHD of grade III-IV", "acute_gvhd_3_4", "acute_gvhd_3_4_day", 100.0),
        Predicted("chronic_gvhd", "flag", "Chronic GVHD", "chronic_gvhd", "chronic_gvhd_day"),
        Predicted("extensive_chronic_gvhd", "flag", "Extensive chronic GVHD", "extensive_chronic_gvhd"),
        Predicted("graft_failure", "flag", "Graft failure", "graft_failure", "graft_failure_day"),
        Predicted("relapse", "flag", "Relapse", "relapse", "relapse_day"),
        Predicted("nonrelapse_death", "flag", "Death without relapse", "nonrelapse_death"),
        Predicted("survival", "survival", "Survival", "death", "death_day"),
    )
}
DAYS = tuple(entry for entry in PREDICTED.values() if entry.kind == "day")
FLAGS = tuple(entry for entry in PREDICTED.values() if entry.kind == "flag")
SURVIVAL = PREDICTED["survival"]
SURVIVAL_DAYS = (100.0, 365.0, 730.0)
"""Days at which survival is predicted, as far as runs reach."""
