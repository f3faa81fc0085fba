"""Each arm, drug, edit, species and carrier matters where it should, and is inert where it should be.

Paired patients in an ectopic graft of pluripotent cells in muscle (10 x 10 x 1 voxels, mouse), 24 days. One-sided paired t
test, p < 1e-3, effect not zero, as in the order relations; what must be inert is compared bit by bit or to exactly zero. A
switch that is not wired up, an arm that another one stands in for, and a drug on the wrong target turn these red.
"""

from __future__ import annotations

import numpy as np
import pytest

from simengine.engine import simulate
from tests.verification.relations.patients import differing, outcomes, scenario
from tests.verification.relations.test_order_relations import GRAFT as HEART
from tests.verification.relations.test_order_relations import assert_rises, mean_living, of_row, share_lost

GRAFT = {
    "patient__species": "mouse",
    "patient__vary": "none",
    "site__name": "skeletal_muscle",
    "site__lesion_age_days": 0.0,
    "product__name": "ipsc",
    "donor__match": "0/8",
    "delivery": [{"route": "intramuscular", "dose_cells": 4_000_000, "n_sites": 1, "volume_ml_per_site": 0.02}],
    "run__duration_days": 24.0,
    "run__record_every_h": 24.0,
}
ACROSS = {**GRAFT, "product__name": "esc", "donor__relation": "xenogeneic"}
N = 12


def runs(asked, n=N):
    """Return the outcomes of ``n`` patients of a scenario."""
    study = scenario(**asked)
    return [outcomes(study, replicate) for replicate in range(n)]


def living(asked, n=N):
    """Return the mean living share of the dose over the run, of each patient."""
    return [mean_living(result) for result in runs(asked, n)]


@pytest.fixture(scope="module")
def allogeneic():
    """The fully mismatched graft without any treatment."""
    return living(GRAFT)


@pytest.fixture(scope="module")
def xenogeneic():
    """The graft of another species without any treatment."""
    return living(ACROSS, 48)


@pytest.mark.parametrize("arm", ["cd8", "cd4_direct"])
def test_a_direct_arm_that_is_switched_off_changes_the_course_and_cd8_cells_the_graft(arm, allogeneic):
    """n = 12; without CD8 cells nobody is killed by them and the graft lives longer.

    These cells show no class II: the direct CD4 arm is only asserted to change the course, not in which direction.
    """
    off = {**GRAFT, "mechanisms": {arm: False}}
    if arm == "cd8":
        assert [share_lost("rejected_cd8")(result) for result in runs(off, 3)] == [0.0] * 3
        assert_rises(allogeneic, living(off))
    else:
        assert differing(simulate(scenario(**off), 1), simulate(scenario(**GRAFT), 1)) != []


@pytest.mark.parametrize("arm", ["cd4_indirect", "antibody", "macrophage", "xenogeneic"])
def test_without_an_arm_a_graft_of_another_species_fares_otherwise(arm, xenogeneic):
    """n = 48; without indirect recognition, antibody or macrophages it lives longer.

    Without the arm across species the graft is that of an unmatched donor of the same species, whose class I is seen in full
    and who meets no natural antibody: it fares otherwise, and no direction is asserted.
    """
    off = living({**ACROSS, "mechanisms": {arm: False}}, len(xenogeneic))
    if arm == "xenogeneic":
        assert abs(float(np.mean(np.subtract(off, xenogeneic)))) > 0.0
    else:
        assert_rises(xenogeneic, off)


def test_natural_killers_matter_to_cells_without_class_1_and_little_to_others():
    """n = 48; a graft edited to show no class I, where natural killer cells are many: more of it lives without them."""
    many = {"cells.nk.recruitment_per_mm3_per_h": 9.0, "cells.nk.density_per_mm3": 160.0}
    null = {
        **GRAFT,
        "site__name": "heart_infarct",
        "site__lesion_age_days": 7.0,
        "product__name": "ipsc_cm",
        "patient__species": "human",
    }
    null |= {"delivery": [{"route": "intramyocardial", "dose_cells": 400_000_000, "n_sites": 2, "volume_ml_per_site": 0.2}]}
    null |= {"product__edit": "b2m_null", "parameters": many, "run__duration_days": 14.0}
    assert_rises(living(null, 48), living({**null, "mechanisms": {"nk": False}}, 48))


def test_an_arm_that_the_species_lacks_cannot_be_switched():
    """Bit for bit: a nude mouse with and without the switch of the arm that it has not got."""
    nude = {**GRAFT, "patient__species": "mouse_nude", "run__duration_days": 8.0}
    with_switch = simulate(scenario(**nude, mechanisms={"cd8": False, "cd4_direct": False, "cd4_indirect": False}), 1)
    assert differing(simulate(scenario(**nude), 1), with_switch) == []


