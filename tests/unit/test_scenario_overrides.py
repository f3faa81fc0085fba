"""Values from outside the file: how they read, where they go, and where their faults are placed."""

from __future__ import annotations

import pytest

from simengine.foundation.errors import InputError
from simengine.scenario import loads, parse_override

BASE = 'name = "x"\n[[delivery]]\nroute = "intravenous"\ndose_cells = 1e8\n'


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("donor.match=0/8", "donor.match", "0/8"),
        ('donor.match="0/8"', "donor.match", "0/8"),
        ("product.name=ipsc_cm", "product.name", "ipsc_cm"),
        ("patient.age_years=50", "patient.age_years", 50),
        ("patient.age_years = 5e1", "patient.age_years", 50.0),
        ("patient.smoking=true", "patient.smoking", True),
        ("patch.shape=[10, 10, 1]", "patch.shape", [10, 10, 1]),
        ("delivery=[]", "delivery", []),
        ('delivery=[{route = "intravenous", dose_cells = 1}]', "delivery", [{"route": "intravenous", "dose_cells": 1}]),
        ("title=a=b", "title", "a=b"),
        ("title=", "title", ""),
        ("title=1\nseed = 3", "title", "1\nseed = 3"),
        ("title=[[[", "title", "[[["),
        ("title=" + "[" * 5000, "title", "[" * 5000),
        ("title=" + "9" * 5000, "title", "9" * 5000),
    ],
)
def test_a_value_is_toml_when_it_reads_as_such_and_text_otherwise(text, path, value):
    assert parse_override(text) == (path, value)
    assert type(parse_override(text)[1]) is type(value)


@pytest.mark.parametrize(("text", "column"), [("donor.match", 12), ("=3", 1), ("", 1), (" =3", 1)])
def test_what_is_no_assignment_is_refused(text, column):
    with pytest.raises(InputError) as caught:
        parse_override(text)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("--set", 1, column)


def test_overrides_win_over_the_file_and_reach_every_point():
    text = BASE + '[sweep.grid]\n"donor.match" = ["8/8", "0/8"]\n'
    study = loads(text, overrides=["delivery.0.dose_cells=5", "seed=7", "replicates=3", "patient.sex=female"])
    assert [point.scenario.delivery[0].dose_cells for point in study.points] == [5, 5]
    assert (study.seed, study.replicates) == (7, 3)
    assert {point.scenario.patient.sex for point in study.points} == {"female"}


def test_a_mapping_and_texts_mean_the_same():
    texts = loads(BASE, overrides=["donor.match=0/8", "delivery.dose_cells=2e6", "parameters.priming.first_division_h=31"])
    mapping = loads(
        BASE, overrides={"donor": {"match": "0/8"}, "delivery.dose_cells": 2e6, "parameters.priming.first_division_h": 31}
    )
    assert texts.hash == mapping.hash


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["patient.agee=3"], [(1, 1, "patient.agee")]),
        (["seed=1", "patient.age_years=old"], [(2, 19, "patient.age_years")]),
        (["patient.age_years=nan"], [(1, 19, "patient.age_years")]),
        (["product.name=bm"], [(1, 14, "product.name")]),
        (["delivery.0.day=99"], [(1, 16, "delivery.0.day")]),
        (["delivery.3.day=9"], [(1, 1, "delivery.3.day")]),
        (["drug.name=tacrolimus"], [(1, 1, "drug.name")]),
        (["delivery=[{route='x', dose_cells=-1}]"], [(1, 10, "delivery.0.dose_cells"), (1, 10, "delivery.0.route")]),
        (["extends=a.toml"], [(1, 1, "extends")]),
        (["arm=[]"], [(1, 1, "arm")]),
        (["sweep.grid=3"], [(1, 1, "sweep.grid")]),
        (["patient={}"], [(1, 1, "patient")]),
        (["nonsense", "seed=-1"], [(1, 9, "nonsense"), (2, 6, "seed")]),
        ({"patient.sex": "m", "mechanisms.flying": True}, [(1, 13, "patient.sex"), (2, 1, "mechanisms.flying")]),
        (["title=1\nseed = 3"], [(1, 7, "title")]),
    ],
)
def test_faults_are_placed_on_the_command_line(overrides, expected):
    with pytest.raises(InputError) as caught:
        loads(BASE, overrides=overrides)
    assert [(p.line, p.column, p.path) for p in caught.value.problems] == expected
    assert {p.file for p in caught.value.problems} == {"--set"}


@pytest.mark.parametrize(
    "variants",
    [
        '[[arm]]\nname = "a"\nset = {"donor.match" = "0/8"}\n',
        "[sweep]\n" + 'list = [{"donor.match" = "0/8"}]\n',
        "[sweep.grid]\n" + '"donor.match" = ["0/8"]\n',
    ],
)
def test_a_value_that_a_variant_would_undo_is_refused(variants):
    with pytest.raises(InputError) as caught:
        loads(BASE + variants, overrides=["donor.match=1/8"])
    (problem,) = caught.value.problems
    assert (problem.path, problem.expected) == ("donor.match", "a path that no arm and no sweep of the file sets")


def test_an_override_of_a_malformed_table_leaves_its_fault_visible():
    with pytest.raises(InputError) as caught:
        loads('name = "x"\ndonor = []\n', "f", overrides=["donor.match=0/8"])
    assert [(p.file, p.path) for p in caught.value.problems] == [("--set", "donor.match"), ("f", "donor")]
