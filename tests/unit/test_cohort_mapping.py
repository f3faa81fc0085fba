"""Mapping files and tables of patients: what they mean, and every fault at its place, all at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simengine.cohorts.columns import predictors_of
from simengine.cohorts.mapping_files import load_mapping, loads_mapping
from simengine.cohorts.observed import CENSORED, COMPETING, EVENT, observed_of
from simengine.cohorts.people import people_of
from simengine.cohorts.tables import read_table
from simengine.cohorts.templates import TEMPLATES, template_files
from simengine.foundation.errors import InputError
from tests.unit.cohort_stub import MAPPING

ROWS = "who,age,kg,graft,cd34\nA,30,70,BM,2.5\nB,45,,PB,6\n"
OUTCOMES = """
[[outcome]]
name = "neutrophil_day"
column = "neu"
never = ["never"]
followed_until = "fu"

[[outcome]]
name = "survival"
column = "fu"
status = "dead"

[[outcome]]
name = "relapse"
column = "rel"
within_days = 100
"""


def mapping(more="", text=MAPPING):
    return loads_mapping(text.format(more=more), "m.toml")


@pytest.fixture
def table(tmp_path):
    def write(text, name="t.csv", delimiter=","):
        (tmp_path / name).write_text(text)
        return read_table(tmp_path / name, delimiter)

    return write


def faults(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return [(p.line, p.column, p.path, p.found, p.expected, p.hint) for p in caught.value.problems]


def test_a_row_becomes_a_scenario_in_the_units_of_its_fields(table):
    first, second = people_of(mapping(), table(ROWS))
    scenario = first.scenario(1, 0)
    assert (scenario.patient.age_years, scenario.patient.weight_kg) == (30.0, 70.0)
    assert (scenario.transplant.graft, scenario.transplant.cd34_cells_per_kg) == ("bone_marrow", 2.5e6)
    assert scenario.transplant.conditioning == "bu_cy"
    assert (first.unknown, second.unknown) == ((), ("kg",))


def test_factor_and_offset_convert(table):
    text = MAPPING.replace('path = "patient.age_years"', 'path = "patient.age_years"\nfactor = -1\noffset = 2000')
    assert (
        people_of(mapping(text=text), table(ROWS.replace("A,30", "A,1960").replace("B,45", "B,1990")))[0]
        .scenario(1, 0)
        .patient.age_years
        == 40.0
    )


def test_a_category_may_set_several_fields_and_a_later_column_overrides(table):
    more = """
[[field]]
column = "risk"
path = "patient.disease_risk"
categories = { low = 0, high = 2 }

