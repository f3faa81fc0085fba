"""What the patient's phagocytes learn from eating dying product cells, wherever these died: a calming exposure."""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.foundation.math import exp
from simengine.mechanisms.registry import PARAMETERS
from simengine.mechanisms.vocabulary import APOPTOTIC_EXPOSURE
from simengine.state import body as b

FADING = PARAMETERS("exposure.fading_per_h", "1/h", "rate at which the effect of eaten cells fades")


@inlined
def flow(world, tick, hours, first, last):
    """Advance the exposure by ``hours``; what it does to macrophages and tissue is a rule.

    Notes
    -----
    EQ-EXPOSE-1: dE/dt = (product cells eaten per h) / (1e6 x body mass in kg) - f E, cells eaten at the start of the step.
    """
    body = world.body
    body.solutes[APOPTOTIC_EXPOSURE] += body.flux[b.FLUX_EATEN] / (1e6 * body.pair[b.PAIR_MASS_KG])
    body.solutes[APOPTOTIC_EXPOSURE] *= exp(-world.par[FADING] * hours)
    body.flux[b.FLUX_EATEN] = 0.0
