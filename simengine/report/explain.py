"""What a scenario resolves to: every number in use, where it comes from and how good the evidence is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from simengine.catalog import Catalog, Entry, load_catalog
from simengine.catalog.loader import REGIMENS
from simengine.engine.names import names_of
from simengine.foundation.parameters import GRADES
from simengine.patients.modifiers import acting, multipliers, numbers_of
from simengine.scenario import Scenario
from simengine.scenario.transplant_section import Transplant

__all__ = ["diffusion_lengths", "explain", "overview"]

Row = dict[str, str | float]


def _entries_in_use(scenario: Scenario, catalog: Catalog) -> Iterator[Entry]:
    """Yield the catalogue entries that this scenario reads, in a fixed order."""
    yield catalog.entry("species", scenario.patient.species)
    yield catalog.entry("hla", "minor_antigens")
    if catalog.entry("species", scenario.patient.species).facts.get("mhc") == "HLA":
        for ancestry in dict.fromkeys((scenario.patient.ancestry, scenario.donor.ancestry or scenario.patient.ancestry)):
            yield catalog.entry("ancestries", ancestry)
    yield from _of_tissue(scenario, catalog) if scenario.transplant is None else _of_transplant(scenario, catalog)


def _of_tissue(scenario: Scenario, catalog: Catalog) -> Iterator[Entry]:
    """Yield the entries of site, product and what is given with it."""
    names = names_of(scenario, catalog)
    yield catalog.entry("sites", scenario.site.name)
    yield catalog.entry("products", scenario.product.name)
    yield next(cell.entry for cell in names.types if cell.is_product)  # one lineage, in all its stages
    for route in names.routes:
        yield catalog.entry("routes", route)
    for drug in names.drugs:
        yield catalog.entry("drugs", drug)
    for field in names.fields:
        yield catalog.entry("fields", field)
    yield from (cell.entry for cell in names.types if not cell.is_product)
    for mechanism in catalog.names("mechanisms"):
        if scenario.mechanisms.get(mechanism, True):
            yield catalog.entry("mechanisms", mechanism)


def _of_transplant(scenario: Scenario, catalog: Catalog) -> Iterator[Entry]:
    """Yield the entries of disease, graft and regimens with what they give, and the mechanisms of a transplantation."""
    asked = scenario.transplant
    if asked is None:
        return
    yield catalog.entry("diseases", asked.disease)
    yield catalog.entry("grafts", asked.graft)
    yield catalog.entry("depletions", asked.depletion)
    names = {use: catalog.entry("regimens", getattr(asked, use)) for use in REGIMENS}
    yield from names.values()
    given = [(REGIMENS[use], str(row["drug"])) for use, regimen in names.items() for row in regimen.rows]
    for kind, name in dict.fromkeys(given):
        yield catalog.entry(kind, name)
    for mechanism in catalog.names("transplantation"):
        if scenario.mechanisms.get(mechanism, True):
            yield catalog.entry("transplantation", mechanism)


def explain(scenario: Scenario, catalog: Catalog | None = None) -> list[Row]:
    """Return one row per number in use: path, value, unit, range, grade, source, and whether the scenario set it.

    Settings of the scenario itself come first (``set by`` = scenario or default), then parameters of the catalogue
    (``set by`` = scenario or catalogue, with "x traits" where modifiers act on the number), the courses of a transplantation,
    the modifiers that act, rules.

    Example
    -------
    >>> from simengine import scenario
    >>> rows = explain(scenario.loads('name = "control"').points[0].scenario)
    >>> [row["value"] for row in rows if row["path"] == "patient.age_years"]
    [60.0]
    """
    catalog = catalog or load_catalog()
    described = (_parameters, _courses, _modifiers, _rules)
    return [*_settings(scenario), *(row for describe in described for row in describe(scenario, catalog))]


def _settings(scenario: Scenario) -> Iterator[Row]:
    transplant = None if scenario.transplant is None else Transplant()
    defaults = _flat(Scenario(name="unnamed", transplant=transplant).plain())
    for path, value in _flat(scenario.plain()).items():
        if path.startswith(("parameters.", "rule.")) or path in ("description", "title"):
            continue
        origin = "default" if defaults.get(path) == value else "scenario"
        shown = value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        yield _row(path, shown, "", "", origin, "", "setting of the scenario")


def _parameters(scenario: Scenario, catalog: Catalog) -> Iterator[Row]:
    numbers, changed = numbers_of(scenario, catalog), multipliers(scenario, catalog)
    for entry in _entries_in_use(scenario, catalog):
        for name, parameter in entry.parameters.items():
            path = _path(entry, name)
            origin = "scenario" if path in scenario.parameters else "catalogue"
            origin += " x traits" if path in changed else ""
            span = f"{parameter.low:g} to {parameter.high:g}"
            value = numbers(entry.kind, entry.name, name)
            yield _row(path, value, parameter.unit, span, origin, parameter.grade, parameter.source)


def _path(entry: Entry, name: str) -> str:
    return f"{entry.name}.{name}" if entry.kind == "mechanisms" else f"{entry.kind}.{entry.name}.{name}"


def _modifiers(scenario: Scenario, catalog: Catalog) -> Iterator[Row]:
    """Yield the rows of the modifier table that change a number in use."""
    in_use = {_path(entry, name) for entry in _entries_in_use(scenario, catalog) for name in entry.parameters}
    for row, factor in acting(scenario, catalog):
        if factor != 1.0 and in_use & set(catalog.quantities[str(row["quantity"])]):
            path = f"modifier.{row['trait']}.{row['quantity']}"
            yield _row(path, factor, "1", "", "traits", row["grade"], row["source"])


def _courses(scenario: Scenario, catalog: Catalog) -> Iterator[Row]:
    """Yield what the regimens of a transplantation give, and when."""
    for entry in _entries_in_use(scenario, catalog):
        for i, row in enumerate(entry.rows if entry.kind == "regimens" else ()):
            taper = f", less from day {row['taper_day']}" if "taper_day" in row else ""
            text = f"{row['drug']}: {row['share']:g} from day {row['first_day']} to {row['last_day']}{taper}"
            yield _row(f"regimens.{entry.name}.course.{i}", text, "", "", "catalogue", str(row["grade"]), str(row["source"]))


def _rules(scenario: Scenario, catalog: Catalog) -> Iterator[Row]:
    """Yield the rules in force; a transplantation, which follows no tissue, has none."""
    changed: dict[str, Mapping[str, Any]] = {rule.id: rule.model_dump() for rule in scenario.rule}
    for name, row in {**catalog.rules, **changed}.items() if scenario.transplant is None else ():
        if row.get("action") == "remove":
            continue
        effect = "adds" if row.get("additive") else "times"
        text = (
            f"{row['kind']}: {row['signal']} -> {row['behaviour']} {effect} {row['limit']} at {row['half']}^{row['exponent']}"
        )
        origin = "scenario" if name in changed else "catalogue"
        yield _row(f"rule.{name}", text, "", "", origin, str(row["grade"]), str(row["source"]))


def _row(path: str, value: str | float, unit: str, span: str, origin: str, grade: str, source: str) -> Row:
    return {
        "path": path, "value": value, "unit": unit, "range": span, "set by": origin, "grade": grade, "source": source,
    }  # fmt: skip


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of nested tables and lists by dotted path."""
    if isinstance(tree, dict):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        items = [(str(i), value) for i, value in enumerate(tree)]
    else:
        return {path: tree}
    found: dict[str, Any] = {}
    for key, value in items:
        found |= _flat(value, f"{path}.{key}" if path else key)
    return found


