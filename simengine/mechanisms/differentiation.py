"""Transition to the next stage of a lineage."""

from __future__ import annotations

from simengine.mechanisms.registry import BEHAVIOURS

TRANSITION_PER_H = BEHAVIOURS("transition_per_h", "1/h", "rate of transition to the next stage", 0.0, 2.0)
