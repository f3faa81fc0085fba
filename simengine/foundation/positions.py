"""Where each key and value of a TOML text stands, read from its syntax tree.

The index follows the rules by which TOML names things (tables, arrays of tables, dotted keys, inline tables), walks
without recursion, and never decides what is valid: `tomllib` does. Beyond `DEEPEST_INDEXED` levels it does not look, so
that a hostile text costs time and memory in proportion to its length.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

FieldPath = tuple[str | int, ...]
_Place = tuple[int, int]
DEEPEST_INDEXED = 128
_Kind = Literal["value", "header", "array", "dotted", "implied"]


@dataclass
class Index:
    """Places in (row, byte) from 0, as tree-sitter counts; queries answer in (line, column) from 1, in characters."""

    lines: list[bytes]
    keys: dict[FieldPath, _Place] = field(default_factory=dict)
    values: dict[FieldPath, _Place] = field(default_factory=dict)
    kinds: dict[FieldPath, _Kind] = field(default_factory=dict)
    lengths: dict[FieldPath, int] = field(default_factory=dict)
    deepest: list[tuple[int, _Place]] = field(default_factory=list)
    repeats: list[tuple[FieldPath, _Place]] = field(default_factory=list)
    longest: tuple[int, _Place] = (0, (0, 0))

    def value(self, path: FieldPath) -> _Place:
        """Return the place of the value at `path`, or of the nearest enclosing one that is written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.values:
                return self._characters(self.values[path[:length]])
        return (1, 1)

    def key(self, path: FieldPath) -> _Place:
        """Return the place of the key of `path`; an element of a list has none and answers with its value."""
        return self._characters(self.keys[path]) if path in self.keys else self.value(path)

    def first_deeper_than(self, levels: int) -> _Place | None:
        """Return the place where nesting first exceeds `levels`, or None."""
        return next((self._characters(place) for depth, place in self.deepest if depth > levels), None)

    @property
    def longest_integer(self) -> _Place:
        """The place of the integer with most digits."""
        return self._characters(self.longest[1])

    @property
    def repeated(self) -> tuple[FieldPath, _Place, _Place | None] | None:
        """The first key defined twice: its path, its place, and the place of the first definition."""
        if not self.repeats:
            return None
        path, place = self.repeats[0]
        first = self.keys.get(path)
        return path, self._characters(place), self._characters(first) if first else None

    def _characters(self, place: _Place) -> _Place:
        row, column = place
        line = self.lines[row] if row < len(self.lines) else b""
        return row + 1, len(line[:column].decode("utf-8", "replace")) + 1

    def reach(self, depth: int, place: _Place) -> None:
        """Record where nesting first becomes deeper than all before."""
        if not self.deepest or depth > self.deepest[-1][0]:
            self.deepest.append((depth, place))

    def define(self, path: FieldPath, key: _Place, value: _Place, kind: _Kind) -> None:
        """Record one definition; a second one of the same path is kept as a repeat."""
        before = self.kinds.get(path)
        again = before is not None and not (kind == "header" and before == "implied")
        if again and not (kind == before and kind in ("array", "dotted", "implied")):
            self.repeats.append((path, key))
        if before is None or (kind == "header" and not again):
            self.keys.setdefault(path, key)
            self.values[path] = value
            self.kinds[path] = kind


def build_index(text: str) -> Index:
    """Return the places of all keys and values of a TOML text, also of one that is not quite TOML."""
    raw = text.encode()
    index = Index(raw.split(b"\n"))
    table: FieldPath = ()
    for node in _parser().parse(raw).root_node.children:
        if node.type == "pair":
            _index_pair(index, table, node, depth=0)
        elif node.type in ("table", "table_array_element"):
            table = _index_header(index, node)
            for child in node.children:
                if child.type == "pair":
                    _index_pair(index, table, child, depth=len(table))
    return index


@cache
def _parser() -> Any:
    """Return the parser; imported here so that a run without documents does not pay for it."""
    import tree_sitter
    import tree_sitter_toml

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))


def _index_header(index: Index, node: Any) -> FieldPath:
    """Record `[a.b]` or `[[a.b]]` and return the path of the table it opens."""
    segments = list(_segments(node.children[1])) if len(node.children) > 1 else []
    start = _place(node)
    index.reach(len(segments), start)
    path: FieldPath = ()
    for i, (name, place) in enumerate(segments[:DEEPEST_INDEXED]):
        path = (*path, name)
        if i < len(segments) - 1:
            if index.kinds.get(path) == "value":
                index.repeats.append((path, place))
            elif path not in index.kinds:
                index.define(path, place, start, "implied")
        elif node.type == "table":
            index.define(path, place, start, "header")
        else:
            index.define(path, place, start, "array")
            index.lengths[path] = index.lengths.get(path, 0) + 1
            index.values[(*path, index.lengths[path] - 1)] = start
        if path in index.lengths:
            path = (*path, index.lengths[path] - 1)
    return path


def _index_pair(index: Index, table: FieldPath, pair: Any, depth: int) -> None:
    """Record `key = value` under `table`, and all that an array or inline table holds, without recursion."""
    pending = [(table, pair, depth)]
    while pending:
        path, node, depth = pending.pop()
        if depth > DEEPEST_INDEXED:
            continue
        if node.type != "pair":
            depth += 1
            index.values[path] = _place(node)
            index.reach(depth, _place(node))
            pending.extend(reversed(list(_inner(path, node, depth))))
            continue
        segments = list(_segments(node.children[0]))
        value = next(child for child in reversed(node.children) if child.type != "comment")
        for i, (name, place) in enumerate(segments[:DEEPEST_INDEXED]):
            path = (*path, name)
            depth += 1
            index.reach(depth, place)
            if i < len(segments) - 1:
                if index.kinds.get(path) == "value":
                    index.repeats.append((path, place))
                elif path not in index.kinds:
                    index.define(path, place, place, "dotted")
            else:
                index.define(path, place, _place(value), "value")
        if value.type in ("array", "inline_table"):
            pending.extend(reversed(list(_inner(path, value, depth))))
        elif value.type == "integer":
            index.longest = max(index.longest, (value.end_byte - value.start_byte, _place(value)))


def _inner(path: FieldPath, node: Any, depth: int) -> Iterator[tuple[FieldPath, Any, int]]:
    """Yield what an array or inline table holds, each with the path it stands under."""
    if node.type == "inline_table":
        yield from ((path, child, depth) for child in node.children if child.type == "pair")
    elif node.type == "array":
        items = [child for child in node.children if child.is_named and child.type != "comment"]
        yield from (((*path, i), child, depth) for i, child in enumerate(items))


def _segments(key: Any) -> Iterator[tuple[str, _Place]]:
    """Yield the parts of a bare, quoted or dotted key, each with its place; of a hostile one only more than allowed."""
    if key.descendant_count > 4 * DEEPEST_INDEXED:
        yield from (("", _place(key)) for _ in range(DEEPEST_INDEXED))
        return
    parts, pending = [], [key]
    while pending:
        node = pending.pop()
        if node.type == "dotted_key":
            pending.extend(child for child in node.children if child.is_named)
        elif node.type in ("bare_key", "quoted_key"):
            parts.append(node)
    for node in reversed(parts):
        text = node.text.decode("utf-8", "replace")
        yield (_unquoted(text) if node.type == "quoted_key" else text), _place(node)


def _unquoted(text: str) -> str:
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except (tomllib.TOMLDecodeError, StopIteration):
        return text


def _place(node: Any) -> _Place:
    return node.start_point.row, node.start_point.column
