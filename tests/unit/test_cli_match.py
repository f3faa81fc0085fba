"""`simengine match`: the report a laboratory would write, the order of donors, and every fault at its place."""

from __future__ import annotations

import json

import pytest

import simengine
from simengine import cli
from simengine.foundation.errors import InputError
from simengine.patients.people import person_of

PATIENT = "A*01:01,A*02:01,B*08:01,B*44:02,C*07:01,C*05:01,DRB1*03:01,DRB1*04:01"
WORSE = PATIENT.replace("B*44:02", "B*44:03").replace("A*02:01", "A*24:02")
FILE = """\
name = "M. N."
hla = ["A*01:01", "A*02:01", "B*08:01", "B*44:02", "C*07:01", "C*05:01", "DRB1*03:01", "DRB1*04:01"]
sex = "female"
blood_group = "O"
cmv = "negative"
"""


def call(*arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["match", *(str(argument) for argument in arguments)])
    return caught.value.code


@pytest.fixture
def files(tmp_path):
    """A patient and a brother who is identical at all loci."""
    (tmp_path / "patient.toml").write_text(FILE)
    (tmp_path / "donor.toml").write_text(FILE.replace("M. N.", "brother").replace("female", "male").replace('"O"', '"A"'))
    return tmp_path


def test_a_pair_is_printed_locus_by_locus_with_counts_and_what_else_decides(files, capsys):
    assert call(files / "patient.toml", files / "donor.toml") == 0
    text = capsys.readouterr().out
    assert "M. N. and brother: 6/6, 8/8 at level two_field" in text
    assert "H-Y: HvG yes, GvH no" in text
    assert "Blood group: patient O, donor A; mismatch major" in text
    assert "CMV: patient negative, donor negative" in text
    assert "DPB1: not told" in text
    assert text.rstrip().endswith("Research software. Not medical advice.")


def test_donors_are_put_in_order_of_match(files, capsys):
    assert call(PATIENT, WORSE, files / "donor.toml", "A2,B7,DR15", "--json") == 0
    reports = json.loads(capsys.readouterr().out)["donors"]
    assert [report["donor"] for report in reports] == ["brother", "donor 1", "donor 3"]
    assert [report["counts"]["8"] for report in reports] == ["8/8", "6/8", None]
    assert reports[1]["loci"]["B"] == {
        "patient": ["08:01", "44:02"],
        "donor": ["08:01", "44:03"],
        "matched": 1,
        "undecided": 0,
        "hvg": 1,
        "gvh": 1,
    }


def test_the_level_decides_what_counts_as_a_mismatch():
    counts = {level: simengine.match(PATIENT, [WORSE], level)[0]["counts"]["8"] for level in ("antigen", "two_field")}
    assert counts == {"antigen": "7/8", "two_field": "6/8"}
    with pytest.raises(ValueError, match="expected one of antigen, first_field, two_field"):
        simengine.match(PATIENT, [WORSE], "serology")


def test_names_that_are_too_coarse_leave_a_question_mark(capsys):
    assert call("A*01:01,B*08:01,DRB1*03:01", "A1,B*08:01,DRB1*03:01") == 0
    text = capsys.readouterr().out
    assert "4-6/6" in text
    assert "0+?" in text
    assert "C     " not in text


def test_every_fault_of_every_person_is_reported_at_its_place(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text('hla = ["A*0101", "B8", "B*44:02", "B7", 3]\nseks = "male"\nblood_group = "0"\ncmv = 1\nname = ""\n')
    assert call(bad, "A*02:01, B*0801", tmp_path / "none.toml") == 2
    text = capsys.readouterr().err
    places = [":1:8: hla.0:", ":1:35: hla.3:", ":1:41: hla.4:", ":2:1: seks:", ":3:15: blood_group:"]
    places += [":4:7: cmv:", ":5:8: name:"]
    assert all(f"{bad}{place}" in text for place in places)
    assert 'donor 1:1:10: hla.1: got "B*0801"' in text
    assert 'did you mean "B*08:01"?' in text
    assert "none.toml:1:1: document: got no such file" in text
    assert len(text.splitlines()) == len(places) + 2
    assert "Traceback" not in text


@pytest.mark.parametrize("text", ["", 'hla = "A2"', "hla = []", 'name = "x"'])
def test_a_person_without_typing_is_refused(tmp_path, text):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(InputError, match="a list of 1 to 24 HLA names"):
        person_of(str(tmp_path / "x.toml"), "patient")
