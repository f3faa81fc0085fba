"""What the fields of a target mean to each other, to the outcomes and to their units; every fault is a finding."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import pairwise

from simengine.foundation.errors import listed, nearest, shown
from simengine.outcomes import descriptions
from simengine.scenario.findings import Finding, known
from simengine.scenario.paths import STUDY_ONLY, split_path
from simengine.studies.targets import OF_TIMES, OF_TWO_ARMS, Registry, Target

__all__ = ["REGISTRY", "findings", "is_course", "registry_function"]

REGISTRY = {
    "bank_coverage": "simengine.patients.registry",
    "match_probability": "simengine.patients.registry",
}
"""Computed quantities, with the module that holds the function of that name."""
COURSES = ("observed", "living", "fate", "immune", "body", "drug", "field", "tissue", "mode")
"""Groups of courses; which courses a group has depends on the scenario and is seen when it has run."""
SINGLE_COURSES = ("births", "lvef_percent", "motor_score")
UNIT_OF_STATISTIC = {"half_life": ("hours",), "hazard_ratio": ("ratio",), "risk_ratio": ("ratio",), "odds_ratio": ("ratio",)}
SHARES = ("fraction", "fraction of dose", "probability", "share")
_RATIO = "a ratio, which needs [target.contrast]"


def is_course(name: str) -> bool:
    """Whether a name is that of a course over time and not of an outcome column."""
    return name in SINGLE_COURSES or name.split(".", 1)[0] in COURSES


def registry_function(quantity: str) -> Callable[..., float] | None:
    """Return the function that computes a quantity of a registry, or None where this version has none."""
    try:
        found = getattr(import_module(REGISTRY[quantity]), quantity, None)
    except ModuleNotFoundError:
        return None
    return found if callable(found) else None


def findings(target: Target) -> Iterator[Finding]:
    """Yield everything that is wrong with a target whose fields are well formed; paths begin within the target."""
    yield from _band(target)
    if target.waiting is not None:
        return
    if target.registry is not None:
        yield from _registry(target, target.registry)
        return
    if target.statistic == "exact":
        yield Finding(("statistic",), shown("exact"), "a statistic over patients", "`exact` goes with [target.registry]")
    if target.scenario is None:
        yield Finding(("scenario",), "nothing", "a scenario, a registry, or the reason for `waiting`")
    yield from _observable(target)
    yield from _statistic(target)
    yield from _comparison(target)
    yield from _titration(target)
    yield from _without(target)


def _band(target: Target) -> Iterator[Finding]:
    if target.low >= target.high:
        yield Finding(("high",), shown(target.high), f"more than low, {shown(target.low)}")
    elif not target.low <= target.value <= target.high:
        yield Finding(("value",), shown(target.value), f"a number within the band, {target.low:g} to {target.high:g}")
    if target.scale == "log" and target.low <= 0.0:
        yield Finding(("low",), shown(target.low), "a number above 0 on a logarithmic scale")


def _registry(target: Target, registry: Registry) -> Iterator[Finding]:
    yield from known(("registry", "quantity"), registry.quantity, REGISTRY)
    if target.statistic != "exact":
        yield Finding(("statistic",), shown(target.statistic), shown("exact"), "a registry has no patients to sample")
    function = registry_function(registry.quantity) if registry.quantity in REGISTRY else None
    if function is None:
        return
    allowed = list(inspect.signature(function).parameters)
    for name in registry.arguments:
        yield from known(("registry", "arguments", name), name, allowed, at_key=True)


def _observable(target: Target) -> Iterator[Finding]:
    columns = descriptions()
    if not target.observable:
        yield Finding(("observable",), "nothing", "an outcome column or a course")
        return
    yield from _known_names(target)
    for field in ("day", "cause"):
        if (name := getattr(target, field)) is not None:
            yield from known((field,), name, columns)
    if target.statistic in ("mean", "median", "quantile") and target.compare != "ratio" and target.factor == 1.0:
        yield from _unit(target, [columns[name].unit for name in target.names if name in columns])


def _known_names(target: Target) -> Iterator[Finding]:
    columns = descriptions()
    for name in target.names:
        if name not in columns and not is_course(name):
            hint = nearest(name, [*columns, *SINGLE_COURSES])
            groups = ", ".join(f"{group}.*" for group in COURSES)
            yield Finding(("observable",), shown(name), f"an outcome column or a course ({groups})", hint)


def _unit(target: Target, units: list[str]) -> Iterator[Finding]:
    wanted = next((unit for unit in units if unit), None)
    share = wanted in ("0/1", "1", *SHARES)
    if wanted is None or target.unit == wanted or (share and target.unit in SHARES):
        return
    allowed = listed(SHARES) if share else shown(wanted)
    yield Finding(("unit",), shown(target.unit), allowed, "or state the factor between the two")


def _statistic(target: Target) -> Iterator[Finding]:
    statistic, course = target.statistic, any(is_course(name) for name in target.names if name)
    if statistic in UNIT_OF_STATISTIC and target.unit not in UNIT_OF_STATISTIC[statistic] and target.factor == 1.0:
        hint = "or state the factor between the two"
        yield Finding(("unit",), shown(target.unit), listed(map(shown, UNIT_OF_STATISTIC[statistic])), hint)
    if statistic in OF_TIMES:
        yield from _needs(target, "day", f"the column of days that {statistic} needs")
        if course:
            yield Finding(("observable",), shown(target.observable), "a column that is 1 where the event happened")
    if statistic == "quantile":
        yield from _needs(target, "quantile", "the quantile")
    elif statistic == "kaplan_meier" and (target.quantile is None) == (target.time_days is None):
        yield Finding(("statistic",), shown(statistic), "with either time_days (a probability) or quantile (a time)")
    elif statistic != "kaplan_meier" and target.quantile is not None:
        yield Finding(
            ("quantile",), shown(target.quantile), "nothing: only `quantile` and `kaplan_meier` take one", at_key=True
        )
    if statistic == "cumulative_incidence":
        yield from _needs(target, "time_days", "the time up to which it is counted")
    if target.causes and target.cause is None:
        yield Finding(("causes",), shown(target.causes), "with `cause`, the column that names them", at_key=True)
    if target.cause is not None and (statistic != "cumulative_incidence" or not target.causes):
        yield Finding(("cause",), shown(target.cause), "with `causes`, in a cumulative incidence", at_key=True)
    yield from _half_life(target, course)
    if course and statistic != "half_life":
        yield from _needs(target, "time_days", "the time at which the course is read")
    if target.relative_to_days is not None and (not course or statistic == "half_life"):
        found = shown(target.relative_to_days)
        yield Finding(("relative_to_days",), found, "nothing: only a course at a time is divided by another", at_key=True)


def _without(target: Target) -> Iterator[Finding]:
    bare = target.without
    if bare is None:
        return
    if not bare.set and bare.observable is None:
        yield Finding(("without",), "nothing that is taken away", "values to set, or another observable", at_key=True)
    if bare.observable is not None:
        yield from (replace(finding, path=("without", "observable")) for finding in _known_names(target.bare))


def _half_life(target: Target, course: bool) -> Iterator[Finding]:
    if target.statistic != "half_life":
        for field in ("from_days", "to_days"):
            if getattr(target, field) is not None:
                yield Finding((field,), shown(getattr(target, field)), "nothing: only `half_life` takes it", at_key=True)
        return
    if not course:
        yield Finding(("observable",), shown(target.observable), "a course over time, of which a half-life is read")
    for field in ("from_days", "to_days"):
        yield from _needs(target, field, "a time")
    if target.from_days is not None and target.to_days is not None and target.from_days >= target.to_days:
        yield Finding(("to_days",), shown(target.to_days), f"a time after from_days, {target.from_days:g}")


def _comparison(target: Target) -> Iterator[Finding]:
    if target.statistic in OF_TWO_ARMS:
        if not target.contrast:
            yield Finding(("statistic",), shown(target.statistic), _RATIO.replace("a ratio", "a comparison"))
        if target.compare is not None:
            yield Finding(("compare",), shown(target.compare), f"nothing: {target.statistic} compares already", at_key=True)
    elif target.contrast and target.compare is None:
        yield Finding(("contrast",), "an arm to compare with", "with `compare`, or a statistic of two arms", at_key=True)
    elif target.compare is not None and not target.contrast:
        yield Finding(("compare",), shown(target.compare), "nothing without [target.contrast]", at_key=True)
    if target.kind in ("ratio", "difference") and not target.contrast:
        yield Finding(("kind",), shown(target.kind), "a kind of statement about one arm, or [target.contrast]")
    if target.contrast and target.statistic == "id50":
        yield Finding(("contrast",), "an arm to compare with", "nothing: `id50` has its doses", at_key=True)


def _titration(target: Target) -> Iterator[Finding]:
    if target.statistic == "id50" and target.titration is None:
        yield Finding(("statistic",), shown("id50"), "with [target.titration]")
    if target.titration is not None and target.statistic != "id50":
        yield Finding(("titration",), "doses", f"nothing: {shown(target.statistic)} takes none", at_key=True)
    if target.titration is None:
        return
    path = split_path(target.titration.path, STUDY_ONLY)
    if isinstance(path, Finding):
        yield replace(path, path=("titration", "path"), at_key=False)
    values = target.titration.values
    if len(values) < 3 or values[0] <= 0.0 or any(a >= b for a, b in pairwise(values)):
        yield Finding(("titration", "values"), shown(values), "at least three values above 0, from lowest to highest")


def _needs(target: Target, field: str, what: str) -> Iterator[Finding]:
    if getattr(target, field) is None:
        yield Finding((field,), "nothing", what)
