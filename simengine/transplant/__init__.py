"""Transplantation of blood stem cells at body level: one compiled loop over a year of a patient."""

from __future__ import annotations

from simengine.transplant.run import simulate
from simengine.transplant.state import CAUSES
from simengine.transplant.warm import is_compiled, warmup

__all__ = ["CAUSES", "is_compiled", "simulate", "warmup"]
