"""Scoring with runs that take microseconds: growth, the cache, verdicts, and what the command says and returns."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from simengine import cli
from simengine.foundation import version
from simengine.foundation.errors import InputError
from simengine.report import forest, scoreboard
from simengine.studies import provenance, validate
from simengine.studies.design import RequestError
from simengine.studies.run_cache import BLOCK_OF_BODY, BLOCK_OF_PATCH, RunCache
from simengine.studies.scoring import score, score_one
from simengine.studies.target_files import load_targets, loads_targets
from tests.toy import ToyResult

CORPUS = Path(__file__).parents[1] / "targets" / "valid"
TARGET = """
[[target]]
id = "{id}"
group = "lung"
quantity = "label in the lung"
tier = "{tier}"
value = {value}
low = {low}
high = {high}
unit = "fraction of dose"
citation = "A paper"
confidence = "recalled"
{more}
[target.scenario]
run = {{ mode = "{mode}", duration_days = 2 }}
[[target.scenario.delivery]]
route = "intravenous"
dose_cells = 1e7
"""


def one(low=0.4, high=0.6, value=0.5, tier="core", mode="body", more='observable = "lung_label_1h"', id="T"):
    """Return a target file of one target."""
    return TARGET.format(id=id, tier=tier, low=low, high=high, value=value, mode=mode, more=more)


class Toy:
    """Runs whose outcome is uniform from 0 to 1, the same for one patient whatever the scenario but for a shift."""

    def __init__(self):
        self.done = []

    def __call__(self, scenario, seed, patient, replicate):
        self.done.append((scenario.product.name, seed, patient, replicate))
        if patient == 7 and scenario.title == "frail":
            raise ArithmeticError("bad luck")
        u = float(np.random.default_rng((seed, patient, replicate)).random())
        shifted = u + (0.25 if scenario.product.name == "bm_mnc" else 0.0)
        hours = np.arange(0.0, 49.0)
        row = {"lung_label_1h": shifted, "lung_living_1h": u, "graft_lost": 1.0, "graft_loss_day": 2.0 * u}
        courses = dict.fromkeys(("observed.lung_label", "observed.lung_living"), u * 0.5 ** (hours / 24.0))
        courses |= dict.fromkeys(("living.liver", "living.spleen"), np.full(49, 100.0))
        return ToyResult(row, {"time_h": hours} | courses, [], {})


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def cache(tmp_path, toy):
    return RunCache(tmp_path / "runs", toy, jobs=2)


def test_patients_are_added_until_the_error_is_a_quarter_of_the_half_width(cache):
    """The error of a uniform mean is 0.2887/sqrt(n): at most 0.25 x 0.1 from n = 134, 0.25 x 0.03 from n = 1482."""
    wide, narrow = (score_one(*loads_targets(one(0.5 - w, 0.5 + w)), cache) for w in (0.1, 0.03))
    assert (wide.found.n, narrow.found.n) == (BLOCK_OF_BODY, 8 * BLOCK_OF_BODY)
    assert narrow.found.error <= 0.25 * 0.03
    patch = score_one(*loads_targets(one(0.4, 0.6, mode="patch")), cache)
    assert patch.found.n == 8 * BLOCK_OF_PATCH
    assert patch.found.error <= 0.25 * 0.1 < 0.2887 / math.sqrt(4 * BLOCK_OF_PATCH)


def test_growth_ends_at_the_budget_in_whole_blocks(cache):
    found = score_one(*loads_targets(one(0.499, 0.501)), cache, budget=600)
    assert found.found.n == 3 * BLOCK_OF_BODY
    assert found.verdict == "undecided"


def test_a_run_is_done_once_and_a_larger_score_adds_only_the_difference(cache, toy):
    entries = loads_targets(one())
    score_one(*entries, cache)
    assert (cache.simulated, len(toy.done)) == (BLOCK_OF_BODY, BLOCK_OF_BODY)
    score_one(*loads_targets(one(0.1, 0.9, id="other")), cache)
    assert cache.simulated == BLOCK_OF_BODY, "another target of the same scenario needs no run"
    score_one(*loads_targets(one(0.47, 0.53)), cache)
    assert len(toy.done) == len(set(toy.done)) == 8 * BLOCK_OF_BODY


def test_scores_do_not_depend_on_what_was_kept_before(cache, tmp_path, toy):
    entries = loads_targets(one(0.47, 0.53))
    grown = score_one(*entries, cache)
    afresh = score_one(*entries, RunCache(tmp_path / "afresh", toy, jobs=1))
    assert grown == afresh == score_one(*entries, cache)


def test_an_interrupted_block_is_continued(cache, toy, tmp_path):
    def stumbling(scenario, seed, patient, replicate):
        if patient == 200:
            raise KeyboardInterrupt
        return toy(scenario, seed, patient, replicate)

    entries = loads_targets(one())
    score_one(*entries, cache)
    (block,) = (tmp_path / "runs").glob("*/patients-*")
    part = next((block / "parts").glob("*.parquet"))
    part.unlink()
    before = len(toy.done)
    score_one(*entries, cache)
    assert before < len(toy.done) <= before + BLOCK_OF_BODY


def test_runs_of_another_model_version_are_never_used(cache, monkeypatch):
    entries = loads_targets(one())
    score_one(*entries, cache)
    monkeypatch.setattr(provenance, "MODEL_VERSION", f"{version.MODEL_VERSION}.next")
    score_one(*entries, cache)
    assert cache.simulated == 2 * BLOCK_OF_BODY


def test_runs_after_an_edit_of_the_model_are_never_used(cache, monkeypatch):
    entries = loads_targets(one())
    score_one(*entries, cache)
    monkeypatch.setattr(provenance, "_model_sources", lambda: "edited")
    score_one(*entries, cache)
    assert cache.simulated == 2 * BLOCK_OF_BODY


@pytest.mark.parametrize("stale", ["version", "block"])
def test_a_block_that_was_put_there_from_elsewhere_is_refused(cache, monkeypatch, tmp_path, stale):
    entries = loads_targets(one(0.47, 0.53))
    score_one(*entries, cache)
    (home,) = (tmp_path / "runs").iterdir()
    blocks = sorted(home.iterdir())
    if stale == "version":
        monkeypatch.setattr(provenance, "MODEL_VERSION", f"{version.MODEL_VERSION}.next")
        (point,) = entries[0].arms
        shutil.copytree(home, tmp_path / "runs" / cache.key(point.scenario, ()))
    else:
        shutil.rmtree(blocks[0])
        shutil.copytree(blocks[1], blocks[0])
    with pytest.raises(RequestError, match="model_version" if stale == "version" else "first_patient"):
        score_one(*entries, cache)


def test_both_arms_of_a_comparison_meet_the_same_patients(cache):
    """The toy outcome differs by exactly 0.25 within each patient: paired, the difference has no error at all."""
    more = 'observable = "lung_label_1h"\ncompare = "difference"\ncontrast = { "product.name" = "bm_mnc" }\nkind = "difference"'
    found = score_one(*loads_targets(one(-0.3, -0.2, -0.25, more=more)), cache)
    assert found.verdict == "pass"
    assert found.found.value == pytest.approx(-0.25, abs=1e-12)
    assert found.found.error < 1e-12


def test_a_target_is_simulated_without_its_mechanism_only_when_asked(cache):
    (entry,) = load_targets([CORPUS / "every_statistic.toml"])[:1]
    plain, tested = score_one(entry, cache), score_one(entry, cache, without=True)
    assert (plain.without, plain.fails_without) == (None, None)
    assert tested.without.value == pytest.approx(plain.found.value + 0.25, abs=1e-12)
    assert tested.fails_without is False


def test_a_mechanism_is_taken_away_in_both_arms_of_a_comparison():
    text = one(more='observable = "lung_label_1h"\ncompare = "difference"\ncontrast = { "product.name" = "bm_mnc" }\n')
    (entry,) = loads_targets(text + '\n[target.without]\nwhat = "viability"\nset = { "product.viability" = 0.5 }\n')
    assert [point.scenario.product.name for point in (*entry.arms, *entry.bare)] == ["bm_msc", "bm_mnc"] * 2
    assert [point.scenario.product.viability for point in (*entry.arms, *entry.bare)] == [None, None, 0.5, 0.5]


@pytest.mark.parametrize(
    ("low", "high", "expected", "code"),
    [(0.4, 0.6, "pass", 0), (0.6, 0.8, "miss", 1), (0.5, 0.52, "undecided", 0)],
)
def test_a_verdict_follows_from_the_runs_and_a_missed_core_target_from_the_verdict(cache, low, high, expected, code):
    board = score(loads_targets(one(low, high, 0.5 * (low + high))), cache, budget=250)
    assert [s.verdict for s in board.scores] == [expected]
    assert bool(board.missed_core) == bool(code)
    supporting = score(loads_targets(one(low, high, 0.5 * (low + high), tier="supporting")), cache, budget=250)
    assert supporting.missed_core == []


def test_a_waiting_target_is_not_run_and_never_passes(cache, toy):
    waiting = [e for e in load_targets([CORPUS / "every_statistic.toml"]) if e.target.waiting]
    board = score(waiting, cache)
    assert board.counts == {"waiting": len(waiting)} == {"waiting": 1}
    assert toy.done == []
    assert board.scores[0].reason == "its biology is not in the model"


def test_few_failed_runs_are_left_out_and_counted_and_many_fail_the_target(cache):
    frail = one().replace("[target.scenario]", '[target.scenario]\ntitle = "frail"', 1)
    found = score_one(*loads_targets(frail), cache)
    assert (found.verdict, found.n_failed, found.found.n) == ("pass", 1, BLOCK_OF_BODY - 1)
    few = score_one(*loads_targets(frail.replace('"body"', '"patch"')), RunCache(cache.folder, lambda *a: 1 / 0), budget=25)
    assert few.verdict == "failed"
    assert "25 of 25 runs failed" in few.reason


def test_a_course_is_read_at_the_nearest_record_or_between_records(cache):
    more = 'observable = "observed.lung_label"\nstatistic = "half_life"\nfrom_days = 0.25\nto_days = 1\nfactor = 0.01'
    half_life = score_one(*loads_targets(one(0.1, 0.9, more=more)), cache)
    assert half_life.found.value == pytest.approx(0.24, rel=1e-9)
    more = 'observable = "observed.lung_label"\ntime_days = 1'
    exact = score_one(*loads_targets(one(0.0, 1.0, more=more)), cache, budget=250)
    between = score_one(
        *loads_targets(one(0.0, 1.0, more=more.replace("1", "0.02") + "\ninterpolate = true")), cache, budget=250
    )
    start = exact.found.value / 0.5
    assert between.found.value == pytest.approx(start * (0.52 + 0.48 * 0.5 ** (1 / 24)), rel=1e-9)


def test_a_course_can_be_read_as_a_share_of_its_own_value_at_another_time(cache):
    more = 'observable = "observed.lung_label"\ntime_days = 1\nrelative_to_days = 0.5'
    found = score_one(*loads_targets(one(0.6, 0.8, 0.7, more=more)), cache)
    assert found.found.value == pytest.approx(0.5**0.5, rel=1e-12)
    assert found.verdict == "pass"


def test_what_is_read_can_change_where_the_mechanism_is_one_of_observation(cache):
    text = one(0.3, 0.7) + '\n[target.without]\nwhat = "the label"\nobservable = "graft_lost"\n'
    found = score_one(*loads_targets(text), cache, without=True)
    assert (found.verdict, found.without.value, found.fails_without) == ("pass", 1.0, True)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ('observable = "observed.lung_label"\ntime_days = 0.02', "time_days", "the nearest is 0 h"),
        ('observable = "observed.lung_lable"\ntime_days = 1', "observable", 'did you mean "observed.lung_label"'),
    ],
)
def test_what_was_not_recorded_is_refused_at_its_place_in_the_file(cache, more, field, words):
    (entry,) = loads_targets(one(more=more), "some.toml")
    with pytest.raises(InputError, match=words) as caught:
        score_one(entry, cache)
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("some.toml", f"target.0.{field}")


def test_every_statistic_of_the_language_can_be_scored(cache):
    """On toy runs, where the outcomes that the toy does not have are missing: no value, and no verdict made up."""
    board = score(load_targets([CORPUS / "every_statistic.toml"]), cache, budget=250)
    found = {s.entry.target.id: s for s in board.scores if s.verdict != "waiting"}
    assert all(s.verdict == "undecided" for s in found.values() if s.found.n == 0)
    assert found["S-quantile"].found.value == pytest.approx(0.9, abs=0.08)
    assert found["S-kaplan-meier"].found.value == pytest.approx(1.0, abs=0.25)
    assert found["S-sum"].found.value == 200.0
    assert found["S-half-life"].found.value == pytest.approx(24.0, rel=1e-9)
    assert found["S-hazard"].found.value == pytest.approx(1.0, rel=1e-9)


@pytest.fixture
def board(cache):
    text = (
        one()
        + one(0.6, 0.8, 0.7, id="missed")
        + one(0.5, 0.52, 0.51, "supporting", id="between", more='observable = "lung_label_1h"')
    )
    text += one(id="later", more='waiting = "not yet"') + one(
        0.1, 10.0, 1.0, id="log", more='scale = "log"\nobservable = "lung_label_1h"'
    )
    return score(loads_targets(text), cache, budget=250)


def test_scores_are_written_for_machines_and_people(board, tmp_path):
    files = scoreboard.save(board, tmp_path / "out")
    assert [path.name for path in files] == ["scores.json", "scores.png", "scores.csv"]
    document = json.loads(files[0].read_text())
    assert document["model_version"] == version.MODEL_VERSION
    assert document["counts"] == {"pass": 2, "miss": 1, "undecided": 1, "waiting": 1}
    assert document["missed_core"] == ["missed"]
    assert [row["simulated"] is None for row in document["targets"]] == [False, False, False, True, False]
    assert files[2].read_text().count("\n") == 6
    page = tmp_path / "page.md"
    page.write_text(f"above\n{scoreboard.BEGIN}\nold\n{scoreboard.END}\nbelow\n")
    scoreboard.write_between_marks(page, board)
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    assert text.count("\n| ") == 7
    with pytest.raises(InputError, match="without the marks"):
        scoreboard.write_between_marks(files[2], board)


def test_targets_that_were_not_asked_for_stand_in_a_page_as_not_run(board):
    entries = [score.entry for score in board.scores]
    some = type(board)(board.scores[1:2]).among(entries)
    assert [score.verdict for score in some.scores] == ["not run", "miss", "not run", "not run", "not run"]
    assert some.missed_core == ["missed"]


def test_the_forest_plot_shows_every_target_within_its_own_band(board):
    drawing = forest.draw(board)
    shown = {text.get_text() for axes in drawing.figure.axes for text in axes.texts}
    assert {"T", "missed", "between", "later", "log", "waiting"} <= shown
    rows = drawing.data.set_index("id")
    assert rows.loc["T", "value_in_band"] == pytest.approx(0.0, abs=1e-12)
    assert rows.loc["missed", "simulated_in_band"] < -1.0
    assert rows.loc["log", "simulated_in_band"] == pytest.approx(math.log10(rows.loc["log", "simulated"]), rel=1e-9)
    assert drawing.png() == forest.draw(board).png()


@pytest.mark.parametrize(("low", "code"), [(0.4, 0), (0.7, 1)])
def test_the_command_prints_the_table_and_exits_1_only_for_a_missed_core_target(tmp_path, monkeypatch, capsys, toy, low, code):
    monkeypatch.setattr(validate, "_runner", lambda: toy)
    monkeypatch.setattr(validate, "_warm_up", lambda progress: None)
    file = tmp_path / "targets.toml"
    file.write_text(one(low, low + 0.2, low + 0.1))
    arguments = ["validate", str(file), "--out", str(tmp_path / "out"), "--budget", "250"]
    for more in ([], ["--json", "--quiet"]):
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, *more])
        assert caught.value.code == code
        shown = capsys.readouterr()
        if more:
            assert json.loads(shown.out)["targets"][0]["id"] == "T"
        else:
            assert ("MISS" if code else "pass") in shown.out
            assert "not validated" in shown.out
    assert ("core targets missed: T" in shown.err) == bool(code)
    assert len(toy.done) == 250, "the second call cost nothing"
