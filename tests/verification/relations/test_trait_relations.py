"""What traits and processing do to outcomes, and where they do nothing: paired by common random numbers.

Each test simulates n patients twice with the same seed and replicate; the paired one-sided t test of the mean difference
shows the direction at p < 1e-3 (`assert_falls`, `assert_rises`). A modifier that is not wired up gives a difference of
exactly zero and a modifier of the wrong sign fails.
"""

from __future__ import annotations

import numpy as np
import pytest

from simengine.engine import simulate
from tests.verification.relations.patients import DENSE, differing, scenario
from tests.verification.relations.test_order_relations import assert_falls, assert_rises, mean_living, mean_of, of_row, runs

UNTREATED = {"run__duration_days": 14.0, "run__mode": "patch"}
CELLS = {"delivery": [{**DENSE, "dose_cells": 2 * DENSE["dose_cells"]}], "run__duration_days": 5.0, "patient__vary": "none"}
FROZEN = {"product__name": "bm_msc", **CELLS}
IN_BODY = {"run__mode": "body", "run__duration_days": 10.0}
TACROLIMUS = {**IN_BODY, "drug": [{"name": "tacrolimus"}]}


def compared(asked, change, read, n=8):
    """Return an outcome of n patients without and with a change."""
    return [[read(result) for result in runs(one, n)] for one in (asked, {**asked, **change})]


@pytest.mark.parametrize(
    "worse",
    [{"diabetes": True}, {"smoking": True}, {"age_years": 80.0}, {"albumin_g_per_l": 22.0}, {"perceived_stress_score": 32.0}],
    ids=lambda worse: next(iter(worse)),
)
def test_an_ill_patient_heals_less_without_any_cells(worse):
    """n = 8 untreated infarcts over two weeks: true change of the ejection fraction."""
    changed = {f"patient__{name}": value for name, value in worse.items()}
    assert_falls(*compared(UNTREATED, changed, of_row("lvef_true_change_points")))


def test_inflammation_follows_habits_and_genes():
    """n = 24 untreated infarcts: TNF of the lesion rises with obesity and a TET2 clone, and falls with activity."""
    asked, tnf = {**UNTREATED, "run__duration_days": 3.0}, mean_of("field.tnf")
    assert_rises(*compared(asked, {"patient__obesity": True}, tnf, 24))
    assert_rises(*compared(asked, {"patient__genes": {"tet2_clone": True}}, tnf, 24))
    assert_falls(*compared(asked, {"patient__activity_met_h_per_week": 60.0}, tnf, 24))


def test_fewer_immune_cells_come_to_a_patient_without_ccr5():
    """n = 64 untreated infarcts over five days: peak of macrophages."""
    without = {"patient__genes": {"ccr5_delta32": True}}
    assert_falls(*compared({**UNTREATED, "run__duration_days": 5.0}, without, of_row("peak_macrophage_per_mm3"), 64))


@pytest.mark.parametrize("gene", ["cyp3a5_expresser", "cyp3a4_22"])
def test_a_carrier_has_another_level_of_tacrolimus_at_the_same_dose(gene):
    """n = 4; expressers of CYP3A5 clear faster and have lower levels, carriers of CYP3A4*22 higher ones, in every patient."""
    plain, carrier = compared(TACROLIMUS, {"patient__genes": {gene: True}}, of_row("tacrolimus_mean_ng_per_ml"), 4)
    assert np.all(np.less(carrier, plain) if gene == "cyp3a5_expresser" else np.greater(carrier, plain))


def test_a_failing_liver_raises_the_level_of_tacrolimus_and_a_failing_kidney_does_not():
    """n = 4, every patient; the liver clears tacrolimus."""
    plain, liver = compared(TACROLIMUS, {"patient__child_pugh_score": 11.0}, of_row("tacrolimus_mean_ng_per_ml"), 4)
    _, kidney = compared(TACROLIMUS, {"patient__kidney_function_ml_per_min": 20.0}, of_row("tacrolimus_mean_ng_per_ml"), 4)
    assert np.all(np.greater(liver, plain))
    assert kidney == plain


