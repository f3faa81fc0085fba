"""A run put aside: every array of its world in one file, to go on from bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.version import MODEL_VERSION
from simengine.state.arrays import arrays_of, with_arrays
from simengine.state.world import World

__all__ = ["load_checkpoint", "save_checkpoint"]

Address = tuple[str, int, int, int]
Arrays = Mapping[str, NDArray[Any]]


def _label(address: Address) -> str:
    scenario, seed, patient, replicate = address
    return json.dumps(
        {"scenario": scenario, "seed": seed, "patient": patient, "replicate": replicate, "model": MODEL_VERSION},
        sort_keys=True,
    )


def save_checkpoint(path: Path, address: Address, world: World, taken: list[Arrays], snapshots: Mapping[str, Arrays]) -> None:
    """Write a checkpoint: to a temporary name, synced, then renamed, so that a file under ``path`` is always whole."""
    arrays = dict(arrays_of(world))
    for i, events in enumerate(taken):
        arrays |= {f"taken.{i}.{name}": values for name, values in events.items()}
    for label, snapshot in snapshots.items():
        arrays |= {f"snapshot/{label}/{name}": values for name, values in snapshot.items()}
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    data = packed.getvalue()
    head = json.dumps({"label": _label(address), "sha256": hashlib.sha256(data).hexdigest()}).encode() + b"\n"
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with part.open("wb") as file:
        file.write(head + data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_checkpoint(path: Path, address: Address, world: World) -> tuple[World, list[Arrays], dict[str, Arrays]]:
    """Return the world of a checkpoint, the events taken from it so far, and its snapshots.

    Raises
    ------
    ValueError
        If the file is damaged, or belongs to another scenario, address or model version.
    """
    head, _, data = path.read_bytes().partition(b"\n")
    try:
        said = json.loads(head)
        intact = hashlib.sha256(data).hexdigest() == said["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a checkpoint") from error
    if not intact:
        raise ValueError(f"{path} is damaged: its digest does not agree")
    if said["label"] != _label(address):
        raise ValueError(f"{path} belongs to another run: {said['label']}, expected {_label(address)}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    taken: list[Arrays] = []
    while f"taken.{len(taken)}.hour" in arrays:
        i = len(taken)
        taken.append({name: arrays[f"taken.{i}.{name}"] for name in ("whole", "uid", "hour")})
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for name in arrays:
        if name.startswith("snapshot/"):
            _, label, key = name.split("/")
            found.setdefault(label, {})[key] = arrays[name]
    try:
        return with_arrays(world, arrays), taken, dict(found)
    except KeyError as error:
        raise ValueError(f"{path} is incomplete: it has no {error}") from error
