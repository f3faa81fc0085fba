"""Results are whole, verified, in canonical order, and never mix two experiments."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from simengine.api import open_results
from simengine.scenario import loads
from simengine.studies import manifest, parts
from simengine.studies.design import Design, Key, RequestError, design
from simengine.studies.files import ResultsError, locked, write_file
from simengine.studies.snapshots import load_snapshot, npz_bytes, write_paraview
from simengine.studies.store import set_aside, writing
from tests.toy import ToyPoint, ToyScenario, run_toy, toy_design, toy_run, toy_snapshot, toy_study

KEYS = toy_design().keys

SCENARIO = """
name = "control"
patient.age_years = 61.0
delivery = [{ route = "intramyocardial", dose_cells = 1000000 }]
drug = [{ name = "tacrolimus" }]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "results"
    run_toy(folder, jobs=2)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def first_part(folder):
    return sorted((folder / parts.FOLDER).iterdir())[0]


def test_the_table_has_one_row_for_each_run_in_canonical_order(finished):
    table = open_results(finished).table
    assert [Key(*row) for row in table[["point", "patient", "replicate"]].itertuples(index=False)] == KEYS
    assert list(table.columns[:7]) == ["point", "arm", "patient", "replicate", "status", "reason", "dose"]
    assert table["dose"].tolist() == [float(key.point) for key in KEYS]


def test_what_is_read_is_bit_for_bit_what_the_runner_returned(finished):
    results, chosen = open_results(finished), toy_design()
    _, series = results.course(2, "living.muscle")
    for i, row in enumerate(results.table[results.table["point"] == 2].itertuples()):
        expected = toy_run(chosen.point[2].scenario, chosen.seed, row.patient, row.replicate)
        assert row.change_points == expected.row["change_points"]
        assert series[i].tobytes() == expected.courses["living.muscle"].tobytes()


def test_parts_open_in_pandas_without_this_package(finished):
    table = pd.read_parquet(first_part(finished))
    assert table["change_points"].dtype == np.float64
    assert len(table["course.time_h"].iloc[0]) == 5


def test_not_applicable_stays_apart_from_missing(finished):
    table = open_results(finished).table
    assert table.loc[table["dose"] == 0, "loss_day"].isna().all()
    assert table.loc[table["dose"] > 0, "loss_day"].notna().all()


def test_the_hash_sees_the_last_bit_of_one_number(tmp_path, finished):
    def nudged(scenario, seed, patient, replicate):
        result = toy_run(scenario, seed, patient, replicate)
        if (scenario.dose, patient, replicate) == (1.0, 2, 3):
            result.row["change_points"] = float(np.nextafter(result.row["change_points"], 9.0))
        return result

    run_toy(tmp_path / "same")
    run_toy(tmp_path / "nudged", runner=nudged)
    expected = open_results(finished).hash
    assert open_results(tmp_path / "same").hash == expected
    assert open_results(tmp_path / "nudged").hash != expected


@pytest.mark.parametrize("name", ["living.muscle", "time_h"])
def test_the_hash_sees_the_last_bit_of_a_course(tmp_path, finished, name):
    def nudged(scenario, seed, patient, replicate):
        result = toy_run(scenario, seed, patient, replicate)
        result.courses[name][-1] = np.nextafter(result.courses[name][-1], 99.0)
        return result

    run_toy(tmp_path, runner=nudged)
    assert open_results(tmp_path).hash != open_results(finished).hash


def test_the_hash_sees_a_snapshot(tmp_path, finished):
    def nudged(*address):
        result = toy_run(*address)
        for arrays in result.snapshots.values():
            arrays["field_oxygen"][0, 0, 0, 0] = np.nextafter(arrays["field_oxygen"][0, 0, 0, 0], 99.0)
        return result

    run_toy(tmp_path, runner=nudged)
    assert open_results(tmp_path).hash != open_results(finished).hash


def test_finished_results_are_not_computed_again(copy):
    run_toy(copy, runner=lambda *_: pytest.fail("a run was done twice"))
    assert len(open_results(copy).table) == len(KEYS)


def test_a_part_that_was_taken_away_is_computed_again(copy, finished):
    first_part(copy).unlink()
    with pytest.raises(ResultsError, match="is missing"):
        open_results(copy)
    run_toy(copy)
    assert open_results(copy).hash == open_results(finished).hash


def test_a_shorter_study_is_part_of_a_longer_one(tmp_path, finished):
    run_toy(tmp_path / "arm", design(toy_study(), arms=["dose 2"]))
    whole, arm = open_results(finished).table, open_results(tmp_path / "arm").table
    pd.testing.assert_frame_equal(whole[whole["point"] == 2].reset_index(drop=True), arm, check_exact=True)


