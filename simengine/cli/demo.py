"""`simengine demo`."""

from __future__ import annotations

import click

from simengine.cli.options import RunOptions, run_options
from simengine.cli.study import exit_code, perform, show

NAME = "heart_infarct_demo"


@click.command("demo")
@run_options
def command(options: RunOptions) -> int:
    """Run the packaged heart study, draw its figures and print its summary.

    Six arms after a heart attack: no cells, mesenchymal cells of the patient's own, of a matched and of an unmatched
    donor, and heart-muscle cells from a stem-cell line without and with tacrolimus. Continues what was begun.

    \b
    Example:
      simengine demo
      simengine demo --replicates 4 --out results/quick_look
    """
    results = perform(NAME, (), options)
    if results is None:
        return 0
    from simengine.report.gallery import PAGE_NAME, draw_all

    figures = results.path / "figures"
    if not options.quiet:
        click.echo("drawing the figures", err=True)
    draw_all(results, figures)
    show(results, options)
    if not options.as_json:
        click.echo(f"report:  {figures / PAGE_NAME}\nfigures: {figures}")
        click.echo(f"table:   simengine.open_results({str(results.path)!r}).to_pandas()")
    return exit_code(results)
