"""`simengine verify`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("verify")
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(results: Path, as_json: bool) -> int:
    """Check every file of RESULTS against its digest, and name all that are damaged, with what to do.

    Exit code 0 when all is whole, 1 when something is damaged.

    \b
    Example:
      simengine verify results/heart_infarct_demo
    """
    from simengine.studies.integrity import inspect

    damages = inspect(results)
    if as_json:
        click.echo(json.dumps([{"path": str(d.path), "what": d.what, "advice": d.advice} for d in damages], indent=1))
    else:
        for damage in damages:
            click.echo(damage)
        click.echo(f"{results}: {'damaged' if damages else 'whole'}")
    return 1 if damages else 0
