"""What clinical definitions work from: the daily record of a patient, and what kind of graft it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simengine.scenario import Scenario
from simengine.state.course import Course

__all__ = ["HOURS_PER_DAY", "Followed"]

Series = NDArray[np.float64]
HOURS_PER_DAY = 24.0
OWN_CELLS = ("autologous", "identical_twin")
"""Relations of donors whose cells no chimerism assay can tell from the patient's."""
ENGRAFTED_BY_DAY, ENGRAFTED_BY_DAY_CORD = 28.0, 42.0


@dataclass(frozen=True)
class Followed:
    """One patient as they were followed.

    Attributes
    ----------
    course
        One record at the beginning of each day, from the first day of conditioning on, and a last one at death or the end.
    has_chimerism
        Whether donor cells can be told from the patient's own.
    engrafted_by
        Day by which a graft of this kind is expected to have engrafted.
    """

    course: Course
    has_chimerism: bool
    engrafted_by: float

    @classmethod
    def of(cls, scenario: Scenario, course: Course) -> Followed:
        """Return the record of a patient of a scenario with a section ``[transplant]``."""
        section = getattr(scenario, "transplant", None)
        is_cord = getattr(section, "graft", "") == "cord_blood"
        by = ENGRAFTED_BY_DAY_CORD if is_cord else ENGRAFTED_BY_DAY
        return cls(course, scenario.donor.relation not in OWN_CELLS, by)

    @cached_property
    def day(self) -> Series:
        """Days of the records, float64[S]."""
        return self.course.hours / HOURS_PER_DAY

    @cached_property
    def n_days(self) -> int:
        """Number of records that begin a day: all but a last one within the day of the record before it."""
        whole = np.floor(self.day[-2:] + 1e-6)
        return len(self.day) - int(len(whole) == 2 and whole[0] == whole[1])

    @property
    def last_day(self) -> float:
        """Day of the last record."""
        return float(self.day[-1])

    @property
    def death_day(self) -> float:
        """Day of death; NaN where the patient was alive at the end of follow-up."""
        return self.event("death")

    @property
    def relapse_day(self) -> float:
        """Day on which relapse was diagnosed; NaN without."""
        return self.event("relapse")

    @property
    def end_day(self) -> float:
        """Day of death or of the last record; a death during conditioning counts on day 0."""
        end = self.last_day if np.isnan(self.death_day) else self.death_day
        return max(0.0, end)

    def event(self, name: str) -> float:
        """Return the day of an event that the engine dates; NaN if it did not happen."""
        return float(self.course.traits.get(f"event.{name}_day", np.nan))

    def at(self, name: str, day: float) -> float:
        """Return a column on a day: its last record until then; NaN where the patient was not followed so long."""
        if np.isnan(day) or not self.was_followed_to(day):
            return float("nan")
        return float(self.course[name][int(np.searchsorted(self.day, day + 1e-6, side="right")) - 1])

    def was_followed_to(self, day: float) -> bool:
        """Tell whether the patient was alive and under observation on a day."""
        return bool(self.day[0] <= day < self.last_day + 1.0 - 1e-6 and not self.had("death", day))

    def had(self, event: str, day: float) -> bool:
        """Tell whether an event that the engine dates had happened on or before a day."""
        return self.event(event) <= day

    def first_day(self, is_so: NDArray[np.bool_]) -> float:
        """Return the first day, from day 0 on, on which something holds; NaN if it never does."""
        hits = np.flatnonzero(is_so & (self.day >= 0.0))
        return float(self.day[hits[0]]) if len(hits) else float("nan")

    def largest(self, name: str) -> float:
        """Return the largest value of a column from day 0 on; 0 where the patient died before."""
        return float(np.max(self.course[name][self.day >= 0.0], initial=0.0))

    def first_of(self, events: Sequence[tuple[float, str]]) -> tuple[float, float, str]:
        """Return whether any event happened (0 or 1), the day of the first (else of the last observation), and its name.

        EQ-CLINIC-9: events compete: the first counts, and of several on one day the one that is named first. An event before
        day 0 counts on day 0.
        """
        dated = [(max(0.0, day), order) for order, (day, _) in enumerate(events) if not np.isnan(day)]
        if not dated:
            return 0.0, self.end_day, ""
        day, order = min(dated)
        return 1.0, day, events[order][1]
