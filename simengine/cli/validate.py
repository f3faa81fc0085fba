"""`simengine validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simengine.studies.execute import Progress
    from simengine.studies.scoring import Score, Scoreboard

HEADINGS = ["target", "observed", "band", "simulated", "patients", "verdict"]


@click.command("validate")
@click.argument("files", nargs=-1)
@click.option("--only", multiple=True, metavar="ID", help="Score this target only; repeatable.")
@click.option("--budget", type=click.IntRange(min=1), help="Most patients of an arm (10,000; 1,000 with a patch).")
@click.option("--without", is_flag=True, help="Also simulate each target without the mechanism that it names.")
@click.option("--jobs", type=click.IntRange(min=1), help="Threads; by default every core this process may use.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of runs, scores and figure.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), metavar="PAGE", help="Also put the table in a page."
)
@click.option("--quiet", is_flag=True, help="No progress and no messages but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def command(
    files: tuple[str, ...],
    only: tuple[str, ...],
    budget: int | None,
    without: bool,
    jobs: int | None,
    out: Path | None,
    markdown: Path | None,
    **shown: bool,
) -> int:
    """Score the published observations in FILES (the packaged ones by default) against the model.

    Patients are added until the Monte Carlo error is a quarter of a band's half-width. A target passes or is missed when
    the simulated 95 % interval lies wholly inside or outside its band. Exit code 1 when a core target is missed.

    \b
    Example:
      simengine validate
      simengine validate scenarios/calibration/retention.toml --only CAL-05 --without
    """
    from simengine.report import scoreboard
    from simengine.studies.target_files import load_targets
    from simengine.studies.validate import FOLDER, packaged_targets, validate

    folder = out or FOLDER
    report = _Steps(quiet=shown["quiet"])
    board = validate(
        files, only=only, budget=budget, without=without, jobs=jobs, out=folder, each=report.score, progress=report.progress
    )
    written = scoreboard.save(board, folder)
    if markdown is not None:
        scoreboard.write_between_marks(markdown, board.among(load_targets(list(files) or packaged_targets())))
    if shown["as_json"]:
        click.echo(json.dumps(scoreboard.as_json(board), indent=1, ensure_ascii=False))
    else:
        _print(board)
    if not shown["quiet"]:
        click.echo(f"scores: {', '.join(map(str, written))}", err=True)
    return _exit_code(board)


class _Steps:
    """Progress of scoring on stderr: a line each half minute, and one a target."""

    def __init__(self, quiet: bool) -> None:
        from simengine.cli.progress import Reporter

        self._quiet, self._report = quiet, Reporter(quiet)

    def progress(self, progress: Progress) -> None:
        self._report(progress)

    def score(self, score: Score) -> None:
        from simengine.report.scoreboard import cells

        if not self._quiet:
            name, _, _, _, simulated, patients, verdict, _ = cells(score)
            click.echo(f"{name}: {verdict}; {simulated}; {patients} patients", err=True)


def _print(board: Scoreboard) -> None:
    from simengine.cli.tables import print_table
    from simengine.report.scoreboard import cells
    from simengine.studies.manifest import DISCLAIMER

    rows = []
    for score in board.scores:
        name, tier, quantity, band, simulated, patients, verdict, bare = cells(score)
        quantity = f"{quantity}\nfails without {bare}" if score.without is not None else quantity
        band = f"{band.removesuffix(score.entry.target.unit)}\n{score.entry.target.unit}"
        rows.append([f"{name}\n{tier}", quantity, band, simulated, patients, verdict.upper() if verdict == "miss" else verdict])
    counts = ", ".join(f"{n} {name}" for name, n in board.counts.items())
    caption = f"{counts}. Fitted, not validated: parameters were chosen with these targets in view.\n{DISCLAIMER}"
    print_table(HEADINGS, rows, title="Published observations and the model", caption=caption)


def _exit_code(board: Scoreboard) -> int:
    if board.missed_core:
        click.echo(f"core targets missed: {', '.join(board.missed_core)}", err=True)
    return 1 if board.missed_core else 0
