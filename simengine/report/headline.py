"""The outcomes that a report leads with."""

from __future__ import annotations

from simengine.report.results_view import ResultsView

HEADLINE = (
    "lvef_change_points",
    "scar_change_points",
    "motor_change_score",
    "dopaminergic_neurons",
    "fistula_remission",
    "fistula_healed_fraction",
    "retained_living_24h",
    "retained_living_30d",
    "peak_cd8_per_mm3",
    "ae_arrhythmia",
    "survived",
    "relapse",
    "nonrelapse_death",
    "acute_gvhd_2_4",
    "chronic_gvhd",
    "neutrophil_day",
)
MOST_OUTCOMES = 6


def headline_outcomes(results: ResultsView) -> list[str]:
    """The outcomes that figures lead with: the well-known ones that have values, else the first numeric ones described."""
    from pandas.api.types import is_numeric_dtype

    table = results.table
    told = [name for name in table if table[name].notna().any()]
    known = [name for name in HEADLINE if name in told]
    described = [name for name in results.manifest.get("outcomes") or {} if name in told and is_numeric_dtype(table[name])]
    return (known or described)[:MOST_OUTCOMES]
