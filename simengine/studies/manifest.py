"""The manifest of a folder of results: what was asked, by which program, on which machine, and what came of it.

The file carries a digest of itself and of every part. A manifest that would not be written again byte for byte from
what it says has been damaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simengine.studies import provenance
from simengine.studies.design import Design, RequestError
from simengine.studies.files import DISK, Disk, ResultsError, sha256, write_file

if TYPE_CHECKING:
    from simengine.scenario import Change

__all__ = ["DISCLAIMER", "NAME", "SCHEMA_VERSION", "SHARDS", "new", "now", "read", "refuse_changed", "write"]

NAME = "manifest.json"
SHARDS = "shards"
SCHEMA_VERSION = 1
MOST_CHANGES = 200
DISCLAIMER = "Research software. Not medical advice."

_EXPERIMENT = ("seed", "replicates", "patients", "first_patient", "precision")


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
        **({"shard": list(design.shard)} if design.shard else {}),
        "counts": {},
        **provenance.program(),
        "catalog": provenance.catalog_digests(),
        "checkout": provenance.checkout(),
        "machine": provenance.machine(),
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
        hint = "; it holds shards: join them with `simengine merge`" if (folder / SHARDS).is_dir() else ""
        raise ResultsError(f"{folder} holds no results: it has no {NAME}{hint}") from None
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
        Naming each field that differs, with what is stored and what is asked now: of the scenarios, the seed, the numbers
        of runs, the model, the entries of the catalogue (by their digests) or the libraries.
    """
    from simengine.scenario.canonical import changes

    fields = ["schema_version", "model_version", "model_sources", "catalog", "libraries", *_EXPERIMENT, "points"]
    if "catalog" not in old:  # written before manifests told entries apart; the digest of the sources still tells
        fields.remove("catalog")
    changed = [change for field in fields for change in changes(old.get(field), fresh.get(field), field)]
    if changed:
        lines = _told_once(changed)
        shown = "\n  ".join(lines[:MOST_CHANGES])
        more = f"\n  ... and {len(lines) - MOST_CHANGES} more" if len(lines) > MOST_CHANGES else ""
        raise RequestError(
            f"{folder} holds results of another experiment (there -> now):\n  {shown}{more}\n"
            "choose another folder with --out, or --restart to keep those aside and begin again"
        )


def _told_once(changed: Sequence[Change]) -> list[str]:
    """Return one line a change; the same change of several points is told of the first, with how many more."""
    points: dict[tuple[str, str], list[str]] = {}
    for change in changed:
        head, _, rest = change.path.partition(".")
        number, _, inner = rest.partition(".")
        is_of_point = head == "points" and inner != ""
        text = str(change).removeprefix(change.path)
        points.setdefault((f".{inner}" if is_of_point else change.path, text), []).append(number if is_of_point else "")
    return [
        f"points.{numbers[0]}{path}{text}" + (f" (and in {len(numbers) - 1} more points)" if len(numbers) > 1 else "")
        if numbers[0]
        else f"{path}{text}"
        for (path, text), numbers in points.items()
    ]


def now() -> str:
    """The present time in UTC, to the second."""
    return datetime.now(UTC).isoformat("T", "seconds")


def _render(manifest: dict[str, Any]) -> bytes:
    body = {key: value for key, value in manifest.items() if key != "digest"}
    digest = sha256(json.dumps(body, ensure_ascii=False).encode())
    return json.dumps({**body, "digest": digest}, ensure_ascii=False, indent=1).encode() + b"\n"
