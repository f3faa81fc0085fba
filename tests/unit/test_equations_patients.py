"""The equations of patients: draws from stated distributions, donor pairs, and what traits change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from simengine import scenario
from simengine.engine.build import recipient_of
from simengine.foundation.parameters import Parameter
from simengine.patients.draws import Dice, value_at
from simengine.patients.matching import LOCI, pair_of
from simengine.patients.modifiers import modified
from simengine.patients.numbers import Numbers
from tests.small_world import SmallWorld

RANGE = Parameter(2.0, "1", 1.0, 8.0, "fixed", "for this test", "assumed")


@pytest.mark.parametrize("u", [0.001, 0.1, 0.5, 0.8, 0.999])
def test_draws_are_quantiles_of_the_stated_distribution(u):
    """EQ-DRAW-1: five shapes against their textbook quantiles; both halves of normal and lognormal cut at two SD."""
    z = norm.ppf(norm.cdf(-2.0) + u * (norm.cdf(2.0) - norm.cdf(-2.0)))
    peak = 1.0 / 7.0
    expected = {
        "fixed": 2.0,
        "uniform": 1.0 + 7.0 * u,
        "loguniform": 8.0**u,
        "triangular": 1.0 + np.sqrt(u * 7.0) if u < peak else 8.0 - np.sqrt((1.0 - u) * 42.0),
        "normal": 2.0 + 0.5 * z * (6.0 if z > 0 else 1.0),
        "lognormal": 2.0 * np.exp(0.5 * z * np.log(4.0 if z > 0 else 2.0)),
    }
    for shape, value in expected.items():
        assert value_at(replace(RANGE, distribution=shape), u) == pytest.approx(value, rel=1e-9), shape


def test_a_grade_of_match_is_that_many_mismatches_and_worse_grades_keep_them():
    """EQ-MATCH-1 for 200 patients: counts, shares by class, and every mismatch of a better grade kept in a worse one."""
    for patient in range(200):
        dice, kept = Dice("per_patient", 3, patient, 0), []
        for mismatches in range(9):
            pair = pair_of("unrelated", f"{8 - mismatches}/8", dice)
            assert len(pair.mismatched) == mismatches
            assert pair.class_2 == pair.mismatched.count("DRB1") / 2.0
            assert pair.class_1 == pytest.approx((mismatches - pair.mismatched.count("DRB1")) / 6.0)
            assert pair.missing_self == pair.mismatched.count("C") / 2.0
            assert all(pair.mismatched.count(locus) >= kept.count(locus) for locus in kept)
            kept = list(pair.mismatched)
    minors = {relation: pair_of(relation, "8/8", dice).minor for relation in ("autologous", "sibling", "unrelated")}
    assert minors == {"autologous": 0.0, "sibling": 0.5, "unrelated": 1.0}
    assert pair_of("xenogeneic", "8/8", dice).mismatched == tuple(sorted(LOCI))


def factors(**changes):
    """Return the factors on modified quantities of a control scenario with some values changed."""
    return modified(scenario.loads('name = "control"', overrides=changes).points[0].scenario)


def test_modifiers_are_factors_lines_and_powers():
    """EQ-TRAIT-1: the catalogue's donor rows, read from their numbers: age is linear about 30 years, diabetes a factor."""
    related = {"donor.relation": "unrelated", "donor.age_years": 30.0}
    young = factors(**related)["potency"]
    assert young == pytest.approx(1.0)
    assert factors(**related | {"donor.age_years": 70.0})["potency"] == pytest.approx(1.0 - 0.005 * 40.0)
    both = related | {"donor.age_years": 70.0, "donor.diabetes": True}
    assert factors(**both)["potency"] == pytest.approx(0.7 * (1.0 - 0.005 * 40.0))


def test_immune_strength_and_potency_are_products_of_what_is_stated_drawn_and_modified():
    """EQ-TRAIT-2: a patient drawn anew, with a diabetic donor and a stated immune strength."""
    stated = {"patient.immune_strength": 0.5, "donor.age_years": 30.0, "donor.diabetes": True}
    asked = SmallWorld(**stated | {"patient.vary": "per_patient"}).scenario
    small, dice = SmallWorld(**stated), Dice("per_patient", 9, 4, 0)
    numbers: Numbers = small.numbers
    drawn, change = recipient_of(asked, numbers, dice), modified(asked)
    variation = numbers.own("sites", "heart_infarct", "immune_variation", dice)
    assert variation != 1.0
    assert drawn.immune_strength == pytest.approx(0.5 * variation * change["immune_strength"])
    potency = numbers.own("products", "bm_msc", "potency_variation", dice)
    assert drawn.potency == pytest.approx(potency * 0.7)
    typical = SmallWorld(**stated | {"donor.diabetes": False}).built.recipient
    assert typical.potency == pytest.approx(1.0)
