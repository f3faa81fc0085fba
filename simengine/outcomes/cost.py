"""What the product costs, and how long the patient waits for it."""

from __future__ import annotations

from simengine.outcomes.facts import Column, Facts

COLUMNS = {
    "cost_eur": Column("Cost of the product", "EUR", "cost of the product, 0 without cells"),
    "time_to_treatment_days": Column("Time to treatment", "days", "time from decision to a product ready to be given"),
}


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module."""
    if facts.dose <= 0.0:
        return {"cost_eur": 0.0, "time_to_treatment_days": 0.0}
    product = facts.scenario.product.name
    return {
        "cost_eur": facts.numbers("products", product, "cost_eur"),
        "time_to_treatment_days": facts.numbers("products", product, "time_to_treatment_days"),
    }
