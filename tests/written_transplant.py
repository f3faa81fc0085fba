"""The daily record of a transplanted patient written by hand, and what outcome modules make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simengine.outcomes.transplant.followed import Followed
from simengine.scenario import loads
from simengine.state.course import Course

COLUMNS = (
    *(f"blood.{name}" for name in ("neutrophils", "platelets", "t_cells", "b_cells", "nk_cells", "haemoglobin")),
    *(f"chimerism.{name}" for name in ("stem", "myeloid", "platelet", "red", "t", "b", "nk", "second")),
    *("stem.host", "stem.donor", "gvhd.skin", "gvhd.gut", "gvhd.liver"),
    *("gvhd.skin_stage", "gvhd.gut_stage", "gvhd.liver_stage", "gvhd.grade"),
    *("organs.skin", "organs.gut", "organs.liver", "gvhd.presentation"),
    *("gvhd.steroid", "gvhd.refractory", "gvhd.second_line", "gvhd.stromal"),
    *("gvh.naive", "gvh.effectors", "gvh.memory", "gvh.regulatory", "hvg.naive", "hvg.effectors"),
    *("chronic.severity", "malignancy.cells", "malignancy.relapsed", "transfusions.red"),
    *("drug.activation", "drug.proliferation", "drug.depletion"),
    *("hazard.infection", "hazard.toxicity", "hazard.gvhd"),
)
DATED = ("death", "relapse", "chronic", "steroid", "refractory", "second_line")
FIRST_DAY = -8


class Transplanted:
    """A patient who recovers on day 15, has a graft of donor cells alone and no other trouble, until a test says otherwise."""

    def __init__(self, last_day=365, first_day=FIRST_DAY, **events):
        self.day = np.arange(first_day, last_day + 1)
        self.values = np.zeros((len(self.day), len(COLUMNS)))
        self.traits = {f"event.{name}_day": np.nan for name in DATED}
        self.traits |= {"event.death_cause": np.nan, "event.chronic_severity": np.nan}
        self.traits |= {f"event.{name}": value for name, value in events.items()}
        for name in ("stem", "myeloid", "t"):
            self.on(f"chimerism.{name}", 0, 1.0)
        self.on("blood.neutrophils", first_day, 3.0).on("blood.neutrophils", 4, 0.05).on("blood.neutrophils", 15, 2.0)
        self.on("blood.platelets", first_day, 200.0).on("blood.platelets", 6, 8.0).on("blood.platelets", 18, 120.0)

    def on(self, name, since, value, until=None):
        """Set a column from one day on (until before another); returns the patient."""
        wanted = (self.day >= since) & (self.day < (np.inf if until is None else until))
        self.values[wanted, COLUMNS.index(name)] = value
        return self

    @property
    def course(self):
        """The course as the engine would leave it: days as hours."""
        return Course(
            **dict.fromkeys(("patches", "product_types", "host_types", "fields", "compartments"), ()),
            **dict.fromkeys(("fates", "event_names", "drugs"), ()),
            address=(1, 0, 0),
            columns=COLUMNS,
            hours=24.0 * self.day,
            values=self.values,
            events={},
            snapshots={},
            tally=np.zeros((3, 0, 0, 0)),
            status="ok",
            reason="",
            traits=self.traits,
        )

    def seen(self, has_chimerism=True, engrafted_by=28.0):
        """Return what outcome modules work from."""
        return Followed(self.course, has_chimerism, engrafted_by)


def transplant_scenario(**section):
    """Return a scenario that quacks like one with a section ``[transplant]``, followed for a year."""
    plain = loads('name = "t"\nrun = { duration_days = 365.0, record_every_h = 24.0 }').points[0].scenario
    return Quack(plain, section)


class Quack:
    """A scenario and a section ``[transplant]`` of the fields that outcomes read."""

    def __init__(self, plain, section):
        self._plain = plain
        self.transplant = type("Section", (), {"graft": "mobilised_blood", **section})()

    def __getattr__(self, name):
        return getattr(self._plain, name)

    def of(self, **donor):
        """Return the scenario with another donor."""
        changed = self._plain.model_copy(update={"donor": self._plain.donor.model_copy(update=donor)})
        return Quack(changed, {"graft": self.transplant.graft})


def with_status(course, status):
    """Return a course that ended otherwise."""
    return replace(course, status=status, reason="as planted")
