"""The manifest of a folder of results: what was asked, by which program, on which machine, and what came of it.

The file carries a digest of itself and of every part. A manifest that would not be written again byte for byte from
what it says has been damaged.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from simengine.foundation.version import MODEL_VERSION, __version__
from simengine.studies.design import Design, RequestError
from simengine.studies.files import DISK, Disk, ResultsError, sha256, write_file

__all__ = ["DISCLAIMER", "NAME", "SCHEMA_VERSION", "new", "now", "program", "read", "refuse_changed", "write"]

NAME = "manifest.json"
SCHEMA_VERSION = 1
DISCLAIMER = "Research software. Not medical advice."

_EXPERIMENT = ("seed", "replicates", "patients", "first_patient")
_MODEL = ("foundation", "catalog", "scenario", "patients", "state", "kernels", "mechanisms", "engine", "outcomes")
_LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "pyarrow")


def new(design: Design, outcomes: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of results that have not begun.

    Parameters
    ----------
    design
        The runs asked for; their resolved scenarios are kept in full, defaults included.
    outcomes
        Title, unit and description of each outcome column, by name, in the order of the table.
    """
    experiment = design.experiment()
    return {
        "disclaimer": DISCLAIMER,
        "schema_version": SCHEMA_VERSION,
        "name": design.name,
        "title": design.title,
        "description": design.description,
        "status": "running",
        "started": now(),
        "ended": None,
        "runs": len(design),
        "counts": {},
        **program(),
        "machine": _machine(),
        **{key: experiment[key] for key in _EXPERIMENT if key in experiment},
        "study_hash": sha256(json.dumps(experiment, sort_keys=True).encode()),
        "swept": {path: kind.__name__ for path, kind in design.swept.items()},
        "outcomes": outcomes,
        "sessions": [],
        "parts": {},
        "points": experiment["points"],
    }


def write(folder: Path, manifest: dict[str, Any], disk: Disk = DISK) -> None:
    """Write the manifest durably, with its own digest."""
    write_file(folder / NAME, _render(manifest), disk)


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder.

    Raises
    ------
    ResultsError
        If there is none, if it is damaged, or if a newer simengine wrote it.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ResultsError(f"{folder} holds no results: it has no {NAME}") from None
    try:
        manifest = json.loads(data)
        found = manifest["digest"] if isinstance(manifest, dict) else None
    except (ValueError, KeyError, RecursionError) as error:
        raise ResultsError(f"{path} is damaged: {type(error).__name__} while reading it") from None
    expected = data if found is None else _render(manifest)
    if found is None or expected != data:
        raise ResultsError(f"{path} is damaged: its digest says {found}, its content does not")
    if manifest["schema_version"] > SCHEMA_VERSION:
        raise ResultsError(
            f"{path} has schema_version {manifest['schema_version']}, this simengine reads up to {SCHEMA_VERSION};"
            " open it with a newer simengine"
        )
    return {key: value for key, value in manifest.items() if key != "digest"}


def refuse_changed(old: dict[str, Any], fresh: dict[str, Any], folder: Path) -> None:
    """Refuse to mix the runs of two experiments in one folder.

    Raises
    ------
    RequestError
        Naming each field that differs: of the scenarios, the seed, the numbers of runs, the model or the libraries.
    """
    from simengine.scenario.canonical import changes

    fields = ("schema_version", "model_version", "model_sources", "libraries", *_EXPERIMENT, "points")
    changed = [str(change) for field in fields for change in changes(old.get(field), fresh.get(field), field)]
    if changed:
        shown = "\n  ".join(changed[:20]) + ("" if len(changed) <= 20 else f"\n  ... and {len(changed) - 20} more")
        raise RequestError(
            f"{folder} holds results of another experiment (there -> now):\n  {shown}\n"
            "choose another folder with --out, or --restart to keep those aside and begin again"
        )


def now() -> str:
    """The present time in UTC, to the second."""
    return datetime.now(UTC).isoformat("T", "seconds")


def _render(manifest: dict[str, Any]) -> bytes:
    body = {key: value for key, value in manifest.items() if key != "digest"}
    digest = sha256(json.dumps(body, ensure_ascii=False).encode())
    return json.dumps({**body, "digest": digest}, ensure_ascii=False, indent=1).encode() + b"\n"


def program() -> dict[str, Any]:
    """Return what results depend on beside the scenario: versions of package, model and libraries, digest of the model."""
    return {
        "package_version": __version__,
        "model_version": MODEL_VERSION,
        "model_sources": _model_sources(),
        "libraries": {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
    }


@cache
def _model_sources() -> str:
    """Digest of the code and catalogue that make results, so that an edit between two sessions is noticed."""
    package = Path(__file__).resolve().parents[1]
    paths = [path for floor in _MODEL for path in (package / floor).rglob("*") if path.suffix in (".py", ".toml")]
    digests = [f"{path.relative_to(package).as_posix()} {sha256(path.read_bytes())}" for path in sorted(paths)]
    return sha256("\n".join(digests).encode())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _machine() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "numba_cpu_name": os.environ.get("NUMBA_CPU_NAME", "host"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