def diffusion_lengths(scenario: Scenario, catalog: Catalog | None = None) -> dict[str, float]:
    """Return how far each field reaches, µm: sqrt(D / loss) with decay and clearance at the lesion's vessel density.

    Uptake by cells shortens it further. A length between a voxel and the patch is what the steady solver is for. A
    transplantation has no fields.
    """
    catalog = catalog or load_catalog()
    if scenario.transplant is not None:
        return {}
    numbers = numbers_of(scenario, catalog)
    vessels = numbers("sites", scenario.site.name, "initial_vessels")
    lengths = {}
    for field in names_of(scenario, catalog).fields:
        loss = numbers("fields", field, "decay_per_h") + vessels * numbers("fields", field, "clearance_per_h")
        lengths[field] = (numbers("fields", field, "diffusion_um2_per_h") / max(loss, 1e-12)) ** 0.5
    return lengths


def _stopping(scenario: Scenario) -> list[str]:
    """Return a line that says when an arm has runs enough, where a precision decides."""
    if (asked := scenario.precision) is None:
        return []
    most, unit = (scenario.patients, "patients") if scenario.patients > 1 else (scenario.replicates, "replicates")
    narrow = f"the {100 * asked.confidence:g} % interval of {asked.outcome} is within ± {asked.half_width:g}"
    looks = f"at {asked.at_least} {unit}, then after every {asked.every}; at {most} in any case"
    return [f"an arm stops when {narrow} at two looks in a row: {looks}"]


def overview(scenario: Scenario, catalog: Catalog | None = None) -> list[str]:
    """Return a few lines that say what is simulated, on what evidence, and how far the fields reach."""
    catalog = catalog or load_catalog()
    counts = Counter(str(row["grade"]) for row in explain(scenario, catalog) if row["grade"])
    total = sum(counts.values())
    where = ("sites", scenario.site.name) if scenario.transplant is None else ("diseases", scenario.transplant.disease)
    tier = catalog.entry(*where).facts.get("tier", "C")
    grades = ", ".join(f"{counts[grade]} {grade} ({100 * counts[grade] / total:.0f} %)" for grade in GRADES)
    lengths = ", ".join(f"{name} {length:.0f}" for name, length in diffusion_lengths(scenario, catalog).items())
    return [
        f"evidence tier of the {where[0][:-1]}: {tier} (A scored against published numbers, B directional, C illustrative)",
        f"numbers and rules in use: {total}: {grades}",
        *_stopping(scenario),
        *([f"diffusion lengths without uptake by cells (µm): {lengths}"] if lengths else []),
        "Research software. Not medical advice.",
    ]
