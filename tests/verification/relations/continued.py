"""Runs that are put aside and gone on with: six patients of all kinds, and what a checkpoint may lack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import simengine
from simengine.catalog import Catalog
from simengine.engine import Stopped, simulate
from simengine.scenario import Scenario, loads
from simengine.state import world as w
from simengine.state.course import Course
from tests.verification.relations.busy import busy_catalog, busy_scenario
from tests.verification.relations.patients import DENSE, scenario
from tests.verification.studies import PACKAGED, UNCERTAIN

ADDRESS = (5, 1, 2)


def attacked() -> Scenario:
    """Return two doses of cells that are attacked at once, under a drug, with two snapshots."""
    return scenario(
        product__name="ipsc_cm",
        donor__match="0/8",
        patient__sensitised=True,
        delivery=[DENSE, {**DENSE, "day": 0.6}],
        drug=[{"name": "tacrolimus"}],
        run__duration_days=1.0,
        run__record_every_h=3.0,
        output__snapshot_days=[0.5, 1.0],
    )


def by_vein() -> Scenario:
    """Return two doses into a vein, followed in the body alone."""
    doses = [{"route": "intravenous", "dose_cells": 1e8}, {"route": "intravenous", "dose_cells": 1e7, "day": 0.7}]
    return scenario(run__mode="body", run__duration_days=2.0, run__record_every_h=3.0, delivery=doses)


def packaged(name: str, arm: int) -> Scenario:
    """Return an arm of a packaged study, cut short."""
    return simengine.load(name, PACKAGED[name]).points[arm].scenario


SIX: dict[str, Callable[[], Scenario]] = {
    "busy": busy_scenario,
    "attacked": attacked,
    "by vein": by_vein,
    "mouse": lambda: packaged("ectopic_pluripotent", 1),
    "striatum": lambda: packaged("striatum_dopaminergic", 4),
    "uncertain": lambda: loads(UNCERTAIN).points[0].scenario,
}


@dataclass(frozen=True)
class Whole:
    """A run in one piece, and how to do it in two."""

    scenario: Scenario
    catalog: Catalog | None
    course: Course

    @property
    def end(self) -> int:
        """The last base tick."""
        return round(self.scenario.run.duration_days * 24 * w.TICKS_PER_H)

    def stopped(self, tick: int, file: Path) -> Path:
        """Do the run up to a base tick and leave a checkpoint."""
        with pytest.raises(Stopped):
            simulate(self.scenario, *ADDRESS, catalog=self.catalog, checkpoint=file, stop_at_h=tick / w.TICKS_PER_H)
        return file

    def resumed(self, file: Path) -> Course:
        """Go on from a checkpoint to the end."""
        return simulate(self.scenario, *ADDRESS, catalog=self.catalog, checkpoint=file)


@cache
def whole(name: str) -> Whole:
    """Return one of the six in one piece."""
    known: Any = busy_catalog() if name == "busy" else None
    asked = SIX[name]()
    return Whole(asked, known, simulate(asked, *ADDRESS, catalog=known))
