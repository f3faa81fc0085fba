"""The packaged targets: all 28 are there, load, are dated by their papers, and stand on the page of scores."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simengine.report.scoreboard import BEGIN, COLUMNS, END
from simengine.studies.target_files import load_targets
from simengine.studies.validate import packaged_targets

ROOT = Path(__file__).parents[2]
IDS = [f"CAL-{n:02d}" for n in range(1, 29)]
CORE = {
    *("CAL-01", "CAL-02", "CAL-04", "CAL-05", "CAL-06", "CAL-09", "CAL-11", "CAL-13", "CAL-22"),
    *("CAL-14", "CAL-15", "CAL-16", "CAL-17", "CAL-19", "CAL-23"),
}


@pytest.fixture(scope="module")
def entries():
    return load_targets(packaged_targets())


def test_all_targets_load_and_none_stands_twice(entries):
    assert sorted(entry.target.id for entry in entries) == IDS


def test_no_target_waits_and_the_core_ones_are_those_of_the_plan(entries):
    assert [entry.target.id for entry in entries if entry.target.waiting] == []
    assert {entry.target.id for entry in entries if entry.target.tier == "core"} == CORE


def test_each_scored_core_target_names_the_mechanism_without_which_it_fails(entries):
    assert [e.target.id for e in entries if e.target.id in CORE and (e.target.without is None or not e.bare)] == []


def test_every_target_says_where_it_was_published_and_how_its_band_was_chosen(entries):
    for entry in entries:
        assert re.search(r"\b(19|20)\d\d\b|NCT\d+", entry.target.citation), entry.target.id
        assert entry.target.basis, entry.target.id
        assert entry.target.population or entry.target.registry, entry.target.id


def test_one_target_is_reported_unfitted(entries):
    assert [entry.target.id for entry in entries if not entry.target.fitted] == ["CAL-26"]


def test_each_file_says_on_line_1_what_it_is_for():
    for path in packaged_targets():
        assert re.match(r"# \w.{20,}\.\n", path.read_text()), path.name


def test_the_page_of_scores_holds_every_target_with_its_band(entries):
    text = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    table = text.split(BEGIN)[1].split(END)[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| CAL-")]
    assert [row[0].split()[0] for row in rows] == [entry.target.id for entry in entries]
    assert table.count(" | ".join(COLUMNS)) == 1
    for row, entry in zip(rows, entries):
        assert row[1] == entry.target.tier
        assert row[3].endswith(entry.target.unit)
        assert (row[6] == "waiting") == bool(entry.target.waiting)
