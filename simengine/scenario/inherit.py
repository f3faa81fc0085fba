"""Which files a scenario is made of: `extends`, resolved without leaving the folders where scenarios live."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from simengine.foundation.documents import Document, read_toml
from simengine.foundation.errors import InputError, Problem, nearest, shown
from simengine.scenario.model import MOST_FILES

_NAME = re.compile(r"^(?:\.{1,2}/)*(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.toml$")
_DEVICES = re.compile(r"^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$", re.IGNORECASE)
_WANTED = "a relative path of plain characters to a .toml file beside this one or among the project's scenarios"


def scenarios_folder() -> Path:
    """Return the folder of the project's own scenarios: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


@dataclass
class Family:
    """The documents of one scenario, parents before children, and what went wrong in finding them."""

    folder: Path
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _seen: dict[Path, Document] = field(default_factory=dict)

    def add(self, document: Document, folder: Path, place: Path | None = None, chain: tuple[Path, ...] = ()) -> None:
        """Add what a document extends, then the document itself; a file named twice counts where it is named first."""
        self.problems.extend(document.faults)
        entries = document.data.get("extends", [])
        names = [entries] if isinstance(entries, str) else entries
        if not isinstance(names, list) or len(names) > MOST_FILES:
            wanted = f"a file name or a list of at most {MOST_FILES} file names"
            self.problems.append(document.problem(("extends",), shown(names), wanted))
            names = []
        for i, name in enumerate(names):
            path = ("extends",) if isinstance(entries, str) else ("extends", i)
            parent = self._locate(name, folder)
            if isinstance(parent, str):
                self.problems.append(document.problem(path, shown(name), _WANTED, parent))
            elif parent == place or parent in chain:
                self.problems.append(document.problem(path, shown(name), "a file that does not extend this one"))
            elif parent not in self._seen:
                self._read(parent, document, path, (*chain, place) if place else chain)
        self.documents.append(document)

    def _read(self, parent: Path, child: Document, path: tuple[str | int, ...], chain: tuple[Path, ...]) -> None:
        if len(self._seen) >= MOST_FILES:
            self.problems.append(child.problem(path, "more files", f"at most {MOST_FILES} files in all"))
            return
        try:
            document = read_toml(parent, str(_as_seen(parent)))
        except InputError as error:
            self.problems.extend(error.problems)
            return
        if parent.resolve() != parent:
            self.problems.append(child.problem(path, "a file that became a link while it was read", _WANTED))
            return
        self._seen[parent] = document
        self.add(document, parent.parent, parent, chain)

    def _locate(self, name: object, folder: Path) -> Path | str:
        """Return the file meant by a name, or the reason why it is refused. Nothing is opened here."""
        if not isinstance(name, str) or len(name) > 200 or not _NAME.match(name):
            return ""
        if any(_DEVICES.match(part.split(".")[0]) for part in name.split("/") if part not in (".", "..")):
            return "this name is reserved"
        roots = (self.folder.resolve(), scenarios_folder().resolve())
        candidates = [(start / name).resolve() for start in (folder, roots[1])]
        inside = [found for found in candidates if any(found.is_relative_to(root) for root in roots)]
        if not inside:
            return "it leads outside these folders"
        existing = [found for found in inside if found.exists()]
        if existing:
            return existing[0]
        beside = [found.name for start in {folder, roots[1]} for found in sorted(start.glob("*.toml"))]
        return nearest(name, beside) or "there is no such file"


def _as_seen(path: Path) -> Path:
    """Return a path as a reader in the current folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
