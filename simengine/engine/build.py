"""From a scenario, the catalogue and a key to the world of one patient at tick 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simengine.catalog import Catalog, load_catalog
from simengine.engine.arms import Standing, standing_of
from simengine.engine.names import Names, has_patch, names_of
from simengine.engine.recipient import Recipient, body_of, recipient_of, ticks_of
from simengine.engine.record import record_layout
from simengine.engine.tables import body_scale, field_constants, mechanism_parameters, rule_tables, type_tables
from simengine.foundation.math import power
from simengine.foundation.random import make_key
from simengine.kernels.contacts import MAX_TOUCHED
from simengine.kernels.fields import choose_treatment
from simengine.kernels.fields_steady import field_work
from simengine.mechanisms import MECHANISMS, registry
from simengine.patients.draws import Dice
from simengine.patients.modifiers import numbers_of
from simengine.patients.numbers import Numbers
from simengine.patients.population import as_met, drawn_traits
from simengine.scenario import Scenario
from simengine.scenario.model import Delivery
from simengine.state import body as b
from simengine.state import world as w
from simengine.state.cells import N_ARMS, allocate_cells
from simengine.state.world import Events, Fields, Grid, Record, Work, World

__all__ = ["Built", "build"]

SOURCES_CHANGE_H = 12.0
"""Time in which the sources of fields change by their own size, h: cells arrive, polarise and die over half a day."""
EVENT_ROOM = 16384
RECORDED_H = (1.0, 24.0, 168.0, 720.0)
"""Hours that are always recorded, beside the regular grid."""


@dataclass
class Built:
    """A world at tick 0 with the names of its rows and what was drawn for the patient; `traits` by a population."""

    world: World
    names: Names
    columns: list[str]
    recipient: Recipient
    numbers: Numbers
    traits: Mapping[str, float]


def _rules_in_force(scenario: Scenario, catalog: Catalog) -> list[Mapping[str, object]]:
    """Return the catalogue's rules with those of the scenario added, replaced or removed."""
    rules: dict[str, Mapping[str, object]] = {str(name): dict(row) for name, row in catalog.rules.items()}
    for rule in scenario.rule:
        if rule.action == "remove":
            rules.pop(rule.id)
        else:
            rules[rule.id] = rule.model_dump()
    return [rules[name] for name in sorted(rules)]


def _scale_of_product(scenario: Scenario, catalog: Catalog, numbers: Numbers, potency: float) -> dict[str, float]:
    """Return the product's multipliers over its lineage; potency acts on everything that it secretes."""
    product = scenario.product.name
    scale = {
        name.removeprefix("scale."): numbers("products", product, name)
        for name in catalog.entry("products", product).parameters
        if name.startswith("scale.")
    }
    for field in catalog.names("fields"):
        scale[f"secretion.{field}"] = scale.get(f"secretion.{field}", 1.0) * potency
    if scenario.product.edit is not None:
        for name in catalog.entry("edits", scenario.product.edit).parameters:
            if name.startswith("scale."):
                behaviour = name.removeprefix("scale.")
                scale[behaviour] = scale.get(behaviour, 1.0) * numbers("edits", scenario.product.edit, name)
    return scale


def _fragile_share(scenario: Scenario, numbers: Numbers) -> float:
    """Return the share of the infused cells that is fragile: the product's, less what the carriers of its routes save.

    EQ-FRAGILE-1: fragile share = product's x mean of the routes' fragile factors, weighted by dose.
    """
    share = numbers("products", scenario.product.name, "fragile_fraction")
    doses = [(d.route, float(d.dose_cells or 0) + (d.dose_cells_per_kg or 0.0)) for d in scenario.delivery]
    total = sum(dose for _, dose in doses)
    if total <= 0.0:
        return share
    kept = sum(
        dose * (numbers("routes", route, "fragile_factor") if numbers.has("routes", route, "fragile_factor") else 1.0)
        for route, dose in doses
    )
    return share * kept / total


