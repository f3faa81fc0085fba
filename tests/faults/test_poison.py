"""One patient that always ends badly is set apart, with a row that says so, and costs none of the others."""

from functools import partial

import pytest

from simengine.api import open_results
from simengine.cli.study import exit_code
from simengine.cli.tables import print_summary
from tests.toy import deadly_run, run_toy, toy_design

ENDS = {
    "raises": ("failed", "ValueError: on purpose", None),
    "memory": ("failed", "Error: Unable to allocate", None),
    "loops": ("time_exceeded", "took longer than 0.3 s", 0.3),
    "hangs": ("worker_lost", "3 times", 0.3),
    "killed": ("worker_lost", "3 times", None),
    "crash": ("worker_lost", "3 times", None),
    "infinite": ("numerical_error", "infinite: change_points", None),
    "grows": ("capacity_exceeded", "ValueError: on purpose", None),
}
"""What becomes of a run by how it ends: its status, words of its reason, and the limit of time that it needs, s."""
ONCE = ("numerical_error", "capacity_exceeded")
ANYWHERE = ("raises", "loops", "infinite", "grows")
"""Ends that threads survive; the others need processes."""
VARIANTS = [
    *((executor, kind) for executor in ("serial", "threads") for kind in ANYWHERE),
    *(("processes", kind) for kind in ENDS),
    *(("dask", kind) for kind in ENDS),
    *(("processes", kind) for kind in ("killed", "crash", "raises")),
    *(("threads", kind) for kind in ANYWHERE[:3]),
]
assert len(VARIANTS) == 30


def poison(folder, patients, executor, kind, place, capsys):
    """Do a study with one bad patient at a place, from 0 to 1; check its row, the others, and what is said of it."""
    design = toy_design(doses=(1.0,), patients=patients, replicates=1)
    victim = round(place * (patients - 1))
    status, reason, limit_s = ENDS[kind]
    notes = folder / "notes.txt"
    runner = partial(deadly_run, kind, at=(1.0, victim, 0), notes=str(notes))
    run_toy(folder / "out", design, runner, executor=executor, jobs=2, run_limit_s=limit_s)
    results = open_results(folder / "out")
    table = results.table
    assert table["patient"].tolist() == list(range(patients))
    bad = table[table["status"] != "ok"]
    assert bad[["patient", "status"]].to_numpy().tolist() == [[victim, status]]
    assert reason in bad["reason"].item()
    assert len(notes.read_text().splitlines()) == (1 if status in ONCE else 3)
    summary = results.summary(["change_points"])
    assert summary[["n", "excluded"]].to_numpy().tolist() == [[patients - 1, 1]]
    print_summary(results)
    assert exit_code(results) == 1
    out, err = capsys.readouterr()
    assert f"1 of {patients} runs are left out: 1 {status}." in out
    assert f"patient {victim}, replicate 0: {status}: " in err


@pytest.mark.parametrize(
    ("executor", "kind", "place"),
    [("serial", "raises", 0.0), ("threads", "loops", 1.0), ("processes", "crash", 0.5), ("threads", "infinite", 0.3)],
)
def test_a_bad_patient_is_set_apart_from_three_hundred(tmp_path, capsys, executor, kind, place):
    poison(tmp_path, 300, executor, kind, place, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(30))
def test_a_bad_patient_is_set_apart_from_ten_thousand(tmp_path, capsys, number):
    """Thirty variants: every way to end badly with every executor that survives it, first, last and between."""
    executor, kind = VARIANTS[number]
    poison(tmp_path, 10_000, executor, kind, number * 11 % 30 / 29, capsys)


def test_what_is_not_applicable_is_no_failure(tmp_path):
    """A number that is not a number means that an outcome does not apply: the row is well, and the summary counts it out."""
    runner = partial(deadly_run, "nan", at=(1.0, 7, 0))
    run_toy(tmp_path, toy_design(doses=(1.0,), patients=50, replicates=1), runner, executor="serial")
    results = open_results(tmp_path)
    assert set(results.table["status"]) == {"ok"}
    assert results.summary(["change_points"])["n"].item() == 49
