"""How much memory this process has taken."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_mb"]

_STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the largest resident size of this process so far, MB (10⁶ bytes), pages shared with other processes included.

    Linux says it in ``VmHWM``; elsewhere it is that of `getrusage`, which a process inherits from the one that began it.
    """
    if _STATUS.exists():
        kib = next(line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kib) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
