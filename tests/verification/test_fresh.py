"""The same study in fresh processes: one hash, whatever the hour, the zone, the language and the order of sets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import simengine
from tests.verification.studies import twelve

ROOT = Path(simengine.__file__).parents[1]
HANG_S = 600
PLACES = [
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "3", "TZ": "UTC"},
    {"PYTHONHASHSEED": "random", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
    {"PYTHONHASHSEED": "random", "NUMBA_NUM_THREADS": "2"},
]
"""What differs between the processes; every other one does the studies backwards."""


def started(folder, i):
    """Start a process that does all studies in a place of its own."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.verification.studies", str(folder), *(["backwards"] if i % 2 else [])]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | PLACES[i]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)


def told(child):
    """Return what a process printed, line by line: name, rows and hash of each study."""
    try:
        printed, complained = child.communicate(timeout=HANG_S)
    finally:
        child.kill()
    assert child.returncode == 0, complained
    return sorted(printed.splitlines())


def assert_one_hash(folder, n):
    """Let n processes do the studies, two at a time, and compare; rows and hashes are those of twelve different studies."""
    found = []
    for first in range(0, n, 2):
        found += [told(child) for child in [started(folder / str(i), i) for i in range(first, min(first + 2, n))]]
    rows = {line.split()[0]: int(line.split()[1]) for line in found[0]}
    assert rows.keys() == twelve().keys()
    assert min(rows.values()) >= 2
    assert len({line.split()[2] for line in found[0]}) == 12
    assert [i for i in range(n) if found[i] != found[0]] == []


def test_twelve_studies_have_one_hash_in_two_fresh_processes(tmp_path):
    """Packaged studies cut short, all sites, transplantation, a population with drawn knowledge, a sampled design.

    Detects sets of texts that are iterated, the clock in a seed, and what one study leaves behind for the next.
    """
    assert_one_hash(tmp_path, 2)


@pytest.mark.slow
def test_twelve_studies_have_one_hash_in_five_fresh_processes(tmp_path):
    """60 of 60."""
    assert_one_hash(tmp_path, len(PLACES))
