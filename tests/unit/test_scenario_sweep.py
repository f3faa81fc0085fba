"""Arms, lists and grids: which points there are, in which order, and what each of them is."""

from __future__ import annotations

import time

import pytest

from simengine.foundation.errors import InputError
from simengine.scenario import loads
from simengine.scenario.limits import MOST_POINTS

BASE = 'name = "study"\n[[delivery]]\nroute = "intravenous"\ndose_cells = 1e8\n'


def test_without_variants_there_is_one_point_named_like_the_study():
    study = loads(BASE)
    assert [(point.index, point.label, point.values) for point in study.points] == [(0, "study", {})]
    assert (study.name, study.seed, study.replicates, study.patients) == ("study", 1, 20, 1)


def test_points_are_arms_times_rows_times_grid():
    text = BASE + (
        '[[arm]]\nname = "b"\n[[arm]]\nname = "a"\nset = {"product.name" = "cord_msc"}\n'
        '[sweep]\nlist = [{"patient.sex" = "male"}, {"patient.sex" = "female"}]\n'
        '[sweep.grid]\n"donor.match" = ["8/8", "0/8"]\n"delivery.0.dose_cells" = [1e6, 2.5e7]\n'
    )
    points = loads(text).points
    assert len(points) == 16
    assert [point.index for point in points] == list(range(16))
    assert points[0].label == "b, patient.sex=male, delivery.0.dose_cells=1e6, donor.match=8/8"
    assert points[1].label == "b, patient.sex=male, delivery.0.dose_cells=1e6, donor.match=0/8"
    assert points[15].label == "a, patient.sex=female, delivery.0.dose_cells=2.5e7, donor.match=0/8"
    last = points[15].scenario
    assert (last.product.name, last.patient.sex, last.donor.match) == ("cord_msc", "female", "0/8")
    assert last.delivery[0].dose_cells == 25_000_000
    assert len({point.scenario.hash for point in points}) == 16


def test_every_point_has_the_value_of_every_path_that_any_point_sets():
    text = BASE + (
        '[[arm]]\nname = "plain"\n[[arm]]\nname = "set"\n'
        'set = {"product.passage" = 5, "patient.diabetes" = true, "parameters.priming.first_division_h" = 32}\n'
    )
    plain, changed = loads(text).points
    assert dict(plain.values) == {
        "product.passage": None,
        "patient.diabetes": False,
        "parameters.priming.first_division_h": None,
    }
    assert dict(changed.values) == {"product.passage": 5, "patient.diabetes": True, "parameters.priming.first_division_h": 32.0}
    assert list(plain.values) == list(changed.values)


def test_lists_set_by_arms_are_no_columns():
    study = loads(BASE + '[[arm]]\nname = "none"\nset = {delivery = []}\n[[arm]]\nname = "one"\n')
    assert [point.scenario.delivery == () for point in study.points] == [True, False]
    assert [dict(point.values) for point in study.points] == [{}, {}]


def test_a_path_without_index_changes_each_element():
    text = (
        BASE
        + '[[delivery]]\nroute = "intravenous"\nday = 7\ndose_cells = 2e8\n[sweep.grid]\n"delivery.dose_cells" = [1e6, 3]\n'
    )
    doses = [[delivery.dose_cells for delivery in point.scenario.delivery] for point in loads(text).points]
    assert doses == [[1_000_000, 1_000_000], [3, 3]]
    assert [point.values["delivery.dose_cells"] for point in loads(text).points] == [1_000_000, 3]


def test_elements_that_differ_are_told_in_one_value():
    text = BASE + '[[delivery]]\nroute = "intravenous"\nday = 7\ndose_cells = 2e8\n'
    text += '[[arm]]\nname = "as is"\n[[arm]]\nname = "same"\nset = {"delivery.dose_cells" = 5}\n'
    assert [point.values["delivery.dose_cells"] for point in loads(text).points] == ["100000000, 200000000", 5]


