"""Load a scenario file into a study, or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from simengine.catalog import Catalog, load_catalog
from simengine.foundation.documents import Document, parse_toml, read_toml
from simengine.foundation.errors import InputError, Problem
from simengine.scenario.canonical import digest
from simengine.scenario.expand import Point, expand
from simengine.scenario.inherit import Family, scenarios_folder
from simengine.scenario.layers import Layered
from simengine.scenario.model import Precision
from simengine.scenario.overrides import apply_overrides

Overrides = Mapping[str, Any] | Sequence[str]


@dataclass(frozen=True)
class Study:
    """A loaded study: its points, how many patients and replicates of each, and the texts it was read from.

    `documents` stand in the order in which they were merged; `path` is None for a text that was not a file.
    """

    name: str
    title: str
    description: str
    seed: int
    replicates: int
    patients: int
    points: tuple[Point, ...]
    path: Path | None
    documents: tuple[Document, ...]
    precision: Precision | None = None

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all points, their labels and their order; what a stored result must agree with."""
        return digest([[point.label, dict(point.values), point.scenario.hash] for point in self.points])


def load(path: str | Path, overrides: Overrides = (), catalog: Catalog | None = None) -> Study:
    """Read and check a scenario file.

    Parameters
    ----------
    path : a file, or the name of one of the project's own scenarios (`heart_infarct_demo`).
    overrides : values instead of the file's, as `{"donor.match": "0/8"}` or as texts `donor.match=0/8`.
    catalog : what names may mean, by default the installed catalogue.

    Raises
    ------
    InputError
        With every fault of the file and of those it extends, each at its place.

    Example
    -------
    >>> study = load("heart_infarct_demo", {"replicates": 4})       # doctest: +SKIP
    >>> [point.label for point in study.points]                     # doctest: +SKIP
    """
    found = find_scenario(path)
    return study_of(read_toml(found), found.parent, found, overrides, catalog)


def loads(
    text: str,
    name: str = "<text>",
    *,
    overrides: Overrides = (),
    folder: Path | None = None,
    catalog: Catalog | None = None,
) -> Study:
    """Read and check the text of a scenario; `name` is shown in messages, `folder` is where `extends` begins.

    Raises InputError as `load` does.

    Example
    -------
    >>> loads('name = "control"').points[0].scenario.site.name
    'heart_infarct'
    """
    return study_of(parse_toml(text, name), folder or scenarios_folder(), None, overrides, catalog)


def check_files(paths: Iterable[str | Path], catalog: Catalog | None = None) -> list[Problem]:
    """Return every problem of several scenario files, in their order; an empty list means that all are sound."""
    problems: list[Problem] = []
    for path in paths:
        try:
            load(path, catalog=catalog)
        except InputError as error:
            problems.extend(error.problems)
    return list(dict.fromkeys(problems))


def find_scenario(path: str | Path) -> Path:
    """Return the file meant: the path itself, or a scenario of the project by its name when there is no such path."""
    plain = Path(path)
    own = scenarios_folder() / f"{plain.name}.toml"
    is_name = len(plain.parts) == 1 and not plain.suffix
    return own if is_name and not plain.exists() and own.is_file() else plain


def study_of(
    document: Document, folder: Path, path: Path | None = None, overrides: Overrides = (), catalog: Catalog | None = None
) -> Study:
    """Check a document that was already read, or raise InputError; `folder` is where `extends` begins."""
    family = Family(folder)
    family.add(document, folder, path.resolve() if path else None)
    layers = Layered.of(family.documents)
    problems = [*family.problems, *apply_overrides(layers, overrides)]
    points, found = expand(layers, catalog if catalog is not None else load_catalog())
    if family.problems:  # a value may be missing because the file that states it could not be read
        found = [problem for problem in found if problem.found != "nothing"]
    placed = {(problem.file, problem.line, problem.column) for problem in problems}
    problems += [problem for problem in found if (problem.file, problem.line, problem.column) not in placed]
    if problems:
        raise InputError(problems)
    first = points[0].scenario
    return Study(
        name=first.name,
        title=first.title,
        description=first.description,
        seed=first.seed,
        replicates=first.replicates,
        patients=first.patients,
        points=points,
        path=path,
        documents=tuple(family.documents),
        precision=first.precision,
    )
