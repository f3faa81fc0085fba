"""A record as a table: on the terminal, and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from benchmarks.compare import Change
from benchmarks.figures import Figure, Record

__all__ = ["change_table", "markdown", "number", "record_table", "rows_of"]

HEADINGS = ("work", "median", "least to most", "wall", "unit", "goal", "beside", "met")


def number(value: float) -> str:
    """Return a number with three significant digits, thousands apart, no exponent between 0.001 and a billion."""
    if value == 0.0:
        return "0"
    size = abs(value)
    if not 1e-3 <= size < 1e9:
        return f"{value:.2e}"
    decimals = max(0, 2 - next(power for power in range(9, -4, -1) if size >= 10.0**power))
    return f"{value:,.{decimals}f}"


def rows_of(record: Record) -> Iterator[tuple[str, ...]]:
    """Yield a row for each figure, under ``HEADINGS``."""
    for figure in record.figures:
        yield (
            figure.name,
            number(figure.median),
            f"{number(min(figure.values))} to {number(max(figure.values))}" if len(figure.values) > 1 else "",
            number(sorted(figure.wall)[len(figure.wall) // 2]) if figure.wall else "",
            figure.unit,
            _goal(figure),
            _beside(record, figure),
            {True: "met", False: "MISSED", None: ""}[record.is_met(figure)],
        )


def record_table(record: Record) -> Table:
    """Return all figures of a record for the terminal."""
    table = Table(*HEADINGS, title=_title(record))
    for column in table.columns[1:4]:
        column.justify = "right"
    for row in rows_of(record):
        table.add_row(*row, style="red" if row[-1] == "MISSED" else None)
    return table


def markdown(record: Record, *, only_goals: bool = False) -> str:
    """Return a record as it stands in the documentation: one table a case, then what was not measured."""
    lines = [_title(record), ""]
    rows = zip(record.figures, rows_of(record), strict=True)
    by_case: dict[str, list[str]] = {}
    for figure, row in rows:
        if not only_goals or record.is_met(figure) is not None:
            by_case.setdefault(figure.case, []).append(_line(row))
    for case, found in by_case.items():
        lines += [f"**{case}**", "", _line(HEADINGS), _line(["---"] * len(HEADINGS)), *found, ""]
    lines += [f"- not measured: {item.name}: {item.why}" for item in record.missing]
    return "\n".join(lines).rstrip() + "\n"


def change_table(found: list[Change], before: Record, after: Record) -> Table:
    """Return the figures that changed by more than the noise, worst first."""
    table = Table("work", "ratio", "", title=f"{after.commit} against {before.commit}, scaled by the calibration loop")
    table.columns[1].justify = "right"
    for change in found:
        if change.verdict != "same":
            table.add_row(change.name, f"{change.ratio:.2f}", change.verdict)
    return table


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _title(record: Record) -> str:
    machine, versions = record.machine, record.versions
    quick = ", quick run: not to be quoted" if record.is_quick else ""
    return (
        f"Commit {record.commit}, {record.when[:10]}, {machine['processor']}, {machine['cores']} cores, Python "
        f"{versions['python']}, Numba {versions['numba']}, NumPy {versions['numpy']}{quick}"
    )


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{number(figure.goal)} or {'more' if figure.more_is_better else 'less'}"


def _beside(record: Record, figure: Figure) -> str:
    ratio = record.ratio(figure)
    if ratio is None or figure.beside is None:
        return ""
    most = f" (at most {figure.most_beside:g})" if figure.most_beside is not None else ""
    return f"{number(ratio)} x {figure.beside.rpartition(': ')[2]}{most}"
