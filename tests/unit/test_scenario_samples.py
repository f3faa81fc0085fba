"""Sampled designs: even where they say so, the same everywhere, within bounds, in products with the other designs."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats
from scipy.stats import qmc

from simengine.cli import simengine
from simengine.foundation.errors import InputError
from simengine.scenario import loads
from simengine.scenario.labels import short_names
from simengine.scenario.sobol import BITS, MOST_DIMENSIONS, sobol_column
from simengine.studies.design import design

BASE = 'name = "study"\nseed = 5\n[[delivery]]\nroute = "intravenous"\ndose_cells = 1e8\n'
WEIGHT = '"patient.weight_kg" = { low = 50, high = 110 }\n'
AGE = '"patient.age_years" = { low = 20, high = 80 }\n'
DOSE = '"delivery.0.dose_cells" = { low = 1e6, high = 1e8, distribution = "loguniform" }\n'


def sampled(kind, n, ranges, extra="", before=""):
    """The points of a study with one sampled design."""
    return loads(f"{BASE}{before}[sweep.{kind}]\nn = {n}\n{extra}[sweep.{kind}.ranges]\n{ranges}").points


def column(points, path):
    return np.array([point.values[path] for point in points])


@pytest.mark.parametrize("n", [2, 7, 50])
def test_a_latin_hypercube_meets_each_of_n_equal_shares_of_each_range_once(n):
    points = sampled("latin_hypercube", n, WEIGHT + DOSE)
    weight = (column(points, "patient.weight_kg") - 50) / 60
    dose = (np.log10(column(points, "delivery.0.dose_cells")) - 6) / 2
    for share in (weight, dose):
        assert sorted(np.floor(share * n).astype(int)) == list(range(n))


def test_the_orders_of_two_ranges_of_a_latin_hypercube_are_their_own():
    """Rank correlation of 200 points in 10 seeds: mean of squares near 1 / 199; more than twice that would be a pattern."""
    found = []
    for seed in range(10):
        points = sampled("latin_hypercube", 200, WEIGHT + AGE, f"seed = {seed}\n")
        found.append(stats.spearmanr(column(points, "patient.weight_kg"), column(points, "patient.age_years")).statistic)
    assert np.mean(np.square(found)) < 2.5 / 199


def test_a_sobol_design_is_even_in_every_dyadic_box():
    """Of 64 points each of the 8 x 8 boxes of the first two dimensions holds one: a (0, 6, 2)-net stays one when shifted."""
    points = sampled("sobol", 64, WEIGHT + AGE)
    weight, age = (column(points, "patient.weight_kg") - 50) / 60, (column(points, "patient.age_years") - 20) / 60
    boxes = np.floor(weight * 8).astype(int) * 8 + np.floor(age * 8).astype(int)
    assert sorted(boxes) == list(range(64))


def test_a_sobol_design_is_the_published_sequence_shifted_digit_by_digit():
    points = sampled("sobol", 16, WEIGHT + AGE)
    shares = np.column_stack([(column(points, "patient.age_years") - 20) / 60, (column(points, "patient.weight_kg") - 50) / 60])
    found = np.floor(shares * 2**14).astype(int)
    plain = np.floor(qmc.Sobol(2, scramble=False).random(16) * 2**14).astype(int)
    assert np.all((found ^ plain) == (found ^ plain)[0])


def test_the_sequence_is_that_of_another_program_in_every_dimension():
    points = qmc.Sobol(MOST_DIMENSIONS, scramble=False, bits=BITS).random(512)
    for j, column in enumerate(points.T):
        assert [k / 2**BITS for k in sobol_column(j, 512)] == column.tolist()


def test_random_points_follow_their_distributions():
    """2,000 points: Kolmogorov-Smirnov p > 0.001 for each shape; a uniform draw instead fails with p < 1e-20."""
    ranges = (
        '"patient.weight_kg" = { low = 50, high = 110, value = 70, distribution = "triangular" }\n'
        '"patient.age_years" = { low = 20, high = 80, value = 50, distribution = "normal" }\n' + DOSE
    )
    points = sampled("random", 2000, ranges, before="[output]\ncourses = false\n")
    triangle = stats.triang(1 / 3, 50, 60)
    normal = stats.truncnorm(-2, 2, 50, 15)
    assert stats.kstest(column(points, "patient.weight_kg"), triangle.cdf).pvalue > 0.001
    assert stats.kstest(column(points, "patient.age_years"), normal.cdf).pvalue > 0.001
    assert stats.kstest(np.log10(column(points, "delivery.0.dose_cells")), stats.uniform(6, 2).cdf).pvalue > 0.001


def test_whole_numbers_and_choices_are_met_equally_often():
    ranges = '"product.passage" = { low = 3, high = 6 }\n"donor.match" = { choices = ["8/8", "4/8", "0/8"] }\n'
    points = sampled("latin_hypercube", 24, ranges)
    passages, matches = column(points, "product.passage"), column(points, "donor.match")
    assert dict(zip(*np.unique(passages, return_counts=True))) == {3: 6, 4: 6, 5: 6, 6: 6}
    assert dict(zip(*np.unique(matches, return_counts=True))) == {"0/8": 8, "4/8": 8, "8/8": 8}


def test_values_are_the_same_on_every_machine():
    """The numbers themselves, written down once: a new generator, order of draws or rounding would move them."""
    points = sampled("latin_hypercube", 4, WEIGHT + DOSE)
    assert [dict(point.values) for point in points] == EXPECTED


def test_one_more_range_moves_no_value_of_another():
    few, many = (sampled("latin_hypercube", 10, ranges) for ranges in (WEIGHT, AGE + WEIGHT + DOSE))
    assert column(few, "patient.weight_kg").tolist() == column(many, "patient.weight_kg").tolist()


def test_the_seed_is_that_of_the_study_unless_the_design_has_its_own():
    def weights(extra, overrides=()):
        text = f"{BASE}[sweep.random]\nn = 5\n{extra}[sweep.random.ranges]\n{WEIGHT}"
        return column(loads(text, overrides=overrides).points, "patient.weight_kg").tolist()

    assert weights("") == weights("seed = 5\n") != weights("seed = 6\n")
    assert weights("", {"seed": 6}) == weights("seed = 6\n")
    assert weights("seed = 5\n", {"seed": 6}) == weights("")


def test_arms_rows_grid_and_samples_multiply_in_this_order():
    before = '[[arm]]\nname = "a"\n[[arm]]\nname = "b"\nset = { "product.name" = "cord_msc" }\n'
    before += '[sweep]\nlist = [{ "patient.sex" = "male" }, { "patient.sex" = "female" }]\n'
    before += '[sweep.grid]\n"donor.match" = ["8/8", "0/8"]\n'
    points = sampled("sobol", 4, WEIGHT, before=before)
    assert len(points) == 2 * 2 * 2 * 4
    assert [point.index for point in points] == list(range(32))
    first, last = points[0], points[-1]
    assert first.label.startswith("a, patient.sex=male, donor.match=8/8, #000 weight_kg=")
    assert last.label.startswith("b, patient.sex=female, donor.match=0/8, #003 weight_kg=")
    assert column(points[:4], "patient.weight_kg").tolist() == column(points[-4:], "patient.weight_kg").tolist()
    assert last.scenario.patient.weight_kg == last.values["patient.weight_kg"]


def test_labels_are_short_distinct_and_tell_values_to_three_digits():
    points = sampled("latin_hypercube", 20, DOSE + WEIGHT + AGE + '"patient.sex" = { choices = ["male", "female"] }\n')
    assert len({point.label for point in points}) == 20
    assert max(len(point.label) for point in points) < 60
    label, values = points[17].label, points[17].values
    assert label.startswith("#017 dose_cells=")
    assert label.endswith(", ...")
    told = float(label.split("dose_cells=")[1].split(",")[0])
    assert told == pytest.approx(values["delivery.0.dose_cells"], rel=0.005)


def test_short_names_tell_paths_apart():
    paths = ["delivery.0.day", "delivery.1.day", "patient.age_years", "donor.age_years", "product.name", "donor.match"]
    short = ["0.day", "1.day", "patient.age_years", "donor.age_years", "product.name", "match"]
    assert list(short_names(paths).values()) == short


def test_sampled_paths_cannot_be_set_from_outside_as_well():
    with pytest.raises(InputError, match="a path that no arm and no sweep of the file sets"):
        loads(f"{BASE}[sweep.random]\nn = 3\n[sweep.random.ranges]\n{WEIGHT}", overrides={"patient.weight_kg": 70})


def test_the_design_is_a_table_before_the_first_run():
    study = loads(f"{BASE}[sweep.random]\nn = 3\n[sweep.random.ranges]\n{WEIGHT}")
    rows = design(study).table()
    assert [row["point"] for row in rows] == [0, 1, 2]
    assert [row["patient.weight_kg"] for row in rows] == column(study.points, "patient.weight_kg").tolist()


def test_the_command_prints_the_same_table_in_three_ways(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(f"{BASE}[sweep.random]\nn = 3\n[sweep.random.ranges]\n{WEIGHT}")
    run = CliRunner().invoke
    as_csv = list(csv.DictReader(io.StringIO(run(simengine, ["design", str(file), "--csv"]).output)))
    as_json = json.loads(run(simengine, ["design", str(file), "--json"]).output)
    printed = run(simengine, ["design", str(file)]).output
    assert [float(row["patient.weight_kg"]) for row in as_csv] == [row["patient.weight_kg"] for row in as_json]
    assert all(str(row["patient.weight_kg"]) in printed for row in as_json)
    assert "3 arms x 1 patients x 20 replicates = 60 runs; seed 5" in printed


def test_a_table_of_many_paths_says_what_it_leaves_out(tmp_path):
    file = tmp_path / "study.toml"
    traits = ("age_years", "weight_kg", "immune_strength")
    ranges = "".join(f'"patient.{trait}" = {{ low = 1, high = 2 }}\n' for trait in traits)
    ranges += '"patient.sex" = { choices = ["male", "female"] }\n"product.passage" = { low = 1, high = 4 }\n'
    ranges += '"product.purity" = { low = 0.9, high = 1 }\n"product.diameter_um" = { low = 15, high = 20 }\n'
    file.write_text(f"{BASE}[sweep.random]\nn = 2\n[sweep.random.ranges]\n{ranges}")
    assert "1 more paths vary: see --csv." in CliRunner().invoke(simengine, ["design", str(file)]).output


EXPECTED = [
    {"delivery.0.dose_cells": 15695700, "patient.weight_kg": 67.2832},
    {"delivery.0.dose_cells": 1369050, "patient.weight_kg": 109.449},
    {"delivery.0.dose_cells": 7882700, "patient.weight_kg": 54.41},
    {"delivery.0.dose_cells": 37807200, "patient.weight_kg": 83.2638},
]
