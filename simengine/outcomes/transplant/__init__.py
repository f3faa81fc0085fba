"""Meaning of a blood-stem-cell transplantation: clinical definitions applied to the daily record of one patient.

As the modules of tissue runs, each declares ``COLUMNS`` and ``measure``. They read the course alone, which holds one record a
day from the first day of conditioning (negative; on day 0 the graft is given) to death or the end of follow-up.
"""

from __future__ import annotations

__all__ = ["MODULES"]

MODULES = ("transplant.engraftment", "transplant.gvhd", "transplant.survival", "pair")
"""Outcome modules of a transplantation, in the order of their columns."""
