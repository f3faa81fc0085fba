"""One run: build the world, advance it in blocks, hand back the course."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import Catalog
from simengine.engine.build import Built, build
from simengine.engine.checkpoint import load_checkpoint, save_checkpoint
from simengine.engine.snapshot import snapshot
from simengine.engine.spaces import populate
from simengine.engine.step import advance
from simengine.foundation import deadline
from simengine.patients.population import TRAIT
from simengine.scenario import Scenario
from simengine.state import world as w
from simengine.state.arrays import grow, not_finite, without_events
from simengine.state.body import COMPARTMENTS, FATES
from simengine.state.course import Course
from simengine.state.handles import handle_of
from simengine.state.world import World

__all__ = ["Stopped", "simulate"]

BLOCK_S = 0.2
"""Blocks are sized to take about this long, s: threads take turns, Ctrl-C is quick. No result depends on it."""
_FIRST_BLOCK_TICKS = 240
_STATUS = {
    w.BAD_NUMBER: ("numerical_error", "a field, a cell or what the body is told is not finite"),
    w.TOO_MANY: ("capacity_exceeded", "more agents than run.max_agents"),
    w.DUPLICATE: ("numerical_error", "two cells have the same identity"),
}


class Stopped(Exception):
    """A run was stopped on request and left a checkpoint to go on from."""


class _Run:
    """A world on its way, with the events taken out of it so far."""

    def __init__(self, built: Built, address: tuple[int, int, int]) -> None:
        self.built = built
        self.address = address
        self.hold(built.world)
        self.taken: list[Mapping[str, NDArray[Any]]] = []
        self.snapshots: dict[str, Mapping[str, NDArray[Any]]] = {}
        self.block = _FIRST_BLOCK_TICKS

    def hold(self, world: World) -> None:
        """Go on with this world."""
        self.world = world
        self.handle = handle_of(world)

    def advance_to(self, goal: int) -> int:
        """Advance to base tick ``goal`` in blocks; return the status, DONE when it was reached."""
        while True:
            now = int(self.world.clock[w.NOW])
            if now >= goal:
                return int(self.world.clock[w.PROBLEM])
            deadline.check()
            began = time.perf_counter()
            status = int(advance(self.handle, now, min(goal, now + self.block)))
            spent = time.perf_counter() - began
            self.block = max(12, min(100_000, int(self.block * min(4.0, BLOCK_S / max(spent, 1e-6)))))
            if status == w.GROW:
                self.hold(grow(self.world))
            elif status == w.LOG_FULL:
                self.take_events()
            elif status != w.DONE:
                return status

    def take_events(self) -> None:
        """Move the log's events out of the world."""
        world, taken = without_events(self.world)
        self.hold(world)
        self.taken.append(taken)


def simulate(
    scenario: Scenario,
    seed: int,
    patient: int = 0,
    replicate: int = 0,
    *,
    catalog: Catalog | None = None,
    checkpoint: Path | None = None,
    stop_at_h: float | None = None,
) -> Course:
    """Simulate one possible course of one patient.

    Parameters
    ----------
    scenario : Scenario
        Fully resolved; the run depends on nothing else but the address below and ``MODEL_VERSION``.
    seed, patient, replicate : int
        Address of the run.
    checkpoint : Path, optional
        File to go on from if it exists, and to leave behind when the run stops before its end.
    stop_at_h : float, optional
        Stop at this simulated hour, write the checkpoint and raise :class:`Stopped`.

    Raises
    ------
    Stopped
        See ``stop_at_h``.
    ValueError
        If the checkpoint belongs to another scenario, address or model version, or is damaged.

    Example
    -------
    >>> from simengine import scenario
    >>> study = scenario.loads('name = "control"')
    >>> course = simulate(study.points[0].scenario, seed=1)
    >>> course.status
    'ok'
    """
    run = _Run(build(scenario, seed, patient, replicate, catalog), (seed, patient, replicate))
    label = (scenario.hash, seed, patient, replicate)
    if checkpoint is not None and checkpoint.exists():
        world, taken, snapshots = load_checkpoint(checkpoint, label, run.world)
        run.taken, run.snapshots = list(taken), dict(snapshots)
        run.hold(world)
    else:
        populate(run.handle)
    end = int(run.world.clock[w.END])
    stop = end if stop_at_h is None else min(end, round(stop_at_h * w.TICKS_PER_H))
    status = _follow(run, scenario, stop)
    if status == w.DONE and stop < end:
        if checkpoint is not None:
            run.take_events()
            save_checkpoint(checkpoint, label, run.world, run.taken, run.snapshots)
        raise Stopped(f"stopped at {run.world.clock[w.NOW] / w.TICKS_PER_H:g} h")
    run.take_events()
    return _course(run, status)


