"""Adverse events within the run."""

from __future__ import annotations

from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "ae_arrhythmia": Column("Arrhythmia", "0/1", "sustained arrhythmia from immature beating cells"),
    "ae_microembolism": Column("Micro-embolism", "0/1", "micro-embolism of the target organ by cells in its vessels"),
    "ae_organ_damage": Column("Organ damage", "0/1", "organ damage by drugs, such as kidney injury"),
    "ae_thrombosis": Column("Thrombosis", "0/1", "thrombosis by cells in blood, lung or liver"),
    "ae_infection": Column("Infection", "0/1", "serious infection, more likely under immunosuppression"),
}


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module."""
    happened = {name for _, name, _ in facts.events}
    return {
        "ae_arrhythmia": float("arrhythmia" in happened),
        "ae_microembolism": float("embolism" in happened),
        "ae_organ_damage": float("organ_damage" in happened),
        "ae_thrombosis": float("thrombosis" in happened),
        "ae_infection": float("infection" in happened),
    }
