"""Whether and when blood counts recover, whose cells they are, and whether the graft fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.outcomes.facts import Column
from simengine.outcomes.transplant.followed import Followed

COLUMNS = {
    "cd34_per_kg": Column("CD34+ cells", "cells/kg", "CD34+ cells infused per body mass, after depletion"),
    "cd3_per_kg": Column("T cells", "cells/kg", "CD3+ cells infused per body mass, after depletion"),
    "neutrophil_day": Column("Neutrophil recovery", "days", "first of three days running with 0.5e9/L or more; NaN if never"),
    "neutrophil_engrafted": Column("Neutrophils recovered", "0/1", "neutrophils recovered within the run"),
    "platelet20_day": Column("Platelets 20e9/L", "days", "first of seven days running with own platelets of 20e9/L or more"),
    "platelet50_day": Column("Platelets 50e9/L", "days", "first of seven days running with own platelets of 50e9/L or more"),
    "platelet50_recovered": Column("Platelets recovered", "0/1", "own platelets reached 50e9/L for seven days within the run"),
    "red_cell_day": Column("Last red-cell transfusion", "days", "day of the last red-cell transfusion after day 0"),
    "transfusions_red": Column("Red-cell units", "units", "units of red cells given within the run"),
    "graft_failure": Column("Graft failure", "0/1", "primary or secondary; NaN where the run ends before it can be told"),
    "graft_failure_kind": Column("Kind of graft failure", "", "primary, secondary, or empty"),
    "graft_failure_day": Column("Day of graft failure", "days", "day on which the graft is found to have failed"),
    "engraftment_event": Column("Recovery, death or relapse", "0/1", "neutrophils recovered, or death or relapse came first"),
    "engraftment_day": Column("Recovery, death or relapse", "days", "day of the first of them; else of the last observation"),
    "engraftment_cause": Column("First of recovery, death, relapse", "", "neutrophils, death or relapse, whichever came first"),
}
CHIMERISM = {"myeloid": "donor share of myeloid cells in blood", "t": "donor share of T cells in blood"}
CHIMERISM_DAYS = (30, 100, 365)
for _lineage, _meaning in CHIMERISM.items():
    for _day in CHIMERISM_DAYS:
        COLUMNS[f"donor_{_lineage}_day_{_day}"] = Column(
            f"Donor {'T' if _lineage == 't' else _lineage} cells, day {_day}", "percent", f"{_meaning} on day {_day}, if alive"
        )

NEUTROPHILS, NEUTROPHIL_DAYS = 0.5, 3
PLATELETS, PLATELET_DAYS = (20.0, 50.0), 7
NADIR_WITHIN_DAYS = 28.0
"""Counts that have not fallen below a threshold by this day are taken never to fall."""
FAILED_DAYS = 7
FAILED_CHIMERISM = 0.05


def measure(seen: Followed) -> dict[str, float | str]:
    """Return the columns of this module."""
    neutrophils = neutrophil_day(seen)
    platelets = [recovery_day(seen, "blood.platelets", level, PLATELET_DAYS) for level in PLATELETS]
    units = seen.course["transfusions.red"]
    given = np.flatnonzero((np.diff(units) > 0.0) & (seen.day[1:] >= 0.0))
    failed, kind, failure_day = graft_failure(seen, neutrophils)
    event, day, cause = seen.first_of(
        [(neutrophils, "neutrophils"), (seen.death_day, "death"), (seen.relapse_day, "relapse")],
    )
    return {
        "cd34_per_kg": seen.course.traits.get("cd34_per_kg", float("nan")),
        "cd3_per_kg": seen.course.traits.get("cd3_per_kg", float("nan")),
        "neutrophil_day": neutrophils,
        "neutrophil_engrafted": float(neutrophils == neutrophils),
        "platelet20_day": platelets[0],
        "platelet50_day": platelets[1],
        "platelet50_recovered": float(platelets[1] == platelets[1]),
        "red_cell_day": float(seen.day[given[-1] + 1]) if len(given) else float("nan"),
        "transfusions_red": float(units[-1]),
        "graft_failure": failed,
        "graft_failure_kind": kind,
        "graft_failure_day": failure_day,
        "engraftment_event": event,
        "engraftment_day": day,
        "engraftment_cause": cause,
        **{f"donor_{lineage}_day_{day}": donor_percent(seen, lineage, day) for lineage in CHIMERISM for day in CHIMERISM_DAYS},
    }


def neutrophil_day(seen: Followed) -> float:
    """Return the day of neutrophil recovery; NaN if they do not recover.

    EQ-CLINIC-1: the first of three days running with at least 0.5e9/L, sought from the first day, from day 0 on, that is below.
    """
    return recovery_day(seen, "blood.neutrophils", NEUTROPHILS, NEUTROPHIL_DAYS)


def recovery_day(seen: Followed, name: str, threshold: float, n_days: int) -> float:
    """Return the first of ``n_days`` days running with a count of at least ``threshold`` after its fall; NaN if it never comes.

    EQ-CLINIC-2: the fall is the first day below the threshold, from day 0 on; the days must all be recorded. A count that is
    not below it on any day to day 28, in a patient followed so long, has recovered on day 0. Platelets: 7 days, 20 and 50e9/L.
    """
    counts = seen.course[name]
    fallen = np.flatnonzero((counts < threshold) & (seen.day >= 0.0) & (seen.day <= NADIR_WITHIN_DAYS))
    if not len(fallen):
        return 0.0 if seen.was_followed_to(NADIR_WITHIN_DAYS) else float("nan")
    held = counts >= threshold
    held[: fallen[0]] = False
    first = first_of_days(held[: seen.n_days], n_days)
    return float("nan") if first is None else float(seen.day[first])


def first_of_days(held: NDArray[np.bool_], n_days: int) -> int | None:
    """Return the first record of ``n_days`` records running of which all hold; None if there is none."""
    so_far = np.concatenate([[0], np.cumsum(held)])
    hits = np.flatnonzero(so_far[n_days:] - so_far[:-n_days] == n_days)
    return int(hits[0]) if len(hits) else None


def graft_failure(seen: Followed, neutrophils: float) -> tuple[float, str, float]:
    """Return whether the graft failed (0 or 1, NaN where the run ends too early), its kind, and the day (NaN without).

    EQ-CLINIC-3: primary: on day 28 (42 after cord blood) neutrophils have not recovered or less than 5 % of myeloid cells are
    of the donor, in a patient alive and not relapsed that day. Without chimerism (own cells, twin) by neutrophils alone.
    """
    by = seen.engrafted_by
    if seen.had("death", by) or seen.had("relapse", by):
        return 0.0, "", float("nan")
    if not seen.was_followed_to(by):
        return float("nan"), "", float("nan")
    is_empty = not neutrophils <= by
    if is_empty or (seen.has_chimerism and seen.at("chimerism.myeloid", by) < FAILED_CHIMERISM):
        return 1.0, "primary", by
    day = secondary_failure_day(seen, neutrophils)
    return (1.0, "secondary", day) if day == day else (0.0, "", day)


def secondary_failure_day(seen: Followed, neutrophils: float) -> float:
    """Return the day of secondary failure in a patient without primary failure; NaN without.

    EQ-CLINIC-4: the first of seven days running with neutrophils below 0.5e9/L after their recovery, or the first day, after
    the day of primary failure, with less than 5 % donor myeloid cells; all of it before relapse.
    """
    before = ~(seen.day >= seen.relapse_day)  # NaN: never relapsed
    is_empty = (seen.course["blood.neutrophils"] < NEUTROPHILS) & (seen.day > neutrophils) & before
    first = first_of_days(is_empty[: seen.n_days], FAILED_DAYS)
    days = [] if first is None else [float(seen.day[first])]
    if seen.has_chimerism:
        lost = (seen.course["chimerism.myeloid"] < FAILED_CHIMERISM) & (seen.day > seen.engrafted_by) & before
        days += [float(day) for day in seen.day[lost][:1]]
    return min(days, default=float("nan"))


def donor_percent(seen: Followed, lineage: str, day: float) -> float:
    """Return the donor's share of a lineage on a day, percent; NaN after death and where no assay tells donor from patient.

    EQ-CLINIC-5: 100 x donor cells / all cells of the lineage in blood; 0 where there are none.
    """
    return 100.0 * seen.at(f"chimerism.{lineage}", day) if seen.has_chimerism else float("nan")
