"""Names of HLA alleles and antigens: what `A*02:01`, `HLA-DRB1*15:01:01`, `A*02` or `DR15` mean.

Names follow the WHO nomenclature (Marsh SGE and others, Tissue Antigens 2010;75:291). Which first fields there are, and
which antigen, ligand and epitope group belong to an allele, stands in catalogue folder `hla`; of second fields any is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from simengine.catalog.loader import load_catalog
from simengine.catalog.records import Row
from simengine.foundation.errors import nearest, shown

__all__ = ["LEVELS", "LOCI", "Allele", "Level", "NameFault", "allele_of", "typing_faults"]

Level = Literal["antigen", "first_field", "two_field"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""How finely two names are compared, from coarse to fine."""
LOCI = ("A", "B", "C", "DRB1", "DQB1", "DPB1")
"""The loci of a typing, in the order in which laboratories report them."""

_FIELD = r"(?:\d\d|[1-9]\d{2,3})"
_ALLELE = re.compile(
    rf"^(?:HLA-)?(?P<locus>A|B|C|DRB1|DQB1|DPB1)\*(?P<fields>{_FIELD}(?::{_FIELD}){{0,3}})(?P<suffix>[NLSCAQGP]?)(?P<any>:XX)?$"
)
_FIELDS_OF_SUFFIX = {"G": (3, 3), "P": (2, 2)}
_UNEXPRESSED = "NSC"
"""Null, secreted and cytoplasmic alleles: nothing on the cell surface. L, A and Q (low, aberrant, questionable) count."""
_OLD = re.compile(r"^(?P<locus>A|B|CW?|DRB1|DQB1|DPB1)[*W]?(?P<digits>\d{4,8})$")
_HINTS = {"BW4": "Bw4 is an epitope of several antigens", "BW6": "Bw6 is an epitope of several antigens"}
_HINTS |= dict.fromkeys(("DR51", "DR52", "DR53"), "DRB3, DRB4 and DRB5 are not compared")
WANTED = 'an HLA name at A, B, C, DRB1, DQB1 or DPB1, such as "A*02:01", "A*02" or "DR15"'


class NameFault(ValueError):
    """A name that is no HLA name: `found`, and a `hint` with the nearest right name or the reason, or empty."""

    def __init__(self, found: str, hint: str = "") -> None:
        """Keep what was found and what may be meant."""
        self.found, self.hint = found, hint
        super().__init__(f"got {found}, expected {WANTED}" + (f"; {hint}" if hint else ""))


@dataclass(frozen=True)
class Allele:
    """One HLA name and what it tells at each level; a text is empty where the name is too coarse to tell.

    `name` as a laboratory writes it, `two_field` `A*02:01`, `first_field` `A*02`, `antigen` the serological split (the first
    field where there is no serology), `broad` the antigen that was split (or the antigen, if none was), `is_expressed` false
    for null, secreted and cytoplasmic alleles, `ligand` for KIR (`C1`, `C2`, `Bw4`, `A3/A11` or empty), `tce_group` of DPB1
    (0 if not assigned).
    """

    name: str
    locus: str
    two_field: str = ""
    first_field: str = ""
    antigen: str = ""
    broad: str = ""
    is_expressed: bool = True
    ligand: str = ""
    tce_group: int = 0

    def at(self, level: Level) -> str:
        """Return the name at a level, or an empty text when this name is coarser."""
        return str(getattr(self, level))


@lru_cache(maxsize=1)
def _rows() -> Mapping[str, Row]:
    """Return the rows of catalogue folder `hla` by name: first fields, and alleles that differ from theirs."""
    entries = load_catalog().entries["hla"].values()
    return {str(row["name"]): row for entry in entries for row in entry.rows}


