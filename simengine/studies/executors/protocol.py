"""What the loop over the runs of a study asks of those who do them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

__all__ = ["Executor", "WorkerLost"]


class WorkerLost(Exception):
    """The process that was doing this is gone."""


class Executor(Protocol):
    """Does calls, several at a time, and answers through futures; made by `open_executor`."""

    name: str
    may_exit: bool
    """Whether each worker is a process of its own that is replaced when it ends."""

    @property
    def workers(self) -> int:
        """How many calls are done at a time; may change while a study runs."""
        ...

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a call done; function, arguments and answer may be sent to another machine."""
        ...

    def losses(self, error: BaseException) -> int:
        """Return how many workers were lost over a call that ended with this error; 0 if it has another cause."""
        ...

    def stop(self) -> None:
        """Begin no further call; those under way may end."""
        ...

    def close(self) -> None:
        """End at once whatever still runs."""
        ...
