"""Target files: published observations, each with the scenario, observable and statistic that a model is scored by.

Shapes and bounds only; `target_checks` says what fields mean to each other, to the catalogue and to the outcomes, and
`target_files` reads a file. A target is scored by `scoring`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from simengine.scenario.sections import LABEL, NAME, SOURCE, Section, number, words

__all__ = ["STATISTICS", "Registry", "Target", "TargetFile", "Titration", "Without"]

SCHEMA_VERSION = 1
LARGEST = 1e15

Statistic = Literal[
    "mean",
    "median",
    "quantile",
    "kaplan_meier",
    "cumulative_incidence",
    "hazard_ratio",
    "risk_ratio",
    "odds_ratio",
    "half_life",
    "id50",
    "exact",
]
STATISTICS: tuple[str, ...] = get_args(Statistic)
OF_TWO_ARMS = ("hazard_ratio", "risk_ratio", "odds_ratio")
"""Statistics that compare the scenario with its contrast by themselves."""
OF_TIMES = ("kaplan_meier", "cumulative_incidence", "hazard_ratio")
"""Statistics of the time to an event."""


class Without(Section):
    """The same target with one mechanism taken away: what shows that the mechanism carries the result."""

    what: str = words("The mechanism that is taken away, in words.", ..., SOURCE)
    set: dict[str, Any] = Field(
        default={}, description="Values instead of the scenario's, by dotted path, in every arm of the target."
    )
    observable: str | None = words("What is read instead, where the mechanism is one of observation.", None, SOURCE)


class Titration(Section):
    """Values of one field, rising, at which the incidence of the observable is simulated."""

    path: str = words("Dotted path of the field, as a rule the dose.", "delivery.0.dose_cells", SOURCE)
    values: Annotated[tuple[float, ...], Field(strict=False, max_length=24)] = Field(
        description="At least three values, from lowest to highest."
    )


class Registry(Section):
    """A quantity that is computed and not simulated: donors in a registry, lines in a bank."""

    quantity: str = words("Name of the computed quantity.", ..., SOURCE)
    arguments: dict[str, Any] = Field(default={}, description="What it is computed for, by name.")


class Target(Section):
    """One published observation and how the model is compared with it."""

    id: str = words("Identity of the target, unique among all files scored together.", ..., NAME)
    group: str = words("Heading under which it stands in tables and figures.", ..., LABEL)
    quantity: str = words("What was observed, in words.", ..., SOURCE)
    tier: Literal["core", "supporting"] = words("Whether a miss fails the whole.", "supporting")
    kind: Literal["absolute", "ratio", "difference", "upper_bound", "lower_bound", "ordinal"] = words(
        "What kind of statement it is.", "absolute"
    )
    value: float = number("Published value.", ..., "unit", -LARGEST, LARGEST)
    low: float = number("Lower end of the band that passes.", ..., "unit", -LARGEST, LARGEST)
    high: float = number("Upper end of the band that passes.", ..., "unit", -LARGEST, LARGEST)
    unit: str = words("Unit of value, low and high.", ..., LABEL)
    scale: Literal["linear", "log"] = words("Scale on which error and band are compared and drawn.", "linear")
    basis: str = words("Where the width of the band comes from.", "")
    population: str = words("Who was observed.", "")
    endpoint: str = words("How the endpoint was defined and read out.", "")
    n: str = words("How many were observed.", "")
    citation: str = words("Where it was published.", ..., SOURCE)
    confidence: Literal["read in the text", "recalled", "uncertain"] = words("How the number was obtained.", ...)
    seen: Literal["", "number", "direction only", "study only", "not seen"] = words("Which part of it was seen in print.", "")
    fitted: bool = words("Whether parameters were fitted with this target in view.", True)
    notes: str = words("What a reader should know.", "")
    waiting: str | None = words(
        "Why it cannot be scored yet; such a target is not run and never counts as passed.", None, SOURCE
    )
    scenario: dict[str, Any] | None = Field(
        default=None, description='What is simulated, in the language of scenario files; `extends = "FILE"` starts from a file.'
    )
    contrast: dict[str, Any] = Field(
        default={}, description="Values instead of the scenario's, by dotted path: the arm that it is compared with."
    )
    compare: Literal["difference", "ratio"] | None = words(
        "How the statistic of the scenario meets that of its contrast.", None
    )
    observable: str = words(
        "Outcome column or course, or several joined by ` + `; for times, the column that is 1 at an event.", ""
    )
    day: str | None = words("Column of the day of the event or of the last observation.", None)
    cause: str | None = words("Column of the cause of the event.", None)
    causes: Annotated[tuple[str, ...], Field(strict=False, max_length=50)] = Field(
        default=(), description="Causes that count; every other cause competes."
    )
    time_days: float | None = number("Time at which a course, or a curve over time, is read.", None, "days", 0, 36500)
    relative_to_days: float | None = number(
        "Time at which the course is read once more, to divide by that value.", None, "days", 0, 36500
    )
    from_days: float | None = number("Time from which a half-life is read.", None, "days", 0, 36500)
    to_days: float | None = number("Time up to which a half-life is read.", None, "days", 0, 36500)
    interpolate: bool = words("Whether a course is read between its records; otherwise at the nearest.", False)
    statistic: Statistic = words("What is computed over patients.", "mean")
    quantile: float | None = number(
        "Which quantile; of `kaplan_meier`, the time by which that share has had the event.", None, "fraction", 0.001, 0.999
    )
    factor: float = number("Number by which the statistic is multiplied to reach `unit`.", 1.0, "1", 1e-12, 1e12)
    titration: Titration | None = Field(default=None, description="Doses of an ID50.")
    registry: Registry | None = Field(default=None, description="A computed quantity, instead of a scenario.")
    without: Without | None = Field(default=None, description="The mechanism without which the target fails.")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns and courses that the observable is the sum of."""
        return tuple(name.strip() for name in self.observable.split("+"))

    @property
    def bare(self) -> Target:
        """The target as it is scored without its mechanism."""
        read = self.without.observable if self.without else None
        return self if read is None else self.model_copy(update={"observable": read})


class TargetFile(Section):
    """A file of targets."""

    schema_version: Literal[1] = Field(default=1, description="Version of this document format.")
    set: str = words("Name of the set, shown above tables.", "targets", LABEL)
    target: Annotated[tuple[Target, ...], Field(strict=False, max_length=1000)] = Field(
        default=(), description="The published observations."
    )
