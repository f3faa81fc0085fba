"""Processes that are begun in hundredths of a second: forked from one that has imported everything and done nothing.

Nothing of Python's is under way where they fork; the idle threads that OpenBLAS and Arrow start are put in order by these
libraries' own handlers of forks. What a session looks up once a process (versions, digests of sources) it has looked up.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from simengine.studies import manifest, store
from simengine.studies.design import Design
from simengine.studies.execute import Progress, Stopped
from simengine.studies.files import ResultsError
from tests.toy import SlowDisk, ToyResult, run_toy, slow_run, toy_design

WAIT_S = 50
"""Ten times what is promised of a stop."""

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.faults.nursery", "pandas", "simengine.scenario.canonical"])
manifest.new(toy_design(), {})


class NotedRun:
    """A run that takes its time and leaves a line in a file outside the results when it ends."""

    def __init__(self, notes: Path, pause_s: float) -> None:
        self.notes, self.pause_s = notes, pause_s

    def __call__(self, scenario: Any, seed: int, patient: int, replicate: int) -> ToyResult:
        """Do the run, then note whose it was."""
        result = slow_run(self.pause_s, scenario, seed, patient, replicate)
        descriptor = os.open(self.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{scenario.dose:g} {patient} {replicate}\n".encode())
        os.close(descriptor)
        return result


class Child:
    """A process in a group of its own that says when it is at work."""

    def __init__(self, target: Callable[..., Any], *arguments: Any) -> None:
        self._ours, theirs = SERVER.Pipe(duplex=False)
        self._process = SERVER.Process(target=_in_a_group, args=(target, theirs, *arguments))
        self._process.start()
        theirs.close()
        self.pid = self._process.pid

    def wait_until_at_work(self) -> None:
        """Wait for its word."""
        assert self.told() == "ready"

    def told(self) -> Any:
        """Return the next thing that it says."""
        assert self._ours.poll(WAIT_S), "nothing was heard of a process"
        return self._ours.recv()

    def send(self, signum: int, to_group: bool = True) -> None:
        """Send a signal to all of its group, or to it alone."""
        (os.killpg if to_group else os.kill)(self.pid, signum)

    def kill(self) -> None:
        """Kill the whole group, with no chance to say goodbye; one that has not made its group yet is alone."""
        while self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._process.join(0.5)
        self.end()

    def end(self) -> int:
        """Wait until it ends and return its exit code."""
        self._process.join(WAIT_S)
        code = self._process.exitcode
        assert code is not None, "a process does not end"
        self._process.close()
        self._ours.close()
        return code


def _in_a_group(target: Callable[..., Any], word: Connection, *arguments: Any) -> None:
    os.setsid()
    target(word, *arguments)


def sweep(word: Connection, folder: Path, chosen: Design, notes: Path, pause_s: float, options: dict[str, Any]) -> None:
    """Do or continue a sweep on a slow disk, in parts of a stated number of runs; end as the command line does."""
    options = dict(options)
    store.PART_RUNS = options.pop("part_runs", store.PART_RUNS)
    words = iter(["ready"])

    def say_ready(_: Progress) -> None:
        for once in words:
            word.send(once)

    try:
        run_toy(folder, chosen, NotedRun(notes, pause_s), SlowDisk(), progress=say_ready, **options)
    except Stopped as stopped:
        sys.exit(stopped.exit_code)


def contend(word: Connection, folder: Path, chosen: Design, notes: Path, gate: float) -> None:
    """Do a sweep from a moment on; tell how it went: done, or refused with what words."""
    time.sleep(max(0.0, gate - time.monotonic()))
    try:
        run_toy(folder, chosen, NotedRun(notes, 0.0005), jobs=2)
        word.send(("done", ""))
    except ResultsError as error:
        word.send(("refused", str(error)))


def left_of(group: int) -> list[psutil.Process]:
    """Return the living processes of a group, the dead that wait to be buried aside."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def assert_group_ends(group: int) -> None:
    """Wait until nobody of a group is left."""
    deadline = time.monotonic() + WAIT_S
    while left_of(group):
        assert time.monotonic() < deadline, left_of(group)
        time.sleep(0.02)
