"""A fault that is not yet placed in a file, and what every check of a scenario is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simengine.foundation.errors import listed, nearest, shown
from simengine.foundation.positions import FieldPath

if TYPE_CHECKING:
    from simengine.catalog import Catalog
    from simengine.scenario.model import Scenario


@dataclass(frozen=True)
class Finding:
    """A fault at a path of a scenario; `at_key` when the key itself is the fault."""

    path: FieldPath
    found: str
    expected: str
    hint: str = ""
    at_key: bool = False


class Unsound(Exception):
    """A check has read a value that is itself invalid."""


Check = Callable[["Scenario", "Catalog"], Iterator[Finding]]
CheckOfElement = Callable[["Scenario", "Catalog", int], Iterator[Finding]]
"""A check of the n-th element of a list of tables."""


def known(path: FieldPath, name: object, names: Iterable[str], *, at_key: bool = False) -> Iterator[Finding]:
    """Yield a finding unless `name` is one of `names`."""
    every = list(names)
    if name not in every:
        yield Finding(path, shown(name), listed(every), nearest(name, every), at_key)


def told(number: float) -> str:
    """Return a number as a user writes it: 12 and not 12.0."""
    return repr(number).removesuffix(".0")
