"""The page of parameters is what the catalogue says today, and lacks no cell."""

from __future__ import annotations

import re

from simengine.catalog import load_catalog
from simengine.foundation.parameters import GRADES
from simengine.report.parameter_table import PAGE, parameter_table


def test_the_page_is_what_the_catalogue_says():
    """Fails after any edit of the catalogue until `python -m simengine.report.parameter_table` has run."""
    assert PAGE.read_text(encoding="utf-8") == parameter_table()


def test_every_number_of_the_catalogue_stands_on_the_page_with_all_its_cells():
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in parameter_table().splitlines() if line.startswith("| ")]
    graded = [row for row in rows if row[-1].strip() in GRADES]
    catalog = load_catalog()
    assert len(graded) == sum(len(entry.parameters) + len(entry.rows) for entry in catalog)
    parameters = [row for row in graded if len(row) == 8 and " to " in row[4]]
    assert len(parameters) == sum(len(entry.parameters) for entry in catalog)
    assert [row for row in parameters if not all(cell.strip() for cell in row)] == []


def test_the_shares_of_the_grades_stand_on_top_and_add_up():
    lines = [line for line in parameter_table().splitlines() if line.startswith(("| all |", "| share |"))]
    counts = [int(cell) for cell in lines[0].split("|")[2:-1]]
    assert sum(counts[:-1]) == counts[-1]
    assert abs(sum(float(cell.rstrip(" %")) for cell in lines[1].split("|")[2:-2]) - 100.0) < 0.3