def _end_tick(scenario: Scenario) -> int:
    """Return the tick at which a run ends: the first step of the body at or after its duration."""
    body = ticks_of(scenario.clocks.body_h)
    return max(1, -(-ticks_of(24.0 * scenario.run.duration_days) // body)) * body


def _record_ticks(scenario: Scenario) -> np.ndarray:
    end = _end_tick(scenario)
    step = max(1, ticks_of(scenario.run.record_every_h))
    body = ticks_of(scenario.clocks.body_h)
    ticks = {0, end, *range(0, end, step), *(ticks_of(h) for h in RECORDED_H if ticks_of(h) < end)}
    ticks |= {ticks_of(24.0 * day) for day in scenario.output.snapshot_days}
    return np.array(sorted({min(end, -(-tick // body) * body) for tick in ticks}), np.int64)


def _organ_scale(scenario: Scenario, numbers: Numbers) -> float:
    """Return the volume of the site's organ relative to human (EQ-SPECIES-2: relative body mass ^ the organ's exponent)."""
    exponent = numbers("sites", scenario.site.name, "organ_mass_exponent")
    return float(power(body_scale(numbers, scenario.patient.species), exponent))


def _injected_mm3(delivery: Delivery, numbers: Numbers, organ_scale: float) -> float:
    """Return the volume that a local route puts into the tissue, mm³; 0 for a vascular route.

    A volume that the scenario does not state is that of a human, scaled with the organ.
    """
    if not numbers.has("routes", delivery.route, "volume_ml_per_site"):
        return 0.0
    sites, volume = delivery.n_sites, delivery.volume_ml_per_site
    sites = int(numbers("routes", delivery.route, "n_sites")) if sites is None else sites
    volume = organ_scale * numbers("routes", delivery.route, "volume_ml_per_site") if volume is None else volume
    return 1000.0 * sites * volume


def _patches(scenario: Scenario, names: Names, numbers: Numbers, lesion_fraction: float) -> np.ndarray:
    """Return the book-keeping of the patches: volumes, the tissue they stand for, their share of the lesion.

    EQ-PATCH-1: lesion = organ x lesion fraction; deposit zone = min(injected volume x spread, 0.9 lesion); remote = rest.
    """
    nx, ny, nz = scenario.patch.shape
    edge = scenario.patch.spacing_um * 1e-3
    site = scenario.site.name
    organ_scale = _organ_scale(scenario, numbers)
    lesion = numbers("sites", site, "organ_volume_mm3") * organ_scale * lesion_fraction
    injected = sum(_injected_mm3(delivery, numbers, organ_scale) for delivery in scenario.delivery)
    zone = min(injected * numbers("sites", site, "deposit_spread"), 0.9 * lesion)
    zones = [zone, lesion - zone] if len(names.patches) == 2 else [lesion]
    out = np.zeros((len(zones), w.N_PATCH))
    out[:, w.VOLUME_MM3] = nx * ny * nz * edge * edge * edge
    out[:, w.ZONE_MM3] = zones
    out[:, w.SHARE] = [zone / lesion for zone in zones]
    out[0, w.TAKES_PRODUCT] = 1.0
    out[:, w.GROWTH] = 1.0
    return out


def _treatments(scenario: Scenario, names: Names, numbers: Numbers, rules: w.Rules) -> np.ndarray:
    """Return how each field is advanced, int64[F], by its reach at the start: loss by decay, blood and tissue."""
    vessels = numbers("sites", scenario.site.name, "initial_vessels")
    spacing, extent = scenario.patch.spacing_um, scenario.patch.spacing_um * max(scenario.patch.shape)
    chosen = []
    for field in names.fields:
        half, level = numbers("fields", field, "half_uptake"), numbers("fields", field, "initial_level")
        taken = rules.base[names.behaviours.index(f"uptake.{field}"), 0] / (half + level if half > 0.0 else 1.0)
        loss = numbers("fields", field, "decay_per_h") + vessels * numbers("fields", field, "clearance_per_h") + taken
        diffusion = numbers("fields", field, "diffusion_um2_per_h")
        chosen.append(choose_treatment(diffusion, loss, spacing, extent, SOURCES_CHANGE_H))
    return np.array(chosen, np.int64)


def _fields(
    scenario: Scenario, names: Names, numbers: Numbers, standing: Standing, n_patches: int, treatment: np.ndarray
) -> Fields:
    nx, ny, nz = scenario.patch.shape
    shape = (len(names.fields), n_patches, nx * ny * nz)
    value = np.zeros(shape)
    for f, name in enumerate(names.fields):
        value[f] = numbers("fields", name, "initial_level")
    return Fields(
        value=value,
        source=np.zeros(shape),
        loss=np.zeros(shape),
        tissue_source=np.zeros(shape),
        tissue_loss=np.zeros(shape),
        constant=field_constants(names, numbers, standing.across),
        treatment=treatment,
        work=field_work(nz, ny, nx),
        sweeps=np.zeros((len(names.fields), 2), np.int64),
    )


def _tissue(scenario: Scenario, numbers: Numbers, n_patches: int) -> np.ndarray:
    """Return the tissue at tick 0: the state of the lesion at the stated age, alike in all voxels."""
    nx, ny, nz = scenario.patch.shape
    site = scenario.site.name
    tissue = np.zeros((w.N_TISSUE, n_patches, nx * ny * nz))
    for row, name in (
        (w.FUNCTIONAL, "initial_functional"),
        (w.INJURED, "initial_injured"),
        (w.SCAR, "initial_scar"),
        (w.VOID, "initial_void"),
        (w.VESSELS, "initial_vessels"),
        (w.DEBRIS, "initial_debris"),
        (w.NEUTROPHILS, "initial_neutrophils"),
    ):
        tissue[row] = numbers("sites", site, name)
    tissue[w.VOID] = 1.0 - tissue[w.FUNCTIONAL] - tissue[w.INJURED] - tissue[w.SCAR]
    return tissue


def _clock(scenario: Scenario, catalog: Catalog) -> np.ndarray:
    clock = np.zeros(w.N_CLOCK, np.int64)
    clock[w.MOTION] = ticks_of(scenario.clocks.motion_min / 60.0)
    clock[w.FATES] = ticks_of(scenario.clocks.fates_min / 60.0)
    clock[w.FIELDS] = ticks_of(scenario.clocks.fields_min / 60.0)
    clock[w.TISSUE] = ticks_of(scenario.clocks.tissue_h)
    clock[w.BODY] = ticks_of(scenario.clocks.body_h)
    clock[w.END] = _end_tick(scenario)
    in_patch = w.MODE_PATCH if scenario.run.mode == "patch" else w.MODE_AUTO
    clock[w.MODE] = in_patch if has_patch(scenario, catalog) else w.MODE_BODY
    clock[w.MAX_AGENTS] = scenario.run.max_agents
    return clock


def build(scenario: Scenario, seed: int, patient: int, replicate: int, catalog: Catalog | None = None) -> Built:
    """Return the world of one run at tick 0, without cells: host cells enter at the first call of ``populate``.

    Parameters
    ----------
    scenario : Scenario
        Fully resolved and checked.
    seed, patient, replicate : int
        The address of the run: with the scenario they fix every bit of the result.
    """
    catalog = catalog or load_catalog()
    traits = drawn_traits(scenario, seed, patient, catalog)
    scenario = as_met(scenario, traits, catalog)
    numbers = numbers_of(scenario, catalog, (seed, patient, replicate))
    names = names_of(scenario, catalog)
    site = catalog.entry("sites", scenario.site.name)
    dice = Dice(scenario.patient.vary, seed, patient, replicate)
    recipient = recipient_of(scenario, numbers, dice, site.listed_fact("traits"))
    scale = _scale_of_product(scenario, catalog, numbers, recipient.potency)
    standing = standing_of(scenario, catalog, numbers, recipient.pair)
    types = type_tables(scenario, names, numbers, standing, _fragile_share(scenario, numbers))
    patch = _patches(scenario, names, numbers, recipient.site["lesion_fraction"])
    nx, ny, nz = scenario.patch.shape
    n_patches = len(names.patches)
    n_voxels = n_patches * nx * ny * nz
    body = body_of(scenario, catalog, names, numbers, recipient, standing)
    host = int(np.sum(types.real[w.TYPE_PER_MM3]) * patch[0, w.VOLUME_MM3] * n_patches)
    given = sum(float(dose[b.DOSE_CELLS]) for dose in body.doses) * patch[0, w.VOLUME_MM3] / max(patch[0, w.ZONE_MM3], 1e-9)
    product = min(int(given / scenario.patch.agent_weight), scenario.run.max_agents)
    capacity = 2 * (host + 1024) + 4096 + product + product // 3
    columns = _columns(names)
    ticks = _record_ticks(scenario)
    rules = rule_tables(scenario, names, numbers, _rules_in_force(scenario, catalog), scale)
    world = World(
        cells=allocate_cells(capacity),
        grid=_grid(scenario, types, n_voxels, capacity),
        fields=_fields(scenario, names, numbers, standing, n_patches, _treatments(scenario, names, numbers, rules)),
        tissue=_tissue(scenario, numbers, n_patches),
        patch=patch,
        types=types,
        rules=rules,
        work=_work(names),
        body=body,
        record=Record(ticks, np.zeros((len(ticks), len(columns)))),
        events=_events(capacity + EVENT_ROOM if scenario.output.events else 0),
        tally=np.zeros((3, n_patches, len(names.events), len(names.types))),
        par=mechanism_parameters(scenario, numbers),
        enabled=np.array([int(standing.runs(name)) for name in MECHANISMS], np.int64),
        clock=_clock(scenario, catalog),
        key=make_key(seed, patient, replicate),
    )
    return Built(world, names, columns, recipient, numbers, traits)


def _columns(names: Names) -> list[str]:
    """Return the names of what is recorded."""
    return record_layout(
        list(names.patches),
        list(names.fields),
        [cell.label for cell in names.types],
        names.events,
        names.compartments,
        registry.POOLS.names(),
        registry.SOLUTES.names(),
        list(names.drugs),
    )


def _grid(scenario: Scenario, types: w.Types, n_voxels: int, capacity: int) -> Grid:
    nx, ny, nz = scenario.patch.shape
    largest = float(np.max(types.real[w.TYPE_RADIUS_UM] * np.cbrt(types.real[w.TYPE_WEIGHT])))
    return Grid(
        shape=np.array([n_voxels // (nx * ny * nz), nz, ny, nx], np.int64),
        spacing_um=np.array([scenario.patch.spacing_um]),
        largest_um=np.array([np.ceil(largest * 1.001)]),
        start=np.zeros(n_voxels + 1, np.int64),
        order=np.zeros(capacity, np.int32),
        count=np.zeros(n_voxels, np.int32),
        scratch=np.zeros((w.N_SCRATCH, capacity)),
    )


def _work(names: Names) -> Work:
    columns = w.CHUNK + w.PADDING
    return Work(
        signals=np.zeros((len(names.signals), columns)),
        behaviours=np.zeros((len(names.behaviours), columns)),
        hazards=np.zeros((len(registry.CAUSES) + N_ARMS, columns)),
        place=np.zeros(columns, np.int64),
        index=np.zeros(MAX_TOUCHED, np.int64),
        strength=np.zeros(MAX_TOUCHED),
        way=np.zeros(3),
    )


def _events(room: int) -> Events:
    return Events(np.zeros(2, np.int64), np.zeros((room, 3), np.int64), np.zeros(room, np.uint64), np.zeros(room))