def _follow(run: _Run, scenario: Scenario, stop: int) -> int:
    """Advance a run to base tick ``stop``, taking snapshots on the way; return its status."""
    days = sorted(scenario.output.snapshot_days)
    for goal, day in [(_tick_of(run.world, day), day) for day in days] + [(stop, None)]:
        status = run.advance_to(min(goal, stop))
        if status != w.DONE:
            return status
        if day is not None and goal <= stop and f"day_{day:g}" not in run.snapshots:
            run.snapshots[f"day_{day:g}"] = snapshot(run.world, run.built.names)
    return w.DONE


def _tick_of(world: World, day: float) -> int:
    """Return the recorded tick at which a snapshot of ``day`` is taken: the first at or after it."""
    ticks = world.record.ticks
    return int(ticks[min(len(ticks) - 1, int(np.searchsorted(ticks, round(24.0 * day * w.TICKS_PER_H))))])


def _not_finite(run: _Run, values: NDArray[np.float64], event_hours: NDArray[np.float64]) -> str:
    """Return what is not finite at the end of a run: a recorded column, the events, or an array of the world."""
    if not np.all(np.isfinite(values)):
        return run.built.columns[int(np.argwhere(~np.isfinite(values))[0, 1])]
    return not_finite(run.world) if np.all(np.isfinite(event_hours)) else "the hour of an event"


def _course(run: _Run, status: int) -> Course:
    world, recipient, names = run.world, run.built.recipient, run.built.names
    n = int(world.clock[w.NEXT_RECORD])
    values = world.record.values[:n]
    label, reason = _STATUS.get(status, ("ok", ""))
    event_hours = np.concatenate([taken["hour"] for taken in run.taken])
    if label == "ok" and (bad := _not_finite(run, values, event_hours)):
        label, reason = "numerical_error", f"{bad} is not finite"
    whole = np.concatenate([taken["whole"] for taken in run.taken])
    return Course(
        patches=() if world.clock[w.MODE] == w.MODE_BODY else names.patches,
        product_types=tuple(cell.label for cell in names.types if cell.is_product),
        host_types=tuple(cell.label for cell in names.types[1:] if not cell.is_product),
        fields=names.fields,
        compartments=(*COMPARTMENTS, *(f"depot_{route}" for route in names.routes)),
        fates=FATES,
        event_names=tuple(names.events),
        drugs=names.drugs,
        address=run.address,
        columns=tuple(run.built.columns),
        hours=world.record.ticks[:n] / w.TICKS_PER_H,
        values=values,
        events={
            "tick": whole[:, 0],
            "event": whole[:, 1],
            "type": whole[:, 2],
            "uid": np.concatenate([taken["uid"] for taken in run.taken]),
            "hour": event_hours,
        },
        snapshots=run.snapshots,
        tally=world.tally,
        status=label,
        reason=reason,
        traits={
            **recipient.site,
            "immune_strength": recipient.immune_strength,
            "potency": recipient.potency,
            "lung_passage": recipient.lung_passage,
            **recipient.pair.numbers(),
            **{TRAIT + name: value for name, value in run.built.traits.items()},
        },
        statistics={
            "field_solves": float(np.sum(world.fields.sweeps[:, 0])),
            "field_cycles": float(np.sum(world.fields.sweeps[:, 1])),
            "agents_capacity": float(world.cells.uid.shape[0]),
        },
    )
