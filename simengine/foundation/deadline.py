"""A limit of wall-clock time for what one thread does: long work asks now and then whether its time is over.

The limit is no part of what is computed: it ends work with an error or changes nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["TimeExceeded", "check", "limited"]

_thread = threading.local()


class TimeExceeded(Exception):
    """The work of this thread took longer than it may."""

    status = "time_exceeded"


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Give this thread some seconds from now for what is done inside; None: as long as it takes."""
    _thread.limit = None if seconds is None else (seconds, time.monotonic() + seconds)
    try:
        yield
    finally:
        _thread.limit = None


def check() -> None:
    """Raise `TimeExceeded` where the time of this thread is over; call it between blocks of work."""
    limit = getattr(_thread, "limit", None)
    if limit is not None and time.monotonic() > limit[1]:
        raise TimeExceeded(f"took longer than {limit[0]:g} s")
