"""A donor assessed for a patient, and several donors in order: what `simengine match` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simengine.catalog.nomenclature import LEVELS, LOCI, Level
from simengine.foundation.errors import InputError, Problem, listed
from simengine.patients.comparison import COUNTS, Comparison, compare
from simengine.patients.ligands import blood_mismatch, carries_h_y, dpb1_verdict, kir_ligands
from simengine.patients.people import Person, person_of

__all__ = ["assess", "match"]

Report = dict[str, Any]


def match(patient: str, donors: Sequence[str], level: Level = "two_field") -> list[Report]:
    """Compare donors with a patient and return one report a donor, the best match first.

    Parameters
    ----------
    patient, donors
        Files ending in `.toml` with `hla = [...]`, or HLA names separated by commas.
    level
        `antigen`, `first_field` or `two_field`.

    Notes
    -----
    Order: fewest mismatches of eight, of ten, GvH and HvG antigens, then DPB1 (non-permissive last), blood group (major
    last), H-Y, CMV unlike. It is an order of display, no advice.

    Raises
    ------
    InputError
        With every fault of every person, and its place.
    ValueError
        For an unknown level.

    Example
    -------
    >>> report = match("A*01:01,B*08:01,DRB1*03:01", ["A*02:01,B*08:01,DRB1*03:01"])[0]
    >>> report["counts"]["6"], report["loci"]["A"]["gvh"]
    ('4/6', 1)
    """
    if level not in LEVELS:
        raise ValueError(f"got level {level!r}, expected {listed(LEVELS)}")
    people, problems = [], list[Problem]()
    for i, text in enumerate((patient, *donors)):
        try:
            people.append(person_of(text, f"donor {i}" if i else "patient"))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    reports = [assess(people[0], donor, level) for donor in people[1:]]
    return sorted(reports, key=_rank)


def assess(patient: Person, donor: Person, level: Level = "two_field") -> Report:
    """Return the report of one pair as plain values: loci, counts, DPB1, KIR ligands, H-Y, blood group, CMV."""
    compared = compare(patient.typing, donor.typing, level)
    loci = {
        locus: {
            "patient": _names(patient, locus),
            "donor": _names(donor, locus),
            **({name: getattr(found, name) for name in ("matched", "undecided", "hvg", "gvh")} if found else {}),
        }
        for locus in LOCI
        for found in (compared.loci.get(locus),)
    }
    own, foreign = (_ligands(person) for person in (patient, donor))
    groups = (patient.blood_group, donor.blood_group)
    both_sexes = patient.sex is not None and donor.sex is not None
    return {
        "patient": patient.name,
        "donor": donor.name,
        "level": level,
        "loci": loci,
        "counts": {str(of): _count(compared, of) for of in COUNTS},
        "dpb1": dpb1_verdict(patient.typing, donor.typing),
        "kir_ligands": {
            "patient": own,
            "donor": foreign,
            "donor lacks": _without(own, foreign),
            "patient lacks": _without(foreign, own),
        },
        "h_y": {
            "hvg": carries_h_y(donor.sex, patient.sex) if both_sexes else None,
            "gvh": carries_h_y(patient.sex, donor.sex) if both_sexes else None,
        },
        "blood_group": {
            "patient": groups[0],
            "donor": groups[1],
            "mismatch": blood_mismatch(groups[0], groups[1]) if groups[0] and groups[1] else None,
        },
        "cmv": {"patient": patient.cmv, "donor": donor.cmv},
        "ancestry": {"patient": patient.ancestry, "donor": donor.ancestry},
    }


def _ligands(person: Person) -> list[str] | None:
    """Return the KIR ligands of a person, or None unless A, B and C are typed."""
    return list(kir_ligands(person.typing)) if {"A", "B", "C"} <= set(person.typing.loci) else None


def _without(own: list[str] | None, other: list[str] | None) -> list[str] | None:
    """Return the ligands of one that the other lacks, or None when one of them is not known."""
    return None if own is None or other is None else [ligand for ligand in own if ligand not in other]


def _names(person: Person, locus: str) -> list[str]:
    """Return the names at a locus without the locus where they carry it, or an empty list when it is not typed."""
    return [allele.name.removeprefix(f"{locus}*") for allele in person.typing.loci.get(locus, ())]


def _count(compared: Comparison, of: int) -> str | None:
    """Return `7/8`, or `6-7/8` when a name is too coarse to tell; None when a locus is not typed."""
    sure, possible = compared.matched(of), compared.possible(of)
    if sure is None:
        return None
    return f"{sure}/{of}" if sure == possible else f"{sure}-{possible}/{of}"


def _rank(report: Mapping[str, Any]) -> tuple[float, ...]:
    """Return what donors are ordered by, small first; what is not known stands behind what is."""
    loci = report["loci"]

    def missing(of: int) -> float:
        known = [loci[locus] for locus in COUNTS[of] if "matched" in loci[locus]]
        told = sum(2.0 - found["matched"] - 0.5 * found["undecided"] for found in known)
        return float(told + 2.0 * (len(COUNTS[of]) - len(known)))

    def antigens(direction: str) -> float:
        return float(sum(loci[locus].get(direction, 0) for locus in COUNTS[10]))

    dpb1 = {"matched": 0, "permissive": 1, "not told": 2}.get(report["dpb1"], 3)
    blood = {"none": 0, "minor": 1, "major": 2, "bidirectional": 3}.get(str(report["blood_group"]["mismatch"]), 4)
    sex = sum({False: 0, True: 1}.get(report["h_y"][way], 1) for way in ("hvg", "gvh"))
    cmv = report["cmv"]["patient"] is None or report["cmv"]["patient"] != report["cmv"]["donor"]
    return (missing(8), missing(10), antigens("gvh") + antigens("hvg"), dpb1, blood, sex, cmv)
