"""The graft: when it is lost, of what, and how much of it engrafts."""

from __future__ import annotations

import numpy as np

from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "graft_lost": Column("Graft lost", "0/1", "signal below max(1 % of its day 1-3 mean, assay limit) twice running"),
    "graft_loss_day": Column("Day of graft loss", "days", "day of loss; last day observed where the graft was not lost"),
    "graft_loss_cause": Column(
        "Cause of graft loss", "", "most frequent end of cells at the target up to the loss, after the first day"
    ),
    "engrafted_fraction": Column("Engrafted", "fraction of dose", "living product cells at the target at the end"),
    "representation_sd_fraction": Column(
        "Representation noise of engraftment",
        "fraction of dose",
        "standard deviation that the number of agents alone adds",
    ),
    "n_agents_mean": Column("Agents, mean", "agents", "mean number of agents over the recorded times"),
    "n_agents_peak": Column("Agents, peak", "agents", "largest recorded number of agents"),
}

LOSS_FRACTION = 0.01
"""A graft is lost below this share of its day 1-3 signal ..."""
ASSAY_LIMIT_CELLS = 100.0
"""... or below this many cells, the assumed detection limit of bioluminescence in depth."""


def loss_index(facts: Facts) -> int | None:
    """Return the record at which the graft is lost: the first of two running below the limit.

    EQ-GRAFT-1: limit = max(1 % of the mean signal of day 1-3, assay limit / dose); records after 24 h count.
    """
    hours, signal = facts.course.hours, facts.observed["luciferase"]
    early = signal[(hours >= 24.0) & (hours <= 72.0)]
    if len(early) == 0:
        return None
    limit = max(LOSS_FRACTION * float(np.sum(early)) / len(early), ASSAY_LIMIT_CELLS / max(facts.dose, 1.0))
    below = signal < limit
    for n in range(len(hours) - 1):
        if hours[n] > 24.0 and below[n] and below[n + 1]:
            return n
    return None


def _cause(facts: Facts, until: int) -> str:
    """Return the most frequent end of cells at the target between the first day and record ``until``."""
    first = int(np.searchsorted(facts.course.hours, 24.0))
    ends = {}
    for event in facts.course.event_names[:-2]:
        series = facts.ledger.get(f"fate.{event}")
        if series is not None:
            ends[event] = float(series[until] - series[min(first, until)])
    cause = max(sorted(ends), key=lambda name: ends[name])
    return cause if ends[cause] > 0.0 else ""


def measure(facts: Facts) -> dict[str, float | str]:
    """Return the columns of this module; without a dose or without a target there is no graft to lose.

    EQ-GRAFT-2: engrafted = living at the target / dose; representation noise = engrafted / sqrt(agents).
    """
    agents = facts.agents()
    row: dict[str, float | str] = dict.fromkeys(COLUMNS, float("nan"))
    row["n_agents_mean"] = float(np.sum(agents) / len(agents)) if len(agents) else 0.0
    row["n_agents_peak"] = float(np.max(agents)) if len(agents) else 0.0
    row["graft_loss_cause"] = ""
    if facts.dose <= 0.0 or not facts.has_target:
        return row
    lost = loss_index(facts)
    living = float(facts.observed["living"][-1])
    own = sum(
        facts.course[f"{patch}.agents.{kind}"][-1] for patch in facts.course.patches for kind in facts.course.product_types
    )
    row["graft_lost"] = float(lost is not None)
    row["graft_loss_day"] = float(facts.course.hours[-1 if lost is None else lost] / 24.0)
    row["graft_loss_cause"] = "" if lost is None else _cause(facts, lost)
    row["engrafted_fraction"] = living
    row["representation_sd_fraction"] = living / float(np.sqrt(own)) if own > 0.0 else 0.0
    return row
