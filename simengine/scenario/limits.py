"""How large a run will be, known before anything is allocated, and the refusal of what is absurd.

The estimate is plain arithmetic on the scenario, an upper bound and not a forecast: arrays grow only as needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simengine.catalog import Catalog
from simengine.scenario.findings import Finding
from simengine.scenario.model import Clocks, Delivery, Scenario

MOST_RUNS = 10_000_000
MOST_POINTS = 10_000
MOST_VOXEL_STEPS = 1e13
MOST_RECORDED_MB = 500_000.0
BYTES_PER_AGENT = 448
"""One agent: 296 bytes in the arrays of the world (`cells`, `grid.order`, `grid.scratch`), and about 150 that forces between
neighbours take in passing."""
ARRAYS_PER_FIELD = 8
TISSUE_ARRAYS = 14
RECORDED_SERIES = 100
BYTES_PER_NUMBER = 8
LONGEST_CONDITIONING_DAYS = 30
DEFAULT_MOTION_MIN = Clocks().motion_min
_CLOSEST_PACKING = 0.74
"""Volume fraction that equal spheres cannot exceed (Kepler)."""


@dataclass(frozen=True)
class Estimate:
    """Size of one run: voxels of all patches, steps of motion, product agents at first, memory and record, in MB."""

    voxels: int
    steps: int
    agents: int
    memory_mb: float
    voxels_mb: float
    agents_mb: float
    records_mb: float
    snapshots_mb: float


def estimate(scenario: Scenario, catalog: Catalog) -> Estimate:
    """Return the size of one run of a scenario; allocates nothing."""
    if scenario.transplant is not None:
        return _of_transplant(scenario)
    site = catalog.entry("sites", scenario.site.name)
    has_patch = scenario.run.mode != "body" and bool(site.facts.get("patch", True))
    patches = 2 if _has_deposit(scenario, catalog) else 1
    voxels = math.prod(scenario.patch.shape) * patches if has_patch else 0
    minutes = scenario.run.duration_days * 24 * 60
    fields = len(scenario.site.fields if scenario.site.fields is not None else site.listed_fact("fields"))
    in_mb = BYTES_PER_NUMBER / 1e6
    voxels_mb = voxels * (fields * ARRAYS_PER_FIELD + TISSUE_ARRAYS) * in_mb
    agents_mb = scenario.run.max_agents * BYTES_PER_AGENT / 1e6 if has_patch else 0.0
    records_mb = (minutes / 60 / scenario.run.record_every_h + 1) * RECORDED_SERIES * in_mb
    snapshots_mb = len(scenario.output.snapshot_days) * voxels * (fields + TISSUE_ARRAYS) * in_mb
    return Estimate(
        voxels=voxels,
        steps=math.ceil(minutes / scenario.clocks.motion_min),
        agents=_first_agents(scenario, catalog) if has_patch else 0,
        memory_mb=voxels_mb + agents_mb + records_mb + snapshots_mb,
        voxels_mb=voxels_mb,
        agents_mb=agents_mb,
        records_mb=records_mb,
        snapshots_mb=snapshots_mb,
    )


def _of_transplant(scenario: Scenario) -> Estimate:
    """Return the size of a transplantation: a record a day, and as many before day 0 as conditioning may take."""
    days = scenario.run.duration_days + LONGEST_CONDITIONING_DAYS
    records = days * 24.0 / max(scenario.run.record_every_h, 24.0) + 1
    records_mb = records * RECORDED_SERIES * BYTES_PER_NUMBER / 1e6
    return Estimate(0, math.ceil(days), 0, records_mb, 0.0, 0.0, records_mb, 0.0)


def _has_deposit(scenario: Scenario, catalog: Catalog) -> bool:
    """Whether there is a patch inside a deposit beside the one between."""
    layout, routes = scenario.patch.layout, [catalog.entry("routes", delivery.route) for delivery in scenario.delivery]
    injects = any(route.facts.get("deposit", False) for route in routes)
    return layout == "deposit_remote" or (layout == "auto" and injects)


def _first_agents(scenario: Scenario, catalog: Catalog) -> int:
    """Return the agents of the largest deposit: injected density times patch volume, at most closest packing."""
    patch_ml = math.prod(scenario.patch.shape) * (scenario.patch.spacing_um * 1e-4) ** 3
    diameter_um = scenario.product.diameter_um
    entry = catalog.entry("products", scenario.product.name)
    if diameter_um is None and "diameter_um" in entry.parameters:
        diameter_um = entry.value("diameter_um")
    cell_ml = math.pi / 6 * ((diameter_um or 10.0) * 1e-4) ** 3
    most = _CLOSEST_PACKING * patch_ml / cell_ml
    cells = max((min(_cells_per_ml(scenario, catalog, d) * patch_ml, most) for d in scenario.delivery), default=0.0)
    return round(cells / scenario.patch.agent_weight)


def _cells_per_ml(scenario: Scenario, catalog: Catalog, delivery: Delivery) -> float:
    """Return the density of an injected suspension; zero for routes that inject into vessels."""
    route = catalog.entry("routes", delivery.route).parameters
    if "n_sites" not in route or "volume_ml_per_site" not in route:
        return 0.0
    n_sites = delivery.n_sites if delivery.n_sites is not None else route["n_sites"].value
    volume = delivery.volume_ml_per_site
    volume = volume if volume is not None else route["volume_ml_per_site"].value
    weight_kg = scenario.patient.weight_kg
    if weight_kg is None:
        weight_kg = catalog.entry("species", scenario.patient.species).value("body_mass_kg")
    dose_cells = float(delivery.dose_cells or 0) + (delivery.dose_cells_per_kg or 0.0) * weight_kg
    return dose_cells / (n_sites * volume)


def size_findings(scenario: Scenario, catalog: Catalog) -> list[Finding]:
    """Return why one run is too large, each with the estimate, the limit, and the field to change."""
    size, found = estimate(scenario, catalog), []
    limit = scenario.run.memory_limit_mb
    if size.memory_mb > limit:
        shares = {
            ("patch", "shape"): size.voxels_mb,
            ("run", "max_agents"): size.agents_mb,
            ("run", "record_every_h"): size.records_mb,
            ("output", "snapshot_days"): size.snapshots_mb,
        }
        path, share = max(shares.items(), key=lambda item: item[1])
        expected = f"at most {limit:g} MB (run.memory_limit_mb)"
        found.append(Finding(path, f"an estimate of {size.memory_mb:.3g} MB", expected, f"{share:.3g} MB come from here"))
    steps = float(size.steps) * size.voxels
    if steps > MOST_VOXEL_STEPS:
        fine = scenario.clocks.motion_min < DEFAULT_MOTION_MIN
        path = ("clocks", "motion_min") if fine else ("patch", "shape")
        hint = "shorten run.duration_days, coarsen clocks.motion_min or shrink patch.shape"
        expected = f"at most {MOST_VOXEL_STEPS:.3g}"
        found.append(Finding(path, f"an estimate of {steps:.3g} voxel steps", expected, hint))
    if size.agents > scenario.run.max_agents:
        expected = f"at most {scenario.run.max_agents} (run.max_agents)"
        least = scenario.patch.agent_weight * size.agents / scenario.run.max_agents
        hint = f"raise agent_weight to {least:.3g} or choose a smaller patch"
        found.append(Finding(("patch", "agent_weight"), f"an estimate of {size.agents} agents", expected, hint))
    return found
