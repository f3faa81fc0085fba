"""Killing by contact: what targets show, how killers share them, and the hazard that follows.

The arms (natural killer cells, CD8 and CD4 effectors, macrophages ...) are data: what a kind sees, how it engages and
under which name its victims are booked stands in the catalogue.
"""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.kernels.contacts import deliver_attack, offer_slots
from simengine.mechanisms.recognition import recognised_here
from simengine.mechanisms.registry import BEHAVIOURS, PARAMETERS
from simengine.mechanisms.vocabulary import DONOR_ANTIBODY
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w

CLASS_1_EXPRESSION = BEHAVIOURS("class_1_expression", "1", "MHC class I on the surface, mature somatic cell = 1", 0.0, 10.0)
CLASS_2_EXPRESSION = BEHAVIOURS("class_2_expression", "1", "MHC class II on the surface, activated APC = 1", 0.0, 10.0)
ENGAGING_PER_H = BEHAVIOURS("engaging_per_h", "1/h", "rate of engaging one fully recognised cell in reach", 0.0, 1e4)
KILLING_PER_H = BEHAVIOURS("killing_per_h", "1/h", "hazard that one engaged real cell puts on its target", 0.0, 20.0)

SELF_CLASS_1 = PARAMETERS("cytotoxicity.class_1_of_self", "1", "class I expression that fully inhibits missing-self attack")
PARAMETERS("cytotoxicity.kir_weight", "1", "missing-self attack on cells that lack both C-locus ligands of the host")
MINOR_WEIGHT = PARAMETERS("cytotoxicity.minor_weight", "1", "weight of minor antigens beside class I mismatch")


@inlined
def act(world, tick, hours, first, last):
    """Store what each cell of a chunk shows and how it attacks (EQ-MARK-1 to EQ-MARK-5).

    Notes
    -----
    EQ-MARK-1: class 1 = expression x (mismatched share + minor antigens x weight + autoimmunity against the lineage).
    EQ-MARK-2: class 2 = expression x mismatched share.
    EQ-MARK-3: missing self = (1 - shield) (1 - ligands min(1, expression / expression of self)), ligands = 1 - kir weight x
    missing ligand share.
    EQ-MARK-4: opsonised = min(1, antibody x expression + natural antibody).
    EQ-MARK-5: presented = antigen that the host's own cells present, whatever the graft cell expresses.
    """
    behaviours, real, whole = world.work.behaviours, world.cells.real, world.cells.whole
    pair, par = world.body.pair, world.par
    foreign = pair[b.PAIR_CLASS_1] + par[MINOR_WEIGHT] * pair[b.PAIR_MINOR] + pair[b.PAIR_AUTO]
    for i in range(first, last):
        k = i - first
        real[c.ENGAGING, i] = behaviours[ENGAGING_PER_H, k]
        real[c.KILLING, i] = behaviours[KILLING_PER_H, k]
        if world.types.whole[w.TYPE_IS_PRODUCT, whole[c.TYPE, i]] == 1:
            shown = behaviours[CLASS_1_EXPRESSION, k]
            ligands = pair[b.PAIR_LIGANDS] * min(1.0, shown / par[SELF_CLASS_1])
            real[c.CLASS_1, i] = shown * foreign
            real[c.CLASS_2, i] = behaviours[CLASS_2_EXPRESSION, k] * pair[b.PAIR_CLASS_2]
            real[c.MISSING_SELF, i] = (1.0 - pair[b.PAIR_SHIELD]) * (1.0 - ligands)
            real[c.OPSONISED, i] = min(1.0, world.body.solutes[DONOR_ANTIBODY] * shown + pair[b.PAIR_NATURAL])
            real[c.PRESENTED, i] = pair[b.PAIR_PRESENTED]


@kernel
def sum_marks(world, first, last):
    """Store per patch how much of each mark its cells show, so that nobody searches in vain."""
    if last == first:
        return
    patch = world.cells.whole[c.PATCH, first]
    for m in range(c.N_MARKS):
        total = 0.0
        for i in range(first, last):
            total += world.cells.real[c.WEIGHT, i] * world.cells.real[c.CLASS_1 + m, i]
        world.patch[patch, w.SHOWN_CLASS_1 + m] = total


@kernel
def disengage(world, first, last):
    """Forget the hazards from killers; return how many cells were engaged when last seen."""
    until = world.cells.whole[c.ENGAGED_UNTIL]
    for arm in range(c.N_ARMS):
        world.grid.scratch[w.ATTACK + arm, first:last] = 0.0
    engaged = 0
    for i in range(first, last):
        engaged += int(until[i] >= 0)
    return engaged


@inlined
def _share_places(world, tick, first, last):
    """Let every engaged killer offer its slots, then store which share of the offers each target has places for.

    A killer without a target in reach lets go.
    """
    real, whole = world.cells.real, world.cells.whole
    offered = world.grid.scratch[w.OFFERED]
    for i in range(first, last):
        offered[i] = 0.0
    for i in range(first, last):
        if whole[c.ENGAGED_UNTIL, i] > tick:
            n = recognised_here(world, i)
            if n == 0:
                whole[c.ENGAGED_UNTIL, i] = -1
            else:
                offer_slots(real[c.WEIGHT, i], n, world.work.index, world.work.strength, offered)
    for i in range(first, last):
        places = world.types.real[w.TYPE_ACCEPTS, whole[c.TYPE, i]] * real[c.WEIGHT, i]
        offered[i] = places / offered[i] if offered[i] > places else 1.0


@kernel
def engage(world, tick, hours, first, last):
    """Share all engaged killers of a patch among their targets and store the hazards, per arm; return whether there are any.

    Two passes in canonical order: all offers first, then what each target accepts. Fatigue grows with the hazard
    delivered, never with who died. The hazards stand in ``grid.scratch`` until the columns change.
    """
    real, whole, types = world.cells.real, world.cells.whole, world.types
    if disengage(world, first, last) == 0:
        return False
    _share_places(world, tick, first, last)
    for i in range(first, last):
        if whole[c.ENGAGED_UNTIL, i] > tick:
            n = recognised_here(world, i)
            delivered = deliver_attack(
                real[c.WEIGHT, i],
                real[c.KILLING, i],
                n,
                world.work.index,
                world.work.strength,
                real[c.WEIGHT],
                world.grid.scratch[w.OFFERED],
                world.grid.scratch[w.ATTACK + types.whole[w.TYPE_ARM, whole[c.TYPE, i]]],
            )
            real[c.FATIGUE, i] += delivered * hours
    return True


@inlined
def propose(world, tick, hours, first, last):
    """Fill the hazards of the arms, which follow after all declared causes."""
    hazards = world.work.hazards
    declared = hazards.shape[0] - c.N_ARMS
    for arm in range(c.N_ARMS):
        for k in range(last - first):
            hazards[declared + arm, k] = world.grid.scratch[w.ATTACK + arm, first + k]
