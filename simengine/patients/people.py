"""Patient and donors as a transplant laboratory names them: a TOML file, or a typing written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simengine.catalog import load_catalog
from simengine.catalog.nomenclature import WANTED, typing_faults
from simengine.foundation.documents import Document, read_toml
from simengine.foundation.errors import InputError, Problem, listed, nearest, shown
from simengine.patients.ligands import BLOOD_GROUPS
from simengine.patients.typing import Typing, typing_of

__all__ = ["Person", "person_of"]

MOST_NAMES = 24
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sex": ("male", "female"),
    "blood_group": BLOOD_GROUPS,
    "cmv": ("positive", "negative"),
}
_FIELDS = ("name", "hla", "sex", "blood_group", "cmv", "ancestry")


@dataclass(frozen=True)
class Person:
    """A patient or donor: label, typing, and what else is known; None is unknown."""

    name: str
    typing: Typing
    sex: str | None = None
    blood_group: str | None = None
    cmv: str | None = None
    ancestry: str | None = None


def person_of(text: str, label: str) -> Person:
    """Return the person that a text stands for.

    Parameters
    ----------
    text
        A file ending in `.toml` with `hla = [...]` and, if known, `name`, `sex`, `blood_group`, `cmv` and `ancestry`; or the
        typing itself, HLA names separated by commas.
    label
        What a person without a name is called, also in messages about a typing written out.

    Raises
    ------
    InputError
        With every fault and its place.

    Example
    -------
    >>> person_of("A*02:01, B*07:02, DRB1*15:01", "patient").typing.names[:2]
    ('A*02:01', 'A*02:01')
    """
    if Path(text).suffix == ".toml":
        return _from_file(text)
    names = [name.strip() for name in text.split(",")]
    starts, place = [], 0
    for written in text.split(","):
        starts.append(place + len(written) - len(written.lstrip()) + 1)
        place += len(written) + 1
    problems = [
        Problem(label, 1, starts[i], f"hla.{i}", found, expected, hint or "or name a file that ends in .toml")
        for i, found, expected, hint in typing_faults(names)
    ]
    if problems:
        raise InputError(problems)
    return Person(label, typing_of(names))


def _from_file(file: str) -> Person:
    document = read_toml(file)
    problems = [*document.faults, *_problems(document)]
    if problems:
        raise InputError(problems)
    data = document.data
    known = {name: data.get(name) for name in ("sex", "blood_group", "cmv", "ancestry")}
    return Person(str(data.get("name", Path(file).stem)), typing_of(data["hla"]), **known)


def _problems(document: Document) -> Iterator[Problem]:
    """Yield every fault of the file of a person."""
    data: Mapping[str, Any] = document.data
    choices = {**_CHOICES, "ancestry": load_catalog().names("ancestries")}
    for key in data:
        if key not in _FIELDS:
            yield document.problem((key,), "an unknown key", listed(_FIELDS), nearest(key, _FIELDS), at_key=True)
    for key, allowed in choices.items():
        if key in data and data[key] not in allowed:
            yield document.problem((key,), shown(data[key]), listed(allowed), nearest(data[key], allowed))
    if "name" in data and (not isinstance(data["name"], str) or not data["name"].isprintable() or not data["name"].strip()):
        yield document.problem(("name",), shown(data["name"]), "text on one line")
    names = data.get("hla")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_NAMES:
        expected = f"a list of 1 to {MOST_NAMES} HLA names"
        yield document.problem(("hla",), shown(names) if "hla" in data else "nothing", expected)
        return
    texts = [(i, name) for i, name in enumerate(names) if isinstance(name, str)]
    for i, name in enumerate(names):
        if not isinstance(name, str):
            yield document.problem(("hla", i), shown(name), WANTED)
    for i, found, expected, hint in typing_faults([name for _, name in texts]):
        yield document.problem(("hla", texts[i][0]), found, expected, hint)
