"""Growing grafts: at its packing limit a graft fills more of the organ instead of packing its cells more tightly."""

from __future__ import annotations

from simengine.foundation.jit import kernel
from simengine.foundation.random import purpose, uniform
from simengine.mechanisms.registry import PARAMETERS
from simengine.state import cells as c
from simengine.state import world as w

PACKING = PARAMETERS("growth.packing_limit", "1", "volume fraction of product cells at which a graft enlarges its volume")

SPILLED = 1_000_000
"""Fate of an agent that is thinned out: none of the causes of death, as its cells live on outside the patch."""
_THIN = purpose("growth.thin")
_SPHERE = 4.1887902047863905


@kernel
def spill(world, tick, patch):
    """Thin out the product agents of a patch that is packed beyond its limit, and raise what the patch stands for.

    Notes
    -----
    EQ-GROW-1: with volume fraction f above the limit m, each product agent stays with chance m / f; zone, growth and the
    scale of the rest rise by g = weight before / weight after, so that the real cells stay the same; pending cells, which
    are counted at patch scale, fall by g; shares of the lesion follow the zones.
    """
    real, whole, types, book = world.cells.real, world.cells.whole, world.types, world.patch[patch]
    filled, before = 0.0, 0.0
    for i in range(world.cells.count[0]):
        if whole[c.PATCH, i] == patch and types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, i]] == 1 and whole[c.FATE, i] < 0:
            radius_mm = 1e-3 * real[c.RADIUS, i]
            filled += _SPHERE * radius_mm * radius_mm * radius_mm
            before += real[c.WEIGHT, i]
    stay = world.par[PACKING] * book[w.VOLUME_MM3] / max(filled, 1e-300)
    if stay >= 1.0:
        return
    after = 0.0
    for i in range(world.cells.count[0]):
        if whole[c.PATCH, i] == patch and types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, i]] == 1 and whole[c.FATE, i] < 0:
            if uniform(world.key, world.cells.uid[i], tick, _THIN, 0) >= stay:
                whole[c.FATE, i] = SPILLED
            else:
                after += real[c.WEIGHT, i]
    if after == 0.0:  # nobody would be left to stand for the others: keep them all
        for i in range(world.cells.count[0]):
            if whole[c.FATE, i] == SPILLED:
                whole[c.FATE, i] = -1
        return
    gain = before / after
    book[w.ZONE_MM3] *= gain
    book[w.GROWTH] *= gain
    book[w.PENDING] /= gain
    total = 0.0
    for p in range(world.patch.shape[0]):
        total += world.patch[p, w.ZONE_MM3]
    for p in range(world.patch.shape[0]):
        world.patch[p, w.SHARE] = world.patch[p, w.ZONE_MM3] / total
