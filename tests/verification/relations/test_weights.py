"""The weight of agents is a matter of resolution, not of biology: 0.1, 1 or 10 real cells an agent, at equal real density.

A dense deposit holds some 2,400 real cells, so that even at ten cells an agent there are two hundred agents and more. Patients
are paired by common random numbers: traits and the body's draws are shared; what agents draw is not, as there are other
agents. Two hundred agents that live with probability one half add a standard deviation of 7 % of what lives, which n
patients average out. All differences are stated as shares of the mean at weight 1, and must stay within 5 %.
"""

import numpy as np
import pytest
from scipy import stats

from tests.verification.relations.patients import DENSE, outcomes, scenario

PACKED = {
    "product__name": "ipsc_cm",
    "donor__match": "0/8",
    "patient__sensitised": True,
    "delivery": [DENSE],
    "patch__shape": [40, 40, 6],
}
MARGIN = 0.05
OUTCOMES = ("retained_living_24h", "engrafted_fraction", "lvef_true_change_points")


def measured(weight, n, days):
    """Return the outcomes of n patients, float64[n, outcomes], with agents of a weight; the agents are counted."""
    study = scenario(**PACKED, patch__agent_weight=weight, run__duration_days=days)
    rows = [outcomes(study, replicate).row for replicate in range(n)]
    assert min(float(row["n_agents_peak"]) for row in rows) >= 200
    return np.array([[float(row[name]) for name in OUTCOMES] for row in rows])


def assert_the_same_within(margin, values, standard):
    """Mean, SD and the 5 % and 95 % quantiles differ by at most a share of the mean of the standard."""
    for statistic in (np.mean, np.std, lambda v: np.quantile(v, 0.05), lambda v: np.quantile(v, 0.95)):
        for j, name in enumerate(OUTCOMES):
            change = float(statistic(values[:, j]) - statistic(standard[:, j]))
            assert abs(change) <= margin * abs(float(np.mean(standard[:, j]))), (name, statistic)


def test_ten_cells_an_agent_retain_as_many_cells_as_one():
    """n = 36 pairs over a day; retention is the same within 5 % of its mean (TOST, p < 0.05).

    Pairs differ with an SD of 8 %, so the mean is known to 1.3 %, and weights without any effect pass 19 times in 20.
    Detects a weight that is forgotten, or counted twice, in coupling, killing, crowding or secretion.
    """
    one, ten = measured(1.0, 36, 1.1), measured(10.0, 36, 1.1)
    change = (ten[:, 0] - one[:, 0]) / np.mean(one[:, 0])
    assert stats.ttest_1samp(change, -MARGIN, alternative="greater").pvalue < 0.05
    assert stats.ttest_1samp(change, MARGIN, alternative="less").pvalue < 0.05
    assert np.max(np.abs(change)) > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.1, 10.0])
def test_the_weight_of_agents_changes_no_outcome(weight):
    """n = 40 pairs over three days: retention, engraftment and LVEF in mean, SD and quantiles, each within 5 %.

    The standard error of a mean is about 1 %, of an SD 0.8 % and of a 5 % quantile 2 % of the mean outcome.
    """
    assert_the_same_within(MARGIN, measured(weight, 40, 3.0), measured(1.0, 40, 3.0))
