"""What else decides between two people: KIR ligands, permissiveness at DPB1, blood groups, H-Y."""

from __future__ import annotations

from typing import Literal, get_args

from simengine.patients.typing import Typing

__all__ = ["BLOOD_GROUPS", "BloodGroup", "blood_mismatch", "carries_h_y", "dpb1_verdict", "kir_ligands", "missing_self"]

BloodGroup = Literal["O", "A", "B", "AB"]
BLOOD_GROUPS: tuple[BloodGroup, ...] = get_args(BloodGroup)
LIGANDS = ("C1", "C2", "Bw4", "A3/A11")
_COUNTED = ("C1", "C2", "Bw4")
"""Ligands of the receptors that license NK cells and stop them (KIR2DL1, 2DL2/3, 3DL1); KIR3DL2 does so weakly."""
_LOCI = ("A", "B", "C")


def kir_ligands(typing: Typing) -> tuple[str, ...]:
    """Return the KIR ligands that a person's class I shows, in the order C1, C2, Bw4, A3/A11."""
    shown = {allele.ligand for locus in _LOCI if locus in typing.loci for allele in typing.expressed(locus)}
    return tuple(ligand for ligand in LIGANDS if ligand in shown)


def missing_self(own: Typing, other: Typing) -> float:
    """Return the share of one's KIR ligands that the other lacks, 0-1: what one's NK cells miss on the other's cells.

    Notes
    -----
    EQ-LIGAND-1: missing self = |own ligands without the other's| / |own ligands|, of C1, C2 and Bw4. Receptors are taken as
    present in everybody.
    """
    mine = [ligand for ligand in kir_ligands(own) if ligand in _COUNTED]
    theirs = kir_ligands(other)
    return sum(ligand not in theirs for ligand in mine) / len(mine) if mine else 0.0


def dpb1_verdict(patient: Typing, donor: Typing) -> str:
    """Return `matched`, `permissive`, `non-permissive HvG`, `non-permissive GvH`, or `not told`.

    Notes
    -----
    EQ-LIGAND-2: a person's group is the least T-cell-epitope group (1 most immunogenic) of both alleles. Equal groups are
    permissive; otherwise the side with the lesser group is attacked: HvG if the donor's is less, GvH if the patient's is.
    """
    if "DPB1" not in patient.loci or "DPB1" not in donor.loci:
        return "not told"
    own, foreign = patient.expressed("DPB1"), donor.expressed("DPB1")
    names = [{allele.two_field for allele in alleles} for alleles in (own, foreign)]
    if names[0] == names[1] and all(names[0]):
        return "matched"
    groups = [[allele.tce_group for allele in alleles] for alleles in (own, foreign)]
    least = [min(known) if known and all(known) else 1 if 1 in known else 0 for known in groups]
    if 0 in least:
        return "not told"
    if least[0] == least[1]:
        return "permissive"
    return "non-permissive HvG" if least[1] < least[0] else "non-permissive GvH"


def blood_mismatch(patient: str, donor: str) -> str:
    """Return `none`, `major` (the patient has antibody to the donor's cells), `minor` (the reverse) or `bidirectional`."""
    own, foreign = set(patient) - {"O"}, set(donor) - {"O"}
    major, minor = bool(foreign - own), bool(own - foreign)
    return {(False, False): "none", (True, False): "major", (False, True): "minor", (True, True): "bidirectional"}[major, minor]


def carries_h_y(sex: str | None, other: str | None) -> bool:
    """Return whether the cells of one sex show H-Y antigens to the immune system of the other: male to female."""
    return sex == "male" and other == "female"
