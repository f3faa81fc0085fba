"""One hash in every cell of the matrix workers x batch x executor x order x study: 1,152 cells, of which some are chosen.

Each comparison is of the SHA-256 over the whole table, every float bit of outcomes, courses, events and snapshots.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import simengine
from simengine.studies.files import sha256
from simengine.studies.provenance import program
from tests.verification.settings import FACTORS, ROWS, SHARDS, TEXTS, chosen_cells, done, every_cell, pairs_of
from tests.verification.settings import small_study as study_of
from tests.verification.settings import stock as stock

ROOT = Path(simengine.__file__).parents[1]
CHOSEN = 40


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """The hash of each study done in this very thread, run by run; no two runs are alike."""
    folder, hashes = tmp_path_factory.mktemp("references"), {}
    for name in TEXTS:
        results = simengine.sweep(study_of(name), executor="serial", batch=1, out=folder / name)
        assert set(results.table["status"]) == {"ok"}
        courses = [np.hstack([results.course(arm, n)[1] for n in results.course_names()]) for arm in (0, 1)]
        assert len({course.tobytes() for of_arm in courses for course in of_arm}) == len(results.table) == ROWS
        hashes[name] = results.hash
    assert len(set(hashes.values())) == len(TEXTS)
    return hashes


def trouble(cell, results, reference):
    """Return what is wrong with the results of a cell: rows, bits, or workers that did not work."""
    sessions = results.manifest["sessions"]
    jobs = 1 if cell.executor == "serial" else cell.jobs
    needed = 2 if jobs > 1 and cell.batch == 1 else 1
    told = {
        "rows": len(results.table) == ROWS,
        "hash": results.hash == reference,
        "sessions": len(sessions) == (3 if cell.order == SHARDS else 1),
        "executor": {session["executor"] for session in sessions} == {cell.executor},
        "jobs": {session["jobs"] for session in sessions} == {min(jobs, ROWS)},
        "batch": {session["batch"] for session in sessions} == {cell.batch},
        "workers": min(session["workers_that_worked"] for session in sessions) >= needed,
    }
    return [name for name, is_well in told.items() if not is_well]


def test_the_chosen_cells_cover_every_pair():
    """Every two values of every two of the five parts meet; the product has 6 x 4 x 4 x 4 x 3 cells."""
    assert len(every_cell()) == len(set(every_cell())) == 1152
    chosen = chosen_cells(CHOSEN)
    assert 40 <= len(set(chosen)) == len(chosen)
    assert pairs_of(chosen).keys() == pairs_of(every_cell()).keys()
    sizes = [len(values) for values in FACTORS]
    assert len(pairs_of(chosen)) == (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2


@pytest.mark.parametrize("executor", FACTORS.executor)
def test_no_way_of_doing_a_study_changes_a_bit(references, stock, tmp_path, executor):
    """Detects random numbers by worker, state of a batch or of a process, sums in the order of completion."""
    cells = [cell for cell in chosen_cells(CHOSEN) if cell.executor == executor]
    assert len(cells) >= 8
    found = {cell: trouble(cell, done(cell, stock, tmp_path / str(i)), references[cell.study]) for i, cell in enumerate(cells)}
    assert {cell: wrong for cell, wrong in found.items() if wrong} == {}


@pytest.mark.slow
@pytest.mark.timeout(2 * 3600)
@pytest.mark.parametrize("executor", FACTORS.executor)
def test_no_cell_of_the_full_product_changes_a_bit(references, stock, tmp_path, executor):
    """288 cells for each executor. Those that are done stand in ``results/matrix``, by model, and are not done again."""
    label = sha256(repr((program()["model_sources"], sorted(references.items()))).encode())[:16]
    record = ROOT / "results" / "matrix" / label / f"{executor}.txt"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.touch()
    cells = [cell for cell in every_cell() if cell.executor == executor]
    known = set(record.read_text().splitlines())
    for cell in cells:
        if str(cell) not in known:
            assert trouble(cell, done(cell, stock, tmp_path / "cell"), references[cell.study]) == [], cell
            shutil.rmtree(tmp_path / "cell")
            with record.open("a") as file:
                file.write(f"{cell}\n")
    assert set(record.read_text().splitlines()) == set(map(str, cells))
    assert len(cells) == 288
