"""Sampled designs: points spread over ranges, the same on every machine and known before the first run.

Numbers have addresses (seed, path, number of the point), so that one more range moves no value of another; in a Sobol
design the ranges share a sequence, whose dimensions follow the paths in alphabetical order. Numbers are rounded to six
digits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any

from simengine.foundation.distributions import Arithmetic, quantile
from simengine.foundation.errors import shown
from simengine.foundation.positions import FieldPath
from simengine.scenario.findings import Finding, told
from simengine.scenario.labels import sample_label, short_names
from simengine.scenario.paths import slot_at
from simengine.scenario.sobol import BITS, sobol_column
from simengine.scenario.study_file import Range, Sample

_ARITHMETIC = Arithmetic(math.exp, math.log, NormalDist().inv_cdf)
"""Their last bits may differ between machines; values are rounded to six digits."""
_CENTRED = ("triangular", "normal", "lognormal")
_ON_LOG_SCALE = ("loguniform", "lognormal")


def sample_findings(kind: str, sample: Sample, paths: Mapping[str, FieldPath], place: FieldPath) -> Iterator[Finding]:
    """Yield what is wrong with a sampled design beyond its shape; `paths` are those of its ranges, empty if unknown."""
    if kind == "sobol" and sample.n & (sample.n - 1):
        powers = f"a power of 2, such as {1 << sample.n.bit_length() - 1} or {1 << sample.n.bit_length()}"
        yield Finding((*place, "n"), str(sample.n), powers)
    for name, limits in sample.ranges.items():
        yield from _range_findings(limits, (*place, "ranges", name))
        slot = slot_at(paths[name]) if paths[name] else None
        if slot and limits.choices == () and slot.annotation not in (int, float):
            yield Finding((*place, "ranges", name), "bounds", f"choices, as {name} is no number")


def _range_findings(limits: Range, place: FieldPath) -> Iterator[Finding]:
    low, high, value = limits.low, limits.high, limits.value
    if limits.choices:
        for field in sorted(limits.model_fields_set - {"choices"}):
            yield Finding((*place, field), field, "either choices, or low and high", at_key=True)
        for i, choice in enumerate(limits.choices):
            if choice in limits.choices[:i]:
                yield Finding((*place, "choices", i), f"{shown(choice)} again", "each choice once")
        return
    if low is None or high is None:
        yield Finding(place, "a range without its bounds", "low and high, or choices")
        return
    if not low < high:
        yield Finding((*place, "high"), told(high), f"more than low ({told(low)})")
    if limits.distribution in _ON_LOG_SCALE and low <= 0.0:
        yield Finding((*place, "low"), told(low), f"more than 0 for a {limits.distribution} distribution")
    if limits.distribution in _CENTRED and value is None:
        yield Finding((*place, "value"), "nothing", f"a number from low to high for a {limits.distribution} distribution")
    if limits.distribution not in _CENTRED and value is not None:
        expected = f"no value for a {limits.distribution} distribution"
        yield Finding((*place, "value"), told(value), expected, "leave it out", at_key=True)
    if limits.distribution in _CENTRED and value is not None and low < high and not low <= value <= high:
        yield Finding((*place, "value"), told(value), f"a number from low to high ({told(low)} to {told(high)})")


def draw_samples(
    kind: str, sample: Sample, paths: Mapping[str, FieldPath], study_seed: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield label and values by path of every point of a sound design, in the order of their numbers."""
    seed = study_seed if sample.seed is None else sample.seed
    names = sorted(sample.ranges)
    shares = _SHARES[kind](names, sample.n, seed)
    short = short_names(names)
    for i in range(sample.n):
        row = {}
        for name, column in zip(names, shares):
            slot = slot_at(paths[name])
            row[name] = _value(sample.ranges[name], column[i], slot is not None and slot.annotation is int)
        yield sample_label(i, sample.n, row, short), row


def _value(limits: Range, u: float, is_whole: bool) -> Any:
    """Return the value of a range at a share of its distribution; whole numbers within bounds are equally likely."""
    if limits.choices:
        return limits.choices[int(u * len(limits.choices))]
    low, high = limits.low or 0.0, limits.high or 0.0
    if is_whole and limits.distribution == "uniform":
        return min(int(low + u * (high - low + 1.0)), int(high))
    found = quantile(limits.distribution, low, limits.value or 0.0, high, u, _ARITHMETIC)
    found = min(max(float(f"{found:.6g}"), low), high)
    return round(found) if is_whole else found


def _addressed(name: str, n: int, seed: int, what: str) -> list[float]:
    """Return n uniform numbers of a path, each by its own address: the first 53 bits of its hash.

    The addressed numbers of the engine need the compiler, which a file that is read must not start.
    """
    texts = (f"design.{what}/{seed}/{name}/{i}".encode() for i in range(n))
    return [(int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) * 2.0**-53 for text in texts]


def _latin_hypercube(names: Sequence[str], n: int, seed: int) -> list[list[float]]:
    """Return shares of n equal parts of each range, each part once, in an order of its own.

    Source: M. D. McKay, R. J. Beckman, W. J. Conover, Technometrics 21 (1979) 239-245.
    """
    shares = []
    for name in names:
        order, inside = _addressed(name, n, seed, "order"), _addressed(name, n, seed, "inside")
        part = {i: k for k, i in enumerate(sorted(range(n), key=lambda i: (order[i], i)))}
        shares.append([(part[i] + inside[i]) / n for i in range(n)])
    return shares


def _sobol(names: Sequence[str], n: int, seed: int) -> list[list[float]]:
    """Return the first n points of the Sobol sequence, each dimension shifted by the seed in its binary digits."""
    shifts = [int(_addressed(name, 1, seed, "shift")[0] * 2**BITS) for name in names]
    return [[((k ^ shift) + 0.5) / 2**BITS for k in sobol_column(j, n)] for j, shift in enumerate(shifts)]


def _random(names: Sequence[str], n: int, seed: int) -> list[list[float]]:
    return [_addressed(name, n, seed, "inside") for name in names]


_SHARES = {"latin_hypercube": _latin_hypercube, "sobol": _sobol, "random": _random}
