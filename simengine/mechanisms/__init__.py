"""Biology: one file per mechanism.

A mechanism declares its signals, behaviours, causes, parameters, pools, solutes and random purposes, and has any of the
hooks ``carry`` and ``flow`` (body), ``propose`` (hazards of a chunk of cells) and ``act`` (states of a chunk), all with the
signature ``hook(world, tick, hours, first, last)``; what space needs (walks, engagement, secretion, tissue) is called by
name from the engine. Mechanisms never import each other; shared names stand in ``vocabulary``.

All modules are imported here in sorted order, whoever is asked for first, so that rows are the same in every process.
"""

from __future__ import annotations

from importlib import import_module

from simengine.mechanisms import registry, vocabulary

__all__ = ["MECHANISMS", "owned"]

MECHANISMS = (
    "antibody",
    "apoptosis",
    "cytotoxicity",
    "delivery",
    "differentiation",
    "exposure",
    "growth",
    "homing",
    "ischaemia",
    "licensing",
    "motility",
    "phagocytosis",
    "pharmacokinetics",
    "polarisation",
    "priming",
    "proliferation",
    "safety",
    "secretion",
    "tissue_repair",
    "trafficking",
)
"""Names of all mechanisms, sorted: the row of a mechanism in ``World.enabled``. A test compares them with the folder."""

_REGISTERS = (
    registry.SIGNALS,
    registry.BEHAVIOURS,
    registry.CAUSES,
    registry.PARAMETERS,
    registry.POOLS,
    registry.SOLUTES,
)

_owned: dict[str, dict[str, list[str]]] = {"environment": {register.kind: register.names() for register in _REGISTERS}}
for _name in MECHANISMS:
    _before = [len(register) for register in _REGISTERS]
    import_module(f"simengine.mechanisms.{_name}")
    _owned[_name] = {register.kind: register.names()[start:] for register, start in zip(_REGISTERS, _before, strict=True)}


def owned(mechanism: str, kind: str) -> list[str]:
    """Return the names of one kind (``"behaviour"``, ``"cause"``, ...) that a mechanism declared."""
    return list(_owned[mechanism][kind])


assert len(_owned["environment"]["signal"]) == vocabulary.N_DECLARED
