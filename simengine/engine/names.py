"""Which row is what: the names behind the arrays of a world, from the registers and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from simengine.catalog import Catalog, Entry
from simengine.mechanisms import registry
from simengine.scenario import Scenario
from simengine.state.body import COMPARTMENTS, FATES

__all__ = ["CellType", "Names", "has_patch", "names_of"]


@dataclass(frozen=True)
class CellType:
    """One row of the type table: a kind in one stage, and where its numbers stand."""

    kind: str
    stage: str
    entry: Entry
    prefix: str
    is_product: bool

    @property
    def label(self) -> str:
        """Name in results: the kind, with its stage where it has several."""
        return f"{self.kind}_{self.stage}" if self.prefix else self.kind


@dataclass(frozen=True)
class Names:
    """The names of all rows of one scenario's world."""

    types: tuple[CellType, ...]
    fields: tuple[str, ...]
    arms: tuple[str, ...]
    routes: tuple[str, ...]
    patches: tuple[str, ...]
    drugs: tuple[str, ...]

    @property
    def signals(self) -> list[str]:
        """Signals: declared ones, then one per field."""
        return registry.SIGNALS.names() + list(self.fields)

    @property
    def behaviours(self) -> list[str]:
        """Behaviours: declared ones, then secretion, uptake and chemotaxis of each field."""
        per_field = [f"{which}.{field}" for which in registry.FIELD_BEHAVIOURS for field in self.fields]
        return registry.BEHAVIOURS.names() + per_field

    @property
    def causes(self) -> list[str]:
        """Causes of death: declared ones, then one per arm of attack; unused arms have numbers for names."""
        from simengine.state.cells import N_ARMS

        unused = [f"unused_arm_{i}" for i in range(len(self.arms), N_ARMS)]
        return registry.CAUSES.names() + list(self.arms) + unused

    @property
    def events(self) -> list[str]:
        """Causes of death, then division and transition; the log has one more, arrival."""
        return [*self.causes, "division", "transition"]

    @property
    def compartments(self) -> list[str]:
        """Compartments of the body, fates, and one place of administration per route."""
        return [*COMPARTMENTS, *FATES, *(f"depot_{route}" for route in self.routes)]


def names_of(scenario: Scenario, catalog: Catalog) -> Names:
    """Return the names of all rows that a scenario's world has.

    Host kinds come before the product's stages, so that the row of a host kind is the same for every product.
    """
    hosts = [catalog.entry("cells", name) for name in catalog.names("cells") if name != "tissue"]
    types = [CellType("tissue", "resting", catalog.entry("cells", "tissue"), "", False)]
    types += [CellType(entry.name, "resting", entry, "", False) for entry in hosts]
    lineage = catalog.entry("lineages", str(catalog.entry("products", scenario.product.name).facts["lineage"]))
    types += [CellType(lineage.name, stage, lineage, f"{stage}.", True) for stage in lineage.listed_fact("stages")]
    site = catalog.entry("sites", scenario.site.name)
    chosen = scenario.site.fields if scenario.site.fields is not None else site.listed_fact("fields")
    return Names(
        types=tuple(types),
        fields=tuple(name for name in catalog.names("fields") if name in chosen),
        arms=tuple(sorted({str(entry.facts["fate"]) for entry in hosts if "fate" in entry.facts})),
        routes=tuple(sorted({delivery.route for delivery in scenario.delivery})),
        patches=patches_of(scenario, catalog),
        drugs=tuple(drug.name for drug in scenario.drug),
    )


def has_patch(scenario: Scenario, catalog: Catalog) -> bool:
    """Tell whether a run follows a block of tissue: not in mode ``body``, and not at a site that has none."""
    return scenario.run.mode != "body" and bool(catalog.entry("sites", scenario.site.name).facts.get("patch", True))


def patches_of(scenario: Scenario, catalog: Catalog) -> tuple[str, ...]:
    """Return the names of the patches: one inside an injected deposit and one between, or a single one."""
    local = any(bool(catalog.entry("routes", d.route).facts.get("deposit", False)) for d in scenario.delivery)
    if scenario.patch.layout == "deposit_remote" or (scenario.patch.layout == "auto" and local):
        return ("deposit", "remote")
    return ("lesion",)
