"""TOML documents that remember where every value stands.

`tomllib` says what a document means, tree-sitter where it says so. Nothing here knows what a field is for: the readers
of scenarios and of the catalogue turn a path into a line and column with `Document.position`.
"""

from __future__ import annotations

import errno
import math
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from simengine.foundation.errors import InputError, Problem, dotted, shown
from simengine.foundation.positions import FieldPath, Index, build_index

LONGEST_BYTES = 1 << 20
DEEPEST = 64
_INT64 = range(-(2**63), 2**63)
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_STATEMENT = re.compile(r"^(\s*[^=#]+=[ \t]*)(.*?)\s*$")
_MEANT = {
    **dict.fromkeys(("True", "yes", "on", "Yes", "On", "TRUE"), "did you mean true?"),
    **dict.fromkeys(("False", "no", "off", "No", "Off", "FALSE"), "did you mean false?"),
    **dict.fromkeys(("null", "None", "nil", "~"), "leave the field out to take its default"),
}


@dataclass(frozen=True)
class Document:
    """A TOML text, its meaning, and the place of every value.

    `file` is the name shown in messages, `data` the plain values, `faults` the numbers that no field may hold
    (not a number, infinite, beyond 64 bits).
    """

    file: str
    text: str
    data: dict[str, Any]
    faults: tuple[Problem, ...] = field(default=())

    @cached_property
    def index(self) -> Index:
        """The places of keys and values, built when first asked for."""
        return build_index(self.text)

    def position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column), from 1, of the value at `path`, or of the nearest enclosing value that is written."""
        return self.index.value(path)

    def key_position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column), from 1, of the key that names `path`, for keys that should not be there."""
        return self.index.key(path)

    def problem(self, path: FieldPath, found: str, expected: str, hint: str = "", *, at_key: bool = False) -> Problem:
        """Return a problem placed at the value (or the key) of `path`."""
        line, column = self.key_position(path) if at_key else self.position(path)
        return Problem(self.file, line, column, dotted(path), found, expected, hint)


@dataclass(frozen=True)
class Excerpt(Document):
    """A document whose values were taken from another one; every place is that of the whole.

    `places` maps paths of this document to paths of `whole`; what lies below a mapped path follows it.
    """

    whole: Document | None = None
    places: Mapping[FieldPath, FieldPath] = field(default_factory=dict)

    def place(self, path: FieldPath) -> FieldPath:
        """Return the path in the whole of a path here."""
        length = next((n for n in range(len(path), -1, -1) if path[:n] in self.places), 0)
        return (*self.places.get(path[:length], ()), *path[length:])

    def position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column) in the whole of the value at `path`."""
        return (self.whole or self).index.value(self.place(path))

    def key_position(self, path: FieldPath) -> tuple[int, int]:
        """Return (line, column) in the whole of the key of `path`."""
        return (self.whole or self).index.key(self.place(path))


def read_toml(path: str | Path, shown_as: str | None = None) -> Document:
    """Read a TOML file from disk.

    Parameters
    ----------
    path : the file; only a regular file of at most 1 MiB is opened, so that a pipe or device cannot block or flood.
    shown_as : the name used in messages, by default `path` as given.

    Raises
    ------
    InputError
        When the file cannot be read, is not UTF-8, or is not TOML; one problem with its true line and column.
    """
    name = shown_as if shown_as is not None else str(path)
    raw = _read_bytes(path, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        found = "UTF-16 text" if wide else f"the byte 0x{raw[error.start]:02x}"
        problem = Problem(name, line, column, "document", found, "UTF-8 text", "save the file as UTF-8")
        raise InputError([problem]) from None
    return parse_toml(text, name)


def parse_toml(text: str, file: str) -> Document:
    """Return the document of a TOML text; `file` is its name in messages. Raises InputError when it is not TOML."""
    if len(text.encode()) > LONGEST_BYTES:
        raise InputError([_whole(file, f"{len(text.encode())} bytes", f"at most {LONGEST_BYTES} bytes")])
    if any(line.count(".") > DEEPEST for line in text.splitlines()) and build_index(text).first_deeper_than(DEEPEST):
        raise InputError([_too_deep(text, file)])  # before tomllib, whose time grows with the square of a dotted key
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise InputError([_too_deep(text, file)]) from None
    except ValueError as error:
        raise InputError([_syntax_problem(text, file, error)]) from None
    if _depth(data) > DEEPEST:
        raise InputError([_too_deep(text, file)])
    document = Document(file, text, data)
    faults = tuple(
        document.problem(path, shown(value), "a finite number of at most 64 bits") for path, value in _bad_numbers(data)
    )
    return Document(file, text, data, faults) if faults else document


def _read_bytes(path: str | Path, name: str) -> bytes:
    """Return the content of a regular file without ever waiting for a pipe or following a last-moment link."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError([_whole(name, _file_kind(os.stat(path).st_mode), "a regular file")])
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError([_whole(name, _file_kind(status.st_mode), "a regular file")])
            if status.st_size > LONGEST_BYTES:
                raise InputError([_whole(name, f"{status.st_size} bytes", f"at most {LONGEST_BYTES} bytes")])
            return stream.read(LONGEST_BYTES + 1)
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "error")
        found = "no such file" if code == "ENOENT" else f"{error.strerror} ({code})"
        raise InputError([_whole(name, found, "a readable file")]) from None
    except ValueError:
        raise InputError([_whole(name, "a name with a NUL character", "a readable file")]) from None


