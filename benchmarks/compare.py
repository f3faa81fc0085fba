"""What got slower, faster, larger or smaller between two records, by more than the spread of the repeats.

Times are divided by the calibration loop of their own case and run, so that a slower machine or a busier hour is not
taken for slower code. A figure changed when the ranges of its repeats, so scaled, do not touch, with 3 % between them;
where one of the two was measured but once, with 20 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure, Record

__all__ = ["LEAST_CHANGE", "LEAST_CHANGE_OF_ONE", "Change", "changes"]

LEAST_CHANGE = 0.03
"""Share by which the ranges of repeats must be apart."""
LEAST_CHANGE_OF_ONE = 0.2
"""The same where one repeat shows nothing of its range."""


@dataclass(frozen=True)
class Change:
    """One figure of two records: its ratio after scaling, below 1 if better; ``verdict`` is worse, better or same."""

    name: str
    ratio: float
    verdict: str


def changes(before: Record, after: Record) -> list[Change]:
    """Return the changes of all figures that both records have, the worst first."""
    found = []
    for figure in after.figures:
        earlier = before.figure(figure.name)
        if earlier is not None:
            found.append(_change(figure.name, _scaled(earlier, before), _scaled(figure, after)))
    return sorted(found, key=lambda change: -change.ratio)


def _scaled(figure: Figure, record: Record) -> Sequence[float]:
    """Return the repeats of a figure, lower always better, times in units of the calibration loop."""
    loop = statistics.median(record.calibration_s[figure.case]) if figure.is_time else 1.0
    return [loop / value if figure.more_is_better else value / loop for value in figure.values]


def _change(name: str, before: Sequence[float], after: Sequence[float]) -> Change:
    apart = 1.0 + (LEAST_CHANGE if min(len(before), len(after)) > 1 else LEAST_CHANGE_OF_ONE)
    verdict = "same"
    if min(after) > max(before) * apart:
        verdict = "worse"
    elif max(after) * apart < min(before):
        verdict = "better"
    return Change(name, statistics.median(after) / statistics.median(before), verdict)
