"""The state of one patient at one time: plain arrays in named tuples, always of one type."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simengine.state.cells import N_ARMS, Cells

__all__ = ["Body", "Events", "Fields", "Grid", "Record", "Rules", "Types", "Work", "World"]

Reals = NDArray[np.float64]
Wholes = NDArray[np.int64]

# Rows of World.tissue: fractions of the voxel, then amounts -----------------------------------------------------------
(
    FUNCTIONAL,  # F + D + S + V = 1
    INJURED,
    SCAR,
    VOID,
    VESSELS,  # relative to healthy tissue
    DEBRIS,  # dead host tissue waiting for clearance, fraction of the voxel
    NEUTROPHILS,  # relative to the peak of an untreated infarct
    APOPTOTIC,  # dead product cells waiting for clearance, real cells
    GRAFT,  # contractile or otherwise functional product tissue, fraction of the voxel
    CROWDING,  # volume fraction of agents
) = range(10)
N_TISSUE = 10

# World.clock: base ticks of 0.5 min -----------------------------------------------------------------------------------
(
    NOW,  # the tick up to which everything is done
    MOTION,  # periods
    FATES,
    FIELDS,
    TISSUE,
    BODY,
    END,
    NEXT_RECORD,  # row of the record that is filled next
    MODE,  # MODE_AUTO, MODE_PATCH, MODE_BODY
    MAX_AGENTS,
    PROBLEM,  # status of the first fault that was met, 0 = none
) = range(11)
N_CLOCK = 11
MODE_AUTO, MODE_PATCH, MODE_BODY = range(3)
DONE, GROW, LOG_FULL, BAD_NUMBER, TOO_MANY, DUPLICATE = range(6)
"""What ``advance`` returns, and the faults that the clock remembers."""
TICK_MIN = 0.5
TICKS_PER_H = 120
BEFORE_TICK_0 = 2**33
"""Stands for the time before the start in the address of cells that are there from the beginning."""

# Columns of World.patch -----------------------------------------------------------------------------------------------
(
    VOLUME_MM3,  # of the patch
    ZONE_MM3,  # of the tissue that the patch stands for
    SHARE,  # of the lesion, by volume
    AWAKE,  # 1 = full agents
    PENDING,  # product cells (real, at patch scale) too few for one agent
    ARRIVED,  # product cells that became agents or are pending (real, at the patch scale of tick 0)
    BIRTHS,  # real product cells born in the patch, at the patch scale of tick 0
    TAKES_PRODUCT,  # 1 = cells that reach the target arrive here
    AWAKE_H,  # hours spent awake
    RECRUITMENT,  # mean over voxels of the pull on circulating immune cells, 0-1
    SHOWN_CLASS_1,  # sums of the marks that the cells of the patch show, real cells
    SHOWN_CLASS_2,
    SHOWN_MISSING_SELF,
    SHOWN_OPSONISED,
    SHOWN_PRESENTED,
    MODE_SWITCHES,
    REPORTED,  # dead product cells that the body has been told of (real, at the scale of tick 0)
    GROWTH,  # ZONE_MM3 now over that of tick 0: a graft at its packing limit enlarges the tissue that it fills
    SETTLED,  # 1 = awake, but so little happens that only seekers go at the pace of the walk
    EXPECTED,  # cumulative hazard that product cells have lived through, all causes: events expected, agents
) = range(20)
N_PATCH = 20

# Columns of Types.real and Types.whole --------------------------------------------------------------------------------
(
    TYPE_RADIUS_UM,
    TYPE_PERSISTENCE_MIN,
    TYPE_ADHESION,
    TYPE_REPULSION,
    TYPE_ACCEPTS,  # killers that one real target cell can be engaged by at once
    TYPE_ENGAGED_H,  # mean duration of an engagement
    TYPE_FUNCTION,  # contractile volume that one real cell adds, as a fraction of its own volume
    TYPE_PER_MM3,  # density in the tissue at the start, host cells
    TYPE_RECRUITMENT,  # arrivals per mm3 and hour at full inflammation and normal blood count, host cells
    TYPE_WEIGHT,  # of arriving agents
    TYPE_SHARE,  # of this stage among the infused cells, product
    TYPE_FRAGILE,  # share of the infused cells that is fragile, product
    TYPE_ARRHYTHMIC,  # propensity of the stage to beat on its own, 0-1
    TYPE_POLARISATION,  # at the start, host cells
) = range(14)
N_TYPE_REAL = 14
TYPE_IS_PRODUCT, TYPE_ARM, TYPE_NEXT, TYPE_POOL, TYPE_KIND = range(5)
N_TYPE_WHOLE = 5


OFFERED, ATTACK = 0, 1
N_SCRATCH = ATTACK + N_ARMS


class Grid(NamedTuple):
    """Geometry and the cell list.

    ``shape`` int64[4] (P, nz, ny, nx); ``spacing_um`` float64[1]; ``largest_um`` float64[1] largest radius of any cell;
    ``start`` int64[V+1] first column of each voxel; ``order`` int32[C] and ``count`` int32[V] for sorting;
    ``scratch`` float64[N_SCRATCH, C] of one phase: displacement and stiffness; or share of claims accepted (OFFERED) and
    hazard per h from engaged killers of each arm (from ATTACK on).
    """

    shape: Wholes
    spacing_um: Reals
    largest_um: Reals
    start: Wholes
    order: NDArray[np.int32]
    count: NDArray[np.int32]  # type: ignore[assignment]
    scratch: Reals


class Fields(NamedTuple):
    """Concentrations and what drives them.

    ``value`` ``source`` (per h) ``loss`` (per h) ``tissue_source`` ``tissue_loss`` float64[F, P, V], V voxels of a patch
    in the order (z, y, x); ``constant`` float64[N_FIELD_CONSTANTS, F], see FIELD_*; ``treatment`` int64[F], how
    each is advanced (``kernels.fields``); ``work`` float64[12, n] of the solvers;
    ``sweeps`` int64[F, 2] solves and multigrid cycles done.
    """

    value: Reals
    source: Reals
    loss: Reals
    tissue_source: Reals
    tissue_loss: Reals
    constant: Reals
    treatment: Wholes
    work: Reals
    sweeps: Wholes


(
    FIELD_DIFFUSION,  # µm2/h
    FIELD_DECAY,  # per h
    FIELD_CLEARANCE,  # exchange with blood at normal vessel density, per h
    FIELD_BLOOD,  # level in blood
    FIELD_HALF_UPTAKE,  # Michaelis constant of uptake, 0 = first order
    FIELD_GRADIENT_HALF,  # gradient of half chemotactic response, unit per µm
    FIELD_EXCHANGE,  # exchange between the patches of a lesion, per h
    FIELD_ACROSS,  # share of the level that product cells sense: 1 within a species
) = range(8)
N_FIELD_CONSTANTS = 8


class Types(NamedTuple):
    """What is fixed for a kind in a stage.

    ``real`` float64[N_TYPE_REAL, T], ``whole`` int64[N_TYPE_WHOLE, T]; ``sees`` float64[T, N_MARKS] sensitivity to
    the marks class I, class II, missing self, bound antibody, presented antigen.
    """

    real: Reals
    whole: Wholes
    sees: Reals


class Rules(NamedTuple):
    """Behaviours by type, and the rows that modulate them. See kernels.response.

    ``base`` float64[B, T]; ``bounds`` float64[2, B]; ``active_start`` int64[T+1] into ``active`` (behaviours of a type
    that can be non-zero); ``start`` int64[T+1] into the rows; ``row`` int64[3, R] (signal, behaviour, additive);
    ``number`` float64[3, R] (limit, half, exponent); ``felt`` int64[S] the signals that any row reads.
    """

    base: Reals
    bounds: Reals
    active_start: Wholes
    active: Wholes
    start: Wholes
    row: Wholes
    number: Reals
    felt: Wholes


CHUNK = 256
"""Cells or voxels whose signals, behaviours and hazards are held at once."""
PADDING = 8
"""Columns that rows of a chunk are longer: rows a power of two apart would share the same few lines of the cache."""


class Work(NamedTuple):
    """Scratch of one chunk of cells: float64[signals | behaviours | causes, CHUNK + PADDING]; lists of a killer's targets.

    ``signals`` ``behaviours`` ``hazards`` as said; ``place`` int64[CHUNK + PADDING] voxel of each column inside its patch;
    ``index`` int64[MAX_TOUCHED], ``strength`` float64[MAX_TOUCHED], ``way`` float64[3] end of a path, µm.
    """

    signals: Reals
    behaviours: Reals
    hazards: Reals
    place: Wholes
    index: Wholes  # type: ignore[assignment]
    strength: Reals
    way: Reals


class Body(NamedTuple):
    """The rest of the patient.

    ``counts`` int64[N] product cells by compartment, absorbing fates last; ``transfer`` float64[2, N, N] transition
    probabilities over a fast and a slow step; ``pools`` int64 immune cells; ``solutes`` float64; ``doses`` float64[D, 4]
    (cells, first tick, last tick, compartment); ``given`` int64[D]; ``drugs`` float64[G, N_DRUG]; ``pair`` float64[N_PAIR]
    recognition between this donor and this recipient; ``flux`` float64[16] what the patch gave to the body since
    the last body step.
    """

    counts: Wholes
    transfer: Reals
    pools: Wholes
    solutes: Reals
    doses: Reals
    given: Wholes
    drugs: Reals
    pair: Reals
    flux: Reals


TALLY_CELLS, TALLY_EVENTS, TALLY_HAZARD = range(3)
"""Real cells (at the patch scale of tick 0), agents, cumulative hazard: by patch, cause (then division, transition), type."""


class Record(NamedTuple):
    """The course: ``ticks`` int64[S], ``values`` float64[S, R]."""

    ticks: Wholes
    values: Reals


class Events(NamedTuple):
    """What happened when: ``count`` int64[2] (kept, met); ``whole`` int64[E, 3] (tick, event, type); ``uid`` uint64[E];
    ``hour`` float64[E] exact time. Events: cause of death, then division, transition, arrival.
    """

    count: Wholes  # type: ignore[assignment]
    whole: Wholes
    uid: NDArray[np.uint64]
    hour: Reals


class World(NamedTuple):
    """Everything that ``advance`` reads and writes. Arrays only, so that dispatch and checkpoints are one loop."""

    cells: Cells
    grid: Grid
    fields: Fields
    tissue: Reals  # float64[N_TISSUE, P, V]
    patch: Reals  # float64[P, N_PATCH]
    types: Types
    rules: Rules
    work: Work
    body: Body
    record: Record
    events: Events
    tally: Reals  # float64[3, P, K + 2, T], see TALLY_*
    par: Reals  # float64[n_parameters]
    enabled: Wholes  # int64[n_mechanisms]
    clock: Wholes
    key: NDArray[np.uint64]
