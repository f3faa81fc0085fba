"""From the catalogue to tables: types, rules, field constants, parameters. Every number is looked up by its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from simengine.engine.arms import BLIND, Standing
from simengine.engine.names import CellType, Names
from simengine.mechanisms import MECHANISMS, owned, registry
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.state import world as w
from simengine.state.cells import N_MARKS
from simengine.state.world import Rules, Types

__all__ = ["body_scale", "field_constants", "mechanism_parameters", "rule_tables", "type_tables"]

_TYPE_ROWS = {
    w.TYPE_RADIUS_UM: "radius_um",
    w.TYPE_PERSISTENCE_MIN: "persistence_min",
    w.TYPE_ADHESION: "adhesion_um_per_min",
    w.TYPE_REPULSION: "repulsion_um_per_min",
    w.TYPE_ACCEPTS: "accepts",
    w.TYPE_ENGAGED_H: "engaged_h",
    w.TYPE_FUNCTION: "function_fraction",
    w.TYPE_PER_MM3: "density_per_mm3",
    w.TYPE_RECRUITMENT: "recruitment_per_mm3_per_h",
    w.TYPE_ARRHYTHMIC: "arrhythmic",
    w.TYPE_POLARISATION: "initial_polarisation",
}
_HOST_ONLY = ("density_per_mm3", "recruitment_per_mm3_per_h", "initial_polarisation")
_PRODUCT_ONLY = ("arrhythmic",)
_SEES = ("sees.class_1", "sees.class_2", "sees.missing_self", "sees.opsonised", "sees.presented")
_FIELD_ROWS = {
    w.FIELD_DIFFUSION: "diffusion_um2_per_h",
    w.FIELD_DECAY: "decay_per_h",
    w.FIELD_CLEARANCE: "clearance_per_h",
    w.FIELD_BLOOD: "blood_level",
    w.FIELD_HALF_UPTAKE: "half_uptake",
    w.FIELD_GRADIENT_HALF: "gradient_half",
    w.FIELD_EXCHANGE: "exchange_per_h",
    w.FIELD_ACROSS: "across_species",
}
_BY_SITE = {"density_per_mm3": "density", "recruitment_per_mm3_per_h": "recruitment"}
"""Numbers of host kinds that a site may state for itself, as ``density.nk``."""


def _kind_code(name: str) -> int:
    """Return a 16-bit number of a kind's name: its door and its address, whatever other kinds there are."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")


def _number(numbers: Numbers, cell: CellType, name: str) -> float:
    """Return a number of a type; one that makes no sense for it is 0, one that is missing is an error."""
    if name in (_HOST_ONLY if cell.is_product else _PRODUCT_ONLY):
        return 0.0
    return numbers(cell.entry.kind, cell.entry.name, cell.prefix + name)


def _of_site(numbers: Numbers, site: str, cell: CellType, name: str) -> float:
    """Return a number of a host kind: the site's own where it states one; arrivals follow the site's access."""
    own = f"{_BY_SITE[name]}.{cell.kind}"
    value = numbers("sites", site, own) if numbers.has("sites", site, own) else _number(numbers, cell, name)
    return value * numbers("sites", site, "immune_access") if name == "recruitment_per_mm3_per_h" else value


def _stated(numbers: Numbers, cell: CellType, name: str) -> float:
    """Return a number of a type, 0 where it states none: what a type does not say it does not do and does not see."""
    return _number(numbers, cell, name) if numbers.has(cell.entry.kind, cell.entry.name, cell.prefix + name) else 0.0


def type_tables(scenario: Scenario, names: Names, numbers: Numbers, standing: Standing, fragile: float) -> Types:
    """Return what is fixed for each type.

    Parameters
    ----------
    standing
        What each arm of the host's immunity sees of this graft.
    fragile
        Share of the infused cells that is fragile.

    Notes
    -----
    Shares of stages are the product's, the rest of a product cell its lineage's; densities and arrivals of host kinds are
    the site's where it states them. A kind whose arm is missing is blind, and natural killer cells are not there at all.
    """
    n, site = len(names.types), scenario.site.name
    real, whole, sees = np.zeros((w.N_TYPE_REAL, n)), np.zeros((w.N_TYPE_WHOLE, n), np.int64), np.zeros((n, N_MARKS))
    product = scenario.product.name
    pools = registry.POOLS.names()
    for t, cell in enumerate(names.types[1:], start=1):  # the tissue itself is no agent
        for row, name in _TYPE_ROWS.items():
            of_site = name in _BY_SITE and not cell.is_product
            real[row, t] = _of_site(numbers, site, cell, name) if of_site else _number(numbers, cell, name)
        sees[t] = [_stated(numbers, cell, name) for name in _SEES]
        if not cell.is_product:
            sees[t] *= standing.sees.get(cell.kind, BLIND)
            real[w.TYPE_PER_MM3, t] *= standing.present(cell.kind)
            real[w.TYPE_RECRUITMENT, t] *= standing.present(cell.kind)
        real[w.TYPE_WEIGHT, t] = 1.0
        if cell.is_product:
            real[w.TYPE_WEIGHT, t] = scenario.patch.agent_weight
            real[w.TYPE_SHARE, t] = _share(numbers, product, cell.stage)
            real[w.TYPE_FRAGILE, t] = fragile
        arm = cell.entry.facts.get("fate")
        whole[w.TYPE_IS_PRODUCT, t] = int(cell.is_product)
        whole[w.TYPE_ARM, t] = names.arms.index(str(arm)) if arm else 0
        pool = cell.entry.facts.get("pool")
        whole[w.TYPE_POOL, t] = pools.index(str(pool)) if pool else -1
        whole[w.TYPE_KIND, t] = _kind_code(cell.kind)
        follows = t + 1 < n and cell.is_product
        whole[w.TYPE_NEXT, t] = t + 1 if follows else t
    return Types(real, whole, sees)