def changed_designs():
    base = toy_design()
    yield "seed", replace(base, seed=8)
    yield "replicates", replace(base, replicates=5)
    yield "patients", replace(base, patients=4)
    yield "points.1.label", replace(base, points=(base.points[0], replace(base.points[1], label="x"), base.points[2]))
    for path, scenario in (
        ("points.2.scenario.dose", ToyScenario(2.5)),
        ("points.2.scenario.donor.match", ToyScenario(2.0, {"match": "0/8", "age_years": 40})),
        ("points.2.scenario.donor.age_years", ToyScenario(2.0, {"match": "8/8", "age_years": 41})),
        ("points.2.scenario.donor.sex", ToyScenario(2.0, {"match": "8/8", "age_years": 40, "sex": "f"})),
    ):
        yield path, replace(base, points=(*base.points[:2], ToyPoint(2, "dose 2", {"dose": 2.0}, scenario)))


@pytest.mark.parametrize(
    ("path", "changed"), list(changed_designs()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_changed_experiment_is_refused_by_the_field_that_differs(finished, path: str, changed: Design):
    with pytest.raises(RequestError) as caught, writing(finished, changed, {}):
        pass
    assert f"  {path}: " in str(caught.value)


LIBRARIES = ("python", "numpy", "numba", "llvmlite", "scipy", "pyarrow")


@pytest.mark.parametrize(
    "path", ["model_version", "model_sources", *(f"libraries.{name}" for name in LIBRARIES), "catalog.products.bm_msc"]
)
def test_another_program_is_refused(copy, path):
    written = manifest.read(copy)
    owner, *keys = path.split(".")
    inner = written if not keys else written[owner] if len(keys) == 1 else written[owner][keys[0]]
    stored, inner[path.split(".")[-1]] = inner[path.split(".")[-1]], "0"
    manifest.write(copy, written)
    told = f'\n  {path}: "0" -> "{stored}"\n'
    with pytest.raises(RequestError, match=re.escape(told)), writing(copy, toy_design(), {}):
        pass


def test_every_change_is_told_at_once_and_one_of_many_arms_once(finished):
    """Detects a list that ends at the first difference, and one that repeats itself for each of a thousand arms."""
    base = toy_design()
    points = tuple(
        replace(point, scenario=ToyScenario(point.scenario.dose, {"match": "0/8", "age_years": 40 + point.index}))
        for point in base.points
    )
    with pytest.raises(RequestError) as caught, writing(finished, replace(base, seed=8, points=points), {}):
        pass
    assert str(caught.value).splitlines()[1:-1] == [
        "  seed: 7 -> 8",
        '  points.0.scenario.donor.match: "8/8" -> "0/8" (and in 2 more points)',
        "  points.1.scenario.donor.age_years: 40 -> 41",
        "  points.2.scenario.donor.age_years: 40 -> 42",
    ]


def test_how_a_scenario_is_spelled_and_titled_is_no_change():
    spelled = "# a comment\n" + SCENARIO.replace("age_years = 61.0", "age_years=61.0   # years") + 'title = "New"\n'
    old, fresh = (manifest.new(design(loads(text)), {}) for text in (SCENARIO, spelled))
    manifest.refuse_changed(old, fresh, Path("results"))
    assert old["study_hash"] == fresh["study_hash"]


def test_order_of_keys_is_no_change(copy):
    base = toy_design()
    turned = ToyScenario(2.0, dict(reversed(base.points[2].scenario.donor.items())))
    with writing(copy, replace(base, points=(*base.points[:2], replace(base.points[2], scenario=turned))), {}) as store:
        assert len(store.done) == len(KEYS)


def test_restart_keeps_what_was_there_under_another_name(copy):
    assert set_aside(copy) == copy.with_name("copy.before-1")
    run_toy(copy)
    assert set_aside(copy) == copy.with_name("copy.before-2")
    assert len(open_results(copy.with_name("copy.before-1")).table) == len(KEYS)
    assert set_aside(copy) is None


def test_a_second_writer_is_told_who_holds_the_folder(copy):
    with locked(copy), pytest.raises(ResultsError, match=r"written by process \d+ on \S+ since 20"):
        run_toy(copy)


def test_a_renamed_part_is_found(copy):
    part = first_part(copy)
    part.rename(part.with_name("part-0123456789abcdef.parquet"))
    with pytest.raises(ResultsError, match="is missing"):
        open_results(copy)


def test_a_part_of_another_experiment_is_found(copy, tmp_path):
    run_toy(tmp_path / "other", toy_design(seed=99))
    shutil.copy(first_part(tmp_path / "other"), copy / parts.FOLDER)
    with pytest.raises(ResultsError, match="not listed"):
        open_results(copy)
    written = manifest.read(copy)
    manifest.write(copy, written | {"status": "running"})
    with pytest.raises(ResultsError, match="belongs to experiment"):
        open_results(copy)


def test_a_run_held_twice_is_found(copy):
    table = pq.read_table(first_part(copy))
    pq.write_table(table.slice(0, 1), copy / "one.parquet")
    data = (copy / "one.parquet").read_bytes()
    write_file(copy / parts.FOLDER / parts.file_name(data), data)
    manifest.write(copy, manifest.read(copy) | {"status": "running"})
    with pytest.raises(ResultsError, match="1 runs twice"):
        open_results(copy)


def test_a_manifest_older_than_its_parts_is_found(copy):
    written = manifest.read(copy)
    manifest.write(copy, written | {"status": "stopped", "parts": {}})
    with pytest.raises(ResultsError, match="not listed"):
        open_results(copy)


def test_a_newer_schema_is_refused_with_advice(copy):
    manifest.write(copy, manifest.read(copy) | {"schema_version": 99})
    with pytest.raises(ResultsError, match="newer simengine"):
        open_results(copy)


def test_a_folder_without_results_says_so(tmp_path):
    with pytest.raises(ResultsError, match=r"holds no results: it has no manifest\.json"):
        open_results(tmp_path)


def test_the_manifest_says_what_was_run_and_by_what(finished):
    written = json.loads((finished / manifest.NAME).read_text())
    assert written["status"] == "complete"
    assert written["counts"] == {"ok": len(KEYS)}
    assert written["points"][2]["scenario"] == {"dose": 2.0, "donor": {"match": "8/8", "age_years": 40}}
    assert written["sessions"][0]["jobs"] == 2
    assert written["disclaimer"] == "Research software. Not medical advice."
    assert {"host", "processor", "processor_features", "system", "cores"} <= set(written["machine"])
    assert written["catalog"]["products"].keys() >= {"bm_msc"}
    assert written["checkout"] is None or re.fullmatch("[0-9a-f]{40}", written["checkout"]["commit"])
    assert set(written["libraries"]) == set(LIBRARIES)


def test_swept_texts_and_numbers_keep_their_kind(tmp_path):
    points = (
        ToyPoint(0, "none", {"dose": 0, "donor.match": "8/8", "drug.days": [1, 2]}, ToyScenario(0.0)),
        ToyPoint(1, "some", {"dose": 1.5}, ToyScenario(1.5)),
    )
    run_toy(tmp_path, design(replace(toy_study(), points=points)))
    table = open_results(tmp_path).table.drop_duplicates("point")
    assert table["dose"].tolist() == [0.0, 1.5]
    assert table["drug.days"].iloc[0] == "[1, 2]"
    assert table["donor.match"].isna().tolist() == [False, True]


def test_snapshots_come_back_as_they_were(finished):
    paths = open_results(finished).snapshots()
    assert paths[0].name == "point0000-patient00000-replicate00000-day1.npz"
    assert len(paths) == 3
    chosen = toy_design()
    arrays = toy_run(chosen.point[0].scenario, chosen.seed, 0, 0).snapshots["day1"]
    assert load_snapshot(paths[0]).keys() == arrays.keys()
    assert all(np.array_equal(load_snapshot(paths[0])[name], arrays[name]) for name in arrays)


def test_a_damaged_snapshot_is_found(copy):
    path = sorted((copy / parts.SNAPSHOTS).iterdir())[1]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ResultsError, match=path.name):
        open_results(copy)


def data_array(document, name):
    element = next(array for array in document.iter("DataArray") if array.get("Name") == name)
    raw = b64decode(element.text)
    assert int.from_bytes(raw[:8], "little") == len(raw) - 8
    return np.frombuffer(raw[8:], {"Float64": "<f8", "Int64": "<i8"}[element.get("type")])


def test_paraview_files_hold_every_number_of_the_snapshot(tmp_path):
    arrays = toy_snapshot(0.25)
    (tmp_path / "run-day1.npz").write_bytes(npz_bytes(arrays))
    opened = write_paraview([tmp_path / "run-day1.npz"], tmp_path / "out")
    assert [path.name for path in opened] == [
        "deposit-grid.pvd",
        "deposit-cells.pvd",
        "remote-grid.pvd",
        "remote-cells.pvd",
    ]
    grid = ElementTree.parse(tmp_path / "out" / "run-day1-remote.vti")
    assert next(grid.iter("ImageData")).get("WholeExtent") == "0 4 0 3 0 2"
    assert np.array_equal(data_array(grid, "field_oxygen"), arrays["field_oxygen"][1].ravel())
    cells = ElementTree.parse(tmp_path / "out" / "run-day1-deposit.vtp")
    assert next(cells.iter("Piece")).get("NumberOfPoints") == "2"
    assert data_array(cells, "position").tolist() == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert data_array(cells, "radius_um").tolist() == [8.0, 9.0]
    series = ElementTree.parse(opened[0])
    assert [(d.get("timestep"), d.get("file")) for d in series.iter("DataSet")] == [("24.0", "run-day1-deposit.vti")]
