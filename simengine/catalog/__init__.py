"""What exists: products, sites, drugs, routes and all else that a scenario may name, each a TOML file with its sources.

A new entry is one file in the folder of its kind; nothing else has to change.

Example
-------
>>> from simengine import catalog
>>> "bm_msc" in catalog.names("products")
True
>>> catalog.entry("products", "bm_msc").parameters["diameter_um"].unit
'um'
"""

from __future__ import annotations

from simengine.catalog.loader import DEFAULT_FOLDER, load_catalog
from simengine.catalog.records import KINDS, Catalog, Entry, UnknownName

__all__ = ["DEFAULT_FOLDER", "KINDS", "Catalog", "Entry", "UnknownName", "entry", "load_catalog", "names"]


def entry(kind: str, name: str) -> Entry:
    """Return one entry of the installed catalogue; raises UnknownName, with the nearest right name."""
    return load_catalog().entry(kind, name)


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all entries of a kind in the installed catalogue, sorted; raises UnknownName for the kind."""
    return load_catalog().names(kind)
