"""What a case is told: how much to do, where peers live, and the C references of this machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.timing import Spent

__all__ = ["NO_COMPILER", "Setting", "ask", "reference"]

REFERENCES = Path(__file__).parent / "reference"
NO_COMPILER = "no C compiler (cc) found"
T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """How a run of the suite is to be made.

    ``folder`` takes what is made on the way, ``cache`` the environments of peers; without ``with_peers`` none is run.
    """

    folder: Path
    cache: Path
    is_quick: bool = False
    repeats: int = 7
    with_peers: bool = True
    _programs: dict[str, Path | None] = field(default_factory=dict)

    def pick(self, full: T, quick: T) -> T:
        """Return the first, or the second in a quick run."""
        return quick if self.is_quick else full

    def program(self, name: str, *flags: str) -> Path | None:
        """Return a C reference compiled for this processor with ``-O3``, or None without a compiler."""
        key = "".join([name, *flags])
        if key not in self._programs:
            compiler, made = shutil.which("cc"), self.folder / key
            if compiler is not None:
                command = [compiler, "-O3", "-march=native", *flags, "-o", made, REFERENCES / f"{name}.c", "-lm"]
                subprocess.run(command, check=True)
            self._programs[key] = made if compiler else None
        return self._programs[key]


def ask(program: Path, *arguments: object) -> dict[str, float]:
    """Run a C reference; return the named numbers that it printed."""
    words = subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def reference(program: Path, *arguments: object) -> partial[Spent]:
    """Return a way to time a C reference, for ``in_turns``."""
    return partial(_time_reference, program, arguments)


def _time_reference(program: Path, arguments: tuple[object, ...]) -> Spent:
    found = ask(program, *arguments)
    return Spent(found["cpu"], found["wall"])
