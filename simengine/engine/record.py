"""What is written down at each recorded time, and where in the row it stands."""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w

__all__ = ["record", "record_layout"]


@inlined
def _record_patch(world, p, row, at):
    """Write one patch: its book-keeping, means of tissue and fields, living cells by type, losses by cause and type."""
    for column in range(w.N_PATCH):
        row[at] = world.patch[p, column]
        at += 1
    n_voxels = world.tissue.shape[2]
    for quantity in range(w.N_TISSUE):
        total = 0.0
        for v in range(n_voxels):
            total += world.tissue[quantity, p, v]
        row[at] = total / n_voxels
        at += 1
    for f in range(world.fields.value.shape[0]):
        total = 0.0
        for v in range(n_voxels):
            total += world.fields.value[f, p, v]
        row[at] = total / n_voxels
        at += 1
    n_types = world.types.real.shape[1]
    for kind in range(2 * n_types):
        row[at + kind] = 0.0
    for i in range(world.cells.count[0]):
        if world.cells.whole[c.PATCH, i] == p:
            row[at + world.cells.whole[c.TYPE, i]] += world.cells.real[c.WEIGHT, i]
            row[at + n_types + world.cells.whole[c.TYPE, i]] += 1.0
    at += 2 * n_types
    for m in range(world.tally.shape[2]):
        for kind in range(n_types):
            row[at] = world.tally[w.TALLY_CELLS, p, m, kind]
            at += 1
    return at


@inlined
def _cells_are_finite(world):
    """Tell whether every number of every living cell is finite; a number that is not gives no zero when multiplied by it."""
    real = world.cells.real
    for row in range(real.shape[0]):
        total = 0.0
        for i in range(world.cells.count[0]):
            total += 0.0 * real[row, i]
        if total != 0.0:
            return False
    return True


@kernel
def record(world, tick):
    """Write the next row of the record if its time has come (phase 8), and remember a cell that is not a number."""
    clock = world.clock
    n = clock[w.NEXT_RECORD]
    if n >= world.record.ticks.shape[0] or world.record.ticks[n] != tick:
        return
    clock[w.NEXT_RECORD] = n + 1
    if not _cells_are_finite(world):
        clock[w.PROBLEM] = w.BAD_NUMBER
    row = world.record.values[n]
    at = 0
    for p in range(world.patch.shape[0]):
        at = _record_patch(world, p, row, at)
    body = world.body
    given = 0.0
    for d in range(body.doses.shape[0]):
        given += body.given[d]
    row[at] = given
    at += 1
    for compartment in range(body.counts.shape[0]):
        row[at] = body.counts[compartment]
        at += 1
    for pool in range(body.pools.shape[0]):
        row[at] = body.pools[pool]
        at += 1
    for solute in range(body.solutes.shape[0]):
        row[at] = body.solutes[solute]
        at += 1
    for g in range(body.drugs.shape[0]):
        row[at] = body.drugs[g, b.DRUG_LEVEL]
        row[at + 1] = body.drugs[g, b.DRUG_EXPOSURE]
        at += 2


def record_layout(
    patches: list[str],
    fields: list[str],
    types: list[str],
    events: list[str],
    compartments: list[str],
    pools: list[str],
    solutes: list[str],
    drugs: list[str],
) -> list[str]:
    """Return the name of every column of a record row, in the order in which :func:`record` writes them.

    Names have the form ``patch.quantity.detail``; ``cells`` are real cells at the scale of the patch, ``agents`` are
    counted as such, ``lost`` counts real cells by event and type.
    """
    patch_columns = [
        "volume_mm3",
        "zone_mm3",
        "share",
        "awake",
        "pending",
        "arrived",
        "births",
        "takes_product",
        "awake_h",
        "recruitment",
        "shown_class_1",
        "shown_class_2",
        "shown_missing_self",
        "shown_opsonised",
        "shown_presented",
        "mode_switches",
        "reported",
        "growth",
        "settled",
        "expected",
    ]
    tissue = ["functional", "injured", "scar", "void", "vessels", "debris", "neutrophils", "apoptotic", "graft", "crowding"]
    names = []
    for patch in patches:
        names += [f"{patch}.{column}" for column in patch_columns]
        names += [f"{patch}.tissue.{name}" for name in tissue]
        names += [f"{patch}.field.{name}" for name in fields]
        names += [f"{patch}.cells.{name}" for name in types]
        names += [f"{patch}.agents.{name}" for name in types]
        names += [f"{patch}.lost.{event}.{name}" for event in events for name in types]
    names += ["given"]
    names += [f"body.{name}" for name in compartments]
    names += [f"pool.{name}" for name in pools]
    names += [f"solute.{name}" for name in solutes]
    names += [f"{kind}.{drug}" for drug in drugs for kind in ("level", "exposure")]
    return names
