"""Virtual patients: their spreads, how traits go together, and that nobody changes when the study around them does."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kstest, lognorm, loguniform, norm, spearmanr, triang, uniform

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.patients.draws import probability_below
from simengine.patients.population import as_met, drawn_traits
from simengine.scenario.population import (
    cholesky_rows,
    correlations,
    drawable,
    drawn_together,
    pearson,
    spreads,
)

CATALOG = load_catalog()
READY_MADE = CATALOG.names("populations")
N = 4000
"""Patients of a statistical test."""
SHAPES = """
name = "shapes"
[population.traits]
age_years = { value = 60, low = 30, high = 80, distribution = "normal", sd = 15 }
weight_kg = { value = 80, low = 50, high = 130, distribution = "lognormal", sd = 0.3 }
albumin_g_per_l = { value = 42, low = 25, high = 50, distribution = "triangular" }
perceived_stress_score = { value = 13, low = 0, high = 40, distribution = "uniform" }
microbiome_diversity = { value = 8, low = 1, high = 40, distribution = "loguniform" }
kidney_function_ml_per_min = { value = 90, low = 60, high = 120, distribution = "normal" }
sex.share = 0.3
tet2_clone.share = 0.1
"""
TOGETHER = """
[[population.correlation]]
between = ["kidney_function_ml_per_min", "age_years"]
rank = -0.6

[[population.correlation]]
between = ["weight_kg", "age_years"]
rank = 0.4