@lru_cache(maxsize=1)
def _antigens() -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of each antigen, splits and broad ones alike."""
    found: dict[str, list[Row]] = {}
    for row in _rows().values():
        for antigen in {str(row[kind]) for kind in ("antigen", "broad") if kind in row}:
            found.setdefault(antigen, []).append(row)
    return {antigen: tuple(rows) for antigen, rows in found.items()}


@lru_cache(maxsize=4096)
def allele_of(name: str) -> Allele:
    """Return what an HLA name means.

    Raises
    ------
    NameFault
        When it is none, with the nearest right name.

    Example
    -------
    >>> allele_of("HLA-DRB1*15:01:01").two_field, allele_of("B*15:01").antigen, allele_of("A*24:09N").is_expressed
    ('DRB1*15:01', 'B62', False)
    """
    if name in _antigens():
        return _of_antigen(name)
    found = _ALLELE.match(name)
    if found is None:
        raise NameFault(shown(name), _meant(name))
    locus, suffix, fields = found["locus"], found["suffix"], found["fields"].split(":")
    first = f"{locus}*{fields[0]}"
    least, most = _FIELDS_OF_SUFFIX.get(suffix, (2 if suffix else 1, 4))
    if not least <= len(fields) <= most or (found["any"] and (len(fields) > 1 or suffix)):
        raise NameFault(shown(name), _meant(f"{locus}*{':'.join(fields[:2])}"))
    if locus != "DPB1" and first not in _rows():
        raise NameFault(shown(name), nearest(first, [known for known in _rows() if known.startswith(f"{locus}*")]))
    two = f"{locus}*{':'.join(fields[:2])}" if len(fields) > 1 else ""
    general = _rows().get(first, {})
    row = _rows().get(two) or ({} if two and _is_split(first) else general)
    antigen = str(row.get("antigen", "")) or ("" if _is_split(first) else first)
    return Allele(
        name=name.removeprefix("HLA-"),
        locus=locus,
        two_field=f"{two}{'N' if suffix == 'N' else ''}" if two else "",
        first_field=first,
        antigen=antigen,
        broad=str(row.get("broad", antigen)),
        is_expressed=suffix not in _UNEXPRESSED or not suffix,
        ligand=str(row.get("ligand", general.get("ligand", "") if not two else "")),
        tce_group=int(row.get("tce_group", 0)),
    )


def _is_split(first: str) -> bool:
    """Whether the antigen of a first field depends on the second: it has none of its own, and one of its alleles has."""
    return "antigen" not in _rows().get(first, {}) and any(
        name.startswith(f"{first}:") and "antigen" in row for name, row in _rows().items()
    )


def _of_antigen(name: str) -> Allele:
    """Return a serological antigen; its first field is known when all of its alleles share one."""
    rows = _antigens()[name]
    firsts = {str(row["name"]).split(":")[0] for row in rows}
    is_broad = all(row.get("antigen") != name for row in rows)
    broad = name if is_broad else str(rows[0].get("broad", name))
    ligands = {str(row.get("ligand", "")) for row in rows}
    return Allele(
        name=name,
        locus=str(rows[0]["name"]).split("*")[0],
        first_field=firsts.pop() if len(firsts) == 1 else "",
        antigen="" if is_broad else name,
        broad=broad,
        ligand=ligands.pop() if len(ligands) == 1 else "",
    )


def _meant(text: str) -> str:
    """Return advice on a text that is no name: the name it would be if written as today, or the nearest one."""
    plain = re.sub(r"\s+", "", text).upper().removeprefix("HLA-").removeprefix("HLA")
    if plain in _HINTS:
        return _HINTS[plain]
    old = _OLD.match(plain)
    if old:
        digits = old["digits"]
        fields = ":".join(digits[i : i + 2] for i in range(0, len(digits) - len(digits) % 2, 2))
        plain = f"{old['locus'].removesuffix('W')}*{fields}"
    plain = re.sub(r"(?<=[*:])(?=\d(?!\d))", "0", re.sub(r"(?<=[*:])0+(?=\d\d)", "", plain))
    names = (*_rows(), *_antigens())
    same = [known for known in names if known.upper() == plain]
    if same or (_ALLELE.match(plain) and (plain.split(":")[0] in _rows() or plain.startswith("DPB1"))):
        return f'did you mean "{same[0] if same else plain}"?'
    return nearest(text, names)


def typing_faults(names: Sequence[str]) -> Iterator[tuple[int, str, str, str]]:
    """Yield (index, found, expected, hint) of every fault of a typing: no HLA name, or a third allele at a locus."""
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        try:
            locus = allele_of(name).locus
        except NameFault as fault:
            yield i, fault.found, WANTED, fault.hint
            continue
        seen[locus] = seen.get(locus, 0) + 1
        if seen[locus] > 2:
            yield i, f"{shown(name)}, a third name at {locus}", "at most two names at each locus", ""
