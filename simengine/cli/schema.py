"""`simengine schema`."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check them.

    \b
    Example:
      simengine schema > scenario.schema.json
    """
    from simengine.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=1, ensure_ascii=False))
