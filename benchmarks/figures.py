"""A figure: one measured quantity with all its repeats, and the record of all figures of one commit.

Ratios of two figures are taken pair by pair, as their repeats were made in turns under the same load; their median is given.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["FORMAT", "Figure", "Missing", "Record", "load_record", "paired_ratio", "save_record"]

FORMAT = 1
"""Version of the JSON document."""
_TIMES = ("ns", "µs", "ms", "s", "h", "min")


@dataclass(frozen=True)
class Figure:
    """One quantity: CPU time in ``values`` unless the unit says otherwise, wall time in ``wall``, one number a repeat.

    Names are unique within a record. ``beside`` names the figure whose repeats were made in turns with these; a ratio to
    it is shown, and judged where ``most_beside`` (or ``least_beside``) is given. ``goal`` is the largest value that will do, or
    the smallest with ``more_is_better``.
    """

    name: str
    unit: str
    values: Sequence[float]
    wall: Sequence[float] = ()
    goal: float | None = None
    more_is_better: bool = False
    beside: str | None = None
    most_beside: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    case: str = ""

    @property
    def median(self) -> float:
        """The figure itself."""
        return statistics.median(self.values)

    @property
    def is_time(self) -> bool:
        """Whether a slower machine gives a larger number."""
        return self.unit.split(" ")[0] in _TIMES

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.more_is_better else self.median <= self.goal


@dataclass(frozen=True)
class Missing:
    """What was not measured, and why."""

    name: str
    why: str
    case: str = ""


@dataclass
class Record:
    """All figures of one commit on one machine, with the calibration loop of every case, s of CPU."""

    commit: str
    when: str
    machine: dict[str, Any]
    versions: dict[str, str]
    is_quick: bool = False
    calibration_s: dict[str, list[float]] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def forget(self, case: str) -> None:
        """Leave out what was measured of a case, as it is measured anew."""
        self.figures = [figure for figure in self.figures if figure.case != case]
        self.missing = [item for item in self.missing if item.case != case]
        self.calibration_s.pop(case, None)

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name, or None."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def ratio(self, figure: Figure) -> float | None:
        """Return the median ratio of a figure to the one beside it, None where there is none."""
        base = self.figure(figure.beside) if figure.beside else None
        return paired_ratio(figure.values, base.values) if base else None

    def is_met(self, figure: Figure) -> bool | None:
        """Whether a figure reaches its goal and keeps its ratio; None where neither is set."""
        ratio = self.ratio(figure)
        verdicts = [figure.is_met]
        if figure.most_beside is not None and ratio is not None:
            verdicts.append(ratio <= figure.most_beside)
        set_ones = [verdict for verdict in verdicts if verdict is not None]
        return all(set_ones) if set_ones else None


def paired_ratio(values: Iterable[float], base: Iterable[float]) -> float:
    """Return the median of the ratios of repeats that were made in turns.

    Raises
    ------
    ValueError
        When the two do not have as many repeats.
    """
    return statistics.median(value / other for value, other in zip(values, base, strict=True))


def save_record(record: Record, path: Path) -> None:
    """Write a record as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(record)}, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def load_record(path: Path) -> Record:
    """Read a record.

    Raises
    ------
    ValueError
        When the file is not a record of this format.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        raise ValueError(f"{path}: not a record of benchmarks in format {FORMAT}")
    figures = [Figure(**figure) for figure in found.pop("figures")]
    missing = [Missing(**item) for item in found.pop("missing")]
    return Record(**found, figures=figures, missing=missing)
