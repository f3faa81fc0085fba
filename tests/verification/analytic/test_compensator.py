"""Every event of the full model against its own hazard (case A20).

With all mechanisms on, hazards change in time, in space and with everybody else; still the number N of events less the
integrated hazard L of all who could have had one is a martingale: mean 0, variance E L, whatever the model. Nothing of it
is known to the sampler of fates, which works with thresholds of single cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from simengine import scenario
from simengine.engine.build import build
from simengine.engine.spaces import populate
from simengine.engine.step import advance
from simengine.state import world as w
from simengine.state.arrays import grow, without_events
from simengine.state.handles import handle_of
from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P

MINUTES = 12
FULL = """
name = "full"
donor = { relation = "unrelated", match = "0/8" }
patient = { sensitised = true, immune_strength = 1.5 }
product = { name = "PRODUCT", viability = 0.9 }
drug = [{ name = "tacrolimus", start_day = 1.0 }]
run = { duration_days = 5.0, record_every_h = 6.0, mode = "auto" }
patch = { shape = [10, 10, 1], spacing_um = 40.0, agent_weight = WEIGHT }
delivery = [
  { route = "intramyocardial", dose_cells = 200000000, n_sites = 10, volume_ml_per_site = 0.02 },
  { route = "intramyocardial", dose_cells = 100000000, n_sites = 10, volume_ml_per_site = 0.02, day = 1.5 },
]
parameters."cells.macrophage.density_per_mm3" = 15000.0
parameters."cells.nk.density_per_mm3" = 160.0
parameters."cells.nk.sees.missing_self" = 1.0
parameters."cells.cd8.recruitment_per_mm3_per_h" = 20.0
parameters."cells.cd4.recruitment_per_mm3_per_h" = 20.0
parameters."antibody.titre_of_sensitised" = 0.05
parameters."lineages.stromal.resting.behaviours.division_per_h" = 0.0008
parameters."lineages.cardiomyocyte.progenitor.behaviours.division_per_h" = 0.016
parameters."products.ipsc_cm.stage_fraction.progenitor" = 0.3
"""


@dataclass(frozen=True)
class Ledger:
    """Events and cumulative hazards at the end of every step of fates: float64[steps, patch, event, type] of one run."""

    events: np.ndarray
    hazard: np.ndarray
    names: tuple[str, ...]


def followed(product, weight, seed, replicate):
    """Simulate one run in blocks of one step of fates, as ``simulate`` does in longer ones, and keep the tally of each."""
    text = FULL.replace("PRODUCT", product).replace("WEIGHT", str(weight))
    built = build(scenario.loads(text).points[0].scenario, seed, 0, replicate)
    world, status = built.world, w.DONE
    handle = handle_of(world)
    populate(handle)
    tallies = [world.tally[1:].copy()]
    step = MINUTES * w.TICKS_PER_H // 60
    while world.clock[w.NOW] < world.clock[w.END]:
        status = advance(handle, int(world.clock[w.NOW]), int(world.clock[w.NOW]) + step)
        if status in (w.GROW, w.LOG_FULL):
            world = grow(world) if status == w.GROW else without_events(world)[0]
            handle = handle_of(world)
            continue
        assert status == w.DONE
        tallies.append(world.tally[1:].copy())
    series = np.array(tallies)
    return Ledger(series[:, 0], series[:, 1], tuple(built.names.events))


def check(ledgers, least_events):
    """Compare events with compensators: in all, by event and type, by time and patch, by run and window, and their gaps."""
    total_n = sum(one.events[-1].sum() for one in ledgers)
    assert total_n >= least_events
    scores = {}

    def compare(name, n, hazard):
        if hazard >= 25.0:
            scores[name] = (n - hazard) / np.sqrt(hazard)
        else:
            assert stats.poisson(max(hazard, 1e-12)).sf(n - 1) > LEAST_P, (name, n, hazard)

    compare("all", total_n, sum(one.hazard[-1].sum() for one in ledgers))
    n, hazard = (sum(getattr(one, kind)[-1].sum(axis=0) for one in ledgers) for kind in ("events", "hazard"))
    for (event, kind), due in np.ndenumerate(hazard):
        compare((event, kind), n[event, kind], due)
    thirds = np.array_split(np.arange(1, len(ledgers[0].events)), 3)
    for part in thirds:
        for patch in range(ledgers[0].events.shape[1]):
            steps = [(one.events[part[-1], patch] - one.events[part[0] - 1, patch]).sum() for one in ledgers]
            dues = [(one.hazard[part[-1], patch] - one.hazard[part[0] - 1, patch]).sum() for one in ledgers]
            compare((part[0], patch), sum(steps), sum(dues))
    worst = max(scores, key=lambda name: abs(scores[name]))
    assert abs(scores[worst]) < LARGEST_Z, (worst, scores[worst])
    return scores


def windows(ledgers, per_day=8):
    """Events and hazards of all runs in windows of three hours, those that expect at least 5."""
    n, due = [], []
    for one in ledgers:
        edges = np.linspace(0, len(one.events) - 1, 3 * per_day + 1).astype(int)
        n.append(np.diff(one.events[edges].sum(axis=(1, 2, 3))))
        due.append(np.diff(one.hazard[edges].sum(axis=(1, 2, 3))))
    n, due = np.concatenate(n), np.concatenate(due)
    return n[due >= 5.0], due[due >= 5.0]


def gaps(ledgers, rng):
    """Hazard between successive events of each run; within one step events are placed evenly at random."""
    found = []
    for one in ledgers:
        n = np.round(np.diff(one.events.sum(axis=(1, 2, 3)))).astype(int)
        clock = one.hazard.sum(axis=(1, 2, 3))
        spans = [np.sort(rng.uniform(clock[k], clock[k + 1], n[k])) for k in range(len(n))]
        found.append(np.diff(np.concatenate([[0.0], *spans])))
    return np.concatenate(found)


@pytest.fixture(scope="module")
def ledgers():
    """Runs with stromal cells (weight 1) and with cardiomyocytes (weight 1/2), three days each."""
    found = [followed("bm_msc", 1.0, 20, replicate) for replicate in range(RUNS[0])]
    return found + [followed("ipsc_cm", 0.5, 21, replicate) for replicate in range(RUNS[1])]


RUNS = (16, 10)


def test_events_follow_their_hazards(ledgers):
    """A20: (N - L)/sqrt(L) is N(0, 1) in all, for each event of each type, in each third of the time and each patch.

    n at least 20,000 events; |z| < 4.56; sees 3.3 % in all, and 15 % in what happens 1,000 times. Detects thresholds not
    renewed, hazards of one cause booked under another, steps skipped for those who move, arrive or divide, and any event
    that happens without a hazard.
    """
    stromal = ledgers[: RUNS[0]]
    check(stromal, 8_000)
    check(ledgers[RUNS[0] :], 8_000)
    assert sum(one.events[-1].sum() for one in ledgers) >= 20_000
    seen = sum(one.events[-1].sum(axis=(0, 2)) for one in ledgers)
    happened = {name for name, count in zip(ledgers[0].names, seen, strict=True) if count > 0}
    wanted = {"apoptosis", "fragile", "ischaemia", "egress", "rejected_nk", "rejected_cd8", "rejected_antibody", "division"}
    assert wanted <= happened, wanted - happened


def test_events_scatter_as_their_hazards_say(ledgers):
    """A20: over windows of 3 h of all runs the mean of (N - L)²/L is 1. z with the sample SE; sees 30 %.

    Detects cells that share their dice (clusters of events) or events that repel each other.
    """
    n, due = windows(ledgers)
    terms = (n - due) ** 2 / due
    assert len(terms) > 200
    assert abs(terms.mean() - 1.0) / (terms.std() / np.sqrt(len(terms))) < LARGEST_Z


def test_hazard_between_events_is_exponential(ledgers):
    """A20: measured in integrated hazard, events come as a Poisson process of rate 1: gaps are Exp(1).

    n at least 20,000 gaps, Kolmogorov-Smirnov p >= 5e-6 (sees a distance of 0.018). Time-varying hazards, doses, drugs and
    sleep cancel out; what is left is the sampler.
    """
    found = gaps(ledgers, np.random.default_rng(3))
    assert len(found) >= 20_000
    assert stats.kstest(found, "expon").pvalue > LEAST_P


@pytest.mark.slow
def test_events_follow_their_hazards_to_one_and_a_quarter_percent():
    """A20 with at least 146,000 events: sees 1.2 % in all, 2 % with power 99.9 %."""
    many = [followed("bm_msc", 1.0, 22, replicate) for replicate in range(8 * RUNS[0])]
    check(many, 60_000)
    grafts = [followed("ipsc_cm", 0.5, 23, replicate) for replicate in range(8 * RUNS[1])]
    check(grafts, 60_000)
    both = many + grafts
    n, hazard = (sum(getattr(one, kind)[-1].sum() for one in both) for kind in ("events", "hazard"))
    assert n >= 146_000
    assert abs(n - hazard) / np.sqrt(hazard) < LARGEST_Z
    assert stats.kstest(gaps(both, np.random.default_rng(4)), "expon").pvalue > LEAST_P