def test_grafts_live_on_in_mice_without_immunity(allogeneic):
    """n = 12; a nude mouse rejects nothing by T cells, and the graft lives longer than in a mouse with immunity."""
    nude = runs({**GRAFT, "patient__species": "mouse_nude"})
    assert [share_lost("rejected_cd8", "rejected_cd4")(result) for result in nude] == [0.0] * N
    assert_rises(allogeneic, [mean_living(result) for result in nude])


def test_autoimmunity_meets_the_patients_own_cells_and_nobody_else():
    """n = 12; CD8 cells kill autologous heart muscle where there is memory against the lineage, and none without it.

    Against another lineage it changes no bit.
    """
    own = {**HEART, "donor__relation": "autologous", "donor__match": "8/8"}
    rejected = share_lost("rejected_cd8")
    assert [rejected(result) for result in runs(own)] == [0.0] * N
    assert sum(rejected(result) for result in runs({**own, "patient__autoimmune_to": "cardiomyocyte"})) > 0.0
    other = simulate(scenario(**own, patient__autoimmune_to="pluripotent"), 1)
    assert differing(simulate(scenario(**own), 1), other) == []


@pytest.mark.parametrize(
    ("drug", "course"),
    [
        ("tacrolimus", {}),
        ("ciclosporin", {}),
        ("sirolimus", {}),
        ("mycophenolate", {}),
        ("ctla4_ig", {}),
        ("anti_cd40l", {}),
        ("anti_lfa1", {}),
        ("atg", {"stop_day": 4.0}),
        ("ptcy", {"start_day": 3.0, "stop_day": 5.0}),
        ("methotrexate", {"start_day": 1.0, "stop_day": 12.0}),
        ("steroid", {}),
    ],
)
def test_every_drug_lowers_effectors_or_their_entry_and_raises_infection(drug, course):
    """n = 6; effectors in blood or T cells in the graft fall in the mean; the hazard of infection rises in every patient."""
    plain = runs({**GRAFT, "run__duration_days": 10.0}, 6)
    treated = runs({**GRAFT, "run__duration_days": 10.0, "drug": [{"name": drug, **course}]}, 6)
    peak = [[of_row(f"peak_{kind}_per_mm3")(r) for r in results] for kind in ("cd8", "cd4") for results in (plain, treated)]
    blood = [[of_row("peak_blood_effectors_per_ul")(r) for r in results] for results in (plain, treated)]
    fell = [float(np.mean(after)) < float(np.mean(before)) for before, after in (peak[:2], peak[2:], blood)]
    assert any(fell)
    bodies = [scenario(**{**GRAFT, "run__mode": "body", "drug": given}) for given in ([], [{"name": drug, **course}])]
    left = [simulate(body, 1)["solute.infection_left"] for body in bodies]
    assert left[1][-1] < left[0][-1]


def test_a_hypoimmune_edit_protects_an_unmatched_graft(allogeneic):
    """n = 12; class I and II gone and a shield from natural killer cells."""
    assert_rises(allogeneic, living({**GRAFT, "product__edit": "hypoimmune"}))


def test_a_scaffold_keeps_more_cells_than_an_injection():
    """n = 12; living share of the dose after a day, syngeneic."""
    own = {**GRAFT, "donor__relation": "autologous", "donor__match": "8/8", "run__duration_days": 2.0}
    carried = [{**GRAFT["delivery"][0], "route": "scaffold"}]
    day = of_row("retained_living_24h")
    assert_rises([day(r) for r in runs(own)], [day(r) for r in runs({**own, "delivery": carried})])


def test_dying_cells_calm_the_lesion_wherever_they_die():
    """n = 12; intravenous stromal cells, of which hardly one reaches the heart: more of it is saved than without the mechanism.

    Without the mechanism they change nothing in the tissue beyond the noise of the few that arrive.
    """
    given = {"delivery": [{"route": "intravenous", "dose_cells": 200_000_000}], "run__duration_days": 14.0}
    given |= {"donor__relation": "autologous"}
    true = of_row("lvef_true_change_points")
    with_it, without = ([true(r) for r in runs({**given, "mechanisms": {"exposure": on}})] for on in (True, False))
    assert_rises(without, with_it)


def test_a_growing_graft_fills_more_of_the_organ_and_its_ledger_closes():
    """Without immunity a pluripotent graft outgrows its packing limit, and no cell of it is lost or made by that."""
    bare = {**GRAFT, "patient__species": "mouse_nod_scid", "run__duration_days": 30.0}
    bare |= {"parameters": {"growth.packing_limit": 0.1}, "donor__relation": "autologous", "donor__match": "8/8"}
    result = outcomes(scenario(**bare), 0)
    course = simulate(scenario(**bare), 1)
    growth = course["deposit.growth"]
    assert growth[-1] > 1.0
    assert np.all(np.diff(growth) >= 0.0)
    assert result.row["status"] == "ok"
