"""How kernels are compiled, and where their machine code is kept.

Numba's disk cache notices an edit in the file of a kernel, but not in the files that the kernel calls: a cached caller
would silently keep the old helper. The cache folder is therefore named by a hash of *all* sources that compiled code
can depend on. Constants that kernels freeze must come from such a source, never from a data file.

The folder is private to the user (mode 0700). ``NUMBA_CACHE_DIR`` is respected: the hashed folder is made inside it.
On a disk that cannot be written, kernels are compiled in memory only.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

__all__ = ["FLOORS_WITHOUT_KERNELS", "cache_folder", "inlined", "kernel", "source_hash"]

FLOORS_WITHOUT_KERNELS = ("api", "cli", "cohorts", "report", "studies")
"""Top floors: they hold no kernels and, as imports go downstairs only, feed none. Editing them recompiles nothing."""

_PACKAGE = Path(__file__).resolve().parent.parent


def source_hash(package: Path = _PACKAGE) -> str:
    """Return 16 hex digits of the SHA-256 over name and content of every ``*.py`` that compiled code can depend on."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0].removesuffix(".py") not in FLOORS_WITHOUT_KERNELS:
            digest.update(name.as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def cache_folder() -> Path | None:
    """Return the folder for compiled kernels, made if needed, or ``None`` where none can be written."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    if base is None:
        from platformdirs import user_cache_dir

        base = user_cache_dir("simengine", appauthor=False)
    folder = Path(base) / f"kernels-{source_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid != os.getuid():
            return None
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    return folder


def _keep_freed_memory() -> None:
    """Let the C library keep what kernels free for their next step.

    glibc returns freed memory beyond a threshold to the system, and each step of many agents would fetch its scratch anew,
    page by page: 70 of 200 ns per agent at 100,000. The threshold follows the largest block ever freed, up to 32 MiB
    (mallopt(3), M_MMAP_THRESHOLD), so one such block is taken and freed, untouched: no speed hangs on what was freed before.
    """
    np.empty(31 << 17)


_keep_freed_memory()
_CACHE = cache_folder()
if _CACHE is not None:
    numba.config.CACHE_DIR = str(_CACHE)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function in the house style: no GIL, strict IEEE arithmetic, cached, one signature, 64-bit floats."""
    return _one_for_all_constants(_compile(function, "never"))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel that is called in one place as a part of its caller.

    Every kernel optimises anew all that it calls, so that each floor of a tall building of calls costs seconds. A part
    adds no floor, yet can be called and tested by itself.
    """
    return _one_for_all_constants(_compile(function, "always"))


def _compile(function: Callable[..., Any], inline: str) -> Callable[..., Any]:
    compiled: Callable[..., Any] = numba.njit(
        nogil=True, cache=_CACHE is not None, error_model="numpy", no_cfunc_wrapper=True, inline=inline
    )(function)
    return compiled


def _widened(kind: Any) -> Any:
    """Return the type that a kernel is compiled for: no constant, and whole numbers of 64 bits."""
    plain = numba.types.unliteral(kind)
    return numba.types.int64 if plain == numba.types.int32 else plain


def _one_for_all_constants(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Let calls with a constant, or with a number from an int32 array, share the signature of all other calls.

    Numba would compile a copy per constant and per width. With a purpose and a draw number written at each call, that is a
    second of compilation for each call of ``uniform``.
    """
    if hasattr(compiled, "get_call_template"):  # absent where the JIT is off
        resolve = compiled.get_call_template

        def get_call_template(args: Any, kws: Any) -> Any:
            return resolve([_widened(kind) for kind in args], {name: _widened(kind) for name, kind in kws.items()})

        compiled.get_call_template = get_call_template
    return compiled
