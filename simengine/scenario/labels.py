"""How points of a study are called: short, and each by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simengine.foundation.errors import shown

MOST_TOLD = 3
"""Values that the label of a sampled point shows."""


def brief(value: Any) -> str:
    """Return a value as a label shows it: `0/8`, `50`, `1e6`."""
    if isinstance(value, str):
        return value
    short = f"{value:g}" if isinstance(value, float) else shown(value)
    return _plain(short) if isinstance(value, float) and float(short) == value else shown(value)


def sample_label(index: int, n: int, row: Mapping[str, Any], short: Mapping[str, str]) -> str:
    """Return the label of a sampled point, `#017 dose_cells=3.2e7`: its number, and its first values to two or three digits.

    The number makes it distinct; the values themselves stand in the table of points.
    """
    told = ", ".join(f"{short[name]}={_rough(value)}" for name, value in list(row.items())[:MOST_TOLD])
    more = ", ..." if len(row) > MOST_TOLD else ""
    return f"#{index:0{max(3, len(str(n - 1)))}d} {told}{more}"


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the shortest telling ends of dotted paths: `delivery.0.dose_cells` is `dose_cells`, but a name is whose it is."""
    short = {}
    for path in paths:
        words = path.split(".")
        ends = (".".join(words[-k:]) for k in range(1, len(words) + 1))
        others = [f".{other}" for other in paths if other != path]
        ends = (end for end in ends if end != "name")
        short[path] = next((end for end in ends if not any(other.endswith(f".{end}") for other in others)), path)
    return short


def _rough(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _plain(f"{value:.3g}") if is_number else brief(value)


def _plain(text: str) -> str:
    """Return a number without the plus and zeros of its exponent."""
    return re.sub(r"e(-?)\+?0*", r"e\1", text)
