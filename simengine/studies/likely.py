"""Rows that a study is likely to have, made from few runs of it, to see what its results will take.

A part cannot be measured by repeating a few rows, which compress to nothing, nor by adding up single rows, as a part keeps
equal values once. So a likely row is that of a run of its arm, and only numbers that differ between runs of one arm are
moved: one shift for each column and row, so that what stays level stays level; counts to other counts, about as far as
chance would take them; and by the same dice for all arms, so that what arms have in common stays in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.studies.design import Design, Key
from simengine.studies.parts import Record

__all__ = ["likely_rows"]

Name = tuple[str, str]
Numbers = Mapping[Name, NDArray[np.float64]]
_SPREAD = 0.05
"""Relative spread of what is no count; any will do that changes the digits."""
_WHOLE = 1e-6


def likely_rows(design: Design, runs: Sequence[Record], keys: Iterable[Key]) -> list[Record]:
    """Return a row for each address: the run itself where it was done, else one like it.

    Parameters
    ----------
    design
        The study.
    runs
        Runs of it that were done, at least one.
    keys
        The addresses wanted.
    """
    likely = _Likely(design, runs)
    return [likely.row(key) for key in keys]


class _Likely:
    """What is known of the runs of each arm."""

    def __init__(self, design: Design, runs: Sequence[Record]) -> None:
        self._points = design.point
        self._done = {run.key: run for run in runs}
        self._arms: dict[int, list[Record]] = {}
        for run in runs:
            self._arms.setdefault(run.key.point, []).append(run)
        numbers = {run.key: _numbers(run) for run in runs}
        self._moves = {point: _changes([numbers[run.key] for run in arm]) for point, arm in self._arms.items() if len(arm) > 1}
        self._moves_elsewhere = _either(self._moves.values()) if self._moves else _changes(list(numbers.values()))
        self._quanta = _quanta(list(numbers.values()))
        self._names = sorted({name for found in numbers.values() for name in found})

    def row(self, key: Key) -> Record:
        """Return the row of an address."""
        if key in self._done:
            return self._done[key]
        known = key.point in self._arms
        # of two arms as near the later: the first is often the one without cells
        point = key.point if known else min(self._arms, key=lambda point: (abs(point - key.point), -point))
        arm = self._arms[point]
        like = arm[(key.patient + key.replicate) % len(arm)]
        moves = self._moves.get(point, self._moves_elsewhere)
        dice = np.random.default_rng([key.patient, key.replicate, 0 if known else 1 + key.point])
        shifts = dict(zip(self._names, dice.standard_normal(len(self._names))))

        def moved(name: Name, value: Any) -> Any:
            if name not in shifts or not np.any(moves.get(name, False)):
                return value
            return _moved(np.asarray(value, dtype=np.float64), moves[name], shifts[name], self._quanta.get(name))

        row = {name: moved(("row", name), value) for name, value in like.row.items()}
        courses = {name: moved(("course", name), series) for name, series in like.courses.items()}
        asked = self._points[key.point]
        snapshots = self._snapshots(arm) if key.replicate < asked.scenario.output.snapshot_replicates else {}
        return Record(key, asked.label, asked.values, like.status, like.reason, row, courses, like.events, snapshots)

    def _snapshots(self, arm: Sequence[Record]) -> dict[str, dict[str, NDArray[Any]]]:
        """Return a copy of the snapshots of a run of an arm, or of any run that has some."""
        for run in (*arm, *self._done.values()):
            if run.snapshots:
                return {day: {name: np.array(a) for name, a in arrays.items()} for day, arrays in run.snapshots.items()}
        return {}


def _numbers(run: Record) -> Numbers:
    found = {("row", name): np.asarray(v, np.float64) for name, v in run.row.items() if isinstance(v, int | float)}
    return found | {("course", name): np.asarray(series, np.float64) for name, series in run.courses.items()}


def _changes(runs: Sequence[Numbers]) -> dict[Name, NDArray[np.bool_]]:
    """Return which numbers differ from those of the first run, in the shape of their column; all where shapes differ."""
    first = runs[0]
    return _either({name: _differ(values, first.get(name)) for name, values in run.items()} for run in runs[1:])


def _differ(values: NDArray[np.float64], others: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    if others is None or others.shape != values.shape:
        return np.array(True)
    return np.asarray(~((values == others) | (np.isnan(values) & np.isnan(others))))


def _either(all_changes: Iterable[Mapping[Name, NDArray[np.bool_]]]) -> dict[Name, NDArray[np.bool_]]:
    merged: dict[Name, NDArray[np.bool_]] = {}
    for changes in all_changes:
        for name, changed in changes.items():
            before = merged.get(name, changed)
            merged[name] = before | changed if before.shape == changed.shape else np.array(True)
    return merged


def _quanta(runs: Sequence[Numbers]) -> dict[Name, float]:
    """Return the step of each column whose values are whole multiples of the least, or of one."""
    found = {}
    for name in {name for run in runs for name in run}:
        sizes = np.abs(np.concatenate([run[name].ravel() for run in runs if name in run]))
        sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
        for step in (sizes.min(initial=np.inf), 1.0):
            multiples = sizes / step
            if sizes.size and np.all(np.abs(multiples - np.rint(multiples)) <= _WHOLE * multiples):
                found[name] = float(step)
                break
    return found


def _moved(values: NDArray[np.float64], changed: NDArray[np.bool_], shift: float, step: float | None) -> Any:
    """Return values moved where they change; counts by their own chance, as far as a Poisson number strays."""
    if step is None:
        moved = values * (1.0 + _SPREAD * shift)
    else:
        count = values / step
        moved = np.rint(count + shift * np.sqrt(np.abs(count))) * step
    where = changed if changed.shape in ((), values.shape) else np.array(True)
    moved = np.where(where, moved, values)
    return moved if moved.ndim else float(moved)
