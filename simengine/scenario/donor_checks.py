"""What relation, match, typings, ancestry and blood group of patient and donor mean to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simengine.catalog import Catalog
from simengine.catalog.nomenclature import NameFault, allele_of, typing_faults
from simengine.foundation.errors import listed, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Check, Finding, known
from simengine.scenario.model import Scenario

__all__ = ["CHECKS_OF_DONORS", "SAME_BODY"]

SAME_BODY = ("autologous", "identical_twin")
_GRADED = ("A", "B", "C", "DRB1")
_FIELDS = {"antigen": "an antigen", "first_field": "one field", "two_field": "two fields"}


def _check_match(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    relation, match = scenario.donor.relation, scenario.donor.match
    allowed = {
        **dict.fromkeys(SAME_BODY, (("8/8",), ", or no match")),
        "xenogeneic": (("0/8",), ""),
        "unrelated": ((*_grades(0), "drawn", "typed"), ""),
        "parent_or_child": ((*_grades(4), "haploidentical", "drawn", "typed"), ", as one haplotype is shared"),
    }
    matches, why = allowed.get(relation, ((), ""))
    if matches and match not in matches:
        expected = f'{listed(shown(name) for name in matches)} for relation = "{relation}"{why}'
        yield Finding(("donor", "match"), shown(match), expected)


def _grades(least: int) -> tuple[str, ...]:
    return tuple(f"{n}/8" for n in range(8, least - 1, -1))


def _check_typed(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    """Two typings say the match themselves, and `typed` needs them."""
    match, both = scenario.donor.match, bool(scenario.patient.hla and scenario.donor.hla)
    if match == "typed" and not both:
        yield Finding(("donor", "match"), '"typed"', "patient.hla and donor.hla beside it")
    if both and match != "typed" and scenario.donor.relation not in (*SAME_BODY, "xenogeneic"):
        yield Finding(("donor", "match"), shown(match), '"typed", as patient.hla and donor.hla say what matches')


def _check_donor_typing(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    relation = scenario.donor.relation
    if scenario.donor.hla and relation in (*SAME_BODY, "xenogeneic"):
        why = "which has the patient's HLA" if relation in SAME_BODY else "which has no HLA"
        yield Finding(("donor", "hla"), "a typing", f'none for relation = "{relation}", {why}', "leave it out", at_key=True)


def _names_of(who: str) -> Check:
    """Return the check that a typing holds HLA names, as fine as the match is, at the loci that are graded."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        names: Sequence[str] = getattr(scenario, who).hla
        path: FieldPath = (who, "hla")
        faults = list(typing_faults(names))
        for i, found, expected, hint in faults:
            yield Finding((*path, i), found, expected, hint)
        if names and not faults:
            loci = {allele_of(name).locus for name in names}
            if missing := [locus for locus in _GRADED if locus not in loci]:
                yield Finding(path, f"no name at {', '.join(missing)}", "names at A, B, C and DRB1")

    return check


def _level_of(who: str) -> Check:
    """Return the check that the names of a typing are as fine as the level of the match."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        level = scenario.donor.match_level
        for i, name in enumerate(getattr(scenario, who).hla):
            try:
                is_coarse = not allele_of(name).at(level)
            except NameFault:
                continue
            if is_coarse:
                expected = f'a name that tells {_FIELDS[level]}, as donor.match_level = "{level}"'
                yield Finding((who, "hla", i), shown(name), expected)

    return check


def _same_body(trait: str) -> Check:
    """Return the check that the patient's own cells, and a twin's, have the patient's ancestry and blood group."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        of_donor, of_patient = getattr(scenario.donor, trait), getattr(scenario.patient, trait)
        if of_donor not in (None, of_patient) and scenario.donor.relation in SAME_BODY:
            value = "nothing" if of_patient is None else shown(of_patient)
            expected = f'{value} as patient.{trait} for relation = "{scenario.donor.relation}"'
            yield Finding(("donor", trait), shown(of_donor), expected, "leave it out")

    return check


def _check_ancestries(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from known(("patient", "ancestry"), scenario.patient.ancestry, catalog.names("ancestries"))


def _check_donor_ancestry(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.donor.ancestry is not None:
        yield from known(("donor", "ancestry"), scenario.donor.ancestry, catalog.names("ancestries"))


def _of_hla_species(who: str) -> Check:
    """Return the check that only people have HLA."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        species = catalog.entries["species"].get(scenario.patient.species)
        if species and species.facts.get("mhc") != "HLA" and getattr(scenario, who).hla:
            expected = f"none, as {species.name} has {species.facts.get('mhc', 'no HLA')}"
            yield Finding((who, "hla"), "a typing", expected, "leave it out", at_key=True)

    return check


def _check_grade_of_animals(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    species, match = catalog.entries["species"].get(scenario.patient.species), scenario.donor.match
    if species and species.facts.get("mhc") != "HLA" and match in ("drawn", "typed"):
        yield Finding(("donor", "match"), shown(match), f"a grade, as {species.name} has no HLA")


CHECKS_OF_DONORS: tuple[Check, ...] = (
    _check_match,
    _check_typed,
    _check_donor_typing,
    _check_ancestries,
    _check_donor_ancestry,
    _check_grade_of_animals,
    *(_same_body(trait) for trait in ("ancestry", "blood_group")),
    *(make(who) for make in (_names_of, _level_of, _of_hla_species) for who in ("patient", "donor")),
)
