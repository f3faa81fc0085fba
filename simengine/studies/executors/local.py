"""Work on this machine: in the calling thread, in threads, or in processes started afresh (spawn).

Kernels release the interpreter lock, so that threads share the cores and one compiled engine. Processes cost a second of
start-up and half a gigabyte each, and protect: a run that crashes or eats up the memory takes down nobody else.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Protocol

from simengine.studies.executors.protocol import WorkerLost
from simengine.studies.files import ResultsError
from simengine.studies.provenance import program

__all__ = ["Pool", "ProcessWorker", "Serial", "ThreadWorker", "deaf_children"]


STARTS = 30
"""How often a worker is started that is killed each time before it begins: where workers live for as short as they need to
start, one in two is, and ten in a row were seen."""
BEGUN = "begun"
LAST_WORDS_S = 2.0
"""How long a process that closed its connection may take to end by itself, s."""


@contextmanager
def deaf_children() -> Iterator[None]:
    """Let processes that are started inside be deaf to SIGINT and SIGTERM from their first instruction.

    A Ctrl-C goes to all processes of a terminal; when to stop is for the one that writes to say.
    """
    resource_tracker.ensure_running()  # its own start would end the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class NotBegun(WorkerLost):
    """A worker process was killed before it began what it was to do."""


class _Cut(BaseException):
    """A stop was asked for while a call was done in this very thread."""


class Serial:
    """Does each call at once, where it is asked for."""

    name, may_exit, workers = "serial", False, 1

    def __init__(self) -> None:
        self._is_busy = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do the call; the future that comes back is done, or cancelled where a signal cut it short."""
        future: Future[Any] = Future()
        self._is_busy = True
        try:
            future.set_result(function(*arguments))
        except _Cut:
            future.cancel()
        except Exception as error:
            future.set_exception(error)
        finally:
            self._is_busy = False
        return future

    def losses(self, error: BaseException) -> int:
        """Nothing can be lost."""
        return 0

    def stop(self) -> None:
        """Cut a call short; only a signal can come here while there is one."""
        if self._is_busy:
            self._is_busy = False
            raise _Cut

    def close(self) -> None:
        """Nothing is open."""


class Worker(Protocol):
    """Does one call at a time."""

    def do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any: ...
    def end(self) -> None: ...


class ThreadWorker:
    """Does calls in the thread that tends it."""

    name, may_exit = "threads", False

    def do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Do a call."""
        return function(*arguments)

    def end(self) -> None:
        """Threads cannot be ended; they are daemons and hold no process up."""


class ProcessWorker:
    """Does calls in a process of its own."""

    name, may_exit = "processes", True

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
        with deaf_children():
            self._process.start()
        theirs.close()
        try:
            self._ours.recv()
        except (EOFError, ConnectionError):
            self._process.join(LAST_WORDS_S)
            code = self._process.exitcode
            self.end()
            if code is None or code < 0:
                raise NotBegun(f"worker process {self._process.pid} was killed before it began") from None
            raise RuntimeError(
                "a worker process ended before it began; a script that uses processes needs `if __name__ == '__main__':`"
            ) from None

    def do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Send a call and wait for its answer.

        Raises
        ------
        WorkerLost
            If the process ended instead; `NotBegun` if it had not yet loaded what the call needs.
        """
        has_begun = False
        try:
            self._ours.send((function, arguments))
            has_begun = self._ours.recv() == BEGUN
            is_well, answer = self._ours.recv()
        except (EOFError, ConnectionError) as error:
            self.end()
            kind = WorkerLost if has_begun else NotBegun
            raise kind(f"worker process {self._process.pid} is gone") from error
        if not is_well:
            raise answer
        return answer

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self._process.kill()
        self._process.join()


class Pool:
    """Workers of one kind, each tended by a thread that takes calls from a queue and replaces a worker that is gone."""

    def __init__(self, workers: int, kind: type[ThreadWorker] | type[ProcessWorker]) -> None:
        self.name, self.may_exit, self.workers = kind.name, kind.may_exit, workers
        self._kind = kind
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self._is_closed = False
        self._open: set[Worker] = set()
        # Daemons: a process that was asked to stop does not wait for a run that takes minutes.
        self._tenders = [threading.Thread(target=self._tend, name=f"simengine-{i}", daemon=True) for i in range(workers)]
        for tender in self._tenders:
            tender.start()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Put a call into the queue."""
        future: Future[Any] = Future()
        self._calls.put((future, function, arguments))
        return future

    def losses(self, error: BaseException) -> int:
        """Each lost call took one worker with it."""
        return int(isinstance(error, WorkerLost))

    def stop(self) -> None:
        """Cancel what is in the queue."""
        self._stopping.set()

    def close(self) -> None:
        """Kill the processes; threads end after the call they are at."""
        self._stopping.set()
        with self._closing:
            self._is_closed = True
            for worker in self._open:
                worker.end()
        for _ in self._tenders:
            self._calls.put(None)
        if self.may_exit:
            for tender in self._tenders:
                tender.join()

    def _tend(self) -> None:
        worker: Worker | None = None
        while (call := self._calls.get()) is not None:
            future, function, arguments = call
            if self._stopping.is_set():
                future.cancel()
                continue
            starts = 0
            while not future.done():
                try:
                    worker = worker or self._start()
                    future.set_result(worker.do(function, arguments))
                except WorkerLost as error:
                    self._forget(worker)
                    worker, starts = None, starts + 1
                    if not isinstance(error, NotBegun):
                        future.set_exception(error)
                    elif starts == STARTS:
                        told = f"no worker begins: {error}, {STARTS} times in a row; is there enough memory?"
                        future.set_exception(ResultsError(told))
                except Exception as error:
                    future.set_exception(error)

    def _start(self) -> Worker:
        with self._closing:
            if self._is_closed:
                raise WorkerLost("the pool is closed")
            worker = self._kind()
            self._open.add(worker)
            return worker

    def _forget(self, worker: Worker | None) -> None:
        with self._closing:
            self._open -= {worker}


def _serve(connection: Connection) -> None:
    """Do the calls that come through a connection until the other side is gone."""
    threading.Thread(target=_follow_the_parent, daemon=True).start()
    program()  # its digest of the sources takes a moment, and goes with every answer
    connection.send("ready")
    while True:
        answer: tuple[bool, Any]
        try:
            function, arguments = connection.recv()
            connection.send(BEGUN)
        except EOFError:
            return
        except Exception as error:
            connection.send(BEGUN)
            connection.send((False, error))
            continue
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        connection.send(answer)


def _follow_the_parent() -> None:
    """End this process when the one that started it is gone, whatever a run is doing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
