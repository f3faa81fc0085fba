"""The section `[transplant]`: what is given to whom in the transplantation of blood stem cells, and how both are prepared."""

from __future__ import annotations

from simengine.scenario.sections import Section, number, words

__all__ = ["Transplant"]


class Transplant(Section):
    """A transplantation of blood stem cells on day 0. It is simulated at body level, and conditioning lies before day 0."""

    disease: str = words("Illness that is treated, an entry of catalogue folder `diseases`.", "acute_myeloid_leukaemia")
    graft: str = words("Source of the stem cells, an entry of catalogue folder `grafts`.", "mobilised_blood")
    cd34_cells_per_kg: float | None = number(
        "Viable CD34 cells infused, of all units together. Left out: as the graft entry, drawn for each patient.",
        None,
        "cells/kg",
        1e3,
        1e9,
    )
    cd3_cells_per_kg: float | None = number(
        "T cells of the graft before depletion. Left out: as the graft entry, drawn for each patient.",
        None,
        "cells/kg",
        0,
        1e10,
    )
    units: int = number("Units infused; two of cord blood only.", 1, "count", 1, 2)
    depletion: str = words("What is removed from the graft, an entry of catalogue folder `depletions`.", "none")
    conditioning: str = words("Conditioning, an entry of catalogue folder `regimens` of that use.", "bu_cy")
    prophylaxis: str = words(
        "Drugs against graft-versus-host disease, an entry of catalogue folder `regimens` of that use.", "csa_mtx"
    )
    serotherapy: str = words(
        "Antibodies against T cells before the graft, an entry of catalogue folder `regimens` of that use.", "no_serotherapy"
    )
    growth_factor: bool = words("Whether G-CSF is given from day 5 until neutrophils recover.", False)
    second_line: str = words(
        "Treatment of graft-versus-host disease that resists steroids, an entry of catalogue folder `regimens` of that use.",
        "no_second_line",
    )
