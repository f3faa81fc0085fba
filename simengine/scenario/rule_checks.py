"""Checks of the rules that a scenario adds, replaces or removes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from simengine.catalog import Catalog
from simengine.foundation.errors import shown
from simengine.scenario.findings import CheckOfElement, Finding, known
from simengine.scenario.model import Scenario


def _check_rule_id(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    rule = scenario.rule[i]
    if rule.action == "add" and rule.id in catalog.rules:
        yield Finding(("rule", i, "id"), shown(rule.id), 'an id that no rule has, or action = "replace"')
    elif rule.action != "add":
        yield from known(("rule", i, "id"), rule.id, catalog.rules)


def _check_rule_once(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    rule = scenario.rule[i]
    if any(rule.id == other.id for other in scenario.rule[:i]):
        yield Finding(("rule", i, "id"), shown(rule.id), "each rule once")


def _check_rule_stage(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
    kind = scenario.rule[i].kind
    if kind in catalog.rule_kinds:
        yield from known(("rule", i, "stage"), scenario.rule[i].stage, catalog.stages(str(kind)))


def _needed_by_rule(field: str) -> CheckOfElement:
    """Return the check that a rule which is not just removed states a field."""

    def check(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
        rule = scenario.rule[i]
        if rule.action != "remove" and getattr(rule, field) is None:
            yield Finding(("rule", i, field), "nothing", f'a {field} for action = "{rule.action}"')

    return check


def _named_by_rule(field: str, names: Callable[[Catalog], Iterable[str]]) -> CheckOfElement:
    """Return the check that a rule names something that exists."""

    def check(scenario: Scenario, catalog: Catalog, i: int) -> Iterator[Finding]:
        name = getattr(scenario.rule[i], field)
        if name is not None:
            yield from known(("rule", i, field), name, sorted(names(catalog)))

    return check


CHECKS_OF_RULES: tuple[CheckOfElement, ...] = (
    _check_rule_id,
    _check_rule_once,
    _check_rule_stage,
    *(_needed_by_rule(field) for field in ("kind", "signal", "behaviour", "limit", "half", "source")),
    _named_by_rule("kind", lambda catalog: catalog.rule_kinds),
    _named_by_rule("signal", lambda catalog: catalog.signals),
    _named_by_rule("behaviour", lambda catalog: catalog.behaviours),
)
