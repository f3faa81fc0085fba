"""The scenario as a document: every field with its meaning, unit, bounds and default.

Shapes and bounds only; what fields mean to each other and to the catalogue is checked in `checks`. A field that is left
out takes the default shown; `None` (no TOML value) stands for "as the catalogue entry says".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simengine.catalog.nomenclature import Level
from simengine.foundation.parameters import Distribution
from simengine.scenario.canonical import digest
from simengine.scenario.sections import NAME, SOURCE, TITLE, Section, many, number, words
from simengine.scenario.transplant_section import Transplant

SCHEMA_VERSION = 1
MOST_FILES = 32
"""Files that one scenario may be made of."""
NOT_HASHED = ("name", "title", "description")
"""What a scenario is called, which changes no result."""
NEVER_DRAWN = {"species", "vary"}
"""Fields of the patient that no population draws."""
BESIDE_TRANSPLANT = ("site", "product", "delivery", "drug", "rule", "patch", "clocks")
"""Sections that say nothing about a scenario with `[transplant]`, and may not stand beside it."""

Sex = Literal["male", "female"]
Relation = Literal["autologous", "identical_twin", "sibling", "parent_or_child", "unrelated", "xenogeneic"]
Match = Literal["8/8", "7/8", "6/8", "5/8", "4/8", "3/8", "2/8", "1/8", "0/8", "haploidentical", "drawn", "typed"]
BloodGroup = Literal["O", "A", "B", "AB"]
MOST_HLA_NAMES = 12
"""Two names at each of six loci."""
Serostatus = Literal["positive", "negative"]
Voxels = Annotated[int, Field(ge=1, le=1000)]
Grade = Literal["measured", "derived", "calibrated", "assumed"]


class Patient(Section):
    """The recipient."""

    species: str = words("Species, an entry of catalogue folder `species`.", "human")
    age_years: float = number("Age.", 60.0, "years", 0, 120)
    sex: Sex = words("Sex.", "male")
    weight_kg: float | None = number("Body mass. Left out: that of the species.", None, "kg", 0.01, 500)
    immune_strength: float = number("Strength of all immune arms, 1 in a typical patient.", 1.0, "1", 0, 2)
    autoimmune_to: str | None = words(
        "Lineage that the patient's own immune system attacks, an entry of catalogue folder `lineages`.", None
    )
    sensitised: bool = words("Whether donor antigens have been met before (memory cells, antibody).", False)
    diabetes: bool = words("Whether the patient has diabetes.", False)
    smoking: bool = words("Whether the patient smokes.", False)
    obesity: bool = words("Whether the patient is obese.", False)
    cmv: Serostatus = words("Antibody against cytomegalovirus.", "negative")
    kidney_function_ml_per_min: float = number(
        "Estimated glomerular filtration rate for 1.73 m² of body surface.", 90.0, "mL/min", 2, 200
    )
    child_pugh_score: float = number("Child-Pugh score of the liver; 5 is no impairment.", 5.0, "score", 5, 15)
    albumin_g_per_l: float = number("Albumin in serum, the measure of nutrition.", 42.0, "g/L", 10, 60)
    perceived_stress_score: float = number("Score of the Perceived Stress Scale (PSS-10).", 13.0, "score", 0, 40)
    activity_met_h_per_week: float = number("Physical activity, MET-hours a week.", 15.0, "h/week", 0, 300)
    microbiome_diversity: float = number("Inverse Simpson index of the gut flora.", 10.0, "1", 1, 200)
    family_history: bool = words("Whether a first-degree relative died suddenly or fell ill early.", False)
    disease_risk: float = number(
        "Refined disease risk index before a transplantation: 0 low, 1 intermediate, 2 high, 3 very high.", 1.0, "score", 0, 3
    )
    comorbidity_index: float = number("Comorbidity index before a transplantation (HCT-CI).", 0.0, "score", 0, 15)
    care_year: float = number("Year of a transplantation, which stands for supportive care.", 2015.0, "year", 1970, 2040)
    ancestry: str = words("Ancestry, an entry of catalogue folder `ancestries`, from which HLA is drawn.", "european")
    hla: tuple[str, ...] = many(
        "HLA names at A, B, C, DRB1 and, if known, DQB1 and DPB1. Left out: drawn from the ancestry.", MOST_HLA_NAMES
    )
    blood_group: BloodGroup | None = words("ABO blood group.", None)
    genes: dict[str, bool] = Field(
        default={}, max_length=100, description="Named genetic factors, entries of catalogue folder `genes`, carried or not."
    )
    vary: Literal["none", "per_patient", "per_replicate"] = words(
        "Whether traits of site and immunity are drawn anew: never, for each patient, or for each replicate.",
        "per_replicate",
    )


class Spread(Section):
    """How a trait is spread over a population: a share of those who have it, or a distribution of numbers."""

    share: float | None = number("Share of those who have it: of women, of positives, of carriers.", None, "fraction", 0, 1)
    distribution: Distribution | None = words("Shape between `low` and `high`.", None)
    value: float | None = number("Centre: median of a normal or lognormal, peak of a triangular shape.", None, "1", -1e6, 1e6)
    low: float | None = number("Least value; nobody lies below.", None, "1", -1e6, 1e6)
    high: float | None = number("Greatest value; nobody lies above.", None, "1", -1e6, 1e6)
    sd: float | None = number(
        "Standard deviation of a normal shape before it is cut; of the logarithm if lognormal. Left out: `low` and `high` are"
        " two of them away.",
        None,
        "1",
        1e-6,
        1e6,
    )


class Correlation(Section):
    """How two traits of a population go together."""

    between: Annotated[tuple[str, str], Field(strict=False)] = words("The two traits.", ...)
    rank: float = number(
        "Rank correlation (Spearman); of what lies behind it where a trait is yes or no.", ..., "1", -0.95, 0.95
    )


class Population(Section):
    """Virtual patients: traits that `[patient]` does not state are drawn for each."""

    name: str | None = words("Ready-made population to start from, an entry of catalogue folder `populations`.", None)
    traits: dict[str, Spread] = Field(
        default={}, max_length=100, description="Spread of each trait, by its field of `[patient]` or by the name of a gene."
    )
    correlation: tuple[Correlation, ...] = many("Traits that go together, in the order in which they are drawn.", 500)


class Site(Section):
    """The injured organ and its state when the simulation begins."""

    name: str = words("Site, an entry of catalogue folder `sites`.", "heart_infarct")
    lesion_age_days: float = number("Time from injury to day 0, which the state of the site describes.", 7.0, "days", 0, 3650)
    lesion_fraction: float | None = number("Share of the organ that is injured.", None, "fraction", 0.02, 0.6)
    baseline_lvef_percent: float | None = number("Ejection fraction on day 0.", None, "percent", 10, 75)
    fields: Annotated[tuple[str, ...], Field(strict=False, max_length=32)] | None = words(
        "Signalling fields that are followed, entries of catalogue folder `fields`. Left out: those of the site.", None
    )


class Product(Section):
    """The cells given."""

    name: str = words("Product, an entry of catalogue folder `products`.", "bm_msc")
    passage: int | None = number("Passages in culture. Left out: as the product entry says.", None, "passages", 0, 40)
    viability: float | None = number("Share of the dose that is alive when given.", None, "fraction", 0, 1)
    cryopreserved: bool | None = words("Whether the product was frozen. Left out: as the product entry says.", None)
    diameter_um: float | None = number("Mean cell diameter.", None, "um", 3, 60)
    edit: str | None = words("Genetic edit of the cells, an entry of catalogue folder `edits`.", None)
    purity: float | None = number("Share of the wanted kind. Left out: as the product entry says.", None, "fraction", 0, 1)


class Donor(Section):
    """Where the cells come from. An autologous or twin donor shares the patient's age and sex."""

    relation: Relation = words("Relation of donor to patient.", "unrelated")
    match: Match = words(
        "Matched HLA alleles at A, B, C, DRB1; `haploidentical` in a family; `drawn` by ancestry and inheritance; `typed` if "
        "patient.hla and donor.hla say it.",
        "8/8",
    )
    match_level: Level = words("How finely HLA is compared: by `antigen`, `first_field` or `two_field`.", "two_field")
    ancestry: str | None = words("Ancestry of the donor. Left out: the patient's.", None)
    hla: tuple[str, ...] = many("HLA names of the donor, as patient.hla. Left out: drawn to fit the match.", MOST_HLA_NAMES)
    blood_group: BloodGroup | None = words("ABO blood group of the donor.", None)
    age_years: float | None = number(
        "Age of the donor. Left out: the patient's if shared, else typical of the product.", None, "years", 0, 120
    )
    sex: Sex | None = words("Sex of the donor. Left out: the patient's.", None)
    diabetes: bool | None = words("Whether the donor has diabetes. Left out: as the patient if autologous, else no.", None)
    smoking: bool | None = words("Whether the donor smokes. Left out: as the patient if autologous, else no.", None)
    obesity: bool | None = words("Whether the donor is obese. Left out: as the patient if autologous, else no.", None)
    cmv: Serostatus | None = words(
        "Antibody of the donor against cytomegalovirus. Left out: as the patient if autologous, else negative.", None
    )


