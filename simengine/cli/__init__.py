"""The command line: one file a command, each loaded when it is called.

Results go to stdout, messages to stderr. Exit codes: 0 done, 1 some runs failed or a core target was missed, 2 wrong
input, 74 a file or folder could not be used, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from simengine.foundation.version import MODEL_VERSION, __version__

__all__ = ["main", "simengine"]

COMMANDS = {
    "demo": "Run the packaged heart study and draw its figures: the place to start.",
    "run": "Run a scenario, or one arm of it, and save the results.",
    "sweep": "Run every arm of a study and save the results.",
    "merge": "Join the shards of a study that was run in shares.",
    "slurm": "Write the script of a SLURM job array that runs a study in shares.",
    "validate": "Score published observations against the model.",
    "verify": "Check every file of saved results and name all that are damaged.",
    "replay": "Repeat one run of saved results and compare it to the bit.",
    "plot": "Draw the figures of saved results.",
    "check": "Check scenario files and report every fault with its place.",
    "cohort": "Predict a table of patients, or score predictions against what happened to them.",
    "match": "Compare donors with a patient as a transplant laboratory would.",
    "design": "Print the points of a study as a table, before anything is run.",
    "explain": "Print every resolved parameter with its unit, source and grade.",
    "list": "List what the catalogue holds, or the packaged scenarios.",
    "scenarios": "List the packaged studies, or copy one to change it.",
    "schema": "Print the JSON Schema of scenario files.",
    "doctor": "Check this installation and machine.",
    "warmup": "Compile the engine now, so that the first run starts at once.",
}


MODULES = {"list": "listing"}
"""Commands whose file cannot have their name: a submodule `list` would hide the built-in one here."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"simengine.cli.{MODULES.get(cmd_name, cmd_name)}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__}, model {MODEL_VERSION}", prog_name="simengine")
def simengine() -> None:
    """Agent-based simulation of cell therapy, patient by patient.

    \b
    Example:
      simengine demo
      simengine run heart_infarct_demo --replicates 4

    Research software. Not medical advice.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit; a fault of the user or of the machine is one message, never a traceback."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("simengine").setLevel(logging.INFO)
    code = _call(arguments)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if any(thread.daemon and thread.name.startswith("simengine-run") for thread in threading.enumerate()):
        os._exit(code)  # a run that was not waited for must not delay, or disturb, the end of the process
    sys.exit(code)


def _call(arguments: Sequence[str] | None) -> int:
    try:
        code = simengine.main(arguments, prog_name="simengine", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.Abort as abort:
        return _complain(abort.__cause__ or abort)
    except Exception as error:
        return _complain(error)


def _complain(error: BaseException) -> int:
    """Say what went wrong on stderr and return the exit code; what is nobody's fault but ours is raised again."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return 0
    if isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno, "?")
        click.echo(f"simengine: {error.filename or 'output'}: {error.strerror} [{code}]", err=True)
        return 74
    if isinstance(error, KeyboardInterrupt | click.Abort):
        message = str(error) or "stopped"
        click.echo(f"simengine: {message}", err=True)
        return int(getattr(error, "exit_code", 130))
    if hasattr(error, "exit_code"):
        click.echo(str(error), err=True)
        return int(error.exit_code)
    raise error
