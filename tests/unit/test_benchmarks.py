"""The benchmark suite's own arithmetic: ratios pair by pair, goals, what counts as slower, and the tables."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import NAMES, main, measure_case
from benchmarks.cases.diffusion import Work, by_modes
from benchmarks.cases.grid import bespoke
from benchmarks.cases.growth import Point, slope
from benchmarks.compare import LEAST_CHANGE, LEAST_CHANGE_OF_ONE, changes
from benchmarks.environments import Peer
from benchmarks.figures import FORMAT, Figure, Missing, Record, load_record, paired_ratio, save_record
from benchmarks.peers.grid_work import AROUND, SIDE, places, spread
from benchmarks.setting import Setting
from benchmarks.tables import HEADINGS, markdown, number, rows_of
from benchmarks.timing import Spent, figures_of, in_turns


def record(*figures, loop=0.2, commit="abc", missing=()):
    """A record of some figures of the case `speed`, with one calibration loop."""
    machine = {"processor": "x", "architecture": "y", "cores": 2, "memory_gb": 8.0, "load_before": 0.0}
    versions = {"python": "3", "numba": "0", "numpy": "2"}
    named = [dataclasses.replace(figure, case="speed") for figure in figures]
    return Record(commit, "2026-11-22T00:00:00", machine, versions, False, {"speed": [loop]}, named, list(missing))


def figure(*values, name="work: own", unit="ns per agent", **more):
    return Figure(name, unit, list(values), **more)


def test_a_ratio_is_the_median_over_pairs_and_not_the_ratio_of_medians():
    """A burst of load that meets both of a pair leaves their ratio alone."""
    assert paired_ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == 2.0
    assert np.median([2.0, 20.0, 6.0]) / np.median([1.0, 10.0, 2.0]) == 3.0


def test_repeats_that_were_not_made_in_turns_have_no_ratio():
    with pytest.raises(ValueError, match="longer"):
        paired_ratio([1.0], [1.0, 2.0])


def test_ways_take_turns_after_one_call_that_does_not_count():
    calls = []

    def way(name):
        calls.append(name)
        return Spent(len(calls), 0.0)

    seen = in_turns({"a": lambda: way("a"), "b": lambda: way("b")}, 2)
    assert calls == list("ababab")
    assert [one.cpu for one in seen["a"]] == [3, 5]
    found = figures_of("work", "ns", seen, "b")
    assert found["a"].beside == "work: b"
    assert found["b"].beside is None
    assert found["a"].values == [3, 5]


def test_seconds_become_nanoseconds_per_unit():
    assert Spent(2.0, 4.0).per(1e9) == Spent(2.0, 4.0)
    assert Spent(2.0, 4.0).per(100, 1e3) == Spent(20.0, 40.0)


@pytest.mark.parametrize(
    ("goal", "more_is_better", "met"), [(2.0, False, True), (1.9, False, False), (2.0, True, True), (2.1, True, False)]
)
def test_a_goal_is_a_limit_of_the_median(goal, more_is_better, met):
    one = figure(1.0, 2.0, 9.0, goal=goal, more_is_better=more_is_better)
    assert record(one).is_met(one) is met


def test_a_figure_without_goal_is_neither_met_nor_missed():
    assert record(figure(1.0)).is_met(figure(1.0)) is None


def test_a_figure_within_its_goal_still_misses_a_ratio_that_is_too_large():
    base = figure(1.0, 2.0, name="work: C")
    own = figure(1.4, 2.8, goal=5.0, beside="work: C", most_beside=1.3)
    assert record(own, base).ratio(own) == pytest.approx(1.4)
    assert record(own, base).is_met(own) is False
    assert record(own, base).is_met(dataclasses.replace(own, most_beside=1.5)) is True


def test_a_slower_machine_is_not_slower_code():
    before, after = record(figure(10.0, 11.0), loop=0.2), record(figure(20.0, 22.0), loop=0.4)
    assert [(change.verdict, round(change.ratio, 6)) for change in changes(before, after)] == [("same", 1.0)]


def test_slower_code_on_the_same_machine_is_worse_and_stands_first():
    before = record(figure(10.0, 11.0), figure(5.0, name="work: fine"))
    after = record(figure(13.0, 14.0), figure(3.0, name="work: fine"))
    assert [(change.name, change.verdict) for change in changes(before, after)] == [
        ("work: own", "worse"),
        ("work: fine", "better"),
    ]


def test_repeats_that_overlap_are_noise():
    [change] = changes(record(figure(10.0, 14.0)), record(figure(13.0, 18.0)))
    assert change.verdict == "same"


@pytest.mark.parametrize(("repeats", "least"), [(1, LEAST_CHANGE_OF_ONE), (2, LEAST_CHANGE)])
@pytest.mark.parametrize(("share", "verdict"), [(0.9, "same"), (1.1, "worse")])
def test_ranges_must_be_apart_and_single_repeats_further(repeats, least, share, verdict):
    before, after = figure(*[1.0] * repeats), figure(*[1.0 + share * least] * repeats)
    [change] = changes(record(before), record(after))
    assert change.verdict == verdict


def test_memory_is_not_scaled_by_the_speed_of_the_machine():
    [change] = changes(record(figure(300.0, unit="bytes per agent")), record(figure(600.0, unit="bytes per agent"), loop=0.4))
    assert (change.ratio, change.verdict) == (2.0, "worse")


def test_where_more_is_better_less_is_worse():
    pace = {"unit": "x", "more_is_better": True}
    [change] = changes(record(figure(1.9, **pace)), record(figure(1.2, **pace)))
    assert change.verdict == "worse"


def test_a_record_survives_being_written(tmp_path):
    kept = record(figure(1.0, 2.0, wall=[3.0, 4.0], goal=1.0, about={"neighbours": 11.0}), missing=[Missing("peer", "why")])
    save_record(kept, tmp_path / "deep" / "a.json")
    assert load_record(tmp_path / "deep" / "a.json") == kept


@pytest.mark.parametrize("text", ["[]", "{}", f'{{"format": {FORMAT + 1}}}', "not json", f'{{"format": {FORMAT}}}'])
def test_what_is_no_record_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    done = CliRunner().invoke(main, ["table", str(tmp_path / "a.json")])
    assert done.exit_code == 2
    assert "is not a record" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.21, "0.210"), (2.0, "2.00"), (17.94, "17.9"), (350.2, "350"), (10_700.0, "10,700"), (2e-9, "2.00e-09")],
)
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == text


def test_the_table_says_goal_ratio_and_what_is_missed():
    base = figure(1.0, 1.0, name="work: C")
    own = figure(2.0, 4.0, wall=[3.0, 5.0], goal=2.5, beside="work: C", most_beside=0.65)
    row = dict(zip(HEADINGS, next(rows_of(record(own, base)))))
    assert row["median"] == "3.00"
    assert row["least to most"] == "2.00 to 4.00"
    assert row["goal"] == "2.50 or less"
    assert row["beside"] == "3.00 x C (at most 0.65)"
    assert row["met"] == "MISSED"


def test_the_documentation_has_every_figure_and_what_is_missing():
    text = markdown(record(figure(1.0), missing=[Missing("Mesa", "no index")]))
    assert "| work: own | 1.00 |" in text
    assert "not measured: Mesa: no index" in text


def test_the_table_of_goals_leaves_out_what_has_none_but_not_the_ratio_to_it():
    text = markdown(record(figure(1.0, name="work: C"), figure(2.0, goal=3.0, beside="work: C")), only_goals=True)
    assert "| work: own | 2.00 |" in text
    assert "2.00 x C" in text
    assert "| work: C |" not in text


def test_compare_fails_when_something_got_worse(tmp_path):
    save_record(record(figure(1.0)), tmp_path / "a.json")
    save_record(record(figure(2.0)), tmp_path / "b.json")
    worse = CliRunner().invoke(main, ["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    better = CliRunner().invoke(main, ["compare", str(tmp_path / "b.json"), str(tmp_path / "a.json")])
    assert (worse.exit_code, better.exit_code) == (1, 0)
    assert "1 worse" in worse.output
    assert "1 better" in better.output


def test_every_case_says_what_it_measures():
    done = CliRunner().invoke(main, ["list"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == NAMES
    assert all(len(line.split()) > 4 for line in done.output.splitlines())


def test_a_mistyped_case_is_refused_with_the_names_there_are():
    done = CliRunner().invoke(main, ["run", "--only", "limit"])
    assert done.exit_code == 2
    assert "limits" in done.output


def test_first_order_steps_by_modes_approach_the_exact_field_at_order_one():
    """The error halves with the step: what the needed number of steps rests on."""
    work = Work("tissue", (2, 6, 8), "smooth", "uniform")
    hours = work.numbers[2]
    exact = by_modes(work, np.zeros(work.shape), work.sources[0], 1, hours, exact=True)
    error = [float(np.abs(by_modes(work, np.zeros(work.shape), work.sources[0], n, hours) - exact).max()) for n in (200, 400)]
    assert error[0] / error[1] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5])
def test_a_slope_is_the_power_of_the_size(power):
    points = [Point(n, [Spent(3.0 * n**power * noise, 0.0) for noise in (1.0, 1.0, 9.0)]) for n in (10.0, 100.0, 1000.0)]
    assert slope(points) == pytest.approx(power)


def test_one_size_has_no_slope():
    with pytest.raises(ValueError, match="two sizes"):
        slope([Point(1.0, [Spent(1.0, 1.0)])] * 2)


def test_the_bespoke_kernel_does_the_work_that_is_stated_to_all_tools():
    """Beside whole arrays: deposit, spread, move to the least of the 8 around, count."""
    agents = 2000
    place, field, expected = places(agents), np.zeros((SIDE, SIDE)), []
    for _ in range(3):
        fresh = np.zeros((SIDE, SIDE))
        np.add.at(fresh, tuple(place.T), 1.0)
        field = spread(field, fresh)
        options = (place[:, None] + np.array(AROUND)) % SIDE
        least = field[options[..., 0], options[..., 1]].argmin(axis=1)
        place = options[np.arange(agents), least]
        _, here, count = np.unique(place, axis=0, return_inverse=True, return_counts=True)
        expected.append(float((count[here.ravel()] - 1).sum()))
    step = bespoke(agents)
    assert [step() for _ in range(3)] == expected
    assert expected[-1] > 0.0


def test_a_case_that_fails_is_recorded_and_ends_no_run(monkeypatch, tmp_path):
    def measure(setting):
        yield figure(1.0)
        raise RuntimeError("the peer stopped")

    monkeypatch.setattr("benchmarks.__main__._case", lambda name: SimpleNamespace(measure=measure))
    monkeypatch.setattr("benchmarks.__main__.calibrate", lambda: 0.2)
    kept = record()
    measure_case("limits", Setting(tmp_path, tmp_path), kept)
    assert [one.name for one in kept.figures] == ["work: own"]
    assert kept.figures[0].case == "limits"
    assert "the peer stopped" in kept.missing[0].why


def test_without_a_compiler_there_is_no_reference_and_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert Setting(tmp_path, tmp_path).program("cells") is None


def test_peers_that_were_not_asked_for_are_named_as_missing(tmp_path):
    assert Peer("numpy", "grid_numpy.py", Setting(tmp_path, tmp_path, with_peers=False)).missing()
    assert list(tmp_path.iterdir()) == []


def test_a_case_measured_again_replaces_itself_and_leaves_the_others():
    kept = record(figure(1.0), missing=[Missing("peer", "why", "speed")])
    kept.figures.append(figure(2.0, name="other: own", case="other"))
    kept.forget("speed")
    assert [one.name for one in kept.figures] == ["other: own"]
    assert (kept.missing, kept.calibration_s) == ([], {})