class Delivery(Section):
    """One administration of the product."""

    route: str = words("Route, an entry of catalogue folder `routes`.", ...)
    day: float = number("Day on which it is given.", 0.0, "days", 0, 36500)
    dose_cells: int | None = number("Cells given. Either this or dose_cells_per_kg.", None, "cells", 0, 10**12)
    dose_cells_per_kg: float | None = number("Cells given per kg of body mass.", None, "cells/kg", 0, 1e10)
    n_sites: int | None = number("Number of injections of a local route.", None, "count", 1, 200)
    volume_ml_per_site: float | None = number("Volume of each injection of a local route.", None, "mL", 0.0001, 50)
    duration_min: float | None = number("Duration of an infusion.", None, "min", 0.1, 1440)


class Drug(Section):
    """One course of a drug."""

    name: str = words("Drug, an entry of catalogue folder `drugs`.", ...)
    start_day: float = number("Day of the first dose.", 0.0, "days", 0, 36500)
    stop_day: float | None = number("Day of the last dose. Left out: until the end.", None, "days", 0, 36500)
    target_trough_ng_per_ml: float | None = number("Level aimed at before each dose.", None, "ng/mL", 0.01, 100_000)


class Run(Section):
    """How long and how finely a run is followed, and what it may use."""

    duration_days: float = number("Days simulated.", 30.0, "days", 0.01, 36500)
    mode: Literal["auto", "body", "patch"] = words(
        "`body` without tissue patch, `patch` with agents throughout, `auto` with agents while cells are active.",
        "auto",
    )
    record_every_h: float = number("Interval between records of the courses.", 6.0, "h", 0.05, 8760)
    max_agents: int = number("Agents at which a run stops as `capacity_exceeded`.", 200_000, "count", 100, 50_000_000)
    memory_limit_mb: float = number("Memory that one run may need by the estimate.", 2000.0, "MB", 16, 1_000_000)


