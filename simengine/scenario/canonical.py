"""One spelling of a content: the canonical text that is hashed, and the difference between two contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One field that differs; `None` stands for a field that is absent."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Return the change as one line."""
        return f"{self.path}: {_text(self.before)} -> {_text(self.after)}"


def canonical(value: Any) -> str:
    """Return plain JSON values as the one text that equal contents share: sorted keys, no spaces, shortest floats."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Yield every field in which two plain JSON values differ, in sorted order of their paths."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        for i in range(max(len(before), len(after))):
            old, new = (items[i] if i < len(items) else None for items in (before, after))
            yield from changes(old, new, f"{path}.{i}" if path else str(i))
    elif canonical(before) != canonical(after):
        yield Change(path, before, after)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value  # -0.0 becomes 0.0: they are equal


def _text(value: Any) -> str:
    return "(absent)" if value is None else canonical(value)
