"""Graft-versus-host disease: how bad, when, how it was treated, and whether it answered."""

from __future__ import annotations

import numpy as np

from simengine.outcomes.facts import Column
from simengine.outcomes.transplant.followed import Followed

COLUMNS = {
    "acute_gvhd_grade": Column("Acute GVHD, grade", "grade", "largest grade of acute GVHD within the run, 0 to 4"),
    "acute_gvhd_2_4": Column("Acute GVHD II-IV", "0/1", "acute GVHD of grade II or more within the run"),
    "acute_gvhd_3_4": Column("Acute GVHD III-IV", "0/1", "acute GVHD of grade III or more within the run"),
    "acute_gvhd_day": Column("Day of acute GVHD II-IV", "days", "first day of grade II or more; NaN if never"),
    "acute_gvhd_3_4_day": Column("Day of acute GVHD III-IV", "days", "first day of grade III or more; NaN if never"),
    "skin_stage_max": Column("Skin GVHD, stage", "stage", "largest stage of the skin within the run, 0 to 4"),
    "gut_stage_max": Column("Gut GVHD, stage", "stage", "largest stage of the gut within the run, 0 to 4"),
    "liver_stage_max": Column("Liver GVHD, stage", "stage", "largest stage of the liver within the run, 0 to 4"),
    "steroid_treated": Column("Steroids given", "0/1", "acute GVHD was treated with systemic steroids"),
    "steroid_refractory": Column("Steroid-refractory", "0/1", "acute GVHD did not answer to steroids"),
    "refractory_response_day28": Column(
        "Response of refractory GVHD", "0/1", "complete or partial response 28 days after refractoriness; death counts as none"
    ),
    "second_line_given": Column("Second line given", "0/1", "a second line of treatment was begun"),
    "second_line_response": Column(
        "Response to second line", "0/1", "complete or partial response 28 days after the second line; death counts as none"
    ),
    "chronic_gvhd": Column("Chronic GVHD", "0/1", "chronic GVHD of any severity within the run"),
    "chronic_gvhd_day": Column("Day of chronic GVHD", "days", "first day of chronic GVHD; NaN if never"),
    "chronic_gvhd_severity": Column("Chronic GVHD, severity", "1", "0 none, 1 mild, 2 moderate, 3 severe"),
    "chronic_gvhd_treated": Column("Chronic GVHD, treated", "0/1", "moderate or severe chronic GVHD, which is treated"),
    "extensive_chronic_gvhd": Column("Extensive chronic GVHD", "0/1", "moderate or severe chronic GVHD"),
}
SEVERITIES = ("none", "mild", "moderate", "severe")
TREATED_FROM = 2.0
RESPONSE_DAYS = 28.0


def measure(seen: Followed) -> dict[str, float | str]:
    """Return the columns of this module."""
    grade, severity = seen.largest("gvhd.grade"), chronic_severity(seen)
    return {
        "acute_gvhd_grade": grade,
        "acute_gvhd_2_4": float(grade >= 2.0),
        "acute_gvhd_3_4": float(grade >= 3.0),
        "acute_gvhd_day": acute_day(seen, 2.0),
        "acute_gvhd_3_4_day": acute_day(seen, 3.0),
        **{f"{organ}_stage_max": seen.largest(f"gvhd.{organ}_stage") for organ in ("skin", "gut", "liver")},
        "steroid_treated": float(not np.isnan(seen.event("steroid"))),
        "steroid_refractory": float(not np.isnan(seen.event("refractory"))),
        "refractory_response_day28": response(seen, seen.event("refractory")),
        "second_line_given": float(not np.isnan(seen.event("second_line"))),
        "second_line_response": response(seen, seen.event("second_line")),
        "chronic_gvhd": float(severity > 0.0),
        "chronic_gvhd_day": seen.event("chronic"),
        "chronic_gvhd_severity": severity,
        "chronic_gvhd_treated": float(severity >= TREATED_FROM),
        "extensive_chronic_gvhd": float(severity >= TREATED_FROM),
    }


def acute_day(seen: Followed, grade: float) -> float:
    """Return the first day of acute GVHD of at least a grade; NaN if never (EQ-CLINIC-6): day 0 to the end of follow-up."""
    return seen.first_day(seen.course["gvhd.grade"] >= grade)


def response(seen: Followed, since: float) -> float:
    """Return whether acute GVHD answered within 28 days (1) or not (0); NaN if nothing began, or the run ends before.

    EQ-CLINIC-7: overall response = grade on day 28 after ``since`` is 0 (complete) or lower than on day ``since`` (partial);
    whoever is dead by then did not respond.
    """
    if np.isnan(since):
        return float("nan")
    if seen.had("death", since + RESPONSE_DAYS):
        return 0.0
    later = seen.at("gvhd.grade", since + RESPONSE_DAYS)
    return later if np.isnan(later) else float(later == 0.0 or later < seen.at("gvhd.grade", since))


def chronic_severity(seen: Followed) -> float:
    """Return the largest severity of chronic GVHD, 0 (none) to 3 (severe); EQ-CLINIC-8: treated, and extensive, from 2 on."""
    told = float(seen.course.traits.get("event.chronic_severity", np.nan))
    return max(seen.largest("chronic.severity"), 0.0 if np.isnan(told) else told)


def treated_chronic_day(seen: Followed) -> float:
    """Return the first day of chronic GVHD that is treated (moderate or severe); NaN if it never is."""
    if chronic_severity(seen) < TREATED_FROM:
        return float("nan")
    day = seen.first_day(seen.course["chronic.severity"] >= TREATED_FROM)
    return seen.event("chronic") if np.isnan(day) else day
