"""What `run`, `sweep` and `demo` do alike: say what a study costs, or run it with progress and print its summary."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from simengine.cli.dry_run import dry_run
from simengine.cli.options import RunOptions
from simengine.cli.progress import Reporter

if TYPE_CHECKING:
    from simengine.api import Results

__all__ = ["exit_code", "perform", "show"]


def perform(scenario: str, arms: Sequence[str], options: RunOptions) -> Results | None:
    """Run a study with progress, or only say what it would cost; return its results, or none after a dry run."""
    from simengine import api

    study = api.load(scenario, options.overrides)
    folder = options.out or api.default_folder(study.name, arms)
    if options.dry_run:
        dry_run(study, arms, folder, options)
        return None
    with Reporter(options.quiet) as report:
        return api.run(
            study,
            arms,
            replicates=options.replicates,
            seed=options.seed,
            jobs=options.jobs,
            out=folder,
            restart=options.restart,
            retry=options.retry,
            shard=options.shard,
            executor=options.place,
            run_limit_s=options.run_limit,
            progress=report,
        )


def show(results: Results, options: RunOptions) -> None:
    """Print the summary on stdout and where the results are on stderr."""
    from simengine.cli.tables import print_summary

    if options.as_json:
        summary = results.summary()
        document = {
            "path": str(results.path),
            "name": results.manifest["name"],
            "runs": results.manifest["runs"],
            "counts": results.manifest["counts"],
            "hash": results.hash,
            "disclaimer": results.manifest["disclaimer"],
            "summary": [
                {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
                for row in summary.to_dict("records")
            ],
        }
        click.echo(json.dumps(document, indent=1))
        return
    print_summary(results)
    if not options.quiet:
        click.echo(f"results: {results.path}", err=True)
        if options.shard:
            whole = results.path.parents[1]
            click.echo(f"this is shard {options.shard}; when all are done: simengine merge {whole}", err=True)


def exit_code(results: Results) -> int:
    """Return 1 when a run failed, and say which first."""
    bad = results.table[results.table["status"] != "ok"]
    if bad.empty:
        return 0
    first = bad.iloc[0]
    where = f"arm {first['arm']!r}, patient {first['patient']}, replicate {first['replicate']}"
    click.echo(f"{len(bad)} runs failed; the first: {where}: {first['status']}: {first['reason']}", err=True)
    return 1
