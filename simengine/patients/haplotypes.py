"""Haplotypes by ancestry: named ones as published, and a fitted tail of combinations that nobody listed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate, product

import numpy as np

from simengine.catalog import load_catalog
from simengine.foundation.math import power
from simengine.foundation.random import make_key, purpose, uniform

__all__ = ["RECIPIENT", "Haplotypes", "haplotypes_of"]

_ORDER = ("A", "C", "B", "DRB1", "DQB1", "DPB1")
_BLOCKS = ("A", "C~B", "DRB1~DQB1")
RECIPIENT = purpose("haplotypes.recipient")
"""Draws of the virtual recipients of a bank."""
_TAIL = purpose("haplotypes.tail")
_KEY = make_key(0, 0, 0)
_LEAST_LEFT = 0.05
"""Share of a block's frequency that is left for the tail even where named haplotypes seem to use all of it."""


@dataclass(frozen=True)
class Haplotypes:
    """The haplotypes of an ancestry by falling frequency, and its DPB1 alleles.

    `alleles` H tuples of five names (A, C, B, DRB1, DQB1), `frequency` their H shares of chromosomes (sum 1), `n_named` of
    them published, `loci` the shares of alleles at each of the six loci, frequent ones first; DPB1 is drawn apart, as
    recombination separates it.
    """

    ancestry: str
    alleles: tuple[tuple[str, ...], ...]
    frequency: tuple[float, ...]
    n_named: int
    loci: Mapping[str, Mapping[str, float]]
    _ends: tuple[float, ...]
    _dpb1_ends: tuple[float, ...]

    def draw(self, u: float, u_dpb1: float) -> dict[str, str]:
        """Return the haplotype at two uniform numbers, an allele for each locus; small numbers give frequent ones."""
        return self._at(bisect_right(self._ends, u), bisect_right(self._dpb1_ends, u_dpb1))

    def typical(self, rank: int) -> dict[str, str]:
        """Return the haplotype of a rank, 0 the most frequent, with the DPB1 allele of that rank."""
        return self._at(rank, rank)

    def _at(self, i: int, j: int) -> dict[str, str]:
        dpb1 = tuple(self.loci["DPB1"])
        alleles = (*self.alleles[min(i, len(self.alleles) - 1)], dpb1[min(j, len(dpb1) - 1)])
        return dict(zip(_ORDER, alleles, strict=True))

    def share_of_first(self, n: int) -> float:
        """Return the share of chromosomes that carry one of the n most frequent haplotypes."""
        return self._ends[n - 1]


@lru_cache(maxsize=16)
def haplotypes_of(ancestry: str, tail_index: float | None = None) -> Haplotypes:
    """Return the haplotypes of an ancestry, an entry of catalogue folder `ancestries`.

    Notes
    -----
    EQ-HAPLO-1: named haplotypes have their published frequency, together F. The remaining 1 - F is shared among all other
    combinations of an A allele, a C~B block and a DRB1~DQB1 block, in proportion to a c d u^(-1/t): a, c, d are the
    frequencies of the blocks less what named haplotypes carry of them (at least a twentieth); u is a uniform number that
    hangs on the names alone, so that the factor has a Pareto tail of index t, which stands for linkage (none as t grows).
    None is more frequent than the rarest named one. Which unnamed haplotypes are frequent is thus arbitrary; how unequal
    they are is fitted.

    Raises
    ------
    UnknownName
        For an ancestry that the catalogue does not hold.

    Example
    -------
    >>> table = haplotypes_of("european")
    >>> table.alleles[0]
    ('A*01:01', 'C*07:01', 'B*08:01', 'DRB1*03:01', 'DQB1*02:01')
    """
    entry = load_catalog().entry("ancestries", ancestry)
    rows: dict[tuple[str, ...], float] = {tuple(str(row["alleles"]).split("~")): float(row["frequency"]) for row in entry.rows}
    named: dict[tuple[str, ...], float] = {alleles: share for alleles, share in rows.items() if len(alleles) == 5}
    blocks = [_scaled(rows, kind) for kind in _BLOCKS]
    index = entry.value("tail_index") if tail_index is None else tail_index
    left = [_left(block, named) for block in blocks]
    raw: dict[tuple[str, ...], float] = {
        (*a, *c, *d): left[0][a] * left[1][c] * left[2][d] * float(power(_by_name((*a, *c, *d)), -1.0 / index))
        for a, c, d in product(*blocks)
        if (*a, *c, *d) not in named
    }
    shares = named | _capped(raw, 1.0 - sum(named.values()), min(named.values()))
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    frequency = tuple(share for _, share in ordered)
    loci = {locus: _marginal(ordered, place) for place, locus in enumerate(_ORDER[:5])}
    loci["DPB1"] = _marginal(list(_scaled(rows, "DPB1").items()), 0)
    return Haplotypes(
        ancestry=ancestry,
        alleles=tuple(alleles for alleles, _ in ordered),
        frequency=frequency,
        n_named=len(named),
        loci=loci,
        _ends=tuple(accumulate(frequency)),
        _dpb1_ends=tuple(accumulate(loci["DPB1"].values())),
    )


def _capped(raw: Mapping[tuple[str, ...], float], total: float, most: float) -> dict[tuple[str, ...], float]:
    """Return weights rescaled to a sum of `total`, none above `most`: what is cut off is given to the others."""
    n_cut, rest = 0, sum(raw.values())
    ordered = sorted(raw.values(), reverse=True)
    while ordered[n_cut] * (total - n_cut * most) > most * rest:
        rest -= ordered[n_cut]
        n_cut += 1
    scale = (total - n_cut * most) / rest
    return {alleles: min(share * scale, most) for alleles, share in raw.items()}


def _by_name(alleles: tuple[str, ...]) -> float:
    """Return the uniform number of a haplotype, the same in every run and on every machine."""
    identity = int.from_bytes(sha256("~".join(alleles).encode()).digest()[:8], "big")
    return float(uniform(_KEY, np.uint64(identity), 0, _TAIL, 0))


def _marginal(shares: Sequence[tuple[tuple[str, ...], float]], place: int) -> dict[str, float]:
    """Return the shares of the alleles that stand at one place of haplotypes, frequent ones first."""
    found: dict[str, float] = {}
    for alleles, share in shares:
        found[alleles[place]] = found.get(alleles[place], 0.0) + share
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _scaled(rows: Mapping[tuple[str, ...], float], kind: str) -> dict[tuple[str, ...], float]:
    """Return the rows of one kind of block (`C~B`), rescaled to a sum of 1."""
    block = {alleles: share for alleles, share in rows.items() if "~".join(a.split("*")[0] for a in alleles) == kind}
    total = sum(block.values())
    return {alleles: share / total for alleles, share in block.items()}


def _left(block: Mapping[tuple[str, ...], float], named: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Return what named haplotypes leave of the frequency of each block."""
    used = {alleles: sum(share for whole, share in named.items() if set(alleles) <= set(whole)) for alleles in block}
    return {alleles: max(share - used[alleles], _LEAST_LEFT * share) for alleles, share in block.items()}
