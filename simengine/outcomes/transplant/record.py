"""What is kept of a transplantation beside its row: its courses on one time axis, and what happened when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simengine.outcomes.transplant.followed import HOURS_PER_DAY, Followed
from simengine.outcomes.transplant.gvhd import SEVERITIES

__all__ = ["courses_of", "events_of"]

_DATED_BY_ENGINE = {"steroid": "steroids", "refractory": "steroid_refractory", "second_line": "second_line"}


def courses_of(seen: Followed, every_h: float, until_day: float) -> dict[str, NDArray[np.float64]]:
    """Return every column of the course on one time axis ``time_h``, the same for all patients of a scenario.

    Parameters
    ----------
    every_h
        Interval between the times that are kept, h: at least a day, rounded to whole days. Day 0 is always kept.
    until_day
        Planned end of follow-up; after death there is no value (NaN).
    """
    columns, days = seen.course.columns, np.floor(seen.day[: seen.n_days] + 1e-6).astype(np.int64)
    axis = np.arange(days[0], max(days[-1], int(until_day + 1e-6)) + 1)
    filled = np.full((len(columns), len(axis)), np.nan)
    filled[:, days - days[0]] = seen.course.values[: seen.n_days].T
    kept = axis % max(1, round(every_h / HOURS_PER_DAY)) == 0
    series = np.ascontiguousarray(filled[:, kept])
    return {"time_h": HOURS_PER_DAY * axis[kept], **dict(zip(columns, series, strict=True))}


def events_of(seen: Followed, row: Mapping[str, float | int | str]) -> tuple[tuple[float, str, str], ...]:
    """Return what happened to the patient, in the order of time: hour, name and detail."""
    told = (
        ("neutrophil_day", "neutrophil_recovery", "0.5e9/L"),
        ("platelet20_day", "platelet_recovery", "20e9/L"),
        ("platelet50_day", "platelet_recovery", "50e9/L"),
        ("graft_failure_day", "graft_failure", str(row["graft_failure_kind"])),
        ("acute_gvhd_day", "acute_gvhd", "grade II-IV"),
        ("acute_gvhd_3_4_day", "acute_gvhd", "grade III-IV"),
        ("chronic_gvhd_day", "chronic_gvhd", SEVERITIES[int(row["chronic_gvhd_severity"])]),
        ("relapse_day", "relapse", ""),
        ("death_day", "death", str(row["death_cause"])),
    )
    found = [(float(row[day]), name, detail) for day, name, detail in told]
    found += [(seen.event(name), told_as, "") for name, told_as in _DATED_BY_ENGINE.items()]
    return tuple(sorted((HOURS_PER_DAY * day, name, detail) for day, name, detail in found if day == day))
