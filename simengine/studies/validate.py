"""The Python door of scoring: read target files, simulate what they ask for, return their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from simengine.scenario import scenarios_folder
from simengine.studies.execute import Progress
from simengine.studies.run_cache import RunCache
from simengine.studies.runs import Runner, engine_runner
from simengine.studies.scoring import Score, Scoreboard, score
from simengine.studies.target_files import chosen, load_targets
from simengine.studies.warm import warm_up

__all__ = ["FOLDER", "packaged_targets", "validate"]

FOLDER = Path("results") / "validation"
RUNS = "runs"


def packaged_targets() -> list[Path]:
    """Return the project's own target files."""
    return sorted((scenarios_folder() / "calibration").glob("*.toml"))


def validate(
    files: Iterable[str | Path] = (),
    *,
    only: Sequence[str] = (),
    budget: int | None = None,
    without: bool = False,
    jobs: int | None = None,
    out: str | Path = FOLDER,
    each: Callable[[Score], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Scoreboard:
    """Score published observations against the model.

    Runs are kept in ``out``: the same call again simulates nothing, and one that asks for more only the difference.

    Parameters
    ----------
    files
        Target files; the packaged ones when none is given.
    only
        Ids of the targets wanted; all when none is given.
    budget
        Most patients of an arm; by default 10,000 without a patch and 1,000 with one.
    without
        Whether to simulate targets also without the mechanism that they name.
    jobs
        Threads; by default every core this process may use.
    out
        Folder of the runs.
    each, progress
        Told of every score, and of every run.

    Raises
    ------
    InputError
        With every fault of every file, each at its place.
    ResultsError, OSError
        If the folder is damaged, held by another process, or cannot be written.

    Example
    -------
    >>> board = validate(["scenarios/calibration/biodistribution.toml"], only=["CAL-01"])      # doctest: +SKIP
    >>> board.scores[0].verdict                                                               # doctest: +SKIP
    'pass'
    """
    entries = chosen(load_targets(list(files) or packaged_targets()), only)
    cache = RunCache(Path(out) / RUNS, _runner(), jobs, progress, lambda: _warm_up(progress))
    return score(entries, cache, budget=budget, without=without, each=each)


def _runner() -> Runner:
    return engine_runner


def _warm_up(progress: Callable[[Progress], None]) -> None:
    """Load the compiled models; when something must be compiled, say so."""
    warm_up(lambda: progress(Progress(0, 0, 0, "compiling")))
