"""Relapse, death and what patients hope for: to be alive without either and without serious GVHD."""

from __future__ import annotations

import numpy as np

from simengine.outcomes.facts import Column
from simengine.outcomes.transplant.followed import Followed
from simengine.outcomes.transplant.gvhd import acute_day, treated_chronic_day

COLUMNS = {
    "relapse": Column("Relapse", "0/1", "the disease came back within the run"),
    "relapse_day": Column("Day of relapse", "days", "day of diagnosis; NaN without relapse"),
    "death": Column("Death", "0/1", "the patient died within the run"),
    "death_day": Column("Day of death", "days", "day of death; NaN for survivors"),
    "death_cause": Column("Cause of death", "", "relapse, infection, gvhd, toxicity, graft_failure, background, or empty"),
    "survival_day": Column("Survival", "days", "day of death or of the last observation"),
    "survived": Column("Alive at the end", "0/1", "alive at the end of follow-up"),
    "nonrelapse_death": Column("Non-relapse death", "0/1", "death without relapse before it"),
    "outcome_event": Column("Relapse or non-relapse death", "0/1", "relapse or death, whichever came first"),
    "outcome_day": Column("Relapse or non-relapse death", "days", "day of the first of them; else of the last observation"),
    "outcome_cause": Column("First of relapse and death", "", "relapse, non-relapse death, or empty"),
    "gvhd_first_event": Column("GVHD, death or relapse", "0/1", "acute GVHD II-IV, death or relapse, whichever came first"),
    "gvhd_first_day": Column("GVHD, death or relapse", "days", "day of the first of them; else of the last observation"),
    "gvhd_first_cause": Column("First of GVHD, death, relapse", "", "grade II-IV, death, relapse, or empty"),
    "grfs_event": Column("GVHD III-IV, chronic, relapse, death", "0/1", "no longer free of serious GVHD and relapse"),
    "grfs_day": Column("Survival without GVHD and relapse", "days", "day of the first event; else of the last observation"),
    "grfs_cause": Column("What ended it", "", "grade III-IV, chronic (moderate or severe), relapse, death, or empty"),
}
CAUSES = ("", "relapse", "infection", "gvhd", "toxicity", "graft_failure", "background")
"""Causes of death by the number that a course states."""


def measure(seen: Followed) -> dict[str, float | str]:
    """Return the columns of this module."""
    died, relapsed = not np.isnan(seen.death_day), not np.isnan(seen.relapse_day)
    number = seen.course.traits.get("event.death_cause", float("nan"))
    row: dict[str, float | str] = {
        "relapse": float(relapsed),
        "relapse_day": seen.relapse_day,
        "death": float(died),
        "death_day": seen.death_day,
        "death_cause": CAUSES[int(number)] if died and number == number else "",
        "survival_day": seen.end_day,
        "survived": float(not died),
    }
    first = {"outcome": first_failure(seen), "gvhd_first": first_gvhd(seen), "grfs": end_of_freedom(seen)}
    row["nonrelapse_death"] = float(first["outcome"][2] == "non-relapse death")
    for name, (event, day, cause) in first.items():
        row |= {f"{name}_event": event, f"{name}_day": day, f"{name}_cause": cause}
    return row


def first_failure(seen: Followed) -> tuple[float, float, str]:
    """Return the first of relapse and death; a death on the day of relapse is one after relapse."""
    return seen.first_of([(seen.relapse_day, "relapse"), (seen.death_day, "non-relapse death")])


def first_gvhd(seen: Followed) -> tuple[float, float, str]:
    """Return the first of acute GVHD of grade II-IV, death and relapse."""
    return seen.first_of([(acute_day(seen, 2.0), "grade II-IV"), (seen.death_day, "death"), (seen.relapse_day, "relapse")])


def end_of_freedom(seen: Followed) -> tuple[float, float, str]:
    """Return what ended survival without GVHD and relapse (GRFS).

    EQ-CLINIC-10: the first of acute GVHD of grade III-IV, chronic GVHD that is treated (moderate or severe), relapse and death.
    """
    return seen.first_of(
        [
            (acute_day(seen, 3.0), "grade III-IV"),
            (treated_chronic_day(seen), "chronic"),
            (seen.relapse_day, "relapse"),
            (seen.death_day, "death"),
        ]
    )
