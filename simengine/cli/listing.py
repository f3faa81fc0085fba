"""`simengine list`."""

from __future__ import annotations

import json

import click

from simengine.cli.scenarios import packaged

SCENARIOS = "scenarios"


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List what the catalogue holds of a KIND (products, drugs, sites, ...), or the packaged scenarios.

    \b
    Example:
      simengine list
      simengine list products
      simengine list scenarios
    """
    from simengine.cli.tables import print_table

    columns, rows = _kinds() if kind is None else _entries(kind)
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row)) for row in rows], indent=1, ensure_ascii=False))
    else:
        print_table(columns, rows)


def _kinds() -> tuple[list[str], list[list[str]]]:
    from simengine.catalog import KINDS, names

    studies = [path.stem for path in packaged()]
    rows = [[kind, str(len(names(kind))), ", ".join(names(kind))] for kind in KINDS]
    return ["kind", "entries", "names"], [*rows, [SCENARIOS, str(len(studies)), ", ".join(studies)]]


def _entries(kind: str) -> tuple[list[str], list[list[str]]]:
    from simengine.catalog import UnknownName, entry, names

    if kind == SCENARIOS:
        from simengine.api import load

        studies = {path.stem: load(path.stem) for path in packaged()}
        return ["name", "title"], [[name, study.title] for name, study in studies.items()]
    try:
        entries = [entry(kind, name) for name in names(kind)]
    except UnknownName as error:
        raise click.BadParameter(str(error), param_hint="KIND") from None
    return ["name", "title", "what it is"], [[found.name, found.title, found.summary] for found in entries]
