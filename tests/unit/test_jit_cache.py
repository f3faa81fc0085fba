"""The folder of compiled kernels: never stale, private, respected where asked for, done without where it cannot be."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import types
from pathlib import Path

import numba
import numpy as np
import pytest

import simengine
from simengine.foundation import jit

FOUNDATION = Path(simengine.__file__).parent / "foundation"

CALLEE = """
{decorator_import}

FACTOR = 2.0

@{decorator}
def scale(x):
    return FACTOR * x
"""
CALLER = """
{decorator_import}
from {callee} import scale

@{decorator}
def scale_and_add(x):
    return scale(x) + 0.5
"""


@pytest.fixture
def copied_package(tmp_path):
    """A package with the real `jit.py` and a kernel that calls one of another file; and the same in plain Numba."""
    package = tmp_path / "simengine"
    for folder in (package, package / "foundation", package / "kernels", package / "report"):
        folder.mkdir()
        (folder / "__init__.py").write_text("")
    shutil.copy(FOUNDATION / "jit.py", package / "foundation" / "jit.py")
    ours = {"decorator": "kernel", "decorator_import": "from simengine.foundation.jit import kernel"}
    plain = {"decorator": "numba.njit(cache=True)", "decorator_import": "import numba"}
    (package / "kernels" / "callee.py").write_text(CALLEE.format(**ours))
    (package / "kernels" / "caller.py").write_text(CALLER.format(callee="simengine.kernels.callee", **ours))
    (tmp_path / "plain_callee.py").write_text(CALLEE.format(**plain))
    (tmp_path / "plain_caller.py").write_text(CALLER.format(callee="plain_callee", **plain))
    return tmp_path


def _python(folder, script, **environment):
    """Return what a script prints in an interpreter of its own that imports from a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_DISABLE_JIT": "0", **environment}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _double(path):
    """Edit the constant of the callee."""
    text = path.read_text()
    assert "FACTOR = 2.0" in text
    path.write_text(text.replace("FACTOR = 2.0", "FACTOR = 4.0"))


def test_an_edit_in_the_file_of_a_helper_reaches_the_kernels_that_call_it(copied_package):
    script = "from simengine.kernels.caller import scale_and_add as f; print(f(10.0), f.stats.cache_hits.total())"
    cache = {"NUMBA_CACHE_DIR": str(copied_package / "cache")}
    assert _python(copied_package, script, **cache) == "20.5 0"
    assert _python(copied_package, script, **cache) == "20.5 1", "the second run takes the kernel from the disk"
    _double(copied_package / "simengine" / "kernels" / "callee.py")
    assert _python(copied_package, script, **cache) == "40.5 0"


def test_without_the_hashed_folder_the_old_helper_would_stay(copied_package):
    """Why all this: plain Numba keeps the old machine code of the caller, silently. Fails on the day Numba mends it."""
    script = "from plain_caller import scale_and_add; print(scale_and_add(10.0))"
    cache = {"NUMBA_CACHE_DIR": str(copied_package / "cache")}
    assert _python(copied_package, script, **cache) == "20.5"
    _double(copied_package / "plain_callee.py")
    assert _python(copied_package, script, **cache) == "20.5"


def test_the_hash_moves_with_name_and_content_of_every_source_that_kernels_can_see(copied_package):
    package = copied_package / "simengine"
    seen = {jit.source_hash(package)}
    (package / "kernels" / "new.py").write_text("")
    seen.add(jit.source_hash(package))
    (package / "kernels" / "new.py").write_text("A = 1\n")
    seen.add(jit.source_hash(package))
    (package / "kernels" / "new.py").rename(package / "kernels" / "newer.py")
    seen.add(jit.source_hash(package))
    (package / "kernels" / "newer.py").rename(package / "foundation" / "newer.py")
    seen.add(jit.source_hash(package))
    assert len(seen) == 5
    assert jit.source_hash(package) in seen


@pytest.mark.parametrize("name", ["report/pages.py", "cli.py", "api.py"])
def test_an_edit_above_the_engine_compiles_nothing(copied_package, name):
    package = copied_package / "simengine"
    before = jit.source_hash(package)
    (package / name).write_text("A = 1\n")
    assert jit.source_hash(package) == before


def test_the_folder_is_private_and_inside_the_one_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "asked"))
    folder = jit.cache_folder()
    assert folder == tmp_path / "asked" / f"kernels-{jit.source_hash()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_could_write_is_closed(monkeypatch, tmp_path):
    """Whoever can write there can run code as the user, as the files are unpickled."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = tmp_path / f"kernels-{jit.source_hash()}"
    folder.mkdir()
    folder.chmod(0o777)
    assert jit.cache_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert jit.cache_folder() is None


def test_without_a_wish_the_folder_is_the_users_own(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jit.cache_folder() == tmp_path / "simengine" / f"kernels-{jit.source_hash()}"


@pytest.mark.parametrize("base", ["a file", "/proc/nowhere"])
def test_a_disk_that_cannot_be_written_means_compiling_in_memory(copied_package, base):
    """Not by permissions, which do not bind the superuser: a file instead of a folder, a file system that refuses."""
    if base == "a file":
        base = str(copied_package / "file")
        Path(base).write_text("")
    script = "from simengine.foundation import jit; from simengine.kernels.caller import scale_and_add as f; "
    script += "print(f(10.0), jit._CACHE)"
    assert _python(copied_package, script, NUMBA_CACHE_DIR=base) == "20.5 None"


def test_calls_with_constants_share_one_compiled_kernel():
    """Numba alone compiles a copy for each constant: with two constants, two."""

    def inner(x, k):
        return x + k

    def outer(called):
        def add_twice(x):
            return called(x, 1) + called(x, 2)

        return numba.njit(add_twice)

    ours, plain = jit._one_for_all_constants(numba.njit(inner)), numba.njit(inner)
    assert outer(ours)(1.0) == outer(plain)(1.0) == 5.0
    if not numba.config.DISABLE_JIT:
        assert (len(ours.signatures), len(plain.signatures)) == (1, 2)


def test_the_census_of_signatures_sees_a_kernel_compiled_twice(signature_census):
    """The check at the end of each session of tests can fail."""
    module = types.ModuleType("simengine.made_up")
    module.twice = numba.njit(lambda x: 2 * x)
    module.twice(1.0)
    assert signature_census([module]) == {}
    module.twice(np.uint64(1))
    found = signature_census([module])
    assert [len(kinds) for kinds in found.values()] == ([] if numba.config.DISABLE_JIT else [2])


def test_importing_the_package_loads_nothing_heavy():
    script = "import sys, simengine; print(*sorted({'numpy', 'numba', 'scipy', 'pandas', 'pyarrow'} & set(sys.modules)))"
    assert _python(FOUNDATION.parent.parent, script) == ""
