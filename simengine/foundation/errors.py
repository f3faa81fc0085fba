"""Faults of what a user wrote: where it stands, what was found, what is allowed, the nearest right name.

Every gate of the project (documents, catalogue, scenarios) collects `Problem` records and raises one `InputError` that
carries all of them, so that a file is mended in one go.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

_LONGEST_SHOWN = 60
_PLAIN = re.compile(r"^[A-Za-z0-9_.-]{1,200}$")


@dataclass(frozen=True)
class Problem:
    """One fault of one document.

    `line` and `column` count from 1, in characters. `path` is the dotted path of the field (`delivery.0.dose_cells`),
    or `document` when the text as a whole is at fault. `hint` is advice in a few words, or empty.
    """

    file: str
    line: int
    column: int
    path: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the one line a user reads: ``file:line:col: path: got X, expected Y; hint``."""
        text = f"{self.file}:{self.line}:{self.column}: {self.path}: got {self.found}, expected {self.expected}"
        return one_line(f"{text}; {self.hint}" if self.hint else text)


class InputError(Exception):
    """What was asked cannot be done as written; `problems` lists every fault found, in the order of their places."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep each distinct problem once."""
        order = attrgetter("file", "line", "column", "path", "found", "expected", "hint")
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems), key=order))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        """Survive the way back from a worker process."""
        return (InputError, (self.problems,))


def one_line(text: str) -> str:
    """Return `text` with control characters escaped, so that a document cannot write to a terminal or add a line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as messages show it, `delivery.0.day`; keys of other characters are quoted; empty: `document`."""
    return ".".join(str(key) if _PLAIN.match(str(key)) else shown(key) for key in path) or "document"


def shown(value: object) -> str:
    """Return a value as it would stand in TOML, cut to a readable length; tables are only named as such."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= _LONGEST_SHOWN else f'{text[: _LONGEST_SHOWN - 4]}..."'
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_SHOWN:
        return f"a whole number of more than {_LONGEST_SHOWN} digits"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "a table" if value else "an empty table"
    if isinstance(value, Sequence):
        text = f"[{', '.join(shown(item) for item in value[:8])}{', ...' if len(value) > 8 else ''}]"
        return text if len(text) <= _LONGEST_SHOWN else f"a list of {len(value)}"
    return f"{type(value).__name__} {value}"


def listed(names: Iterable[str], most: int = 24) -> str:
    """Return the names of a choice as ``one of a, b, c``; a long list is cut and counted."""
    every = list(names)
    if not every:
        return "nothing here"
    head = ", ".join(every[:most])
    rest = f" (and {len(every) - most} more)" if len(every) > most else ""
    return f"one of {head}{rest}" if len(every) > 1 else head


def nearest(name: object, names: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` for the closest of `names`, or an empty string when none is close."""
    if not isinstance(name, str) or not name.strip():
        return ""
    by_lower = {known.lower(): known for known in names}
    given = name[:200].strip().lower()
    longer = sorted((known for known in by_lower if known.startswith(given)), key=len) if len(given) > 2 else []
    close = longer or difflib.get_close_matches(given, by_lower, n=1, cutoff=0.6)
    return f'did you mean "{by_lower[close[0]]}"?' if close else ""
