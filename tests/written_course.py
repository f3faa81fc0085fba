"""A course written by hand: every column 0 but those that a test sets, and what outcome modules make of it."""

from __future__ import annotations

import numpy as np

from simengine.outcomes.facts import Facts
from simengine.outcomes.ledger import close_ledger
from simengine.outcomes.observation import observe
from simengine.patients.draws import Dice
from simengine.state.body import COMPARTMENTS, FATES
from simengine.state.course import Course
from tests.small_world import SmallWorld

HOURS = np.array([0.0, 12.0, 24.0, 48.0, 72.0, 96.0, 120.0])


class Written:
    """A course of the patches of a small world in which every column is 0 but those that a test sets."""

    def __init__(self, **changes):
        self.small = SmallWorld(**changes)
        names, world = self.small.names, self.small.world
        self.columns = tuple(self.small.built.columns)
        self.values = np.zeros((len(HOURS), len(self.columns)))
        for p, patch in enumerate(names.patches):
            self[f"{patch}.volume_mm3"], self[f"{patch}.zone_mm3"], self[f"{patch}.share"] = world.patch[p, :3]
            self[f"{patch}.growth"] = 1.0
        self.course = Course(
            patches=names.patches,
            product_types=tuple(cell.label for cell in names.types if cell.is_product),
            host_types=tuple(cell.label for cell in names.types[1:] if not cell.is_product),
            fields=names.fields,
            compartments=(*COMPARTMENTS, *(f"depot_{route}" for route in names.routes)),
            fates=FATES,
            event_names=tuple(names.events),
            drugs=names.drugs,
            address=(1, 0, 0),
            columns=self.columns,
            hours=HOURS,
            values=self.values,
            events={},
            snapshots={},
            tally=world.tally,
            status="ok",
            reason="",
            traits=dict(self.small.built.recipient.site),
        )

    def __setitem__(self, name, series):
        self.values[:, self.columns.index(name)] = series

    def __getitem__(self, name):
        return self.values[:, self.columns.index(name)]

    def facts(self, patient=0, vary="none"):
        """Return the facts that outcome modules work from, for one patient."""
        ledger = close_ledger(self.course)
        observed = observe(self.small.scenario, self.course, ledger, self.small.numbers)
        return Facts(self.small.scenario, self.course, ledger, observed, self.small.numbers, Dice(vary, 1, patient, 0))
