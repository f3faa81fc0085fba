"""Whether a folder of results is whole: every file of it checked, every fault named with what to do about it.

A part is named by its own digest and stands with it in the manifest; it names the experiment that it belongs to; runs
name the digests of their snapshots; the manifest carries its own. So a flipped bit, a cut or renamed file, one that is
missing, strange or there twice, and a manifest of other parts are all found, by reading every byte once.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simengine.studies import manifest as manifests
from simengine.studies import parts
from simengine.studies.files import ResultsError

__all__ = ["Damage", "inspect", "verified"]

AGAIN = "move it away and resume: only its runs are computed again"
AWAY = "move it away"
NO_MANIFEST = "move it away and give the command of the study again: the parts that are whole are kept"


@dataclass(frozen=True)
class Damage:
    """What is wrong with one file, and what to do about it."""

    path: Path
    what: str
    advice: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.path} {self.what}; {self.advice}"


def verified(folder: Path, manifest: Mapping[str, Any]) -> dict[Path, str]:
    """Check every part and snapshot of a folder, and return its parts with their digests, sorted by name.

    Raises
    ------
    ResultsError
        Naming every file that is damaged, missing, renamed, foreign or doubled, and finished results that lack a row.
    """
    manifest, digests = _living(manifest, _digests(folder / parts.FOLDER))
    found = list(_damages(folder, manifest, digests))
    if found:
        raise ResultsError("\n".join(map(str, found)))
    return {path: digest for path, digest in digests.items() if _is_part(path)}


def inspect(folder: Path) -> list[Damage]:
    """Return everything that is wrong with a folder of results; nothing when it is whole.

    Raises
    ------
    ResultsError
        If there are no results at all.
    """
    digests = _digests(folder / parts.FOLDER)
    if not digests and not (folder / manifests.NAME).exists():
        manifests.read(folder)
    try:
        manifest = manifests.read(folder)
    except ResultsError as error:
        what = str(error).removeprefix(f"{folder / manifests.NAME} ")
        manifest_damage = Damage(folder / manifests.NAME, what, NO_MANIFEST)
        return [manifest_damage, *(damage for path in digests if (damage := _of_bytes(path, digests, None)))]
    return list(_damages(folder, *_living(manifest, digests)))


def _living(manifest: Mapping[str, Any], digests: Mapping[Path, str]) -> tuple[dict[str, Any], dict[Path, str]]:
    """Return manifest and digests without the parts whose place another one, sound and of this experiment, has taken."""
    listed: Mapping[str, str] = manifest["parts"]
    gone = {
        name
        for path in digests
        if not (_of_bytes(path, digests, listed.get(path.name)) or _of_place(path, manifest))
        for name in parts.supersedes(path)
    }
    kept = {name: digest for name, digest in listed.items() if name not in gone}
    return {**manifest, "parts": kept}, {path: digest for path, digest in digests.items() if path.name not in gone}


def _damages(folder: Path, manifest: Mapping[str, Any], digests: Mapping[Path, str]) -> Iterator[Damage]:
    listed: Mapping[str, str] = manifest["parts"]
    for name, digest in listed.items():
        if folder / parts.FOLDER / name not in digests:
            what = f"is missing: the manifest lists it with digest {digest}"
            yield Damage(folder / parts.FOLDER / name, what, "resume: only its runs are computed again")
    sound = []
    for path in digests:
        damage = _of_bytes(path, digests, listed.get(path.name)) or _of_place(path, manifest)
        if damage:
            yield damage
        else:
            sound.append(path)
    yield from _of_rows(
        folder, manifest, sound, is_whole=len(sound) == len(digests) and not set(listed) - {p.name for p in sound}
    )
    yield from _of_snapshots(folder, manifest, sound)


def _of_bytes(path: Path, digests: Mapping[Path, str], listed: str | None) -> Damage | None:
    """Return what is wrong with the bytes of a part, or with its name."""
    actual = digests[path]
    if not _is_part(path):
        return Damage(path, "is no part of results", AWAY)
    if path.name == parts.name_of(actual) and listed in (None, actual):
        return None
    expected = listed or path.stem.removeprefix("part-")
    return Damage(path, f"is damaged: digest {actual}, expected {expected}", AGAIN)


def _of_place(path: Path, manifest: Mapping[str, Any]) -> Damage | None:
    """Return why a sound part does not belong where it is."""
    if path.name not in manifest["parts"] and manifest["status"] != "running":
        return Damage(path, "is not listed in the manifest, which is older or belongs to other results", AWAY)
    written_for = parts.study_hash(path)
    if written_for != manifest["study_hash"]:
        return Damage(path, f"belongs to experiment {written_for[:16]}, not {manifest['study_hash'][:16]}", AWAY)
    return None


def _of_rows(folder: Path, manifest: Mapping[str, Any], sound: list[Path], is_whole: bool) -> Iterator[Damage]:
    """Yield what is wrong with the runs that the sound parts hold together; how many there are is asked of a whole folder."""
    table = parts.read(sound, parts.KEYS) if sound else None
    n_rows = table.num_rows if table is not None else 0
    n_runs = min(n_rows, 1) + int(np.count_nonzero(np.diff(parts.run_numbers(table)))) if table is not None else 0
    place = folder / parts.FOLDER
    if n_rows != n_runs:
        yield Damage(place, f"holds {n_rows - n_runs} runs twice", "move the younger of its parts away and resume")
    if not is_whole or manifest["status"] == "running":
        return
    if manifest["status"] == "complete" and n_rows != manifest["runs"]:
        yield Damage(place, f"holds {n_rows} runs, the manifest says {manifest['runs']}", "resume")
    found = table["status"].value_counts().to_pylist() if table is not None else []
    counts = Counter({entry["values"]: entry["counts"] for entry in found})
    if n_rows == n_runs and counts != Counter(manifest["counts"]):
        told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
        yield Damage(place, f"holds {told}, the manifest says {manifest['counts']}", "resume")


def _of_snapshots(folder: Path, manifest: Mapping[str, Any], sound: list[Path]) -> Iterator[Damage]:
    expected = {path: (digest, part) for part in sound for path, digest in parts.snapshot_digests(folder, [part]).items()}
    actual = _digests(folder / parts.SNAPSHOTS)
    for path, (digest, part) in expected.items():
        advice = f"move it and {part.name} away and resume"
        if path not in actual:
            yield Damage(path, f"is damaged: it is missing, expected digest {digest}", advice)
        elif actual[path] != digest:
            yield Damage(path, f"is damaged: digest {actual[path]}, expected {digest}", advice)
    if manifest["status"] != "running" and len(sound) == len(manifest["parts"]):
        yield from (Damage(path, "is a snapshot of no run", AWAY) for path in actual if path not in expected)


def _is_part(path: Path) -> bool:
    return path.name.startswith("part-") and path.suffix == ".parquet"


def _digests(folder: Path) -> dict[Path, str]:
    """Return the SHA-256 of every file of a folder, sorted by name; leftovers of a writer that was killed are not counted."""
    paths = [path for path in sorted(folder.glob("*")) if path.is_file() and not path.name.startswith(".")]
    if not paths:
        return {}
    with ThreadPoolExecutor(min(len(paths), os.cpu_count() or 1, 8)) as pool:
        return dict(zip(paths, pool.map(_digest, paths)))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
