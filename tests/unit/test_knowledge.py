"""Parameters drawn from their stated uncertainty: shared by patients and arms, each by its own address, seen by everybody."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import simengine.outcomes as outcomes
from simengine.catalog import load_catalog
from simengine.catalog.records import TRAITS
from simengine.engine import simulate
from simengine.engine.build import build
from simengine.patients.draws import Dice
from simengine.patients.knowledge import draw_of, drawn_parameters
from simengine.patients.modifiers import numbers_of
from simengine.scenario import loads
from simengine.studies.spread import spread_of_study

CATALOG = load_catalog()
WAKING = "priming.waking_per_h"
BODY = '[run]\nmode = "body"\nduration_days = 1\n'


def asked(uncertainty="", rest="", replicates=20):
    return loads(f'name = "x"\nreplicates = {replicates}\n{rest}[uncertainty]\n{uncertainty}').points[0].scenario


def test_by_default_nothing_is_drawn():
    scenario = loads('name = "x"').points[0].scenario
    assert drawn_parameters(scenario, CATALOG, (1, 2, 3)) == {}
    numbers = numbers_of(scenario, CATALOG, (1, 2, 3))
    assert numbers("mechanisms", "priming", "waking_per_h") == CATALOG.parameters[WAKING].value


def test_every_parameter_with_a_distribution_is_drawn_within_its_range_and_no_other():
    drawn = drawn_parameters(asked('knowledge = "per_draw"'), CATALOG, (1, 0, 0))
    assert set(drawn) == set(CATALOG.uncertain)
    assert len(drawn) > 300
    for path, value in drawn.items():
        assert CATALOG.parameters[path].low <= value <= CATALOG.parameters[path].high, path
    assert np.mean([drawn[path] != CATALOG.parameters[path].value for path in drawn]) > 0.99


def test_all_patients_share_a_draw_and_replicates_go_through_the_draws():
    scenario = asked('knowledge = "per_draw"\ndraws = 3')
    of_runs = [drawn_parameters(scenario, CATALOG, (1, patient, replicate)) for patient in (0, 7) for replicate in range(6)]
    assert of_runs[:6] == of_runs[6:]
    assert of_runs[0] == of_runs[3] != of_runs[1] == of_runs[4] != of_runs[2]
    assert drawn_parameters(scenario, CATALOG, (2, 0, 0)) != of_runs[0]


def test_a_set_for_each_patient_is_the_same_in_all_replicates():
    scenario = asked('knowledge = "per_patient"')
    first, again, other = (drawn_parameters(scenario, CATALOG, (1, *run)) for run in ((4, 0), (4, 9), (5, 0)))
    assert first == again != other


def test_arms_share_their_draws_and_what_is_stated_is_known():
    text = '[[arm]]\nname = "a"\n[[arm]]\nname = "b"\nset = { "product.name" = "cord_msc" }\n'
    text += f'[[arm]]\nname = "c"\nset = {{ "parameters.{WAKING}" = 0.02 }}\n'
    points = loads(f'name = "x"\n{text}[uncertainty]\nknowledge = "per_draw"\n').points
    a, b, c = (drawn_parameters(point.scenario, CATALOG, (1, 0, 0)) for point in points)
    assert a == b
    assert WAKING not in c
    assert {path: value for path, value in a.items() if path != WAKING} == c
    assert numbers_of(points[2].scenario, CATALOG, (1, 0, 0))("mechanisms", "priming", "waking_per_h") == 0.02


def test_a_list_says_what_is_drawn_and_moves_no_value():
    every = drawn_parameters(asked('knowledge = "per_draw"'), CATALOG, (1, 0, 0))
    some = drawn_parameters(
        asked('knowledge = "per_draw"\nparameters = ["fields.tnf", "priming.waking_per_h"]'), CATALOG, (1, 0, 0)
    )
    assert some == {path: value for path, value in every.items() if path == WAKING or path.startswith("fields.tnf.")}
    assert len(some) > 3


def test_draws_follow_the_stated_distribution():
    """2,000 draws: Kolmogorov-Smirnov p > 0.001 against the lognormal cut at two standard deviations on either side."""
    scenario = asked(f'knowledge = "per_patient"\nparameters = ["{WAKING}"]')
    parameter = CATALOG.parameters[WAKING]
    values = np.array([drawn_parameters(scenario, CATALOG, (1, patient, 0))[WAKING] for patient in range(2000)])
    assert parameter.distribution == "lognormal"
    away = np.log(values / parameter.value)
    side = np.where(away > 0, np.log(parameter.high / parameter.value), np.log(parameter.value / parameter.low))
    assert stats.kstest(2.0 * away / side, stats.truncnorm(-2, 2).cdf).pvalue > 0.001


def test_two_parameters_are_drawn_by_themselves():
    """Correlation of 1,000 pairs within 4 standard errors of nothing."""
    scenario = asked(f'knowledge = "per_patient"\nparameters = ["{WAKING}", "priming.cd8_cycle_h"]')
    drawn = [drawn_parameters(scenario, CATALOG, (1, patient, 0)) for patient in range(1000)]
    ranks = stats.spearmanr([d[WAKING] for d in drawn], [d["priming.cd8_cycle_h"] for d in drawn]).statistic
    assert abs(ranks) < 4 / np.sqrt(1000)


def test_engine_and_outcomes_see_the_same_draw(monkeypatch):
    """Through both doors: the world that is built, and the assays that read its course."""
    scenario = asked('knowledge = "per_draw"', BODY)
    address, path = (3, 1, 2), "species.human.assay.dna_half_life_h"
    drawn = drawn_parameters(scenario, CATALOG, address)[path]
    assert drawn != CATALOG.parameters[path].value
    assert build(scenario, *address).numbers("species", "human", "assay.dna_half_life_h") == drawn
    seen = []
    real = outcomes.observe

    def observe(scenario, course, ledger, numbers):
        seen.append(numbers("species", "human", "assay.dna_half_life_h"))
        return real(scenario, course, ledger, numbers)

    monkeypatch.setattr(outcomes, "observe", observe)
    outcomes.evaluate(scenario, simulate(scenario, *address))
    assert seen == [drawn]


def test_traits_keep_their_spread_between_patients():
    """With knowledge drawn, a trait of the patient is what it is without."""
    plain, drawn = (build(asked(text, BODY), 1, 3, 0).recipient for text in ("", 'knowledge = "per_draw"'))
    assert (plain.site, plain.immune_strength) == (drawn.site, drawn.immune_strength)


def test_what_sites_and_outcomes_draw_for_each_patient_is_listed():
    """The traits that a site names, and what the sources of outcomes call `own_site` for: seen before a run trips over it."""
    drawn = {name for site in CATALOG.entries["sites"].values() for name in site.listed_fact("traits")}
    for path in Path(outcomes.__file__).parent.glob("*.py"):
        drawn |= set(re.findall(r'own_site\("(\w+)"\)', path.read_text(encoding="utf-8")))
    assert len(drawn) >= 4
    assert {("sites", name) for name in drawn} - TRAITS == set()


def test_a_number_that_a_patient_draws_must_be_listed_as_a_trait():
    """So that no number is drawn twice, for the patient and for what is not known of a typical one."""
    dice, numbers = Dice("per_patient", 1, 0, 0), numbers_of(asked(), CATALOG)
    with pytest.raises(LookupError, match="mechanisms waking_per_h is drawn for each patient and does not stand in"):
        numbers.own("mechanisms", "priming", "waking_per_h", dice)
    traits = [(f"{kind}.", f".{name}") for kind, name in TRAITS]
    of_traits = [path for path in CATALOG.parameters if any(path.startswith(a) and path.endswith(b) for a, b in traits)]
    assert len(of_traits) >= len(TRAITS)
    assert not set(of_traits) & set(CATALOG.uncertain)


@pytest.mark.parametrize(
    ("knowledge", "expected"), [("none", [None] * 4), ("per_patient", [6] * 4), ("per_draw", [0, 1, 2, 0])]
)
def test_the_number_of_a_draw_follows_from_patient_and_replicate(knowledge, expected):
    assert [draw_of({"knowledge": knowledge, "draws": 3}, 6, replicate) for replicate in range(4)] == expected


def test_the_decomposition_knows_the_design():
    """Two arms of the same values: one of two draws, whose difference is knowledge, one of a set for each patient."""
    values = {(p, r): 10.0 * p + 3.0 * (r % 2) + 0.1 * ((p + r) % 3) for p in range(5) for r in range(6)}
    rows = [
        {"point": point, "arm": f"arm {point}", "patient": p, "replicate": r, "status": "ok", "reason": "", "x": value}
        for point in (0, 1)
        for (p, r), value in values.items()
    ]
    uncertain = ({"knowledge": "per_draw", "draws": 2}, {"knowledge": "per_patient"})
    points = [{"index": i, "scenario": {"uncertainty": content}} for i, content in enumerate(uncertain)]
    found = spread_of_study(pd.DataFrame(rows), points, ["x"]).set_index(["arm", "kind"])
    assert found.loc[("arm 0", "knowledge"), "variance"] == pytest.approx(4.5, rel=0.05)
    assert found.loc[("arm 0", "chance"), "variance"] < 0.02
    assert found.loc[("arm 1", "knowledge"), "state"] == "within patients"
    assert found.loc[("arm 1", "chance"), "variance"] == pytest.approx(2.7, rel=0.05)
