"""The equations of the body, each checked by its formula: circulation, doses, drugs, antibody, priming, homing, coupling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import chisquare

from simengine.catalog import load_catalog
from simengine.engine.circulation import compartment_rates, lung_passage, transition_matrices
from simengine.engine.spaces import give_to_body, populate, put_in_order
from simengine.mechanisms import antibody, delivery, homing, pharmacokinetics, priming, safety, trafficking
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w
from tests.small_world import SmallWorld

Z = 4.9
"""Standard errors at which a count is refused: a sound sampler fails once in a million runs."""


def rates_of(**changes):
    """Return the rates of a small scenario per h, with its names, numbers and scenario."""
    small = SmallWorld(**changes)
    return compartment_rates(small.scenario, small.names, small.numbers, load_catalog()), small


@pytest.mark.parametrize("diameter", [7.5, 13.1, 20.0])
def test_large_and_adhesive_cells_stay_in_the_lung(diameter):
    """EQ-LUNG-1, at and around the half-size. A slip of sign or of the half-size is off by far more than rounding."""
    expected = (1.0 - 0.3) / (1.0 + np.exp((diameter - 13.1) / 2.2))
    assert lung_passage(diameter, 0.3, 13.1, 2.2) == pytest.approx(expected, rel=1e-12)


def test_blood_turns_over_as_cardiac_output_and_volumes_say():
    """EQ-BODY-1: the rates out of veins and arteries are flow over volume; what organs do not hold comes back."""
    rates, small = rates_of()

    def human(name):
        return small.numbers("species", "human", name)

    flow = human("cardiac_output_l_per_min") * 60_000.0
    blood = human("blood_volume_ml_per_kg") * human("body_mass_kg")
    assert rates[b.VENOUS].sum() == pytest.approx(flow / (blood * human("venous_fraction")))
    assert rates[b.ARTERIAL].sum() == pytest.approx(flow / (blood * human("arterial_fraction")))
    passage = rates[b.VENOUS, b.ARTERIAL] / rates[b.VENOUS].sum()
    product = small.scenario.product.name
    diameter, adhesion = small.numbers("products", product, "diameter_um"), small.numbers("products", product, "adhesion")
    half, steepness = human("lung_pass_half_um"), human("lung_pass_steepness_um")
    assert passage == pytest.approx(lung_passage(diameter, adhesion, half, steepness))
    held = min(1.0, human("organ_extraction") * (diameter / 7.5) ** 2)
    assert rates[b.ARTERIAL, b.LIVER] / rates[b.ARTERIAL].sum() == pytest.approx(human("flow.liver") * held)
    to_heart = min(1.0, held * (1.0 + small.numbers("products", product, "cxcr4_expression")))
    assert rates[b.ARTERIAL, b.TARGET_VESSELS] / rates[b.ARTERIAL].sum() == pytest.approx(human("flow.heart") * to_heart)
    rest = 1.0 - sum(human(f"flow.{organ}") for organ in ("heart", "liver", "spleen", "marrow"))
    assert rates[b.ARTERIAL, b.REST] / rates[b.ARTERIAL].sum() == pytest.approx(rest * held)


def test_cells_held_in_organs_die_or_are_released_at_the_stated_rates():
    """EQ-BODY-2: ln 2 over the half-life in the lung, and the stated rates elsewhere."""
    rates, small = rates_of()

    def human(name):
        return small.numbers("species", "human", name)

    homing_pull = small.numbers("products", "bm_msc", "cxcr4_expression")
    homing_pull *= small.numbers("sites", "heart_infarct", "cxcl12_pull")
    assert rates[b.LUNG, b.DIED_LUNG] == pytest.approx(np.log(2.0) / human("lung_death_half_life_h"))
    assert rates[b.LUNG, b.ARTERIAL] == human("lung_release_per_h")
    assert rates[b.LIVER, b.CLEARED_LIVER] == human("liver_clearance_per_h")
    assert rates[b.SPLEEN, b.CLEARED_SPLEEN] == human("spleen_clearance_per_h")
    assert rates[b.TARGET_VESSELS, b.TARGET] == pytest.approx(human("homing_transmigration_per_h") * homing_pull)


def test_a_local_depot_lodges_by_size_and_a_catheter_offers_a_first_pass():
    """EQ-ROUTE-1: lodging rises with (d / 7.5 µm) to the exponent and with clumping; a catheter empties at 120 per h."""
    rates, small = rates_of(parameters={"products.bm_msc.clumping": 1.5})

    def route(name):
        return small.numbers("routes", "intramyocardial", name)

    diameter = small.numbers("products", "bm_msc", "diameter_um")
    lodging = 1.5 * route("lodge_per_h") * (diameter / 7.5) ** route("retention_diameter_exponent")
    assert rates[b.FIRST_DEPOT, b.TARGET] == pytest.approx(lodging)
    assert rates[b.FIRST_DEPOT, b.VENOUS] == route("wash_per_h")
    assert rates[b.FIRST_DEPOT, b.LOST_AT_DELIVERY] == route("leak_per_h")
    rates, small = rates_of(delivery=[{"route": "intracoronary", "dose_cells": 1000}])
    caught = min(1.0, small.numbers("routes", "intracoronary", "first_pass_extraction") * (diameter / 7.5) ** 2)
    assert rates[b.FIRST_DEPOT, b.TARGET_VESSELS] == pytest.approx(120.0 * caught)
    assert rates[b.FIRST_DEPOT].sum() == pytest.approx(120.0)
    rates, _ = rates_of(delivery=[{"route": "intravenous", "dose_cells": 1000}])
    assert rates[b.FIRST_DEPOT, b.VENOUS] == pytest.approx(120.0)


def test_probabilities_of_a_step_are_the_exponential_of_the_rates():
    """EQ-TRAFFIC-2 against SciPy: fast and slow step of the real circulation, absolute error below 1e-12."""
    rates, _ = rates_of()
    generator = rates - np.diag(rates.sum(axis=1))
    fast, slow = transition_matrices(rates, 0.1, 1.0)
    np.testing.assert_allclose(fast, expm(0.1 * generator), atol=1e-12)
    np.testing.assert_allclose(slow, expm(1.0 * generator), atol=1e-12)


def test_a_step_of_the_body_is_a_multinomial_draw_of_whole_cells():
    """EQ-TRAFFIC-1: one million cells from the depot in one fast step; chi-square, refused at p < 1e-6.

    Swapped rates, a second pass or lost cells change expected counts by thousands, where the standard deviation is 500.
    """
    small = SmallWorld()
    counts, n = small.world.body.counts, 1_000_000
    counts[b.FIRST_DEPOT] = n
    trafficking.carry(small.handle, 0, 0.1, 0, 0)
    assert counts.sum() == n
    expected = n * small.world.body.transfer[0, b.FIRST_DEPOT]
    likely = expected > 5.0
    rest = n - counts[likely].sum(), n - expected[likely].sum()
    assert abs(rest[0] - rest[1]) <= 5.0 + Z * np.sqrt(rest[1] + 1.0)
    scaled = expected[likely] * counts[likely].sum() / expected[likely].sum()
    assert chisquare(counts[likely], scaled).pvalue > 1e-6


def test_a_patch_takes_its_share_of_the_cells_that_reach_the_target():
    """EQ-COUPLE-1: arrived = reached x V_patch / V_zone, and weights of agents + pending = arrived, to 1e-9."""
    small = SmallWorld(**{"patch.agent_weight": 2.0})
    small.world.body.counts[b.FIRST_DEPOT] = 20_000_000_000
    trafficking.carry(small.handle, 0, 0.1, 0, 0)
    patch = small.world.patch[0]
    reached = small.world.body.counts[b.TARGET]
    n = int(small.world.cells.count[0])
    assert n > 100
    assert patch[w.ARRIVED] == pytest.approx(reached * patch[w.VOLUME_MM3] / patch[w.ZONE_MM3], rel=1e-12)
    held = small.world.cells.real[c.WEIGHT, :n].sum() + patch[w.PENDING]
    assert held == pytest.approx(patch[w.ARRIVED], abs=1e-9)
    assert 0.0 <= patch[w.PENDING] < 2.0


def test_a_dose_flows_in_whole_cells_along_its_line():
    """EQ-DOSE-1: half-way through half of the dose is given, at the end all of it, the dead booked as lost."""
    small = SmallWorld(**{"product.viability": 0.8})
    body = small.world.body
    first, last = body.doses[0, b.DOSE_FIRST_TICK], body.doses[0, b.DOSE_LAST_TICK]
    body.doses[0, b.DOSE_LAST_TICK] = last = first + 1200.0
    delivery.carry(small.handle, 0, 5.0, 0, 0)
    assert body.given[0] == 500_000
    delivery.carry(small.handle, 600, 5.0, 0, 0)
    assert last == 1200.0
    assert body.given[0] == 1_000_000
    assert body.counts[b.FIRST_DEPOT] == 800_000
    assert body.counts[b.LOST_AT_DELIVERY] == 200_000


def test_a_drug_rises_by_its_dose_and_falls_exponentially():
    """EQ-DRUG-1, and EQ-DRUG-3: doses chosen for the trough hold it, at the typical half-life, to 1e-9 after 40 doses."""
    small = SmallWorld(**{"run.duration_days": 30.0})
    drug = small.world.body.drugs[0]
    trough = small.numbers("drugs", "tacrolimus", "target_trough_ng_per_ml")
    k = np.log(2.0) / small.numbers("drugs", "tacrolimus", "half_life_h")
    interval = small.numbers("drugs", "tacrolimus", "dosing_interval_h")
    assert drug[b.DRUG_RISE] == pytest.approx(trough * (np.exp(k * interval) - 1.0))
    pharmacokinetics.flow(small.handle, 0, 2.0, 0, 0)
    assert drug[b.DRUG_LEVEL] == pytest.approx(drug[b.DRUG_RISE] * np.exp(-2.0 * k), rel=1e-12)
    assert drug[b.DRUG_EXPOSURE] == pytest.approx(drug[b.DRUG_RISE] * (1.0 - np.exp(-2.0 * k)) / k, rel=1e-12)
    for hour in range(2, 480):
        pharmacokinetics.flow(small.handle, 120 * hour, 1.0, 0, 0)
    assert drug[b.DRUG_LEVEL] == pytest.approx(trough, rel=1e-9)


def test_effects_of_drugs_follow_emax_and_combine_by_bliss():
    """EQ-DRUG-2: two drugs at chosen levels; adding effects instead of Bliss would give 1.15 of activation."""
    small = SmallWorld()
    small.world.body.drugs[0, b.DRUG_FIRST_TICK] = 1e9
    drug = small.world.body.drugs[0]
    drug[b.DRUG_LEVEL], drug[b.DRUG_HALF], drug[b.DRUG_EXPONENT] = 12.0, 6.0, 2.0
    drug[b.DRUG_ELIMINATION] = 1e-12
    pharmacokinetics.flow(small.handle, 0, 1.0, 0, 0)
    share = 4.0 / 5.0
    solutes = small.world.body.solutes
    for target, largest in zip(b.DRUG_TARGETS, drug[b.DRUG_FIRST_TARGET :], strict=False):
        assert solutes[small.solute(f"drug_{target}")] == pytest.approx(largest * share, rel=1e-9), target
    two = SmallWorld(drug=[{"name": "tacrolimus", "stop_day": 0.2}, {"name": "tacrolimus", "start_day": 0.5}])
    two.world.body.drugs[:] = drug
    pharmacokinetics.flow(two.handle, 0, 1.0, 0, 0)
    one = drug[b.DRUG_FIRST_TARGET] * share
    assert two.world.body.solutes[two.solute("drug_activation")] == pytest.approx(1.0 - (1.0 - one) ** 2, rel=1e-9)
    infection = drug[b.DRUG_FIRST_HAZARD + b.DRUG_HAZARDS.index("infection_rise")]
    assert two.world.body.solutes[two.solute("drug_infection")] == pytest.approx(2.0 * infection * share)


def test_antibody_follows_plasma_cells_and_these_follow_help():
    """EQ-ANTIBODY-1: one step from nothing at half help, full class I mismatch."""
    small = SmallWorld()
    body, hours = small.world.body, 3.0
    body.pair[b.PAIR_HUMORAL], body.pair[b.PAIR_IMMUNE] = 0.9, 1.2
    body.pools[small.pool("cd4_effectors")] = int(small.parameter("antibody.help_half_cells"))
    antibody.flow(small.handle, 0, hours, 0, 0)
    rise, made, lost = (small.parameter(f"antibody.{name}") for name in ("response_per_h", "made_per_h", "lost_per_h"))
    plasma = 1.2 * 0.9 * 0.5 * (1.0 - np.exp(-rise * hours))
    assert body.solutes[small.solute("plasma_cells")] == pytest.approx(plasma, rel=1e-6)
    titre = made * plasma / lost * (1.0 - np.exp(-lost * hours))
    assert body.solutes[small.solute("donor_antibody")] == pytest.approx(titre, rel=1e-6)


def test_cells_of_the_node_move_by_binomial_draws_and_double_when_they_divide():
    """EQ-PRIME-1: a million in the last division; effectors are even in number, with the mean of the formula.

    The standard error of the mean is below a thousandth: a missing doubling, or a stage passed twice, is seen at once.
    """
    small, n, hours = SmallWorld(), 1_000_000, 1.0
    pools = small.world.body.pools
    pools[:] = 0
    pools[small.pool("cd8_dividing_10")] = n
    priming.flow(small.handle, 0, hours, 0, 0)
    chance = 1.0 - np.exp(-hours / small.parameter("priming.cd8_cycle_h"))
    effectors = pools[small.pool("cd8_effectors")]
    assert effectors % 2 == 0
    assert abs(effectors / 2 - n * chance) < Z * np.sqrt(n * chance * (1.0 - chance))
    assert pools[small.pool("cd8_dividing_10")] == n - effectors // 2
    assert pools.sum() == n + effectors // 2


def test_a_cell_whose_division_is_inhibited_is_lost_to_the_response():
    """EQ-PRIME-1 with 60 % of divisions inhibited: two effectors for 40 % of the cells that leave."""
    small, n = SmallWorld(), 1_000_000
    pools = small.world.body.pools
    pools[:] = 0
    pools[small.pool("cd8_dividing_10")] = n
    small.world.body.solutes[small.solute("drug_proliferation")] = 0.6
    priming.flow(small.handle, 0, 1.0, 0, 0)
    left = n - pools[small.pool("cd8_dividing_10")]
    effectors = pools[small.pool("cd8_effectors")]
    assert abs(effectors / 2 - 0.4 * left) < Z * np.sqrt(left * 0.4 * 0.6)


def test_priming_rises_with_loaded_cells_and_is_braked_by_drugs_and_licensed_cells():
    """EQ-PRIME-2: rate of waking from the survivors of 1e9 naive cells, to 2 %; loading is Poisson with the stated mean."""
    full = SmallWorld().parameter("priming.waking_per_h")
    for licensed, calmed, inhibition, unhelped, factor in (
        (0.0, 0.0, 0.0, 0.0, 1.0),
        (1.0, 0.0, 0.0, 0.0, 0.5),
        (0.0, 1.0, 0.0, 0.0, 0.5),
        (0.0, 0.0, 0.5, 0.0, 0.5),
        (0.0, 0.0, 0.0, 0.75, 0.25),
    ):
        small, n = SmallWorld(), 1_000_000_000
        body = small.world.body
        body.pools[:] = 0
        body.pools[small.pool("cd8_naive")] = n
        body.pools[small.pool("loaded_dendritic_cells")] = 10 * int(small.parameter("priming.loaded_half_cells") + 1.0)
        body.solutes[small.solute("drug_activation")] = inhibition
        body.solutes[small.solute("drug_costimulation")] = unhelped
        body.pools[small.pool("regulatory")] = calmed * small.parameter("priming.regulatory_half_cells")
        body.flux[b.FLUX_LICENSED] = licensed * small.parameter("priming.brake_half_cells")
        body.flux[b.FLUX_ANTIGEN] = 0.0
        priming.flow(small.handle, 0, 1.0, 0, 0)
        loaded = float(body.pools[small.pool("loaded_dendritic_cells")])
        expected = full * factor * loaded / (loaded + small.parameter("priming.loaded_half_cells"))
        rate = -np.log(body.pools[small.pool("cd8_naive")] / n)
        assert rate == pytest.approx(expected * small.world.body.pair[b.PAIR_IMMUNE], rel=0.02)
    small = SmallWorld()
    small.world.body.flux[b.FLUX_ANTIGEN] = 10_000.0 / small.parameter("priming.loaded_per_cell")
    priming.flow(small.handle, 0, 1.0, 0, 0)
    assert abs(small.world.body.pools[small.pool("loaded_dendritic_cells")] - 10_000) < Z * 100


def test_precursors_follow_mismatch_and_memory_follows_sensitisation():
    """EQ-PRIME-3 for a 0/8 unrelated pair, naive and sensitised; CD4 cells count the indirect way beside the direct one."""
    for sensitised in (False, True):
        small = SmallWorld(**{"donor.match": "0/8", "patient.sensitised": sensitised})
        foreign = 1.0 + small.numbers("mechanisms", "cytotoxicity", "minor_weight")
        naive = small.parameter("priming.cd8_precursors_cells") * foreign
        pools = small.world.body.pools
        assert pools[small.pool("cd8_naive")] == round(naive)
        memory = naive * small.parameter("priming.memory_of_sensitised") if sensitised else 0.0
        assert pools[small.pool("cd8_memory")] == round(memory)
        both = foreign + small.numbers("arms", "cd4_indirect", "precursor_share")
        assert pools[small.pool("cd4_naive")] == round(small.parameter("priming.cd4_precursors_cells") * both)


def test_clocks_of_adverse_events_run_down_by_their_hazards():
    """EQ-SAFE-1 with doubled infection, 1e8 beating cells and a million cells in vessels."""
    small, hours = SmallWorld(), 4.0
    body = small.world.body
    names = ("arrhythmia", "infection", "embolism", "organ_damage", "thrombosis")
    before = [body.solutes[small.solute(f"{name}_left")] for name in names]
    body.solutes[small.solute("drug_infection")], body.solutes[small.solute("drug_organ_damage_per_h")] = 1.0, 0.02
    body.counts[b.LUNG], body.counts[b.LIVER], body.pair[b.PAIR_MASS_KG] = 40_000_000, 20_000_000, 60.0
    body.flux[b.FLUX_BEATING], body.counts[b.TARGET_VESSELS] = 1e8, 1_000_000
    safety.flow(small.handle, 0, hours, 0, 0)
    spent = [was - body.solutes[small.solute(f"{name}_left")] for was, name in zip(before, names, strict=True)]
    assert spent[0] == pytest.approx(hours * small.parameter("safety.arrhythmia_of_1e8_per_h"), rel=1e-6)
    assert spent[1] == pytest.approx(hours * 2.0 * small.parameter("safety.infection_per_h"), rel=1e-6)
    plugs = small.parameter("safety.embolism_of_1e6_per_h") * small.parameter("safety.plug_share")
    assert spent[2] == pytest.approx(hours * plugs, rel=1e-6)
    assert spent[3] == pytest.approx(hours * 0.02, rel=1e-6)
    assert spent[4] == pytest.approx(hours * small.parameter("safety.thrombosis_of_dose_per_h"), rel=1e-6)


def test_the_body_hears_of_deaths_and_living_cells_at_the_scale_of_the_organ():
    """EQ-COUPLE-2: three deaths and two living cells of a patch, scaled by V_zone / V_patch, each death told once."""
    small, hours = SmallWorld(), 2.0
    kind = small.type_of("stromal_resting")
    for _ in range(2):
        small.add("stromal_resting")
    small.world.cells.real[c.ACTIVATION, :2] = 0.25, 0.5
    put_in_order(small.handle)
    small.world.tally[w.TALLY_CELLS, 0, 0, kind] = 3.0
    give_to_body(small.handle, hours)
    scale = small.world.patch[0, w.ZONE_MM3] / small.world.patch[0, w.VOLUME_MM3]
    flux = small.world.body.flux
    shed = 2.0 * small.parameter("priming.shedding_per_h") * hours
    assert flux[b.FLUX_ANTIGEN] == pytest.approx((3.0 + shed) * scale, rel=1e-12)
    assert flux[b.FLUX_EATEN] == pytest.approx(3.0 * scale, rel=1e-12)
    assert flux[b.FLUX_LICENSED] == pytest.approx(0.75 * scale, rel=1e-12)
    give_to_body(small.handle, hours)
    assert flux[b.FLUX_ANTIGEN] == pytest.approx((3.0 + 2.0 * shed) * scale, rel=1e-12)


def test_immune_cells_arrive_as_poisson_numbers():
    """EQ-HOME-1: macrophages and CD8 effectors over a long step; 4.9 SD, so that a factor of 2 is seen."""
    small, hours = SmallWorld(), 20_000.0
    small.world.patch[:, w.RECRUITMENT] = 0.5
    small.world.body.pools[small.pool("cd8_effectors")] = int(3 * small.parameter("homing.effector_reference_cells"))
    homing.flow(small.handle, 0, hours, 0, 0)
    n = int(small.world.cells.count[0])
    whole = small.world.cells.whole[:, :n]
    for label, blood in (("macrophage", 1.0), ("cd8", 3.0)):
        kind = small.type_of(label)
        rate = small.world.types.real[w.TYPE_RECRUITMENT, kind] * blood
        mean = rate * 0.5 * hours * small.world.patch[0, w.VOLUME_MM3]
        came = np.sum((whole[c.TYPE] == kind) & (whole[c.PATCH] == 0))
        assert mean > 20.0
        assert abs(came - mean) < Z * np.sqrt(mean), label


def test_effectors_that_enter_the_lesion_leave_the_blood():
    """EQ-HOME-1, the other side: a million effectors, drained at the stated rate times the mean pull."""
    small, n = SmallWorld(), 1_000_000
    small.world.patch[:, w.RECRUITMENT] = 0.5
    small.world.body.pools[small.pool("cd4_effectors")] = n
    homing.flow(small.handle, 0, 1.0, 0, 0)
    chance = 1.0 - np.exp(-small.parameter("homing.effector_drain_per_h") * 0.5)
    gone = n - small.world.body.pools[small.pool("cd4_effectors")]
    assert abs(gone - n * chance) < Z * np.sqrt(n * chance)


def test_host_cells_are_there_from_the_beginning_at_their_density():
    """EQ-HOME-2: macrophages of two patches of 0.064 mm3, within 4.9 SD of the Poisson mean of about 190 each."""
    small = SmallWorld(**{"patch.shape": [40, 40, 5]})
    populate(small.handle)
    n = int(small.world.cells.count[0])
    kind = small.type_of("macrophage")
    mean = small.world.types.real[w.TYPE_PER_MM3, kind] * small.world.patch[0, w.VOLUME_MM3]
    for patch in (0, 1):
        there = (small.world.cells.whole[c.TYPE, :n] == kind) & (small.world.cells.whole[c.PATCH, :n] == patch)
        assert abs(np.sum(there) - mean) < Z * np.sqrt(mean)
