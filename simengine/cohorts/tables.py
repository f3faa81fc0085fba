"""Tables of patients as they are written: every cell a text, with the place where it stands.

A cell of a CSV file stands at its line and the number of its column; one of a Parquet file at the number of its row.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simengine.foundation.errors import InputError, Problem, dotted, shown
from simengine.studies.files import sha256

__all__ = ["Table", "read_table"]

LARGEST_BYTES = 1 << 28
MOST_ROWS = 1_000_000
MOST_COLUMNS = 5_000
MOST_PROBLEMS = 1_000


@dataclass(frozen=True)
class Table:
    """A table: the names of its columns, its rows of texts, and the line on which each row stands."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    digest: str

    def column(self, name: str) -> list[str]:
        """Return the texts of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def problem(self, row: int, column: str, found: str, expected: str, hint: str = "") -> Problem:
        """Return a problem of one cell."""
        place = self.columns.index(column) + 1 if column in self.columns else 1
        return Problem(self.file, self.lines[row], place, dotted([column]), found, expected, hint)

    def chosen(self, rows: Sequence[int]) -> Table:
        """Return some of the rows, in the order asked for."""
        return Table(
            self.file,
            self.columns,
            tuple(self.rows[i] for i in rows),
            tuple(self.lines[i] for i in rows),
            self.digest,
        )


def read_table(path: str | Path, delimiter: str = ",") -> Table:
    """Read a table of patients: Parquet by the ending of its name, else CSV in UTF-8 with a line of headings.

    Raises
    ------
    InputError
        With every fault of its form: it cannot be read, a heading stands twice, a row has too few or too many cells.
    """
    name = str(path)
    try:
        if Path(path).stat().st_size > LARGEST_BYTES:
            raise InputError([_whole(name, f"more than {LARGEST_BYTES >> 20} MiB", "a table of patients")])
        data = Path(path).read_bytes()
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        raise InputError([_whole(name, found, "a readable file")]) from None
    read = _parquet if Path(path).suffix.lower() in (".parquet", ".pq") else _csv
    headings, rows, lines = read(name, data, delimiter)
    problems = list(_faults(name, headings, rows, lines))
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    return Table(name, tuple(headings), tuple(tuple(row) for row in rows), tuple(lines), sha256(data))


def _csv(name: str, data: bytes, delimiter: str) -> tuple[list[str], list[list[str]], list[int]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = Problem(name, line, 1, "document", f"the byte 0x{data[error.start]:02x}", "UTF-8 text", "save it as UTF-8")
        raise InputError([problem]) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    headings: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if headings is None:
                headings = cells
            elif any(cells):
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError([Problem(name, reader.line_num, 1, "document", str(error), "a CSV file")]) from None
    return headings or [], rows, lines


def _parquet(name: str, data: bytes, _: str) -> tuple[list[str], list[list[str]], list[int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise InputError([_whole(name, str(error).partition("\n")[0], "a Parquet file")]) from None
    columns = [[_text(value) for value in table.column(i).to_pylist()] for i in range(table.num_columns)]
    return list(table.column_names), [list(row) for row in zip(*columns)], list(range(1, table.num_rows + 1))


def _text(value: Any) -> str:
    """Return a cell as a CSV file would hold it; null and not-a-number are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _faults(name: str, headings: list[str], rows: list[list[str]], lines: list[int]) -> Iterator[Problem]:
    if not headings:
        yield _whole(name, "an empty table", "a line of headings and one line for each patient")
        return
    for i, heading in enumerate(headings):
        if heading in headings[:i]:
            yield Problem(name, 1, i + 1, dotted([heading]), f"the heading {shown(heading)} again", "each heading once")
    if not rows:
        yield _whole(name, "headings only", "one line for each patient")
    if len(rows) > MOST_ROWS or len(headings) > MOST_COLUMNS:
        yield _whole(name, f"{len(rows)} rows of {len(headings)} columns", f"at most {MOST_ROWS} of {MOST_COLUMNS}")
    for row, line in zip(rows, lines):
        if len(row) != len(headings):
            hint = "check the delimiter, and quote cells that contain it"
            yield Problem(name, line, len(row), "document", f"{len(row)} cells", f"{len(headings)}, as the headings", hint)


def _whole(name: str, found: str, expected: str) -> Problem:
    return Problem(name, 1, 1, "document", found, expected)
