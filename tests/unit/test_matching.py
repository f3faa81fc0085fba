"""Pairs of donor and patient: graded, inherited, drawn or typed, and what each immune system finds foreign."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.catalog.nomenclature import LEVELS
from simengine.engine import simulate
from simengine.outcomes import evaluate
from simengine.patients import donors
from simengine.patients.comparison import compare
from simengine.patients.donors import GRADED
from simengine.patients.draws import Dice
from simengine.patients.haplotypes import Haplotypes
from simengine.patients.matching import pair_of
from simengine.patients.numbers import Numbers
from simengine.patients.typing import typing_of

CATALOG = load_catalog()
EIGHT = ("A", "B", "C", "DRB1")
PATIENT = ["A*01:01", "A*02:01", "B*08:01", "B*44:02", "C*07:01", "C*05:01", "DRB1*03:01", "DRB1*04:01"]
ANY_P = 1e-4
"""Threshold of a chi-square test: one false alarm in ten thousand versions."""


def pair(patient=0, vary="per_patient", given=None, **changes):
    """Return the pair of a scenario with some fields changed, for one patient of the seed 3."""
    asked = scenario.loads('name = "pair"', overrides={"patient.vary": vary, **changes}).points[0].scenario
    return pair_of(asked, Numbers(CATALOG, given or {}), Dice(vary, 3, patient, 0))


def test_a_grade_of_match_is_that_many_mismatches_and_worse_grades_keep_them():
    """EQ-MATCH-1 for 60 patients at each level: counts, and every mismatch of a better grade kept in a worse one."""
    for patient in range(60):
        kept = Counter()
        for n in range(9):
            found = pair(patient, **{"donor.match": f"{8 - n}/8", "donor.match_level": LEVELS[patient % 3]})
            assert found.comparison.matched(8) == 8 - n
            assert len(found.mismatched) == n
            assert Counter(found.mismatched) >= kept
            kept = Counter(found.mismatched)
            assert found.gvh.class_1 <= found.class_1 + 1e-12
    assert kept == Counter(GRADED)


def test_mismatched_loci_are_spread_evenly_over_patients():
    """EQ-MATCH-1: each of eight alleles is the first to differ equally often (chi-square, 800 patients)."""
    found = Counter(pair(patient, **{"donor.match": "7/8"}).mismatched[0] for patient in range(800))
    assert chisquare([found[locus] for locus in EIGHT]).pvalue > ANY_P


def test_a_replaced_allele_is_drawn_by_its_frequency():
    """EQ-MATCH-1: alleles at A of the 0/8 donors of one typed patient, against frequencies without the patient's own."""
    shares = donors.haplotypes_of("european", CATALOG.entry("ancestries", "european").value("tail_index")).loci["A"]
    drawn = Counter(
        pair(patient, **{"donor.match": "0/8", "patient.hla": PATIENT}).donor.loci["A"][0].name for patient in range(1500)
    )
    free = {name: share for name, share in shares.items() if name not in PATIENT}
    top = list(free)[:8]
    counts = [drawn[name] for name in top] + [sum(drawn.values()) - sum(drawn[name] for name in top)]
    expected = [free[name] / sum(free.values()) for name in top]
    assert chisquare(counts, 1500.0 * np.array([*expected, 1.0 - sum(expected)])).pvalue > ANY_P
    assert not set(drawn) & set(PATIENT)


def test_when_nothing_varies_mismatches_are_spread_over_the_loci_in_turn():
    assert [Counter(pair(vary="none", **{"donor.match": f"{n}/8"}).mismatched) for n in (4, 0)] == [
        Counter(EIGHT),
        Counter(GRADED),
    ]
    same = [pair(patient, vary="none") for patient in (0, 1)]
    assert same[0] == same[1]
    assert len(set(same[0].patient.loci["A"])) == 2


THREE = (
    ("A*01:01", "C*07:01", "B*08:01", "DRB1*03:01", "DQB1*02:01"),
    ("A*01:01", "C*07:02", "B*07:02", "DRB1*15:01", "DQB1*06:02"),
    ("A*03:01", "C*04:01", "B*07:02", "DRB1*01:01", "DQB1*05:01"),
)
SHARES = (0.5, 0.3, 0.2)


@pytest.fixture
def three(monkeypatch):
    """Three haplotypes that share an allele at A and one at B, so that many people are homozygous there."""
    loci = {"DPB1": {"DPB1*04:01": 1.0}}
    table = Haplotypes("three", THREE, SHARES, 3, loci, tuple(np.cumsum(SHARES)), (1.0,))
    monkeypatch.setattr(donors, "haplotypes_of", lambda *_: table)


