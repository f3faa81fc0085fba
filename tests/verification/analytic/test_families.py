"""Birth and death (cases A2 and A3): whole families, followed from each arrived founder by the identities of daughters.

The log names the mother of every division; her daughter's identity is a function of hers and of the ordinal of the
division. Families share nothing, so each founder is one trial whose clock starts at its arrival.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from simengine.foundation.random import daughter_identity, make_key
from tests.verification.analytic.isolated import (
    LARGEST_Z,
    LEAST_P,
    Constant,
    arrival,
    courses,
    every,
    injected,
    isolated,
    pooled_chi_square,
)

LARGEST_FAMILY = 200


def growing(birth_per_h, death_per_h, age_h, minutes, agents):
    """Founders that arrive within three hours and then divide and die at constant rates for at least ``age_h``."""
    constants = [
        Constant("stromal", "division_per_h", birth_per_h),
        Constant("stromal", "apoptosis_per_h", death_per_h),
        Constant("stromal", "fragile_death_per_h", 0.0),
    ]
    days = (age_h + 3.0) / 24.0
    more = every(minutes) + f"output.snapshot_days = [0.0, {days}]\n" + injected(agents, days)
    on = ("apoptosis", "delivery", "proliferation", "trafficking")
    return isolated(constants, on, more, removed=("stromal_division_stops_when_crowded",))


def families_of(course, age_h):
    """Return the size of every family ``age_h`` after its founder came; check the pedigree against who lives at the end.

    Only the living divide and die, once; and the cells of the last snapshot are exactly those born and not yet dead.
    """
    key = make_key(*course.address)
    events, division, came = course.events, course.event_names.index("division"), arrival(course)
    family, divided, founded, size, living = {}, {}, [], [], set()
    for k in np.lexsort((events["event"] != came, events["hour"])):
        uid, event, hour = events["uid"][k], events["event"][k], events["hour"][k]
        if event == came:
            family[uid] = len(founded)
            founded.append(hour)
            size.append(1)
            living.add(uid)
            continue
        assert uid in living, "an event of a cell that is not alive"
        own = family[uid]
        in_time = hour <= founded[own] + age_h
        if event == division:
            divided[uid] = divided.get(uid, -1) + 1
            daughter = np.uint64(daughter_identity(key, uid, divided[uid]))
            assert daughter not in family
            family[daughter] = own
            living.add(daughter)
            size[own] += in_time
        else:
            living.remove(uid)
            size[own] -= in_time
    seen = course.snapshots[max(course.snapshots)]
    is_product = seen["type"] == len(seen["type_names"]) - 1
    assert set(seen["uid"][is_product]) == living
    followed = np.array(founded) + age_h <= course.hours[-1]
    return np.array(size)[followed]


def sizes(asked, replicates, age_h):
    """The sizes of all families of several replicates."""
    return np.concatenate([families_of(course, age_h) for course in courses(asked, replicates)])


@pytest.mark.parametrize("minutes", [6.0, 60.0])
def test_families_without_death_are_geometric(minutes):
    """A2 (Yule): a family is Geometric(exp(-birth x age)), age 5 h at 0.2 per h, for steps of 0.02 and 0.2 of a cycle.

    n about 20,000 families; chi-square of sizes, and z of the mean (sees 3.5 % in the rate). Detects daughters that wait
    for the next step (mean 2.49 in place of 2.72 at steps of 1 h), and divisions lost when several fall into one step.
    """
    birth, age = 0.2, 5.0
    found = sizes(growing(birth, 0.0, age, minutes, 4000), 5, age)
    p = np.exp(-birth * age)
    assert len(found) > 19_000
    assert abs(found.mean() - 1.0 / p) * np.sqrt(len(found) / ((1.0 - p) / p**2)) < LARGEST_Z
    n = np.arange(1, LARGEST_FAMILY)
    expected = np.append(stats.geom(p).pmf(n), stats.geom(p).sf(n[-1])) * len(found)
    assert pooled_chi_square(np.bincount(found, minlength=LARGEST_FAMILY + 1)[1:], expected) > LEAST_P


def birth_death_law(birth, death, age):
    """Probabilities of 0, 1, … cells and the tail from one founder: zero-modified geometric (Kendall 1948)."""
    if birth == death:
        extinct = longer = birth * age / (1.0 + birth * age)
    else:
        growth = np.exp((birth - death) * age)
        extinct = death * (growth - 1.0) / (birth * growth - death)
        longer = extinct * birth / death
    n = np.arange(1, LARGEST_FAMILY)
    law = np.concatenate([[extinct], (1.0 - extinct) * (1.0 - longer) * longer ** (n - 1)])
    return np.append(law, 1.0 - law.sum())


@pytest.mark.parametrize(("birth", "death", "minutes"), [(0.2, 0.15, 6.0), (0.2, 0.15, 60.0), (0.15, 0.15, 60.0)])
def test_families_are_born_and_die_as_a_linear_process(birth, death, minutes):
    """A3: mean, variance and extinction of families aged 6 h, supercritical and critical, for steps of 6 and 60 min.

    n about 20,000 families. z of the mean exp(rt), of the variance (birth + death)/(birth - death) exp(rt)(exp(rt) - 1), or
    2 birth t, with the fourth moment of the law, and of the extinct share; chi-square of the distribution. Sees 3 % in
    the mean and 1.6 points in extinction. Detects deaths and divisions tried in a fixed order within a step (extinction
    off by several points at 1 h), and dead cells that still divide.
    """
    age = 6.0
    found = sizes(growing(birth, death, age, minutes, 4000), 5, age)
    n, r = len(found), birth - death
    assert n > 19_000
    law = birth_death_law(birth, death, age)
    growth = np.exp(r * age)
    variance = 2.0 * birth * age if r == 0 else (birth + death) / r * growth * (growth - 1.0)
    k = np.arange(len(law))
    assert np.sum(k * law) == pytest.approx(growth, rel=1e-9)
    assert np.sum((k - growth) ** 2 * law) == pytest.approx(variance, rel=1e-6)
    fourth = np.sum((k - growth) ** 4 * law)
    z_mean = (found.mean() - growth) * np.sqrt(n / variance)
    z_variance = (np.mean((found - growth) ** 2) - variance) * np.sqrt(n / (fourth - variance**2))
    z_extinct = (np.mean(found == 0) - law[0]) * np.sqrt(n / (law[0] * (1.0 - law[0])))
    assert max(abs(z) for z in (z_mean, z_variance, z_extinct)) < LARGEST_Z
    assert pooled_chi_square(np.bincount(found, minlength=len(law)), law * n) > LEAST_P
