"""Donor and recipient: what each one's immune system finds foreign in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simengine.patients.comparison import Comparison, compare
from simengine.patients.donors import GRADED, SAME_BODY, mismatch_order, typings_of
from simengine.patients.draws import Dice
from simengine.patients.ligands import blood_mismatch, carries_h_y, dpb1_verdict, missing_self
from simengine.patients.numbers import Numbers
from simengine.patients.typing import Typing
from simengine.scenario import Scenario

__all__ = ["Pair", "pair_of"]

_CLASS_1 = ("A", "B", "C")
_CLASS_2 = ("DRB1",)


@dataclass(frozen=True)
class Vector:
    """Recognition in one direction.

    `class_1` and `class_2` mismatched antigens as shares of six (A, B, C) and two (DRB1); `minor` the load of minor
    antigens, 1 = unrelated; `missing_self` the share of one's own KIR ligands that the other lacks.
    """

    class_1: float
    class_2: float
    minor: float
    missing_self: float


@dataclass(frozen=True)
class Pair:
    """Recognition of a donor by a recipient (host versus graft), and the reverse (`gvh`).

    `mismatched` the loci at which the donor has an antigen that the recipient lacks, once for each; `class_1`, `class_2`,
    `minor` and `missing_self` as in :class:`Vector`; `dpb1` and `blood_group` as the functions of `ligands` say (empty when
    not known); `patient`, `donor` and `comparison` are None unless both have HLA.
    """

    mismatched: tuple[str, ...]
    class_1: float
    class_2: float
    minor: float
    missing_self: float
    gvh: Vector
    dpb1: str = ""
    blood_group: str = ""
    patient: Typing | None = None
    donor: Typing | None = None
    comparison: Comparison | None = None

    def numbers(self) -> dict[str, float]:
        """Return what is kept of the pair in each run, by name; NaN for what is not known."""
        matched = None if self.comparison is None else self.comparison.matched(8)
        verdict = {"matched": 0.0, "permissive": 0.0}.get(self.dpb1, 1.0 if self.dpb1.startswith("non") else math.nan)
        return {
            "hla_matched_of_8": math.nan if matched is None else float(matched),
            "hla_mismatches_hvg": float(len(self.mismatched)),
            "hla_mismatches_gvh": 6.0 * self.gvh.class_1 + 2.0 * self.gvh.class_2,
            "minor_load": self.minor,
            "missing_self": self.missing_self,
            "dpb1_nonpermissive": verdict,
        }


def pair_of(scenario: Scenario, numbers: Numbers, dice: Dice) -> Pair:
    """Return the pair of a scenario: typings stated or drawn where patient and donor have HLA, else the grade alone.

    Notes
    -----
    EQ-MATCH-4: class 1 = HvG mismatches at A, B, C / 6; class 2 = at DRB1 / 2; minor = load of the pair x share by relation
    (0 for the patient's own and a twin's cells) + H-Y load for male cells in a female; all of them again in the GvH direction.
    Without HLA typings: mismatches in the drawn order in both directions, missing self = those at C / 2.
    """
    hvg, gvh = _minor(scenario, numbers, dice)
    blood = ""
    if scenario.patient.blood_group and scenario.donor.blood_group:
        blood = blood_mismatch(scenario.patient.blood_group, scenario.donor.blood_group)
    has_hla = numbers.catalog.entry("species", scenario.patient.species).facts.get("mhc") == "HLA"
    if scenario.donor.relation == "xenogeneic" or not has_hla:
        order = mismatch_order(dice)[: 8 - _n_matched(scenario)]
        mismatched = tuple(sorted(GRADED[i] for i in order))
        way = Vector(_share(mismatched, _CLASS_1), _share(mismatched, _CLASS_2), gvh, mismatched.count("C") / 2.0)
        return Pair(mismatched, way.class_1, way.class_2, hvg, way.missing_self, way, blood_group=blood)
    patient, donor = typings_of(scenario, numbers, dice)
    compared = compare(patient, donor, scenario.donor.match_level)
    loci = (*_CLASS_1, *_CLASS_2)
    seen, back = (
        tuple(sorted(locus for locus in loci for _ in range(compared.mismatches(direction, [locus]))))
        for direction in ("hvg", "gvh")
    )
    return Pair(
        mismatched=seen,
        class_1=_share(seen, _CLASS_1),
        class_2=_share(seen, _CLASS_2),
        minor=hvg,
        missing_self=missing_self(patient, donor),
        gvh=Vector(_share(back, _CLASS_1), _share(back, _CLASS_2), gvh, missing_self(donor, patient)),
        dpb1=dpb1_verdict(patient, donor),
        blood_group=blood,
        patient=patient,
        donor=donor,
        comparison=compared,
    )


def _share(mismatched: tuple[str, ...], loci: tuple[str, ...]) -> float:
    """Return the mismatches at some loci as a share of their alleles."""
    return sum(mismatched.count(locus) for locus in loci) / (2.0 * len(loci))


def _n_matched(scenario: Scenario) -> int:
    """Return the matched alleles of eight where there are no typings: one haplotype is half of them."""
    return 4 if scenario.donor.match == "haploidentical" else int(scenario.donor.match.split("/")[0])


def _minor(scenario: Scenario, numbers: Numbers, dice: Dice) -> tuple[float, float]:
    """Return the load of minor antigens in both directions, H-Y included."""
    relation = scenario.donor.relation
    load = numbers.own("hla", "minor_antigens", "unrelated_load", dice)
    loads = {
        "unrelated": load,
        "sibling": load * numbers.own("hla", "minor_antigens", "sibling_share", dice),
        "parent_or_child": load * numbers("hla", "minor_antigens", "parent_share"),
        "xenogeneic": numbers("hla", "minor_antigens", "xenogeneic_load"),
    }
    h_y = numbers("hla", "minor_antigens", "h_y_load")
    if relation in SAME_BODY:
        return 0.0, 0.0
    own, other = scenario.patient.sex, scenario.donor.sex or scenario.patient.sex
    return loads[relation] + h_y * carries_h_y(other, own), loads[relation] + h_y * carries_h_y(own, other)