class Patch(Section):
    """The block of tissue at cell resolution."""

    shape: Annotated[tuple[Voxels, Voxels, Voxels], Field(strict=False)] = Field(
        default=(20, 20, 5), description="Voxels along x, y and z.", json_schema_extra={"unit": "count"}
    )
    spacing_um: float = number("Edge of a voxel.", 20.0, "um", 5, 50)
    agent_weight: float = number("Real cells that one agent stands for.", 1.0, "cells", 0.01, 1000)
    layout: Literal["auto", "single", "deposit_remote"] = words(
        "One patch, or one inside an injected deposit and one between; `auto` takes two for local injections.", "auto"
    )


class Clocks(Section):
    """Time steps. All are multiples of the base tick of 0.5 min and of `motion_min`."""

    motion_min: float = number("Step of movement and forces.", 6.0, "min", 0.5, 60)
    fates_min: float = number("Step of division, death and transitions.", 12.0, "min", 0.5, 60)
    fields_min: float = number("Step of the signalling fields, a multiple of `fates_min`.", 24.0, "min", 0.5, 120)
    tissue_h: float = number("Step of the tissue, a multiple of `fates_min`.", 2.0, "h", 0.1, 12)
    body_h: float = number("Step of the body compartments.", 1.0, "h", 0.1, 2)


class Rule(Section):
    """A row that adds, replaces or removes a rule of the catalogue."""

    id: str = words("Identity of the rule.", ..., NAME)
    action: Literal["add", "replace", "remove"] = words("What to do with it; `remove` needs only the id.", "add")
    kind: str | None = words("Kind of cell it holds for.", None)
    stage: str = words("Stage of that kind; `*` for all.", "*")
    signal: str | None = words("Signal that is read, declared by a mechanism.", None)
    behaviour: str | None = words("Behaviour that is changed, declared by a mechanism.", None)
    limit: float | None = number("Factor (or rate, if additive) at a saturating signal.", None, "1", 0, 1e6)
    half: float | None = number("Signal at half effect, in the unit of the signal.", None, "1", 1e-12, 1e12)
    exponent: float = number("Steepness of the Hill curve.", 1.0, "1", 0.1, 20)
    additive: bool = words("Whether the effect adds to the behaviour instead of multiplying it.", False)
    source: str | None = words("Where the row comes from.", None, SOURCE)
    grade: Grade = words("How good the evidence is.", "assumed")


