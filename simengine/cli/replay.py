"""`simengine replay`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("replay")
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--run", type=click.IntRange(min=0), metavar="N", help="Number of the row, from 0, as in the table.")
@click.option("--arm", metavar="NAME", help="Instead of --run: label of the arm.")
@click.option("--patient", type=click.IntRange(min=0), default=0, help="With --arm: number of the patient (0).")
@click.option("--replicate", type=click.IntRange(min=0), default=0, help="With --arm: number of the replicate (0).")
def command(results: Path, run: int | None, arm: str | None, patient: int, replicate: int) -> int:
    """Repeat one run of RESULTS from what the folder says of it, and compare it with its row to the bit.

    Every outcome, course, event and snapshot is compared. Exit code 0 when all are the same, 1 when something differs, 2
    when the model or an entry of the catalogue is another.

    \b
    Example:
      simengine replay results/heart_infarct_demo --run 17
      simengine replay results/heart_infarct_demo --arm "no cells" --patient 3
    """
    from simengine.cli.progress import COMPILING
    from simengine.studies.replay import numbered, replay

    if (run is None) == (arm is None):
        raise click.UsageError("state either --run or --arm")
    number = run if run is not None else numbered(results, str(arm), patient, replicate)
    found = replay(results, number, announce=lambda: click.echo(COMPILING, err=True))
    click.echo(found)
    return 0 if found.is_same else 1