def _share(numbers: Numbers, product: str, stage: str) -> float:
    name = f"stage_fraction.{stage}"
    return numbers("products", product, name) if numbers.has("products", product, name) else 0.0


def _is_on(scenario: Scenario, behaviour: str) -> bool:
    """Tell whether the mechanism that owns a behaviour is switched on."""
    if "." in behaviour:
        return scenario.mechanisms.get("motility" if behaviour.startswith("chemotaxis.") else "secretion", True)
    owner = next(name for name in MECHANISMS if behaviour in owned(name, "behaviour"))
    return scenario.mechanisms.get(owner, True)


def rule_tables(
    scenario: Scenario, names: Names, numbers: Numbers, rules: list[Mapping[str, object]], scale: Mapping[str, float]
) -> Rules:
    """Return behaviours by type and the rows that modulate them.

    Parameters
    ----------
    rules
        All rule rows in force, catalogue and scenario together.
    scale
        Multipliers of the product's behaviours, by behaviour.
    """
    behaviours, signals = names.behaviours, names.signals
    n_types, n_behaviours = len(names.types), len(behaviours)
    base, bounds = np.zeros((n_behaviours, n_types)), np.zeros((2, n_behaviours))
    for i, name in enumerate(behaviours):
        declared = registry.BEHAVIOURS.rows[i] if i < len(registry.BEHAVIOURS) else None
        bounds[:, i] = (declared.low, declared.high) if declared else (-10.0 if name.startswith("chemo") else 0.0, 1e30)
        for t, cell in enumerate(names.types):
            if _is_on(scenario, name):
                own = f"tissue.{name}"
                if cell.kind == "tissue" and numbers.has("sites", scenario.site.name, own):
                    base[i, t] = numbers("sites", scenario.site.name, own)
                else:
                    factor = scale.get(name, 1.0) if cell.is_product else 1.0
                    base[i, t] = _stated(numbers, cell, f"behaviours.{name}") * factor
    start, active_start = np.zeros(n_types + 1, np.int64), np.zeros(n_types + 1, np.int64)
    rows: list[tuple[int, int, int]] = []
    values: list[tuple[float, float, float]] = []
    active: list[int] = []
    for t, cell in enumerate(names.types):
        touched = {i for i in range(n_behaviours) if base[i, t] != 0.0}
        for rule in sorted(rules, key=lambda rule: bool(rule.get("additive", False))):  # sums after products
            applies = rule["kind"] in (cell.kind, "product" if cell.is_product else cell.kind)
            known = rule["behaviour"] in behaviours and rule["signal"] in signals
            if (
                not applies
                or rule.get("stage", "*") not in ("*", cell.stage)
                or not known
                or not _is_on(scenario, str(rule["behaviour"]))
            ):
                continue
            i = behaviours.index(str(rule["behaviour"]))
            if base[i, t] == 0.0 and not rule.get("additive", False):
                continue
            touched.add(i)
            rows.append((signals.index(str(rule["signal"])), i, int(bool(rule.get("additive", False)))))
            values.append((float(rule["limit"]), float(rule["half"]), float(rule["exponent"])))  # type: ignore[arg-type]
        active += sorted(touched)
        start[t + 1], active_start[t + 1] = len(rows), len(active)
    return Rules(
        base,
        bounds,
        active_start,
        np.array(active, np.int64),
        start,
        np.array(rows, np.int64).reshape(-1, 3).T.copy(),
        np.array(values, np.float64).reshape(-1, 3).T.copy(),
        np.array(sorted({signal for signal, _, _ in rows}), np.int64),
    )


def field_constants(names: Names, numbers: Numbers, across: bool) -> np.ndarray:
    """Return the constants of all fields, float64[N_FIELD_CONSTANTS, F]; ``across`` when donor and host differ in species."""
    out = np.zeros((w.N_FIELD_CONSTANTS, len(names.fields)))
    for f, name in enumerate(names.fields):
        for row, parameter in _FIELD_ROWS.items():
            out[row, f] = numbers("fields", name, parameter)
    if not across:
        out[w.FIELD_ACROSS] = 1.0
    return out


_FASTER = ("priming.waking_per_h",)
_SOONER = ("priming.first_division_h", "priming.cd8_cycle_h", "priming.cd4_cycle_h")


def mechanism_parameters(scenario: Scenario, numbers: Numbers) -> np.ndarray:
    """Return the parameters of all mechanisms in register order, float64[n], for the species and the site.

    Notes
    -----
    EQ-SPECIES-1: numbers of cells of the immune system scale with the body mass of the species, relative to human; the
    rate of waking with its immune tempo, times of division with the inverse; antigen that reaches the node with the
    drainage of the site.
    """
    species, out = scenario.patient.species, []
    size, tempo = body_scale(numbers, species), numbers("species", species, "immune_tempo")
    for row in registry.PARAMETERS.rows:
        value = numbers("mechanisms", *row.name.split(".", 1))
        if row.unit == "cells":
            value *= size
        if row.name in _FASTER:
            value *= tempo
        if row.name in _SOONER:
            value /= tempo
        if row.name == "priming.loaded_per_cell":
            value *= numbers("sites", scenario.site.name, "drainage")
        out.append(value)
    return np.array(out)


def body_scale(numbers: Numbers, species: str) -> float:
    """Return the body mass of a species relative to human."""
    return numbers("species", species, "body_mass_kg") / numbers("species", "human", "body_mass_kg")
