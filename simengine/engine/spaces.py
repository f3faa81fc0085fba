"""The phases of a patch: canonical order, fates of its cells, its fields and its tissue."""

from __future__ import annotations

import numpy as np

from simengine.engine.decide import decide, remove_dead, strike
from simengine.engine.hooks import act, propose
from simengine.foundation.jit import inlined, kernel
from simengine.foundation.random import arrival_identity, purpose
from simengine.foundation.samplers import poisson
from simengine.kernels.fields import LOCAL, STEADY, TRANSIENT, step_mixed
from simengine.kernels.fields_steady import solve_steady
from simengine.kernels.fields_transient import step_transient
from simengine.kernels.forces import displace, relax, yielding
from simengine.kernels.neighbours import DUPLICATE, locate, permute, sort_by_voxel
from simengine.kernels.response import respond
from simengine.mechanisms import MECHANISMS
from simengine.mechanisms.cytotoxicity import disengage, engage, sum_marks
from simengine.mechanisms.environment import sense, sense_tissue
from simengine.mechanisms.growth import spill
from simengine.mechanisms.homing import RECRUITMENT
from simengine.mechanisms.motility import move
from simengine.mechanisms.priming import SHEDDING
from simengine.mechanisms.secretion import feel_gradients, secrete, secrete_tissue
from simengine.mechanisms.tissue_repair import deposit, relax_tissue
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w
from simengine.state.entry import enter

__all__ = [
    "enlarge",
    "give_to_body",
    "live",
    "populate",
    "put_in_order",
    "relax_fields",
    "renew_tissue",
    "settle",
    "skirmish",
    "walk",
]

_GROWTH = MECHANISMS.index("growth")
_CYTOTOXICITY = MECHANISMS.index("cytotoxicity")
_MOTILITY = MECHANISMS.index("motility")
_TISSUE_REPAIR = MECHANISMS.index("tissue_repair")

_HOSTS = purpose("populate.hosts")

FIELD_TOLERANCE = 3e-3
"""Asked of the steady solver; the worst error seen was a third of it: fields are right to 1e-3 of their maximum."""
_REACH = 1.25
"""Adhesion acts up to this multiple of the sum of radii (PhysiCell's default)."""
_LONGEST_PUSH = 0.25
"""Longest move by forces in one step, in radii."""


@kernel
def put_in_order(world):
    """Sort the columns by (voxel, identity) and renew the cell list; a duplicate identity is a fault."""
    cells, grid = world.cells, world.grid
    n = cells.count[0]
    locate(n, cells.real, cells.whole[c.PATCH], grid.spacing_um[0], grid.shape, cells.whole[c.VOXEL])
    if sort_by_voxel(n, cells.whole[c.VOXEL], cells.uid, grid.start, grid.order, grid.count) == DUPLICATE:
        world.clock[w.PROBLEM] = w.DUPLICATE
    permute(cells.real, cells.whole, cells.uid, grid.order, n)


@kernel
def _range_of(world, patch):
    """Return the first column of a patch and the one after its last."""
    n_voxels = world.tissue.shape[2]
    return world.grid.start[patch * n_voxels], world.grid.start[(patch + 1) * n_voxels]


@kernel
def renew_tissue(world, patch, hours):
    """Advance the tissue of a patch by ``hours``, and renew what it secretes and whom it calls."""
    first, last = _range_of(world, patch)
    deposit(world, patch, first, last)
    n_voxels = world.tissue.shape[2]
    kinds = np.zeros(w.CHUNK, np.int32)
    called = 0.0
    for begin in range(0, n_voxels, w.CHUNK):
        end = min(begin + w.CHUNK, n_voxels)
        sense_tissue(world, patch, begin, end)
        respond(kinds, world.work.signals, world.rules, 0, end - begin, world.work.behaviours)
        secrete_tissue(world, patch, begin, end)
        if world.enabled[_TISSUE_REPAIR] == 1:
            relax_tissue(world, patch, begin, end, hours)
        for k in range(end - begin):
            called += world.work.behaviours[RECRUITMENT, k]
    world.patch[patch, w.RECRUITMENT] = called / n_voxels


@kernel
def populate(world):
    """Let the host cells of tick 0 enter every patch: Poisson(density x V_patch) of each kind (EQ-HOME-2)."""
    for p in range(world.patch.shape[0]):
        for kind in range(world.types.real.shape[1]):
            mean = world.types.real[w.TYPE_PER_MM3, kind] * world.patch[p, w.VOLUME_MM3]
            door = 65536 * (p + 1) + world.types.whole[w.TYPE_KIND, kind]
            for ordinal in range(poisson(world.key, np.uint64(door), 0, _HOSTS, 0, mean)):
                i = enter(world, kind, p, arrival_identity(world.key, door, w.BEFORE_TICK_0, ordinal), 0)
                world.cells.real[c.POLARISATION, i] = world.types.real[w.TYPE_POLARISATION, kind]
    put_in_order(world)
    for p in range(world.patch.shape[0]):
        renew_tissue(world, p, 0.0)


