"""`simengine doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

LEAST_PYTHON = (3, 11)
LEAST_DISK_MB = 500
LEAST_MEMORY_MB = 1000

Check = tuple[bool, str]


@click.command("doctor")
def command() -> int:
    """Check this installation and machine: one line each, marked ok or with what to do.

    \b
    Example:
      simengine doctor
    """
    is_well = True
    for check in (_python, _libraries, _processor, _memory, _disk, _cache, _catalogue, _scenarios):
        for good, message in _safely(check):
            is_well &= good
            click.echo(f"{'ok     ' if good else 'PROBLEM'}  {message}")
    return 0 if is_well else 1


def _safely(check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Report a check that itself fails; the others go on."""
    try:
        yield from check()
    except Exception as error:
        yield False, f"{check.__name__.strip('_')}: {type(error).__name__}: {error}"


def _python() -> Iterator[Check]:
    from simengine.foundation.version import MODEL_VERSION, __version__

    good = sys.version_info >= LEAST_PYTHON
    yield good, f"Python {platform.python_version()} ({sys.executable})"
    yield True, f"simengine {__version__}, model {MODEL_VERSION} ({Path(__file__).resolve().parents[1]})"


def _libraries() -> Iterator[Check]:
    from importlib import import_module
    from importlib.metadata import version

    for name in ("numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib", "pydantic"):
        try:
            import_module(name)
        except ImportError as error:
            yield False, f"{name} cannot be imported: {error}; install the package again"
        else:
            yield True, f"{name} {version(name)}"


def _processor() -> Iterator[Check]:
    from simengine.studies.executors import available_jobs

    yield True, f"{available_jobs()} threads by default, of {os.cpu_count()} cores ({platform.machine()})"


def _memory() -> Iterator[Check]:
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    yield free >= LEAST_MEMORY_MB, f"{free} MB of free memory (a thread needs about 100 to 300)"


def _disk() -> Iterator[Check]:
    free = shutil.disk_usage(".").free // 2**20
    yield free >= LEAST_DISK_MB, f"{free} MB of free disk in {Path.cwd()}"
    yield os.access(".", os.W_OK), f"results can be written to {Path.cwd()}"


def _cache() -> Iterator[Check]:
    from simengine.engine import is_compiled
    from simengine.foundation.jit import cache_folder

    folder = cache_folder()
    if folder is None:
        yield False, "no folder for compiled code can be written; set NUMBA_CACHE_DIR, or every start compiles again"
        return
    state = "the engine is compiled" if is_compiled() else "nothing is compiled yet: simengine warmup"
    yield True, f"compiled code in {folder}; {state}"


def _catalogue() -> Iterator[Check]:
    from simengine.catalog import KINDS, names

    entries = sum(len(names(kind)) for kind in KINDS)
    yield entries > 0, f"catalogue: {entries} entries, all sound"


def _scenarios() -> Iterator[Check]:
    from simengine.scenario import check_files, scenarios_folder

    paths = sorted(scenarios_folder().glob("*.toml"))
    problems = check_files(paths)
    yield (
        bool(paths) and not problems,
        f"{len(paths)} packaged scenarios in {scenarios_folder()}, {len(problems)} faults",
    )