[[field]]
column = "again"
sets.yes = { "patient.disease_risk" = 3, "transplant.disease" = "lymphoma" }
sets.no = {}
"""
    text = "who,age,kg,graft,cd34,risk,again\nA,30,70,BM,2.5,high,no\nB,45,60,PB,6,low,yes\n"
    first, second = (person.scenario(1, 0) for person in people_of(mapping(more), table(text)))
    assert (first.patient.disease_risk, first.transplant.disease) == (2, "acute_myeloid_leukaemia")
    assert (second.patient.disease_risk, second.transplant.disease) == (3, "lymphoma")


def test_every_fault_of_every_cell_is_told_with_its_row_and_column(table):
    text = 'who,age,kg,graft,cd34\nA,old,70,BM,2.5\nB,45,900,PBSC,6\nA,45,70,PB,\n,130,70,PB,"6,1"\n'
    found = faults(people_of, mapping(), table(text))
    assert [(line, column, path) for line, column, path, *_ in found] == [
        (2, 2, "age"),
        (3, 3, "kg"),
        (3, 4, "graft"),
        (4, 1, "who"),
        (4, 5, "cd34"),
        (5, 1, "who"),
        (5, 2, "age"),
        (5, 5, "cd34"),
    ]
    assert found[0][3:] == ('"old"', "a number", "patient A")
    assert found[2][3:5] == ('"PBSC"', "one of BM, PB")
    assert found[3][3:] == ('"A" again', "each patient once", "it stands on line 2 as well")
    assert "missing = ..." in found[4][5]
    assert "decimal point" in found[7][5]


def test_a_number_outside_the_range_of_its_field_is_told_at_its_cell(table):
    found = faults(people_of, mapping(), table(ROWS.replace("A,30", "A,130").replace("B,45,", "B,45,900")))
    assert [(f[:3], f[4]) for f in found] == [
        ((2, 2, "age"), "a number from 0 to 120"),
        ((3, 3, "kg"), "a number from 0.01 to 500"),
    ]
    assert "130" in found[0][3]
    assert found[0][5] == "patient A"


def test_a_column_that_the_table_lacks_is_told_where_the_mapping_names_it(table):
    found = faults(people_of, mapping(), table(ROWS.replace("cd34", "CD34").replace("who", "name")))
    assert [f[2] for f in found] == ["id", "field.3.column"]
    assert 'did you mean "CD34"?' in found[1][5]


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ('"patient.age_years"', '"patient.age"', "field.0.path", "age_years"),
        ('"patient.age_years"', '"run.duration_days"', "field.0.path", "a field of patient, donor or transplant"),
        ('"patient.age_years"', '"patient"', "field.0.path", "a field of patient, donor or transplant"),
        ('BM = "bone_marrow"', 'BM = "marow"', "field.2.categories.BM", "bone_marrow"),
        ("BM = 0.3, PB", "BM = 0.4, PB", "field.2.missing", "add up to 1"),
        ("BM = 0.3, PB", "BN = 0.3, PB", "field.2.missing.BN", "one of BM, PB"),
        ("low = 40", "low = 400", "field.1.missing.low", "at most the value"),
        ("high = 110", "high = 1100", "field.1.missing.high", "500"),
        ('"lognormal"', '"lognorm"', "field.1.missing.distribution", "lognormal"),
        ("factor = 1e6", 'factor = 1e6\nmissing = "leaf"', "field.3.missing", "refuse"),
        ("factor = 1e6", "facter = 1e6", "field.3.facter", "factor"),
        ('conditioning = "bu_cy"', 'conditioning = "bucy"', "base.transplant.conditioning", "bu_cy"),
        ("duration_days = 730.0", "duration_days = -1", "base.run.duration_days", "from 0.01"),
        ("transplant = {", "seed = 4\ntransplant = {", "base.seed", "one scenario"),
        ('column = "cd34"', "", "field.3.column", "text"),
    ],
)
def test_a_fault_of_a_mapping_is_told_at_its_place(old, new, path, words):
    assert old in MAPPING
    found = faults(mapping, "", MAPPING.replace(old, new))
    assert [f[2] for f in found] == [path]
    assert words in found[0][4] + found[0][5]
    line = MAPPING.format(more="").replace(old, new).splitlines()[found[0][0] - 1]
    assert path.split(".")[-1] in line or path in ("field.3.column", "base.seed")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ('[[outcome]]\nname = "neutrofil_day"\ncolumn = "neu"', "outcome.0.name"),
        ('[[outcome]]\nname = "survival"\ncolumn = "fu"', "outcome.0.status"),
        ('[[outcome]]\nname = "neutrophil_day"\ncolumn = "neu"\nnever = ["never"]', "outcome.0.followed_until"),
        ('[[outcome]]\nname = "relapse"\ncolumn = "rel"\nat_days = [100]', "outcome.0.at_days"),
        ('[[outcome]]\nname = "relapse"\ncolumn = "rel"\nno = ["no", "yes"]', "outcome.0.no.1"),
        ('[[outcome]]\nname = "relapse"\ncolumn = "age"', "field.0.column"),
        (OUTCOMES + '[[benchmark]]\noutcome = "relapse"\ncolumns = ["age", "dead"]', "benchmark.0.columns.1"),
        (OUTCOMES + '[[benchmark]]\noutcome = "graft_failure"\ncolumns = ["age"]', "benchmark.0.outcome"),
        (OUTCOMES + '[[benchmark]]\noutcome = "relapse"\ncolumns = ["age"]\nlog = ["kg"]', "benchmark.0.log.0"),
        ('[[field]]\ncolumn = "x"', "field.4"),
        ('[[field]]\ncolumn = "x"\npath = "patient.smoking"', "field.4.path"),
        ('[[field]]\ncolumn = "x"\npath = "patient.sex"\nfactor = 2', "field.4.factor"),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_place(more, path):
    assert [f[2] for f in faults(mapping, more)] == [path]


def test_all_faults_of_a_mapping_come_at_once():
    text = MAPPING.replace('"patient.age_years"', '"patient.age"').replace('"bu_cy"', '"bucy"').replace("= 0.7", "= 0.8")
    assert len(faults(mapping, '[[outcome]]\nname = "x"\ncolumn = "y"', text)) == 4


def test_a_table_that_is_none_is_refused(table, tmp_path):
    assert faults(table, "a,b,a\n1,2,3\n4,5\n")[0][3] == 'the heading "a" again'
    assert [f[:2] for f in faults(table, "a,b\n1,2\n4\n5,6,7\n")] == [(3, 1), (4, 3)]
    assert faults(table, "")[0][3] == "an empty table"
    assert faults(table, "a,b\n")[0][3] == "headings only"
    assert faults(read_table, tmp_path / "absent.csv")[0][3] == "no such file"
    (tmp_path / "latin.csv").write_bytes("name\nMüller\n".encode("latin-1"))
    assert faults(read_table, tmp_path / "latin.csv")[0][4] == "UTF-8 text"


def test_parquet_and_csv_of_the_same_patients_are_the_same(table, tmp_path):
    pd.read_csv(table(ROWS).file).to_parquet(tmp_path / "t.parquet")
    loaded = mapping()
    both = [people_of(loaded, t) for t in (table(ROWS), read_table(tmp_path / "t.parquet"))]
    for one, other in zip(*both):
        assert one.number == other.number
        assert one.scenario(1, 3).hash == other.scenario(1, 3).hash


def test_a_number_is_a_category_however_it_is_written(table):
    more = '[[field]]\ncolumn = "cmv"\npath = "patient.cmv"\ncategories = { "1" = "positive", "0" = "negative" }'
    people = people_of(mapping(more), table("who,age,kg,graft,cd34,cmv\nA,30,70,BM,2.5,1.0\nB,45,70,PB,6,0\n"))
    assert [person.scenario(1, 0).patient.cmv for person in people] == ["positive", "negative"]


def test_what_is_missing_is_drawn_anew_for_each_replicate_by_its_address(table):
    rows = ROWS + "".join(f"P{i},50,,,5\n" for i in range(400))
    people = people_of(mapping(), table(rows))
    again = people_of(mapping(), table(rows))
    kg = np.array([[p.scenario(1, r).patient.weight_kg for r in (0, 1)] for p in people[2:]])
    assert [p.scenario(1, 0).patient.weight_kg for p in again[2:]] == list(kg[:, 0])
    assert (kg[:, 0] != kg[:, 1]).all()
    assert kg.min() >= 40
    assert kg.max() <= 110
    assert np.median(kg) == pytest.approx(70, abs=2.5)
    assert people[5].scenario(2, 0).patient.weight_kg != people[5].scenario(1, 0).patient.weight_kg
    marrow = np.mean([p.scenario(1, 0).transplant.graft == "bone_marrow" for p in people[2:]])
    assert marrow == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 400))


def test_what_is_drawn_for_a_patient_depends_on_nobody_else(table):
    rows = ["who,age,kg,graft,cd34", *(f"P{i},50,,PB,5" for i in range(20))]
    full = {p.id: p for p in people_of(mapping(), table("\n".join(rows)))}
    some = people_of(mapping(), table("\n".join([rows[0], *reversed(rows[5:12])])))
    for person in some:
        assert person.number == full[person.id].number
        assert person.scenario(1, 4).hash == full[person.id].scenario(1, 4).hash


def test_leave_keeps_the_field_of_the_base(table):
    text = MAPPING.replace("factor = 1e6", 'factor = 1e6\nmissing = "leave"')
    person = people_of(mapping(text=text), table(ROWS.replace("BM,2.5", "BM,NA")))[0]
    assert person.scenario(1, 0).transplant.cd34_cells_per_kg is None
    assert person.unknown == ("cd34",)


def test_outcomes_are_read_with_deaths_and_losses_told_apart(table):
    rows = ["who,age,kg,graft,cd34,neu,fu,dead,rel"]
    rows += ["A,1,9,BM,1,15,500,0,no", "B,1,9,BM,1,never,20,1,no", "C,1,9,BM,1,never,30,0,yes", "D,1,9,BM,1,,60,0,no"]
    found = observed_of(mapping(OUTCOMES), table("\n".join(rows)))
    days = found["neutrophil_day"]
    assert list(days.state[:3]) == [EVENT, COMPETING, CENSORED]
    assert list(days.time[:3]) == [15.0, 20.0, 30.0]
    assert list(days.known) == [True, True, True, False]
    assert list(found["survival"].state) == [CENSORED, EVENT, CENSORED, CENSORED]
    relapse = found["relapse"]  # D was lost on day 60 of 100 and is not known; A stands for D and himself
    assert list(relapse.known) == [True, True, True, False]
    assert relapse.weight[0] == pytest.approx(1 / (2 / 3 * 1 / 2))
    assert relapse.weight[1] == 1.0


def test_faults_of_outcomes_are_told_at_their_cells(table):
    text = "who,age,kg,graft,cd34,neu,fu,dead,rel\nA,1,9,BM,1,nver,500,2,maybe\nB,1,9,BM,1,-4,20,1,no\n"
    found = faults(observed_of, mapping(OUTCOMES), table(text))
    assert [f[:3] for f in found] == [(2, 6, "neu"), (2, 8, "dead"), (2, 9, "rel"), (3, 6, "neu")]


def test_columns_of_a_benchmark_are_numbers_logarithms_and_categories(table):
    more = OUTCOMES + '[[benchmark]]\noutcome = "relapse"\ncolumns = ["age", "graft", "cd34"]\nlog = ["cd34"]'
    loaded = mapping(more)
    found = predictors_of(loaded.mapping, loaded.mapping.benchmark[0], table(ROWS + "C,50,70,,0\nD,NA,70,BM,4\n"))
    assert found.names == ("age", "graft = PB", "cd34")
    assert np.allclose(found.x[:, 0], [30, 45, 50, np.nan], equal_nan=True)
    assert np.allclose(found.x[:, 1], [0, 1, np.nan, 0], equal_nan=True)
    assert np.allclose(found.x[:, 2], np.log([2.5, 6, 1.25, 4]))
    scaled = found.scale(np.array([0, 1])).applied(found.x)
    assert np.allclose(scaled[:, 0], [-1, 1, (50 - 37.5) / 7.5, 0])


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_sound_and_reads_its_own_table(name):
    toml, *tables = template_files(name)
    loaded = load_mapping(toml)
    assert {outcome.name for outcome in loaded.mapping.outcome} >= {"neutrophil_day", "acute_gvhd_2_4", "relapse", "survival"}
    for path in tables:
        read = read_table(path)
        assert len(people_of(loaded, read)) == 60
        assert all(seen.known.sum() > 40 for seen in observed_of(loaded, read).values())
        assert sum(bool(person.unknown) for person in people_of(loaded, read)) > 10


def test_the_mapping_of_the_children_reads_a_row_of_their_columns(table):
    loaded = load_mapping(template_files("bone_marrow_children")[0])
    row = {
        "recipient_age": "9.5", "recipient_gender": "male", "recipient_body_mass": "35.0", "recipient_ABO": "0",
        "recipient_CMV": "", "donor_age": "22.8", "donor_ABO": "AB", "donor_CMV": "present", "gender_match": "female_to_male",
        "HLA_match": "9/10", "disease": "ALL", "risk_group": "low", "tx_post_relapse": "yes", "stem_cell_source": "bone_marrow",
        "CD34_x1e6_per_kg": "7.2", "CD3_x1e8_per_kg": "", "ANC_recovery": "19.0", "PLT_recovery": "never",
        "acute_GvHD_II_III_IV": "yes", "acute_GvHD_III_IV": "no", "time_to_acute_GvHD_III_IV": "never",
        "extensive_chronic_GvHD": "", "relapse": "no", "survival_time": "999.0", "survival_status": "0",
        "disease_group": "malignant",
    }  # fmt: skip
    read = table(f"{','.join(row)}\n{','.join(row.values())}\n")
    scenario = people_of(loaded, read)[0].scenario(1, 0)
    assert (scenario.donor.match, scenario.donor.sex, scenario.donor.relation) == ("7/8", "female", "unrelated")
    assert (scenario.patient.disease_risk, scenario.patient.blood_group) == (3, "O")
    assert (scenario.transplant.disease, scenario.transplant.graft) == ("acute_lymphoblastic_leukaemia", "bone_marrow")
    assert scenario.transplant.cd34_cells_per_kg == pytest.approx(7.2e6)
    assert scenario.transplant.cd3_cells_per_kg is None
    found = observed_of(loaded, read)
    assert found["platelet50_day"].state[0] == CENSORED
    assert found["platelet50_day"].time[0] == 999.0
    assert not found["extensive_chronic_gvhd"].known[0]


def test_a_template_is_copied_into_a_folder_that_is_made(tmp_path):
    from click.testing import CliRunner

    from simengine.cli.cohort import command

    folder = tmp_path / "new" / "folder"
    assert CliRunner().invoke(command, ["template", "made_cohort", str(folder)]).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["made_cohort.csv", "made_cohort.toml"]
