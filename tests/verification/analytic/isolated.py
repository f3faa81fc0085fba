"""One process at a time, through scenario files alone: everything else is switched off, its rate is set by rules.

A rule whose signal saturates makes a behaviour a constant: the rows ``a_…`` bring its catalogue value to nothing, the rows
``b_…`` add the rate that a test wants. The signal is the functional share of the tissue, which stands still while
``tissue_repair`` is off. Statistics are compared with laws written down here or taken from scipy, never with the engine's.

Every statistic of this folder must have a probability of at least ``LEAST_P`` (|z| at most ``LARGEST_Z``). Up to 195
statistics of that kind are wrong together once in a thousand times (Bonferroni); there are fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from simengine import scenario
from simengine.catalog import load_catalog
from simengine.engine import simulate
from simengine.scenario import Scenario
from simengine.state.course import Course

LARGEST_Z = 4.56
LEAST_P = 5.1e-6

MECHANISMS = tuple(load_catalog().names("mechanisms"))
SWITCHES = tuple(name for name in MECHANISMS if name != "environment")


@dataclass(frozen=True)
class Constant:
    """A behaviour of a kind (in a stage) made a constant."""

    kind: str
    behaviour: str
    rate: float
    stage: str = "*"


def constant_rules(constants: Iterable[Constant]) -> str:
    """Return the rule rows that make behaviours constant, as TOML."""
    rows = []
    for one in constants:
        stage = "any" if one.stage == "*" else one.stage
        name = f"{one.kind}_{stage}_{one.behaviour}"
        head = f'kind = "{one.kind}", stage = "{one.stage}", behaviour = "{one.behaviour}", signal = "functional"'
        tail = 'half = 1e-12, source = "held constant by a test"'
        rows.append(f'{{ id = "a_{name}", {head}, limit = 0.0, {tail} }}')
        if one.rate > 0.0:
            rows.append(f'{{ id = "b_{name}", {head}, limit = {one.rate}, additive = true, {tail} }}')
    return ", ".join(rows)


def isolated(
    constants: Iterable[Constant],
    on: Iterable[str],
    more: str = "",
    *,
    parameters: Mapping[str, float] | None = None,
    removed: Iterable[str] = (),
    rules: Iterable[str] = (),
    fields: str = "[]",
) -> Scenario:
    """Return a scenario in which only the mechanisms ``on`` act, and the given behaviours are constant.

    ``more`` is TOML at top level (dotted keys); ``removed`` are rules of the catalogue that are taken out, ``rules`` further
    rows as inline tables.
    """
    gone = [f'{{ id = "{name}", action = "remove" }}' for name in removed]
    rows = ", ".join([text for text in (constant_rules(constants), *rules, *gone) if text])
    text = [
        'name = "isolated"',
        'patient.vary = "none"',
        'run.mode = "patch"',
        f"site.fields = {fields}",
        f"rule = [{rows}]",
        more,
        "[mechanisms]",
        *(f"{name} = {'true' if name in on else 'false'}" for name in SWITCHES),
        "[parameters]",
        *(f'"{name}" = {value}' for name, value in (parameters or {}).items()),
    ]
    return scenario.loads("\n".join(text)).points[0].scenario


def injected(agents: int, days: float, minutes: float = 0.1, product: str = "bm_msc", weight: float = 1.0) -> str:
    """Return TOML, to come last, for an injection after which about so many agents of a living product arrive in a flat patch.

    A quarter of the cells lodges within the hour, a share V_patch / V_zone = 0.0032 / 15 of them in the patch.
    """
    dose = int(agents * weight / 0.25 * 15.0 / 0.0032)
    return f"""
product.name = "{product}"
product.viability = 1.0
run.duration_days = {days}
patch.shape = [20, 20, 1]
patch.agent_weight = {weight}
[[delivery]]
route = "intramyocardial"
dose_cells = {dose}
n_sites = 1
volume_ml_per_site = 0.01
duration_min = {minutes}
"""


def every(minutes: float, body_h: float | None = None) -> str:
    """Return TOML for clocks of motion, fates and fields that all tick every so many minutes."""
    body = max(1.0, minutes / 60.0) if body_h is None else body_h
    return f"clocks = {{ motion_min = {minutes}, fates_min = {minutes}, fields_min = {minutes}, body_h = {body} }}\n"


def courses(asked: Scenario, replicates: int, seed: int = 1) -> list[Course]:
    """Return so many courses of one patient, each of which came to its end."""
    found = [simulate(asked, seed, 0, replicate) for replicate in range(replicates)]
    assert {course.status for course in found} == {"ok"}, found[0].reason
    return found


def arrival(course: Course) -> int:
    """Return the number that stands for an arrival in the log of events."""
    return len(course.event_names)


@dataclass(frozen=True)
class Lives:
    """Arrived cells: when they came, how long they lived (h; infinite when they outlived the run), and their cause of death."""

    came_h: np.ndarray
    lived_h: np.ndarray
    cause: np.ndarray


def lives_of(course: Course) -> Lives:
    """Return the lives of all arrived cells, matched by identity; nobody dies twice or without having arrived."""
    events = course.events
    came = events["event"] == arrival(course)
    died = events["event"] < len(course.event_names) - 2
    uid = events["uid"][came]
    order = np.argsort(uid)
    uid, came_h = uid[order], events["hour"][came][order]
    assert len(np.unique(uid)) == len(uid)
    assert len(np.unique(events["uid"][died])) == died.sum()
    place = np.searchsorted(uid, events["uid"][died])
    assert np.array_equal(uid[place], events["uid"][died])
    lived, cause = np.full(len(uid), np.inf), np.full(len(uid), -1)
    lived[place] = events["hour"][died] - came_h[place]
    cause[place] = events["event"][died]
    return Lives(came_h, lived, cause)


def pooled(parts: Iterable[Lives]) -> Lives:
    """Return several lists of lives as one."""
    several = list(parts)
    return Lives(*(np.concatenate([getattr(one, name) for one in several]) for name in ("came_h", "lived_h", "cause")))


def pooled_chi_square(observed: np.ndarray, expected: np.ndarray) -> float:
    """Return the probability of counts under a law with no free parameter; neighbours are pooled to 5 expected each.

    Totals must agree: the law is conditioned on the number of trials.
    """
    assert abs(observed.sum() - expected.sum()) < 1e-6 * expected.sum()
    seen, due, pool = [0.0], [0.0], 0.0
    for count, mean in zip(observed, expected, strict=True):
        if due[-1] >= 5.0:
            seen.append(0.0)
            due.append(0.0)
        seen[-1] += count
        due[-1] += mean
        pool = due[-1]
    if pool < 5.0 and len(due) > 1:
        seen[-2] += seen.pop()
        due[-2] += due.pop()
    assert len(due) > 1, "one class tells nothing"
    return float(stats.chisquare(seen, np.array(due) * (np.sum(seen) / np.sum(due))).pvalue)


@cache
def catalogue_value(kind: str, entry: str, name: str) -> float:
    """Return a number as the catalogue states it."""
    return float(load_catalog().entry(kind, entry).value(name))
