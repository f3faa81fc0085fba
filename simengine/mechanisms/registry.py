"""What mechanisms declare: names that become rows of arrays.

A mechanism introduces signals, behaviours, causes of death, parameters, pools and solutes by name. Each register hands
out the row number, in the order of declaration; modules are imported in sorted order, so rows are the same in every
process. What depends on the catalogue (one signal and three behaviours per field, one cause per arm of attack) follows
after all declared rows, so that its rows are an offset plus the index of the field or the arm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "BEHAVIOURS",
    "CAUSES",
    "FIELD_BEHAVIOURS",
    "PARAMETERS",
    "POOLS",
    "SIGNALS",
    "SOLUTES",
    "Declared",
    "Register",
]


@dataclass(frozen=True)
class Declared:
    """One declared name: its unit, the bounds of its values, what it means, and the module that declared it."""

    name: str
    unit: str
    low: float
    high: float
    meaning: str


@dataclass
class Register:
    """Names of one kind, in order of declaration; the row number of a name is its place."""

    kind: str
    rows: list[Declared] = field(default_factory=list)

    def __call__(self, name: str, unit: str, meaning: str, low: float = 0.0, high: float = 1e30) -> int:
        """Declare ``name`` and return its row.

        Raises
        ------
        ValueError
            If the name is taken: two mechanisms must not write one row under one name by accident.
        """
        if name in self.names():
            raise ValueError(f"{self.kind} {name!r} is declared twice")
        self.rows.append(Declared(name, unit, low, high, meaning))
        return len(self.rows) - 1

    def names(self) -> list[str]:
        """Return all declared names in row order."""
        return [row.name for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)


SIGNALS = Register("signal")
BEHAVIOURS = Register("behaviour")
CAUSES = Register("cause")
PARAMETERS = Register("parameter")
POOLS = Register("pool")
SOLUTES = Register("solute")

FIELD_BEHAVIOURS = ("secretion", "uptake", "chemotaxis")
"""Behaviours that exist once per field: row = len(BEHAVIOURS) + i * n_fields + field."""
