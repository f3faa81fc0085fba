"""`simengine design`."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import click

from simengine.cli.options import overrides_option, scenario_argument

MOST_COLUMNS = 6
"""Swept paths that a printed table shows."""


@click.command("design")
@scenario_argument
@overrides_option
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV, with every path in full.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with every path in full.")
def command(scenario: str, overrides: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """Print every point of SCENARIO (a file, or the name of a packaged scenario) with its values; nothing is run.

    \b
    Example:
      simengine design heart_infarct_sources
      simengine design scenarios/heart_infarct_demo.toml --csv > points.csv
    """
    from simengine.api import load
    from simengine.studies.design import design

    chosen = design(load(scenario, overrides))
    rows = chosen.table()
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if as_csv:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        click.echo(text.getvalue(), nl=False)
        return
    counts = f"{len(rows)} arms x {chosen.patients} patients x {chosen.replicates} replicates = {len(chosen)} runs"
    _print(rows, list(chosen.swept), f"{counts}; seed {chosen.seed}")


def _print(rows: list[dict[str, Any]], paths: list[str], caption: str) -> None:
    """Print the table under short names; what it does not show is said below it."""
    from simengine.cli.tables import print_table
    from simengine.scenario.labels import brief, short_names

    shown, short = paths[:MOST_COLUMNS], short_names(paths)
    cells = [
        [str(row["point"]), row["arm"], *("–" if row[path] is None else brief(row[path]) for path in shown)] for row in rows
    ]
    more = f"\n{len(paths) - MOST_COLUMNS} more paths vary: see --csv." if len(paths) > MOST_COLUMNS else ""
    print_table(["point", "arm", *(short[path] for path in shown)], cells, caption=caption + more)
