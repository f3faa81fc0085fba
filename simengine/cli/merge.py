"""`simengine merge`."""

from __future__ import annotations

from pathlib import Path

import click

from simengine.cli.study import exit_code


@click.command("merge")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(folder: Path) -> int:
    """Join the shards in FOLDER into results like those of a study run in one piece.

    All shards must be there, finished, whole, and of one study; otherwise nothing is changed, and what is wrong is listed.

    \b
    Example:
      simengine merge results/sources
    """
    from simengine import api

    results = api.merge(folder)
    click.echo(f"{results.path}: {len(results.table)} runs in {len(results.manifest['parts'])} parts, hash {results.hash}")
    return exit_code(results)
