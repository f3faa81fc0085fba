"""Chronic graft-versus-host disease: a state of its own, driven by memory against the host, with severity."""

from __future__ import annotations

import simengine.transplant.state as s
from simengine.foundation.jit import kernel
from simengine.transplant.registry import PARAMETERS

__all__ = ["flow"]

ONSET = PARAMETERS("chronic_disease.onset_per_day", "1/day", "hazard of onset under very many memory cells")
FROM_DAY = PARAMETERS("chronic_disease.from_day", "days", "first day on which it is told from acute disease")
HALF = PARAMETERS(
    "chronic_disease.memory_half_per_kg", "1/kg", "memory cells and effectors against the host at half of the hazard"
)
AFTER_ACUTE = PARAMETERS("chronic_disease.rise_after_acute", "1", "rise of the hazard after acute disease of grade II or more")
MILD = PARAMETERS("chronic_disease.mild_share", "fraction", "share that is mild at a low drive")
SEVERE = PARAMETERS("chronic_disease.severe_share", "fraction", "share that is severe at a high drive")


@kernel
def flow(patient, step, days):
    """Let the hazard of onset run, and decide severity at onset.

    Notes
    -----
    EQ-CHRONIC-1: hazard = onset x m x (1 + rise after acute disease), m = c/(c + half), c = potency of the graft's memory x
    (memory + effectors) per kg; the disease begins when the hazard that the patient was given, Exp(1), is spent.

    EQ-CHRONIC-2: with u the patient's uniform number the disease is mild if u < mild share x (1 - m), severe if u > 1 -
    severe share x m, else moderate; moderate and severe disease is treated systemically.
    """
    par, number, level, clone = patient.par, patient.number, patient.level, patient.clone[s.GVH]
    day = patient.start_day[step]
    if day < par[FROM_DAY] or level[s.CHRONIC] > 0.0:
        return
    cells = number[s.CHRONIC_POTENCY] * (clone[s.MEMORY] + clone[s.EFFECTORS]) / number[s.MASS_KG]
    drive = cells / (cells + par[HALF])
    had_acute = patient.day_of[s.DAY_OF_STEROID] == patient.day_of[s.DAY_OF_STEROID]
    hazard = par[ONSET] * drive * (1.0 + (par[AFTER_ACUTE] if had_acute else 0.0))
    patient.left[s.LEFT_CHRONIC] -= hazard * days
    if patient.left[s.LEFT_CHRONIC] > 0.0:
        return
    patient.day_of[s.DAY_OF_CHRONIC] = day
    u = number[s.SEVERITY_OF_CHRONIC]
    level[s.CHRONIC] = 2.0
    if u < par[MILD] * (1.0 - drive):
        level[s.CHRONIC] = 1.0
    elif u > 1.0 - par[SEVERE] * drive:
        level[s.CHRONIC] = 3.0
