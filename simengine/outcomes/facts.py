"""What outcome modules work from: the scenario, the course, its closed ledger and what assays would see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import Entry, load_catalog
from simengine.outcomes.ledger import scale_of
from simengine.patients.draws import Dice
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.state.course import Course

__all__ = ["Column", "Facts"]

Series = NDArray[np.float64]


class Column(NamedTuple):
    """An outcome: short title, unit, and what it means."""

    title: str
    unit: str
    description: str


@dataclass(frozen=True)
class Facts:
    """One run, read from all sides."""

    scenario: Scenario
    course: Course
    ledger: dict[str, Series]
    observed: dict[str, Series]
    numbers: Numbers
    dice: Dice

    def site(self, name: str) -> float:
        """Return a number of the scenario's site."""
        return self.numbers("sites", self.scenario.site.name, name)

    def own_site(self, name: str) -> float:
        """Return the patient's own value of a number of the scenario's site."""
        return self.numbers.own("sites", self.scenario.site.name, name, self.dice)

    def has_site(self, name: str) -> bool:
        """Tell whether the scenario's site states a number: what a site does not state has no meaning there."""
        return self.numbers.has("sites", self.scenario.site.name, name)

    def site_fact(self, name: str) -> str:
        """Return a label of the scenario's site; empty when it states none."""
        return str(load_catalog().entry("sites", self.scenario.site.name).facts.get(name, ""))

    def at(self, series: Series, hour: float) -> float:
        """Return a series at a recorded hour; NaN when the run ended before it."""
        hits = np.flatnonzero(np.abs(self.course.hours - hour) < 1e-6)
        return float(series[hits[0]]) if len(hits) else float("nan")

    def agents(self) -> Series:
        """Return the number of agents in all patches, float64[S]."""
        kinds = (*self.course.host_types, *self.course.product_types)
        return self.course.total([f"{patch}.agents.{kind}" for patch in self.course.patches for kind in kinds])

    def lesion_mean(self, quantity: str) -> Series:
        """Return a quantity of the patches as the mean over the lesion, weighted by the volumes they stand for.

        EQ-ORGAN-1: mean over the lesion = sum over patches of share x patch mean.
        """
        out = np.zeros(len(self.course.hours))
        for patch in self.course.patches:
            out = out + self.course[f"{patch}.{quantity}"] * self.course[f"{patch}.share"]
        return out

    @property
    def has_target(self) -> bool:
        """Whether the scenario's site is an organ at all."""
        return self.site_fact("organ") != "none"

    @property
    def lineage(self) -> Entry:
        """The lineage of the product."""
        catalog = load_catalog()
        return catalog.entry("lineages", str(catalog.entry("products", self.scenario.product.name).facts["lineage"]))

    @property
    def arrived(self) -> float:
        """Cells that reached the target alive within the run."""
        if not self.course.patches:
            return float(self.ledger["living.target"][-1] + self.ledger["fate.died_in_target"][-1])
        return sum(float(self.course[f"{p}.arrived"][-1]) * scale_of(self.course, p) for p in self.course.patches)

    @property
    def dose(self) -> float:
        """Cells given within the run."""
        return float(self.course["given"][-1])

    @cached_property
    def events(self) -> tuple[tuple[float, str, str], ...]:
        """Single events of the patient: adverse events with their first recorded time."""
        found = []
        for name in ("arrhythmia", "infection", "embolism", "organ_damage", "thrombosis"):
            happened = np.flatnonzero(self.course[f"solute.{name}_left"] <= 0.0)
            if len(happened):
                found.append((float(self.course.hours[happened[0]]), name, "adverse event"))
        return tuple(sorted(found))
