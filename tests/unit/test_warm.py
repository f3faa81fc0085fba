"""The first compilation, shared by two processes."""

import os
import subprocess
import sys

import pytest

from simengine.engine import warm

WARM = "from simengine.engine import warmup, is_compiled; assert not is_compiled(); warmup(); assert is_compiled()"


def test_every_branch_is_compiled_by_one_of_the_two():
    here, there = warm._HERE, warm._THERE
    assert sorted([*here, *there]) == sorted(warm._BRANCHES)


@pytest.mark.slow
def test_two_processes_leave_one_compilation_of_every_branch(tmp_path):
    """From an empty folder: each branch has one index and one overload, so nothing was compiled for another signature."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", WARM], env=environment, check=True, timeout=600)
    for kernel, _ in warm._BRANCHES.values():
        name = f"{kernel.py_func.__module__.rpartition('.')[2]}.{kernel.py_func.__name__}"
        assert len(list(tmp_path.rglob(f"{name}-*.nbi"))) == 1, name
        assert len(list(tmp_path.rglob(f"{name}-*.nbc"))) == 1, name
