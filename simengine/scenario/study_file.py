"""A scenario file as it is written: a scenario, what it extends, and its variants by name and by design."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simengine.scenario.model import MOST_FILES, Scenario
from simengine.scenario.sections import LABEL, Section, many, number, words

SAMPLED = ("latin_hypercube", "sobol", "random")
"""The designs that spread points over ranges; a study has one at most."""


class Arm(Section):
    """One named variant of the scenario."""

    name: str = words("Label of the arm in tables and figures.", ..., LABEL)
    set: dict[str, Any] = Field(default={}, description="Values instead of the scenario's, by dotted path.")


class Range(Section):
    """What a sampled design draws for one path: a number between two bounds, or one of some choices."""

    low: float | None = number("Lower bound, in the unit of the path.", None, "1", -1e15, 1e15)
    high: float | None = number("Upper bound, in the unit of the path.", None, "1", -1e15, 1e15)
    distribution: Literal["uniform", "loguniform", "triangular", "normal", "lognormal"] = words(
        "How values are spread between the bounds; normal and lognormal have them two standard deviations from `value`.",
        "uniform",
    )
    value: float | None = number("Peak of triangular, centre of normal and lognormal.", None, "1", -1e15, 1e15)
    choices: tuple[Any, ...] = many("Instead of bounds: values that are drawn equally often.", 1000)


class Sample(Section):
    """Points spread over ranges, all paths varying at once."""

    n: int = number("Points; a power of 2 for sobol.", ..., "count", 2, 10_000)
    seed: int | None = number("Seed of the points. Left out: that of the study.", None, "1", 0, 2**63 - 1)
    ranges: Annotated[dict[str, Range], Field(min_length=1, max_length=50)] = Field(
        ..., description='Ranges by dotted path, in quotes: {"delivery.0.dose_cells" = {low = 1e6, high = 1e8}}.'
    )


class Sweep(Section):
    """Variants by design: arms x rows of `list` x combinations of `grid` x points of one sampled design."""

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={}, description='Values to combine, by dotted path: {"donor.match" = ["8/8", "0/8"]}.'
    )
    rows: Annotated[tuple[dict[str, Any], ...], Field(strict=False, max_length=10_000)] = Field(
        default=(), alias="list", description="Rows of values that vary together, by dotted path."
    )
    latin_hypercube: Sample | None = Field(
        None, description="Sampled design: of n equal shares of each range, each is met once, in an order of its own."
    )
    sobol: Sample | None = Field(None, description="Sampled design: a Sobol sequence, shifted by the seed.")
    random: Sample | None = Field(None, description="Sampled design: every value drawn by itself.")


class StudyFile(Scenario):
    """A scenario file as it is written: a scenario, what it extends, and its variants."""

    extends: str | Annotated[list[str], Field(max_length=MOST_FILES)] = Field(
        default=[], description="Files to start from, merged in order."
    )
    arm: tuple[Arm, ...] = many("Named variants.", 1000)
    sweep: Sweep = Field(default=Sweep.model_validate({}), description="Variants by design.")
