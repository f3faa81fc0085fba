"""Shares of a study that are run apart, each into a folder of its own, and joined when all are there.

    DIR/shards/000003-of-000016/ a folder of results like any other: manifest, parts, lock
    DIR/parts, DIR/manifest.json what `merge` makes of them

Shards share no file, so that they may run at the same time on a shared file system. Merging writes parts anew, few and
large: what breaks first on a cluster is the number of files.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simengine.studies import integrity, parts
from simengine.studies import manifest as manifests
from simengine.studies.design import Design, RequestError
from simengine.studies.files import DISK, Disk, locked, sha256, write_file

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["folder_of", "found", "merge", "parse", "share"]

MOST_SHARDS = 100_000
PART_BYTES = 128_000_000
"""Size in memory of the tables that make one part."""
OF_A_SHARE = ("shard", "runs", "parts", "counts", "reached", "sessions", "status", "started", "ended", "machine", "checkout")


def parse(text: str) -> tuple[int, int]:
    """Return (i, n) of ``i/n``.

    Raises
    ------
    RequestError
        If it is not so written, or i is not among 1 ... n.
    """
    if (written := re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)) is not None:
        i, n = int(written[1]), int(written[2])
        if 1 <= i <= n <= MOST_SHARDS:
            return i, n
    raise RequestError(f"--shard: got {text!r}, expected i/n with i from 1 to n, n at most {MOST_SHARDS}, such as 3/16")


def share(design: Design, shard: str) -> Design:
    """Return the design of one share of the runs of another.

    Raises
    ------
    RequestError
        If `shard` is not ``i/n``.
    """
    return replace(design, shard=parse(shard))


def folder_of(folder: Path, shard: str) -> Path:
    """Return the folder of a shard.

    Raises
    ------
    RequestError
        If the folder of the study holds results that are no shards, or shards of another number.
    """
    i, n = parse(shard)
    if (folder / manifests.NAME).exists():
        raise RequestError(f"{folder} holds the results of a whole study: choose another --out for shards")
    others = sorted({of for _, of in map(_numbers, found(folder)) if of != n})
    if others:
        raise RequestError(f"--shard: got {shard}, but {folder} holds shards of {others[0]}: choose another --out")
    return folder / manifests.SHARDS / f"{i:06d}-of-{n:06d}"


def found(folder: Path) -> list[Path]:
    """Return the folders of the shards that are there, in their order."""
    return sorted(path for path in (folder / manifests.SHARDS).glob("*-of-*") if re.fullmatch(r"\d+-of-\d+", path.name))


def merge(folder: Path, disk: Disk = DISK) -> None:
    """Join the shards of a folder into one manifest and parts, and remove them.

    A merge that was stopped at any moment is begun anew by the next; shards are removed when all is written.

    Raises
    ------
    RequestError
        If there are none, or some are missing, not finished, or belong to another study; all of them are named.
    ResultsError
        If a file is damaged, or a shard is being written.
    OSError
        If something cannot be written.
    """
    shards = found(folder)
    if not shards:
        raise RequestError(f"{folder} holds no shards")
    with locked(folder):
        if not (folder / manifests.NAME).exists():
            known = _complete(folder, shards)
            for place in (parts.FOLDER, parts.SNAPSHOTS):
                shutil.rmtree(folder / place, ignore_errors=True)
                (folder / place).mkdir()
            merged = _whole(list(known.values()))
            merged["parts"] = dict(_write_parts(folder, _tables(folder, known, disk), merged["study_hash"], disk))
            integrity.verified(folder, merged)
            manifests.write(folder, merged, disk)
        shutil.rmtree(folder / manifests.SHARDS)


def _complete(folder: Path, shards: list[Path]) -> dict[Path, dict[str, Any]]:
    """Return the manifests of all shards, if they are all there, finished, and of one study."""
    known: dict[Path, dict[str, Any]] = {}
    faults = []
    n = _numbers(shards[0])[1]
    for path in (folder / manifests.SHARDS / f"{i:06d}-of-{n:06d}" for i in range(1, n + 1)):
        if not (path / manifests.NAME).exists():
            faults.append(f"{path.name}: is missing")
            continue
        known[path] = manifests.read(path)
        if known[path]["status"] != "complete":
            counts = sum(known[path]["counts"].values())
            faults.append(f"{path.name}: is {known[path]['status']}, with {counts} of {known[path]['runs']} runs written")
    first = next(iter(known.values()), {})
    for path, manifest in known.items():
        differing = [name for name in first if name not in OF_A_SHARE and manifest.get(name) != first[name]]
        if differing:
            faults.append(f"{path.name}: is of another study or program than {shards[0].name}: {', '.join(differing)} differ")
    faults += [f"{path.name}: is no shard of {n}" for path in shards if _numbers(path)[1] != n]
    if faults:
        raise RequestError(f"{folder} cannot be merged yet:\n  " + "\n  ".join(faults))
    return known


def _whole(known: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the manifest of all shards together, without parts."""
    counts = sum((Counter(manifest["counts"]) for manifest in known), Counter[str]())
    return {
        **{name: value for name, value in known[0].items() if name != "shard"},
        "runs": sum(manifest["runs"] for manifest in known),
        "counts": {status: counts[status] for status in sorted(counts)},
        "started": min(manifest["started"] for manifest in known),
        "ended": max(manifest["ended"] for manifest in known),
        **({"reached": _reached(known)} if "precision" in known[0] else {}),
        "sessions": [{"shard": manifest["shard"], **session} for manifest in known for session in manifest["sessions"]],
    }


def _reached(known: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how the arms of all shards ended, in the order of arms; each was looked at by one shard."""
    ended = {point: told for manifest in known for point, told in manifest["reached"].items()}
    return {point: ended[point] for point in sorted(ended, key=int)}


def _tables(folder: Path, known: Mapping[Path, Mapping[str, Any]], disk: Disk) -> Iterator[pa.Table]:
    """Verify one shard after the other, take over its snapshots, and yield its parts."""
    import pyarrow.parquet as pq

    for path, manifest in known.items():
        with locked(path):
            verified = list(integrity.verified(path, manifest))
            for snapshot in parts.snapshot_digests(path, verified):
                write_file(folder / parts.SNAPSHOTS / snapshot.name, snapshot.read_bytes(), disk)
            yield from map(pq.read_table, verified)


def _write_parts(folder: Path, tables: Iterable[pa.Table], study_hash: str, disk: Disk) -> Iterator[tuple[str, str]]:
    """Write tables as few parts; yield the name and digest of each."""
    waiting: list[pa.Table] = []

    def write() -> tuple[str, str]:
        data = parts.to_bytes(parts.join(waiting), study_hash)
        waiting.clear()
        write_file(folder / parts.FOLDER / parts.file_name(data), data, disk)
        return parts.file_name(data), sha256(data)

    for table in tables:
        waiting.append(table)
        if sum(waits.nbytes for waits in waiting) >= PART_BYTES:
            yield write()
    if waiting:
        yield write()


def _numbers(path: Path) -> tuple[int, int]:
    i, _, n = path.name.partition("-of-")
    return int(i), int(n)
