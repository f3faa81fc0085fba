"""Growth beyond the limits of a run ends it, and says so: agents are never left out to stay below `run.max_agents`."""

from __future__ import annotations

import pytest

from simengine import cli, scenario
from simengine.api import open_results
from simengine.engine.run import simulate

MAX_AGENTS = 100
PRODUCTS = ["adipose_msc_fresh", "bm_mnc", "bm_msc", "cord_msc", "esc", "esc_cm", "ipsc", "ipsc_cm", "neonatal_cm", "pb_mnc"]
SHAPES = ([20, 18, 5], [21, 18, 5])
CASES = [(product, shape) for product in PRODUCTS for shape in SHAPES]
TEXT = """
name = "growth"
patients = 1
replicates = 1
patient.vary = "none"
run.duration_days = 6
run.record_every_h = 3
run.max_agents = 100
delivery = [{ route = "intramyocardial", dose_cells = 1_000_000, n_sites = 4, volume_ml_per_site = 0.2 }]
"""


def given(product, shape, max_agents=MAX_AGENTS):
    """Return the course of a patient whose wound calls more cells than the run may have."""
    changes = {"product.name": product, "patch.shape": shape, "run.max_agents": max_agents}
    return simulate(scenario.loads(TEXT, overrides=changes).points[0].scenario, seed=1)


def agents(course):
    """Return how many agents there were at each record."""
    return course.total([column for column in course.columns if ".agents." in column])


def test_there_are_twenty_scenarios():
    assert len(CASES) == 20


@pytest.mark.parametrize(("product", "shape"), CASES)
def test_growth_beyond_the_limit_ends_the_run(product, shape):
    """With room the same patient has more cells than the limit, and until then the same cells, to the bit."""
    free, held = given(product, shape, 10 * MAX_AGENTS), given(product, shape)
    assert free.status == "ok"
    assert agents(free)[0] < MAX_AGENTS < agents(free).max()
    assert (held.status, held.reason) == ("capacity_exceeded", "more agents than run.max_agents")
    n = len(held.hours)
    assert 0 < n < len(free.hours)
    assert held.values.tobytes() == free.values[:n].tobytes()


def test_the_exit_code_and_the_summary_of_a_study_do_not_hide_it(tmp_path):
    study = tmp_path / "growth.toml"
    study.write_text(
        TEXT.replace("max_agents = 100", "max_agents = 1000")
        + "patch.shape = [20, 18, 5]\n"
        + '[[arm]]\nname = "room"\n[[arm]]\nname = "none"\nset = { "run.max_agents" = 100 }\n'
    )
    with pytest.raises(SystemExit) as caught:
        cli.main(["sweep", str(study), "--out", str(tmp_path / "results"), "--executor", "serial"])
    assert caught.value.code == 1
    results = open_results(tmp_path / "results")
    assert results.manifest["counts"] == {"ok": 1, "capacity_exceeded": 1}
    summary = results.summary(["retained_living_24h"]).set_index("arm")
    assert summary.loc["room", ["n", "excluded"]].tolist() == [1, 0]
    assert summary.loc["none", ["n", "excluded"]].tolist() == [0, 1]
