"""Runs of a cohort: every patient as often as asked, through the pool of studies, kept and continued like any study."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from simengine.cohorts.people import Person
from simengine.scenario.canonical import digest
from simengine.studies import integrity, parts, provenance
from simengine.studies.design import NOT_OF_A_POINT, Design
from simengine.studies.execute import Progress, execute
from simengine.studies.files import sha256
from simengine.studies.runs import Runner, RunResult, engine_runner
from simengine.studies.store import writing
from simengine.studies.warm import warm_up

if TYPE_CHECKING:
    from pandas import DataFrame

    from simengine.scenario import Scenario

__all__ = ["DRAWN", "experiment", "simulate"]

DRAWN = "drawn."
"""Before the path of a field whose value was drawn, in the columns of runs."""
_SOURCES = ("fields.py", "mapping_files.py", "people.py", "simulate.py")
"""Files of this package on which a run depends."""


def simulate(
    people: Sequence[Person],
    folder: Path,
    *,
    replicates: int,
    seed: int,
    runner: Runner = engine_runner,
    jobs: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> DataFrame:
    """Return one row for each patient and replicate, simulating those that the folder does not hold yet.

    Parameters
    ----------
    people
        The patients of a table, all of one mapping.
    folder
        Where runs are kept, in a folder named by all that they depend on.
    replicates, seed
        Possible courses of each patient, and the seed of all random numbers.
    runner
        Does one run; called from several threads at once, with the patient's own scenario and number.
    jobs, progress
        As in `simengine.studies.execute.execute`.

    Returns
    -------
    DataFrame
        In the order of the table: `patient` (row from 0), `replicate`, `id`, `imputed` (columns that were empty), `status`,
        `reason`, the outcomes of the run, and `drawn.*`, what was drawn for empty cells.

    Raises
    ------
    Stopped, ResultsError, OSError
        As `simengine.studies.execute.execute`.
    """
    home = folder / digest(experiment(people, replicates, seed))[:24]
    point = replace(people[0].loaded.point, index=0, label=people[0].loaded.mapping.name, values={})
    design = Design(point.label, people[0].loaded.mapping.title, "", seed, replicates, len(people), (point,))
    with writing(home, design, {}) as store:
        if runner is engine_runner and len(store.done) < len(design):
            warm_up(partial(progress, Progress(len(store.done), len(design), 0, "compiling")), [point.scenario])
        execute(store, _of_people(people, runner), jobs=jobs, progress=progress)
        paths = list(integrity.verified(home, store.manifest))
    names = [name for name in parts.columns(paths) if name != "events"]
    table = parts.read(paths, names).to_pandas()
    table["id"] = [people[row].id for row in table["patient"]]
    table["imputed"] = ["; ".join(people[row].unknown) for row in table["patient"]]
    return table


def experiment(people: Sequence[Person], replicates: int, seed: int) -> list[Any]:
    """Return what runs depend on, as plain JSON: patients, base, what stands for missing cells, numbers and program."""
    loaded = people[0].loaded
    base = {name: value for name, value in loaded.point.scenario.plain().items() if name not in NOT_OF_A_POINT}
    who = [
        [person.id, person.number, [None if c is None else [[list(s.path), s.value] for s in c] for _, c in person.cells]]
        for person in people
    ]
    fields = [field.model_dump(mode="json") for field in loaded.mapping.field]
    program = {name: value for name, value in provenance.program().items() if name != "package_version"}
    sources = [sha256(Path(__file__).with_name(name).read_bytes()) for name in _SOURCES]
    plain: list[Any] = json.loads(json.dumps([base, fields, who, replicates, seed, program, sources]))
    return plain


@dataclass(frozen=True)
class _Outcomes:
    """The row of one run; courses and snapshots of thousands of runs are not kept."""

    row: Mapping[str, float | int | str]
    courses: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    events: tuple[tuple[float, str, str], ...] = ()
    snapshots: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)


def _of_people(people: Sequence[Person], runner: Runner) -> Runner:
    """Return a runner that gives each row of the table its own scenario and its own random numbers."""

    def run(_: Scenario, seed: int, patient: int, replicate: int) -> RunResult:
        person = people[patient]
        row = dict(runner(person.scenario(seed, replicate), seed, person.number, replicate).row)
        drawn = {".".join(map(str, setting.path)): setting.value for setting in person.drawn(seed, replicate)}
        return _Outcomes(row | {DRAWN + name: _scalar(value) for name, value in drawn.items()})

    return run


def _scalar(value: Any) -> float | int | str:
    return value if isinstance(value, int | float | str) else json.dumps(value)
