"""Parkinson's disease: the motor score, as it is and as it is measured, and the neurons that change it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simengine.foundation.math import exp, hill, log
from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "dopaminergic_neurons": Column("Dopaminergic neurons", "cells", "working dopaminergic neurons of the graft at the end"),
    "motor_baseline_score": Column("Motor score at baseline", "score", "measured motor score without medication on day 0"),
    "motor_final_score": Column("Motor score at the end", "score", "measured motor score without medication at the end"),
    "motor_change_score": Column(
        "Change of motor score", "score", "measured change: true change, placebo response and two errors; less is better"
    ),
    "motor_true_change_score": Column(
        "True change of motor score", "score", "change by drift and graft, without placebo response and error"
    ),
}

_YEAR_H = 8766.0


def _neurons(facts: Facts) -> NDArray[np.float64]:
    """Return the working neurons of the graft, float64[S] (EQ-STRIATUM-1): living cells of each stage x their function.

    Cells of another lineage than the one that the site lacks do not count.
    """
    working = np.zeros(len(facts.course.hours))
    lineage = facts.lineage
    if lineage.name == facts.site_fact("graft_lineage"):
        for stage in lineage.listed_fact("stages"):
            share = facts.numbers("lineages", lineage.name, f"{stage}.function_fraction")
            working = working + share * facts.ledger[f"living.target_{lineage.name}_{stage}"]
    return working


def _score(facts: Facts, baseline: float, neurons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the true motor score, float64[S], at least 0 (EQ-STRIATUM-2).

    Score = baseline + drift x time - gain n^h / (n^h + n_half^h), n working neurons.
    """
    half, steepness = facts.site("half_gain_neurons"), facts.site("gain_exponent")
    gain = facts.site("largest_gain_score") * np.array([float(hill(n, half, steepness)) for n in neurons])
    drift = facts.site("drift_score_per_year") * facts.course.hours / _YEAR_H
    return np.asarray(np.maximum(0.0, baseline + drift - gain))


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module; NaN at other sites and without a patch.

    EQ-STRIATUM-3: measured = true + error on day 0; true + placebo response, which fades by its half-life, + error at the end.
    """
    if not _applies(facts):
        return dict.fromkeys(COLUMNS, float("nan"))
    neurons = _neurons(facts)
    true = _score(facts, facts.own_site("baseline_motor_score"), neurons)
    sd = facts.site("motor_measurement_sd_score")
    fading = float(exp(-log(2.0) * float(facts.course.hours[-1]) / facts.site("placebo_half_life_h")))
    baseline = max(0.0, float(true[0]) + sd * facts.dice.run_normal("striatum.baseline_error"))
    placebo = facts.own_site("placebo_motor_score") * fading
    final = max(0.0, float(true[-1]) + placebo + sd * facts.dice.run_normal("striatum.final_error"))
    return {
        "dopaminergic_neurons": float(neurons[-1]),
        "motor_baseline_score": baseline,
        "motor_final_score": final,
        "motor_change_score": final - baseline,
        "motor_true_change_score": float(true[-1] - true[0]),
    }


def courses(facts: Facts) -> dict[str, NDArray[np.float64]]:
    """Return the true motor score and the working neurons over time."""
    if not _applies(facts):
        return {}
    neurons = _neurons(facts)
    return {"motor_score": _score(facts, facts.own_site("baseline_motor_score"), neurons), "dopaminergic_neurons": neurons}


def _applies(facts: Facts) -> bool:
    return bool(facts.course.patches) and facts.has_site("baseline_motor_score")
