"""Outcomes of sites other than the heart, and teratomas: formulas checked on courses written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simengine.outcomes import fistula, heart, striatum, teratoma
from tests.written_course import HOURS, Written

PUTAMEN = {"site.name": "striatum", "product.name": "ipsc_neural", "delivery.0.route": "intracerebral"}
TRACT = {"site.name": "perianal_fistula", "product.name": "adipose_msc_banked", "delivery.0.route": "perianal"}
MUSCLE = {"site.name": "skeletal_muscle", "product.name": "esc", "delivery.0.route": "intramuscular"}
DOSE = 1e6


def scale(course):
    """Return the cells of the patient behind one cell of the deposit patch."""
    return course["deposit.zone_mm3"][0] / course["deposit.volume_mm3"][0]


def with_graft(changes, kind, living, dose=DOSE):
    """Return a course in which a dose arrived at once and ``living`` cells of a kind live, the others died of apoptosis."""
    course = Written(**changes)
    behind = scale(course)
    course["given"] = dose
    course["deposit.arrived"] = dose / behind
    course[f"deposit.cells.{kind}"] = np.asarray(living, float) / behind
    course[f"deposit.lost.apoptosis.{kind}"] = (dose - np.asarray(living, float)) / behind
    return course


def cells_that_live_on(dose=DOSE, **changes):
    """Return a graft of undifferentiated cells of which half live on."""
    return with_graft(MUSCLE | changes, "pluripotent_undifferentiated", np.append(dose, np.full(6, dose / 2)), dose)


def test_the_chance_of_a_teratoma_is_that_of_at_least_one_founder():
    """EQ-TERATOMA-1: by its formula in muscle; a tenth as permissive a site is as good as a tenth of the dose."""
    course = cells_that_live_on(dose=5e3)
    numbers = course.small.numbers
    share = numbers("products", "esc", "stage_fraction.undifferentiated")
    expected = 5e3 * share * numbers("products", "esc", "founder_probability")
    row = teratoma.measure(course.facts())
    assert row["teratoma_probability"] == pytest.approx(1.0 - np.exp(-expected))
    less = {"parameters": {"products.esc.founder_probability": numbers("products", "esc", "founder_probability") / 10.0}}
    assert teratoma.measure(cells_that_live_on(dose=5e3, **less).facts())["teratoma_probability"] == pytest.approx(
        1.0 - np.exp(-expected / 10.0)
    )


def test_a_lost_graft_founds_no_teratoma():
    """EQ-TERATOMA-1: the same cells arrived, but none was there on the last two records."""
    lost = with_graft(MUSCLE, "pluripotent_undifferentiated", [1e6, 5e5, 5e5, 5e5, 5e5, 0, 0])
    assert teratoma.measure(lost.facts()) == {"ae_teratoma": 0.0, "teratoma_probability": 0.0}


def test_cells_without_a_pluripotent_stage_found_no_teratoma():
    """EQ-TERATOMA-1: a dose of stromal cells that lives on; and no cells at all."""
    stromal = with_graft(MUSCLE | {"product.name": "bm_msc"}, "stromal_resting", np.full(7, DOSE))
    assert teratoma.measure(stromal.facts())["teratoma_probability"] == 0.0
    assert teratoma.measure(Written(**MUSCLE).facts())["teratoma_probability"] == 0.0


def test_residual_cells_of_a_product_count_by_their_share():
    """EQ-TERATOMA-1: 1e8 cardiomyocytes with 1e-5 of pluripotent cells are 1e3 cells, in tissue as permissive as the heart."""
    changes = {"product.name": "ipsc_cm"}
    course = with_graft(changes, "cardiomyocyte_immature", np.full(7, 1e8), dose=1e8)
    numbers = course.small.numbers
    expected = 1e3 * numbers("products", "ipsc_cm", "founder_probability")
    expected *= numbers("sites", "heart_infarct", "teratoma_permissiveness")
    assert teratoma.measure(course.facts())["teratoma_probability"] == pytest.approx(1.0 - np.exp(-expected))


def test_teratomas_happen_as_often_as_their_chance_says():
    """EQ-TERATOMA-1: 1,000 runs at a chance near one half: the count within 4.9 standard errors, the size 1e-6."""
    course = cells_that_live_on(dose=5e3)
    rows = [teratoma.measure(course.facts(patient=i)) for i in range(1000)]
    chance = rows[0]["teratoma_probability"]
    seen = sum(row["ae_teratoma"] for row in rows)
    assert 0.3 < chance < 0.7
    assert abs(seen - 1000 * chance) < 4.9 * np.sqrt(1000 * chance * (1.0 - chance))


def neurons(mature, **changes):
    """Return a graft in the putamen with ``mature`` neurons at the end and none before."""
    living = np.append(np.zeros(len(HOURS) - 1), mature)
    return with_graft(PUTAMEN | changes, "dopaminergic_mature", living)


def test_working_neurons_are_living_cells_by_the_function_of_their_stage():
    """EQ-STRIATUM-1: 2e5 mature cells; cells of another lineage make no dopamine."""
    course = neurons(2e5)
    share = course.small.numbers("lineages", "dopaminergic", "mature.function_fraction")
    assert striatum.measure(course.facts())["dopaminergic_neurons"] == pytest.approx(2e5 * share)
    muscle = with_graft(PUTAMEN | {"product.name": "ipsc_cm"}, "cardiomyocyte_mature", np.full(7, 2e5))
    assert striatum.measure(muscle.facts())["dopaminergic_neurons"] == 0.0


def test_half_of_the_gain_comes_with_the_stated_number_of_neurons():
    """EQ-STRIATUM-2: at the half-gain number the score falls by half of the largest gain, less the drift; none, it rises."""
    course = neurons(0.0)
    numbers = course.small.numbers
    drift = numbers("sites", "striatum", "drift_score_per_year") * HOURS[-1] / 8766.0
    assert striatum.measure(course.facts())["motor_true_change_score"] == pytest.approx(drift)
    enough = numbers("sites", "striatum", "half_gain_neurons") / numbers("lineages", "dopaminergic", "mature.function_fraction")
    gain = numbers("sites", "striatum", "largest_gain_score") / 2.0
    assert striatum.measure(neurons(enough).facts())["motor_true_change_score"] == pytest.approx(drift - gain)


def test_the_measured_change_adds_placebo_response_and_two_errors():
    """EQ-STRIATUM-3: over 400 patients without a graft the mean is drift + placebo and the SD that of two errors (5 SE)."""
    course = neurons(0.0)
    numbers = course.small.numbers
    rows = [striatum.measure(course.facts(patient=i)) for i in range(400)]
    change = np.array([row["motor_change_score"] for row in rows])
    sd = numbers("sites", "striatum", "motor_measurement_sd_score") * np.sqrt(2.0)
    fading = 0.5 ** (HOURS[-1] / numbers("sites", "striatum", "placebo_half_life_h"))
    mean = rows[0]["motor_true_change_score"] + fading * numbers("sites", "striatum", "placebo_motor_score")
    assert abs(change.mean() - mean) < 5.0 * sd / 20.0
    assert abs(change.std(ddof=1) / sd - 1.0) < 5.0 / np.sqrt(2.0 * 400)


def tract(functional=0.5, scar=0.2, tnf=0.5):
    """Return a tract with the stated tissue and TNF throughout, without cells."""
    course = Written(**TRACT | {"delivery": []})
    (patch,) = course.course.patches
    course[f"{patch}.tissue.functional"], course[f"{patch}.tissue.scar"] = functional, scar
    course[f"{patch}.tissue.void"] = 1.0 - functional - scar
    course[f"{patch}.field.tnf"] = tnf
    return course


def test_inflammation_is_the_mean_over_time():
    """EQ-FISTULA-1: the level of half-effect for the first tenth of the run (12 of 120 h), then none."""
    course = tract()
    half = course.small.numbers("sites", "perianal_fistula", "inflammation_half_ng_per_ml")
    course[f"{course.course.patches[0]}.field.tnf"] = np.where(HOURS <= 12.0, half, 0.0)
    row = fistula.measure(course.facts())
    assert row["fistula_inflammation"] == pytest.approx(0.05)
    assert row["fistula_healed_fraction"] == pytest.approx(0.7)


def test_remission_is_a_cut_through_a_sum():
    """EQ-FISTULA-2: a typical patient by the formula; one whose sum meets the threshold is in remission in every other run."""
    course = tract()
    gain, quiet, threshold, half = (
        course.small.numbers("sites", "perianal_fistula", name)
        for name in ("closure_weight", "inflammation_weight", "remission_threshold", "inflammation_half_ng_per_ml")
    )
    tnf = 0.5 / (0.5 + half)
    expected = 1.0 / (1.0 + np.exp(threshold - 0.7 * gain - (1.0 - tnf) * quiet))
    assert fistula.measure(course.facts())["fistula_remission_probability"] == pytest.approx(expected)
    needed = (threshold - (1.0 - tnf) * quiet) / gain
    rows = [fistula.measure(tract(functional=needed - 0.2).facts(patient=i)) for i in range(20)]
    assert [row["fistula_remission_probability"] for row in rows] == pytest.approx([0.5] * 20)
    assert 0.0 < sum(row["fistula_remission"] for row in rows) < 20.0


def test_patients_differ_in_frailty_as_stated():
    """EQ-FISTULA-2: over 500 patients the logit of the chance has the stated SD (5 standard errors of an SD)."""
    course = tract()
    chance = np.array([fistula.measure(course.facts(i, "per_patient"))["fistula_remission_probability"] for i in range(500)])
    logit = np.log(chance / (1.0 - chance))
    sd = course.small.numbers("sites", "perianal_fistula", "frailty_sd")
    assert abs(logit.std(ddof=1) / sd - 1.0) < 5.0 / np.sqrt(2.0 * 500)


def test_outcomes_of_one_site_have_no_value_at_another():
    """NaN at other sites, so that tables and figures can leave them out."""
    at_fistula, at_heart = tract().facts(), Written().facts()
    for module, facts in ((heart, at_fistula), (striatum, at_fistula), (striatum, at_heart), (fistula, at_heart)):
        row = module.measure(facts)
        assert set(row) == set(module.COLUMNS)
        assert all(np.isnan(value) for value in row.values())
    assert "lvef_percent" not in heart.courses(at_fistula)
    assert "tissue.scar" in heart.courses(at_fistula)
    assert striatum.courses(at_heart) == {}
