"""The donor that this patient had: matched alleles and what each immune system could find foreign."""

from __future__ import annotations

from typing import Protocol

from simengine.outcomes.facts import Column
from simengine.state.course import Course


class HasCourse(Protocol):
    """What this module reads: a run's course, of tissue or of a transplantation."""

    @property
    def course(self) -> Course:
        """The recorded course."""
        ...


COLUMNS = {
    "hla_matched_of_8": Column("HLA match of 8", "alleles", "matched alleles at A, B, C, DRB1 at the level of the match"),
    "hla_mismatches_hvg": Column("HLA mismatches, HvG", "antigens", "donor antigens at A, B, C, DRB1 that the patient lacks"),
    "hla_mismatches_gvh": Column("HLA mismatches, GvH", "antigens", "patient antigens at A, B, C, DRB1 that the donor lacks"),
    "minor_load": Column("Minor antigens", "1", "load of minor antigens on donor cells, 1 = a typical unrelated pair"),
    "missing_self": Column("Missing self", "share", "share of the patient's KIR ligands that the donor lacks"),
    "dpb1_nonpermissive": Column("DPB1 non-permissive", "0/1", "T-cell-epitope groups differ in either direction"),
}


def measure(facts: HasCourse) -> dict[str, float]:
    """Return the columns of this module; NaN for what is not known, such as alleles of a donor of another species."""
    return {name: facts.course.traits.get(name, float("nan")) for name in COLUMNS}
