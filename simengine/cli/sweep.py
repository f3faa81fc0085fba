"""`simengine sweep`."""

from __future__ import annotations

import click

from simengine.cli.options import RunOptions, run_options, scenario_argument
from simengine.cli.study import exit_code, perform, show


@click.command("sweep")
@scenario_argument
@run_options
def command(scenario: str, options: RunOptions) -> int:
    """Run every arm of SCENARIO (a file, or the name of a packaged scenario) and save the results.

    Stop it with Ctrl-C whenever you like: the same command continues where it was.

    \b
    Example:
      simengine sweep heart_infarct_sources --dry-run
      simengine sweep heart_infarct_sources --jobs 8 --out results/sources
    """
    results = perform(scenario, (), options)
    if results is None:
        return 0
    show(results, options)
    return exit_code(results)
