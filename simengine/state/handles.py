"""How compiled code holds a world: by reference.

Numba passes a named tuple by value, array by array; with some sixty arrays every call and every access costs seconds of
compilation. A structure by reference costs a pointer. ``handle_of`` wraps the arrays of a world, once per block of steps,
without copying them; kernels read ``world.cells.real`` from the handle as Python does from the tuple.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core import types
from numba.experimental import structref

from simengine.foundation.jit import kernel
from simengine.state.cells import Cells
from simengine.state.world import Body, Events, Fields, Grid, Record, Rules, Types, Work, World

__all__ = ["handle_of"]


@structref.register
class CellsStruct(types.StructRef):
    """Compiled type of Cells."""


@structref.register
class GridStruct(types.StructRef):
    """Compiled type of Grid."""


@structref.register
class FieldsStruct(types.StructRef):
    """Compiled type of Fields."""


@structref.register
class TypesStruct(types.StructRef):
    """Compiled type of Types."""


@structref.register
class RulesStruct(types.StructRef):
    """Compiled type of Rules."""


@structref.register
class WorkStruct(types.StructRef):
    """Compiled type of Work."""


@structref.register
class BodyStruct(types.StructRef):
    """Compiled type of Body."""


@structref.register
class RecordStruct(types.StructRef):
    """Compiled type of Record."""


@structref.register
class EventsStruct(types.StructRef):
    """Compiled type of Events."""


@structref.register
class WorldStruct(types.StructRef):
    """Compiled type of World."""


class _CellsRef(structref.StructRefProxy):
    """Reference to Cells."""


class _GridRef(structref.StructRefProxy):
    """Reference to Grid."""


class _FieldsRef(structref.StructRefProxy):
    """Reference to Fields."""


class _TypesRef(structref.StructRefProxy):
    """Reference to Types."""


class _RulesRef(structref.StructRefProxy):
    """Reference to Rules."""


class _WorkRef(structref.StructRefProxy):
    """Reference to Work."""


class _BodyRef(structref.StructRefProxy):
    """Reference to Body."""


class _RecordRef(structref.StructRefProxy):
    """Reference to Record."""


class _EventsRef(structref.StructRefProxy):
    """Reference to Events."""


class _WorldRef(structref.StructRefProxy):
    """Reference to World."""


for _ref, _struct, _named in (
    (_CellsRef, CellsStruct, Cells),
    (_GridRef, GridStruct, Grid),
    (_FieldsRef, FieldsStruct, Fields),
    (_TypesRef, TypesStruct, Types),
    (_RulesRef, RulesStruct, Rules),
    (_WorkRef, WorkStruct, Work),
    (_BodyRef, BodyStruct, Body),
    (_RecordRef, RecordStruct, Record),
    (_EventsRef, EventsStruct, Events),
    (_WorldRef, WorldStruct, World),
):
    structref.define_proxy(_ref, _struct, list(_named._fields))


@kernel
def _wrap(cells, grid, fields, kinds, rules, work, recorded, plain):
    """Return the compiled world made of its groups and of the arrays that stand alone, in the order of World."""
    body, record, events = recorded
    tissue, patch, tally, par, enabled, clock, key = plain
    return _WorldRef(
        _CellsRef(cells.count, cells.real, cells.whole, cells.uid),
        _GridRef(grid.shape, grid.spacing_um, grid.largest_um, grid.start, grid.order, grid.count, grid.scratch),
        _FieldsRef(
            fields.value,
            fields.source,
            fields.loss,
            fields.tissue_source,
            fields.tissue_loss,
            fields.constant,
            fields.treatment,
            fields.work,
            fields.sweeps,
        ),
        tissue,
        patch,
        _TypesRef(kinds.real, kinds.whole, kinds.sees),
        _RulesRef(rules.base, rules.bounds, rules.active_start, rules.active, rules.start, rules.row, rules.number, rules.felt),
        _WorkRef(work.signals, work.behaviours, work.hazards, work.place, work.index, work.strength, work.way),
        _BodyRef(
            body.counts,
            body.transfer,
            body.pools,
            body.solutes,
            body.doses,
            body.given,
            body.drugs,
            body.pair,
            body.flux,
        ),
        _RecordRef(record.ticks, record.values),
        _EventsRef(events.count, events.whole, events.uid, events.hour),
        tally,
        par,
        enabled,
        clock,
        key,
    )


def handle_of(world: World) -> Any:
    """Return what compiled functions take for a world; it shares every array with ``world``.

    Without compilation (``NUMBA_DISABLE_JIT=1``) that is the world itself.
    """
    if numba.config.DISABLE_JIT:
        return world
    plain = (world.tissue, world.patch, world.tally, world.par, world.enabled, world.clock, world.key)
    return _wrap(
        world.cells,
        world.grid,
        world.fields,
        world.types,
        world.rules,
        world.work,
        (world.body, world.record, world.events),
        plain,
    )
