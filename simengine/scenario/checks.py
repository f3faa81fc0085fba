"""What fields mean to each other and to the catalogue: every check is one generator of findings.

A check reads the scenario by attributes. It may be given a scenario of which parts are invalid; reading such a part
ends that check alone (`Unsound`), so that all other faults are still found.
"""

from __future__ import annotations

from collections.abc import Iterator

from simengine.catalog import Catalog, Entry
from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.donor_checks import CHECKS_OF_DONORS, SAME_BODY
from simengine.scenario.findings import Check, CheckOfElement, Finding, Unsound, known, told
from simengine.scenario.model import Clocks, Scenario
from simengine.scenario.population import spreads
from simengine.scenario.population_checks import CHECKS_OF_POPULATION
from simengine.scenario.precision_checks import CHECKS_OF_PRECISION
from simengine.scenario.rule_checks import CHECKS_OF_RULES
from simengine.scenario.transplant_checks import CHECKS_OF_TRANSPLANTS
from simengine.scenario.uncertainty_checks import CHECKS_OF_UNCERTAINTY

BASE_TICK_MIN = 0.5
_BASE_OF_CLOCK = {
    "motion_min": "",
    "fates_min": "motion_min",
    "fields_min": "fates_min",
    "tissue_h": "fates_min",
    "body_h": "motion_min",
}


def findings(scenario: Scenario, catalog: Catalog) -> list[Finding]:
    """Return everything that is wrong with a scenario whose fields are, as far as they can be read, well formed."""
    found: list[Finding] = []
    for check in CHECKS:
        _collect(check(scenario, catalog), found)
    for name, checks in CHECKS_OF_ELEMENTS.items():
        for i in _indices(scenario, name):
            for check_element in checks:
                _collect(check_element(scenario, catalog, i), found)
    return found


def _collect(check: Iterator[Finding], found: list[Finding]) -> None:
    try:
        found.extend(check)
    except Unsound:
        return


def _indices(scenario: Scenario, name: str) -> range:
    try:
        return range(len(getattr(scenario, name)))
    except Unsound:
        return range(0)


def _check_species(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from known(("patient", "species"), scenario.patient.species, catalog.names("species"))


def _check_genes(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    for name in scenario.patient.genes:
        yield from known(("patient", "genes", name), name, catalog.names("genes"), at_key=True)


def _check_site(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from known(("site", "name"), scenario.site.name, catalog.names("sites"))


def _check_lesion_age(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    site, age = _entry(catalog, "sites", scenario.site.name), scenario.site.lesion_age_days
    described = site.facts.get("lesion_age_days") if site else None
    if described is not None and age != described:
        expected = f"{described}, as the initial state of {scenario.site.name} is of that day"
        yield Finding(("site", "lesion_age_days"), told(age), expected)


def _check_fields(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    names = scenario.site.fields or ()
    for i, name in enumerate(names):
        yield from known(("site", "fields", i), name, catalog.names("fields"))
        if name in names[:i]:
            yield Finding(("site", "fields", i), f"{shown(name)} again", "each field once")


def _check_product(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from known(("product", "name"), scenario.product.name, catalog.names("products"))


NO_SWITCHES = {"clones"}
"""Entries that hold numbers of several mechanisms and are none themselves."""


def _check_mechanisms(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    kinds = ("mechanisms", "arms") if scenario.transplant is None else ("transplantation",)
    switches = sorted({name for kind in kinds for name in catalog.names(kind)} - NO_SWITCHES)
    for name in scenario.mechanisms:
        yield from known(("mechanisms", name), name, switches, at_key=True)


def _check_autoimmunity(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.patient.autoimmune_to is not None:
        yield from known(("patient", "autoimmune_to"), scenario.patient.autoimmune_to, catalog.names("lineages"))


def _check_edit(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.product.edit is not None:
        yield from known(("product", "edit"), scenario.product.edit, catalog.names("edits"))


def _check_mode(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    site = _entry(catalog, "sites", scenario.site.name)
    if site and not site.facts.get("patch", True) and scenario.run.mode == "patch":
        yield Finding(("run", "mode"), '"patch"', f'"body" or "auto", as {scenario.site.name} has no tissue')


def _check_parameters(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    for name in scenario.parameters:
        parameter = catalog.parameters.get(name)
        if parameter is None:
            wanted = "a parameter of the catalogue (mechanism.parameter or kind.entry.parameter)"
            hint = nearest(name, catalog.parameters)
            yield Finding(("parameters", name), f"the unknown name {shown(name)}", wanted, hint, at_key=True)


def _check_parameter_ranges(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    for name, value in scenario.parameters.items():
        known = catalog.parameters.get(name)
        if known is not None and value is not None and not known.low <= value <= known.high:
            expected = f"a number from {known.low:g} to {known.high:g} {known.unit}"
            yield Finding(("parameters", name), told(value), expected, f"the catalogue says {known.value:g}")


def _check_autologous(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    product = _entry(catalog, "products", scenario.product.name)
    if scenario.donor.relation == "autologous" and product and not product.facts.get("autologous_possible", True):
        expected = f"another donor, as {product.name} cannot be made of the patient's own cells"
        yield Finding(("donor", "relation"), '"autologous"', expected)


def _check_passage(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    product, passage = _entry(catalog, "products", scenario.product.name), scenario.product.passage
    known = product.parameters.get("passage") if product else None
    if passage and known and known.high == 0:
        yield Finding(("product", "passage"), shown(passage), f"0, as {scenario.product.name} is never passaged")


def _check_shared_age(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from _shared(scenario, catalog, "age_years", SAME_BODY)


def _check_shared_sex(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    yield from _shared(scenario, catalog, "sex", SAME_BODY)


def _own_state(trait: str) -> Check:
    """Return the check that the donor of autologous cells has the patient's illness and habits."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        yield from _shared(scenario, catalog, trait, ("autologous",))

    return check


def _shared(scenario: Scenario, catalog: Catalog, trait: str, relations: tuple[str, ...]) -> Iterator[Finding]:
    """The patient's own cells, and those of a twin, have the patient's traits."""
    of_donor, of_patient = getattr(scenario.donor, trait), getattr(scenario.patient, trait)
    is_drawn = trait in spreads(scenario, catalog)
    if of_donor is not None and scenario.donor.relation in relations and (is_drawn or of_donor != of_patient):
        value = "that of each patient" if is_drawn else shown(of_patient)
        expected = f'{value} as patient.{trait} for relation = "{scenario.donor.relation}"'
        yield Finding(("donor", trait), shown(of_donor), expected, "leave it out")


def _check_layout(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    entries = [_entry(catalog, "routes", delivery.route) for delivery in scenario.delivery]
    if scenario.patch.layout == "deposit_remote" and not any(_is_local(entry) for entry in entries):
        yield Finding(("patch", "layout"), '"deposit_remote"', '"single" or "auto", as no route injects locally')


def _check_snapshots_possible(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    if scenario.run.mode == "body" and scenario.output.snapshot_days:
        yield Finding(("output", "snapshot_days"), "snapshots", 'none when run.mode = "body" has no patch')


def _check_snapshots(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    for i, day in enumerate(scenario.output.snapshot_days):
        if day > scenario.run.duration_days:
            expected = f"a day of the run (0 to {scenario.run.duration_days:g})"
            yield Finding(("output", "snapshot_days", i), told(day), expected)


def _check_recording(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    interval, whole = scenario.run.record_every_h, 24 * scenario.run.duration_days
    if interval > whole:
        yield Finding(("run", "record_every_h"), told(interval), f"at most the whole run, {whole:g} h")


def _off_beat(clocks: Clocks, field: str) -> float:
    """Return the step in minutes of which a clock should be, but is not, a whole multiple; 0 when all is well."""
    base = _BASE_OF_CLOCK[field]
    step = getattr(clocks, base) if base else BASE_TICK_MIN
    ratio = getattr(clocks, field) * (60 if field.endswith("_h") else 1) / step
    return step if abs(ratio - round(ratio)) > 1e-9 * ratio or round(ratio) < 1 else 0.0


def _on_beat(field: str) -> Check:
    """Return the check that a clock counts whole steps of its base; silent when the base itself is at fault."""

    def check(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
        base, step = _BASE_OF_CLOCK[field], _off_beat(scenario.clocks, field)
        if step and not (base and _off_beat(scenario.clocks, base)):
            value = getattr(scenario.clocks, field)
            yield Finding(("clocks", field), told(value), f"a multiple of {base or 'the base tick'}, {step:g} min")

    return check


def _check_dose(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    delivery = scenario.delivery[i]
    wanted = "either dose_cells or dose_cells_per_kg"
    if delivery.dose_cells is not None and delivery.dose_cells_per_kg is not None:
        yield Finding(("delivery", i, "dose_cells_per_kg"), "a second dose", wanted, at_key=True)
    if delivery.dose_cells is None and delivery.dose_cells_per_kg is None:
        yield Finding(("delivery", i, "dose_cells"), "nothing", wanted)


def _check_delivery_day(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    day, end = scenario.delivery[i].day, scenario.run.duration_days
    if day >= end:
        yield Finding(("delivery", i, "day"), told(day), f"a day before the end of the run ({end:g})")


def _check_route(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    route = scenario.delivery[i].route
    path: FieldPath = ("delivery", i, "route")
    unknown = list(known(path, route, catalog.names("routes")))
    yield from unknown
    site = _entry(catalog, "sites", scenario.site.name)
    allowed = site.listed_fact("routes") if site else ()
    if not unknown and allowed and route not in allowed:
        yield Finding(path, shown(route), f"{listed(allowed)} at site {scenario.site.name}", nearest(route, allowed))


def _of_route(field: str) -> CheckOfElement:
    """Return the check that a delivery states only what its route has: the entry holds a parameter of that name."""

    def check(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
        delivery = scenario.delivery[i]
        entry = _entry(catalog, "routes", delivery.route)
        if entry and getattr(delivery, field) is not None and field not in entry.parameters:
            expected = f"only what route {delivery.route} has"
            yield Finding(("delivery", i, field), field, expected, "leave it out", at_key=True)

    return check


def _check_drug(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    yield from known(("drug", i, "name"), scenario.drug[i].name, catalog.names("drugs"))


def _check_drug_days(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    drug, end = scenario.drug[i], scenario.run.duration_days
    if drug.stop_day is not None and drug.stop_day <= drug.start_day:
        yield Finding(("drug", i, "stop_day"), told(drug.stop_day), f"a day after start_day ({drug.start_day:g})")
    if drug.start_day >= end:
        yield Finding(("drug", i, "start_day"), told(drug.start_day), f"a day before the end of the run ({end:g})")


def _check_drug_once(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    drug = scenario.drug[i]
    for other in scenario.drug[:i]:
        ends = (drug.stop_day, other.stop_day)
        first_stop, second_stop = (float("inf") if end is None else end for end in ends)
        if drug.name == other.name and drug.start_day < second_stop and other.start_day < first_stop:
            expected = "courses of one drug that do not overlap"
            yield Finding(("drug", i, "start_day"), f"a second course of {shown(drug.name)}", expected)


def _entry(catalog: Catalog, kind: str, name: str) -> Entry | None:
    return catalog.entries[kind].get(name)


def _is_local(entry: Entry | None) -> bool:
    return entry is not None and bool(entry.facts.get("deposit", False))


CHECKS: tuple[Check, ...] = (
    _check_species,
    _check_genes,
    *CHECKS_OF_POPULATION,
    _check_site,
    _check_lesion_age,
    _check_fields,
    _check_autoimmunity,
    _check_product,
    _check_edit,
    _check_mode,
    _check_mechanisms,
    _check_parameters,
    _check_parameter_ranges,
    *CHECKS_OF_DONORS,
    *CHECKS_OF_TRANSPLANTS,
    _check_autologous,
    _check_passage,
    _check_shared_age,
    _check_shared_sex,
    *(_own_state(trait) for trait in ("diabetes", "smoking", "obesity", "cmv")),
    _check_layout,
    _check_snapshots_possible,
    _check_snapshots,
    _check_recording,
    *CHECKS_OF_UNCERTAINTY,
    *CHECKS_OF_PRECISION,
    *(_on_beat(field) for field in _BASE_OF_CLOCK),
)
CHECKS_OF_ELEMENTS: dict[str, tuple[CheckOfElement, ...]] = {
    "delivery": (
        _check_dose,
        _check_delivery_day,
        _check_route,
        *(_of_route(field) for field in ("n_sites", "volume_ml_per_site", "duration_min")),
    ),
    "drug": (_check_drug, _check_drug_days, _check_drug_once),
    "rule": CHECKS_OF_RULES,
}
