"""`simengine plot`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click


@click.command("plot")
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; RESULTS/figures by default.")
@click.option("--paraview", is_flag=True, help="Also write the snapshots as .vti, .vtp and .pvd files.")
def command(results: Path, out: Path | None, paraview: bool) -> None:
    """Draw the figures of saved results, each with the CSV of what it shows.

    \b
    Example:
      simengine plot results/heart_infarct_demo
      simengine plot results/heart_infarct_demo --out figures --paraview
    """
    from simengine.api import open_results

    opened = open_results(results)
    from simengine.report.gallery import draw_all

    folder = out or results / "figures"
    for path in draw_all(opened, folder):
        click.echo(path)
    if paraview:
        from simengine.studies.snapshots import write_paraview

        for run, snapshots in groupby(opened.snapshots(), lambda path: path.name.rpartition("-")[0]):
            for path in write_paraview(list(snapshots), folder / "paraview" / run):
                click.echo(path)
