"""Two typings compared: locus by locus, in both directions, at a stated level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simengine.catalog.nomenclature import Allele, Level
from simengine.patients.typing import Typing

__all__ = ["COUNTS", "Comparison", "LocusComparison", "compare", "differ"]

COUNTS: Mapping[int, tuple[str, ...]] = {
    6: ("A", "B", "DRB1"),
    8: ("A", "B", "C", "DRB1"),
    10: ("A", "B", "C", "DRB1", "DQB1"),
    12: ("A", "B", "C", "DRB1", "DQB1", "DPB1"),
}
"""The loci of a match of so many alleles."""
_IMPLIED_BY: Mapping[Level, tuple[str, ...]] = {
    "antigen": ("broad", "first_field"),
    "first_field": ("broad",),
    "two_field": ("broad", "antigen", "first_field"),
}
"""Names that differ at one of these differ at the level as well."""


@dataclass(frozen=True)
class LocusComparison:
    """One locus of a pair.

    `matched` of two alleles, counted one to one; `undecided` further ones that may match, as a name is coarser than the
    level; `hvg` the donor's antigens that the patient lacks (rejection), `gvh` the patient's that the donor lacks (GVHD): a
    homozygote has one antigen there, which counts once.
    """

    matched: int
    undecided: int
    hvg: int
    gvh: int


@dataclass(frozen=True)
class Comparison:
    """All loci that are typed in both, at one level."""

    level: Level
    loci: Mapping[str, LocusComparison]

    def matched(self, of: int) -> int | None:
        """Return the alleles that match for certain of 6, 8, 10 or 12; None unless all loci of that count are typed."""
        return self._sum("matched", of)

    def possible(self, of: int) -> int | None:
        """Return the alleles that match for certain or perhaps, of 6, 8, 10 or 12."""
        matched, undecided = self._sum("matched", of), self._sum("undecided", of)
        return None if matched is None or undecided is None else matched + undecided

    def mismatches(self, direction: str, loci: Sequence[str]) -> int:
        """Return the mismatched antigens in a direction, `hvg` or `gvh`, at those of the loci that are typed."""
        return sum(getattr(self.loci[locus], direction) for locus in loci if locus in self.loci)

    def _sum(self, what: str, of: int) -> int | None:
        loci = COUNTS[of]
        return sum(getattr(self.loci[locus], what) for locus in loci) if set(loci) <= set(self.loci) else None


def differ(one: Allele, other: Allele, level: Level) -> bool | None:
    """Return whether two names of one locus differ at a level; None when a name is too coarse to tell.

    Example
    -------
    >>> from simengine.catalog.nomenclature import allele_of
    >>> a, b, broad = allele_of("A*24:02"), allele_of("A*24:03"), allele_of("A9")
    >>> differ(a, b, "two_field"), differ(a, b, "antigen"), differ(a, broad, "antigen")
    (True, False, None)
    """
    if one.at(level) and other.at(level):
        return one.at(level) != other.at(level)
    for coarser in _IMPLIED_BY[level]:
        names = (getattr(one, coarser), getattr(other, coarser))
        if all(names) and names[0] != names[1]:
            return True
    return None


def compare(patient: Typing, donor: Typing, level: Level = "two_field") -> Comparison:
    """Return the comparison of a pair at every locus that is typed in both.

    Example
    -------
    >>> from simengine.patients.typing import typing_of
    >>> locus = compare(typing_of(["A*01:01"]), typing_of(["A*01:01", "A*02:01"])).loci["A"]
    >>> locus.matched, locus.hvg, locus.gvh
    (1, 1, 0)
    """
    both = [locus for locus in patient.loci if locus in donor.loci]
    return Comparison(level, {locus: _locus(patient, donor, locus, level) for locus in both})


def _locus(patient: Typing, donor: Typing, locus: str, level: Level) -> LocusComparison:
    """Compare one locus.

    Notes
    -----
    EQ-MATCH-2: matched = the larger number of equal alleles over the two ways of pairing both alleles of the donor with
    both of the patient (a null allele replaced by its partner); HvG = number of different antigens of the donor that
    equal none of the patient's, GvH the same with the roles exchanged.
    """
    own, foreign = patient.expressed(locus), donor.expressed(locus)
    if own and foreign:
        pairings = [[differ(own[i], foreign[j], level) for i, j in ways] for ways in (((0, 0), (1, 1)), ((0, 1), (1, 0)))]
        matched, undecided = max((found.count(False), found.count(None)) for found in pairings)
    else:
        matched, undecided = (0 if own or foreign else 2), 0
    return LocusComparison(
        matched=matched,
        undecided=undecided,
        hvg=_lacking(foreign, own, level),
        gvh=_lacking(own, foreign, level),
    )


def _lacking(shown: Sequence[Allele], by: Sequence[Allele], level: Level) -> int:
    """Return how many different antigens of those shown differ for certain from all of the other's."""
    missing = [allele for allele in shown if all(differ(allele, other, level) for other in by)]
    is_one = len(missing) == 2 and (missing[0] == missing[1] or differ(missing[0], missing[1], level) is False)
    return len(missing) - is_one
