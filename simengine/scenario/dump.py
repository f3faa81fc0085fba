"""Write a scenario back as TOML, and say in which fields two scenarios or studies differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from simengine.scenario.canonical import Change, changes
from simengine.scenario.model import Scenario
from simengine.scenario.study import Study

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def dump(scenario: Scenario) -> str:
    """Return a scenario as a TOML text with every default written out; loading it gives an equal scenario.

    Example
    -------
    >>> from simengine.scenario import dump, loads
    >>> scenario = loads('name = "control"').points[0].scenario
    >>> loads(dump(scenario)).points[0].scenario == scenario
    True
    """
    return "\n".join(_lines(scenario.plain())) + "\n"


def difference(before: Scenario | Study, after: Scenario | Study) -> list[Change]:
    """Return every field in which two scenarios, or two studies point by point, differ.

    Name, title and description count too, although they do not move the hash.
    """
    return list(changes(_content(before), _content(after)))


def _content(item: Scenario | Study) -> Any:
    if isinstance(item, Scenario):
        return item.plain()
    return {"points": [{"label": point.label, **point.scenario.plain()} for point in item.points]}


def _lines(tree: Mapping[str, Any], header: str = "") -> Iterator[str]:
    """Yield the lines of a table: plain values first, then tables, then arrays of tables."""
    tables = {key: value for key, value in tree.items() if isinstance(value, dict)}
    arrays = {key: value for key, value in tree.items() if _is_array_of_tables(value)}
    for key, value in tree.items():
        if key not in tables and key not in arrays:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        yield from ("", f"[{header}{_key(key)}]")
        yield from _lines(value, f"{header}{_key(key)}.")
    for key, values in arrays.items():
        for value in values:
            yield from ("", f"[[{header}{_key(key)}]]")
            yield from _lines(value, f"{header}{_key(key)}.")


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _key(key: str) -> str:
    return key if _BARE.match(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    return repr(value)


def _text(text: str) -> str:
    """Return a TOML basic string; JSON escapes all that TOML does, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
