"""Two typings compared: counts and directions worked out by hand, ligands, DPB1, blood groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simengine.catalog.nomenclature import LEVELS, allele_of
from simengine.patients.comparison import COUNTS, compare, differ
from simengine.patients.ligands import blood_mismatch, carries_h_y, dpb1_verdict, kir_ligands, missing_self
from simengine.patients.typing import typing_of

A, B, C, D = "A*01:01", "A*02:01", "A*03:01", "A*11:01"
PATIENT = "A*01:01 A*02:01 B*08:01 B*44:02 C*07:01 C*05:01 DRB1*03:01 DRB1*04:01 DQB1*02:01 DQB1*03:01 DPB1*04:01 DPB1*04:02"
DONOR = "A*01:01 A*02:01 B*08:01 B*44:03 C*07:01 C*16:01 DRB1*03:01 DRB1*03:01 DQB1*02:01 DQB1*03:02 DPB1*04:01 DPB1*09:01"


@pytest.mark.parametrize(
    ("patient", "donor", "matched", "hvg", "gvh"),
    [
        ((A, B), (A, B), 2, 0, 0),
        ((A, B), (B, A), 2, 0, 0),
        ((A, B), (A, C), 1, 1, 1),
        ((A, B), (C, D), 0, 2, 2),
        ((A, A), (A, A), 2, 0, 0),
        ((A, A), (A, B), 1, 1, 0),  # homozygous patient: only the patient's immune system sees something foreign
        ((A, B), (A, A), 1, 0, 1),  # homozygous donor: only the donor's does
        ((A, A), (B, C), 0, 2, 1),
        ((A, B), (C, C), 0, 1, 2),  # the donor's homozygous antigen is one antigen
        ((A, A), (B, B), 0, 1, 1),
        ((A, "A*24:09N"), (A, A), 2, 0, 0),  # a null allele shows nothing
        ((A, "A*24:09N"), (A, "A*24:02"), 1, 1, 0),  # ... and protects nobody
        ((A, "A*24:02"), (A, "A*24:09N"), 1, 0, 1),
        (("A*24:09N", "A*24:09N"), (A, B), 0, 2, 0),
        (("A*24:09N", "A*24:09N"), ("A*24:09N", "A*24:09N"), 2, 0, 0),
    ],
)
def test_counts_and_directions_of_a_locus_are_those_worked_out_by_hand(patient, donor, matched, hvg, gvh):
    """EQ-MATCH-2 at one locus, homozygotes and null alleles in both directions included."""
    found = compare(typing_of(patient), typing_of(donor)).loci["A"]
    assert (found.matched, found.undecided, found.hvg, found.gvh) == (matched, 0, hvg, gvh)


def test_a_whole_pair_is_counted_of_six_eight_ten_and_twelve():
    compared = compare(typing_of(PATIENT.split()), typing_of(DONOR.split()))
    assert {of: compared.matched(of) for of in COUNTS} == {6: 4, 8: 5, 10: 6, 12: 7}
    assert compared.mismatches("hvg", ("A", "B", "C", "DRB1")) == 2
    assert compared.mismatches("gvh", ("A", "B", "C", "DRB1")) == 3
    without = compare(typing_of(PATIENT.split()[:4]), typing_of(DONOR.split()))
    assert without.matched(6) is None


@pytest.mark.parametrize(
    ("one", "other", "antigen", "first_field", "two_field"),
    [
        ("A*24:02", "A*24:03", False, False, True),
        ("B*15:01", "B*15:16", True, False, True),
        ("B*40:01", "B*40:02", True, False, True),
        ("A*02:01", "A2", False, False, None),
        ("A*24:02", "A9", None, None, None),
        ("A*02:01", "A9", True, True, True),
        ("B62", "B*15:01", False, False, None),
        ("B62", "B*15:16", True, False, True),
        ("B*15:999", "B62", None, False, None),
        ("A*02:01:01", "A*02:01:02", False, False, False),
        ("A*24:02", "A*24:09N", False, False, True),
    ],
)
def test_names_differ_at_a_level_or_are_too_coarse_to_tell(one, other, antigen, first_field, two_field):
    alleles = allele_of(one), allele_of(other)
    assert [differ(*alleles, level) for level in LEVELS] == [antigen, first_field, two_field]
    assert [differ(*alleles[::-1], level) for level in LEVELS] == [antigen, first_field, two_field]


def test_coarse_names_leave_the_count_open():
    compared = compare(typing_of(["A2", "A*01:01"]), typing_of(["A*02:01", "A*01:01"]))
    assert (compared.loci["A"].matched, compared.loci["A"].undecided) == (1, 1)
    assert (compared.loci["A"].hvg, compared.loci["A"].gvh) == (0, 0)


NAMES = ("A*01:01", "A*02:01", "A*02:05", "A*24:02", "A*24:03", "A*24:09N", "A9", "A2", "A*03", "A*68:01")
pairs = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))


@given(pairs, pairs, st.sampled_from(LEVELS))
def test_exchanging_patient_and_donor_exchanges_the_directions_and_nothing_else(patient, donor, level):
    there = compare(typing_of(patient), typing_of(donor), level).loci["A"]
    back = compare(typing_of(donor[::-1]), typing_of(patient), level).loci["A"]
    assert (there.matched, there.undecided, there.hvg, there.gvh) == (back.matched, back.undecided, back.gvh, back.hvg)
    assert 0 <= there.matched + there.undecided <= 2
    assert max(there.hvg, there.gvh) <= 2 - there.matched
    if patient == donor and there.undecided == 0:
        assert (there.matched, there.hvg, there.gvh) == (2, 0, 0)


@pytest.mark.parametrize(
    ("names", "ligands"),
    [
        ("C*07:01 C*05:01 B*08:01 A*01:01", ("C1", "C2")),
        ("C*16:01 C*16:01 B*44:02 A*03:01", ("C1", "Bw4", "A3/A11")),
        ("C*16:02 B*46:01 A*24:02", ("C1", "C2", "Bw4")),  # B*46 carries C1, A*24 Bw4
        ("C*04:01 B*27:08 A*25:01", ("C2",)),
        ("C*04:01 B*27:05 A*25:01", ("C2", "Bw4")),
        ("C*04:01 B*15:13 A*01:01", ("C2", "Bw4")),
        ("C*04:01 B*15:01 A*24:09N", ("C2",)),  # a null allele is nobody's ligand
    ],
)
def test_kir_ligands_are_those_of_the_alleles_shown(names, ligands):
    assert kir_ligands(typing_of(names.split())) == ligands


def test_missing_self_is_the_share_of_ones_ligands_that_the_other_lacks():
    """EQ-LIGAND-1: C1, C2 and Bw4 against C1 alone, both ways, and A3/A11 counted in neither."""
    rich = typing_of(["C*07:01", "C*05:01", "B*44:02", "A*03:01"])
    poor = typing_of(["C*07:01", "C*07:02", "B*08:01", "A*01:01"])
    assert missing_self(rich, poor) == pytest.approx(2.0 / 3.0)
    assert missing_self(poor, rich) == 0.0
    assert missing_self(rich, rich) == 0.0


@pytest.mark.parametrize(
    ("patient", "donor", "verdict"),
    [
        ("04:01 04:02", "04:02 04:01", "matched"),
        ("04:01 04:02", "02:01 04:01", "permissive"),
        ("04:01 04:02", "04:01 09:01", "non-permissive HvG"),
        ("10:01 04:02", "04:01 03:01", "non-permissive GvH"),
        ("03:01 04:02", "14:01 01:01", "permissive"),
        ("04:01 06:01", "04:01 04:02", "not told"),  # no group is assigned to 06:01
        ("09:01 06:01", "17:01 04:02", "permissive"),  # ... which cannot matter beside a group-1 allele
        ("04:01", "04:01 04:01", "matched"),
    ],
)
def test_dpb1_is_permissive_when_the_most_immunogenic_groups_are_equal(patient, donor, verdict):
    """EQ-LIGAND-2: three groups, both directions, homozygotes, and an allele without a group."""
    typings = [typing_of(f"DPB1*{name}" for name in names.split()) for names in (patient, donor)]
    assert dpb1_verdict(*typings) == verdict


def test_blood_groups_mismatch_by_direction():
    expected = {
        "O": ("none", "major", "major", "major"),
        "A": ("minor", "none", "bidirectional", "major"),
        "B": ("minor", "bidirectional", "none", "major"),
        "AB": ("minor", "minor", "minor", "none"),
    }
    assert {own: tuple(blood_mismatch(own, other) for other in expected) for own in expected} == expected


def test_h_y_is_seen_by_females_on_male_cells_only():
    assert [carries_h_y(sex, other) for sex, other in (("male", "female"), ("female", "male"), ("male", "male"))] == [
        True,
        False,
        False,
    ]
