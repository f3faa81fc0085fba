"""The way of product cells through the body (case A10): counts against a multinomial of expm(Q t), built here by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

from simengine import scenario
from tests.verification.analytic.isolated import LEAST_P, catalogue_value, courses, pooled_chi_square

DOSE = 1_000_000
REPLICATES = 40
PLACES = [
    *("venous_blood", "lung", "arterial_blood", "liver", "spleen", "bone_marrow", "target_vessels", "rest", "target"),
    *("lost_at_delivery", "lodged_died_lung", "cleared_liver", "cleared_spleen", "died_elsewhere", "died_in_target"),
    "depot",
]


def rates_of(product, route):
    """Return Q, per h, float64[16, 16], rows sum to zero: one line for each arrow of the model description.

    Blood: veins -> lung or arteries by passage (1 - adhesion)/(1 + exp((d - d_half)/s)); arteries -> organs by flow x
    extraction x (d/7.5 µm)², the target's extraction raised by homing = CXCR4 x CXCL12; the rest flows on to the veins.
    """

    def human(name):
        return catalogue_value("species", "human", name)

    def own(name):
        return catalogue_value("products", product, name)

    q = np.zeros((len(PLACES), len(PLACES)))

    def arrow(start, end, per_h):
        q[PLACES.index(start), PLACES.index(end)] += per_h

    diameter = own("diameter_um")
    passage = 1.0 / (1.0 + np.exp((diameter - human("lung_pass_half_um")) / human("lung_pass_steepness_um")))
    passage *= 1.0 - own("adhesion")
    larger = (diameter / 7.5) ** 2
    homing = own("cxcr4_expression") * catalogue_value("sites", "heart_infarct", "cxcl12_pull")
    minute_ml = 1000.0 * human("cardiac_output_l_per_min")
    blood_ml = human("blood_volume_ml_per_kg") * human("body_mass_kg")
    veins = 60.0 * minute_ml / (blood_ml * human("venous_fraction"))
    arteries = 60.0 * minute_ml / (blood_ml * human("arterial_fraction"))
    arrow("venous_blood", "arterial_blood", veins * passage)
    arrow("venous_blood", "lung", veins * (1.0 - passage))
    held = min(1.0, human("organ_extraction") * larger)
    held_by_target = min(1.0, human("organ_extraction") * larger * (1.0 + homing))
    flows = {name: human(f"flow.{name}") for name in ("liver", "spleen", "marrow", "heart")}
    rest = 1.0 - sum(flows.values())
    organs = {"liver": flows["liver"], "spleen": flows["spleen"], "bone_marrow": flows["marrow"], "rest": rest}
    for organ, flow in organs.items():
        arrow("arterial_blood", organ, arteries * flow * held)
        arrow("arterial_blood", "venous_blood", arteries * flow * (1.0 - held))
    arrow("arterial_blood", "target_vessels", arteries * flows["heart"] * held_by_target)
    arrow("arterial_blood", "venous_blood", arteries * flows["heart"] * (1.0 - held_by_target))
    death = np.log(2.0) / human("lung_death_half_life_h")
    arrow("lung", "lodged_died_lung", death)
    arrow("lung", "arterial_blood", human("lung_release_per_h"))
    arrow("bone_marrow", "died_elsewhere", death)
    arrow("rest", "died_elsewhere", death)
    arrow("liver", "cleared_liver", human("liver_clearance_per_h"))
    arrow("spleen", "cleared_spleen", human("spleen_clearance_per_h"))
    arrow("target_vessels", "target", human("homing_transmigration_per_h") * homing)
    arrow("target_vessels", "venous_blood", human("target_vessel_release_per_h"))
    arrow("target_vessels", "died_elsewhere", human("target_vessel_death_per_h"))
    arrow("target", "died_in_target", own("loss_in_target_per_h"))
    q += _way_in(product, route, larger)
    return q - np.diag(q.sum(axis=1))


def _way_in(product, route, larger):
    """Return the rates out of the place of administration, per h."""
    q = np.zeros((len(PLACES), len(PLACES)))

    def human(name):
        return catalogue_value("species", "human", name)

    def own(name):
        return catalogue_value("products", product, name)

    def way(name):
        return catalogue_value("routes", route, name)

    def arrow(start, end, per_h):
        q[PLACES.index(start), PLACES.index(end)] += per_h

    if route == "intramyocardial":
        lodge = way("lodge_per_h") * own("clumping") * larger ** (way("retention_diameter_exponent") / 2.0)
        arrow("depot", "target", lodge)
        washout = human("washout") * catalogue_value("sites", "heart_infarct", "washout")
        arrow("depot", "venous_blood", way("wash_per_h") * washout)
        arrow("depot", "lost_at_delivery", way("leak_per_h"))
    else:
        caught = min(1.0, way("first_pass_extraction") * larger)
        arrow("depot", "target_vessels", 120.0 * caught)
        arrow("depot", "venous_blood", 120.0 * (1.0 - caught))
    return q


def counted(product, route):
    """Return counts int64[R, S, 16] in the order of PLACES and the recorded times, h."""
    text = f"""
