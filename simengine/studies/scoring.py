"""Scoring: simulate each target until its Monte Carlo error is small beside its band, and say pass, miss or undecided.

Patients are added in doublings until the error is at most a quarter of the band's half-width (on the target's scale),
or until the budget is used up. All arms of a target meet the same patients with the same random numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.errors import InputError, listed, nearest, shown
from simengine.studies.estimators import Estimate, Sample, estimate, half_width, verdict
from simengine.studies.run_cache import TIME, RunCache, Runs
from simengine.studies.target_checks import is_course, registry_function

if TYPE_CHECKING:
    from simengine.scenario import Point
    from simengine.studies.target_files import Entry

__all__ = ["BUDGET_OF_BODY", "BUDGET_OF_PATCH", "Score", "Scoreboard", "score", "score_one"]

BUDGET_OF_BODY, BUDGET_OF_PATCH = 10_000, 1_000
"""Most patients of an arm, without and with a patch."""
SHARE_OF_HALF_WIDTH = 0.25
MOST_FAILED = 0.05
"""Share of failed runs beyond which a target has failed rather than been scored."""
TIME_TOLERANCE = 0.05
"""How far the nearest record may be from the time asked for, as a share of that time."""
VERDICTS = ("pass", "miss", "undecided", "failed", "waiting", "not run")


@dataclass(frozen=True)
class Score:
    """What came of one target; `without` is the estimate with its mechanism taken away, where that was asked for."""

    entry: Entry
    verdict: str
    found: Estimate | None = None
    n_failed: int = 0
    without: Estimate | None = None
    reason: str = ""

    @property
    def fails_without(self) -> bool | None:
        """Whether the target is missed without its mechanism; None where that was not simulated."""
        return None if self.without is None else verdict(self.entry.target, self.without) == "miss"

    def plain(self) -> dict[str, Any]:
        """Return the score as one flat row: the target, its band, what was simulated, and the verdict."""
        target, found, bare = self.entry.target, self.found, self.without
        numbers = {"simulated": found.value, "low95": found.low, "high95": found.high, "error": found.error} if found else {}
        row = {"id": target.id, "group": target.group, "tier": target.tier, "kind": target.kind, "fitted": target.fitted}
        row |= {"quantity": target.quantity, "value": target.value, "low": target.low, "high": target.high}
        row |= {"unit": target.unit, "scale": target.scale, "statistic": target.statistic, "verdict": self.verdict}
        row |= {name: numbers.get(name, math.nan) for name in ("simulated", "low95", "high95", "error")}
        row |= {"n": found.n if found else 0, "failed_runs": self.n_failed, "reason": self.reason}
        row |= {"without": target.without.what if target.without else "", "fails_without": self.fails_without}
        row |= {"without_simulated": bare.value if bare else math.nan, "without_low95": bare.low if bare else math.nan}
        row |= {"without_high95": bare.high if bare else math.nan, "confidence": target.confidence}
        return row | {"citation": target.citation}


@dataclass(frozen=True)
class Scoreboard:
    """The scores of some targets, in the order of their files."""

    scores: tuple[Score, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many targets have each verdict."""
        counted = Counter(score.verdict for score in self.scores)
        return {name: counted[name] for name in VERDICTS if counted[name]}

    def among(self, entries: Iterable[Entry]) -> Scoreboard:
        """Return these scores among all of some targets; the others stand as `not run`."""
        known = {score.entry.target.id: score for score in self.scores}
        every = (known.get(entry.target.id, Score(entry, "not run", reason="not run")) for entry in entries)
        return Scoreboard(tuple(every))

    @property
    def missed_core(self) -> list[str]:
        """The core targets that were missed or whose runs failed; a waiting or undecided one is neither."""
        bad = ("miss", "failed")
        return [s.entry.target.id for s in self.scores if s.entry.target.tier == "core" and s.verdict in bad]


def score(
    entries: Iterable[Entry],
    cache: RunCache,
    *,
    budget: int | None = None,
    without: bool = False,
    each: Callable[[Score], None] = lambda _: None,
) -> Scoreboard:
    """Score targets one after another.

    Parameters
    ----------
    entries
        Targets with the scenarios of their arms.
    cache
        Where runs are kept and by whom they are done.
    budget
        Most patients of an arm, rounded up to whole blocks; by default 10,000 without a patch and 1,000 with one.
    without
        Whether to simulate each target that names one also without its mechanism.
    each
        Told of every score as it is ready.

    Raises
    ------
    InputError
        When a course or a time that a target reads is not in what was simulated.
    """
    scores = []
    for entry in entries:
        scores.append(score_one(entry, cache, budget=budget, without=without))
        each(scores[-1])
    return Scoreboard(tuple(scores))


def score_one(entry: Entry, cache: RunCache, *, budget: int | None = None, without: bool = False) -> Score:
    """Score one target; see `score`."""
    target = entry.target
    if target.waiting is not None:
        return Score(entry, "waiting", reason=target.waiting)
    if target.registry is not None:
        return _computed(entry)
    found, failures, n = _grown(entry, entry.arms, cache, budget)
    n_failed, n_runs = len(failures), n * len(entry.arms)
    if n_failed > MOST_FAILED * n_runs:
        return Score(entry, "failed", found, n_failed, reason=f"{n_failed} of {n_runs} runs failed; the first: {failures[0]}")
    bare = None
    if without and entry.bare:
        bare, _ = _estimated(replace(entry, target=target.bare), entry.bare, cache, n)
    return Score(entry, verdict(target, found), found, n_failed, bare)


