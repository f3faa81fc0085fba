"""`simengine explain`."""

from __future__ import annotations

import json

import click

from simengine.cli.options import overrides_option, scenario_argument


@click.command("explain")
@scenario_argument
@click.option("--arm", metavar="NAME", help="The arm to explain; the first by default.")
@overrides_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(scenario: str, arm: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print every resolved parameter of SCENARIO with its value, unit, source and grade of evidence.

    \b
    Example:
      simengine explain heart_infarct_demo
      simengine explain heart_infarct_demo --arm "no cells" --set patient.age_years=70
    """
    from simengine.api import load
    from simengine.cli.tables import print_table
    from simengine.report.explain import explain, overview
    from simengine.studies.design import design

    study = load(scenario, overrides)
    point = design(study, arms=[arm] if arm else []).points[0]
    rows = explain(point.scenario)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for line in overview(point.scenario):
        click.echo(line)
    columns = list(rows[0])
    print_table(columns, [[_text(row[name]) for name in columns] for row in rows], title=f"{study.name}: {point.label}")


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
