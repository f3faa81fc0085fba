"""Perianal fistula: combined remission, a yes or no cut from healing, inflammation and what the model does not know."""

from __future__ import annotations

from simengine.foundation.math import exp, normal_quantile
from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "fistula_remission": Column("Combined remission", "0/1", "tracts closed and no collection seen, at the end"),
    "fistula_remission_probability": Column(
        "Chance of combined remission", "1", "chance of this patient, given healing and inflammation of this run"
    ),
    "fistula_healed_fraction": Column("Healed", "fraction", "share of the tract that is whole or scarred at the end"),
    "fistula_inflammation": Column("Inflammation", "fraction", "mean over the run of TNF over TNF and its half-effect level"),
}


def _inflammation(facts: Facts) -> float:
    """Return the mean inflammation over the run, each record weighted by the time since the last (EQ-FISTULA-1).

    Inflammation = mean of TNF / (TNF + half); NaN where TNF is not followed.
    """
    if "tnf" not in facts.course.fields:
        return float("nan")
    tnf, hours = facts.lesion_mean("field.tnf"), facts.course.hours
    share = tnf / (tnf + facts.site("inflammation_half_ng_per_ml"))
    total = sum(float(share[n] * (hours[n] - hours[n - 1])) for n in range(1, len(hours)))
    return total / float(hours[-1])


def _chance(facts: Facts, healed: float, inflammation: float) -> float:
    """Return the chance of combined remission (EQ-FISTULA-2), a cut through a sum with a logistic error.

    P = 1 / (1 + exp(-(w_h healed + w_i (1 - inflammation) + frailty - threshold))); frailty is the patient's own, normal.
    """
    frailty = facts.site("frailty_sd") * float(normal_quantile(facts.dice.uniform("fistula.frailty")))
    total = facts.site("closure_weight") * healed + facts.site("inflammation_weight") * (1.0 - inflammation)
    return 1.0 / (1.0 + float(exp(facts.site("remission_threshold") - total - frailty)))


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module; NaN at other sites and without a patch."""
    if not (facts.course.patches and facts.has_site("remission_threshold")):
        return dict.fromkeys(COLUMNS, float("nan"))
    healed = float(facts.lesion_mean("tissue.functional")[-1] + facts.lesion_mean("tissue.scar")[-1])
    inflammation = _inflammation(facts)
    chance = _chance(facts, healed, inflammation)
    return {
        "fistula_remission": float(facts.dice.run_uniform("fistula.remission") < chance) if chance == chance else chance,
        "fistula_remission_probability": chance,
        "fistula_healed_fraction": healed,
        "fistula_inflammation": inflammation,
    }
