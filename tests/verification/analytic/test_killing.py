"""Constant killers among plenty of targets (case A13).

Hazard = kill x share: a killer that is engaged puts the hazard k per h, in all, on the real cells it touches, shared among
them in proportion to weight and recognition. Where every killer always has a target within reach and takes it at once,
killers hold k E per h of hazard together, whoever the targets are, so that deaths are a Poisson process of that rate
(divided by the real cells of one target). That is the mass-action law in its saturated limit, and it holds exactly.

Time: fates count a killer that is engaged when their step begins. One whose engagement, Exp(m), ends within a step is free
at the next step of fates and engages anew in the walk that follows; with m in steps of length s its engagement covers a
geometric number of steps, so that it counts in the share exp(-s / m) of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P, Constant, catalogue_value, courses, every, isolated

KILL_PER_H = 0.5
STEP_MIN = 3.0
ENGAGED_H = 3.0
SETTLED_H = 3.0
END_H = 9.0


def hunted(weight):
    """Macrophages, 15,000 per mm³, in a patch that targets fill tightly; targets of a sensitised patient are opsonised."""
    constants = [
        Constant("stromal", "speed_um_per_min", 0.0),
        Constant("macrophage", "killing_per_h", KILL_PER_H),
        Constant("macrophage", "engaging_per_h", 9000.0),
        Constant("macrophage", "speed_um_per_min", 0.5),
    ]
    parameters = {
        "cells.macrophage.density_per_mm3": 15000.0,
        "cells.macrophage.engaged_h": ENGAGED_H,
        "cells.nk.density_per_mm3": 10.0,
        "antibody.titre_of_sensitised": 1.0,
    }
    volume_mm3 = 10 * 10 * 3 * 8e-6
    dose = int(2500 / 0.25 * 15.0 / volume_mm3)
    more = f"""
patient.sensitised = true
product.viability = 1.0
run.duration_days = {END_H / 24.0}
patch = {{ shape = [10, 10, 3], agent_weight = {weight} }}
delivery = [{{ route = "intramyocardial", dose_cells = {dose}, n_sites = 1, volume_ml_per_site = 0.01, duration_min = 30.0 }}]
"""
    on = ("antibody", "cytotoxicity", "delivery", "motility", "trafficking")
    constants.append(Constant("stromal", "complement_lysis_per_h", 0.0))
    return isolated(constants, on, more + every(STEP_MIN), parameters=parameters)


@pytest.mark.parametrize(("weight", "replicates"), [(1.0, 16), (0.5, 8)])
def test_constant_killers_kill_at_a_constant_rate(weight, replicates):
    """A13: real cells killed per h = k E exp(-s / m), deaths a Poisson process, for targets of weight 1 and 1/2.

    n about 3,000 kills (weight 1) and as many half cells; z of the number (sees 8 %), Kolmogorov-Smirnov of the times
    against the uniform law, chi-square of the replicates. Detects killers counted twice, hazards not shared (factor of
    the number of targets in reach), weights forgotten (factor 2), kills that grow with the number of targets.
    """
    n, due, times, terms = 0, 0.0, [], []
    share = np.exp(-STEP_MIN / 60.0 / ENGAGED_H)
    for course in courses(hunted(weight), replicates):
        killers = course["deposit.agents.macrophage"]
        assert (killers == killers[0]).all()
        assert course["deposit.cells.stromal_resting"][-1] > 1000.0
        killed = course.events["event"] == course.event_names.index("phagocytosed")
        hour = course.events["hour"][killed & (course.events["hour"] > SETTLED_H)]
        expected = KILL_PER_H * killers[0] * share * (END_H - SETTLED_H) / weight
        n, due = n + len(hour), due + expected
        times.append(hour)
        terms.append((len(hour) - expected) ** 2 / expected)
    assert n > 1500
    assert abs(n - due) / np.sqrt(due) < LARGEST_Z
    assert stats.kstest(np.concatenate(times), "uniform", (SETTLED_H, END_H - SETTLED_H)).pvalue > LEAST_P
    spread = stats.chi2(replicates)
    assert 2.0 * min(spread.sf(sum(terms)), spread.cdf(sum(terms))) > LEAST_P


def test_without_recognition_nobody_is_killed():
    """The same crowd in a patient without antibody: macrophages see nothing and kill nothing, exactly."""
    asked = hunted(1.0)
    calm = asked.model_copy(update={"patient": asked.patient.model_copy(update={"sensitised": False})})
    (course,) = courses(calm, 1)
    assert course["deposit.cells.stromal_resting"][-1] > 1000.0
    assert course.tally[0][:, : len(course.event_names) - 2].sum() == 0.0
    assert catalogue_value("cells", "macrophage", "sees.class_1") == 0.0
