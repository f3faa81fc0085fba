"""Units: what the strings of the catalogue and the suffixes of keys mean, their dimension, and how to convert.

A unit is a product of powers of known symbols: `ng/mL`, `cells/kg`, `um^2/min`, `1/h`, `mL/min/kg`; each `/` divides by
the one symbol that follows it. Factors are exact fractions of the canonical units (hour, micrometre, nanogram, cell).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

Dimension = tuple[tuple[str, int], ...]
"""Base quantities with their powers, in alphabetical order: `(("length", 3), ("time", -1))` is a flow."""

_ATOM = re.compile(r"^([A-Za-z]+|1)(?:\^?(-?[1-9]))?$")


@dataclass(frozen=True)
class Unit:
    """A unit as written, its dimension, and its size in canonical units."""

    name: str
    dimension: Dimension
    factor: Fraction

    def same_as(self, other: Unit) -> bool:
        """Whether a number means the same in both units (`1` and `fraction`, `day` and `days`)."""
        return self.dimension == other.dimension and self.factor == other.factor


class UnknownUnit(ValueError):
    """A unit string, or a part of one, that stands for nothing here."""


def _atoms() -> dict[str, tuple[str, Fraction]]:
    """Return every symbol with its base quantity and size in the canonical unit of that quantity (SI definitions)."""
    table: dict[str, tuple[str, Fraction]] = {}

    def define(quantity: str, **sizes: Fraction | int) -> None:
        table.update({symbol: (quantity, Fraction(size)) for symbol, size in sizes.items()})

    second = Fraction(1, 3600)
    day, year = Fraction(24), Fraction(24) * Fraction("365.25")  # the Julian year of the IAU
    define("time", s=second, min=60 * second, h=1, day=day, days=day, week=7 * day, weeks=7 * day)
    define("time", year=year, years=year)
    define("length", nm=Fraction(1, 1000), um=1, mm=1000, cm=10_000, m=1_000_000)
    define("mass", fg=Fraction(1, 10**6), pg=Fraction(1, 1000), ng=1, ug=1000, mg=10**6, g=10**9, kg=10**12)
    define("cells", cell=1, cells=1)
    define("amount", fmol=Fraction(1, 10**6), pmol=Fraction(1, 1000), nmol=1, umol=1000, mmol=10**6, mol=10**9)
    define("activity", IU=1)
    define("pressure", Pa=1, kPa=1000, mmHg=Fraction("133.322387415"))
    define("memory", B=1, kB=1000, MB=10**6, GB=10**9)
    define("", fraction=1, fold=1, ratio=1, percent=Fraction(1, 100), points=Fraction(1, 100), count=1, beats=1)
    define("", doublings=1, divisions=1, passages=1, score=1)
    return table


_ATOMS = _atoms()
_COMPOUND: dict[str, tuple[str, int | Fraction]] = {
    "L": ("mm^3", 10**6),
    "dL": ("mm^3", 10**5),
    "mL": ("mm^3", 1000),
    "uL": ("mm^3", 1),
    "nL": ("um^3", 10**6),
    "pL": ("um^3", 1000),
    "M": ("mol/mm^3", Fraction(1, 10**6)),
    "mM": ("mmol/mm^3", Fraction(1, 10**6)),
    "uM": ("umol/mm^3", Fraction(1, 10**6)),
    "nM": ("nmol/mm^3", Fraction(1, 10**6)),
    "pM": ("pmol/mm^3", Fraction(1, 10**6)),
    "bpm": ("beats/min", 1),
}
_SAME_IN_KEYS = (
    "s min h day days week weeks year years nm um mm cm um2 mm2 cm2 um3 mm3 cm3 fg pg ng ug mg g kg cell cells "
    "pmol nmol umol mmol percent points bpm fraction fold"
)
_OF_SUFFIX = {
    **{suffix: suffix for suffix in _SAME_IN_KEYS.split()},
    "l": "L",
    "dl": "dL",
    "ml": "mL",
    "ul": "uL",
    "nl": "nL",
    "pl": "pL",
    "iu": "IU",
    "mmhg": "mmHg",
    "mb": "MB",
}


@cache
def parse_unit(name: str) -> Unit:
    """Return the unit that a string stands for; raises UnknownUnit, which names the part that is unknown."""
    powers: dict[str, int] = {}
    factor = Fraction(1)
    for i, group in enumerate(name.split("/")):
        for j, symbol in enumerate(group.replace("*", " ").split() or [""]):
            sign = -1 if i > 0 and j == 0 else 1
            atom, power = _split(symbol, name)
            for quantity, exponent in atom.dimension:
                powers[quantity] = powers.get(quantity, 0) + sign * power * exponent
            factor *= atom.factor ** (sign * power)
    return Unit(name, tuple(sorted((q, p) for q, p in powers.items() if p)), factor)


def _split(symbol: str, whole: str) -> tuple[Unit, int]:
    """Return the unit of a symbol without its power, and the power."""
    match = _ATOM.match(symbol)
    if match is None:
        raise UnknownUnit(f'"{symbol}" in "{whole}"')
    base, power = match[1], int(match[2] or 1)
    if base == "1":
        return Unit("1", (), Fraction(1)), 1
    if base in _ATOMS:
        quantity, size = _ATOMS[base]
        return Unit(base, ((quantity, 1),) if quantity else (), size), power
    if base in _COMPOUND:
        inner, multiple = _COMPOUND[base]
        unit = parse_unit(inner)
        return Unit(base, unit.dimension, unit.factor * multiple), power
    raise UnknownUnit(f'"{base}" in "{whole}"')


def convert(value: float, source: str, target: str) -> float:
    """Return `value` given in unit `source` as a number in unit `target`.

    Raises
    ------
    ValueError
        When a unit is unknown or the two measure different things.
    """
    before, after = parse_unit(source), parse_unit(target)
    if before.dimension != after.dimension:
        raise ValueError(f'"{source}" measures {measures(before)}, "{target}" measures {measures(after)}')
    ratio = before.factor / after.factor
    return value * ratio.numerator / ratio.denominator


def measures(unit: Unit) -> str:
    """Return the dimension of a unit in words: `length^3 time^-1`, or `a pure number`."""
    return " ".join(q if p == 1 else f"{q}^{p}" for q, p in unit.dimension) or "a pure number"


def unit_of_key(key: str) -> str | None:
    """Return the unit that the suffix of a key states, or None.

    `age_h` is in h, `dose_cells_per_kg` in cells/kg, `kill_rate_per_h` in 1/h; the longest suffix that
    reads as a unit counts.
    """
    words = key.rsplit(".", 1)[-1].split("_")
    for start in range(1, len(words)):
        unit = _unit_of_words(words[start:])
        if unit is not None:
            return unit
    return None


def _unit_of_words(words: list[str]) -> str | None:
    text = " ".join(words)
    symbols = (f"1 {text}" if words[0] == "per" else text).split(" per ")
    names = ["1" if symbol == "1" else _OF_SUFFIX.get(symbol, "") for symbol in symbols]
    return "/".join(names) if all(names) else None


def unit_symbols() -> tuple[str, ...]:
    """Return every symbol a unit may be made of."""
    return (*_ATOMS, *_COMPOUND)
