"""What donor registries and banks of homozygous cell lines can offer to the patients of an ancestry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import load_catalog
from simengine.catalog.nomenclature import Level, allele_of
from simengine.foundation.math import exp, log
from simengine.foundation.random import make_key, uniform2
from simengine.patients.haplotypes import RECIPIENT, Haplotypes, haplotypes_of

__all__ = ["Bank", "bank_coverage", "best_bank", "match_probability"]

N_RECIPIENTS = 20_000
"""Virtual recipients that a bank is tried on: standard error of a share at most 0.35 points."""
_BINS_PER_FOLD = 20
"""Haplotypes of like frequency are taken together, in so many groups for each factor e."""
_MATCHED = ("A", "B", "DRB1")
"""The loci that a bank matches."""


@dataclass(frozen=True)
class Bank:
    """Cell lines of a bank in the order of choice, each A, B and DR of a homozygous donor, and the share they cover."""

    lines: tuple[tuple[str, str, str], ...]
    coverage: tuple[float, ...]


def match_probability(
    population: str,
    donors: float | None = None,
    availability: float | None = None,
    tail_index: float | None = None,
) -> float:
    """Return the probability that a patient finds an available 8/8 donor among registered donors of the same ancestry.

    Parameters
    ----------
    population
        An entry of catalogue folder `ancestries`.
    donors, availability, tail_index
        Registered donors, the share of them who are there when asked, and the tail of haplotypes; by default the
        catalogue's.

    Notes
    -----
    EQ-REGISTRY-1: P = sum over pairs of haplotypes g of p(g) (1 - (1 - a p(g))^N), p(g) = 2 f f' (f^2 for a homozygote), f
    over A, C, B and DRB1. The same alleles on other haplotypes, and donors of other ancestries, are left out: P is low.

    Example
    -------
    >>> 0.0 < match_probability("japanese", donors=1e4) < match_probability("japanese", donors=1e6) < 1.0
    True
    """
    entry = load_catalog().entry("ancestries", population)
    n = entry.value("registry_donors") if donors is None else donors
    there = entry.value("registry_availability") if availability is None else availability
    number, frequency = _binned(_at_8(haplotypes_of(population, tail_index)))
    mass = [n_alike * share for n_alike, share in zip(number, frequency, strict=True)]
    found = 0.0
    for i in range(len(mass)):
        for j in range(i + 1):
            twice = 1.0 if i == j else 2.0
            found += twice * mass[i] * mass[j] * _found(n, there * 2.0 * frequency[i] * frequency[j])
        own = frequency[i] * frequency[i]  # pairs within a group, as if heterozygous, are put right for homozygotes
        found += number[i] * own * (_found(n, there * own) - _found(n, 2.0 * there * own))
    return found


def _found(donors: float, share: float) -> float:
    """Return the probability that one of so many donors has what a share of donors has."""
    return 1.0 - float(exp(donors * float(log(1.0 - min(share, 0.5)))))


def _at_8(table: Haplotypes) -> list[float]:
    """Return the frequencies of haplotypes over A, C, B and DRB1, those that differ at DQB1 alone taken together."""
    found: dict[tuple[str, ...], float] = {}
    for alleles, share in zip(table.alleles, table.frequency, strict=True):
        found[alleles[:4]] = found.get(alleles[:4], 0.0) + share
    return sorted(found.values(), reverse=True)


def _binned(frequencies: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return number and mean frequency of the haplotypes in each group of like frequency."""
    groups: dict[int, list[float]] = {}
    for share in frequencies:
        groups.setdefault(int(_BINS_PER_FOLD * float(log(share)) // 1.0), []).append(share)
    members = [groups[key] for key in sorted(groups, reverse=True)]
    return [float(len(group)) for group in members], [sum(group) / len(group) for group in members]


def bank_coverage(population: str, n_lines: int, level: Level = "antigen") -> float:
    """Return the share of a population that the n best homozygous lines match at A, B and DR, as :func:`best_bank`.

    Example
    -------
    >>> bank_coverage("european", 1) < bank_coverage("european", 10)
    True
    """
    return best_bank(population, n_lines, level).coverage[-1]


@lru_cache(maxsize=8)
def best_bank(population: str, n_lines: int, level: Level = "antigen") -> Bank:
    """Return the bank that is built by always adding the line that matches most of those not matched yet.

    A line is homozygous for one haplotype; a recipient is matched when the line's A, B and DR are among the recipient's.

    Parameters
    ----------
    population
        An entry of catalogue folder `ancestries`, or of `communities`: a mixture of ancestries.
    n_lines, level
        Lines of the bank, and how finely antigens are told apart.

    Notes
    -----
    EQ-REGISTRY-2: coverage(n) = share of recipients with one of the n lines among the eight A-B-DR combinations of their
    two haplotypes, both of one ancestry. Lines are chosen on one set of virtual recipients and counted on another.

    Raises
    ------
    ValueError
        When fewer than one line is asked for.
    """
    if n_lines < 1:
        raise ValueError(f"got {n_lines} lines, expected at least 1")
    training, trial = (_recipients(population, level, which) for which in (0, 1))
    names = sorted({name for chosen in (training, trial) for pair in chosen for triple in pair for name in triple})
    code = {name: i for i, name in enumerate(names)}
    wanted, tried = (_combinations(chosen, code) for chosen in (training, trial))
    every = np.unique(wanted[wanted >= 0])
    lines, coverage = [], []
    n_tried = len(tried)
    for _ in range(min(n_lines, len(every))):
        counts = np.bincount(np.searchsorted(every, wanted[wanted >= 0]), minlength=len(every))
        best = int(every[int(np.argmax(counts))])
        wanted, tried = (left[(left != best).all(axis=1)] for left in (wanted, tried))
        lines.append((names[best // len(code) ** 2], names[best // len(code) % len(code)], names[best % len(code)]))
        coverage.append(1.0 - len(tried) / n_tried)
    return Bank(tuple(lines), tuple(coverage))


def _recipients(population: str, level: Level, which: int) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return virtual recipients, each two triples of names at A, B and DR, as many of each ancestry as its share says."""
    catalog = load_catalog()
    if population in catalog.entries["ancestries"]:
        shares = {population: 1.0}
    else:
        stated = catalog.entry("communities", population).parameters
        shares = {name.removeprefix("share."): parameter.value for name, parameter in stated.items()}
    key, total, found = make_key(0, 0, which), sum(shares.values()), []
    for ancestry, share in shares.items():
        table = haplotypes_of(ancestry)
        for i in range(round(N_RECIPIENTS * share / total)):
            drawn = [table.draw(u, 0.5) for u in uniform2(key, np.uint64(i), 0, RECIPIENT, 0)]
            first, second = (tuple(_named(haplotype[locus], level) for locus in _MATCHED) for haplotype in drawn)
            found.append((first, second))
    return found


@lru_cache(maxsize=4096)
def _named(allele: str, level: Level) -> str:
    """Return the name of an allele at a level; the broad antigen where the split is not known."""
    found = allele_of(allele)
    return found.at(level) or found.broad or found.first_field


def _combinations(recipients: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], code: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the A-B-DR combinations of recipients, (recipients, 8), each as one whole number.

    One that a homozygous locus repeats is replaced by -1, so that it counts once.
    """
    pairs = np.array([[[code[name] for name in triple] for triple in pair] for pair in recipients], dtype=np.int64)
    out = np.empty((len(pairs), 8), dtype=np.int64)
    for mask in range(8):
        a, b, d = (pairs[:, (mask >> locus) & 1, locus] for locus in range(3))
        out[:, mask] = (a * len(code) + b) * len(code) + d
    out.sort(axis=1)
    out[:, 1:][out[:, 1:] == out[:, :-1]] = -1
    return out
