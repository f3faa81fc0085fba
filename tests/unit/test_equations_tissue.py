"""The equations of tissue and fields, each checked by its formula, and the geometry of patches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from simengine.engine.spaces import put_in_order, relax_fields
from simengine.kernels.fields import LOCAL, STEADY, TRANSIENT, WELL_MIXED, choose_treatment
from simengine.mechanisms.secretion import secrete, secrete_tissue
from simengine.mechanisms.tissue_repair import deposit, relax_tissue
from simengine.state import cells as c
from simengine.state import world as w
from tests.small_world import SmallWorld

PARTS = [w.FUNCTIONAL, w.INJURED, w.SCAR, w.VOID]


def test_cells_secrete_into_and_take_up_from_their_voxel():
    """EQ-SECRETE-1: one cell, a field of first-order uptake and one with a Michaelis constant."""
    small = SmallWorld()
    small.add("stromal_resting")
    put_in_order(small.handle)
    voxel, per_ml = int(small.world.cells.whole[c.VOXEL, 0]), 1.0 / 8e-9
    fields, tnf, oxygen = small.world.fields, small.names.fields.index("tnf"), small.names.fields.index("oxygen")
    fields.source[:], fields.loss[:], fields.value[:] = 0.0, 0.0, 4.0
    small.world.work.behaviours[:] = 0.0
    small.behave("secretion.tnf", 0, 3e-8)
    small.behave("uptake.tnf", 0, 5e-9)
    small.behave("uptake.oxygen", 0, 7e-9)
    secrete(small.handle, 0, 0.2, 0, 1)
    assert fields.source[tnf, 0, voxel] == pytest.approx(3e-8 * per_ml)
    assert fields.loss[tnf, 0, voxel] == pytest.approx(5e-9 * per_ml)
    half = fields.constant[w.FIELD_HALF_UPTAKE, oxygen]
    assert half > 0.0
    assert fields.loss[oxygen, 0, voxel] == pytest.approx(7e-9 * per_ml / (half + 4.0))
    assert np.count_nonzero(fields.source) == 1
    assert np.count_nonzero(fields.loss) == 2


def test_agents_of_many_cells_secrete_and_crowd_in_all_voxels_they_fill():
    """EQ-SECRETE-1, EQ-TISSUE-1 and EQ-SPREAD-1: ten cells secrete and fill ten times what one does, over more voxels."""
    found = {}
    for weight in (1.0, 10.0):
        small = SmallWorld(**{"patch.agent_weight": weight, "product.name": "ipsc_cm"})
        small.put(small.add("cardiomyocyte_mature"), 50.0, 50.0, 10.0)
        put_in_order(small.handle)
        small.world.fields.source[:], tnf = 0.0, small.names.fields.index("tnf")
        small.world.work.behaviours[:] = 0.0
        small.behave("secretion.tnf", 0, 3e-8)
        secrete(small.handle, 0, 0.2, 0, 1)
        deposit(small.handle, 0, 0, 1)
        found[weight] = [small.world.fields.source[tnf, 0].copy(), *small.world.tissue[[w.CROWDING, w.GRAFT], 0].copy()]
    for one, ten in zip(found[1.0], found[10.0], strict=True):
        assert np.count_nonzero(one) == 1
        assert np.count_nonzero(ten) == 18
        assert ten.sum() == pytest.approx(10.0 * one.sum())


def test_tissue_exchanges_with_blood_by_its_vessels():
    """EQ-SECRETE-2: source = secretion + clearance x vessels x blood level, loss = decay + clearance x vessels + uptake."""
    small = SmallWorld()
    fields, constant = small.world.fields, small.world.fields.constant
    small.world.tissue[w.VESSELS] = 0.4
    small.world.work.behaviours[:] = 0.0
    secrete_tissue(small.handle, 1, 2, 5)
    f = small.names.fields.index("tnf")
    exchange = 0.4 * constant[w.FIELD_CLEARANCE, f]
    blood, decay = constant[w.FIELD_BLOOD, f], constant[w.FIELD_DECAY, f]
    np.testing.assert_allclose(fields.tissue_source[f, 1, 2:5], exchange * blood)
    np.testing.assert_allclose(fields.tissue_loss[f, 1, 2:5], decay + exchange)
    small.behave("secretion.tnf", 1, 0.02)
    small.behave("uptake.tnf", 1, 0.7)
    secrete_tissue(small.handle, 1, 2, 5)
    assert fields.tissue_source[f, 1, 3] == pytest.approx(exchange * blood + 0.02)
    assert fields.tissue_loss[f, 1, 3] == pytest.approx(decay + exchange + 0.7)


def test_cells_fill_their_voxel_by_their_volume_and_function():
    """EQ-TISSUE-1: two mature cardiomyocytes and a macrophage in one voxel."""
    small = SmallWorld(**{"product.name": "ipsc_cm"})
    labels = ("cardiomyocyte_mature", "cardiomyocyte_mature", "macrophage")
    for i, label in enumerate(labels):
        small.put(small.add(label), 10.0, 10.0, 10.0 + i)
    put_in_order(small.handle)
    deposit(small.handle, 0, 0, 3)
    types = small.world.types.real
    volume = [4.0 / 3.0 * np.pi * types[w.TYPE_RADIUS_UM, small.type_of(label)] ** 3 / 8000.0 for label in labels]
    function = types[w.TYPE_FUNCTION, small.type_of("cardiomyocyte_mature")]
    assert function > 0.0
    assert small.world.tissue[w.CROWDING, 0, 0] == pytest.approx(sum(volume), rel=1e-9)
    assert small.world.tissue[w.GRAFT, 0, 0] == pytest.approx(2.0 * volume[0] * function, rel=1e-9)
    assert np.count_nonzero(small.world.tissue[w.CROWDING]) == 1


RATES = {
    "salvage_per_h": 0.02,
    "necrosis_per_h": 0.01,
    "fibrosis_per_h": 0.03,
    "regrowth_per_h": 0.005,
    "angiogenesis_per_h": 0.04,
    "vessel_loss_per_h": 0.02,
    "neutrophil_influx_per_h": 0.01,
    "neutrophil_loss_per_h": 0.05,
    "debris_clearance_per_h": 0.06,
}


def tissue_after(hours, graft=0.0, injured=0.3, rates=RATES):
    """Return all rows of one voxel of tissue before and after a step at given rates."""
    small = SmallWorld()
    tissue = small.world.tissue
    tissue[:, 0, 0] = 0.0
    tissue[PARTS, 0, 0] = [0.2, injured, 0.1, 0.7 - injured]
    tissue[w.VESSELS, 0, 0], tissue[w.NEUTROPHILS, 0, 0], tissue[w.DEBRIS, 0, 0] = 0.3, 0.5, 0.1
    tissue[w.APOPTOTIC, 0, 0], tissue[w.GRAFT, 0, 0] = 5.0, graft
    before = tissue[:, 0, 0].copy()
    for name, rate in rates.items():
        small.behave(name, 0, rate)
    relax_tissue(small.handle, 0, 0, 1, hours)
    return before, tissue[:, 0, 0].copy()


def test_injured_tissue_is_saved_or_lost_at_its_rates():
    """EQ-TISSUE-2, without filling: D falls by exp(-(salvage + necrosis) t), and parts by the ratio of the rates."""
    rates = RATES | {"fibrosis_per_h": 0.0, "regrowth_per_h": 0.0, "debris_clearance_per_h": 0.0}
    before, after = tissue_after(12.0, rates=rates)
    gone = 0.3 * (1.0 - np.exp(-0.03 * 12.0))
    assert after[w.INJURED] == pytest.approx(0.3 - gone)
    assert after[w.FUNCTIONAL] - before[w.FUNCTIONAL] == pytest.approx(gone * 2.0 / 3.0)
    assert after[w.VOID] - before[w.VOID] == pytest.approx(gone / 3.0)
    assert after[w.DEBRIS] - before[w.DEBRIS] == pytest.approx(gone / 3.0)


@pytest.mark.parametrize("graft", [0.0, 0.25, 0.9])
def test_empty_space_fills_with_scar_and_muscle_but_not_where_a_graft_lives(graft):
    """EQ-TISSUE-3, without injury: free = V - graft; and F + D + S + V stays 1 to rounding."""
    before, after = tissue_after(24.0, graft=graft, injured=0.0)
    filled = max(0.0, 0.7 - graft) * (1.0 - np.exp(-0.035 * 24.0))
    assert before[w.VOID] - after[w.VOID] == pytest.approx(filled)
    assert after[w.SCAR] - before[w.SCAR] == pytest.approx(filled * 6.0 / 7.0)
    assert after[w.FUNCTIONAL] - before[w.FUNCTIONAL] == pytest.approx(filled / 7.0)
    assert after[PARTS].sum() == pytest.approx(1.0, abs=1e-12)


def test_vessels_neutrophils_and_debris_relax_exactly():
    """EQ-TISSUE-4 against a numerical solution, to 1e-7."""
    _, after = tissue_after(10.0, injured=0.0)
    for row, start, rise, fall in ((w.VESSELS, 0.3, 0.04, 0.02), (w.NEUTROPHILS, 0.5, 0.01, 0.05)):
        solved = solve_ivp(
            lambda _, y, up=rise, down=fall: up * (1.0 - y) - down * y, (0.0, 10.0), [start], rtol=1e-10, atol=1e-12
        )
        assert after[row] == pytest.approx(solved.y[0, -1], rel=1e-7)
    assert after[w.DEBRIS] == pytest.approx(0.1 * np.exp(-0.6))
    assert after[w.APOPTOTIC] == pytest.approx(5.0 * np.exp(-0.6))


def field_problem(treatment):
    """Return a world whose TNF has random sources and losses in both patches, advanced in a given way."""
    small = SmallWorld()
    fields, f = small.world.fields, small.names.fields.index("tnf")
    rng = np.random.default_rng(2)
    fields.source[:], fields.loss[:], fields.value[:] = 1.0, 1.0, 1.0
    fields.source[f], fields.loss[f] = rng.uniform(0.0, 5.0, (2, 32)), rng.uniform(1.0, 30.0, (2, 32))
    fields.value[f, 0], fields.value[f, 1] = 2.0, 0.5
    fields.treatment[:] = LOCAL
    fields.treatment[f] = treatment
    return small, f


def made_and_lost(small, f):
    """Return source, loss and diffusion matrix of TNF in the first patch, exchange included (EQ-FIELD-1)."""
    fields, shares = small.world.fields, small.world.patch[:, w.SHARE]
    exchange = fields.constant[w.FIELD_EXCHANGE, f]
    assert exchange > 0.0
    diffusion, index = np.zeros((32, 32)), np.arange(32).reshape(2, 4, 4)
    for axis in range(3):
        here = np.moveaxis(index, axis, 0)
        for i, j in zip(here[:-1].ravel(), here[1:].ravel(), strict=True):
            diffusion[[i, j], [i, j]] += fields.constant[w.FIELD_DIFFUSION, f] / 400.0
            diffusion[[i, j], [j, i]] -= fields.constant[w.FIELD_DIFFUSION, f] / 400.0
    mean = shares[0] * 2.0 + shares[1] * 0.5
    return fields.source[f, 0] + exchange * mean, fields.loss[f, 0] + exchange, diffusion


@pytest.mark.parametrize("treatment", [STEADY, TRANSIENT, LOCAL, WELL_MIXED])
def test_fields_are_the_balance_of_source_loss_diffusion_and_exchange(treatment):
    """EQ-FIELD-1 and EQ-FIELD-2 against dense solutions of the same grid: error below 1e-3 of the maximum.

    Steady: a linear system. Transient over 0.02 h: the matrix exponential. Local: no diffusion. Well mixed: one value.
    """
    small, f = field_problem(treatment)
    source, loss, diffusion = made_and_lost(small, f)
    relax_fields(small.handle, 0, 0.02)
    steady = np.linalg.solve(np.diag(loss) + diffusion, source)
    balance = source.mean() / loss.mean()
    exact = {
        STEADY: steady,
        TRANSIENT: steady + expm(-0.02 * (np.diag(loss) + diffusion)) @ (2.0 - steady),
        LOCAL: source / loss,
        WELL_MIXED: np.full(32, balance + (2.0 - balance) * np.exp(-0.02 * loss.mean())),
    }[treatment]
    np.testing.assert_allclose(small.world.fields.value[f, 0], exact, atol=1e-3 * exact.max())
    np.testing.assert_array_equal(small.world.fields.value[f, 1], 0.5)


@pytest.mark.parametrize(
    ("length", "hours", "expected"),
    [(19.0, 1.0, LOCAL), (21.0, 1e9, STEADY), (399.0, 1e-9, TRANSIENT), (401.0, 1.0, WELL_MIXED)],
)
def test_the_reach_of_a_field_decides_how_it_is_advanced(length, hours, expected):
    """EQ-FIELD-3 on both sides of each bound, for voxels of 20 µm and a patch of 400 µm."""
    assert choose_treatment(1e5, 1e5 / length**2, 20.0, 400.0, hours) == expected


def test_a_field_is_steady_where_it_relaxes_thrice_while_its_sources_change():
    """EQ-FIELD-3: at 2.9 and 3.1 relaxations."""
    found = [choose_treatment(1e5, 10.0, 20.0, 400.0, relaxations / 10.0) for relaxations in (2.9, 3.1)]
    assert found == [TRANSIENT, STEADY]


def test_a_deposit_is_what_injections_fill_and_the_rest_is_remote():
    """EQ-PATCH-1: four injections of 0.2 mL, and forty of 5 mL that would fill more than the lesion."""
    for sites, volume in ((4, 0.2), (40, 5.0)):
        route = {"route": "intramyocardial", "dose_cells": 1000, "n_sites": sites, "volume_ml_per_site": volume}
        small = SmallWorld(delivery=[route])
        organ = small.numbers("sites", "heart_infarct", "organ_volume_mm3")
        lesion = organ * small.built.recipient.site["lesion_fraction"]
        zone = min(1000.0 * sites * volume * small.numbers("sites", "heart_infarct", "deposit_spread"), 0.9 * lesion)
        np.testing.assert_allclose(small.world.patch[:, w.ZONE_MM3], [zone, lesion - zone])
        np.testing.assert_allclose(small.world.patch[:, w.SHARE], [zone / lesion, 1.0 - zone / lesion])
        np.testing.assert_allclose(small.world.patch[:, w.VOLUME_MM3], 32 * 8e-6)