name = "traffic"
patient.vary = "none"
product = {{ name = "{product}", viability = 1.0 }}
run = {{ mode = "body", duration_days = 3.0, record_every_h = 1.0 }}
delivery = [{{ route = "{route}", dose_cells = {DOSE}, duration_min = 0.1 }}]
"""
    found = courses(scenario.loads(text).points[0].scenario, REPLICATES)
    names = [f"body.{place}" if place != "depot" else f"body.depot_{route}" for place in PLACES]
    counts = np.array([[course[name] for name in names] for course in found]).transpose(0, 2, 1)
    return counts, found[0].hours


CASES = [("bm_msc", "intravenous"), ("bm_msc", "intramyocardial"), ("pb_cd34", "intracoronary"), ("bm_mnc", "intravenous")]


@pytest.mark.parametrize(("product", "route"), CASES)
def test_cells_in_the_body_are_multinomial(product, route):
    """A10: at 1, 5, 24 and 72 h the 16 counts of a bolus of 1e6 cells are Multinomial(dose, row of expm(Q t)).

    n = 40 replicates x 1e6 cells. At each time chi-square of the pooled counts (sees 0.03 % of the dose), and the sum of
    the replicates' chi-squares over places that expect 5 cells (two-sided; sees a variance 1.4 times too large or small).
    Times of 1 and 5 h lie in steps of 6 min, later ones follow by steps of 1 h. Detects rates in and out swapped, a loss
    not booked, p = rate x dt, counts rounded, and compartments that draw the same number.
    """
    q = rates_of(product, route)
    counts, hours = counted(product, route)
    assert (counts == np.round(counts)).all()
    assert (counts.sum(axis=2)[:, 1:] == DOSE).all()
    for hour in (1.0, 5.0, 24.0, 72.0):
        law = np.clip(expm(q * hour)[PLACES.index("depot")], 0.0, None)
        here = counts[:, np.flatnonzero(hours == hour)[0]]
        assert here[:, law == 0.0].sum() == 0.0
        order = np.argsort(law)
        assert pooled_chi_square(here.sum(axis=0)[order], law[order] * DOSE * REPLICATES) > LEAST_P, hour
        often = law * DOSE >= 5.0
        expected = np.append(law[often], law[~often].sum()) * DOSE
        seen = np.column_stack([here[:, often], here[:, ~often].sum(axis=1)])
        classes = expected > 1.0
        total = np.sum((seen - expected)[:, classes] ** 2 / expected[classes])
        spread = stats.chi2(REPLICATES * (classes.sum() - 1))
        assert 2.0 * min(spread.sf(total), spread.cdf(total)) > LEAST_P, hour


def test_chains_through_the_body_keep_the_law_of_conditional_moves():
    """A10: between 24 and 48 h, from the state at 24 h, the mean is the state times expm(24 Q); 16 z of pooled counts.

    n = 40 replicates; variance of a sum of independent moves. Detects a law that holds at each time by itself while cells
    move too often or too rarely (a walk drawn anew at each step).
    """
    product, route = CASES[1]
    counts, hours = counted(product, route)
    step = np.clip(expm(24.0 * rates_of(product, route)), 0.0, 1.0)
    start = counts[:, np.flatnonzero(hours == 24.0)[0]].sum(axis=0)
    end = counts[:, np.flatnonzero(hours == 48.0)[0]].sum(axis=0)
    mean, variance = start @ step, start @ (step * (1.0 - step))
    known = variance > 5.0
    assert np.abs((end - mean)[known] / np.sqrt(variance[known])).max() < 4.56
    assert known.sum() >= 8


@pytest.mark.parametrize("tissue_h", [2.0, 1.4])
def test_the_body_keeps_its_time_while_the_patch_sleeps(tissue_h):
    """A10 with a patch that sleeps from hour to hour: counts at 24 and 72 h follow the same law (but no loss in the target).

    n = 40 x 1e6 cells; chi-square of pooled counts. Detects steps of the body that are shorter than the time they stand
    for, where the step of the tissue is no multiple of the body's.
    """
    q = rates_of("bm_msc", "intravenous")
    target = PLACES.index("target")
    q[target] = 0.0
    text = f"""
name = "sleeping"
patient.vary = "none"
product.viability = 1.0
clocks.tissue_h = {tissue_h}
patch.shape = [2, 2, 1]
run = {{ duration_days = 3.0, record_every_h = 6.0 }}
delivery = [{{ route = "intravenous", dose_cells = {DOSE}, duration_min = 0.1 }}]
"""
    found = courses(scenario.loads(text).points[0].scenario, REPLICATES)
    names = [f"body.{place}" if place != "depot" else "body.depot_intravenous" for place in PLACES]
    for hour in (24.0, 72.0):
        law = np.clip(expm(q * hour)[PLACES.index("depot")], 0.0, None)
        row = np.flatnonzero(found[0].hours == hour)[0]
        here = np.array([[course[name][row] for name in names] for course in found]).sum(axis=0)
        order = np.argsort(law)
        assert pooled_chi_square(here[order], law[order] * DOSE * REPLICATES) > LEAST_P, hour
