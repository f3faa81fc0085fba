"""How time is taken: CPU of this thread and wall, repeats in turns, and a fixed loop that tells machines and loads apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.figures import Figure
from simengine.foundation.jit import kernel
from simengine.foundation.math import exp

__all__ = ["Spent", "calibrate", "figures_of", "in_turns", "spent", "timed", "work"]

CALIBRATION_STEPS = 20_000_000


class Spent(NamedTuple):
    """What one repeat took, in the unit of its figure."""

    cpu: float
    wall: float

    def per(self, units: float, scale: float = 1e9) -> Spent:
        """Return this (in seconds) as ``scale`` parts of a second per unit of work: ns by default."""
        return Spent(self.cpu * scale / units, self.wall * scale / units)


@kernel
def work(n):  # type: ignore[no-untyped-def]
    """Return a sum of ``n`` own exponentials: about ten nanoseconds each."""
    total = 0.0
    for i in range(n):
        total += exp(-1e-7 * i)
    return total


def timed(action: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Spent, Any]:
    """Return the seconds that a call took in this thread, and its result."""
    wall, cpu = time.perf_counter(), time.thread_time()
    result = action(*arguments, **options)
    return Spent(time.thread_time() - cpu, time.perf_counter() - wall), result


def spent(action: Callable[[], object], units: float, times: int = 1) -> Spent:
    """Return ns per unit of ``times`` calls that do ``units`` of work each."""

    def repeat() -> None:
        for _ in range(times):
            action()

    return timed(repeat)[0].per(times * units)


def calibrate() -> float:
    """Return the CPU seconds of the calibration loop."""
    work(1000)
    return timed(work, CALIBRATION_STEPS)[0].cpu


def in_turns(ways: Mapping[str, Callable[[], Spent]], repeats: int) -> dict[str, list[Spent]]:
    """Call every way once unrecorded, then ``repeats`` times in turn; return what each gave."""
    for way in ways.values():
        way()
    seen: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seen[name].append(way())
    return seen


def figures_of(title: str, unit: str, seen: Mapping[str, list[Spent]], base: str | None = None) -> dict[str, Figure]:
    """Return a figure for each way, named ``title: way``, beside the base where there is one."""
    beside = f"{title}: {base}" if base in seen else None
    return {
        way: Figure(
            f"{title}: {way}",
            unit,
            [one.cpu for one in found],
            [one.wall for one in found],
            beside=None if way == base else beside,
        )
        for way, found in seen.items()
    }
