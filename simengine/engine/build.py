"""From a scenario, the catalogue and a key to the world of one patient at tick 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simengine.catalog import Catalog, load_catalog
from simengine.engine.circulation import compartment_rates, transition_matrices
from simengine.engine.names import Names, names_of
from simengine.engine.record import record_layout
from simengine.engine.tables import field_constants, mechanism_parameters, rule_tables, type_tables
from simengine.foundation.math import exp, log
from simengine.foundation.random import make_key
from simengine.kernels.contacts import MAX_TOUCHED
from simengine.kernels.fields_steady import field_work
from simengine.mechanisms import MECHANISMS, registry
from simengine.patients.draws import Dice
from simengine.patients.matching import Pair, pair_of
from simengine.patients.modifiers import modified
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.scenario.model import Delivery
from simengine.state import body as b
from simengine.state import world as w
from simengine.state.cells import N_ARMS, allocate_cells
from simengine.state.world import Body, Events, Fields, Grid, Record, Work, World

__all__ = ["Built", "Recipient", "build"]

CHUNK = 256
"""Cells or voxels whose signals, behaviours and hazards are held at once."""
EVENT_ROOM = 16384
RECORDED_H = (1.0, 24.0, 168.0, 720.0)
"""Hours that are always recorded, beside the regular grid."""


@dataclass(frozen=True)
class Recipient:
    """What was drawn for one patient: traits of site, immunity and donor pair."""

    lesion_fraction: float
    remote_lvef_percent: float
    immune_strength: float
    potency: float
    pair: Pair
    dice: Dice


@dataclass
class Built:
    """A world at tick 0 with the names of its rows and what was drawn for the patient."""

    world: World
    names: Names
    columns: list[str]
    recipient: Recipient
    numbers: Numbers


def _ticks(hours: float) -> int:
    return round(hours * w.TICKS_PER_H)


def recipient_of(scenario: Scenario, numbers: Numbers, dice: Dice) -> Recipient:
    """Draw the traits of the patient; values that the scenario states are taken as they are.

    EQ-TRAIT-2: immune strength = stated x the patient's own variation x modifiers; potency = the product's x modifiers.
    """
    site, patient = scenario.site.name, scenario.patient
    lesion = scenario.site.lesion_fraction
    if lesion is None:
        lesion = numbers.own("sites", site, "lesion_fraction", dice)
    immune = patient.immune_strength * numbers.own("sites", site, "immune_variation", dice)
    factors = modified(scenario)
    return Recipient(
        lesion_fraction=lesion,
        remote_lvef_percent=numbers.own("sites", site, "remote_lvef_percent", dice),
        immune_strength=immune * factors["immune_strength"],
        potency=numbers.own("products", scenario.product.name, "potency_variation", dice) * factors["potency"],
        pair=pair_of(scenario.donor.relation, scenario.donor.match, dice),
        dice=dice,
    )


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
    return scale


def _record_ticks(scenario: Scenario) -> np.ndarray:
    end = _ticks(24.0 * scenario.run.duration_days)
    step = max(1, _ticks(scenario.run.record_every_h))
    body = _ticks(scenario.clocks.body_h)
    ticks = {0, end, *range(0, end, step), *(_ticks(h) for h in RECORDED_H if _ticks(h) < end)}
    ticks |= {_ticks(24.0 * day) for day in scenario.output.snapshot_days}
    return np.array(sorted({min(end, -(-tick // body) * body) for tick in ticks}), np.int64)


def _injected_mm3(delivery: Delivery, numbers: Numbers) -> float:
    """Return the volume that a local route puts into the tissue, mm³; 0 for a vascular route."""
    if not numbers.has("routes", delivery.route, "volume_ml_per_site"):
        return 0.0
    sites, volume = delivery.n_sites, delivery.volume_ml_per_site
    sites = int(numbers("routes", delivery.route, "n_sites")) if sites is None else sites
    volume = numbers("routes", delivery.route, "volume_ml_per_site") if volume is None else volume
    return 1000.0 * sites * volume


def _patches(scenario: Scenario, names: Names, numbers: Numbers, lesion_fraction: float) -> np.ndarray:
    """Return the book-keeping of the patches: volumes, the tissue they stand for, their share of the lesion.

    EQ-PATCH-1: lesion = organ x lesion fraction; deposit zone = min(injected volume x spread, 0.9 lesion); remote = rest.
    """
    nx, ny, nz = scenario.patch.shape
    edge = scenario.patch.spacing_um * 1e-3
    site = scenario.site.name
    lesion = numbers("sites", site, "organ_volume_mm3") * lesion_fraction
    injected = sum(_injected_mm3(delivery, numbers) for delivery in scenario.delivery)
    zone = min(injected * numbers("sites", site, "deposit_spread"), 0.9 * lesion)
    zones = [zone, lesion - zone] if len(names.patches) == 2 else [lesion]
    out = np.zeros((len(zones), w.N_PATCH))
    out[:, w.VOLUME_MM3] = nx * ny * nz * edge * edge * edge
    out[:, w.ZONE_MM3] = zones
    out[:, w.SHARE] = [zone / lesion for zone in zones]
    out[0, w.TAKES_PRODUCT] = 1.0
    return out


def _doses(scenario: Scenario, names: Names, numbers: Numbers) -> np.ndarray:
    """Return the doses: cells, first and last tick, place, and how many of the cells are alive."""
    out = np.zeros((len(scenario.delivery), b.N_DOSE))
    step = _ticks(scenario.clocks.motion_min / 60.0)
    viability = scenario.product.viability
    if viability is None:
        viability = numbers("products", scenario.product.name, "viability")
    for row, delivery in zip(out, scenario.delivery, strict=True):
        cells = delivery.dose_cells
        if cells is None:
            cells = int((delivery.dose_cells_per_kg or 0.0) * scenario.patient.weight_kg)
        first = _ticks(24.0 * delivery.day) // step * step
        duration = delivery.duration_min
        if duration is None:
            duration = numbers("routes", delivery.route, "duration_min")
        row[b.DOSE_CELLS] = cells
        row[b.DOSE_FIRST_TICK] = first
        row[b.DOSE_LAST_TICK] = first + _ticks(duration / 60.0)
        row[b.DOSE_DEPOT] = b.FIRST_DEPOT + names.routes.index(delivery.route)
        row[b.DOSE_VIABLE] = viability
    return out


def _drugs(scenario: Scenario, numbers: Numbers, dice: Dice) -> np.ndarray:
    """Return the drugs; a dose is chosen for the target trough at the typical half-life, the level follows the patient's.

    EQ-DRUG-3: rise of the level by one dose = trough (exp(k T) - 1), k typical elimination, T dosing interval.
    """
    out = np.zeros((len(scenario.drug), b.N_DRUG))
    for row, drug in zip(out, scenario.drug, strict=True):
        name = drug.name
        interval = numbers("drugs", name, "dosing_interval_h")
        typical = float(log(2.0)) / numbers("drugs", name, "half_life_h")
        own = float(log(2.0)) / numbers.own("drugs", name, "half_life_h", dice)
        trough = drug.target_trough_ng_per_ml
        if trough is None:
            trough = numbers("drugs", name, "target_trough_ng_per_ml")
        stop = scenario.run.duration_days if drug.stop_day is None else drug.stop_day
        row[b.DRUG_FIRST_TICK] = _ticks(24.0 * drug.start_day)
        row[b.DRUG_LAST_TICK] = _ticks(24.0 * stop) + 1
        row[b.DRUG_INTERVAL_TICKS] = _ticks(interval)
        row[b.DRUG_RISE] = trough * (float(exp(typical * interval)) - 1.0)
        row[b.DRUG_ELIMINATION] = own
        row[b.DRUG_HALF] = numbers("drugs", name, "half_effect_ng_per_ml")
        row[b.DRUG_EXPONENT] = numbers("drugs", name, "effect_exponent")
        row[b.DRUG_ACTIVATION] = numbers("drugs", name, "largest_activation_inhibition")
        row[b.DRUG_PROLIFERATION] = numbers("drugs", name, "largest_proliferation_inhibition")
        row[b.DRUG_INFECTION] = numbers("drugs", name, "infection_rise")
    return out


def _body(scenario: Scenario, catalog: Catalog, names: Names, numbers: Numbers, recipient: Recipient) -> Body:
    """Return the body at tick 0: empty compartments, precursors by mismatch, and the clocks of adverse events.

    EQ-PRIME-3: naive CD8 = precursors x (class 1 + minor x weight), naive CD4 = precursors x (class 2 + minor x weight),
    memory = naive x memory share x sensitisation; each clock of an adverse event starts at Exp(1).
    """
    kinds = {route: str(catalog.entry("routes", route).facts["kind"]) for route in names.routes}
    rates = compartment_rates(scenario, names, numbers, kinds)
    pair, solutes = np.zeros(b.N_PAIR), np.zeros(len(registry.SOLUTES))
    sensitised = float(scenario.patient.sensitised)
    pair[b.PAIR_CLASS_1], pair[b.PAIR_CLASS_2] = recipient.pair.class_1, recipient.pair.class_2
    pair[b.PAIR_MINOR], pair[b.PAIR_MISSING_SELF] = recipient.pair.minor, recipient.pair.missing_self
    pair[b.PAIR_IMMUNE] = recipient.immune_strength
    pools = np.zeros(len(registry.POOLS), np.int64)
    pool, solute = registry.POOLS.names().index, registry.SOLUTES.names().index
    foreign_1 = recipient.pair.class_1 + numbers("mechanisms", "cytotoxicity", "minor_weight") * recipient.pair.minor
    for clone, foreign in (("cd8", foreign_1), ("cd4", recipient.pair.class_2 + foreign_1 - recipient.pair.class_1)):
        naive = numbers("mechanisms", "priming", f"{clone}_precursors_cells") * foreign
        pools[pool(f"{clone}_naive")] = round(naive)
        memory = naive * sensitised * numbers("mechanisms", "priming", "memory_of_sensitised")
        pools[pool(f"{clone}_memory")] = round(memory)
    if scenario.mechanisms.get("antibody", True):
        solutes[solute("donor_antibody")] = sensitised * numbers("mechanisms", "antibody", "titre_of_sensitised")
    for event in ("arrhythmia", "infection", "embolism"):
        solutes[solute(f"{event}_left")] = -float(log(recipient.dice.run_uniform(f"safety.{event}")))
    n = len(names.compartments)
    return Body(
        counts=np.zeros(n, np.int64),
        transfer=transition_matrices(rates, scenario.clocks.motion_min / 60.0, scenario.clocks.body_h),
        pools=pools,
        solutes=solutes,
        doses=_doses(scenario, names, numbers),
        given=np.zeros(len(scenario.delivery), np.int64),
        drugs=_drugs(scenario, numbers, recipient.dice),
        pair=pair,
        flux=np.zeros(b.N_FLUX),
    )


def _fields(scenario: Scenario, names: Names, numbers: Numbers, n_patches: int) -> Fields:
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
        constant=field_constants(names, numbers),
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


def _clock(scenario: Scenario) -> np.ndarray:
    clock = np.zeros(w.N_CLOCK, np.int64)
    clock[w.MOTION] = _ticks(scenario.clocks.motion_min / 60.0)
    clock[w.FATES] = _ticks(scenario.clocks.fates_min / 60.0)
    clock[w.FIELDS] = _ticks(scenario.clocks.fields_min / 60.0)
    clock[w.TISSUE] = _ticks(scenario.clocks.tissue_h)
    clock[w.BODY] = _ticks(scenario.clocks.body_h)
    clock[w.END] = _ticks(24.0 * scenario.run.duration_days)
    clock[w.MODE] = {"auto": w.MODE_AUTO, "patch": w.MODE_PATCH, "body": w.MODE_BODY}[scenario.run.mode]
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
    numbers = Numbers(catalog, scenario.parameters)
    names = names_of(scenario, catalog)
    dice = Dice(scenario.patient.vary, seed, patient, replicate)
    recipient = recipient_of(scenario, numbers, dice)
    scale = _scale_of_product(scenario, catalog, numbers, recipient.potency)
    types = type_tables(scenario, names, numbers)
    patch = _patches(scenario, names, numbers, recipient.lesion_fraction)
    nx, ny, nz = scenario.patch.shape
    n_patches = len(names.patches)
    n_voxels = n_patches * nx * ny * nz
    host = int(np.sum(types.real[w.TYPE_PER_MM3]) * patch[0, w.VOLUME_MM3] * n_patches)
    capacity = 2 * (host + 1024) + 4096
    body = _body(scenario, catalog, names, numbers, recipient)
    labels = [cell.label for cell in names.types]
    columns = record_layout(
        list(names.patches),
        list(names.fields),
        labels,
        names.events,
        names.compartments,
        registry.POOLS.names(),
        registry.SOLUTES.names(),
        list(names.drugs),
    )
    ticks = _record_ticks(scenario)
    world = World(
        cells=allocate_cells(capacity),
        grid=_grid(scenario, types, n_voxels, capacity),
        fields=_fields(scenario, names, numbers, n_patches),
        tissue=_tissue(scenario, numbers, n_patches),
        patch=patch,
        types=types,
        rules=rule_tables(scenario, names, numbers, _rules_in_force(scenario, catalog), scale),
        work=_work(names),
        body=body,
        record=Record(ticks, np.zeros((len(ticks), len(columns)))),
        events=_events(EVENT_ROOM if scenario.output.events else 0),
        tally=np.zeros((3, n_patches, len(names.events), len(names.types))),
        par=mechanism_parameters(numbers),
        enabled=np.array([int(scenario.mechanisms.get(name, True)) for name in MECHANISMS], np.int64),
        clock=_clock(scenario),
        key=make_key(seed, patient, replicate),
    )
    return Built(world, names, columns, recipient, numbers)


def _grid(scenario: Scenario, types: w.Types, n_voxels: int, capacity: int) -> Grid:
    nx, ny, nz = scenario.patch.shape
    largest = float(np.max(types.real[w.TYPE_RADIUS_UM] * np.cbrt(types.real[w.TYPE_WEIGHT])))
    return Grid(
        shape=np.array([n_voxels // (nx * ny * nz), nz, ny, nx], np.int64),
        spacing_um=np.array([scenario.patch.spacing_um]),
        largest_um=np.array([np.ceil(largest * 1.001)]),
        start=np.zeros(n_voxels + 1, np.int64),
        order=np.zeros(capacity, np.int64),
        count=np.zeros(max(capacity, n_voxels), np.int64),
        scratch=np.zeros((6, capacity)),
    )


def _work(names: Names) -> Work:
    return Work(
        signals=np.zeros((len(names.signals), CHUNK)),
        behaviours=np.zeros((len(names.behaviours), CHUNK)),
        hazards=np.zeros((len(registry.CAUSES) + N_ARMS, CHUNK)),
        index=np.zeros(MAX_TOUCHED, np.int64),
        strength=np.zeros(MAX_TOUCHED),
        way=np.zeros(3),
    )


def _events(room: int) -> Events:
    return Events(np.zeros(2, np.int64), np.zeros((room, 3), np.int64), np.zeros(room, np.uint64), np.zeros(room))