def enumerated(related):
    """Return the chance of each (matched of 8, HvG, GvH) over all haplotypes of patient and donor."""
    chances = Counter()
    for p in product(range(3), repeat=4):
        weight = float(np.prod([SHARES[i] for i in p]))
        sharing = ((0, 0), (0, 1), (1, 0), (1, 1)) if related else ((0, 0),)
        for first, second in sharing:
            other = (p[0] if first else p[2], p[1] if second else p[3])
            people = [typing_of(name for i in pair for name in THREE[i][:4]) for pair in (p[:2], other)]
            compared = compare(*people)
            found = (compared.matched(8), compared.mismatches("hvg", EIGHT), compared.mismatches("gvh", EIGHT))
            chances[found] += weight / len(sharing)
    return chances


@pytest.mark.parametrize("relation", ["unrelated", "sibling"])
def test_drawn_pairs_match_as_often_as_all_pairs_do(three, relation):
    """EQ-MATCH-3: chi-square of 4,000 pairs against the sum over all haplotypes; a homozygote counted twice is far off."""
    chances = enumerated(relation == "sibling")
    found = Counter()
    for patient in range(4000):
        drawn = pair(patient, **{"donor.match": "drawn", "donor.relation": relation})
        found[(drawn.comparison.matched(8), len(drawn.mismatched), round(6 * drawn.gvh.class_1 + 2 * drawn.gvh.class_2))] += 1
    assert set(found) <= set(chances)
    common = [key for key, chance in chances.items() if 4000 * chance > 5]
    counts = [found[key] for key in common] + [4000 - sum(found[key] for key in common)]
    expected = [4000 * chances[key] for key in common] + [4000 * (1.0 - sum(chances[key] for key in common))]
    if expected[-1] < 1e-6:
        counts, expected = counts[:-1], expected[:-1]
    assert chisquare(counts, np.array(expected) * sum(counts) / sum(expected)).pvalue > ANY_P


def test_siblings_are_identical_half_identical_or_different_by_inheritance():
    """EQ-MATCH-3: 1/4, 1/2, 1/4 of 2,000 siblings share two, one and no haplotype (told by rare full haplotypes)."""
    shared = Counter()
    for patient in range(2000):
        found = pair(patient, **{"donor.match": "drawn", "donor.relation": "sibling", "patient.hla": PATIENT})
        same = [all(found.donor.loci[locus][i].name == found.patient.loci[locus][i].name for locus in EIGHT) for i in (0, 1)]
        shared[sum(same)] += 1
    assert chisquare([shared[n] for n in (0, 1, 2)], [500, 1000, 500]).pvalue > ANY_P


@pytest.mark.parametrize("relation", ["sibling", "parent_or_child"])
def test_a_haploidentical_donor_shares_one_haplotype_either_one(relation):
    sides = Counter()
    for patient in range(300):
        found = pair(patient, **{"donor.match": "haploidentical", "donor.relation": relation, "donor.ancestry": "japanese"})
        assert found.comparison.matched(8) >= 4
        same = [all(found.donor.loci[x][i] == found.patient.loci[x][i] for x in EIGHT) for i in (0, 1)]
        assert any(same)
        sides[tuple(same)] += 1
    assert chisquare([sides[True, False], sides[False, True]]).pvalue > ANY_P


@pytest.mark.parametrize("relation", ["autologous", "identical_twin"])
def test_ones_own_and_a_twins_cells_have_nothing_foreign(relation):
    for patient in range(50):
        found = pair(patient, **{"donor.relation": relation})
        assert found.patient == found.donor
        assert (found.class_1, found.class_2, found.minor, found.missing_self) == (0.0, 0.0, 0.0, 0.0)
        assert (found.gvh.class_1, found.gvh.class_2, found.gvh.minor, found.gvh.missing_self) == (0.0, 0.0, 0.0, 0.0)
        assert found.dpb1 == "matched"


def test_a_typed_pair_is_compared_as_it_stands_in_both_directions():
    """EQ-MATCH-4 by hand: the donor is homozygous at B and DRB1, lacks C2 and Bw4, and shows a DPB1 of group 1."""
    other = ["A*01:01", "A*24:02", "B*08:01", "C*07:01", "C*07:02", "DRB1*03:01", "DPB1*04:01", "DPB1*09:01"]
    typed = {"patient.hla": [*PATIENT, "DPB1*04:01"], "donor.hla": other, "donor.match": "typed"}
    found = pair(**typed, given={"hla.minor_antigens.unrelated_load": 1.25})
    assert found.mismatched == ("A", "C")
    assert (found.class_1, found.class_2, found.minor) == (pytest.approx(2.0 / 6.0), 0.0, 1.25)
    assert (found.gvh.class_1, found.gvh.class_2) == (pytest.approx(3.0 / 6.0), 0.5)
    assert found.missing_self == pytest.approx(1.0 / 3.0)  # C2; Bw4 is on A*24
    assert found.gvh.missing_self == 0.0
    assert found.dpb1 == "non-permissive HvG"
    assert pair(**typed | {"donor.match_level": "first_field"}).mismatched == ("A",)


