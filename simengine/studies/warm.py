"""Having the compiled code at hand that some scenarios need, before their first run is timed or waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simengine.scenario import Scenario

__all__ = ["make_ready", "warm_up"]


class _Model(Protocol):
    def is_compiled(self) -> bool: ...
    def warmup(self) -> float: ...


def warm_up(announce: Callable[[], object], scenarios: Iterable[Scenario] | None = None) -> None:
    """Load the compiled models of some scenarios, or of all there are; announce it when something must be compiled."""
    kinds = {True, False} if scenarios is None else {scenario.transplant is not None for scenario in scenarios}
    models = [_model(is_transplant) for is_transplant in sorted(kinds)]
    if not all(model.is_compiled() for model in models):
        announce()
    for is_transplant in sorted(kinds):
        _load(is_transplant)


def make_ready(scenarios: Iterable[Scenario]) -> None:
    """Load the compiled models of some scenarios into this process, once; a worker does it before a run is timed."""
    for is_transplant in {scenario.transplant is not None for scenario in scenarios}:
        _load(is_transplant)


@cache
def _load(is_transplant: bool) -> None:
    _model(is_transplant).warmup()


def _model(is_transplant: bool) -> _Model:
    if is_transplant:
        from simengine import transplant

        return transplant
    from simengine import engine

    return engine
