"""`simengine run`."""

from __future__ import annotations

import click

from simengine.cli.options import RunOptions, run_options, scenario_argument
from simengine.cli.study import exit_code, perform, show


@click.command("run")
@scenario_argument
@click.option("--arm", "arms", multiple=True, metavar="NAME", help="Only this arm; repeatable.")
@run_options
def command(scenario: str, arms: tuple[str, ...], options: RunOptions) -> int:
    """Run SCENARIO (a file, or the name of a packaged scenario), or one arm of it, and save the results.

    What is in the folder already is continued. An arm run alone gives the rows it has in the whole study.

    \b
    Example:
      simengine run scenarios/heart_infarct_demo.toml --arm "no cells" --replicates 4
      simengine run heart_infarct_demo --set product.dose_cells=2e6 --out results/low_dose
    """
    results = perform(scenario, arms, options)
    if results is None:
        return 0
    show(results, options)
    return exit_code(results)
