"""Division. The daughter's place, identity and thresholds are set where fates are decided."""

from __future__ import annotations

from simengine.mechanisms.registry import BEHAVIOURS

DIVISION_PER_H = BEHAVIOURS("division_per_h", "1/h", "rate of division", 0.0, 0.2)
