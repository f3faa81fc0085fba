"""The command line on disks that really are too small: ``python small_disk.py KIND MIB...`` prints a line of JSON each.

A disk of the kind ``tmpfs`` is mounted, in name spaces of users and mounts that end with this program; it grows after the
study has failed, and the study goes on. Where no name space can be had, the kernel's limit on the size of a file (kind
``limit``) stands in for the disk.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import simengine.engine
import simengine.outcomes
from simengine import api, cli
from simengine.api import open_results
from simengine.studies import integrity, store
from simengine.studies.manifest import NAME
from tests.toy import ToyResult, toy_run, toy_study

NUMBERS = 80_000
RUNS_A_PART = 4
IN_A_NAMESPACE = ["unshare", "--map-root-user", "--mount"]
"""Words that give a program name spaces of its own, in which it may mount."""


def large_run(*address) -> ToyResult:
    """The toy with a course of 0.6 MB that no compression makes smaller."""
    result = toy_run(*address)
    noise = np.random.default_rng([*address[1:], int(address[0].dose)]).normal(size=NUMBERS)
    return ToyResult(result.row, result.courses | {"noise": noise}, result.events, result.snapshots)


def call(folder: Path) -> tuple[int, str]:
    """Run the study by the command line in a process of its own; return its exit code and what it said of the trouble."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.chdir(folder)
        try:
            cli.main(["run", "toy", "--quiet", "--executor", "serial"])
        except SystemExit as ending:
            os._exit(ending.code)
    os.close(writing)
    with os.fdopen(reading) as errors:
        text = errors.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def look(folder: Path) -> dict:
    """What lies there: damage, leftovers, rows."""
    results = folder / "results" / "toy"
    there = (results / NAME).exists()
    return {
        "damage": [str(damage) for damage in integrity.inspect(results)] if there else [],
        "leftovers": len(list(folder.rglob(".*.tmp"))),
        "rows": len(open_results(results).table) if there else 0,
    }


def try_mounted(mib: int) -> dict:
    """Fill a file system, make it larger, go on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", name]
        subprocess.run(mount, check=True)
        try:
            code, errors = call(folder)
            found = {"kind": "tmpfs", "mib": mib, "code": code, "errors": errors, **look(folder)}
            subprocess.run(["mount", "-o", "remount,size=64m", name], check=True)
            return found | {"again": call(folder)[0], "hash": open_results(folder / "results" / "toy").hash}
        finally:
            subprocess.run(["umount", name], check=True)


def try_limited(mib: int) -> dict:
    """Meet the limit on the size of a file, raise it, go on; no part is as large as the disk would be."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        resource.setrlimit(resource.RLIMIT_FSIZE, (mib * 100_000, limits[1]))
        try:
            code, errors = call(folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        found = {"kind": "limit", "mib": mib, "code": code, "errors": errors, **look(folder)}
        return found | {"again": call(folder)[0], "hash": open_results(folder / "results" / "toy").hash}


def main() -> None:
    """Try each size."""
    api.load = lambda path, overrides=(): toy_study()
    api.warm_up = lambda announce, scenarios: None
    simengine.engine.simulate = lambda *address: address
    simengine.outcomes.evaluate = lambda scenario, address: large_run(*address)
    store.PART_RUNS = RUNS_A_PART
    attempt = {"tmpfs": try_mounted, "limit": try_limited}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as name:
        assert call(Path(name))[0] == 0
        print(open_results(Path(name) / "results" / "toy").hash)
    for size in map(int, sys.argv[2:]):
        print(json.dumps(attempt(size)), flush=True)


if __name__ == "__main__":
    main()