def _file_kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "a special file")


def _whole(file: str, found: str, expected: str) -> Problem:
    return Problem(file, 1, 1, "document", found, expected)


def _too_deep(text: str, file: str) -> Problem:
    """Return the refusal of deep nesting, placed at the first key or bracket beyond the limit."""
    place = build_index(text).first_deeper_than(DEEPEST)
    if place is None:  # brackets that never close leave no syntax tree
        run = re.search(rf"(?:[\[{{]\s*){{{DEEPEST}}}", text)
        before = text[: run.end()] if run else ""
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    line, column = place
    return Problem(file, line, column, "document", "deeper nesting", f"at most {DEEPEST} levels")


def _depth(data: object) -> int:
    deepest, pending = 0, [(data, 0)]
    while pending:
        value, depth = pending.pop()
        deepest = max(deepest, depth)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        pending.extend((item, depth + 1) for item in inner)
    return deepest


def _bad_numbers(data: object, path: FieldPath = ()) -> list[tuple[FieldPath, object]]:
    """Return every number that is not finite or needs more than 64 bits, with its path."""
    if isinstance(data, dict):
        return [bad for key, value in data.items() for bad in _bad_numbers(value, (*path, key))]
    if isinstance(data, list):
        return [bad for i, value in enumerate(data) for bad in _bad_numbers(value, (*path, i))]
    if isinstance(data, float) and not math.isfinite(data):
        return [(path, data)]
    if isinstance(data, int) and data not in _INT64:
        return [(path, data)]
    return []


def _syntax_problem(text: str, file: str, error: ValueError) -> Problem:
    """Turn an error of `tomllib` into a problem at the place a reader would look for it."""
    message = str(error)
    index = build_index(text)
    if message.startswith("Exceeds the limit"):
        line, column = index.longest_integer
        return Problem(file, line, column, "document", "a number of thousands of digits", "a number of at most 64 bits")
    if message.startswith(("Cannot ", "Duplicate ")) and index.repeated is not None:
        path, (line, column), first = index.repeated
        where = f"line {first[0]}" if first else "above"
        name = dotted(path)
        return Problem(file, line, column, name, "a second definition", "each key once", f"first defined on {where}")
    lines = text.replace("\r\n", "\n").split("\n")
    at = _AT.search(message)
    if at is None or at[1] is None:
        line, column = len(lines), len(lines[-1]) + 1
    else:
        line, column = int(at[1]), int(at[2])
    rest = lines[line - 1][column - 1 :].strip()
    expected = _expectation(_AT.sub("", message))
    if message.startswith("Expected newline") and (statement := _STATEMENT.match(lines[line - 1])):
        column, rest, expected = len(statement[1]) + 1, statement[2], "one TOML value and the end of the line"
    hint = _MEANT.get(re.split(r"[\s,\]}]", rest, maxsplit=1)[0], "")
    return Problem(file, line, column, "document", shown(rest) if rest else "the end of the line", expected, hint)


def _expectation(message: str) -> str:
    """Say what TOML allows where `tomllib` gave up."""
    if message.startswith("Expected "):
        return message.removeprefix("Expected ")
    known = {
        "Invalid value": "a TOML value",
        "Invalid statement": "a key = value line or a [table]",
        "Invalid initial character for a key part": "a key",
    }
    return known.get(message, f"valid TOML ({message.lower()})")
