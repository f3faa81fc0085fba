"""`simengine cohort predict`, `simengine cohort score` and `simengine cohort template`."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pandas import DataFrame

    from simengine.cohorts import Prediction

F = TypeVar("F", bound=Callable[..., Any])
MOST_ROWS = 40
"""Patients shown on a screen; the file holds all."""

_OPTIONS = (
    click.argument("table", type=click.Path(path_type=Path)),
    click.option("--mapping", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What the columns mean."),
    click.option("--replicates", type=click.IntRange(min=2), default=100, show_default=True, help="Courses of each patient."),
    click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all random numbers (1)."),
    click.option("--jobs", type=click.IntRange(min=1), help="Threads; by default every core this process may use."),
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of everything that is written."),
    click.option("--quiet", is_flag=True, help="No progress and no messages but errors."),
    click.option("--json", "as_json", is_flag=True, help="Print as JSON."),
)


def _options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group("cohort")
def command() -> None:
    """Predict a table of patients, or score predictions against what happened to them.

    \b
    Example:
      simengine cohort template made_cohort
      simengine cohort predict made_cohort.csv --mapping made_cohort.toml
      simengine cohort score made_cohort.csv --mapping made_cohort.toml
    """


@command.command("predict")
@_options
def predict(table: Path, mapping: Path, quiet: bool, as_json: bool, **asked: Any) -> int:
    """Predict every patient of TABLE (CSV or Parquet, one row a patient) by the transplantation model.

    Writes predictions.csv (one row a patient), replicates.parquet (every run) and provenance.json. Cells that are empty are
    drawn anew for every replicate as the mapping says, and named in the column `imputed`.

    \b
    Example:
      simengine cohort predict made_cohort.csv --mapping made_cohort.toml --replicates 200
    """
    from simengine import cohorts
    from simengine.cli.progress import Reporter

    with _report(Reporter, quiet) as report:
        found = cohorts.predict(table, mapping, progress=report, **asked)
    if as_json:
        _print_json({"patients": _records(found.table), "folder": str(found.folder)})
    else:
        _print_predictions(found)
    return _end(found, quiet)


@command.command("score")
@_options
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), metavar="PAGE", help="Write the scores there too.")
def score(table: Path, mapping: Path, quiet: bool, as_json: bool, markdown: Path | None, **asked: Any) -> int:
    """Predict every patient of TABLE and compare with what happened, beside the cohort's own past and plain regressions.

    Writes scores.csv, scores.md and calibration.csv beside the files of `predict`.

    \b
    Example:
      simengine cohort score made_cohort.csv --mapping made_cohort.toml --markdown scores.md
    """
    from simengine import cohorts
    from simengine.cli.progress import Reporter
    from simengine.cli.tables import print_table
    from simengine.cohorts.scoreboard import NOTES, outcome_tables
    from simengine.studies.files import write_file

    with _report(Reporter, quiet) as report:
        found = cohorts.score(table, mapping, progress=report, **asked)
    if markdown is not None:
        write_file(markdown, (found.prediction.folder / "scores.md").read_bytes())
    if as_json:
        _print_json({"scores": _records(found.table), "calibration": _records(found.calibration)})
    else:
        for title, headings, rows in outcome_tables(found.table):
            print_table(headings, rows, title=title) if rows else click.echo(title)
        click.echo("\n".join(NOTES))
    return _end(found.prediction, quiet)


@command.command("template")
@click.argument("name", required=False)
@click.argument("to", required=False, type=click.Path(path_type=Path))
@click.option("--print", "printed", is_flag=True, help="Print the mapping instead of copying it.")
def template(name: str | None, to: Path | None, printed: bool) -> None:
    """Copy the mapping NAME, and the made table that goes with it, to the folder TO (here), which is made.

    Nothing is overwritten.

    Without NAME, the templates are listed.

    \b
    Example:
      simengine cohort template
      simengine cohort template made_cohort
    """
    from simengine.cli.tables import print_table
    from simengine.cohorts.templates import TEMPLATES, template_files
    from simengine.foundation.errors import listed, nearest

    if name is None:
        print_table(["name", "what it is for"], [[known, purpose] for known, purpose in TEMPLATES.items()])
        return
    if name not in TEMPLATES:
        hint = nearest(name, TEMPLATES)
        raise click.BadParameter(f'"{name}"; expected {listed(TEMPLATES)}' + (f"; {hint}" if hint else ""), param_hint="NAME")
    files = template_files(name)
    if printed:
        click.echo(files[0].read_text(encoding="utf-8"), nl=False)
        return
    targets = [(to or Path()) / path.name for path in files]
    for target in targets:
        if target.exists():
            raise click.BadParameter(f"{target} exists already; name another folder", param_hint="TO")
    for path, target in zip(files, targets):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        click.echo(str(target))


def _report(reporter: Any, quiet: bool) -> Any:
    if quiet:
        logging.getLogger("simengine").setLevel(logging.ERROR)
    return reporter(quiet)


def _end(found: Prediction, quiet: bool) -> int:
    """Say where everything is, and return 1 when a run failed."""
    if not quiet:
        click.echo(f"written: {found.folder}", err=True)
    if found.failed:
        click.echo(f"{len(found.failed)} runs failed; the first: {found.failed[0]}", err=True)
    return 1 if found.failed else 0


def _print_predictions(found: Prediction) -> None:
    from simengine.cli.tables import print_table
    from simengine.studies.manifest import DISCLAIMER

    table = found.table
    columns = ["patient", *(heading for heading, _ in HEADLINES if _ in table or f"{_}_median" in table), "drawn"]
    rows = []
    for record in table.head(MOST_ROWS).to_dict("records"):
        cells = [_cell(record, name) for _, name in HEADLINES if name in table or f"{name}_median" in table]
        drawn = str(record["imputed"]).split("; ") if record["imputed"] else []
        rows.append([str(record["id"]), *cells, str(len(drawn)) if drawn else "–"])
    left = f"{len(table) - MOST_ROWS} more patients in predictions.csv.\n" if len(table) > MOST_ROWS else ""
    told = "Days: median and, below, 10 to 90 %; chances in percent; chronic GVHD: extensive;\ndrawn: cells that were empty."
    caption = f"{left}{told}\n{DISCLAIMER}"
    print_table(columns, rows, title="Predictions", caption=caption)


HEADLINES = (
    ("neutro-\nphils", "neutrophil_day"),
    ("plate-\nlets 20", "platelet20_day"),
    ("GVHD\nII-IV", "acute_gvhd_2_4_probability"),
    ("GVHD\nIII-IV", "acute_gvhd_3_4_probability"),
    ("chronic\nGVHD", "extensive_chronic_gvhd_probability"),
    ("relapse", "relapse_probability"),
    ("alive\n100 d", "survival_100_days"),
    ("alive\n1 y", "survival_365_days"),
    ("alive\n2 y", "survival_730_days"),
)


def _cell(record: dict[str, Any], name: str) -> str:
    if name in record:
        return "–" if math.isnan(record[name]) else f"{100 * record[name]:.0f}"
    ends = [record[f"{name}_{end}"] for end in ("median", "p10", "p90")]
    middle, low, high = ("never" if math.isnan(end) else f"{end:.0f}" for end in ends)
    return f"{middle}\n{low}–{high}"


def _records(table: DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]


def _print_json(content: dict[str, Any]) -> None:
    from simengine.studies.manifest import DISCLAIMER

    click.echo(json.dumps(content | {"disclaimer": DISCLAIMER}, indent=1, ensure_ascii=False, default=float))
