"""What a run leaves behind: the recorded course, its events and its snapshots, with the names of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Course"]


@dataclass(frozen=True)
class Course:
    """One possible course of one patient.

    Attributes
    ----------
    patches, product_types, host_types, fields, compartments, fates, event_names, drugs : tuple of str
        What there is, by name; compartments are those in which product cells can be alive, fates those of the body.
    address : (seed, patient, replicate)
    hours : float64[S]
        Recorded times, h since day 0.
    values : float64[S, R]
        One row per time; ``columns`` names the R columns: ``patch.quantity.detail`` (see ``engine.record``).
    events : mapping
        ``tick`` ``event`` (row of ``event_names``; one past its end = arrival) ``type`` int64[E], ``uid`` uint64[E],
        ``hour`` float64[E] exact times.
    snapshots : mapping
        From the day's label to the arrays of a snapshot.
    tally : float64[3, P, E, T]
        At the end: real cells, agents, and cumulative hazard of events, by patch, event (``event_names``) and type.
    status : str
        ``ok``, ``numerical_error`` or ``capacity_exceeded``; ``reason`` says more.
    traits : mapping
        What was drawn for the patient.
    statistics : mapping
        What the run cost: steps, solver cycles. Nothing that depends on the machine.
    """

    patches: tuple[str, ...]
    product_types: tuple[str, ...]
    host_types: tuple[str, ...]
    fields: tuple[str, ...]
    compartments: tuple[str, ...]
    fates: tuple[str, ...]
    event_names: tuple[str, ...]
    drugs: tuple[str, ...]
    address: tuple[int, int, int]
    columns: tuple[str, ...]
    hours: NDArray[np.float64]
    values: NDArray[np.float64]
    events: Mapping[str, NDArray[Any]]
    snapshots: Mapping[str, Mapping[str, NDArray[Any]]]
    tally: NDArray[np.float64]
    status: str
    reason: str
    traits: Mapping[str, float]
    statistics: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.columns)}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return the recorded series of one column, float64[S]."""
        return self.values[:, self._rows[name]]

    def total(self, names: list[str]) -> NDArray[np.float64]:
        """Return the sum of several columns, added in the order given, float64[S]."""
        out = np.zeros(len(self.hours))
        for name in names:
            out = out + self[name]
        return out