def test_a_run_keeps_what_its_pair_was():
    """Seven of eight at a drawn locus, no DPB1 of the patient; and a donor of another species, of whom no allele is known."""
    numbers = pair(**{"donor.match": "7/8", "patient.hla": PATIENT}).numbers()
    assert (numbers["hla_matched_of_8"], numbers["hla_mismatches_hvg"], numbers["hla_mismatches_gvh"]) == (7.0, 1.0, 1.0)
    assert np.isnan(numbers["dpb1_nonpermissive"])
    verdicts = {pair(patient).numbers()["dpb1_nonpermissive"] for patient in range(40)}
    assert {0.0, 1.0} <= verdicts
    other = pair(**{"donor.relation": "xenogeneic", "donor.match": "0/8"}).numbers()
    assert np.isnan(other["hla_matched_of_8"])
    assert other["hla_mismatches_hvg"] == 8.0


def test_the_row_of_a_run_holds_its_pair():
    """Through engine and outcomes, in body mode: a drawn brother of a typed patient."""
    changes = {"donor.relation": "sibling", "donor.match": "drawn", "patient.hla": PATIENT, "run.mode": "body"}
    asked = scenario.loads('name = "pair"\nrun.duration_days = 1', overrides=changes).points[0].scenario
    row = evaluate(asked, simulate(asked, 1)).row
    assert row["hla_matched_of_8"] in range(9)
    assert row["minor_load"] == pytest.approx(0.5, abs=0.3)


def test_a_typed_donor_alone_is_given_a_patient_to_fit():
    found = pair(**{"donor.hla": PATIENT, "donor.match": "6/8"})
    assert found.donor == typing_of(PATIENT)
    assert found.comparison.matched(8) == 6


def test_minor_antigens_follow_relation_and_h_y():
    """EQ-MATCH-4: stated values when nothing varies; male cells in a female add H-Y, and GvH is the reverse."""
    values = {relation: pair(vary="none", **{"donor.relation": relation}).minor for relation in ("sibling", "unrelated")}
    assert values == {"sibling": 0.5, "unrelated": 1.0}
    assert pair(vary="none", **{"donor.relation": "xenogeneic", "donor.match": "0/8"}).minor == 2.0
    to_her = pair(vary="none", **{"patient.sex": "female", "donor.sex": "male"})
    assert (to_her.minor, to_her.gvh.minor) == pytest.approx((1.15, 1.0))
    to_him = pair(vary="none", **{"patient.sex": "male", "donor.sex": "female"})
    assert (to_him.minor, to_him.gvh.minor) == pytest.approx((1.0, 1.15))


def test_the_load_of_minor_antigens_varies_between_pairs_within_its_range():
    loads = np.array([pair(patient).minor for patient in range(400)])
    siblings = np.array([pair(patient, **{"donor.relation": "sibling"}).minor for patient in range(400)])
    assert 0.7 <= loads.min() < 0.8 < 1.2 < loads.max() <= 1.3
    assert abs(loads.mean() - 1.0) < 5.0 * 0.15 / np.sqrt(400.0)
    assert np.all((siblings / loads > 0.41) & (siblings / loads < 0.59))


def test_another_species_of_donor_is_foreign_throughout():
    found = pair(**{"donor.relation": "xenogeneic", "donor.match": "0/8"})
    assert (found.class_1, found.class_2, found.missing_self, found.donor) == (1.0, 1.0, 1.0, None)
    assert found.mismatched == tuple(sorted(GRADED))


@pytest.mark.parametrize("species", ["mouse", "swine"])
def test_species_without_hla_are_matched_by_the_grade_alone(species):
    """EQ-MATCH-4: as many mismatches as the grade says, alike in both directions, and no typings."""
    for match, n in (("8/8", 0), ("5/8", 3), ("0/8", 8)):
        found = pair(7, **{"patient.species": species, "donor.match": match})
        assert len(found.mismatched) == n
        assert (found.gvh.class_1, found.gvh.class_2) == (found.class_1, found.class_2)
        assert found.missing_self == found.mismatched.count("C") / 2.0
        assert (found.patient, found.comparison, found.dpb1) == (None, None, "")
    half = pair(7, **{"patient.species": species, "donor.match": "haploidentical", "donor.relation": "sibling"})
    assert len(half.mismatched) == 4


def test_blood_groups_are_compared_when_both_are_known():
    assert pair(**{"patient.blood_group": "O", "donor.blood_group": "A"}).blood_group == "major"
    assert pair(**{"patient.blood_group": "O"}).blood_group == ""


def test_ancestry_changes_the_typing_and_no_other_dice():
    here, there = (pair(5, **{"patient.ancestry": name, "donor.match": "4/8"}) for name in ("european", "japanese"))
    assert here.patient != there.patient
    assert here.mismatched == there.mismatched
    assert here.minor == there.minor
