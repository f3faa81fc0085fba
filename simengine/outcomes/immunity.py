"""The host's answer: immune cells in the lesion, effectors in blood, the day of priming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.outcomes.facts import Column, Facts
from simengine.patients.traits import weight_kg

COLUMNS = {
    "peak_cd8_per_mm3": Column("Peak CD8 effectors", "per mm3", "largest recorded density where the graft is"),
    "peak_cd4_per_mm3": Column("Peak CD4 effectors", "per mm3", "largest recorded density where the graft is"),
    "peak_nk_per_mm3": Column("Peak NK cells", "per mm3", "largest recorded density where the graft is"),
    "peak_macrophage_per_mm3": Column("Peak macrophages", "per mm3", "largest recorded density where the graft is"),
    "peak_blood_effectors_per_ul": Column("Peak effectors in blood", "per uL", "CD8 and CD4 effectors against the donor"),
    "priming_day": Column("Day of priming", "days", "first recorded day with effectors against the donor in blood"),
    "tacrolimus_mean_ng_per_ml": Column("Mean tacrolimus", "ng/mL", "mean level over the run, 0 without the drug"),
}

_KINDS = ("cd8", "cd4", "nk", "macrophage")


def _density(facts: Facts, kind: str) -> NDArray[np.float64]:
    """Return the density of a host kind in the first patch, where the graft is, per mm3."""
    if not facts.course.patches or kind not in facts.course.host_types:
        return np.zeros(len(facts.course.hours))
    patch = facts.course.patches[0]
    return np.asarray(facts.course[f"{patch}.cells.{kind}"] / facts.course[f"{patch}.volume_mm3"])


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module."""
    course = facts.course
    effectors = course["pool.cd8_effectors"] + course["pool.cd4_effectors"]
    species = facts.scenario.patient.species
    blood_ul = (
        1000.0
        * facts.numbers("species", species, "blood_volume_ml_per_kg")
        * weight_kg(facts.scenario.patient, facts.numbers.catalog)
    )
    primed = np.flatnonzero(effectors > 0.0)
    row = {f"peak_{kind}_per_mm3": float(np.max(_density(facts, kind))) for kind in _KINDS}
    row["peak_blood_effectors_per_ul"] = float(np.max(effectors)) / blood_ul
    row["priming_day"] = float(course.hours[primed[0]] / 24.0) if len(primed) else float("nan")
    days = float(course.hours[-1])
    exposure = course["exposure.tacrolimus"][-1] if "tacrolimus" in course.drugs else 0.0
    row["tacrolimus_mean_ng_per_ml"] = float(exposure) / days if days > 0.0 else 0.0
    return row


def courses(facts: Facts) -> dict[str, NDArray[np.float64]]:
    """Return densities of immune cells at the graft, the pools of the node and the blood, drug levels and the mode."""
    course = facts.course
    found = {f"immune.{kind}_per_mm3": _density(facts, kind) for kind in course.host_types}
    for pool in (
        "loaded_dendritic_cells",
        "cd8_naive",
        "cd8_memory",
        "cd8_effectors",
        "cd4_naive",
        "cd4_memory",
        "cd4_effectors",
    ):
        found[f"body.{pool}"] = course[f"pool.{pool}"]
    found["body.donor_antibody"] = course["solute.donor_antibody"]
    found |= {f"drug.{drug}_ng_per_ml": course[f"level.{drug}"] for drug in course.drugs}
    if course.patches:
        found["mode.awake"] = course[f"{course.patches[0]}.awake"]
    return found
