"""The typings of a patient and a donor: stated, drawn to a grade, inherited, or drawn from their ancestries."""

from __future__ import annotations

from collections.abc import Mapping

from simengine.catalog.nomenclature import Level, allele_of
from simengine.patients.draws import Dice
from simengine.patients.haplotypes import Haplotypes, haplotypes_of
from simengine.patients.numbers import Numbers
from simengine.patients.typing import Typing, typing_of
from simengine.scenario import Scenario

__all__ = ["GRADED", "mismatch_order", "typings_of"]

GRADED = ("A", "A", "B", "B", "C", "C", "DRB1", "DRB1")
"""The eight alleles that a grade "n/8" counts."""
SAME_BODY = ("autologous", "identical_twin")
_RELATED = ("sibling", "parent_or_child")
_RANKS = ("patient_1", "patient_2", "relative_1", "relative_2")
"""Who carries the haplotype of which rank when nothing varies."""

Haplotype = Mapping[str, str]
"""Names by locus; a locus that is not typed is left out."""
Phased = tuple[Haplotype, Haplotype]


def typings_of(scenario: Scenario, numbers: Numbers, dice: Dice) -> tuple[Typing, Typing]:
    """Return the typings of patient and donor, stated or drawn.

    Of a stated typing the first names of all loci are taken as one haplotype. If the donor alone is typed, the patient is
    drawn to fit; else the donor.
    """
    patient, donor = scenario.patient, scenario.donor
    mine = _table(patient.ancestry, numbers)
    theirs = _table(donor.ancestry or patient.ancestry, numbers)
    if donor.hla and not patient.hla:
        known = _phased(donor.hla)
        return _typing(_relative(scenario, known, mine, dice)), _typing(known)
    known = _phased(patient.hla) if patient.hla else (_drawn(mine, dice, "patient_1"), _drawn(mine, dice, "patient_2"))
    other = _phased(donor.hla) if donor.hla else _relative(scenario, known, theirs, dice)
    return _typing(known), _typing(other)


def mismatch_order(dice: Dice) -> list[int]:
    """Return the order in which the eight graded alleles come to differ, a trait of the patient."""
    if not dice.varies:
        return [0, 2, 4, 6, 1, 3, 5, 7]
    return sorted(range(len(GRADED)), key=lambda i: (dice.uniform(f"mismatch_{i}"), i))


def _table(ancestry: str, numbers: Numbers) -> Haplotypes:
    return haplotypes_of(ancestry, numbers("ancestries", ancestry, "tail_index"))


def _relative(scenario: Scenario, known: Phased, table: Haplotypes, dice: Dice) -> Phased:
    """Return the other of a pair of which one is known.

    Notes
    -----
    EQ-MATCH-3: `haploidentical` shares one haplotype, either with probability 1/2, and the other is drawn; `drawn` is both
    haplotypes drawn (unrelated), one shared (parent or child), or each of the two shared with probability 1/2 (sibling, so
    that 1/4 share both and 1/4 none).
    """
    relation, match = scenario.donor.relation, scenario.donor.match
    if relation in SAME_BODY:
        return known
    new = (_drawn(table, dice, "relative_1"), _drawn(table, dice, "relative_2"))
    if match == "drawn" and relation == "unrelated":
        return new
    if match == "drawn" and relation == "sibling":
        shares = [dice.uniform(f"hla.inherits_{i}") < 0.5 for i in (1, 2)]
        return (known[0] if shares[0] else new[0], known[1] if shares[1] else new[1])
    if match in ("haploidentical", "drawn"):
        return (known[0], new[1]) if dice.uniform("hla.inherits_1") < 0.5 else (new[0], known[1])
    return _graded(known, int(match.split("/")[0]), table, dice, scenario)


def _graded(known: Phased, n_matched: int, table: Haplotypes, dice: Dice, scenario: Scenario) -> Phased:
    """Return somebody who differs from a person at all but so many of the eight graded alleles.

    Notes
    -----
    EQ-MATCH-1: an n/8 match differs at the first 8 - n of A, A, B, B, C, C, DRB1, DRB1 in an order that is a trait of the
    patient, so that a worse grade keeps the mismatches of a better; each mismatched allele is drawn by its frequency from
    those that neither the person nor another mismatch has at the level of the match. DQB1 goes with a new DRB1; DPB1 is that
    of the person in a family, and drawn otherwise.
    """
    changed = set(mismatch_order(dice)[: len(GRADED) - n_matched])
    level, out = scenario.donor.match_level, (dict(known[0]), dict(known[1]))
    for start in range(0, len(GRADED), 2):
        locus = GRADED[start]
        taken = {_at(haplotype[locus], level) for haplotype in known}
        for which in (0, 1):
            new = _drawn_apart(table.loci[locus], taken, level, dice.uniform(f"hla.mismatch_{start + which}"))
            taken.add(_at(new, level))
            if start + which in changed:
                out[which][locus] = new
                if locus == "DRB1" and "DQB1" in known[which]:
                    out[which]["DQB1"] = next(alleles[4] for alleles in table.alleles if alleles[3] == new)
    if scenario.donor.relation not in _RELATED:
        for which, haplotype in enumerate(known):
            if "DPB1" in haplotype:
                out[which]["DPB1"] = _drawn(table, dice, f"relative_{which + 1}")["DPB1"]
    return out


def _drawn_apart(shares: Mapping[str, float], taken: set[str], level: Level, u: float) -> str:
    """Return the allele at a uniform number among those whose name at the level is not taken."""
    free = {name: share for name, share in shares.items() if _at(name, level) not in taken}
    left = u * sum(free.values())
    for name, share in free.items():
        left -= share
        if left <= 0.0:
            return name
    return tuple(free)[-1]


def _at(name: str, level: Level) -> str:
    """Return a name at a level, or what is known of it."""
    allele = allele_of(name)
    return allele.at(level) or allele.broad or allele.name


def _drawn(table: Haplotypes, dice: Dice, who: str) -> Haplotype:
    """Return a haplotype drawn for somebody; when nothing varies, the most frequent that nobody else has."""
    if not dice.varies:
        return table.typical(_RANKS.index(who))
    return table.draw(dice.uniform(f"hla.{who}"), dice.uniform(f"hla.{who}_dpb1"))


def _phased(names: tuple[str, ...]) -> Phased:
    """Return a stated typing as two haplotypes, the first names and the second."""
    pairs = typing_of(names).loci
    first, second = ({locus: pair[which].name for locus, pair in pairs.items()} for which in (0, 1))
    return first, second


def _typing(haplotypes: Phased) -> Typing:
    return typing_of(name for haplotype in haplotypes for name in haplotype.values())
