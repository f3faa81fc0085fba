"""What a record says of where it was made: commit, processor, memory, load, versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.figures import Record
from simengine.foundation.version import MODEL_VERSION

__all__ = ["commit_name", "new_record"]

ROOT = Path(__file__).resolve().parents[1]


def commit_name() -> str:
    """Return the short name of the commit, with ``-changed`` where files differ from it; ``unknown`` outside a repository."""
    try:
        name = _output("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
        changed = _output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}-changed" if changed else name


def new_record(is_quick: bool) -> Record:
    """Return an empty record of this commit on this machine, now."""
    packages = ("numpy", "numba", "llvmlite", "scipy")
    versions = {name: importlib.metadata.version(name) for name in packages}
    versions |= {"python": platform.python_version(), "model": MODEL_VERSION}
    if compiler := shutil.which("cc"):
        versions["cc"] = _output(compiler, "--version").splitlines()[0]
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Record(commit_name(), when, _machine(), versions, is_quick)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _machine() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor,
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }
