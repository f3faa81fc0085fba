"""When an arm has runs enough: an interval that is narrow enough, by a rule that does not depend on how runs are done.

An arm is looked at when it has `at_least` units, and after every `every` more. It stops at the second look in a row at
which the interval that `summary` would tell of those units is no wider than asked, or when it has all units of the study.
A look sees the first units and nothing else, whatever is done beside or ahead of it: the runs of a study are a function of
its scenario, and no number of workers, batch, order or stop changes them.

Who looks often and stops when he likes what he sees is too sure of it, since an interval is narrow also by luck. Two looks
in a row and a least number of units take most of that away; `docs/results.md` states what is left.
Source: Y. S. Chow, H. Robbins, Ann. Math. Stat. 36 (1965) 457-462, for intervals of fixed width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.foundation.errors import InputError, Problem, listed, nearest, shown
from simengine.studies.design import Design, Key
from simengine.studies.statistics import interval

if TYPE_CHECKING:
    from simengine.scenario import Study
    from simengine.scenario.model import Precision

__all__ = ["LOOKS_IN_A_ROW", "Arm", "Looks", "look_at", "outcome_problems", "refuse_unknown_outcome"]

LOOKS_IN_A_ROW = 2
Values = Mapping[Key, float | None]
"""The outcome of every run that is done; None or NaN where it has none."""


@dataclass
class Arm:
    """How far an arm is.

    `asked` units it is to have by now; `half_width` is that of the interval at the last look (NaN before the first), `narrow`
    how many looks in a row found it narrow, `is_done` whether no more is asked.
    """

    units: list[list[Key]]
    asked: int
    means: list[float] = field(default_factory=list)
    seen: int = 0
    half_width: float = math.nan
    narrow: int = 0
    is_done: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether the arm has the precision that was asked for."""
        return self.narrow > 0 and self.is_done


class Looks:
    """The looks at the arms of a design, taken as its runs come in.

    Parameters
    ----------
    design
        Must have a `precision`.
    is_event
        Whether the outcome happens or does not (its interval is then Wilson's); None: it does where it is only ever 0 or 1.
    """

    def __init__(self, design: Design, is_event: bool | None) -> None:
        if design.precision is None:
            raise ValueError("the design has no precision")
        self._precision: Precision = design.precision
        self._is_event = is_event
        units = {point: _units(design, point) for point in design.point_indices}
        self.arms = {point: Arm(own, min(self._precision.at_least, len(own))) for point, own in units.items()}

    def wanted(self, values: Values) -> list[Key]:
        """Return the runs to do next, in canonical order: what each arm lacks up to its next look; none when all stopped."""
        keys = []
        for arm in self.arms.values():
            while not arm.is_done:
                missing = [key for unit in arm.units[arm.seen : arm.asked] for key in unit if key not in values]
                if missing:
                    keys += missing
                    break
                self._look(arm, values)
        return keys

    @property
    def runs(self) -> int:
        """Runs that the arms are asked for by now; all there will be once nothing is wanted."""
        return sum(len(unit) for arm in self.arms.values() for unit in arm.units[: arm.asked])

    def told(self) -> dict[str, dict[str, Any]]:
        """Return, for each point by its number, the units it has, the half-width of its interval, and whether it is narrow."""
        return {
            str(point): {
                "units": arm.asked,
                "half_width": None if math.isnan(arm.half_width) else arm.half_width,
                "is_narrow": arm.is_narrow,
            }
            for point, arm in self.arms.items()
        }

    def _look(self, arm: Arm, values: Values) -> None:
        fresh = [_mean(values, unit) for unit in arm.units[arm.seen : arm.asked]]
        arm.means += [mean for mean in fresh if not math.isnan(mean)]
        arm.seen = arm.asked
        is_event = set(arm.means) <= {0.0, 1.0} if self._is_event is None else self._is_event
        arm.half_width = look_at(np.array(arm.means), self._precision.confidence, is_event)
        arm.narrow = arm.narrow + 1 if arm.half_width <= self._precision.half_width else 0
        arm.is_done = arm.narrow >= LOOKS_IN_A_ROW or arm.asked == len(arm.units)
        if not arm.is_done:
            arm.asked = min(arm.asked + self._precision.every, len(arm.units))


def look_at(means: np.ndarray, confidence: float, is_event: bool) -> float:
    """Return half the width of the interval that `summary` tells of the means of some units; NaN of fewer than two."""
    n = len(means)
    if n < 2:
        return math.nan
    low, high = interval(float(means.mean()), float(means.std(ddof=1)) / math.sqrt(n), n, confidence, is_event)
    return 0.5 * (high - low)


def outcome_problems(study: Study) -> list[Problem]:
    """Return what is wrong with the outcome of `[precision]`: it must be a numeric outcome that every arm has."""
    if study.precision is None:
        return []
    from simengine.outcomes import descriptions  # loads compiled code: only a study that names an outcome waits for it

    of_arms = [descriptions(point.scenario) for point in study.points]
    names = [name for name, column in of_arms[0].items() if column.unit and all(name in arm for arm in of_arms)]
    name = study.precision.outcome
    if name in names:
        return []
    stating = [document for document in study.documents if "precision" in document.data] or study.documents
    return [stating[-1].problem(("precision", "outcome"), shown(name), listed(names), nearest(name, names))]


def refuse_unknown_outcome(study: Study) -> None:
    """Raise InputError when the outcome of `[precision]` is none that the runs will have."""
    if problems := outcome_problems(study):
        raise InputError(problems)


def _units(design: Design, point: int) -> list[list[Key]]:
    """Return the runs of an arm by unit: patients, or replicates of the one patient."""
    patients = range(design.first_patient, design.first_patient + design.patients)
    if design.patients == 1:
        return [[Key(point, patients[0], replicate)] for replicate in range(design.replicates)]
    return [[Key(point, patient, replicate) for replicate in range(design.replicates)] for patient in patients]


def _mean(values: Values, unit: list[Key]) -> float:
    found = [value for key in unit if (value := values[key]) is not None and not math.isnan(value)]
    return sum(found) / len(found) if found else math.nan
