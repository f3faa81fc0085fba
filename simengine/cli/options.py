"""Options and arguments that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["RunOptions", "overrides_option", "run_options", "scenario_argument"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class RunOptions:
    """What `run`, `sweep` and `demo` have in common."""

    replicates: int | None
    seed: int | None
    jobs: int | None
    executor: str
    dask: str | None
    run_limit: float | None
    shard: str | None
    out: Path | None
    restart: bool
    retry: bool
    dry_run: bool
    quick: bool
    overrides: tuple[str, ...]
    quiet: bool
    as_json: bool

    @property
    def place(self) -> str:
        """Return what does the runs, as `simengine.studies.executors.open_executor` takes it."""
        return {None: self.executor, "local": "dask"}.get(self.dask, self.dask or "")

    @property
    def workers(self) -> str:
        """Return what the workers are."""
        return "threads" if self.dask is None and self.executor != "processes" else "processes"


scenario_argument = click.argument("scenario")

overrides_option = click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a field, e.g. donor.match=0/8; repeatable."
)

_OPTIONS = (
    click.option("--replicates", type=click.IntRange(min=1), help="Replicates of each patient in each arm."),
    click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the whole study."),
    click.option("--jobs", type=click.IntRange(min=1), help="Workers; by default every core this process may use."),
    click.option(
        "--executor",
        type=click.Choice(["threads", "processes", "serial"]),
        default="threads",
        help="Who does the runs; a run that crashes takes only its own process along.",
    ),
    click.option("--dask", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler, or `local` for one made here."),
    click.option(
        "--run-limit",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Set a run apart that takes longer (tried three times).",
    ),
    click.option("--shard", metavar="I/N", help="Only the I-th of N shares of the runs; `simengine merge` joins them."),
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results."),
    click.option("--resume/--restart", default=True, help="Continue what is there (default), or keep it aside."),
    click.option("--retry", is_flag=True, help="Do again the runs that failed, took too long or lost their worker."),
    click.option("--dry-run", is_flag=True, help="Say how many runs, how long, how much disk and memory; do a few."),
    click.option("--quick", is_flag=True, help="With --dry-run: no probe."),
    overrides_option,
    click.option("--quiet", is_flag=True, help="No progress and no messages but errors."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)


def run_options(command: F) -> Callable[..., Any]:
    """Give a command the common options; it receives them as one `RunOptions` named `options`."""

    def gathered(resume: bool, **given: Any) -> Any:
        own = {name: given.pop(name) for name in tuple(given) if name not in RunOptions.__dataclass_fields__}
        options = RunOptions(restart=not resume, **given)
        if options.quiet:
            logging.getLogger("simengine").setLevel(logging.ERROR)
        return command(options=options, **own)

    gathered.__doc__, gathered.__name__ = command.__doc__, command.__name__
    decorated: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
