"""Runs that are kept: every patient of a scenario is simulated once, however often and for whatever target it is asked.

A folder holds one scenario, seed and program; its blocks are ordinary folders of results of `BLOCK` patients each. The
name of the folder is the digest of all that results depend on, so that runs of another version of the model are never
met; a block that was put there from elsewhere is refused when it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.scenario.canonical import digest
from simengine.studies import parts, provenance
from simengine.studies.design import NOT_OF_A_POINT, Design
from simengine.studies.execute import Progress, execute
from simengine.studies.runs import Runner, RunResult, engine_runner
from simengine.studies.store import writing

if TYPE_CHECKING:
    from simengine.scenario import Point, Scenario

__all__ = ["BLOCK_OF_BODY", "BLOCK_OF_PATCH", "RunCache", "Runs"]

BLOCK_OF_BODY, BLOCK_OF_PATCH = 250, 25
"""Patients a block: a run without a patch takes milliseconds, one with a patch seconds."""
TIME = "time_h"


@dataclass(frozen=True)
class Runs:
    """The first n patients of a scenario: `columns` hold one entry a patient, `courses` one array a patient or None."""

    columns: Mapping[str, NDArray[Any]]
    courses: Mapping[str, NDArray[Any]]

    @property
    def failures(self) -> list[str]:
        """Why runs ended otherwise than well, one reason each."""
        bad = np.flatnonzero(self.columns["status"] != "ok")
        return [f"{self.columns['status'][i]}: {self.columns['reason'][i]}" for i in bad]


@dataclass
class RunCache:
    """Runs in a folder; what is asked for and not there is simulated.

    `progress` is told of every run; `simulated` counts the runs that were done and not found.
    """

    folder: Path
    runner: Runner = engine_runner
    jobs: int | None = None
    progress: Callable[[Progress], None] = lambda _: None
    warm_up: Callable[[], None] = lambda: None
    simulated: int = 0
    _is_warm: bool = field(default=False, repr=False)

    def block_of(self, scenario: Scenario) -> int:
        """Return how many patients are simulated at a time."""
        return BLOCK_OF_BODY if scenario.run.mode == "body" else BLOCK_OF_PATCH

    def runs(self, point: Point, n: int, courses: Iterable[str] = ()) -> Runs:
        """Return the first n patients of a point, simulating those that are not there yet.

        Parameters
        ----------
        point
            Its scenario says what is run, with which seed; the numbers of patients and replicates are not used.
        n
            Patients wanted.
        courses
            Courses kept beside the row of outcomes; runs that kept others are other runs.

        Raises
        ------
        RequestError, ResultsError
            If a block holds the runs of something else, or is damaged.
        """
        wanted = tuple(sorted(set(courses)))
        size = self.block_of(point.scenario)
        home = self.folder / self.key(point.scenario, wanted)
        found: list[list[Path]] = []
        for block in range(-(-n // size)):
            folder = home / f"patients-{block * size:06d}"
            self._fill(folder, self._design(point, block * size, size), wanted)
            found.append(sorted((folder / parts.FOLDER).glob("part-*.parquet")))
        return _read([path for paths in found for path in paths], n, wanted)

    def course_names(self, point: Point) -> list[str]:
        """Return the courses that a run of a point has, by doing one; for messages."""
        return sorted(set(self.runner(point.scenario, point.scenario.seed, 0, 0).courses) - {TIME})

    def key(self, scenario: Scenario, courses: tuple[str, ...]) -> str:
        """Return the name of the folder of a scenario's runs: 24 digits of the digest of all that they depend on."""
        content = {name: value for name, value in scenario.plain().items() if name not in NOT_OF_A_POINT}
        program = {name: value for name, value in provenance.program().items() if name != "package_version"}
        return digest([content, scenario.seed, list(courses), json.loads(json.dumps(program))])[:24]

    def _design(self, point: Point, first: int, size: int) -> Design:
        only = replace(point, index=0, label="runs", values={})
        return Design("runs", "", "", point.scenario.seed, 1, size, (only,), first)

    def _fill(self, folder: Path, design: Design, courses: tuple[str, ...]) -> None:
        """Do the runs of a block that are missing; each is verified when it is opened again."""
        with writing(folder, design, {}) as store:
            missing = len(design) - len(store.done)
            if not missing:
                return
            if not self._is_warm:
                self.warm_up()
                self._is_warm = True
            execute(store, _keeping(self.runner, courses), jobs=self.jobs, progress=self.progress)
            self.simulated += missing


@dataclass(frozen=True)
class _Kept:
    row: Mapping[str, float | int | str]
    courses: Mapping[str, NDArray[Any]]
    events: tuple[tuple[float, str, str], ...] = ()
    snapshots: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)


def _keeping(runner: Runner, courses: tuple[str, ...]) -> Runner:
    """Return a runner that keeps these courses only; of a patient's hundred a target reads one or two."""

    def run(scenario: Scenario, seed: int, patient: int, replicate: int) -> RunResult:
        result = runner(scenario, seed, patient, replicate)
        kept = {name: series for name, series in result.courses.items() if name in courses or (courses and name == TIME)}
        return _Kept(result.row, kept)

    return run


def _read(paths: list[Path], n: int, courses: tuple[str, ...]) -> Runs:
    found = parts.columns(paths)
    series = [parts.COURSE + name for name in ((TIME, *courses) if courses else ())]
    scalars = [name for name in found if name != "events" and not name.startswith((parts.COURSE, parts.SNAPSHOT))]
    table = parts.read(paths, [*scalars, *series]).slice(0, n)
    return Runs(
        {name: table[name].to_numpy() for name in scalars},
        {name.removeprefix(parts.COURSE): table[name].to_numpy() if name in found else np.full(n, None) for name in series},
    )