[[population.correlation]]
between = ["weight_kg", "kidney_function_ml_per_min"]
rank = -0.3
"""


def asked(text, **overrides):
    """Return the scenario of a text."""
    return scenario.loads(text, overrides=overrides).points[0].scenario


def drawn(one, n=N, seed=1):
    """Return the traits of the first patients, one array a trait."""
    patients = [drawn_traits(one, seed, patient, CATALOG) for patient in range(n)]
    return {name: np.array([patient[name] for patient in patients]) for name in patients[0]}


def cut(shape, low, high):
    """Return the distribution function of a shape between two cuts."""
    below, above = shape.cdf([low, high])
    return lambda x: (shape.cdf(x) - below) / (above - below)


MARGINALS = {
    "age_years": cut(norm(60, 15), 30, 80),
    "weight_kg": cut(lognorm(0.3, scale=80), 50, 130),
    "albumin_g_per_l": triang(17 / 25, 25, 25).cdf,
    "perceived_stress_score": uniform(0, 40).cdf,
    "microbiome_diversity": loguniform(1, 40).cdf,
    "kidney_function_ml_per_min": cut(norm(90, 15), 60, 120),
}


@pytest.mark.parametrize("text", [SHAPES, SHAPES + TOGETHER], ids=["alone", "together"])
def test_every_trait_has_its_stated_spread_correlated_or_not(text):
    """EQ-POPULATION-2: 4000 patients, six shapes against scipy by Kolmogorov-Smirnov at p = 1e-5 each; shares to 4.6 SE.

    With 4000 a spread off by 3 % of its probability is found; the whole test is wrong less than once in 10,000.
    """
    found = drawn(asked(text))
    for name, distribution in MARGINALS.items():
        assert kstest(found[name], distribution).pvalue > 1e-5, name
    for name, share in (("sex", 0.3), ("tet2_clone", 0.1)):
        assert set(found[name]) <= {0.0, 1.0}
        assert found[name].mean() == pytest.approx(share, abs=4.6 * np.sqrt(share * (1 - share) / N))


def test_bounds_are_hard_and_nothing_piles_up_at_them():
    """Normal cut at -2 and +1.3 SD: nobody beyond; within 1 % of the range of either bound as many as the shape says."""
    age = drawn(asked(SHAPES))["age_years"]
    assert age.min() >= 30.0
    assert age.max() <= 80.0
    for low, high in ((30.0, 30.5), (79.5, 80.0)):
        p = float(np.diff(MARGINALS["age_years"]([low, high]))[0])
        assert np.mean((age >= low) & (age <= high)) <= p + 4.6 * np.sqrt(p * (1 - p) / N)
    assert len(set(age)) == N


def test_traits_go_together_by_the_stated_rank_correlation():
    """EQ-POPULATION-1: Spearman of 4000 patients within 4.6 standard errors, for pairs stated and for pairs that are not."""
    found = drawn(asked(SHAPES + TOGETHER))
    stated = {
        frozenset(("age_years", "kidney_function_ml_per_min")): -0.6,
        frozenset(("weight_kg", "age_years")): 0.4,
        frozenset(("weight_kg", "kidney_function_ml_per_min")): -0.3,
    }
    for first, second in combinations(MARGINALS, 2):
        rank = stated.get(frozenset((first, second)), 0.0)
        assert spearmanr(found[first], found[second]).statistic == pytest.approx(rank, abs=4.6 / np.sqrt(N)), (first, second)


@pytest.mark.parametrize("name", READY_MADE)
def test_ready_made_populations_have_their_own_spreads_and_correlations(name):
    """Each trait within its bounds with the stated median or share, each stated pair of numbers with its rank correlation."""
    one = asked(f'name = "x"\n[population]\nname = "{name}"')
    found, marginals = drawn(one), spreads(one, CATALOG)
    for trait, marginal in marginals.items():
        values = found[trait]
        if marginal.share is not None:
            spread = np.sqrt(marginal.share * (1 - marginal.share) / N)
            assert values.mean() == pytest.approx(marginal.share, abs=4.6 * spread + 1e-12), trait
        else:
            assert marginal.low <= values.min() <= values.max() <= marginal.high
            assert np.mean(values < marginal.value) == pytest.approx(0.5, abs=4.6 * 0.5 / np.sqrt(N)), trait
    numbers = {pair: rank for pair, rank in correlations(one, CATALOG).items() if not any(map(drawable(CATALOG).get, pair))}
    assert numbers
    for (first, second), rank in numbers.items():
        assert spearmanr(found[first], found[second]).statistic == pytest.approx(rank, abs=4.6 / np.sqrt(N))


@pytest.mark.parametrize("name", READY_MADE)
def test_the_entry_of_a_population_draws_what_can_be_drawn_and_within_what_a_patient_can_have(name):
    """The gate that a scenario's own spreads pass: every trait known, every number within the bounds of its field."""
    entry, shares = CATALOG.entry("populations", name), drawable(CATALOG)
    names = {path.removeprefix("traits.") for path in entry.parameters if path.startswith("traits.")}
    assert names <= set(shares)
    pairs = [path.split(".")[1:3] for path in entry.parameters if path.startswith("correlation.")]
    assert {trait for pair in pairs for trait in pair} <= names
    assert {path.split(".")[0] for path in entry.parameters} <= {"traits", "correlation"}
    rows = []
    for trait in names:
        p = entry.parameters[f"traits.{trait}"]
        bounds = f'value = {p.value}, low = {p.low}, high = {p.high}, distribution = "{p.distribution}"'
        rows.append(f"{trait} = {{ share = {p.value} }}" if shares[trait] else f"{trait} = {{ {bounds} }}")
    assert asked('name = "x"\n[population.traits]\n' + "\n".join(rows)).population is not None


def test_a_patient_is_the_same_in_every_arm_replicate_and_study_size():
    """Patient 7 of 10 is patient 7 of 1000, under another product, route, drug and mode, to the last bit."""
    small, large = asked(SHAPES + TOGETHER, patients=10), asked(SHAPES + TOGETHER, patients=1000)
    other = asked(SHAPES + TOGETHER, **{"product.name": "cord_msc", "donor.match": "0/8", "run.mode": "body", "replicates": 3})
    traits = [drawn_traits(one, 1, 7, CATALOG) for one in (small, large, other)]
    assert traits[0] == traits[1] == traits[2]
    assert drawn_traits(small, 1, 8, CATALOG) != traits[0]
    assert drawn_traits(small, 2, 7, CATALOG) != traits[0]


def test_another_trait_changes_no_other_also_when_it_is_correlated_and_named_last():
    before = drawn(asked(SHAPES + TOGETHER), 50)
    more = SHAPES + "diabetes.share = 0.4\n" + TOGETHER
    assert_same(before, drawn(asked(more), 50))
    last = '\n[[population.correlation]]\nbetween = ["age_years", "diabetes"]\nrank = 0.5\n'
    together = drawn(asked(more + last), 50)
    assert_same(before, together)
    assert not np.array_equal(together["diabetes"], drawn(asked(more), 50)["diabetes"])


