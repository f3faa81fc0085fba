"""The suite's door: ``python -m benchmarks run``, ``list``, ``table``, ``compare``, ``convergence``."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import click
from rich.console import Console

from benchmarks import cases
from benchmarks.compare import changes
from benchmarks.environments import PEER_VERSIONS
from benchmarks.figures import Figure, Missing, Record, load_record, save_record
from benchmarks.machine import commit_name, new_record
from benchmarks.setting import Setting
from benchmarks.tables import change_table, markdown, record_table
from benchmarks.timing import calibrate
from simengine.foundation.errors import InputError

RESULTS = Path(__file__).parent / "results"
CACHE = Path(os.environ.get("SIMENGINE_BENCHMARKS", Path.home() / ".cache" / "simengine-benchmarks"))
NAMES = sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
FAULTS = (RuntimeError, subprocess.CalledProcessError, InputError, MemoryError)
"""What ends a case and not the run: a peer or a program that fails, a scene that is refused, too little memory."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure how fast simengine is, beside the machine's limits and other simulators."""


@main.command("list")
def list_cases() -> None:
    """Print the cases and what each measures."""
    for name in NAMES:
        click.echo(f"{name:12} {(_case(name).__doc__ or '').splitlines()[0]}")


@main.command()
@click.option("--only", "chosen", multiple=True, type=click.Choice(NAMES), help="A case; may be given several times.")
@click.option("--quick", is_flag=True, help="Little work and few repeats: to see that all runs, not to quote.")
@click.option("--repeats", type=click.IntRange(1), help="Repeats of each figure. [default: 7, quick 2]")
@click.option("--peers/--no-peers", default=True, help="Whether other simulators are installed and measured.")
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, show_default=True, help="Environments of peers.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where the record goes. [default: results/COMMIT.json]")
def run(chosen: tuple[str, ...], quick: bool, repeats: int | None, peers: bool, cache: Path, file: Path | None) -> None:
    """Measure all cases, or the chosen ones; print a table and write a record.

    A record of the same commit that is there already is added to: its other cases stay.
    """
    record = new_record(quick)
    path = file or RESULTS / f"{record.commit}.json"
    record = _continued(record, path)
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder), cache, quick, repeats or (2 if quick else 7), peers)
        for name in chosen or NAMES:
            click.echo(f"{name} ...", err=True)
            measure_case(name, setting, record)
            save_record(record, path)
    _console().print(record_table(record))
    for item in record.missing:
        click.echo(f"not measured: {item.name}: {item.why}")
    click.echo(f"written to {path}", err=True)


@main.command()
@click.argument("file", type=FILE)
@click.option("--goals", is_flag=True, help="Only what has a goal.")
def table(file: Path, goals: bool) -> None:
    """Print a record as the tables of the documentation."""
    click.echo(markdown(_load(file), only_goals=goals), nl=False)


@main.command()
@click.argument("before", type=FILE)
@click.argument("after", type=FILE, required=False)
def compare(before: Path, after: Path | None) -> None:
    """Say what changed since a record by more than the noise, as ratios; AFTER is by default that of this commit.

    Exit code 1 if anything got worse.
    """
    after = after or RESULTS / f"{commit_name()}.json"
    if not after.exists():
        raise click.UsageError(f"there is no record of this commit ({after}): measure it with `python -m benchmarks run`")
    first, second = _load(before), _load(after)
    found = changes(first, second)
    _console().print(change_table(found, first, second))
    verdicts = [change.verdict for change in found]
    click.echo(f"{len(found)} figures in both: {verdicts.count('worse')} worse, {verdicts.count('better')} better")
    raise SystemExit(1 if "worse" in verdicts else 0)


@main.command()
@click.option("--pairs", type=click.IntRange(2), default=200, show_default=True, help="Patients with and without each change.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where table and figure go. [default: docs]")
def convergence(pairs: int, folder: Path | None) -> None:
    """Check that finer clocks and grids leave the outcomes where they are; 200 pairs take half an hour on one core."""
    from benchmarks.convergence import check

    check(pairs, folder)


def measure_case(name: str, setting: Setting, record: Record) -> None:
    """Add the figures of a case to a record, with the calibration loop before and after."""
    record.forget(name)
    loops = record.calibration_s.setdefault(name, [calibrate()])
    setting = replace(setting, folder=setting.folder / name)  # two cases may call what they make alike
    setting.folder.mkdir()
    try:
        for item in _case(name).measure(setting):
            found = replace(item, case=name)
            (record.figures if isinstance(found, Figure) else record.missing).append(found)
            loops.append(calibrate())
        record.versions |= PEER_VERSIONS
    except FAULTS as fault:
        record.missing.append(Missing(f"the rest of {name}", f"{type(fault).__name__}: {fault}", name))


def _continued(record: Record, path: Path) -> Record:
    """Return what a file holds of the same commit, machine and thoroughness, to be added to; else the fresh record."""
    if not path.exists():
        return record
    earlier = _load(path)
    same = (earlier.commit, earlier.is_quick) == (record.commit, record.is_quick)
    alike = earlier.machine["processor"] == record.machine["processor"]
    return replace(earlier, when=record.when, machine=record.machine) if same and alike else record


def _case(name: str) -> ModuleType:
    return importlib.import_module(f"{cases.__name__}.{name}")


def _load(path: Path) -> Record:
    try:
        return load_record(path)
    except (ValueError, TypeError, KeyError) as fault:
        raise click.UsageError(f"{path} is not a record: {fault}") from None


def _console() -> Console:
    return Console(width=None if os.isatty(1) else 200)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