@inlined
def _live_chunk(world, tick, hours, secretes, first, last):
    """Sense, respond, propose, decide and act for the cells ``first`` to ``last``."""
    world.work.hazards[:, : last - first] = 0.0
    sense(world, tick, hours, first, last)
    respond(world.cells.whole[c.TYPE], world.work.signals, world.rules, first, last, world.work.behaviours)
    propose(world, tick, hours, first, last)
    act(world, tick, hours, first, last)
    if secretes:
        secrete(world, tick, hours, first, last)
    feel_gradients(world, first, last)
    decide(world, tick, hours, first, last)


@kernel
def live(world, tick, patch, hours, secretes):
    """Advance the cells of a patch by ``hours``: engagements are shared, then every chunk lives through the step.

    Sources and losses of fields are renewed when ``secretes``, that is, before the fields are relaxed. In a settled patch
    killers have steps of their own, see ``skirmish``.
    """
    first, last = _range_of(world, patch)
    if world.enabled[_CYTOTOXICITY] == 1:
        sum_marks(world, first, last)
        if world.patch[patch, w.SETTLED] == 1.0:
            disengage(world, first, last)
        else:
            engage(world, tick, hours, first, last)
    if secretes:
        fields = world.fields
        for f in range(fields.source.shape[0]):
            source, loss = fields.source[f, patch], fields.loss[f, patch]
            of_tissue, lost_in_tissue = fields.tissue_source[f, patch], fields.tissue_loss[f, patch]
            for v in range(source.size):
                source[v] = of_tissue[v]
                loss[v] = lost_in_tissue[v]
    for begin in range(first, last, w.CHUNK):
        _live_chunk(world, tick, hours, secretes, begin, min(begin + w.CHUNK, last))


@inlined
def skirmish(world, tick, patch, hours):
    """Let the engaged killers of a settled patch act on their targets for ``hours``."""
    first, last = _range_of(world, patch)
    if world.enabled[_CYTOTOXICITY] == 1 and engage(world, tick, hours, first, last):
        strike(world, tick, hours, first, last)


@inlined
def enlarge(world, tick, patch):
    """Let a graft that is packed to its limit fill more of the organ."""
    if world.enabled[_GROWTH] == 1:
        spill(world, tick, patch)


@inlined
def _advance_field(field, source, loss, alpha, treatment, hours, work):
    """Advance one field of one patch by ``hours`` in the way chosen for it; return solver cycles, negative for a failure.

    Notes
    -----
    EQ-FIELD-2: local c = source / loss in each voxel; well mixed dc/dt = mean source - mean loss c, exactly; steady
    (loss - D Laplace) c = source; transient dc/dt = D Laplace c - loss c + source.
    """
    if treatment == STEADY:
        return solve_steady(field, source, loss, alpha, FIELD_TOLERANCE, work)
    if treatment == TRANSIENT:
        return abs(step_transient(field, source, loss, alpha, hours, FIELD_TOLERANCE, work))
    value, made, lost = field.reshape(field.size), source.reshape(field.size), loss.reshape(field.size)
    if treatment == LOCAL:
        for v in range(value.size):
            value[v] = made[v] / lost[v] if lost[v] > 0.0 else 0.0
        return 0
    level, total_made, total_lost = 0.0, 0.0, 0.0
    for v in range(value.size):
        level += value[v]
        total_made += made[v]
        total_lost += lost[v]
    mixed = step_mixed(level / value.size, total_made / value.size, total_lost / value.size, hours)
    for v in range(value.size):
        value[v] = mixed
    return 0


@kernel
def relax_fields(world, patch, hours):
    """Advance all fields of a patch by ``hours``, exchange with the other patches of the lesion included.

    Notes
    -----
    EQ-FIELD-1: exchange adds x m to the source and x to the loss, x its rate and m the mean over the lesion.
    """
    fields, shape, spacing = world.fields, world.grid.shape, world.grid.spacing_um[0]
    box = (shape[1], shape[2], shape[3])
    for f in range(fields.value.shape[0]):
        exchange = fields.constant[w.FIELD_EXCHANGE, f]
        if exchange > 0.0 and shape[0] > 1:
            mean = 0.0
            for p in range(shape[0]):
                total = 0.0
                for v in range(fields.value.shape[2]):
                    total += fields.value[f, p, v]
                mean += world.patch[p, w.SHARE] * total / fields.value.shape[2]
            for v in range(fields.value.shape[2]):
                fields.source[f, patch, v] += exchange * mean
                fields.loss[f, patch, v] += exchange
        alpha = fields.constant[w.FIELD_DIFFUSION, f] / (spacing * spacing)
        value, source, loss = fields.value[f, patch], fields.source[f, patch], fields.loss[f, patch]
        cycles = _advance_field(
            value.reshape(box), source.reshape(box), loss.reshape(box), alpha, fields.treatment[f], hours, fields.work
        )
        if cycles < 0:
            world.clock[w.PROBLEM] = w.BAD_NUMBER
        fields.sweeps[f, 0] += 1
        fields.sweeps[f, 1] += cycles