def test_arms_do_not_touch_each_other_or_the_scenario():
    text = BASE + (
        '[[arm]]\nname = "a"\nset = {"delivery.0.dose_cells" = 1, "patch.shape.2" = 1}\n[[arm]]\nname = "b"\n'
        "[patch]\nshape = [10, 10, 3]\n"
    )
    first, second = (point.scenario for point in loads(text).points)
    assert (first.delivery[0].dose_cells, second.delivery[0].dose_cells) == (1, 100_000_000)
    assert (first.patch.shape, second.patch.shape) == ((10, 10, 1), (10, 10, 3))


def test_nested_tables_and_dotted_paths_set_the_same():
    dotted = loads(BASE + '[[arm]]\nname = "a"\nset = {"patient.sex" = "female", "donor.match" = "0/8"}\n')
    nested = loads(BASE + '[[arm]]\nname = "a"\n[arm.set]\npatient.sex = "female"\n[arm.set.donor]\nmatch = "0/8"\n')
    assert dotted.hash == nested.hash
    assert dict(dotted.points[0].values) == dict(nested.points[0].values)


def test_the_order_of_axes_in_the_file_does_not_matter():
    axes = ['"donor.match" = ["8/8", "0/8"]', '"patient.age_years" = [50, 60]']
    first, second = (loads(BASE + "[sweep.grid]\n" + "\n".join(order)) for order in (axes, axes[::-1]))
    assert [point.label for point in first.points] == [point.label for point in second.points]
    assert first.hash == second.hash


def test_the_order_of_values_is_the_order_of_points():
    labels = [point.label for point in loads(BASE + "[sweep.grid]\n" + '"donor.match" = ["0/8", "8/8", "4/8"]').points]
    assert labels == ["donor.match=0/8", "donor.match=8/8", "donor.match=4/8"]


def test_an_absurd_design_is_counted_and_refused_before_it_is_multiplied_out():
    values = ", ".join(map(str, range(1, 100)))
    axes = "".join(f'"patient.{trait}" = [{values}]\n' for trait in ("weight_kg", "age_years"))
    rows = ", ".join(f'{{"donor.age_years" = {i + 1}}}' for i in range(99))
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        loads(f"{BASE}[sweep]\nlist = [{rows}]\n[sweep.grid]\n{axes}")
    assert time.perf_counter() - start < 10
    (problem,) = caught.value.problems
    assert (problem.path, problem.found, problem.expected) == ("sweep", f"{99**3} points", f"at most {MOST_POINTS}")


def test_runs_are_points_times_patients_times_replicates():
    text = 'name = "x"\npatients = 100_000\nreplicates = 50\n[output]\ncourses = false\n'
    text += '[sweep.grid]\n"donor.match" = ["8/8", "0/8"]\n'
    assert len(loads(text).points) == 2
    with pytest.raises(InputError) as caught:
        loads(text.replace('"0/8"', '"0/8", "1/8"'))
    (problem,) = caught.value.problems
    assert "3 points x 100000 patients x 50 replicates = 1.5e+07 runs" in problem.found


def test_a_fault_of_one_value_is_reported_once_for_all_points_that_share_it():
    text = BASE + '[sweep.grid]\n"patient.sex" = ["male", "m"]\n"donor.match" = ["8/8", "7/8", "6/8"]\n'
    with pytest.raises(InputError) as caught:
        loads(text)
    assert [(p.path, p.found) for p in caught.value.problems] == [("patient.sex", '"m"')]


def test_a_fault_of_a_point_is_placed_where_its_value_was_set():
    text = BASE + '[run]\nduration_days = 10\n[[arm]]\nname = "a"\n'
    text += '[sweep]\nlist = [{"delivery.0.day" = 3}, {"delivery.0.day" = 12}]\n'
    with pytest.raises(InputError) as caught:
        loads(text, "f.toml")
    (problem,) = caught.value.problems
    assert str(problem).startswith("f.toml:10:53: delivery.0.day: got 12, expected a day before the end of the run (10)")
