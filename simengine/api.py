"""The Python door: load a study, run it, open what was saved. The command line does the same under the same names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.studies import manifest as manifests
from simengine.studies.design import Design, design
from simengine.studies.execute import Progress, Runner, engine_runner, execute
from simengine.studies.files import ResultsError

if TYPE_CHECKING:
    from pandas import DataFrame

    from simengine.scenario import Study

__all__ = ["PointInfo", "Results", "load", "open_results", "run", "sweep"]

RESULTS = Path("results")

_log = logging.getLogger("simengine")


def load(path: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> Study:
    """Read and check a scenario file.

    Parameters
    ----------
    path
        A TOML file, or the name of a packaged scenario.
    overrides
        Changes, ``{"donor.match": "0/8"}`` or ``["donor.match=0/8"]``, checked like the file.

    Raises
    ------
    InputError
        With every fault of the file and its place.

    Example
    -------
    >>> study = load("scenarios/heart_infarct_demo.toml")       # doctest: +SKIP
    >>> [point.label for point in study.points]                 # doctest: +SKIP
    """
    from simengine.scenario import load as load_scenario

    return load_scenario(path, overrides)


def run(
    scenario: str | Path | Study,
    arm: str | Sequence[str] = (),
    *,
    replicates: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    restart: bool = False,
    **execution: Any,
) -> Results:
    """Run a scenario, or chosen arms of it, and save the results.

    Results that are in the folder already are continued, never computed twice; an arm run alone gives the rows it has
    in the whole study.

    Parameters
    ----------
    scenario
        A file, the name of a packaged scenario, or a loaded study.
    arm
        Label of one arm, or several; all when not given.
    replicates, seed
        Instead of the numbers of the file.
    jobs
        Threads; by default every core this process may use.
    out
        Folder for the results; ``results/<name of the study>`` by default.
    restart
        Rename what is in the folder and begin again.
    execution
        Further arguments of `simengine.studies.execute.execute`: ``progress``, ``batch``, ``order``, ``runner``.

    Raises
    ------
    InputError, RequestError
        If the scenario or what is asked of it is wrong, or the folder holds another experiment.
    ResultsError, OSError
        If the folder is damaged, held by another process, or cannot be written.

    Example
    -------
    >>> results = run("scenarios/heart_infarct_demo.toml", replicates=4)       # doctest: +SKIP
    >>> results.contrasts(["lvef_change_points"])                             # doctest: +SKIP
    """
    study = load(scenario) if isinstance(scenario, str | Path) else scenario
    arms = [arm] if isinstance(arm, str) else list(arm)
    chosen = design(study, arms=arms, replicates=replicates, seed=seed)
    folder = Path(out) if out is not None else default_folder(study.name, arms)
    _run(chosen, folder, restart, jobs, **execution)
    return Results(folder)


def sweep(study: str | Path | Study, **options: Any) -> Results:
    """Run every arm of a study and save the results; takes the options of `run`."""
    return run(study, **options)


def open_results(path: str | Path) -> Results:
    """Open saved results, verifying every file.

    Raises
    ------
    ResultsError
        If the folder holds none, or if any file in it is damaged or missing.
    """
    return Results(path)


def default_folder(name: str, arms: Sequence[str] = ()) -> Path:
    """Return where results go when nobody says: ``results/<study>``, with the arms when only some are run."""
    return RESULTS / "-".join([name, *("".join(c if c.isalnum() else "_" for c in arm) for arm in arms)])


def _run(
    chosen: Design,
    folder: Path,
    restart: bool,
    jobs: int | None,
    runner: Runner = engine_runner,
    progress: Callable[[Progress], None] = lambda _: None,
    **execution: Any,
) -> None:
    from simengine.studies.store import set_aside, writing

    if restart and (aside := set_aside(folder)):
        _log.info("the results that were in %s are now in %s", folder, aside)
    with writing(folder, chosen, _descriptions(runner)) as store:
        if len(store.done) == len(chosen):
            return
        if runner is engine_runner:
            warm_up(partial(progress, Progress(len(store.done), len(chosen), 0, "compiling")))
        execute(store, runner, jobs=jobs, progress=progress, **execution)


def warm_up(announce: Callable[[], object]) -> None:
    """Load the compiled engine; when nothing is compiled yet, announce it and compile."""
    from simengine.engine import is_compiled, warmup

    if not is_compiled():
        announce()
    warmup()


def _descriptions(runner: Runner) -> dict[str, Any]:
    if runner is not engine_runner:
        return {}
    from simengine.outcomes import descriptions

    return {name: column._asdict() for name, column in descriptions().items()}


@dataclass(frozen=True)
class PointInfo:
    """An arm of saved results: its number, its label, and the value of each swept path."""

    index: int
    label: str
    values: dict[str, Any]


class Results:
    """Saved results: a table with one row a run, courses, snapshots, and where it all came from.

    Example
    -------
    >>> results = open_results("results/heart_infarct_demo")     # doctest: +SKIP
    >>> results.to_pandas().groupby("arm").mean(numeric_only=True)      # doctest: +SKIP
    >>> results.plot.survival().save("figures", "survival")      # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        from simengine.studies import parts

        self.path = Path(path)
        self.manifest = manifests.read(self.path)
        self._parts = parts.verify(self.path, self.manifest)
        self._courses: dict[str, Any] = {}
        self.plot = Plots(self)

    @property
    def points(self) -> list[PointInfo]:
        """The arms, in their order."""
        return [PointInfo(point["index"], point["label"], point["values"]) for point in self.manifest["points"]]

    @property
    def swept(self) -> list[str]:
        """The paths that differ between arms."""
        return list(self.manifest["swept"])

    @cached_property
    def table(self) -> DataFrame:
        """One row a run in canonical order: keys, swept paths, outcomes; treat it as read-only."""
        from pandas import DataFrame

        from simengine.studies import parts

        found = parts.columns(self._parts)
        scalars = [name for name in found if name != "events" and not name.startswith((parts.COURSE, parts.SNAPSHOT))]
        first = [*parts.KEYS, *self.swept, *self.manifest["outcomes"]]
        names = [name for name in first if name in scalars] + sorted(set(scalars) - set(first))
        table = parts.read(self._parts, names).select(names).to_pandas() if found else DataFrame(columns=parts.KEYS)
        table.attrs["swept"] = self.swept
        return table

    def to_pandas(self) -> DataFrame:
        """Return a copy of the table that may be changed."""
        return self.table.copy()

    def summary(self, outcomes: Sequence[str] | None = None) -> DataFrame:
        """Describe each outcome in each arm; see `simengine.studies.statistics.summary`."""
        from simengine.studies.statistics import summary

        described = self.manifest.get("outcomes") or {}
        events = [name for name, entry in described.items() if entry.get("unit") == "0/1"] if described else None
        return summary(self.table, outcomes, events=events)

    def contrasts(self, outcomes: Sequence[str] | None = None) -> DataFrame:
        """Compare each arm with the first, in pairs; see `simengine.studies.statistics.contrasts`."""
        from simengine.studies.statistics import contrasts

        return contrasts(self.table, outcomes)

    def course_names(self) -> list[str]:
        """The courses that can be read with `course`, `time_h` aside."""
        from simengine.studies import parts

        names = [name.removeprefix(parts.COURSE) for name in parts.columns(self._parts) if name.startswith(parts.COURSE)]
        return sorted(name for name in names if name != "time_h")

    def course(self, point: int | str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a course in every good run of an arm.

        Parameters
        ----------
        point
            Number or label of the arm.
        name
            One of `course_names`.

        Returns
        -------
        tuple
            Time in hours, float64[S], and values, float64[R, S], runs in canonical order; NaN where an arm does not
            have the course.

        Raises
        ------
        KeyError
            If there is no such arm or course.
        """
        found = [known.index for known in self.points if point in (known.index, known.label)]
        if not found or name not in self.course_names():
            raise KeyError(f"no course {name!r} of arm {point!r} in {self.path}")
        time_h, values = (self._course(wanted) for wanted in ("time_h", name))
        rows = np.flatnonzero((self.table["point"] == found[0]) & (self.table["status"] == "ok"))
        if not rows.size:
            return np.empty(0), np.empty((0, 0))
        axis = time_h[rows[0]]
        if any(not np.array_equal(time_h[row], axis) for row in rows):
            raise ResultsError(f"the runs of arm {point!r} in {self.path} have different time axes")
        absent = np.full(axis.shape, np.nan)
        return axis, np.array([absent if values[row] is None else values[row] for row in rows])

    def _course(self, name: str) -> Any:
        """One array for each row of the table, or None where the run lacks the course."""
        from simengine.studies import parts

        if name not in self._courses:
            column = parts.read(self._parts, [*parts.KEYS, parts.COURSE + name])[parts.COURSE + name]
            self._courses[name] = column.to_numpy()
        return self._courses[name]

    def snapshots(self) -> list[Path]:
        """Return the saved snapshots, in canonical order of their runs."""
        from simengine.studies import parts

        return list(parts.snapshot_digests(self.path, self._parts))

    @property
    def hash(self) -> str:
        """SHA-256 of the whole table, the same however and wherever it was computed."""
        from simengine.studies import parts

        return parts.table_hash(self._parts)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.table["status"].value_counts().items())
        return f"<Results {self.manifest['name']}: {len(self.table)} of {self.manifest['runs']} runs ({counts})>"

    def _repr_html_(self) -> str:
        head = f"<b>{escape(self.manifest['title'] or self.manifest['name'])}</b><br>{escape(repr(self))}"
        shown = self.summary().drop(columns=["n", "sd", "mcse"]).to_html(index=False, float_format="{:.3g}".format)
        return f"{head}{shown}<i>{escape(self.manifest['disclaimer'])}</i>"


class Plots:
    """The figures of some results by name: `results.plot.survival()`; `dir(results.plot)` lists them."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def __dir__(self) -> list[str]:
        import simengine.report.figures as figures

        return [module.name for module in iter_modules(figures.__path__)]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in dir(self):
            raise AttributeError(f"no figure {name!r}; there are: {', '.join(dir(self))}")
        return partial(import_module(f"simengine.report.figures.{name}").draw, self._results)
