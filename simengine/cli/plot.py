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

    Of a scored cohort (a folder with calibration.csv and without saved runs) its calibration is drawn.

    \b
    Example:
      simengine plot results/heart_infarct_demo
      simengine plot results/heart_infarct_demo --out figures --paraview
    """
    from simengine.api import open_results
    from simengine.report.figures import calibration
    from simengine.report.results_view import NothingToDraw
    from simengine.studies.manifest import NAME

    if not (results / NAME).is_file() and (results / calibration.FILE).is_file():
        try:
            drawing = calibration.draw(results)
        except NothingToDraw as reason:
            raise click.ClickException(str(reason)) from reason
        for path in drawing.save(out or results / "figures", "calibration"):
            click.echo(path)
        return
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
