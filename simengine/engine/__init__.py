"""Time: from a scenario to the course of one patient."""

from __future__ import annotations

from simengine.engine.run import Stopped, simulate
from simengine.engine.warm import is_compiled, warmup

__all__ = ["Stopped", "is_compiled", "simulate", "warmup"]