def assert_same(before, after):
    """Every trait there was is the same to the last bit."""
    assert {name: values.tolist() for name, values in before.items()} == {name: after[name].tolist() for name in before}


def test_what_a_patient_states_wins_and_changes_no_other_trait():
    """Also when it states the default of a patient without a population; the hash tells the two apart."""
    free, fixed = asked(SHAPES + TOGETHER), asked(SHAPES + TOGETHER, **{"patient.age_years": 60.0})
    before, after = drawn(free, 50), drawn(fixed, 50)
    assert set(after["age_years"]) == {60.0}
    assert_same({name: values for name, values in before.items() if name != "age_years"}, after)
    assert free.hash != fixed.hash
    carrier = asked(SHAPES, **{"patient.genes.tet2_clone": True, "patient.sex": "female"})
    assert set(drawn(carrier, 20)["tet2_clone"]) == set(drawn(carrier, 20)["sex"]) == {1.0}


def test_a_scenario_replaces_spreads_and_correlations_of_a_ready_made_population():
    ready = 'name = "x"\n[population]\nname = "older_after_infarction"\n'
    own = ready + 'traits.age_years = { value = 50, low = 45, high = 55, distribution = "uniform" }\n'
    own += '[[population.correlation]]\nbetween = ["kidney_function_ml_per_min", "age_years"]\nrank = -0.1\n'
    before, after = drawn(asked(ready), 50), drawn(asked(own), 50)
    assert after["age_years"].max() <= 55.0
    assert before["family_history"].tolist() == after["family_history"].tolist()
    pairs = correlations(asked(own), CATALOG)
    assert pairs["age_years", "kidney_function_ml_per_min"] == -0.1
    assert ("kidney_function_ml_per_min", "age_years") not in pairs
    path = "populations.older_after_infarction.traits.diabetes"
    many = drawn(asked(ready, parameters={path: 0.35}))["diabetes"].mean()
    assert many == pytest.approx(0.35, abs=4.6 * np.sqrt(0.35 * 0.65 / N))


def test_a_drawn_patient_is_met_as_a_stated_one():
    """Words, flags and genes are given back as a scenario states them; nothing else of the scenario moves."""
    one = asked(SHAPES)
    traits = drawn_traits(one, 1, 3, CATALOG)
    met = as_met(one, traits | {"sex": 1.0, "tet2_clone": 1.0}, CATALOG)
    assert met.patient.age_years == traits["age_years"]
    assert (met.patient.sex, met.patient.genes) == ("female", {"tet2_clone": True})
    assert met.patient.obesity is one.patient.obesity
    assert met.model_copy(update={"patient": one.patient}) == one
    assert as_met(asked('name = "x"'), {}, CATALOG) == asked('name = "x"')


def test_a_scenario_with_a_population_survives_dump_and_load():
    for one in (asked(SHAPES + TOGETHER), asked(SHAPES, **{"patient.age_years": 60.0})):
        again = asked(scenario.dump(one))
        assert again.hash == one.hash
        assert drawn_traits(again, 1, 5, CATALOG) == drawn_traits(one, 1, 5, CATALOG)


@pytest.mark.parametrize("rank", [-0.95, -0.3, 0.0, 0.5, 0.95])
def test_correlations_of_ranks_and_of_normal_numbers_and_their_factor(rank):
    """2 sin(pi rank / 6) by numpy; the factor times its transpose is the matrix; three traits that cannot be are refused."""
    assert pearson(rank) == pytest.approx(2.0 * np.sin(np.pi * rank / 6.0), rel=1e-15, abs=1e-16)
    pairs = {("a", "b"): rank, ("b", "c"): 0.1}
    names = drawn_together(pairs)
    rows = cholesky_rows(names, pairs)
    assert names == ["a", "b", "c"]
    factor = np.array([row + [0.0] * (3 - len(row)) for row in rows])
    r, s = pearson(rank), pearson(0.1)
    np.testing.assert_allclose(factor @ factor.T, [[1, r, 0], [r, 1, s], [0, s, 1]], atol=1e-15)
    assert cholesky_rows(names, {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}) is None


@pytest.mark.parametrize("z", [-6.0, -2.0, -0.5, 0.0, 1.0, 3.0, 6.0])
def test_the_probability_below_is_that_of_the_normal_distribution(z):
    assert probability_below(z) == pytest.approx(norm.cdf(z), abs=3e-15, rel=1e-7)
