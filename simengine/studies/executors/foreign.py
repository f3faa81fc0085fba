"""Work done elsewhere: on a Dask cluster, or by any object with the `submit` of `concurrent.futures`."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from simengine.studies.design import RequestError
from simengine.studies.executors.local import deaf_children
from simengine.studies.files import ResultsError

__all__ = ["Cluster", "Foreign", "client_of", "local_cluster"]

CONNECT_S = 30
DESERTED_S = 60
"""How long a cluster of our own may be without a worker, while lost ones are started again, s."""
CLOSE_S = 2
GONE = "the cluster that did the runs is gone; what was finished is saved, the same command continues"
COUNT_AGAIN_S = 5.0


class Foreign:
    """An object with `submit(function, *arguments)` that returns futures; it is the caller's, and stays open."""

    may_exit = False

    def __init__(self, given: Any, workers: int) -> None:
        self.name = type(given).__name__
        self.workers = getattr(given, "_max_workers", workers)
        self._given = given

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand the call over."""
        future: Future[Any] = self._given.submit(function, *arguments)
        return future

    def losses(self, error: BaseException) -> int:
        """A pool of the standard library breaks when a process of it dies, and takes no further call."""
        return int(isinstance(error, BrokenExecutor))

    def stop(self) -> None:
        """What was handed over is not ours to recall."""

    def close(self) -> None:
        """The object belongs to the caller."""


class Cluster:
    """A Dask cluster through its client; with `owned`, things to close at the end, and `others`, workers of other clusters."""

    def __init__(
        self, client: Any, owned: tuple[Any, ...] = (), may_exit: bool = False, others: Iterable[BaseProcess] = ()
    ) -> None:
        self.name = "dask"
        self._others = frozenset(others)
        self.may_exit = may_exit
        self.client, self._owned = client, owned
        self._sent: set[Any] = set()
        self._asked = len(owned[1].workers) if owned[1:] else 0
        self._workers, self._counted = 0, float("-inf")
        self._last_seen = time.monotonic()

    @property
    def workers(self) -> int:
        """Threads of all workers that are there now; a cluster may grow and shrink.

        Raises
        ------
        ResultsError
            If the cluster is gone, or none of the workers that were started here is left.
        """
        if self.client.status in ("closing", "closed"):
            raise ResultsError(GONE)
        if time.monotonic() - self._counted > COUNT_AGAIN_S:
            with contextlib.suppress(OSError):  # a scheduler that does not answer may come back; else its client closes
                self._workers = sum(self.client.nthreads().values())
            self._counted = time.monotonic()
            self._renew()
            if self._workers:
                self._last_seen = self._counted
            elif self._owned[1:] and self._counted - self._last_seen > DESERTED_S:
                raise ResultsError(GONE)
        return max(1, self._workers)

    def _renew(self) -> None:
        """Have workers of our own started anew that were killed while they started: their keepers have given them up."""
        from distributed.core import Status

        for cluster in self._owned[1:]:
            for name, nanny in tuple(cluster.workers.items()):
                if nanny.status in (Status.failed, Status.closed):
                    cluster.workers.pop(name, None)
            cluster.scale(self._asked)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Send a call; Dask itself tries again elsewhere, as often as the scheduler's `allowed-failures` says."""
        answer: Future[Any] = Future()
        theirs = self.client.submit(function, *arguments, pure=False)
        self._sent.add(theirs)
        theirs.add_done_callback(partial(self._pass_on, answer))
        return answer

    def _pass_on(self, answer: Future[Any], theirs: Any) -> None:
        """Fetch an answer; in a thread of Dask's, so that the loop over runs never waits for the network."""
        from distributed.comm import CommClosedError

        try:
            answer.set_result(theirs.result())
        except CancelledError:
            answer.cancel()
        except CommClosedError:
            answer.set_exception(ResultsError(GONE))
        except Exception as error:
            answer.set_exception(error)
        self._sent.discard(theirs)

    def losses(self, error: BaseException) -> int:
        """Dask says so when a call has lost more workers than the scheduler allows."""
        from distributed import KilledWorker

        return getattr(error, "allowed_failures", 0) + 1 if isinstance(error, KilledWorker) else 0

    def stop(self) -> None:
        """Let the batches that were sent end; each takes a second at most, unless one run takes longer."""

    def close(self) -> None:
        """Recall what was not done, and end the cluster if it was made for this study."""
        if self._sent and self.client.status == "running":
            self.client.cancel(list(self._sent), force=True)
        if self._sent:
            self._kill()
        self._sent.clear()
        for thing in self._owned:
            try:
                thing.close(timeout=CLOSE_S)
            except TimeoutError:
                self._kill()
        self._kill()

    def _kill(self) -> None:
        """Kill the worker processes of a cluster of our own, so that its end waits for no run.

        By what the system says and not by what the cluster knows: it forgets workers before they have ended, also one that
        is just being started in place of a lost one, and this process could not end before them.
        """
        for cluster in self._owned[1:]:
            for nanny in tuple(cluster.workers.values()):
                nanny.auto_restart = False
        for child in _dask_children() if self._owned[1:] else ():
            if child not in self._others:
                child.kill()
                child.join(CLOSE_S)


def _dask_children() -> list[BaseProcess]:
    """Return the worker processes of Dask that this process has started."""
    return [child for child in multiprocessing.active_children() if child.name.startswith("Dask Worker process")]


def client_of(place: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a client of a scheduler's address, a cluster object (dask-jobqueue) or a client, and what must be closed.

    Raises
    ------
    RequestError
        If Dask is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise RequestError("--dask needs Dask: install the extra `dask` (dask and distributed)") from None
    if isinstance(place, Client):
        return place, ()
    try:
        client: Any = Client(place, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RequestError(f"--dask: no scheduler answers at {place}: {error}") from None
    return client, (client,)


def local_cluster(workers: int) -> Cluster:
    """Start a Dask cluster of processes on this machine."""
    try:
        import dask
        from distributed import LocalCluster
    except ImportError:
        raise RequestError("--dask needs Dask: install the extra `dask` (dask and distributed)") from None
    # A lost worker is reported at once, with the one batch that it had: the loop over runs decides what is tried again.
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.scheduler.worker-saturation": 1.0}
    talk = logging.getLogger("distributed")
    talk.propagate = False
    for handler in talk.handlers:  # now: a cluster puts back the level that it found, and then closes
        handler.setLevel(logging.CRITICAL)
    others = _dask_children()
    with dask.config.set(settings), deaf_children():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        )
        client, _ = client_of(cluster)
    return Cluster(client, (client, cluster), may_exit=True, others=others)
