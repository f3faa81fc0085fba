"""Where results come from: versions, sources, catalogue and machine, as they stand in every manifest.

What results depend on (`program`, `catalog_digests`) is kept apart from what is good to know (`checkout`, `machine`).
"""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from simengine.foundation.version import MODEL_VERSION, __version__
from simengine.studies.files import sha256

__all__ = ["catalog_digests", "checkout", "machine", "program"]

PACKAGE = Path(__file__).resolve().parents[1]
_MODEL = (
    "foundation",
    "catalog",
    "scenario",
    "patients",
    "state",
    "kernels",
    "mechanisms",
    "engine",
    "transplant",
    "outcomes",
)
_LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "pyarrow")
_GIT_S = 10.0


def program() -> dict[str, Any]:
    """Return what results depend on beside the scenario: versions of package, model and libraries, digest of the model."""
    return {
        "package_version": __version__,
        "model_version": MODEL_VERSION,
        "model_sources": _model_sources(),
        "libraries": {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
    }


@cache
def catalog_digests() -> dict[str, dict[str, str]]:
    """Return the digest of every entry of the catalogue (12 digits), by kind and name, to tell which one was changed."""
    from simengine.catalog import DEFAULT_FOLDER, KINDS

    paths = {kind: sorted((DEFAULT_FOLDER / kind).glob("*.toml")) for kind in KINDS}
    return {kind: {path.stem: sha256(path.read_bytes())[:12] for path in found} for kind, found in paths.items()}


@cache
def checkout() -> dict[str, Any] | None:
    """Return the git commit that the package is run from and whether its files were changed; None when installed."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    try:
        commit, changed = (_git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", PACKAGE.name))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "is_changed": bool(changed)}


@cache
def machine() -> dict[str, Any]:
    """Return the machine: host, system, processor with the features that the compiler sees, cores."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "processor_name": binding.get_host_cpu_name(),
        "processor_features": " ".join(sorted(name for name, there in features.items() if there)),
        "cores": os.cpu_count(),
        "numba_cpu_name": os.environ.get("NUMBA_CPU_NAME", "host"),
    }


@cache
def _model_sources() -> str:
    """Digest of the code and catalogue that make results, so that an edit between two sessions is noticed."""
    paths = [path for floor in _MODEL for path in (PACKAGE / floor).rglob("*") if path.suffix in (".py", ".toml")]
    digests = [f"{path.relative_to(PACKAGE).as_posix()} {sha256(path.read_bytes())}" for path in sorted(paths)]
    return sha256("\n".join(digests).encode())


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(PACKAGE.parent), *arguments]  # a kill leaves no lock of theirs
    return subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=True).stdout.strip()


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
