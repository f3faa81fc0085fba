"""What the engine relies on in entries of species, routes and drugs; a newcomer is covered by being there.

The files are read with `tomllib`, so that a fault of the loader, which fills in what an entry inherits, does not hide here.
"""

from __future__ import annotations

import tomllib
from math import exp, log

import pytest

from simengine.catalog import DEFAULT_FOLDER

ARMS = {"nk", "cd8", "cd4_direct", "cd4_indirect", "antibody", "macrophage", "xenogeneic"}
MHC = {"HLA", "H-2", "RT1", "SLA", "DLA", "Mamu"}
FLOWS = ("heart", "skeletal_muscle", "brain", "gut", "liver", "spleen", "marrow")
TARGETS = {"activation", "proliferation", "costimulation", "entry", "inflammation", "antibody", "regulatory"}
HAZARDS = {"depletion_per_h", "dividing_death_per_h"}
PRICE = {"infection_rise", "organ_damage_per_h"}
KINETICS = {"half_life_h", "dosing_interval_h", "target_trough_ng_per_ml", "half_effect_ng_per_ml", "effect_exponent"}
LOCAL = {
    *("n_sites", "volume_ml_per_site", "duration_min", "lodge_per_h", "wash_per_h", "leak_per_h"),
    *("retention_diameter_exponent", "matrix", "fragile_factor"),
}