def _computed(entry: Entry) -> Score:
    """Score a quantity that is computed and has no Monte Carlo error."""
    registry = entry.target.registry
    function = registry_function(registry.quantity) if registry else None
    if registry is None or function is None:
        return Score(entry, "waiting", reason="this version does not compute registries")
    try:
        value = float(function(**registry.arguments))
    except (TypeError, ValueError, LookupError) as error:
        raise InputError([entry.problem("registry", shown(registry.arguments), f"arguments that serve: {error}")]) from None
    found = Estimate(entry.target.factor * value, 0.0, entry.target.factor * value, entry.target.factor * value, 1)
    return Score(entry, verdict(entry.target, found), found)


def _grown(entry: Entry, arms: Sequence[Point], cache: RunCache, budget: int | None) -> tuple[Estimate, list[str], int]:
    """Add patients until the error is small or the budget spent; return estimate, reasons of failed runs, patients."""
    block = min(cache.block_of(point.scenario) for point in arms)
    has_patch = any(point.scenario.run.mode != "body" for point in arms)
    most = budget if budget is not None else BUDGET_OF_PATCH if has_patch else BUDGET_OF_BODY
    most = block * max(1, math.ceil(most / block))
    n = block
    while True:
        found, failures = _estimated(entry, arms, cache, n)
        if found.error <= SHARE_OF_HALF_WIDTH * half_width(entry.target) or n >= most:
            return found, failures, n
        n = min(2 * n, most)


def _estimated(entry: Entry, arms: Sequence[Point], cache: RunCache, n: int) -> tuple[Estimate, list[str]]:
    courses = [name for name in entry.target.names if is_course(name)]
    runs = [cache.runs(point, n, courses) for point in arms]
    samples = [_sample(entry, point, found, cache) for point, found in zip(arms, runs)]
    return estimate(entry.target, samples), [reason for found in runs for reason in found.failures]


def _sample(entry: Entry, point: Point, runs: Runs, cache: RunCache) -> Sample:
    """Return what the target reads of each patient of an arm; NaN where a run failed or the outcome has no meaning."""
    target = entry.target
    if target.statistic == "half_life":
        return {
            "start": _sum(entry, point, runs, cache, "from_days"),
            "end": _sum(entry, point, runs, cache, "to_days"),
        }
    value = _sum(entry, point, runs, cache, "time_days")
    if target.relative_to_days is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = value / _sum(entry, point, runs, cache, "relative_to_days")
    sample = {"value": value}
    if target.day is not None:
        sample["day"] = _column(runs, target.day)
    if target.cause is not None:
        causes = runs.columns.get(target.cause, np.full(len(sample["value"]), ""))
        sample["counts"] = np.isin(causes.astype(str), target.causes).astype(np.float64)
    return sample


def _sum(entry: Entry, point: Point, runs: Runs, cache: RunCache, field: str) -> NDArray[np.float64]:
    """Return the sum of the columns and courses that the target names, courses at the time of one of its fields."""
    total = np.zeros(len(runs.columns["status"]))
    for name in entry.target.names:
        if is_course(name):
            total = total + _at(entry, point, runs, cache, name, field)
        else:
            total = total + _column(runs, name)
    return total


def _column(runs: Runs, name: str) -> NDArray[np.float64]:
    n = len(runs.columns["status"])
    values = np.asarray(runs.columns.get(name, np.full(n, np.nan)), dtype=np.float64)
    return np.where(runs.columns["status"] == "ok", values, np.nan)


def _at(entry: Entry, point: Point, runs: Runs, cache: RunCache, name: str, field: str) -> NDArray[np.float64]:
    """Return a course of every patient at a time of the target: at the nearest record, or between two if asked."""
    target, series = entry.target, runs.courses[name]
    hour = 24.0 * float(getattr(target, field))
    good = np.flatnonzero(runs.columns["status"] == "ok")
    if len(good) and all(series[i] is None for i in good):
        known = cache.course_names(point)
        problem = entry.problem("observable", shown(name), "a course of this scenario: " + listed(known), nearest(name, known))
        raise InputError([problem])
    values = np.full(len(series), np.nan)
    for i in good:
        hours = runs.courses[TIME][i]
        if target.interpolate:
            values[i] = np.interp(hour, hours, series[i])
            continue
        nearby = int(np.argmin(np.abs(hours - hour)))
        if abs(hours[nearby] - hour) > TIME_TOLERANCE * hour + 1e-9:
            hint = "set run.record_every_h and clocks.body_h lower, or interpolate = true"
            found = f"{shown(getattr(target, field))}, {hour:g} h"
            raise InputError([entry.problem(field, found, f"a time near a record; the nearest is {hours[nearby]:g} h", hint)])
        values[i] = series[i][nearby]
    return values
