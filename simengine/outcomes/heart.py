"""The heart: ejection fraction and scar, as they are and as they are measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "lvef_baseline_percent": Column("LVEF at baseline", "percent", "measured ejection fraction on day 0"),
    "lvef_final_percent": Column("LVEF at the end", "percent", "measured ejection fraction at the end"),
    "lvef_change_points": Column(
        "Change of LVEF", "points", "measured change: true change, placebo response and two measurement errors"
    ),
    "lvef_true_change_points": Column(
        "True change of LVEF", "points", "change of the ejection fraction without measurement error and placebo"
    ),
    "scar_baseline_percent": Column("Scar at baseline", "percent of LV", "scar and empty space on day 0"),
    "scar_final_percent": Column("Scar at the end", "percent of LV", "scar and empty space at the end"),
    "scar_change_points": Column("Change of scar", "points", "change of scar and empty space, percent of the left ventricle"),
    "representation_sd_points": Column(
        "Representation noise of LVEF", "points", "standard deviation that the number of agents alone adds"
    ),
}

_ENROLMENT_TRIES = 64


def is_of(facts: Facts) -> bool:
    """Tell whether the run has a patch of a heart whose ejection fraction is followed."""
    return bool(facts.course.patches) and "remote_lvef_percent" in facts.course.traits


def _working(facts: Facts, patch: str) -> NDArray[np.float64]:
    """Return the working share of a patch: functional + what injured tissue and the graft add (EQ-HEART-1).

    phi = F + q D + g min(graft, D + V): a graft fills injured or empty space, never more than there is.
    """
    course = facts.course
    room = course[f"{patch}.tissue.injured"] + course[f"{patch}.tissue.void"]
    return (
        course[f"{patch}.tissue.functional"]
        + facts.site("injured_contractility") * course[f"{patch}.tissue.injured"]
        + facts.site("graft_contractility") * np.minimum(course[f"{patch}.tissue.graft"], room)
    )


def _ejection_fraction(facts: Facts) -> NDArray[np.float64]:
    """Return the true ejection fraction, percent, float64[S] (EQ-HEART-2): remote x (1 - lesion (1 - phi))."""
    course = facts.course
    working = np.zeros(len(course.hours))
    for patch in course.patches:
        working = working + course[f"{patch}.share"] * _working(facts, patch)
    loss = 1.0 - course.traits["lesion_fraction"] * (1.0 - working)
    stated = facts.scenario.site.baseline_lvef_percent
    remote = course.traits["remote_lvef_percent"] if stated is None else stated / loss[0]
    return np.asarray(remote * loss)


def _measured_baseline(facts: Facts, true: float, sd: float) -> float:
    """Return the measured baseline of a patient who was enrolled: drawn again until it is low enough for the trial.

    This selection makes the later measurement regress to the mean (EQ-HEART-3).
    """
    limit = facts.site("enrolment_max_lvef_percent")
    for attempt in range(_ENROLMENT_TRIES):
        measured = true + sd * facts.dice.run_normal(f"heart.baseline_error_{attempt}")
        if measured <= limit:
            return measured
    return min(true, limit)


def _representation_sd(facts: Facts) -> float:
    """Return the SD of the final LVEF that the graft's finite number of agents adds (EQ-HEART-4: effect / sqrt(n))."""
    course, total = facts.course, 0.0
    for patch in course.patches:
        n = sum(course[f"{patch}.agents.{kind}"][-1] for kind in course.product_types)
        if n > 0.0:
            effect = course[f"{patch}.share"][-1] * facts.site("graft_contractility") * course[f"{patch}.tissue.graft"][-1]
            total += effect * effect / n
    return float(course.traits["remote_lvef_percent"] * course.traits["lesion_fraction"] * np.sqrt(total))


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module; NaN without a patch of an infarcted heart."""
    if not is_of(facts):
        return dict.fromkeys(COLUMNS, float("nan"))
    true = _ejection_fraction(facts)
    sd = facts.site("lvef_measurement_sd_points")
    placebo = facts.numbers.own("sites", facts.scenario.site.name, "placebo_lvef_points", facts.dice)
    baseline = _measured_baseline(facts, float(true[0]), sd)
    final = float(true[-1]) + placebo + sd * facts.dice.run_normal("heart.final_error")
    percent = 100.0 * facts.course.traits["lesion_fraction"]
    scar = percent * (facts.lesion_mean("tissue.scar") + facts.lesion_mean("tissue.void"))
    return {
        "lvef_baseline_percent": baseline,
        "lvef_final_percent": final,
        "lvef_change_points": final - baseline,
        "lvef_true_change_points": float(true[-1] - true[0]),
        "scar_baseline_percent": float(scar[0]),
        "scar_final_percent": float(scar[-1]),
        "scar_change_points": float(scar[-1] - scar[0]),
        "representation_sd_points": _representation_sd(facts),
    }


def courses(facts: Facts) -> dict[str, NDArray[np.float64]]:
    """Return the true ejection fraction of a heart, and at every site the means of tissue and fields over the lesion."""
    if not facts.course.patches:
        return {}
    tissue = ("functional", "injured", "scar", "void", "vessels", "debris", "neutrophils", "graft")
    found = {"lvef_percent": _ejection_fraction(facts)} if is_of(facts) else {}
    found |= {f"tissue.{name}": facts.lesion_mean(f"tissue.{name}") for name in tissue}
    found |= {f"field.{name}": facts.lesion_mean(f"field.{name}") for name in facts.course.fields}
    return found
