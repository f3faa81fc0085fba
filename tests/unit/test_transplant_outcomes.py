"""Clinical definitions of transplantation, each on a daily record written by hand at which a slip of the definition shows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from simengine.outcomes import MODULES, descriptions, evaluate
from simengine.outcomes.transplant import MODULES as OF_TRANSPLANTS
from simengine.outcomes.transplant import engraftment, gvhd, survival
from simengine.outcomes.transplant.followed import Followed
from tests.written_transplant import Transplanted, transplant_scenario, with_status

NAN = float("nan")


def same(found, wanted):
    """Whether two numbers or texts are equal, NaN equal to NaN."""
    return found == wanted or (found != found and wanted != wanted)


# ---------------------------------------------------------------- recovery


def test_neutrophils_recover_on_the_first_of_three_days_running():
    """EQ-CLINIC-1: two days above and one below do not count; exactly 0.5 does; days before the fall do not."""
    patient = Transplanted().on("blood.neutrophils", 10, 0.6, until=12)
    assert engraftment.neutrophil_day(patient.seen()) == 15.0
    patient.on("blood.neutrophils", 10, 0.5, until=13)
    assert engraftment.neutrophil_day(patient.seen()) == 10.0
    assert engraftment.neutrophil_day(Transplanted().on("blood.neutrophils", 15, 0.49).seen()) != 15.0


def test_recovery_that_death_or_the_end_cuts_short_is_none():
    """EQ-CLINIC-1: the patient dies on the second day above, or before any; so does one who never falls but dies on day 20."""
    for last in (16, 12, 3):
        row = engraftment.measure(Transplanted(last, death_day=last + 0.5, death_cause=2.0).seen())
        assert np.isnan(row["neutrophil_day"])
        assert row["neutrophil_engrafted"] == 0.0
    assert engraftment.neutrophil_day(Transplanted(17).seen()) == 15.0
    unfallen = Transplanted(20, death_day=20.5).on("blood.neutrophils", -8, 2.0)
    assert np.isnan(engraftment.neutrophil_day(unfallen.seen()))


def test_the_record_of_the_hour_of_death_is_no_day_of_its_own():
    """EQ-CLINIC-2: recovery begins on day 15; a death at noon of day 16 makes no third day of it, on day 17 it does."""
    for dead, wanted in ((16.5, NAN), (17.5, 15.0)):
        patient = Transplanted(int(dead) + 1, death_day=dead)
        course = patient.course
        course.hours[-1] = 24.0 * dead
        assert same(engraftment.neutrophil_day(Followed(course, True, 28.0)), wanted)
        found = evaluate(transplant_scenario(), course).courses["blood.neutrophils"]
        assert np.isfinite(found).sum() == int(dead) + 9


def test_a_count_that_never_falls_has_recovered_on_day_0():
    """EQ-CLINIC-2: also if it is low before day 0, or falls after day 28 only, which is another matter."""
    patient = Transplanted().on("blood.neutrophils", -8, 0.1).on("blood.neutrophils", 0, 2.0).on("blood.neutrophils", 29, 0.1)
    assert engraftment.neutrophil_day(patient.seen()) == 0.0
    patient.on("blood.neutrophils", 28, 0.1)
    assert np.isnan(engraftment.neutrophil_day(patient.seen()))


def test_platelets_recover_on_the_first_of_seven_days_running():
    """EQ-CLINIC-2: 20 and 50e9/L are two dates; six days and a day below do not count; the days before the fall do not."""
    patient = Transplanted().on("blood.platelets", 12, 20.0, until=18).on("blood.platelets", 18, 19.9, until=19)
    patient.on("blood.platelets", 19, 49.9, until=30)
    row = engraftment.measure(patient.seen())
    assert (row["platelet20_day"], row["platelet50_day"], row["platelet50_recovered"]) == (19.0, 30.0, 1.0)
    row = engraftment.measure(patient.on("blood.platelets", 30, 49.9).seen())
    assert (row["platelet20_day"], row["platelet50_recovered"]) == (19.0, 0.0)
    assert np.isnan(row["platelet50_day"])


def test_the_last_transfusion_is_the_last_day_on_which_units_were_given():
    patient = Transplanted().on("transfusions.red", -3, 2.0).on("transfusions.red", 9, 4.0).on("transfusions.red", 33, 6.0)
    row = engraftment.measure(patient.seen())
    assert (row["red_cell_day"], row["transfusions_red"]) == (33.0, 6.0)
    row = engraftment.measure(Transplanted().on("transfusions.red", -3, 2.0).seen())
    assert np.isnan(row["red_cell_day"])
    assert row["transfusions_red"] == 2.0


def test_chimerism_is_that_of_the_day_in_percent_and_not_known_after_death():
    """EQ-CLINIC-5: and nowhere for own cells; 0 on a day without cells is 0."""
    patient = (
        Transplanted(200, death_day=200.2).on("chimerism.t", 0, 0.4).on("chimerism.t", 31, 0.6).on("chimerism.t", 100, 0.9)
    )
    row = engraftment.measure(patient.seen())
    assert [row[f"donor_t_day_{day}"] for day in (30, 100)] == pytest.approx([40.0, 90.0])
    assert np.isnan(row["donor_t_day_365"])
    assert np.isnan(engraftment.measure(patient.seen(has_chimerism=False))["donor_myeloid_day_30"])
    dead_that_day = Transplanted(100, death_day=100.0)
    assert np.isnan(engraftment.measure(dead_that_day.seen())["donor_t_day_100"])
    assert engraftment.measure(Transplanted(100).seen())["donor_t_day_100"] == 100.0


# ---------------------------------------------------------------- graft failure


def failure(patient, **kind):
    row = engraftment.measure(patient.seen(**kind))
    return row["graft_failure"], row["graft_failure_kind"], row["graft_failure_day"]


def aplastic(last_day=365, until=60, **events):
    """A patient whose neutrophils come late."""
    return Transplanted(last_day, **events).on("blood.neutrophils", 15, 0.1, until=until)


def test_primary_failure_is_told_on_day_28_and_on_day_42_after_cord_blood():
    """EQ-CLINIC-3: recovery on day 28 is in time, on day 29 late; cord blood has until day 42."""
    assert failure(aplastic(until=28))[0] == 0.0
    assert failure(aplastic(until=29)) == (1.0, "primary", 28.0)
    assert failure(aplastic(until=42), engrafted_by=42.0)[0] == 0.0
    assert failure(aplastic(until=43), engrafted_by=42.0) == (1.0, "primary", 42.0)
    assert Followed.of(transplant_scenario(graft="cord_blood"), Transplanted().course).engrafted_by == 42.0
    assert Followed.of(transplant_scenario(), Transplanted().course).engrafted_by == 28.0


def test_recovery_of_the_patients_own_cells_is_a_failure_of_the_graft():
    """EQ-CLINIC-3: below 5 % donor myeloid cells on day 28; 5 % is enough; less before does not matter."""
    assert failure(Transplanted().on("chimerism.myeloid", 0, 0.049)) == (1.0, "primary", 28.0)
    assert failure(Transplanted().on("chimerism.myeloid", 0, 0.05))[0] == 0.0
    assert failure(Transplanted().on("chimerism.myeloid", 0, 0.0, until=28))[0] == 0.0


def test_who_dies_or_relapses_first_has_no_primary_failure():
    """EQ-CLINIC-3: on day 28 itself too; relapse a day later does not excuse it; a run that ends before says nothing."""
    for event in ("death_day", "relapse_day"):
        assert failure(aplastic(**{event: 28.0}))[0] == 0.0
        assert failure(aplastic(**{event: 28.5}))[:2] == (1.0, "primary")
    assert failure(aplastic(20, death_day=20.5))[0] == 0.0
    assert np.isnan(failure(Transplanted(27))[0])
    assert failure(Transplanted(28))[0] == 0.0


def test_own_cells_fail_by_neutrophils_alone():
    """EQ-CLINIC-3 and EQ-CLINIC-4 without chimerism: an autologous graft and that of a twin."""
    patient = Transplanted().on("chimerism.myeloid", 0, 0.0)
    assert failure(patient, has_chimerism=False)[0] == 0.0
    assert failure(aplastic(until=29), has_chimerism=False)[:2] == (1.0, "primary")
    for relation, told in (("autologous", False), ("identical_twin", False), ("sibling", True)):
        scenario = transplant_scenario().of(relation=relation)
        assert Followed.of(scenario, patient.course).has_chimerism == told


def test_secondary_failure_is_seven_days_without_neutrophils_or_the_loss_of_chimerism():
    """EQ-CLINIC-4: six days are none; the first day counts; of both the earlier counts."""
    assert failure(Transplanted().on("blood.neutrophils", 90, 0.3, until=96)) == pytest.approx((0.0, "", NAN), nan_ok=True)
    assert failure(Transplanted().on("blood.neutrophils", 90, 0.3, until=97)) == (1.0, "secondary", 90.0)
    assert failure(Transplanted().on("blood.neutrophils", 90, 0.5, until=97))[0] == 0.0
    lost = Transplanted().on("chimerism.myeloid", 80, 0.04, until=83)
    assert failure(lost) == (1.0, "secondary", 80.0)
    assert failure(lost.on("blood.neutrophils", 60, 0.3, until=70)) == (1.0, "secondary", 60.0)


def test_relapse_and_death_excuse_from_secondary_failure():
    """EQ-CLINIC-4: days from relapse on do not count, nor do fewer than seven days before it or before death."""
    assert failure(Transplanted(relapse_day=80.0).on("chimerism.myeloid", 80, 0.0))[0] == 0.0
    assert failure(Transplanted(relapse_day=81.0).on("chimerism.myeloid", 80, 0.0))[2] == 80.0
    assert failure(Transplanted(relapse_day=96.0).on("blood.neutrophils", 90, 0.1))[0] == 0.0
    assert failure(Transplanted(relapse_day=97.0).on("blood.neutrophils", 90, 0.1))[2] == 90.0
    assert failure(Transplanted(95, death_day=95.5).on("blood.neutrophils", 90, 0.1))[0] == 0.0


# ---------------------------------------------------------------- GVHD


def test_acute_gvhd_is_its_largest_grade_and_begins_on_the_first_day_of_it():
    """EQ-CLINIC-6: grade I is no II-IV; each grade has its own first day."""
    patient = Transplanted().on("gvhd.grade", 20, 1.0).on("gvhd.grade", 25, 2.0).on("gvhd.grade", 40, 0.0)
    row = gvhd.measure(patient.on("gvhd.gut_stage", 25, 2.0, until=30).seen())
    assert (row["acute_gvhd_grade"], row["acute_gvhd_2_4"], row["acute_gvhd_3_4"]) == (2.0, 1.0, 0.0)
    assert row["acute_gvhd_day"] == 25.0
    assert np.isnan(row["acute_gvhd_3_4_day"])
    assert (row["gut_stage_max"], row["skin_stage_max"]) == (2.0, 0.0)
    row = gvhd.measure(patient.on("gvhd.grade", 33, 3.0, until=34).seen())
    assert (row["acute_gvhd_day"], row["acute_gvhd_3_4_day"], row["acute_gvhd_3_4"]) == (25.0, 33.0, 1.0)
    mild = gvhd.measure(Transplanted().on("gvhd.grade", 20, 1.0).seen())
    assert (mild["acute_gvhd_grade"], mild["acute_gvhd_2_4"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("grade_on_day_68", "last", "events", "wanted"),
    [
        (0.0, 365, {}, 1.0),
        (2.0, 365, {}, 1.0),
        (3.0, 365, {}, 0.0),
        (4.0, 365, {}, 0.0),
        (0.0, 67, {"death_day": 68.0}, 0.0),
        (0.0, 68, {"death_day": 68.5}, 1.0),
        (0.0, 67, {}, NAN),
        (0.0, 68, {}, 1.0),
    ],
)
def test_response_is_judged_28_days_after_the_start_and_the_dead_did_not_respond(grade_on_day_68, last, events, wanted):
    """EQ-CLINIC-7: complete (0) or partial (lower than at the start); what comes before or after day 28 does not count."""
    patient = Transplanted(last, refractory_day=40.0, second_line_day=40.0, **events)
    patient.on("gvhd.grade", 30, 2.0).on("gvhd.grade", 40, 3.0).on("gvhd.grade", 41, 4.0)
    patient.on("gvhd.grade", 50, 0.0, until=67).on("gvhd.grade", 68, grade_on_day_68, until=69)
    row = gvhd.measure(patient.seen())
    assert same(row["second_line_response"], wanted)
    assert same(row["refractory_response_day28"], wanted)
    assert (row["second_line_given"], row["steroid_refractory"], row["steroid_treated"]) == (1.0, 1.0, 0.0)


def test_without_a_second_line_there_is_no_response_to_it():
    """EQ-CLINIC-7: refractory GVHD is judged whatever was given."""
    patient = Transplanted(steroid_day=20.0, refractory_day=40.0).on("gvhd.grade", 20, 3.0).on("gvhd.grade", 60, 1.0)
    row = gvhd.measure(patient.seen())
    assert np.isnan(row["second_line_response"])
    assert (row["refractory_response_day28"], row["second_line_given"], row["steroid_treated"]) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(("severity", "treated"), [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (3.0, 1.0)])
def test_chronic_gvhd_is_treated_from_moderate_on(severity, treated):
    """EQ-CLINIC-8: the largest severity counts."""
    patient = Transplanted(chronic_day=150.0 if severity else NAN).on("chronic.severity", 150, min(severity, 1.0))
    row = gvhd.measure(patient.on("chronic.severity", 200, severity, until=260).seen())
    assert (row["chronic_gvhd"], row["chronic_gvhd_severity"]) == (float(severity > 0), severity)
    assert row["chronic_gvhd_treated"] == row["extensive_chronic_gvhd"] == treated
    assert same(row["chronic_gvhd_day"], 150.0 if severity else NAN)


# ---------------------------------------------------------------- competing events


def test_relapse_and_death_compete():
    """EQ-CLINIC-9: death after relapse is no non-relapse death, on the same day neither; without either: the last day."""
    row = survival.measure(Transplanted(200, relapse_day=120.0, death_day=200.4, death_cause=1.0).seen())
    assert (row["outcome_event"], row["outcome_day"], row["outcome_cause"]) == (1.0, 120.0, "relapse")
    assert (row["nonrelapse_death"], row["death"], row["death_cause"], row["survival_day"]) == (0.0, 1.0, "relapse", 200.4)
    row = survival.measure(Transplanted(200, relapse_day=200.0, death_day=200.0, death_cause=1.0).seen())
    assert (row["outcome_cause"], row["nonrelapse_death"]) == ("relapse", 0.0)
    row = survival.measure(Transplanted(50, death_day=50.5, death_cause=2.0).seen())
    assert (row["outcome_cause"], row["outcome_day"], row["nonrelapse_death"]) == ("non-relapse death", 50.5, 1.0)
    assert (row["death_cause"], row["survived"]) == ("infection", 0.0)
    row = survival.measure(Transplanted().seen())
    assert (row["outcome_event"], row["outcome_day"], row["outcome_cause"]) == (0.0, 365.0, "")
    assert (row["survival_day"], row["survived"], row["death_cause"]) == (365.0, 1.0, "")
    assert np.isnan(row["death_day"])


def test_a_death_during_conditioning_counts_on_day_0():
    """EQ-CLINIC-9: times of events are never negative, as estimators of survival need; the day of death is told as it is."""
    seen = Transplanted(-3, death_day=-2.5, death_cause=4.0).seen()
    row = survival.measure(seen)
    assert (row["outcome_day"], row["survival_day"], row["death_day"], row["grfs_day"]) == (0.0, 0.0, -2.5, 0.0)
    assert row["death_cause"] == "toxicity"
    row = engraftment.measure(seen)
    assert (row["engraftment_cause"], row["engraftment_day"], row["graft_failure"]) == ("death", 0.0, 0.0)


def test_recovery_death_and_relapse_compete():
    """EQ-CLINIC-9: whichever comes first; nobody is censored by death."""
    row = engraftment.measure(Transplanted(200, death_day=200.5).seen())
    assert (row["engraftment_event"], row["engraftment_day"], row["engraftment_cause"]) == (1.0, 15.0, "neutrophils")
    row = engraftment.measure(aplastic(12, death_day=12.5).seen())
    assert (row["engraftment_event"], row["engraftment_day"], row["engraftment_cause"]) == (1.0, 12.5, "death")
    row = engraftment.measure(aplastic(until=60, relapse_day=40.0).seen())
    assert (row["engraftment_day"], row["engraftment_cause"]) == (40.0, "relapse")
    row = engraftment.measure(aplastic(50, until=60).seen())
    assert (row["engraftment_event"], row["engraftment_day"], row["engraftment_cause"]) == (0.0, 50.0, "")


def test_gvhd_death_and_relapse_compete():
    """EQ-CLINIC-9: GVHD after relapse is not counted, nor is grade I."""
    sick = Transplanted(relapse_day=60.0).on("gvhd.grade", 20, 1.0).on("gvhd.grade", 70, 2.0)
    assert survival.first_gvhd(sick.seen()) == (1.0, 60.0, "relapse")
    assert survival.first_gvhd(sick.on("gvhd.grade", 59, 4.0).seen()) == (1.0, 59.0, "grade II-IV")
    assert survival.first_gvhd(Transplanted().seen()) == (0.0, 365.0, "")


def test_freedom_ends_with_the_first_of_four_events():
    """EQ-CLINIC-10: grade II and mild chronic GVHD do not end it; severe chronic GVHD counts from the day it is moderate."""
    patient = Transplanted(chronic_day=150.0).on("gvhd.grade", 30, 2.0).on("chronic.severity", 150, 1.0)
    assert survival.end_of_freedom(patient.seen()) == (0.0, 365.0, "")
    patient.on("chronic.severity", 210, 2.0)
    assert survival.end_of_freedom(patient.seen()) == (1.0, 210.0, "chronic")
    patient.traits["event.relapse_day"] = 180.0
    assert survival.end_of_freedom(patient.seen()) == (1.0, 180.0, "relapse")
    patient.traits["event.death_day"] = 170.5
    assert survival.end_of_freedom(patient.seen()) == (1.0, 170.5, "death")
    patient.on("gvhd.grade", 35, 3.0)
    assert survival.end_of_freedom(patient.seen()) == (1.0, 35.0, "grade III-IV")


# ---------------------------------------------------------------- the whole run


def evaluated(patient, **section):
    return evaluate(transplant_scenario(**section), patient.course)


def test_a_run_has_exactly_the_columns_that_are_declared():
    patient = Transplanted(200, death_day=200.5, death_cause=3.0)
    patient.traits |= {"trait.age_years": 41.0, "hla_matched_of_8": 8.0, "cd34_per_kg": 5e6}
    result = evaluated(patient)
    declared = descriptions(transplant_scenario())
    assert set(result.row) == {*declared, "status", "reason", "trait.age_years"}
    assert (result.row["status"], result.row["hla_matched_of_8"], result.row["cd34_per_kg"]) == ("ok", 8.0, 5e6)
    assert set(declared) <= set(descriptions())
    assert "lvef_change_points" not in declared
    assert not {*OF_TRANSPLANTS} - {"pair"} & {*MODULES}


def test_courses_end_with_the_plan_and_say_nothing_after_death():
    """One time axis for all patients of an arm, from the first day of conditioning to the end that was planned."""
    survivor, dead = evaluated(Transplanted()), evaluated(Transplanted(40, death_day=40.5).on("blood.platelets", 40, 7.0))
    np.testing.assert_array_equal(survivor.courses["time_h"], 24.0 * np.arange(-8, 366))
    np.testing.assert_array_equal(dead.courses["time_h"], survivor.courses["time_h"])
    platelets = dead.courses["blood.platelets"]
    assert platelets[48] == 7.0
    assert np.isnan(platelets[49:]).all()
    assert not np.isnan(platelets[:49]).any()
    assert set(survivor.courses) == {"time_h", *Transplanted().course.columns}


def test_coarser_courses_keep_day_0_and_the_values_of_their_days():
    scenario = transplant_scenario()
    scenario._plain = scenario._plain.model_copy(
        update={"run": scenario._plain.run.model_copy(update={"record_every_h": 168.0, "duration_days": 30.0})}
    )
    found = evaluate(scenario, Transplanted(30).on("blood.platelets", 21, 77.0, until=22).course).courses
    np.testing.assert_array_equal(found["time_h"], 168.0 * np.arange(-1, 5))
    assert list(found["blood.platelets"]) == [200.0, 200.0, 8.0, 8.0, 77.0, 120.0]


def test_events_are_told_in_the_order_of_time():
    patient = Transplanted(200, steroid_day=31.0, relapse_day=120.0, death_day=200.5, death_cause=1.0)
    events = evaluated(patient.on("gvhd.grade", 30, 3.0)).events
    assert events == (
        (360.0, "neutrophil_recovery", "0.5e9/L"),
        (432.0, "platelet_recovery", "20e9/L"),
        (432.0, "platelet_recovery", "50e9/L"),
        (720.0, "acute_gvhd", "grade II-IV"),
        (720.0, "acute_gvhd", "grade III-IV"),
        (744.0, "steroids", ""),
        (2880.0, "relapse", ""),
        (4812.0, "death", "relapse"),
    )


def test_a_run_that_went_wrong_says_so_and_nothing_else():
    result = evaluate(transplant_scenario(), with_status(Transplanted(5).course, "numerical_error"))
    assert result.row == {"status": "numerical_error", "reason": "as planted"}


def test_the_outcomes_of_a_year_take_less_than_two_milliseconds():
    scenario, course = transplant_scenario(), Transplanted().on("gvhd.grade", 30, 3.0).course
    best = np.inf
    for _ in range(20):
        began = time.process_time()
        evaluate(scenario, course)
        best = min(best, time.process_time() - began)
    assert best < 2e-3
