"""Names of HLA alleles and antigens: what they mean at each level, and what nonsense is answered with."""

from __future__ import annotations

import pytest

from simengine.catalog import load_catalog
from simengine.catalog.nomenclature import LOCI, NameFault, allele_of, typing_faults
from simengine.patients.typing import typing_of

ALLELES = {str(row["name"]): row for entry in load_catalog().entries["hla"].values() for row in entry.rows}


@pytest.mark.parametrize(
    ("name", "locus", "two_field", "first_field", "antigen", "broad"),
    [
        ("A*02:01", "A", "A*02:01", "A*02", "A2", "A2"),
        ("HLA-A*02:01:01:02L", "A", "A*02:01", "A*02", "A2", "A2"),
        ("A*02:101", "A", "A*02:101", "A*02", "A2", "A2"),
        ("A*02", "A", "", "A*02", "A2", "A2"),
        ("A*02:XX", "A", "", "A*02", "A2", "A2"),
        ("A2", "A", "", "A*02", "A2", "A2"),
        ("A9", "A", "", "", "", "A9"),
        ("A*24:02:01G", "A", "A*24:02", "A*24", "A24", "A9"),
        ("A*24:02P", "A", "A*24:02", "A*24", "A24", "A9"),
        ("B*15:01", "B", "B*15:01", "B*15", "B62", "B15"),
        ("B*15:16", "B", "B*15:16", "B*15", "B63", "B15"),
        ("B*15:03", "B", "B*15:03", "B*15", "B72", "B70"),
        ("B*15:999", "B", "B*15:999", "B*15", "", ""),
        ("B62", "B", "", "B*15", "B62", "B15"),
        ("C*12:03", "C", "C*12:03", "C*12", "C*12", "C*12"),
        ("Cw10", "C", "", "C*03", "Cw10", "Cw3"),
        ("DR15", "DRB1", "", "DRB1*15", "DR15", "DR2"),
        ("DRB1*03:01", "DRB1", "DRB1*03:01", "DRB1*03", "DR17", "DR3"),
        ("DQ8", "DQB1", "", "DQB1*03", "DQ8", "DQ3"),
        ("DPB1*105:01", "DPB1", "DPB1*105:01", "DPB1*105", "DPB1*105", "DPB1*105"),
    ],
)
def test_a_name_tells_its_locus_and_what_it_is_at_each_level(name, locus, two_field, first_field, antigen, broad):
    found = allele_of(name)
    assert (found.locus, found.two_field, found.first_field) == (locus, two_field, first_field)
    assert (found.antigen, found.broad) == (antigen, broad)


@pytest.mark.parametrize(
    ("name", "is_expressed"),
    [("A*24:09N", False), ("B*44:02:01:02S", False), ("A*24:02:01:02L", True), ("A*23:19Q", True), ("A*01:01", True)],
)
def test_null_secreted_and_cytoplasmic_alleles_are_not_expressed(name, is_expressed):
    assert allele_of(name).is_expressed is is_expressed


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("A*0201", 'did you mean "A*02:01"?'),
        ("A0201", 'did you mean "A*02:01"?'),
        ("a*02:01", 'did you mean "A*02:01"?'),
        ("HLA A2", 'did you mean "A2"?'),
        ("B*7", 'did you mean "B*07"?'),
        ("A*2:1", 'did you mean "A*02:01"?'),
        ("Cw0702", 'did you mean "C*07:02"?'),
        ("DPB1*0401", 'did you mean "DPB1*04:01"?'),
        ("b8", 'did you mean "B8"?'),
        ("DR51", "DRB3, DRB4 and DRB5 are not compared"),
        ("Bw4", "Bw4 is an epitope of several antigens"),
    ],
)
def test_a_name_written_otherwise_is_refused_with_the_right_one(name, hint):
    with pytest.raises(NameFault, match="expected an HLA name") as caught:
        allele_of(name)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "name", ["", "A", "A*", "A*99:01", "B*99", "DRB1*99:01", "A*02:1", "A*002:01", "A*02:01:01:01:01", "A*02N", "A*02:01G", "X"]
)
def test_nonsense_is_refused(name):
    with pytest.raises(NameFault):
        allele_of(name)


def test_every_row_of_the_catalogue_is_read_back_with_its_antigen_ligand_and_group():
    """A row that could not be reached by its own name would be a fact that nobody uses."""
    for name, row in ALLELES.items():
        found = allele_of(name)
        assert found.locus == name.partition("*")[0] in LOCI
        assert (found.ligand, found.tce_group) == (row.get("ligand", ""), row.get("tce_group", 0)), name
        if "antigen" in row:
            assert found.antigen == row["antigen"]
            assert allele_of(str(row["antigen"])).locus == found.locus
    assert len(ALLELES) == sum(len(entry.rows) for entry in load_catalog().entries["hla"].values())


def test_faults_of_a_typing_come_all_at_once_with_their_place():
    found = list(typing_faults(["A*02:01", "A*0101", "B8", "B7", "B*44:02", "A*03:01", "A*11:01"]))
    assert [index for index, *_ in found] == [1, 4, 6]
    assert "third name at B" in found[1][1]


def test_a_locus_with_one_name_is_homozygous_and_a_null_allele_shows_nothing():
    typing = typing_of(["B*08:01", "A*02:01", "A*24:09N"])
    assert list(typing.loci) == ["A", "B"]
    assert typing.names == ("A*02:01", "A*24:09N", "B*08:01", "B*08:01")
    assert [allele.name for allele in typing.expressed("A")] == ["A*02:01", "A*02:01"]
    with pytest.raises(ValueError, match="3 names at A"):
        typing_of(["A1", "A2", "A3"])