class Uncertainty(Section):
    """What is not known: parameters drawn from their stated distributions instead of taken at their stated value."""

    knowledge: Literal["none", "per_patient", "per_draw"] = words(
        "Never; one set of parameters for each patient; or `draws` sets, which all patients share, replicate by replicate.",
        "none",
    )
    draws: int = number("Sets of parameters of `per_draw`: replicate n uses set n modulo draws.", 5, "count", 2, 10_000)
    parameters: tuple[str, ...] = many(
        "What is drawn: parameters, or groups by the beginning of their path. Left out: all that have a distribution.", 1000
    )


class Precision(Section):
    """When an arm has runs enough: an interval that is narrow enough, looked at in fixed steps.

    Units are patients, or the replicates of a study of one patient.
    """

    outcome: str = words("Outcome whose mean is estimated, a numeric column of the results.", ..., NAME)
    half_width: float = number(
        "Half the width of the interval at which an arm stops, in the unit of the outcome.", ..., "1", 1e-12, 1e15
    )
    confidence: float = number("Confidence of the interval.", 0.95, "fraction", 0.5, 0.999)
    at_least: int = number("Patients of an arm before the first look.", 30, "count", 10, 1_000_000)
    every: int = number("Patients added to an arm between looks.", 10, "count", 1, 1_000_000)


class Output(Section):
    """What is kept beside the row of outcomes."""

    courses: bool = words("Whether to keep the courses over time.", True)
    events: bool = words("Whether to keep the list of events.", True)
    snapshot_days: tuple[Annotated[float, Field(ge=0, le=36500)], ...] = many(
        "Days on which the whole patch is kept.", 1000, "days"
    )
    snapshot_replicates: int = number("Replicates of each patient whose patch a study keeps.", 1, "count", 1, 1_000_000)


class Scenario(Section):
    """One fully resolved scenario: what is asked of whom, with every default filled in."""

    schema_version: Literal[1] = Field(default=1, description="Version of this document format.")
    name: str = words("Short name, also of result folders.", ..., NAME)
    title: str = words("Title shown in figures.", "", TITLE)
    description: str = words("What the study is for.", "")
    seed: int = number("Seed of all random numbers.", 1, "1", 0, 2**63 - 1)
    replicates: int = number("Possible courses simulated of each patient.", 20, "count", 1, 1_000_000)
    patients: int = number("Virtual patients.", 1, "count", 1, 10_000_000)
    patient: Patient = Field(default=Patient(), description="The recipient.")
    population: Population | None = Field(default=None, description="Virtual patients, each with traits of their own.")
    site: Site = Field(default=Site(), description="The injured organ.")
    product: Product = Field(default=Product(), description="The cells given.")
    donor: Donor = Field(default=Donor(), description="Where the cells come from.")
    transplant: Transplant | None = Field(
        default=None, description="A transplantation of blood stem cells, instead of site, product, delivery and drug."
    )
    delivery: tuple[Delivery, ...] = many("Administrations of the product; none is an untreated control.", 1000)
    drug: tuple[Drug, ...] = many("Courses of drugs.", 100)
    run: Run = Field(default=Run(), description="Length, detail and limits of a run.")
    patch: Patch = Field(default=Patch(), description="The block of tissue at cell resolution.")
    clocks: Clocks = Field(default=Clocks(), description="Time steps.")
    mechanisms: dict[str, bool] = Field(default={}, max_length=100, description="Mechanisms switched on or off, by name.")
    parameters: dict[str, float] = Field(
        default={}, max_length=1000, description="Numbers of the catalogue, by `mechanism.parameter` or `kind.entry.parameter`."
    )
    rule: tuple[Rule, ...] = many("Rules added to, replaced in or removed from those of the catalogue.", 1000)
    uncertainty: Uncertainty = Field(default=Uncertainty(), description="What is not known, and drawn.")
    output: Output = Field(default=Output(), description="What is kept beside the row of outcomes.")

    precision: Precision | None = Field(
        default=None, description="When an arm has patients enough; `patients` is then the most that it gets. Left out: all."
    )

    @property
    def hash(self) -> str:
        """SHA-256 of the resolved content without name, title and description; comments and order do not matter."""
        return digest({name: value for name, value in self.plain().items() if name not in NOT_HASHED})

    def plain(self) -> dict[str, Any]:
        """Return the content as plain JSON values, with every default and without fields that are not set.

        With a population, what `[patient]` leaves out is drawn and has no default; with a transplantation, the sections that
        it replaces are not there.
        """
        without = BESIDE_TRANSPLANT if self.transplant is not None else ()
        content = self.model_dump(mode="json", exclude_none=True, exclude=set(without))
        if self.population is not None:
            stated = self.patient.model_fields_set | NEVER_DRAWN
            content["patient"] = {name: value for name, value in content["patient"].items() if name in stated}
        return content
