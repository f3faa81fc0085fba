"""Equations of arms, species, drugs that kill, eaten cells and growing grafts, each checked by its formula."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.catalog import load_catalog
from simengine.engine.arms import standing_of
from simengine.engine.build import build
from simengine.engine.spaces import enlarge, put_in_order, settle
from simengine.mechanisms import environment, exposure, priming
from simengine.patients.matching import pair_of
from simengine.scenario import loads
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w
from tests.small_world import SmallWorld

Z = 4.9
"""Standard errors at which a count is refused: a sound sampler fails once in a million runs."""


def standing(**changes):
    """Return the standing of a graft to a host, and the small world it was built from."""
    small = SmallWorld(**changes)
    return standing_of(small.scenario, load_catalog(), small.numbers, small.built.recipient.pair), small


def test_the_arms_see_an_unmatched_graft_in_full():
    """EQ-ARM-2 and EQ-ARM-3 for a 0/8 unrelated pair within a species."""
    seen, small = standing(**{"donor.match": "0/8"})
    minor = small.numbers("mechanisms", "cytotoxicity", "minor_weight")
    share = small.numbers("arms", "cd4_indirect", "precursor_share")
    assert (seen.class_1, seen.class_2, seen.natural, seen.humoral) == (1.0, 1.0, 0.0, 1.0)
    assert seen.cd8 == pytest.approx(1.0 + minor)
    assert seen.cd4 == pytest.approx(1.0 + minor + share)
    assert seen.presented == pytest.approx(small.numbers("arms", "cd4_indirect", "strength"))
    assert seen.sees["cd4"][[1, 4]] == pytest.approx([(1.0 + minor) / seen.cd4, share / seen.cd4])


def test_an_own_graft_is_foreign_to_no_arm():
    """EQ-ARM-2 and EQ-ARM-3 at no mismatch: no precursors, nothing presented, no antibody."""
    seen, _ = standing(**{"donor.relation": "autologous"})
    assert (seen.cd8, seen.cd4, seen.presented, seen.humoral, seen.auto) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert seen.ligands == 1.0


def test_across_species_the_indirect_way_and_natural_antibody_rule():
    """EQ-ARM-1: direct recognition, donor class I and antibody by the shares that the arm states."""
    seen, small = standing(**{"donor.relation": "xenogeneic", "donor.match": "0/8"})

    def of_arm(name):
        return small.numbers("arms", "xenogeneic", name)

    assert seen.class_1 == pytest.approx(of_arm("direct_share"))
    assert seen.natural == of_arm("natural_antibody")
    kir = small.numbers("mechanisms", "cytotoxicity", "kir_weight")
    assert seen.ligands == pytest.approx((1.0 - kir) * of_arm("class_1_inhibition"))
    indirect = of_arm("indirect_gain") * small.numbers("arms", "cd4_indirect", "precursor_share")
    assert seen.sees["cd4"][4] == pytest.approx(indirect / seen.cd4)
    assert seen.across


@pytest.mark.parametrize(
    ("arm", "gone"),
    [
        ("nk", lambda s: not s.sees["nk"].any() and s.present("nk") == 0.0),
        ("cd8", lambda s: not s.sees["cd8"].any() and s.cd8 == 0.0),
        ("cd4_direct", lambda s: s.sees["cd4"][1] == 0.0 and s.cd4 < 1.5),
        ("cd4_indirect", lambda s: s.sees["cd4"][4] == 0.0 and s.presented == 0.0),
        ("antibody", lambda s: not s.runs("antibody") and s.natural == 0.0),
        ("macrophage", lambda s: not s.sees["macrophage"].any()),
        ("xenogeneic", lambda s: not s.across and s.natural == 0.0 and s.class_1 == 1.0),
        ("autoimmunity", lambda s: s.auto == 0.0 and s.memory_of_self == 0.0),
    ],
)
def test_every_arm_can_be_switched_off(arm, gone):
    """With the switch, nothing of the arm is left; without it, something is."""
    case = {"donor.relation": "xenogeneic", "donor.match": "0/8", "patient.autoimmune_to": "stromal"}
    assert not gone(standing(**case)[0])
    assert gone(standing(**case, mechanisms={arm: False})[0])


def test_a_nude_mouse_lacks_the_arms_of_t_cells_and_a_nod_scid_mouse_nearly_all():
    """What a species lacks is never there, whatever the scenario switches on."""
    foreign = {"donor.relation": "xenogeneic", "donor.match": "0/8", "patient.weight_kg": 0.025}
    nude, _ = standing(**foreign, **{"patient.species": "mouse_nude"})
    bare, _ = standing(**foreign, **{"patient.species": "mouse_nod_scid"})
    assert (nude.cd8, nude.cd4) == (0.0, 0.0)
    assert nude.natural > 0.0
    assert (bare.cd8, bare.cd4, bare.natural, bare.present("nk")) == (0.0, 0.0, 0.0, 0.0)


def test_the_immune_system_of_a_mouse_is_small_and_fast():
    """EQ-SPECIES-1: cells of the immune system by body mass, times of division by the tempo; rates per h stay."""
    human, mouse = SmallWorld(), SmallWorld(**{"patient.species": "mouse", "patient.weight_kg": 0.025})
    size = mouse.numbers("species", "mouse", "body_mass_kg") / mouse.numbers("species", "human", "body_mass_kg")
    tempo = mouse.numbers("species", "mouse", "immune_tempo")
    for name, factor in (
        ("homing.effector_reference_cells", size),
        ("antibody.help_half_cells", size),
        ("priming.first_division_h", 1.0 / tempo),
        ("priming.waking_per_h", tempo),
        ("priming.effector_loss_per_h", 1.0),
    ):
        assert mouse.parameter(name) == pytest.approx(human.parameter(name) * factor, rel=1e-12), name


def test_organs_and_injections_scale_with_the_body():
    """EQ-SPECIES-2: the zone of a default injection and the organ follow the same power of relative body mass."""
    case = 'delivery = [{ route = "intramyocardial", dose_cells = 1000 }]'
    human = build(loads(f'name = "a"\n{case}').points[0].scenario, 1, 0, 0).world
    rat = loads(f'name = "a"\npatient.species = "rat"\npatient.weight_kg = 0.3\n{case}').points[0].scenario
    small = build(rat, 1, 0, 0)
    mass = small.numbers("species", "rat", "body_mass_kg") / small.numbers("species", "human", "body_mass_kg")
    relative = mass ** small.numbers("sites", "heart_infarct", "organ_mass_exponent")
    np.testing.assert_allclose(small.world.patch[:, w.ZONE_MM3], relative * human.patch[:, w.ZONE_MM3], rtol=1e-9)


def test_a_carrier_spares_fragile_cells():
    """EQ-FRAGILE-1: half of the dose on a scaffold, half injected."""
    half = [{"route": name, "dose_cells": 500} for name in ("intramuscular", "scaffold")]
    small = SmallWorld(**{"site.name": "skeletal_muscle", "site.lesion_age_days": 0.0}, delivery=half)
    kind = small.type_of("stromal_resting")
    factors = [small.numbers("routes", name, "fragile_factor") for name in ("intramuscular", "scaffold")]
    expected = small.numbers("products", "bm_msc", "fragile_fraction") * sum(factors) / 2.0
    assert small.world.types.real[w.TYPE_FRAGILE, kind] == pytest.approx(expected)
    assert factors[1] < factors[0]


def test_drugs_kill_t_cells_and_those_in_division_first():
    """EQ-PRIME-4: survivors of a million in three pools after 3 h at two hazards."""
    small, n, hours = SmallWorld(), 1_000_000, 3.0
    body = small.world.body
    body.pools[:] = 0
    body.solutes[small.solute("drug_depletion_per_h")] = 0.1
    body.solutes[small.solute("drug_dividing_death_per_h")] = 0.2
    pools = {"cd8_naive": 0.1, "cd4_memory": 0.1, "cd8_waking_1": 0.1, "cd4_dividing_5": 0.3, "cd8_waking_4": 0.3}
    for name in pools:
        body.pools[small.pool(name)] = n
    rows = [
        tuple(small.pool(f"{k}_{p}") for p in ("naive", "memory", "resting_memory", "waking_1", "effectors"))
        for k in ("cd8", "cd4")
    ]
    for clone in rows:
        priming._deplete(small.handle, 0, hours, clone)
    for name, hazard in pools.items():
        kept = np.exp(-hazard * hours)
        assert abs(body.pools[small.pool(name)] - n * kept) < Z * np.sqrt(n * kept * (1.0 - kept)), name


def test_a_share_of_leaving_helpers_becomes_regulatory():
    """EQ-PRIME-1 for CD4 cells: of a million in the last division, the stated share of what leaves."""
    small, n = SmallWorld(), 1_000_000
    pools = small.world.body.pools
    pools[:] = 0
    pools[small.pool("cd4_dividing_10")] = n
    priming.flow(small.handle, 0, 1.0, 0, 0)
    share = small.parameter("priming.regulatory_share")
    calmed, effectors = pools[small.pool("regulatory")], pools[small.pool("cd4_effectors")]
    left = calmed + effectors
    assert abs(calmed - share * left) < Z * np.sqrt(left * share * (1.0 - share))


def test_eaten_cells_count_by_body_mass_and_fade():
    """EQ-EXPOSE-1: 8e7 cells eaten by 80 kg are 1, and fade at their rate."""
    small = SmallWorld(**{"patient.weight_kg": 80.0})
    body, fading = small.world.body, small.parameter("exposure.fading_per_h")
    body.flux[b.FLUX_EATEN] = 8e7
    exposure.flow(small.handle, 0, 2.0, 0, 0)
    row = small.solute("apoptotic_exposure")
    assert body.solutes[row] == pytest.approx(np.exp(-2.0 * fading), rel=1e-12)
    exposure.flow(small.handle, 240, 2.0, 0, 0)
    assert body.solutes[row] == pytest.approx(np.exp(-4.0 * fading), rel=1e-12)


def test_product_cells_sense_across_species_only_what_binds():
    """EQ-SENSE-1: a product cell of another species feels no interferon-gamma; a host cell and an own product cell do."""
    for relation, share in (("unrelated", 1.0), ("xenogeneic", 0.0)):
        small = SmallWorld(**{"donor.relation": relation, "donor.match": "0/8"})
        for label in ("stromal_resting", "macrophage"):
            small.add(label)
        field = small.names.fields.index("ifng")
        small.world.fields.value[field] = 2.0
        put_in_order(small.handle)
        environment.sense(small.handle, 0, 0.2, 0, 2)
        felt = small.world.work.signals[small.names.signals.index("ifng"), :2]
        is_product = small.world.cells.whole[c.TYPE, :2] == small.type_of("stromal_resting")
        assert felt[is_product] == pytest.approx(2.0 * share)
        assert felt[~is_product] == pytest.approx(2.0)


def test_a_graft_at_its_packing_limit_fills_more_tissue_and_keeps_its_cells():
    """EQ-GROW-1: real cells of the patient, pending ones included, stay to rounding; host cells and sparse grafts stay."""
    small = SmallWorld()
    for _ in range(120):
        small.add("stromal_resting")
    for _ in range(5):
        small.add("macrophage")
    put_in_order(small.handle)
    world, kind = small.world, small.type_of("stromal_resting")
    limit = small.parameter("growth.packing_limit")

    def product():
        n = int(world.cells.count[0])
        return world.cells.whole[c.TYPE, :n] == kind

    def packed():
        radii = world.cells.real[c.RADIUS, : int(world.cells.count[0])][product()] * 1e-3
        return 4.0 / 3.0 * np.pi * np.sum(radii**3) / world.patch[0, w.VOLUME_MM3]

    def real_cells():
        patch = world.patch[0]
        held = world.cells.real[c.WEIGHT, : int(world.cells.count[0])][product()].sum() + patch[w.PENDING]
        return held * patch[w.ZONE_MM3] / patch[w.VOLUME_MM3]

    world.patch[0, w.PENDING] = 0.5
    before, zone, density = real_cells(), world.patch[0, w.ZONE_MM3], packed()
    assert density > 1.3 * limit
    enlarge(small.handle, 240, 0)
    settle(small.handle)
    n = product().sum()
    assert abs(n - 120 * limit / density) < Z * np.sqrt(120 * limit / density)
    assert world.cells.count[0] == n + 5
    assert real_cells() == pytest.approx(before, rel=1e-12)
    assert world.patch[0, w.GROWTH] == pytest.approx(world.patch[0, w.ZONE_MM3] / zone, rel=1e-12)
    assert world.patch[:, w.SHARE].sum() == pytest.approx(1.0)
    grown = world.patch[0, w.GROWTH]
    world.par[:] = np.where(world.par == limit, 10.0, world.par)
    enlarge(small.handle, 480, 0)
    assert world.patch[0, w.GROWTH] == grown


def test_worse_pairs_are_never_less_foreign():
    """EQ-ARM-3 over all grades: what CD8 cells see of a graft never falls with the grade of match."""
    seen = []
    for match in ("8/8", "7/8", "6/8", "4/8", "0/8"):
        small = SmallWorld(**{"donor.match": match})
        pair = pair_of(small.scenario, small.numbers, small.built.recipient.dice)
        seen.append(standing_of(small.scenario, load_catalog(), small.numbers, pair).cd8)
    assert seen == sorted(seen)


def test_what_an_edit_takes_away_primes_nobody():
    """EQ-ARM-3: a hypoimmune 0/8 graft has no class I and II for T cells and antibody; minor antigens are presented still."""
    seen, small = standing(**{"donor.match": "0/8", "product.edit": "hypoimmune"})
    weight, minor = small.numbers("mechanisms", "cytotoxicity", "minor_weight"), small.built.recipient.pair.minor
    assert (seen.cd8, seen.humoral) == (0.0, 0.0)
    assert seen.presented == pytest.approx(weight * minor * small.numbers("arms", "cd4_indirect", "strength"))
