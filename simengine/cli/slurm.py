"""`simengine slurm`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from simengine.cli.options import overrides_option, scenario_argument


@click.command("slurm")
@scenario_argument
@click.option("--shards", type=click.IntRange(1, 100_000), default=16, show_default=True, help="Shares of the study: jobs.")
@click.option("--time", "limit", default="04:00:00", show_default=True, help="Time limit of a job, as SLURM takes it.")
@click.option("--cpus", type=click.IntRange(min=1), default=4, show_default=True, help="Cores of a job.")
@click.option("--memory-mb", type=click.IntRange(min=1), default=4000, show_default=True, help="Memory of a job.")
@click.option("--partition", help="Partition; by default that of the cluster.")
@click.option("--account", help="Account that pays.")
@click.option("--executor", type=click.Choice(["threads", "processes"]), help="As for `simengine sweep`.")
@click.option("--replicates", type=click.IntRange(min=1), help="As for `simengine sweep`.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="As for `simengine sweep`.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results, seen by all nodes.")
@overrides_option
def command(
    scenario: str,
    out: Path | None,
    overrides: tuple[str, ...],
    executor: str | None,
    replicates: int | None,
    seed: int | None,
    **job: object,
) -> None:
    """Print the script of a SLURM job array that runs SCENARIO in shares; it is never submitted.

    A job that reaches its time limit saves what it has; the same script, submitted again, goes on. The last lines of the
    script say how to join the shards.

    \b
    Example:
      simengine slurm heart_infarct_sources --shards 50 --time 02:00:00 --out /scratch/sources > sources.sh
      sbatch sources.sh
    """
    from simengine import api
    from simengine.studies.design import design
    from simengine.studies.slurm import Job, script

    study = api.load(scenario, overrides)
    design(study, replicates=replicates, seed=seed)
    folder = (out or api.default_folder(study.name)).resolve()
    path = Path(scenario)
    words = [str(path.resolve()) if path.exists() else scenario]
    for name, value in (("--executor", executor), ("--replicates", replicates), ("--seed", seed)):
        words += [] if value is None else [name, str(value)]
    for override in overrides:
        words += ["--set", override]
    click.echo(script(study.name, shlex.join(words), folder, Job(**job)), nl=False)  # type: ignore[arg-type]
