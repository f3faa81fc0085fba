"""What `run`, `sweep` and `demo` do alike: say what a study costs, or run it with progress and print its summary."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simengine.cli.options import RunOptions
from simengine.cli.progress import Reporter, duration

if TYPE_CHECKING:
    from simengine.api import Results
    from simengine.scenario import Study

__all__ = ["exit_code", "perform", "show"]


def perform(scenario: str, arms: Sequence[str], options: RunOptions) -> Results | None:
    """Run a study with progress, or only say what it would cost; return its results, or none after a dry run."""
    from simengine import api

    study = api.load(scenario, options.overrides)
    folder = options.out or api.default_folder(study.name, arms)
    if options.dry_run:
        _dry_run(study, arms, folder, options)
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


def _dry_run(study: Study, arms: Sequence[str], folder: Path, options: RunOptions) -> None:
    from simengine.api import warm_up
    from simengine.cli.progress import COMPILING
    from simengine.studies import shards
    from simengine.studies.design import design
    from simengine.studies.estimate import done_in, estimate
    from simengine.studies.executors import available_jobs
    from simengine.studies.runs import engine_runner

    chosen = design(study, arms=arms, replicates=options.replicates, seed=options.seed)
    if options.shard:
        chosen, folder = shards.share(chosen, options.shard), shards.folder_of(folder, options.shard)
    done = 0 if options.restart else done_in(folder, chosen, options.retry)
    jobs = available_jobs(options.jobs)
    if not options.quick:
        warm_up(lambda: click.echo(COMPILING, err=True), [point.scenario for point in chosen.points])
    cost = estimate(chosen, engine_runner, jobs, done, probe=not options.quick)
    n_points, n_patients = len(chosen.points), chosen.patients
    memory_mb = cost.memory_mb(options.place)
    if options.as_json:
        numbers: dict[str, float] = {
            "points": n_points,
            "patients": n_patients,
            "replicates": chosen.replicates,
            "runs": cost.runs,
            "done": done,
        }
        if not options.quick:
            numbers |= {"seconds": round(cost.seconds, 1), "disk_bytes": round(cost.disk_bytes), "memory_mb": round(memory_mb)}
        click.echo(json.dumps({**numbers, "jobs": jobs, "out": str(folder)}, indent=1))
        return
    share = f", of which shard {options.shard}: {cost.runs} runs" if options.shard else f" = {cost.runs} runs"
    click.echo(f"{study.name}: {n_points} arms x {n_patients} patients x {chosen.replicates} replicates{share}")
    if done:
        click.echo(f"{done} are done already and are not run again, {cost.left} are left")
    if not options.quick:
        click.echo(f"about {duration(cost.seconds)} on {jobs} {options.workers} ({cost.seconds_a_run:.2g} s a run)")
        click.echo(f"about {cost.disk_bytes / 1e6:.1f} MB in {folder}, up to {memory_mb:.0f} MB of memory")
