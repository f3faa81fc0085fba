"""Donor and recipient: which HLA alleles differ, and what that means to the recipient's immune system."""

from __future__ import annotations

from dataclasses import dataclass

from simengine.patients.draws import Dice

__all__ = ["LOCI", "Pair", "pair_of"]

LOCI = ("A", "A", "B", "B", "C", "C", "DRB1", "DRB1")
"""The eight alleles that a grade "n/8" counts."""


@dataclass(frozen=True)
class Pair:
    """Recognition of a donor by a recipient (host-versus-graft direction).

    ``mismatched`` the loci at which the donor has an allele that the recipient lacks; ``class_1`` and ``class_2`` their
    shares (of six and of two alleles); ``minor`` the load of minor antigens, 1 = unrelated; ``missing_self`` the share of
    C-locus ligands that the donor lacks.
    """

    mismatched: tuple[str, ...]
    class_1: float
    class_2: float
    minor: float
    missing_self: float


_MINOR = {"autologous": 0.0, "identical_twin": 0.0, "sibling": 0.5, "unrelated": 1.0, "xenogeneic": 2.0}


def pair_of(relation: str, match: str, dice: Dice) -> Pair:
    """Return a pair of the stated grade; which loci differ is drawn, and a worse grade keeps the mismatches of a better.

    Notes
    -----
    EQ-MATCH-1: an n/8 match has 8 - n mismatches among A, A, B, B, C, C, DRB1, DRB1 in a drawn order; class 1 = mismatches
    at A, B, C / 6; class 2 = at DRB1 / 2; missing self = at C / 2; minor = 0, 0.5, 1, 2 by relation.

    Parameters
    ----------
    relation
        ``autologous``, ``identical_twin``, ``sibling``, ``unrelated`` or ``xenogeneic`` (all alleles foreign).
    match
        ``"8/8"`` to ``"0/8"``.
    dice
        The patient's: the order in which loci come to differ is one of the patient's traits.
    """
    n = len(LOCI) if relation == "xenogeneic" else len(LOCI) - int(match.split("/")[0])
    ranks = sorted(range(len(LOCI)), key=lambda i: (dice.uniform(f"mismatch_{i}"), i))
    if dice.uniform("mismatch_0") == dice.uniform("mismatch_1"):  # nothing varies: spread over the loci in turn
        ranks = [0, 2, 4, 6, 1, 3, 5, 7]
    chosen = tuple(sorted(LOCI[i] for i in ranks[:n]))
    class_2 = chosen.count("DRB1")
    return Pair(
        mismatched=chosen,
        class_1=(n - class_2) / 6.0,
        class_2=class_2 / 2.0,
        minor=_MINOR[relation],
        missing_self=chosen.count("C") / 2.0,
    )