def entries(kind):
    """Return the files of a folder as they are written, by name."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted((DEFAULT_FOLDER / kind).glob("*.toml"))}


def flat(table):
    """Return the parameters of a file by their dotted names."""
    out = {}
    for name, value in table.items():
        inner = {} if "value" in value else flat(value)
        out |= {f"{name}.{rest}": parameter for rest, parameter in inner.items()} or {name: value}
    return out


SPECIES, ROUTES, DRUGS = entries("species"), entries("routes"), entries("drugs")


def numbers_of(species):
    """Return the values of a species with those it inherits; its own win."""
    entry = SPECIES[species]
    parent = SPECIES[entry["facts"]["like"]] if "like" in entry["facts"] else {}
    inherited = flat(parent.get("parameters", {}))
    return {name: row["value"] for name, row in (inherited | flat(entry.get("parameters", {}))).items()}


@pytest.mark.parametrize("name", SPECIES)
def test_a_species_states_or_inherits_every_number_that_the_human_has(name):
    facts = SPECIES[name]["facts"]
    assert facts["mhc"] in MHC
    assert set(facts["lacks"]) <= ARMS
    if "like" in facts:
        assert "like" not in SPECIES[facts["like"]]["facts"], "one step of inheritance only"
    assert set(numbers_of(name)) == set(numbers_of("human"))


@pytest.mark.parametrize("name", SPECIES)
def test_organs_leave_some_blood_to_the_rest_and_the_liver_gets_what_the_gut_had(name):
    """Blood of the gut goes on through the liver, so that the two together may not count it twice."""
    numbers = numbers_of(name)
    flows = {organ: numbers[f"flow.{organ}"] for organ in FLOWS}
    assert sum(flows.values()) - flows["gut"] < 0.9
    assert flows["gut"] < flows["liver"]
    assert numbers["venous_fraction"] + numbers["arterial_fraction"] < 1.0


def test_strains_without_arms_are_less_than_the_whole_animal():
    t_cells = {"cd8", "cd4_direct", "cd4_indirect"}
    lacks = {name: set(entry["facts"]["lacks"]) for name, entry in SPECIES.items()}
    assert lacks["mouse_nude"] == lacks["rat_nude"] == t_cells
    assert lacks["mouse_scid"] == t_cells | {"antibody"}
    assert lacks["mouse_nod_scid"] == t_cells | {"antibody", "nk"}
    assert {name for name, arms in lacks.items() if not arms} == {"human", "mouse", "rat", "swine", "dog", "macaque"}


def test_mononuclear_cells_pass_every_lung_thirty_times_as_well_as_large_cells():
    """Fischer 2009: 7.5 µm against 20 µm, and at most 3 % of the large. A wrong half-size or steepness fails."""
    for name in SPECIES:
        half, steepness = numbers_of(name)["lung_pass_half_um"], numbers_of(name)["lung_pass_steepness_um"]
        small, large = (1.0 / (1.0 + exp((diameter - half) / steepness)) for diameter in (7.5, 20.0))
        assert 15.0 < small / (0.7 * large) < 60.0, name
        assert 0.7 * large <= 0.03, name


def test_dna_of_cells_in_the_mouse_lung_halves_in_a_day():
    """Lee 2009 measured DNA: living cells with their half-life, the dead with that of DNA, together 0.5 at 24 h."""
    numbers = numbers_of("mouse")
    death, loss = log(2.0) / numbers["lung_death_half_life_h"], log(2.0) / numbers["assay.dna_half_life_h"]
    dead = death / (loss - death) * (exp(-24.0 * death) - exp(-24.0 * loss))
    assert exp(-24.0 * death) + dead == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_states_what_its_kind_needs(name):
    facts, numbers = ROUTES[name]["facts"], ROUTES[name]["parameters"]
    if facts["kind"] == "local":
        assert set(numbers) in (LOCAL, LOCAL - {"matrix"})
        assert set(facts) == {"kind", "deposit"}
        assert numbers.get("matrix", {"low": 1.0})["low"] >= 1.0
        assert 0.0 <= numbers["fragile_factor"]["low"] <= numbers["fragile_factor"]["high"] <= 1.0
    else:
        assert set(numbers) == {"duration_min", "first_pass_extraction"}
        assert facts["first"] in {"venous", "target_vessels", "liver"}
        assert facts["deposit"] is False
        assert (facts["first"] == "venous") == (numbers["first_pass_extraction"]["value"] == 0.0)


def test_a_scaffold_keeps_more_cells_than_any_injection_and_the_beating_heart_fewest_of_the_deposits():
    def kept(name):
        rate = {key: ROUTES[name]["parameters"][f"{key}_per_h"]["value"] for key in ("lodge", "wash", "leak")}
        return rate["lodge"] / sum(rate.values())

    local = [name for name, entry in ROUTES.items() if entry["facts"]["kind"] == "local"]
    assert max(local, key=kept) == "scaffold"
    assert min((name for name in local if ROUTES[name]["facts"]["deposit"]), key=kept) == "intramyocardial"
    assert kept("intramyocardial") == pytest.approx(0.11, abs=0.03), "Hou 2005: 11 ± 3 %"


@pytest.mark.parametrize("name", DRUGS)
def test_a_drug_states_its_targets_as_a_fact_and_as_numbers_and_does_something(name):
    facts, numbers = DRUGS[name]["facts"], DRUGS[name]["parameters"]
    inhibitions = {f"largest_{target}_inhibition" for target in facts["targets"]}
    assert set(facts["targets"]) <= TARGETS
    assert {key for key in numbers if key.startswith("largest_")} == inhibitions
    assert set(numbers) - inhibitions - HAZARDS - PRICE == KINETICS
    assert inhibitions or HAZARDS & set(numbers)
    assert PRICE & set(numbers), "no drug is free"
    assert set(facts["elimination"]) <= {"liver", "kidney"}
    for key in inhibitions:
        assert 0.0 <= numbers[key]["low"] <= numbers[key]["high"] <= 0.95, f"{key}: no drug abolishes"


def mean_effect(name):
    """Return the mean of level^n / (level^n + half^n) over a dosing interval at the target trough."""
    value = {key: row["value"] for key, row in DRUGS[name]["parameters"].items()}
    rate = log(2.0) / value["half_life_h"]
    effects = []
    for step in range(1000):
        left = (1.0 - (step + 0.5) / 1000.0) * value["dosing_interval_h"]
        relative = value["target_trough_ng_per_ml"] * exp(rate * left) / value["half_effect_ng_per_ml"]
        effects.append(relative ** value["effect_exponent"] / (1.0 + relative ** value["effect_exponent"]))
    return sum(effects) / len(effects)


def test_usual_doses_act_well_but_not_fully():
    """At the target trough the mean effect is 0.4 to 0.99; a level in other units than the half effect falls out of it."""
    for name in DRUGS:
        assert 0.4 < mean_effect(name) < 0.999, name


def test_tacrolimus_with_sirolimus_delays_the_division_of_t_cells_and_does_not_abolish_it():
    spared = 1.0
    for name in ("tacrolimus", "sirolimus"):
        spared *= 1.0 - DRUGS[name]["parameters"]["largest_proliferation_inhibition"]["value"] * mean_effect(name)
    assert 0.15 < spared < 0.35


def test_two_doses_of_cyclophosphamide_kill_most_dividing_cells():
    """70-95 % by two doses: hazard x hours of effect, each dose falling from its peak."""
    value = {key: row["value"] for key, row in DRUGS["ptcy"]["parameters"].items()}
    rate = log(2.0) / value["half_life_h"]
    rise = value["target_trough_ng_per_ml"] * (exp(rate * value["dosing_interval_h"]) - 1.0)
    level, hours, step = 0.0, 0.0, 0.01
    for i in range(int(120.0 / step)):
        level += rise if i in (0, int(value["dosing_interval_h"] / step)) else 0.0
        relative = (level / value["half_effect_ng_per_ml"]) ** value["effect_exponent"]
        hours += step * relative / (1.0 + relative)
        level *= exp(-rate * step)
    assert 0.7 < 1.0 - exp(-value["dividing_death_per_h"] * hours) < 0.95
