"""Files that are either whole or absent, and one writer at a time in a folder.

A file is written under a temporary name, synced, renamed, and its folder synced: whoever looks sees the old file, the
new file or none, also after a power cut. All writing of results passes through the operations of `Disk`, so that
a test can make any one of them fail.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["DISK", "Disk", "ResultsError", "locked", "make_folder", "remove_leftovers", "sha256", "write_file"]


NAME_WITHIN_S = 1.0
"""How long whoever is refused waits for the name of the holder, s."""


class ResultsError(Exception):
    """A folder of results that cannot be used: damaged, incomplete where it must be whole, or held by somebody else."""

    exit_code = 74


class Disk:
    """The operations a durable write is made of; each raises `OSError`."""

    def create(self, path: Path) -> int:
        """Open a new file for writing and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write some of the bytes and return how many."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Return when the disk, not only the system, holds the bytes."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor; some file systems report a failed write only here."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name in one step."""
        os.rename(source, target)

    def remove(self, path: Path) -> None:
        """Take a file away."""
        os.unlink(path)


DISK = Disk()


def sha256(data: bytes | memoryview) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes, disk: Disk = DISK) -> None:
    """Write a whole file durably, or leave what was there before.

    Raises
    ------
    OSError
        With the errno of the failed operation and the final path as its file name; no temporary file stays behind.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        try:
            _write_synced(temporary, data, disk)
            disk.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent, disk)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_synced(path: Path, data: bytes, disk: Disk) -> None:
    descriptor = disk.create(path)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(descriptor, rest) :]
        disk.sync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise
    disk.close(descriptor)


def _sync_folder(folder: Path, disk: Disk) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, disk: Disk = DISK) -> None:
    """Make a folder, with those above it that are missing, so that a power cut does not take it away with all that is in it.

    Raises
    ------
    OSError
        With errno and path.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        try:
            _sync_folder(place.parent, disk)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(place)) from error


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed writer left in a folder (call it only while holding the lock)."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for writing; the lock dies with its process, so a killed writer leaves nothing to clear away.

    Raises
    ------
    ResultsError
        If another process holds the folder; the message names it.
    """
    path = folder / ".lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(f"{folder} is being written by {_holder(path)}; wait, or choose another --out") from None
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat("T", "seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    """Return who holds a lock; one that has just taken it needs a moment to write its name."""
    deadline = time.monotonic() + NAME_WITHIN_S
    while True:
        try:
            holder = json.loads(path.read_text())
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError):
            if time.monotonic() > deadline:
                return "another process that has not yet written its name"
            time.sleep(0.01)
