"""One run of a transplantation: build the patient, advance, hand back the course."""

from __future__ import annotations

import numpy as np

import simengine.transplant.state as s
from simengine.catalog import Catalog, load_catalog
from simengine.patients.population import TRAIT
from simengine.scenario import Scenario
from simengine.state.arrays import not_finite
from simengine.state.course import Course
from simengine.transplant.build import Built, build
from simengine.transplant.step import COLUMNS, advance

__all__ = ["simulate"]

_EMPTY = np.zeros(0)


def simulate(scenario: Scenario, seed: int, patient: int = 0, replicate: int = 0, *, catalog: Catalog | None = None) -> Course:
    """Simulate one possible course of one patient around a transplantation of blood stem cells.

    Parameters
    ----------
    scenario : Scenario
        With a section ``[transplant]``; the run depends on nothing else but the address and ``MODEL_VERSION``.
    seed, patient, replicate : int
        Address of the run.

    Returns
    -------
    Course
        One record at the beginning of each day, from the first day of conditioning (negative hours) to death or the end;
        ``traits`` hold the pair, the doses, and the days of events as ``event.NAME``, NaN where they did not happen.

    Example
    -------
    >>> from simengine import scenario
    >>> study = scenario.loads('name = "graft"\\n[transplant]\\n[run]\\nduration_days = 30')
    >>> simulate(study.points[0].scenario, seed=1).status
    'ok'
    """
    built = build(scenario, seed, patient, replicate, catalog or load_catalog())
    n = int(advance(built.patient))
    return _course(built, n, (seed, patient, replicate))


def _course(built: Built, n: int, address: tuple[int, int, int]) -> Course:
    patient = built.patient
    days = patient.start_day[0] + np.arange(n, dtype=np.float64)
    dead = patient.day_of[s.DAY_OF_DEATH]
    days[-1] = patient.start_day[-1] + patient.days[-1] if np.isnan(dead) else max(dead, days[-2] if n > 1 else dead)
    values = patient.record[:n]
    bad = not_finite(patient) or ("day_of" if np.isinf(patient.day_of).any() else "")
    if not np.all(np.isfinite(values)):
        bad = COLUMNS[int(np.argwhere(~np.isfinite(values))[0, 1])]
    mass = float(patient.number[s.MASS_KG])
    return Course(
        patches=(),
        product_types=(),
        host_types=(),
        fields=(),
        compartments=(),
        fates=(),
        event_names=(),
        drugs=(),
        address=address,
        columns=COLUMNS,
        hours=24.0 * days,
        values=values,
        events={},
        snapshots={},
        tally=_EMPTY,
        status="numerical_error" if bad else "ok",
        reason=f"{bad} is not finite" if bad else "",
        traits={
            **built.pair.numbers(),
            "weight_kg": mass,
            "cd34_per_kg": built.doses[0],
            "cd3_per_kg": built.doses[1],
            **{f"event.{name}": float(day) for name, day in zip(s.EVENTS, patient.day_of, strict=True)},
            "event.death_cause": float(patient.level[s.DEAD]),
            "event.chronic_severity": float(patient.level[s.CHRONIC]),
            **{TRAIT + name: value for name, value in built.traits.items()},
        },
    )