@inlined
def _press(world, patch, first, last, minutes):
    """Write to ``grid.scratch`` how far forces displace each cell of a patch within ``minutes``."""
    grid, types, n_voxels = world.grid, world.types, world.tissue.shape[2]
    mechanics = np.ones((3, types.real.shape[1]))
    mechanics[0], mechanics[1] = types.real[w.TYPE_REPULSION], types.real[w.TYPE_ADHESION]
    alone = np.array([1, grid.shape[1], grid.shape[2], grid.shape[3]])
    start = grid.start[patch * n_voxels : (patch + 1) * n_voxels + 1]
    reach = (_REACH, grid.largest_um[0])
    relax(start, alone, grid.spacing_um[0], world.cells.real, world.cells.whole[c.TYPE], mechanics, reach, grid.scratch)
    yielding(last - first, grid.scratch[:, first:last], minutes, _LONGEST_PUSH, world.cells.real[:, first:last])


@kernel
def walk(world, tick, patch, hours):
    """Move the cells of a patch for one motion step: forces from where they stand, then walks, then the push.

    In a settled patch that is the step of those who seek or are engaged; all others move once per step of the tissue.
    """
    first, last = _range_of(world, patch)
    if last == first or world.enabled[_MOTILITY] == 0:
        return
    clock, grid = world.clock, world.grid
    others_h = hours
    if world.patch[patch, w.SETTLED] == 1.0:
        others_h = clock[w.TISSUE] / w.TICKS_PER_H if tick % clock[w.TISSUE] == 0 else 0.0
    if others_h > 0.0:
        _press(world, patch, first, last, others_h * 60.0)
    else:
        grid.scratch[0:3, first:last] = 0.0
    move(world, tick, hours, others_h, first, last)
    displace(last - first, grid.scratch[:, first:last], grid.shape, grid.spacing_um[0], world.cells.real[:, first:last])


@kernel
def settle(world):
    """Remove the dead and renew the order, where anything changed since the last time."""
    listed = world.grid.start[world.grid.start.size - 1]
    appended = world.cells.count[0] != listed
    if remove_dead(world) or appended:
        put_in_order(world)


@kernel
def give_to_body(world, hours):
    """Tell the body what the patches did since the last body step, scaled to the tissue that they stand for.

    Notes
    -----
    EQ-COUPLE-2: antigen = product cells that died + shedding x living x hours, each times V_zone / V_patch. Licensed and
    beating cells are what lives now, scaled alike. Deaths are tallied at the scale of tick 0. Who dies is eaten as well.
    """
    flux, types = world.body.flux, world.types
    flux[b.FLUX_LICENSED] = 0.0
    flux[b.FLUX_BEATING] = 0.0
    for p in range(world.patch.shape[0]):
        scale = world.patch[p, w.ZONE_MM3] / world.patch[p, w.VOLUME_MM3]
        at_start = scale / world.patch[p, w.GROWTH]
        dead = 0.0
        for m in range(world.work.hazards.shape[0]):
            for kind in range(types.real.shape[1]):
                if types.whole[w.TYPE_IS_PRODUCT, kind] == 1:
                    dead += world.tally[w.TALLY_CELLS, p, m, kind]
        died = (dead - world.patch[p, w.REPORTED]) * at_start
        flux[b.FLUX_ANTIGEN] += died
        flux[b.FLUX_EATEN] += died
        world.patch[p, w.REPORTED] = dead
        first, last = _range_of(world, p)
        for i in range(first, last):
            kind = world.cells.whole[c.TYPE, i]
            if types.whole[w.TYPE_IS_PRODUCT, kind] == 1:
                real_cells = world.cells.real[c.WEIGHT, i] * scale
                flux[b.FLUX_ANTIGEN] += real_cells * world.par[SHEDDING] * hours
                flux[b.FLUX_LICENSED] += real_cells * world.cells.real[c.ACTIVATION, i]
                flux[b.FLUX_BEATING] += real_cells * types.real[w.TYPE_ARRHYTHMIC, kind]
    if not np.isfinite(flux).all():
        world.clock[w.PROBLEM] = w.BAD_NUMBER
