"""Runs in a process of their own, for the memory they take: ``python -m benchmarks.alone`` is what ``alone`` starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.stated import largest_memory_mb
from benchmarks.scenes import agents_in, scenario_of
from benchmarks.timing import Spent, timed
from simengine.engine import simulate

__all__ = ["Alone", "alone"]


@dataclass(frozen=True)
class Alone:
    """What a process saw: the s of each run, the agents in it, and its memory in MB, before the first run and at most."""

    spent: list[Spent]
    agents: list[float]
    before_mb: float
    largest_mb: float


def alone(source: Path | str, runs: Sequence[Mapping[str, Any]]) -> Alone:
    """Simulate a scenario in a fresh process, once for each set of changes, one after the other.

    Raises
    ------
    RuntimeError
        With the last line of its errors, when the process fails or is stopped.
    """
    words = [sys.executable, "-m", "benchmarks.alone", str(source), json.dumps(list(runs))]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise RuntimeError(said[-1] if said else f"stopped by signal {-done.returncode}")
    found = json.loads(done.stdout)
    return Alone([Spent(*spent) for spent in found["spent"]], found["agents"], found["before_mb"], found["largest_mb"])


def _main(source: str, runs: str) -> None:
    scenarios = [scenario_of(source, changes) for changes in json.loads(runs)]
    before, took, agents = largest_memory_mb(), [], []
    for scenario in scenarios:
        spent, course = timed(simulate, scenario, 1)
        if course.status != "ok":
            raise SystemExit(f"{scenario.name}: {course.status}, {course.reason}")
        took.append(spent)
        agents.append(agents_in(course))
    print(json.dumps({"spent": took, "agents": agents, "before_mb": before, "largest_mb": largest_memory_mb()}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
