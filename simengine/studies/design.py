"""Which runs a study asks for: every point x patient x replicate, in one canonical order.

A run's random numbers depend on (seed, patient, replicate) and not on its point, so that two arms compare the same
patients with the same dice, and an arm run alone gives the rows it has within the whole study.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from simengine.foundation.errors import listed, nearest

if TYPE_CHECKING:
    from simengine.scenario import Point, Scenario, Study
    from simengine.scenario.model import Precision

__all__ = ["Design", "Key", "RequestError", "design"]


NOT_OF_A_POINT = ("name", "title", "description", "seed", "replicates", "patients", "precision")


class RequestError(ValueError):
    """What was asked of a study cannot be done: an unknown arm, a wrong number, a folder that is taken."""

    exit_code = 2


class Key(NamedTuple):
    """The address of one run; keys sort into the canonical order of rows."""

    point: int
    patient: int
    replicate: int


@dataclass(frozen=True)
class Design:
    """The runs of a study after the choices of the command line: which points, how many replicates, which seed."""

    name: str
    title: str
    description: str
    seed: int
    replicates: int
    patients: int
    points: tuple[Point, ...]
    first_patient: int = 0
    shard: tuple[int, int] | None = None
    """Only the i-th of n shares, i from 1: every n-th run, so that dear and cheap arms are spread evenly; with a precision
    every n-th arm, as its runs decide how many more there are."""
    precision: Precision | None = None

    @property
    def keys(self) -> list[Key]:
        """Every run in canonical order; of a shard, its share."""
        return self.some_keys(self.numbers)

    def some_keys(self, numbers: Iterable[int]) -> list[Key]:
        """Return the runs with some numbers; those of one point stand side by side."""
        indices = self.point_indices
        per_point = self.patients * self.replicates
        return [
            Key(
                indices[number // per_point],
                self.first_patient + number % per_point // self.replicates,
                number % self.replicates,
            )
            for number in numbers
        ]

    @property
    def point_indices(self) -> list[int]:
        """The points of the runs by their index, in their order."""
        indices = sorted(point.index for point in self.points)
        return indices if self.precision is None else indices[self._share]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def _share(self) -> slice:
        share, of = self.shard or (1, 1)
        return slice(share - 1, None, of)

    @property
    def numbers(self) -> range:
        """The number of every run of this share among those of all its points, from 0."""
        every = range(len(self.point_indices) * self.patients * self.replicates)
        return every[self._share] if self.precision is None else every

    @cached_property
    def point(self) -> dict[int, Point]:
        """The points by their index."""
        return {point.index: point for point in self.points}

    def scenario(self, key: Key) -> Scenario:
        """Return the resolved scenario of a run."""
        return self.point[key.point].scenario

    @property
    def swept(self) -> dict[str, type]:
        """The swept paths with the type of their column: `float` where every value is a number, else `str`."""
        values: dict[str, list[Any]] = {}
        for point in self.points:
            for path, value in point.values.items():
                values.setdefault(path, []).extend([] if value is None else [value])
        return {path: float if all(map(_is_number, found)) else str for path, found in values.items()}

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each point: its number, its label, and the value of every swept path (None: not set)."""
        swept = self.swept
        return [
            {"point": point.index, "arm": point.label, **{path: point.values.get(path) for path in swept}}
            for point in sorted(self.points, key=lambda point: point.index)
        ]

    def experiment(self) -> dict[str, Any]:
        """What a result depends on, as plain JSON: two folders with the same experiment hold the same rows.

        Titles are left out: they change no row. So is what the points share and this design may have changed.
        """
        experiment = {
            "seed": self.seed,
            "replicates": self.replicates,
            "patients": self.patients,
            "points": [
                {
                    "index": point.index,
                    "label": point.label,
                    "values": dict(point.values),
                    "scenario": {name: v for name, v in point.scenario.plain().items() if name not in NOT_OF_A_POINT},
                }
                for point in self.points
            ],
        }
        if self.first_patient:
            experiment["first_patient"] = self.first_patient
        if self.precision is not None:
            experiment["precision"] = self.precision.model_dump()
        plain: dict[str, Any] = json.loads(json.dumps(experiment))
        return plain


def design(study: Study, *, arms: Sequence[str] = (), replicates: int | None = None, seed: int | None = None) -> Design:
    """Choose the runs of a study.

    Parameters
    ----------
    study
        A loaded study.
    arms
        Labels of the points wanted; all of them when empty.
    replicates, seed
        Instead of the numbers of the file.

    Raises
    ------
    RequestError
        For an unknown arm, too few or too many replicates, or a seed outside 0 ... 2**63 - 1.
    """
    from simengine.scenario.limits import MOST_RUNS

    labels = {point.label: point for point in study.points}
    unknown = [arm for arm in arms if arm not in labels]
    if unknown:
        hint = nearest(unknown[0], labels)
        raise RequestError(f"--arm: got {unknown[0]!r}, expected {listed(labels)}" + (f"; {hint}" if hint else ""))
    seed = study.seed if seed is None else seed
    replicates = study.replicates if replicates is None else replicates
    if replicates < 1:
        raise RequestError(f"replicates: got {replicates}, expected at least 1")
    if not 0 <= seed < 2**63:
        raise RequestError(f"seed: got {seed}, expected 0 to 2**63 - 1")
    points = tuple(point for point in study.points if not arms or point.label in arms)
    runs = len(points) * study.patients * replicates
    if runs > MOST_RUNS:
        raise RequestError(f"replicates: got {replicates}, which makes {runs} runs, expected at most {MOST_RUNS} runs")
    precision = getattr(study, "precision", None)
    return Design(study.name, study.title, study.description, seed, replicates, study.patients, points, precision=precision)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
