"""The records of the catalogue: an entry, and all entries together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simengine.catalog.quantities import known_traits, reached
from simengine.foundation.errors import listed, nearest
from simengine.foundation.parameters import Parameter

KINDS = (
    "cells",
    "products",
    "sites",
    "drugs",
    "routes",
    "species",
    "modifiers",
    "rules",
    "mechanisms",
    "fields",
    "lineages",
    "arms",
    "edits",
    "populations",
    "hla",
    "ancestries",
    "communities",
    "genes",
    "diseases",
    "grafts",
    "depletions",
    "agents",
    "regimens",
    "transplantation",
)
"""The folders of the catalogue."""

FIELD_BEHAVIOURS = ("secretion", "uptake", "chemotaxis")
"""Behaviours that exist once for each field."""

TRAITS = frozenset(
    {
        ("sites", "lesion_fraction"),
        ("sites", "immune_variation"),
        ("sites", "remote_lvef_percent"),
        ("sites", "placebo_lvef_points"),
        ("sites", "baseline_motor_score"),
        ("sites", "placebo_motor_score"),
        ("products", "potency_variation"),
        ("drugs", "half_life_h"),
        ("hla", "unrelated_load"),
        ("hla", "sibling_share"),
        ("transplantation", "progenitor_growth_per_day"),
        ("transplantation", "megakaryocyte_growth"),
        ("transplantation", "neutrophil_transit_days"),
        ("transplantation", "platelet_transit_days"),
        ("transplantation", "alloreactivity"),
        ("transplantation", "skin_weight"),
        ("transplantation", "gut_weight"),
        ("transplantation", "liver_weight"),
        ("transplantation", "steroid_response"),
        ("transplantation", "stromal_response"),
        ("diseases", "residual_cells"),
        ("diseases", "doubling_days"),
        ("grafts", "cd34_cells_per_kg"),
        ("grafts", "cd3_cells_per_kg"),
        ("agents", "exposure"),
    }
)
"""Numbers (folder, name) whose stated spread is that between patients, not what is unknown about a typical one."""

Fact = str | bool | int | tuple["Fact", ...]
Row = Mapping[str, Any]


class UnknownName(LookupError):
    """A name that the catalogue does not hold; the message lists what it holds and the nearest right name."""


@dataclass(frozen=True)
class Entry:
    """One thing that exists.

    `facts` are links and labels, `parameters` the numbers by their dotted names (`kinetics.half_life_h`), `rows` the
    lines of its table (rules, modifiers, alleles, haplotypes, courses), `file` where it is written.
    """

    kind: str
    name: str
    title: str
    summary: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    file: str = ""

    def value(self, name: str) -> float:
        """Return the value of a parameter in the unit it is written in; raises UnknownName."""
        if name not in self.parameters:
            raise UnknownName(_unknown(f"parameter of {self.kind}.{self.name}", name, self.parameters))
        return self.parameters[name].value

    def listed_fact(self, name: str) -> tuple[str, ...]:
        """Return a fact that is a list of names; empty when the entry does not state it."""
        fact = self.facts.get(name, ())
        return tuple(str(item) for item in fact) if isinstance(fact, tuple) else (str(fact),)


@dataclass(frozen=True)
class Catalog:
    """All entries, by kind and name, in alphabetical order."""

    entries: Mapping[str, Mapping[str, Entry]]

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of all entries of a kind, sorted; raises UnknownName for an unknown kind."""
        if kind not in self.entries:
            raise UnknownName(_unknown("kind of catalogue entry", kind, self.entries))
        return tuple(self.entries[kind])

    def entry(self, kind: str, name: str) -> Entry:
        """Return one entry; raises UnknownName, with the nearest right name."""
        if name not in self.names(kind):
            raise UnknownName(_unknown(f"name among {kind}", name, self.entries[kind]))
        return self.entries[kind][name]

    def __iter__(self) -> Iterator[Entry]:
        """Walk all entries in order of kind and name."""
        for of_kind in self.entries.values():
            yield from of_kind.values()

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Every parameter under the path a scenario calls it by.

        `motility.speed_um_per_h` is a mechanism's, `sites.heart_infarct.area_mm2` that of an entry of another folder.
        """
        return {
            f"{entry.name}.{name}" if entry.kind == "mechanisms" else f"{entry.kind}.{entry.name}.{name}": parameter
            for entry in self
            for name, parameter in entry.parameters.items()
        }

    @cached_property
    def uncertain(self) -> Mapping[str, Parameter]:
        """Every parameter whose stated spread is lack of knowledge: neither fixed nor a trait of patients."""
        traits = {f"{entry.kind}.{entry.name}.{name}" for entry in self for kind, name in TRAITS if entry.kind == kind}
        drawn = {path: parameter for path, parameter in self.parameters.items() if parameter.distribution != "fixed"}
        traits |= {path for path in drawn if path.startswith("populations.")}
        return {path: parameter for path, parameter in drawn.items() if path not in traits}

    @cached_property
    def signals(self) -> frozenset[str]:
        """The signals that rules may read: those that mechanisms declare, and every field."""
        return self._declared("signals") | frozenset(self.entries["fields"])

    @cached_property
    def behaviours(self) -> frozenset[str]:
        """The behaviours that rules may change: those of mechanisms, and `secretion.tnf` and so on per field."""
        per_field = {f"{what}.{field}" for what in FIELD_BEHAVIOURS for field in self.entries["fields"]}
        return self._declared("behaviours") | per_field

    @cached_property
    def rule_kinds(self) -> frozenset[str]:
        """The kinds of cell that a rule may hold for: host cells, lineages, and `product` for every lineage."""
        return frozenset({*self.entries["cells"], *self.entries["lineages"], "product"})

    def stages(self, kind: str) -> tuple[str, ...]:
        """Return what a rule for a kind of cell may name as stage: `*` and the stages that its entries state."""
        entries = {**self.entries["cells"], **self.entries["lineages"]}
        of_kind = self.entries["lineages"].values() if kind == "product" else [entries[kind]] if kind in entries else []
        return ("*", *dict.fromkeys(stage for entry in of_kind for stage in entry.listed_fact("stages")))

    @cached_property
    def traits(self) -> tuple[str, ...]:
        """The traits that modifiers may read."""
        return known_traits(self.entries["genes"])

    @cached_property
    def quantities(self) -> Mapping[str, Mapping[str, float]]:
        """The quantities that modifiers may change: for each the paths it reaches, with the exponent of the factor."""
        cleared_by = {name: drug.listed_fact("elimination") for name, drug in self.entries["drugs"].items()}
        return reached(self.parameters, cleared_by)

    @cached_property
    def rules(self) -> Mapping[str, Row]:
        """Every rule by its identity."""
        return {str(row["id"]): row for entry in self.entries["rules"].values() for row in entry.rows}

    def _declared(self, fact: str) -> frozenset[str]:
        return frozenset(name for entry in self.entries["mechanisms"].values() for name in entry.listed_fact(fact))


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    hint = nearest(name, known)
    return f'"{name}" is no {what}; expected {listed(known)}' + (f"; {hint}" if hint else "")
