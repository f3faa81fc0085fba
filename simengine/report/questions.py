"""What figures of events can ask, of a graft in tissue or of a transplanted patient: which columns answer, in which words."""

from __future__ import annotations

from dataclasses import dataclass

from simengine.report.results_view import ResultsView
from simengine.report.style import BLUE, GREY, ORANGE, PURPLE, VERMILION
from simengine.studies.events import CAUSE, EVENT, TIME

__all__ = ["INCIDENCE", "SURVIVAL", "Question", "is_transplant"]


@dataclass(frozen=True)
class Question:
    """Columns of an event and its words.

    ``event``, ``time``, ``cause`` as in `simengine.studies.events`; ``axis`` names the vertical axis, ``key`` what is drawn,
    ``nobody`` why there is no figure, ``missing`` why an arm is not in it. ``looks`` are the colours of known causes from the
    bottom of the stack; ``until_day`` ends the axis of days early.
    """

    title: str
    event: str
    time: str
    cause: str
    axis: str
    key: str
    nobody: str
    missing: str = ""
    looks: tuple[tuple[str, str], ...] = ()
    until_day: float | None = None


_STACK = "Cumulative incidence (Aalen-Johansen), stacked. Under the axes: patients at risk. Intervals stand in the CSV."
INCIDENCE = {
    "graft": Question(
        "Of what grafts are lost",
        EVENT,
        TIME,
        CAUSE,
        "Grafts lost (%)",
        "Cumulative incidence by cause (Aalen-Johansen), stacked: the top of the stack is all grafts lost, what is above it "
        "grafts surviving. Under the axes: grafts at risk. Intervals stand in the CSV.",
        "no graft was lost",
    ),
    "outcome": Question(
        "Relapse, non-relapse death, and what is left",
        "outcome_event",
        "outcome_day",
        "outcome_cause",
        "Patients (%)",
        f"{_STACK} Above: alive without relapse, after GVHD (acute II-IV or chronic) and without; all adds up to 1.",
        "no patient relapsed or died",
        looks=(("non-relapse death", GREY), ("relapse", VERMILION)),
    ),
    "engraftment": Question(
        "Neutrophil recovery, and what comes before it",
        "engraftment_event",
        "engraftment_day",
        "engraftment_cause",
        "Patients (%)",
        _STACK,
        "no patient recovered, relapsed or died",
        looks=(("neutrophils", BLUE), ("relapse", VERMILION), ("death", GREY)),
        until_day=60.0,
    ),
    "gvhd": Question(
        "Acute GVHD of grade II-IV, and what comes before it",
        "gvhd_first_event",
        "gvhd_first_day",
        "gvhd_first_cause",
        "Patients (%)",
        _STACK,
        "no patient had GVHD, relapsed or died",
        looks=(("grade II-IV", ORANGE), ("relapse", VERMILION), ("death", GREY)),
        until_day=180.0,
    ),
    "grfs": Question(
        "What ends survival without GVHD and relapse",
        "grfs_event",
        "grfs_day",
        "grfs_cause",
        "Patients (%)",
        _STACK,
        "no patient had GVHD, relapsed or died",
        looks=(("grade III-IV", ORANGE), ("chronic", PURPLE), ("relapse", VERMILION), ("death", GREY)),
    ),
}
_KAPLAN_MEIER = "Kaplan-Meier estimate with pointwise 95 % interval; ticks: "
SURVIVAL = {
    "graft": Question(
        "Graft survival",
        EVENT,
        TIME,
        CAUSE,
        "Grafts surviving (%)",
        f"{_KAPLAN_MEIER}runs that ended with their graft (censored).",
        "no run was given a graft that could be lost",
        "Not shown, for want of a graft",
    ),
    "overall": Question(
        "Overall survival",
        "death",
        "survival_day",
        "death_cause",
        "Patients alive (%)",
        f"{_KAPLAN_MEIER}patients without the event at the end of follow-up (censored).",
        "no patient was transplanted",
        "Not shown, for want of patients",
    ),
    "grfs": Question(
        "Survival without GVHD and relapse",
        "grfs_event",
        "grfs_day",
        "grfs_cause",
        "Free of GVHD and relapse (%)",
        "GVHD: acute of grade III-IV, or chronic that is treated.",
        "no patient was transplanted",
    ),
}


def is_transplant(results: ResultsView) -> bool:
    """Tell whether results are those of blood-stem-cell transplantations."""
    return not results.table.empty and {"outcome_event", "grfs_event"} <= set(results.table)
