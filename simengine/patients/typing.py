"""The HLA typing of one person: up to two names at each of six loci."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simengine.catalog.nomenclature import LOCI, Allele, allele_of

__all__ = ["Typing", "typing_of"]


@dataclass(frozen=True)
class Typing:
    """The two alleles of each typed locus, in the order of `LOCI`; a homozygote holds the same one twice."""

    loci: Mapping[str, tuple[Allele, Allele]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names as written, two for each typed locus."""
        return tuple(allele.name for pair in self.loci.values() for allele in pair)

    def expressed(self, locus: str) -> tuple[Allele, ...]:
        """Return what the cells show at a typed locus: two alleles, or none.

        A null allele shows nothing, so that its partner counts as homozygous.
        """
        shown = [allele for allele in self.loci[locus] if allele.is_expressed]
        return (shown[0], shown[-1]) if shown else ()


def typing_of(names: Iterable[str]) -> Typing:
    """Return the typing of a list of HLA names in any order; a locus with one name is taken as homozygous.

    Raises
    ------
    NameFault
        When a name is no HLA name.
    ValueError
        When a locus has more than two names.

    Example
    -------
    >>> typing_of(["A*02:01", "A*01:01", "B*08:01"]).loci["B"][1].name
    'B*08:01'
    """
    found: dict[str, list[Allele]] = {}
    for name in names:
        allele = allele_of(name)
        found.setdefault(allele.locus, []).append(allele)
    for locus, alleles in found.items():
        if len(alleles) > 2:
            raise ValueError(f"{len(alleles)} names at {locus}, expected at most two")
    return Typing({locus: (found[locus][0], found[locus][-1]) for locus in LOCI if locus in found})
