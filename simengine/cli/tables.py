"""The summary of a study as a table of at most 100 columns: one row an arm, mean and 95 % interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table

    from simengine.api import Results

__all__ = ["WIDTH", "print_summary", "print_table"]

WIDTH = 100


class Headline(NamedTuple):
    """An outcome worth a column: its name, what stands above it, and the factor it is shown with."""

    outcome: str
    heading: str
    factor: float = 1.0


HEADLINES = (
    Headline("retained_living_24h", "alive 24 h\n% of dose", 100.0),
    Headline("retained_living_30d", "alive 30 d\n% of dose", 100.0),
    Headline("graft_lost", "graft lost\n% of runs", 100.0),
    Headline("lvef_change_points", "LVEF change\npoints"),
    Headline("scar_change_points", "scar change\npoints"),
    Headline("motor_change_score", "motor score\nchange"),
    Headline("fistula_remission", "remission\n% of runs", 100.0),
    Headline("graft_failure", "graft failure\n% of runs", 100.0),
    Headline("acute_gvhd_2_4", "GVHD II-IV\n% of runs", 100.0),
    Headline("relapse", "relapse\n% of runs", 100.0),
    Headline("nonrelapse_death", "non-relapse\ndeath, %", 100.0),
    Headline("survived", "alive\n% of runs", 100.0),
)
COLUMNS_OTHERWISE = 4


def print_summary(results: Results) -> None:
    """Print the summary on stdout: one row an arm, then what the numbers are and how many runs they leave out."""
    from simengine.studies.statistics import outcome_names

    numeric = outcome_names(results.table)
    chosen = [headline for headline in HEADLINES if headline.outcome in numeric]
    chosen = chosen or [Headline(name, name.replace("_", " ")) for name in numeric[:COLUMNS_OTHERWISE]]
    summary = results.summary([headline.outcome for headline in chosen])
    columns = ["arm", "runs", *(headline.heading for headline in chosen)]
    largest = summary[["mean", "mcse"]].abs().groupby(summary["outcome"]).max()
    places = [_decimals(*(largest.loc[headline.outcome] * headline.factor)) for headline in chosen]
    rows = []
    for point in results.points:
        found = summary[summary["arm"] == point.label].set_index("outcome")
        if found.empty:
            continue
        runs = int((results.table["point"] == point.index).sum())
        excluded = int(found["excluded"].iloc[0])
        cells = [_cell(found.loc[headline.outcome], headline.factor, n) for headline, n in zip(chosen, places)]
        rows.append([point.label, f"{runs - excluded}/{runs}" if excluded else str(runs), *cells])
    print_table(columns, rows, title=results.manifest["title"] or results.manifest["name"], caption=_caption(results))


def print_table(columns: list[str], rows: list[list[str]], title: str = "", caption: str = "") -> None:
    """Print a table on stdout, wrapped to the terminal and to at most `WIDTH` columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    console = Console(highlight=False, width=width)
    table: Table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        is_number = all(row[i][:1] in "−–" or row[i][:1].isdigit() for row in rows)
        table.add_column(
            column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number and width == WIDTH
        )
    for row in rows:
        table.add_row(*row)
    for text in (title, table, caption):
        if text:
            console.print(text)


def _cell(row: Any, factor: float, decimals: int) -> str:
    """The mean with its Monte Carlo error and, below it, its interval."""
    if math.isnan(row["mean"]):
        return "–"
    mean, error, low, high = (_number(row[name] * factor, decimals) for name in ("mean", "mcse", "low", "high"))
    return mean if math.isnan(row["low"]) or math.isnan(row["mcse"]) else f"{mean} ± {error}\n[{low}, {high}]"


def _decimals(mean: float, error: float) -> int:
    """As many decimals as show two digits of the largest mean of a column and one of its largest error, from 0 to 4."""
    wanted = [digits - math.floor(math.log10(number)) for number, digits in ((mean, 1), (error, 0)) if number > 0]
    return min(4, max(0, *wanted, 0))


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def _caption(results: Results) -> str:
    counts = results.table["status"].value_counts()
    patients = results.table["patient"].nunique()
    unit = f"{patients} patients" if patients > 1 else "replicates"
    lines = [f"Mean ± Monte Carlo error, and below it the 95 % interval over {unit}; – does not apply."]
    if failed := int(len(results.table) - counts.get("ok", 0)):
        kinds = ", ".join(f"{n} {status}" for status, n in counts.items() if status != "ok")
        lines.append(f"{failed} of {len(results.table)} runs are left out: {kinds}.")
    if len(results.table) < results.manifest["runs"]:
        lines.append(f"Incomplete: {len(results.table)} of {results.manifest['runs']} runs.")
    return "\n".join([*lines, *_wide_arms(results), results.manifest["disclaimer"]])


def _wide_arms(results: Results) -> list[str]:
    """Say which arms ended without the precision that was asked for, and how they stand."""
    asked, reached = results.manifest.get("precision"), results.manifest.get("reached", {})
    if asked is None:
        return []
    wide = {point.label: reached[str(point.index)] for point in results.points if str(point.index) in reached}
    wide = {label: found for label, found in wide.items() if not found["is_narrow"]}
    told = f"{asked['outcome']} within ± {asked['half_width']:g} ({100 * asked['confidence']:g} % interval)"
    return (
        [f"Asked for: {told}, reached in every arm."]
        if not wide
        else [
            f"Asked for: {told}; not reached in: "
            + ", ".join(
                f"{label} (± {found['half_width'] or math.nan:.2g} of {found['units']})" for label, found in wide.items()
            )
        ]
    )
