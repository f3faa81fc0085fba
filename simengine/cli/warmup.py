"""`simengine warmup`."""

from __future__ import annotations

import time

import click


@click.command("warmup")
def command() -> None:
    """Compile the engine now, so that the first run starts at once.

    \b
    Example:
      simengine warmup
    """
    from simengine.api import warm_up
    from simengine.cli.progress import COMPILING
    from simengine.foundation.jit import cache_folder

    began = time.monotonic()
    warm_up(lambda: click.echo(COMPILING, err=True))
    click.echo(f"the engine is ready ({time.monotonic() - began:.1f} s), compiled code in {cache_folder()}")
