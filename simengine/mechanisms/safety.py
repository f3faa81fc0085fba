"""Adverse events as clocks of the patient.

Arrhythmia from immature grafts, infection and organ damage under drugs, micro-embolism and thrombosis by cells in vessels.
"""

from __future__ import annotations

from simengine.foundation.jit import inlined
from simengine.mechanisms.registry import PARAMETERS, SOLUTES
from simengine.mechanisms.vocabulary import DRUG_INFECTION, DRUG_ORGAN_DAMAGE
from simengine.state import body as b

ARRHYTHMIA_LEFT = SOLUTES("arrhythmia_left", "1", "remaining cumulative hazard of the first sustained arrhythmia")
INFECTION_LEFT = SOLUTES("infection_left", "1", "remaining cumulative hazard of the first serious infection")
EMBOLISM_LEFT = SOLUTES("embolism_left", "1", "remaining cumulative hazard of micro-embolism of the target organ")
DAMAGE_LEFT = SOLUTES("organ_damage_left", "1", "remaining cumulative hazard of organ damage by drugs")
THROMBOSIS_LEFT = SOLUTES("thrombosis_left", "1", "remaining cumulative hazard of thrombosis by cells in blood, lung and liver")

ARRHYTHMIA = PARAMETERS("safety.arrhythmia_of_1e8_per_h", "1/h", "hazard of arrhythmia for 1e8 immature beating cells")
INFECTION = PARAMETERS("safety.infection_per_h", "1/h", "hazard of serious infection without drugs")
EMBOLISM = PARAMETERS("safety.embolism_of_1e6_per_h", "1/h", "hazard of micro-embolism for 1e6 cells in vessels of the target")
THROMBOSIS = PARAMETERS(
    "safety.thrombosis_of_dose_per_h", "1/h", "hazard of thrombosis while 1e6 cells per kg are in blood, lung and liver"
)
PLUG_SIZE = PARAMETERS("safety.plug_share", "1", "share of these cells large enough to block a capillary")


@inlined
def flow(world, tick, hours, first, last):
    """Run down the clocks (EQ-SAFE-1: left -= hazard x hours; the event happens at zero)."""
    solutes, par, body = world.body.solutes, world.par, world.body
    solutes[ARRHYTHMIA_LEFT] -= par[ARRHYTHMIA] * body.flux[b.FLUX_BEATING] / 1e8 * hours
    solutes[INFECTION_LEFT] -= par[INFECTION] * (1.0 + solutes[DRUG_INFECTION]) * hours
    solutes[EMBOLISM_LEFT] -= par[EMBOLISM] * par[PLUG_SIZE] * body.counts[b.TARGET_VESSELS] / 1e6 * hours
    solutes[DAMAGE_LEFT] -= solutes[DRUG_ORGAN_DAMAGE] * hours
    clotting = body.counts[b.VENOUS] + body.counts[b.ARTERIAL] + body.counts[b.LUNG] + body.counts[b.LIVER]
    solutes[THROMBOSIS_LEFT] -= par[THROMBOSIS] * clotting / (1e6 * body.pair[b.PAIR_MASS_KG]) * hours
