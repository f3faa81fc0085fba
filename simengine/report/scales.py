"""Axis scales and ticks: linear, logarithmic, symmetric logarithmic around zero, and time from an hour to a month."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from simengine.report.labels import decade_number, tick_number

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.transforms import Transform

Kind = Literal["linear", "log", "symlog"]
Wanted = Literal["auto", "linear", "log", "symlog"]
SPAN_FOR_LOG = 100.0  # data that span more than this factor are unreadable on a linear axis
MOST_DECADES = 4
NEAR_ZERO = 0.35  # a linear axis whose lowest value is below this share of its highest begins at zero
LINEAR_SHARE = 0.8  # width of the linear part of a symlog axis, in decades, on each side of zero
HOURS_PER_DAY = 24.0
TICK_GAP_IN = 0.45
TIME_TICKS_H = (
    (0, "0"),
    (1, "1 h"),
    (6, "6 h"),
    (24, "1 d"),
    (72, "3 d"),
    (240, "10 d"),
    (720, "30 d"),
    (2160, "90 d"),
    (8640, "1 y"),
)
LINEAR_TO_DAY, LINEAR_WEEKS_DAYS = 62.0, 14.0
LETTER_IN, LABEL_GAP_IN = 0.07, 0.06
FOLLOWUP_TICKS = (
    (0, "0"),
    (100, "100"),
    (30, "30"),
    (14, "14"),
    (365, "1 y"),
    (7, "7"),
    (21, "21"),
    (60, "60"),
    (180, "180"),
    (730, "2 y"),
    (1826, "5 y"),
    (3652, "10 y"),
)
"""Ticks after a transplantation, the most wanted first."""


@dataclass(frozen=True)
class Scale:
    """A kind of axis with the limits it needs; ``linear_below`` is where a symlog axis turns linear."""

    kind: Kind
    low: float
    high: float
    linear_below: float = 1.0

    def apply(self, axis: Axis, most_ticks: int = 6) -> None:
        """Set scale, limits, ticks and labels of one axis."""
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

        axes = axis.axes
        letter = "x" if axis is axes.xaxis else "y"
        if self.kind == "symlog":
            getattr(axes, f"set_{letter}scale")("symlog", linthresh=self.linear_below, linscale=LINEAR_SHARE)
        elif self.kind == "log":
            getattr(axes, f"set_{letter}scale")("log")
        getattr(axes, f"set_{letter}lim")(self.low, self.high)
        if self.kind == "linear":
            axis.set_major_locator(MaxNLocator(nbins=most_ticks - 1, steps=[1, 2, 2.5, 5, 10]))
        else:
            axis.set_major_locator(FixedLocator(self._decades(most_ticks)))
            axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(tick_number if self.kind == "linear" else decade_number))
        axis.set_minor_formatter(NullFormatter())

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Values in the coordinate in which this axis is even, for densities and widths."""
        return np.asarray(self._transform().transform(np.asarray(values, dtype=np.float64)))

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Inverse of `forward`."""
        return np.asarray(self._transform().inverted().transform(np.asarray(values, dtype=np.float64)))

    def _transform(self) -> Transform:
        from matplotlib.scale import LogTransform, SymmetricalLogTransform
        from matplotlib.transforms import IdentityTransform

        if self.kind == "log":
            return LogTransform(10)
        if self.kind == "symlog":
            return SymmetricalLogTransform(10, self.linear_below, LINEAR_SHARE)
        return IdentityTransform()

    def _decades(self, most: int) -> list[float]:
        if self.kind == "log":
            exponents = _spread(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9), most)
            ticks = [10.0**e for e in exponents]
            return ticks if len(ticks) > 1 else _mantissas(self.low, self.high)
        bottom = round(math.log10(self.linear_below))
        sides = (self.low < -self.linear_below) + (self.high > self.linear_below)
        top = math.log10(max(abs(self.low), abs(self.high), self.linear_below))
        powers = [10.0**e for e in _spread(bottom, math.floor(top + 1e-9), max(2, (most - 1) // max(1, sides)))]
        return [t for t in [-p for p in reversed(powers)] + [0.0] + powers if self.low <= t <= self.high]


def choose_scale(values: np.ndarray, wanted: Wanted = "auto", *, include_zero: bool = False) -> Scale:
    """A scale that shows all finite values: linear unless they span more than a hundredfold, symlog if zero is among them.

    Parameters
    ----------
    values : any shape; not-a-number is ignored. What is smaller than a ten-thousandth of the largest is drawn at zero.
    wanted : a kind to force; ``log`` with values at or below zero becomes ``symlog``.
    include_zero : keep zero inside a linear axis.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return Scale("linear", 0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    sizes = np.abs(finite[finite != 0.0])
    kind: Kind = "linear" if wanted == "auto" else wanted
    if wanted == "auto" and low >= 0.0 and sizes.size and high / float(np.quantile(sizes, 0.05)) > SPAN_FOR_LOG:
        kind = "log"
    if kind != "linear" and sizes.size == 0:
        kind = "linear"
    if kind == "log" and (low <= 0.0 or high / low > 10.0**MOST_DECADES):
        kind = "symlog"
    if kind == "linear":
        return _linear(low, high, include_zero)
    if kind == "log":
        room = max(1.12, (high / low) ** 0.03)
        return Scale("log", low / room, high * room)
    smallest = max(float(sizes.min()), float(sizes.max()) * 10.0**-MOST_DECADES)
    linear_below = 10.0 ** math.floor(math.log10(smallest))
    return Scale("symlog", low * 1.3 if low < 0 else -0.12 * linear_below, max(high * 1.3, 0.12 * linear_below), linear_below)


def day_axis(axis: Axis, last_h: float, most_ticks: int = 7) -> str:
    """Ticks of a linear time axis drawn in days, the last day among them where a round step allows; returns its label."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    last = max(last_h / HOURS_PER_DAY, 1e-6)
    axis.axes.set_xlim(0.0, last)
    axis.set_major_locator(FixedLocator(day_ticks(last, most_ticks)))
    axis.set_major_formatter(FuncFormatter(tick_number))
    return "Time (days)"


def day_ticks(last: float, most: int) -> list[float]:
    """Round days from 0: the step with most ticks among those that end on the last day, else among all."""
    power = 10.0 ** math.floor(math.log10(last))
    steps = [k * power for k in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0)]
    steps += [days for days in (7.0, 14.0, 30.0, 90.0, 180.0) if last >= 2.0 * days]
    fitting = [step for step in steps if math.floor(last / step + 1e-6) + 1 <= most]
    ending = [step for step in fitting if abs(last / step - round(last / step)) < 1e-6]
    step = min(ending if ending and last / min(ending) >= 2.0 else fitting)
    return [i * step for i in range(math.floor(last / step + 1e-6) + 1)]


def early_axis(axis: Axis, start_h: float, last_h: float, width_in: float) -> str:
    """Ticks of a time axis drawn in hours that gives the first hours as much room as the last weeks; returns its label.

    Time is linear up to one hour (so that an axis that starts at hour 0 shows it) and logarithmic after it; labels keep
    0.45 inch apart, and the last one that fits the axis is always there.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

    axis.axes.set_xscale("symlog", linthresh=1.0, linscale=0.4)
    axis.axes.set_xlim(start_h, last_h)
    known = [(hour, label) for hour, label in TIME_TICKS_H if start_h <= hour <= last_h * 1.0001]
    places = axis.get_transform().transform(np.array([start_h, *(hour for hour, _ in known), last_h]))
    inches = (places[1:-1] - places[0]) / (places[-1] - places[0]) * width_in
    ticks = known[-1:]
    taken = list(inches[-1:])
    for (hour, label), inch in zip(known[:-1], inches[:-1]):
        if all(abs(inch - other) >= TICK_GAP_IN for other in taken):
            ticks.append((hour, label))
            taken.append(inch)
    axis.set_major_locator(FixedLocator([tick for tick, _ in ticks]))
    axis.set_major_formatter(FixedFormatter([label for _, label in ticks]))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    return "Time"


def followup_axis(axis: Axis, first_day: float, last_day: float, width_in: float) -> str:
    """Ticks of a time axis drawn in days from a transplantation on; returns its label.

    When patients are followed for more than two months the first weeks, in which blood recovers, get more room: time is linear
    in them and turns logarithmic smoothly (inverse hyperbolic sine).
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

    if last_day > LINEAR_TO_DAY:
        axis.axes.set_xscale("asinh", linear_width=LINEAR_WEEKS_DAYS)
    axis.axes.set_xlim(first_day, last_day)
    known = [(day, label) for day, label in FOLLOWUP_TICKS if first_day <= day <= last_day * 1.0001]
    places = axis.get_transform().transform(np.array([first_day, *(day for day, _ in known), last_day], dtype=np.float64))
    inches = (places[1:-1] - places[0]) / (places[-1] - places[0]) * width_in
    kept: list[int] = []
    for i in range(len(known)):
        gaps = (abs(float(inches[i] - inches[j])) - LETTER_IN / 2 * (len(known[i][1]) + len(known[j][1])) for j in kept)
        if all(gap >= LABEL_GAP_IN for gap in gaps):
            kept.append(i)
    axis.set_major_locator(FixedLocator([known[i][0] for i in kept]))
    axis.set_major_formatter(FixedFormatter([known[i][1] for i in kept]))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    return "Days after the graft"


def _linear(low: float, high: float, include_zero: bool) -> Scale:
    if include_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high == 0.0:
        return Scale("linear", -0.04, 1.04)
    span = high - low
    if 0.0 < low < NEAR_ZERO * high:
        return Scale("linear", 0.0, high + 0.04 * high)
    if span <= 1e-12 * max(abs(low), abs(high), 1e-300):
        half = 0.5 * abs(low) if low else 0.5
        return Scale("linear", low - half, high + half)
    return Scale("linear", low - 0.04 * span, high + 0.04 * span)


def _spread(first: int, last: int, most: int) -> list[int]:
    if last < first:
        return []
    step = max(1, math.ceil((last - first + 1) / most))
    return list(range(first, last + 1, step))


def _mantissas(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    return [m * 10.0**e for e in decades for m in (1, 2, 5) if low <= m * 10.0**e <= high]
