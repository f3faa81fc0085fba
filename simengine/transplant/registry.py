"""Parameters that the mechanisms of transplantation declare: each gets a row of ``Patient.par`` in the order of declaration."""

from __future__ import annotations

from simengine.mechanisms.registry import Register

__all__ = ["PARAMETERS"]

PARAMETERS = Register("parameter")
