"""A disk that notes what is done to it, and every state in which a power cut may leave it.

Until a file is synced, each piece that was written to it may have reached the disk or not, in any order, also torn; until a
folder is synced, so may the names in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, combinations, product
from pathlib import Path

from simengine.studies.files import Disk

TORN = {
    "whole": lambda data: data,
    "lost": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "nearly": lambda data: data[: len(data) * 93 // 100],
    "zeroed": lambda data: bytes(len(data)),
    "second half only": lambda data: bytes(len(data) // 2) + data[len(data) // 2 :],
    "first half, then nothing": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
}
PIECES = 5


class RecordingDisk(Disk):
    """Notes every operation while doing it; a file is written in five pieces."""

    def __init__(self) -> None:
        self.log: list[tuple] = []
        self._files: dict[int, Path] = {}
        self._piece: dict[int, int] = {}

    def create(self, path: Path) -> int:
        """Note and create."""
        descriptor = super().create(path)
        self._files[descriptor] = path
        self._piece.pop(descriptor, None)
        self.log.append(("create", path))
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        """Note and write the next piece."""
        piece = self._piece.setdefault(descriptor, -(-len(data) // PIECES))
        written = super().write(descriptor, data[:piece])
        self.log.append(("write", self._files[descriptor], bytes(data[:written])))
        return written

    def sync(self, descriptor: int) -> None:
        """Note and sync a file or a folder."""
        super().sync(descriptor)
        if descriptor in self._files:
            self.log.append(("sync", self._files[descriptor]))
        else:
            self.log.append(("sync folder", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def close(self, descriptor: int) -> None:
        """Close."""
        super().close(descriptor)
        del self._files[descriptor]

    def rename(self, source: Path, target: Path) -> None:
        """Note and rename."""
        super().rename(source, target)
        self.log.append(("rename", source, target))

    def remove(self, path: Path) -> None:
        """Note and remove."""
        super().remove(path)
        self.log.append(("remove", path))


class LazyDisk(RecordingDisk):
    """A planted defect: says that it synced, and did not."""

    def sync(self, descriptor: int) -> None:
        """Sync folders only."""
        if descriptor not in self._files:
            super().sync(descriptor)


class ForgetfulDisk(RecordingDisk):
    """Another planted defect: never syncs a folder."""

    def sync(self, descriptor: int) -> None:
        """Sync files only."""
        if descriptor in self._files:
            super().sync(descriptor)


def contents(pieces: list[bytes], is_synced: bool) -> Iterator[bytes]:
    """Yield what a file may hold: all of it, torn in any way, or any of its pieces without those before."""
    data = b"".join(pieces)
    if is_synced:
        yield data
        return
    yield from (tear(data) for tear in TORN.values())
    for kept in product((True, False), repeat=len(pieces)):
        arrived = b"".join(piece if keeps else bytes(len(piece)) for piece, keeps in zip(pieces, kept))
        yield arrived
        yield arrived.rstrip(b"\0")


class _Left:
    """The files after some operations: those that are certain, and what may have become of the others."""

    def __init__(self, before: dict[Path, bytes], top: Path) -> None:
        self.named = dict(before)
        self.fresh: list[tuple[Path, Path | None, list[bytes], bool]] = []
        self.removed: set[Path] = set()
        self.open: dict[Path, list[bytes]] = {}
        self.synced: set[Path] = set()
        self.has_top = bool(before)
        self.top = top

    def take(self, kind: str, path: Path, *rest) -> None:
        """Follow one operation."""
        if kind == "create":
            self.open[path] = []
            self.synced.discard(path)
        elif kind == "write":
            self.open[path].append(rest[0])
        elif kind == "sync":
            self.synced.add(path)
        elif kind == "rename":
            self.fresh.append((rest[0], path, self.open.pop(path), path in self.synced))
        elif kind == "remove":
            self.removed.add(path)
        elif path == self.top.parent:
            self.has_top = True
        else:
            self._certain(path)

    def _certain(self, folder: Path) -> None:
        """Names in a folder that was synced are there, or gone, for good."""
        for target, source, pieces, is_synced in [entry for entry in self.fresh if entry[0].parent == folder]:
            self.named[target] = b"".join(pieces) if is_synced else b""
            self.fresh.remove((target, source, pieces, is_synced))
        for path in [path for path in self.removed if path.parent == folder]:
            self.named.pop(path, None)
            self.removed.remove(path)

    def states(self) -> Iterator[dict[Path, bytes]]:
        """Yield every state that a cut now may leave."""
        waiting = [(target, source, pieces, done) for target, source, pieces, done in self.fresh]
        waiting += [(path, None, pieces, path in self.synced) for path, pieces in self.open.items()]
        for gone in chain.from_iterable(combinations(self.removed, n) for n in range(len(self.removed) + 1)):
            kept = {path: data for path, data in self.named.items() if path not in gone}
            yield kept
            for target, source, pieces, done in waiting:
                for data in contents(pieces, done):
                    yield kept | {target: data}
                    if source is not None:
                        yield kept | {source: data}
        if not self.has_top:
            yield {}


def states(log: list[tuple], before: dict[Path, bytes], top: Path) -> list[tuple[tuple, frozenset[str]]]:
    """Return every different state with the names of the files whose writing had returned by then.

    Parameters
    ----------
    log
        What was done, in order.
    before
        The files that were there, safe, when it began.
    top
        The folder of results, which may be lost until the one above it is synced.
    """
    left, seen = _Left(before, top), {}
    for cut in range(len(log) + 1):
        for files in left.states():
            seen[tuple(sorted(files.items())), frozenset(_promised(log[:cut]))] = None
        if cut < len(log):
            left.take(*log[cut])
    return list(seen)


def _promised(log: list[tuple]) -> set[str]:
    """Return the files whose writing had returned and that nobody removed since: another one was begun after them."""
    last = max((i for i, entry in enumerate(log) if entry[0] == "create"), default=0)
    removed = {entry[1].name for entry in log if entry[0] == "remove"}
    return {entry[2].name for entry in log[:last] if entry[0] == "rename"} - removed
