"""Teratoma: whether one of the undifferentiated cells that reached the tissue founds a tumour."""

from __future__ import annotations

from simengine.foundation.math import exp
from simengine.outcomes.facts import Column, Facts
from simengine.outcomes.graft import loss_index

COLUMNS = {
    "ae_teratoma": Column("Teratoma", "0/1", "a surviving founder of a teratoma among the undifferentiated cells of the graft"),
    "teratoma_probability": Column(
        "Chance of a teratoma", "1", "chance of at least one surviving founder, given the cells that reached the tissue"
    ),
}


def _reached(facts: Facts) -> float:
    """Return the undifferentiated cells that reached the target alive within the run: arrivals x their share in the product.

    Cells of a lineage without a pluripotent stage count as none.
    """
    lineage, product = facts.lineage, facts.scenario.product.name
    share = f"stage_fraction.{lineage.facts.get('pluripotent_stage', '')}"
    if not facts.numbers.has("products", product, share):
        return 0.0
    return facts.arrived * facts.numbers("products", product, share)


def _matrix(facts: Facts) -> float:
    """Return the help of the carrier to founders: that of the route, of the best one where there are several."""
    routes = sorted({delivery.route for delivery in facts.scenario.delivery})
    stated = [facts.numbers("routes", r, "matrix") for r in routes if facts.numbers.has("routes", r, "matrix")]
    return max(stated, default=1.0)


def _chance(facts: Facts) -> float:
    """Return the chance of a founder (EQ-TERATOMA-1): founders are independent, and a graft that was lost has none.

    P = 1 - exp(-N p s m): N undifferentiated cells that reached the tissue, p founders per cell in muscle without immunity,
    s permissiveness of the site, m help of the matrix.
    """
    if facts.dose <= 0.0 or loss_index(facts) is not None:
        return 0.0
    per_cell = facts.numbers("products", facts.scenario.product.name, "founder_probability")
    return 1.0 - float(exp(-_reached(facts) * per_cell * facts.site("teratoma_permissiveness") * _matrix(facts)))


def measure(facts: Facts) -> dict[str, float]:
    """Return the columns of this module; NaN where cells have no tissue to grow in."""
    if not facts.has_target:
        return dict.fromkeys(COLUMNS, float("nan"))
    chance = _chance(facts)
    return {"ae_teratoma": float(facts.dice.run_uniform("teratoma.founder") < chance), "teratoma_probability": chance}
