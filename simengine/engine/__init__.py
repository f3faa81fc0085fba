"""Time: from a scenario to the course of one patient."""

from __future__ import annotations

from simengine.engine.run import Stopped, simulate, warmup

__all__ = ["Stopped", "simulate", "warmup"]
