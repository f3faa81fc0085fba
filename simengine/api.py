"""The Python door: load a study, run it, open what was saved. The command line does the same under the same names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simengine.results import Results
from simengine.studies import shards
from simengine.studies.design import Design, RequestError, design
from simengine.studies.execute import Progress, execute
from simengine.studies.runs import Runner, engine_runner
from simengine.studies.warm import warm_up

if TYPE_CHECKING:
    from simengine.scenario import Study

__all__ = ["Results", "load", "merge", "open_results", "run", "sweep", "warm_up"]

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

    study = load_scenario(path, overrides)
    if study.precision is not None:
        from simengine.studies.precision import refuse_unknown_outcome

        refuse_unknown_outcome(study)
    return study


def run(
    scenario: str | Path | Study,
    arm: str | Sequence[str] = (),
    *,
    replicates: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    restart: bool = False,
    shard: str | None = None,
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
    shard
        ``"i/n"``: only the i-th of n shares of the runs, into a folder of its own within `out`; see `merge`.
    execution
        ``retry`` (do again the runs that failed, took too long or lost their worker; their new rows replace the old),
        ``progress``, ``runner``, and the fields of `simengine.studies.execute.Execution`: ``executor`` (threads, processes,
        Dask, anything with a ``submit``), ``batch``, ``order``, ``run_limit_s``.

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
    if shard is not None:
        chosen, folder = shards.share(chosen, shard), shards.folder_of(folder, shard)
    elif shards.found(folder):
        raise RequestError(f"{folder} holds shards: give --shard, join them (`simengine merge`), or choose another --out")
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


def merge(path: str | Path) -> Results:
    """Join the shards of a folder, verified and complete, into results like those of a run without shards.

    Raises
    ------
    RequestError
        If a shard is missing, not finished, or of another study; all of them are named.
    ResultsError
        If one is damaged, or being written.
    """
    shards.merge(Path(path))
    return Results(path)


def default_folder(name: str, arms: Sequence[str] = ()) -> Path:
    """Return where results go when nobody says: ``results/<study>``, with the arms when only some are run."""
    return RESULTS / "-".join([name, *("".join(c if c.isalnum() else "_" for c in arm) for arm in arms)])


def _run(
    chosen: Design,
    folder: Path,
    restart: bool,
    jobs: int | None,
    retry: bool = False,
    runner: Runner = engine_runner,
    progress: Callable[[Progress], None] = lambda _: None,
    **execution: Any,
) -> None:
    from simengine.studies.store import set_aside, writing

    if restart and (aside := set_aside(folder)):
        _log.info("the results that were in %s are now in %s", folder, aside)
    with writing(folder, chosen, _descriptions(runner), retry=retry) as store:
        if store.manifest["status"] == "complete" and not store.wanted():
            return
        if runner is engine_runner:
            warm_up(
                partial(progress, Progress(len(store.done), store.total, 0, "compiling")),
                [point.scenario for point in chosen.points],
            )
        execute(store, runner, jobs=jobs, progress=progress, **execution)


def _descriptions(runner: Runner) -> dict[str, Any]:
    if runner is not engine_runner:
        return {}
    from simengine.outcomes import descriptions

    return {name: column._asdict() for name, column in descriptions().items()}
