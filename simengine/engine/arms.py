"""What each arm of the host's immunity makes of a graft: from donor pair, species, edit and switches to numbers.

Arms are data: an arm is there unless the species lacks it or the scenario switches it off, and what it sees follows from
the pair. Nothing here draws a random number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simengine.catalog import Catalog
from simengine.patients.matching import Pair
from simengine.patients.numbers import Numbers
from simengine.scenario import Scenario
from simengine.state import body as b
from simengine.state.cells import N_MARKS

__all__ = ["BLIND", "Standing", "standing_of"]

BLIND = np.zeros(N_MARKS)
_KIND_OF_ARM = {"nk": "nk", "macrophage": "macrophage"}
"""Arms whose cells belong to no clone; without natural killer cells there are none to be seen."""


@dataclass(frozen=True)
class Standing:
    """How a graft stands to a host.

    ``active`` arms that are there; ``off`` mechanisms switched off; ``across`` whether donor and host differ in species;
    ``sees`` factor on what each host kind sees, float64[N_MARKS] by kind; ``cd8`` and ``cd4`` how foreign the graft is to
    either clone, 1 = full mismatch of its class; ``memory_of_self`` CD8 memory against the lineage per precursor; the
    others are the entries of ``Body.pair`` of the same names.
    """

    active: frozenset[str]
    off: frozenset[str]
    across: bool
    sees: dict[str, NDArray[np.float64]]
    cd8: float
    cd4: float
    memory_of_self: float
    class_1: float
    class_2: float
    minor: float
    ligands: float
    shield: float
    presented: float
    natural: float
    humoral: float
    auto: float

    def runs(self, mechanism: str) -> bool:
        """Tell whether a mechanism runs: not switched off, and, where it is an arm, not lacking in the species."""
        return mechanism not in self.off and (mechanism != "antibody" or mechanism in self.active)

    def present(self, kind: str) -> float:
        """Return 1, or 0 for natural killer cells of a host that has none."""
        return float(kind != "nk" or "nk" in self.active)

    def pair(self) -> NDArray[np.float64]:
        """Return ``Body.pair`` without the recipient's own constants, float64[N_PAIR]."""
        out = np.zeros(b.N_PAIR)
        out[b.PAIR_CLASS_1], out[b.PAIR_CLASS_2], out[b.PAIR_MINOR] = self.class_1, self.class_2, self.minor
        out[b.PAIR_LIGANDS], out[b.PAIR_SHIELD], out[b.PAIR_PRESENTED] = self.ligands, self.shield, self.presented
        out[b.PAIR_NATURAL], out[b.PAIR_HUMORAL], out[b.PAIR_AUTO] = self.natural, self.humoral, self.auto
        return out


def _active(scenario: Scenario, catalog: Catalog) -> frozenset[str]:
    lacking = catalog.entry("species", scenario.patient.species).listed_fact("lacks")
    return frozenset(arm for arm in catalog.names("arms") if arm not in lacking and scenario.mechanisms.get(arm, True))


def _autoimmunity(scenario: Scenario, catalog: Catalog, active: frozenset[str]) -> bool:
    """Tell whether the recipient's immune system attacks the lineage of the product, whoever it comes from."""
    lineage = catalog.entry("products", scenario.product.name).facts["lineage"]
    return "autoimmunity" in active and scenario.patient.autoimmune_to == lineage


def standing_of(scenario: Scenario, catalog: Catalog, numbers: Numbers, pair: Pair) -> Standing:
    """Return what the host's arms see of the graft.

    Notes
    -----
    EQ-ARM-1: across species a clone sees foreign MHC directly by a share only, donor class I inhibits NK cells by a share
    only, natural antibody is bound, and presented antigen is full.
    EQ-ARM-2: presented antigen = strength x min(1, (class I + class II mismatch) / 2 + minor x weight); CD4 precursors =
    direct (class II mismatch) + indirect (presented antigen x share of precursors), and CD4 effectors see either mark by
    the share of their clone that does.
    EQ-ARM-3: CD8 precursors = class I mismatch + minor x weight, each 0 where the arm is not there. Of MHC that an edit takes
    from the cells, the share that is left counts, directly and presented.
    """
    active = _active(scenario, catalog)
    across = scenario.donor.relation == "xenogeneic" and "xenogeneic" in active
    direct = numbers("arms", "xenogeneic", "direct_share") if across else 1.0
    minor_weight = numbers("mechanisms", "cytotoxicity", "minor_weight")
    class_1, class_2 = direct * pair.class_1, direct * pair.class_2
    edit = scenario.product.edit
    left_1, left_2 = (1.0 if edit is None else numbers("edits", edit, f"scale.class_{n}_expression") for n in (1, 2))
    made_1, made_2 = left_1 * pair.class_1, left_2 * pair.class_2
    foreign = 1.0 if across else min(1.0, 0.5 * (made_1 + made_2) + minor_weight * pair.minor)
    gain = numbers("arms", "xenogeneic", "indirect_gain") if across else 1.0
    indirect = foreign * gain * numbers("arms", "cd4_indirect", "precursor_share") if "cd4_indirect" in active else 0.0
    straight = left_2 * class_2 + minor_weight * pair.minor if "cd4_direct" in active else 0.0
    clone = max(straight + indirect, 1e-300)
    seen = np.array([1.0, straight / clone, 1.0, 1.0, indirect / clone])
    eaten = 1.0 - numbers("edits", edit, "phagocytosis_shield") if edit is not None else 1.0
    ligands = 1.0 - numbers("mechanisms", "cytotoxicity", "kir_weight") * pair.missing_self
    auto = float(_autoimmunity(scenario, catalog, active)) * numbers("arms", "autoimmunity", "strength")
    seeing = {
        "nk": np.ones(N_MARKS) * float("nk" in active),
        "cd8": np.ones(N_MARKS) * float("cd8" in active),
        "cd4": seen,
        "macrophage": eaten * np.ones(N_MARKS) * float("macrophage" in active),
    }
    return Standing(
        active=active,
        off=frozenset(name for name, is_on in scenario.mechanisms.items() if not is_on),
        across=across,
        sees=seeing,
        cd8=left_1 * (class_1 + minor_weight * pair.minor) if "cd8" in active else 0.0,
        cd4=straight + indirect,
        memory_of_self=auto * numbers("arms", "autoimmunity", "memory_share") if "cd8" in active else 0.0,
        class_1=class_1,
        class_2=class_2,
        minor=pair.minor,
        ligands=ligands * (numbers("arms", "xenogeneic", "class_1_inhibition") if across else 1.0),
        shield=numbers("edits", edit, "missing_self_shield") if edit is not None else 0.0,
        presented=foreign * numbers("arms", "cd4_indirect", "strength") if "cd4_indirect" in active else 0.0,
        natural=numbers("arms", "xenogeneic", "natural_antibody") if across and "antibody" in active else 0.0,
        humoral=1.0 if across else min(1.0, made_1 + made_2),
        auto=auto,
    )
