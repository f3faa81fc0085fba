"""What happened to the patients of a table: days, events and survival, with what is not known told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simengine.cohorts.fields import Fault, matching, number_of
from simengine.cohorts.mapping import ObservedOutcome
from simengine.cohorts.mapping_files import LoadedMapping
from simengine.cohorts.outcomes import PREDICTED, SURVIVAL, Predicted
from simengine.cohorts.people import check_columns
from simengine.cohorts.tables import Table
from simengine.foundation.errors import InputError, Problem, listed, shown
from simengine.studies.survival import kaplan_meier

__all__ = ["CENSORED", "COMPETING", "EVENT", "Observed", "not_censored", "observed_of"]

Floats = NDArray[np.float64]
CENSORED, EVENT, COMPETING = 0, 1, 2
"""State at `time`: last seen without the event; the event; death, after which it can no longer come."""
_MOST_DAYS = 36500.0


@dataclass(frozen=True)
class Observed:
    """One outcome of all patients.

    `known` says of whom the table tells it; `time` is the day of what `state` says, float64[N] (of a flag NaN where no day is
    told); `happened` 1 or 0 of a flag, NaN where it is not known up to the horizon; `weight` of a flag stands also for
    those who were lost to follow-up before it (1 without losses).
    """

    spec: ObservedOutcome
    entry: Predicted
    known: NDArray[np.bool_]
    time: Floats
    state: NDArray[np.int64]
    happened: Floats
    weight: Floats

    @property
    def horizon_days(self) -> float:
        """The day up to which prediction and observation are compared."""
        return self.spec.within_days or self.entry.horizon_days

    def among(self, rows: NDArray[np.int64]) -> Observed:
        """Return the outcome of some of the patients."""
        parts = {name: getattr(self, name)[rows] for name in ("known", "time", "state", "happened", "weight")}
        return replace(self, **parts)


def observed_of(loaded: LoadedMapping, table: Table) -> dict[str, Observed]:
    """Return every outcome of a table, by name.

    Raises
    ------
    InputError
        With every cell that cannot be read.
    """
    specs = loaded.mapping.outcome
    columns = [c for spec in specs for c in (spec.column, spec.followed_until, spec.day, spec.status) if c]
    check_columns(loaded, table, columns)
    reader = _Reader(loaded, table)
    survival = next((spec for spec in specs if spec.name == SURVIVAL.name), None)
    death = reader.survival(survival) if survival else None
    found = {}
    for spec in specs:
        kind = PREDICTED[spec.name].kind
        if kind == "survival" and death is not None:
            found[spec.name] = death
        else:
            found[spec.name] = reader.day(spec, death) if kind == "day" else reader.flag(spec, death)
    if reader.problems:
        raise InputError(reader.problems)
    return found


def not_censored(time: Floats, censored: NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    """Return the estimated chance of still being followed just before given days: Kaplan-Meier of the losses.

    At a tie the event comes first, so that who had it that day was not at risk of being lost that day.
    """
    if not len(time) or not censored.any():
        return lambda days: np.ones(np.shape(days))
    curve = kaplan_meier(np.where(censored, time + 1e-9, time), censored)

    def before(days: Floats) -> Floats:
        place = np.searchsorted(curve.time, np.asarray(days, dtype=np.float64), side="left") - 1
        return np.maximum(curve.survival[np.maximum(place, 0)], 1e-6)

    return before


class _Reader:
    """Reads cells of outcomes and collects what is wrong with them."""

    def __init__(self, loaded: LoadedMapping, table: Table) -> None:
        self.loaded, self.table = loaded, table
        self.problems: list[Problem] = []

    def survival(self, spec: ObservedOutcome) -> Observed:
        time = self._days(spec.column)
        died = self._yes(spec, spec.status or "")
        known = np.isfinite(time) & np.isfinite(died)
        state = np.where(died == 1.0, EVENT, CENSORED)
        return self._observed(spec, known, time, state, died, np.ones(len(time)))

    def day(self, spec: ObservedOutcome, death: Observed | None) -> Observed:
        time = self._days(spec.column, spec.never)
        never = np.isinf(time)
        if spec.followed_until is not None:
            time = np.where(never, self._days(spec.followed_until), time)
        died = np.zeros(len(time), bool) if death is None else (death.known & (death.state == EVENT))
        state = np.where(never, np.where(died, COMPETING, CENSORED), EVENT)
        nothing = np.full(len(time), np.nan)
        return self._observed(spec, np.isfinite(time), time, state, nothing, np.ones(len(time)))

    def flag(self, spec: ObservedOutcome, death: Observed | None) -> Observed:
        """Read an event of yes or no; who was lost before the horizon is unknown, and others weigh for him.

        An event without a day is taken to have come halfway to the horizon, or to the last follow-up if that was earlier.
        """
        happened = self._yes(spec, spec.column)
        day = self._days(spec.day, spec.never) if spec.day else np.full(len(happened), np.nan)
        entry = PREDICTED[spec.name]
        horizon = spec.within_days or entry.horizon_days
        late = (happened == 1.0) & np.isfinite(day) & (day > horizon)
        happened = np.where(late, 0.0, happened)
        weight = np.ones(len(happened))
        if death is not None:
            alive = death.known & (death.state == CENSORED)
            lost = (happened == 0.0) & ~late & alive & (death.time < horizon)
            happened = np.where(lost, np.nan, happened)
            chance = not_censored(death.time[death.known], death.state[death.known] == CENSORED)
            until = np.minimum(np.where(death.known, death.time, 0.0), horizon)
            when = np.where(happened == 1.0, np.where(np.isfinite(day), np.minimum(day, horizon), until / 2.0), until)
            weight = 1.0 / chance(when)
        known = np.isfinite(happened)
        return self._observed(spec, known, day, np.where(happened == 1.0, EVENT, CENSORED), happened, weight)

    def _observed(
        self,
        spec: ObservedOutcome,
        known: NDArray[np.bool_],
        time: Floats,
        state: NDArray[np.int64],
        happened: Floats,
        weight: Floats,
    ) -> Observed:
        return Observed(spec, PREDICTED[spec.name], known, time, state, happened, weight)

    def _days(self, column: str, never: tuple[str, ...] = ()) -> Floats:
        """Return days; infinite for `never`, NaN for a cell that is not known."""
        days = np.full(len(self.table.rows), np.nan)
        for row, text in enumerate(self.table.column(column)):
            if text in self.loaded.mapping.missing:
                continue
            value = np.inf if text in never else number_of(text)
            if isinstance(value, Fault):
                expected = "a day" + (f", or {listed(shown(word) for word in never)}" if never else "")
                self.problems.append(self.table.problem(row, column, value.found, expected, value.hint))
            elif not (0.0 <= value <= _MOST_DAYS or value == np.inf):
                self.problems.append(self.table.problem(row, column, shown(text), f"a day from 0 to {_MOST_DAYS:g}"))
            else:
                days[row] = value
        return days

    def _yes(self, spec: ObservedOutcome, column: str) -> Floats:
        """Return 1 for yes, 0 for no, NaN for a cell that is not known."""
        found = np.full(len(self.table.rows), np.nan)
        for row, text in enumerate(self.table.column(column)):
            if text in self.loaded.mapping.missing:
                continue
            if matching(text.lower(), spec.yes) is not None or text in spec.yes:
                found[row] = 1.0
            elif matching(text.lower(), spec.no) is not None or text in spec.no:
                found[row] = 0.0
            else:
                self.problems.append(self.table.problem(row, column, shown(text), listed([*spec.yes, *spec.no])))
        return found
