"""`simengine explain`."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
    click.echo(f"\n{study.name}: {point.label}")
    for row in rows:
        click.echo(_line(row))


def _line(row: Mapping[str, str | float]) -> str:
    """Return one greppable line: path = value unit [range], grade (who set it): source."""
    value = row["value"]
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    number = " ".join(part for part in (shown, str(row["unit"]), f"[{row['range']}]" if row["range"] else "") if part)
    evidence = f"{row['grade']}, {row['set by']}: {row['source']}" if row["grade"] else str(row["set by"])
    return f"{row['path']} = {number}\n      {evidence}" if row["grade"] else f"{row['path']} = {number}  ({evidence})"
