"""Which arms share a panel: a panel holds as many as the eye can tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
MOST_CURVES = 6


def share_panels(arms: Sequence[T], most: int = MOST_CURVES) -> list[list[T]]:
    """Split arms, in their order, over as few panels as hold them, panels as equal as can be (13 arms: 5, 4, 4)."""
    n_panels = max(1, math.ceil(len(arms) / most))
    size, larger = divmod(len(arms), n_panels)
    starts = [i * size + min(i, larger) for i in range(n_panels + 1)]
    return [list(arms[a:b]) for a, b in pairwise(starts)]
