"""Donor-specific antibody: made with T-cell help, lost, and its lysis of cells by complement."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp, hill
from simengine.mechanisms.registry import BEHAVIOURS, CAUSES, PARAMETERS, SOLUTES
from simengine.mechanisms.vocabulary import DONOR_ANTIBODY, DRUG_ANTIBODY, HELPERS
from simengine.state import body as b
from simengine.state import cells as c

LYSIS_PER_H = BEHAVIOURS("complement_lysis_per_h", "1/h", "hazard of lysis of a fully opsonised cell", 0.0, 10.0)

REJECTED_ANTIBODY = CAUSES("rejected_antibody", "cells", "lysed by antibody and complement")

PLASMA_CELLS = SOLUTES("plasma_cells", "1", "antibody-secreting cells against the donor, relative to a full response")

HELP_HALF = PARAMETERS("antibody.help_half_cells", "cells", "CD4 effectors in blood that give half of the full help")
RISE = PARAMETERS("antibody.response_per_h", "1/h", "rate at which the plasma-cell response follows T-cell help")
MADE = PARAMETERS("antibody.made_per_h", "1/h", "rise of the titre by a full plasma-cell response")
TITRE = PARAMETERS("antibody.titre_of_sensitised", "1", "titre at the start in a sensitised patient")
LOST = PARAMETERS("antibody.lost_per_h", "1/h", "loss of antibody")


@inlined
def flow(world, tick, hours, first, last):
    """Advance the antibody of the body by ``hours``.

    Notes
    -----
    EQ-ANTIBODY-1: dP/dt = r (h - P), dA/dt = m P - l A; h = immune strength x foreignness x (1 - drugs) x E/(E + E_half),
    E the helpers in blood, foreignness min(1, class I + class II mismatch) and 1 across species. P is held over the step,
    A is solved exactly.
    """
    solutes, par, pair = world.body.solutes, world.par, world.body.pair
    foreign = pair[b.PAIR_HUMORAL] * (1.0 - solutes[DRUG_ANTIBODY])
    help_now = pair[b.PAIR_IMMUNE] * foreign * hill(float(world.body.pools[HELPERS]), par[HELP_HALF], 1.0)
    solutes[PLASMA_CELLS] = help_now + (solutes[PLASMA_CELLS] - help_now) * exp(-par[RISE] * hours)
    goal = par[MADE] * solutes[PLASMA_CELLS] / par[LOST]
    solutes[DONOR_ANTIBODY] = goal + (solutes[DONOR_ANTIBODY] - goal) * exp(-par[LOST] * hours)


@inlined
def propose(world, tick, hours, first, last):
    """Fill the hazard of complement lysis (EQ-ANTIBODY-2): behaviour x what is bound."""
    behaviours, hazards = world.work.behaviours, world.work.hazards
    for k in range(last - first):
        hazards[REJECTED_ANTIBODY, k] = behaviours[LYSIS_PER_H, k] * world.cells.real[c.OPSONISED, first + k]