@pytest.mark.parametrize(
    "worse",
    [
        {"patient__diabetes": True},
        {"patient__kidney_function_ml_per_min": 20.0},
        {"patient__microbiome_diversity": 1.5},
        {"donor__cmv": "positive"},
    ],
    ids=lambda worse: next(iter(worse)),
)
def test_hazards_of_infection_rise_with_illness_and_exposure(worse):
    """One patient: more of the clock of the first infection runs down in the same time."""
    left = [simulate(scenario(**IN_BODY, **change), 1)["solute.infection_left"] for change in ({}, worse)]
    assert left[0][0] == left[1][0]
    assert left[1][-1] < left[0][-1]


def test_the_clock_of_arrhythmia_runs_faster_with_sudden_death_in_the_family():
    """One patient with beating cells in the lesion; without cells it does not run at all."""
    asked = {"product__name": "ipsc_cm", **CELLS, "run__duration_days": 2.0}
    left = [simulate(scenario(**asked, patient__family_history=flag), 1)["solute.arrhythmia_left"] for flag in (False, True)]
    assert left[1][-1] < left[0][-1] < left[0][0]
    idle = simulate(scenario(**{**asked, "delivery": []}, patient__family_history=True), 1)["solute.arrhythmia_left"]
    assert idle[-1] == idle[0]


def test_late_passage_makes_poorer_cells():
    """n = 24; passage 2 against 7 of marrow cells: fewer alive over five days, less VEGF, fewer that home from blood."""
    early, late = {**FROZEN, "product__passage": 2}, {"product__passage": 7}
    assert_falls(*compared(early, late, mean_living, 24))
    assert_falls(*compared(early, late, mean_of("field.vegf")))
    vein = {**IN_BODY, "delivery": [{"route": "intracoronary", "dose_cells": 10**8}], "product__passage": 2}
    assert_falls(*compared(vein, late, of_row("retained_living_24h")))


def test_frozen_cells_die_sooner_than_fresh_ones():
    """n = 8; the same fresh adipose cells, frozen: fewer alive after a day, and less VEGF."""
    fresh = {**FROZEN, "product__name": "adipose_msc_fresh"}
    assert_falls(*compared(fresh, {"product__cryopreserved": True}, of_row("retained_living_24h")))
    assert_falls(*compared(fresh, {"product__cryopreserved": True}, mean_of("field.vegf")))


def test_an_impure_product_does_less_with_as_many_cells():
    """n = 8; purity 0.5: heart muscle does half for the organ, the living share of the dose at the site is no smaller."""
    asked = {"product__name": "ipsc_cm", **CELLS, "donor__relation": "autologous"}
    assert_falls(*compared(asked, {"product__purity": 0.5}, mean_of("tissue.graft")))
    pure, impure = compared(asked, {"product__purity": 0.5}, of_row("retained_living_24h"))
    assert np.mean(impure) == pytest.approx(np.mean(pure), rel=0.05)


def test_the_donors_age_and_illness_are_inert_where_there_are_no_cells():
    """An untreated patient is the same to the last bit whoever might have been the donor, and however the product was made."""
    asked = {**UNTREATED, "run__duration_days": 2.0}
    others = {"donor__age_years": 80.0, "donor__diabetes": True, "donor__smoking": True, "donor__obesity": True}
    made = {"product__passage": 7, "product__cryopreserved": False, "product__purity": 0.5}
    before = simulate(scenario(**asked, patient__cmv="positive"), 1)
    assert (
        differing(before, simulate(scenario(**asked, patient__cmv="positive", donor__cmv="positive", **others, **made), 1))
        == []
    )
    ill = simulate(scenario(**asked, patient__cmv="positive", patient__diabetes=True), 1)
    assert differing(before, ill) != []


def test_the_price_goes_with_the_yield_of_the_donor():
    """One patient: cells of a donor of 70 cost more than those of a donor of 30; without cells there is no price."""
    asked = {**IN_BODY, "run__duration_days": 1.0, "delivery": [{"route": "intravenous", "dose_cells": 10**8}]}
    young, old = compared({**asked, "donor__age_years": 30.0}, {"donor__age_years": 70.0}, of_row("cost_eur"), 1)
    assert old[0] > young[0] > 0.0
    idle = compared({**asked, "delivery": []}, {"donor__age_years": 70.0}, of_row("cost_eur"), 1)
    assert idle == [[0.0], [0.0]]
