"""`simengine check`."""

from __future__ import annotations

import click


@click.command("check")
@click.argument("files", nargs=-1, required=True)
def command(files: tuple[str, ...]) -> int:
    """Check scenario FILES and report every fault as file:line:column, without running anything.

    \b
    Example:
      simengine check scenarios/*.toml
    """
    from simengine.api import load
    from simengine.foundation.errors import InputError

    faults = 0
    for file in files:
        try:
            study = load(file)
        except InputError as error:
            faults += len(error.problems)
            click.echo(str(error), err=True)
            continue
        n_points, runs = len(study.points), len(study.points) * study.patients * study.replicates
        click.echo(f"{file}: sound; {n_points} arms x {study.patients} patients x {study.replicates} replicates = {runs} runs")
    if faults:
        click.echo(f"faults: {faults}, files: {len(files)}", err=True)
    return 2 if faults else 0
