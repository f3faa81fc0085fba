"""Times to an event in a table of runs, arm by arm: curves, cumulative incidence, restricted means, tests.

Three columns say what happened to a run: `event` is 1 if it had the event and 0 if not, `time` the time of the event or
of the last observation without it, `cause` why it had it. A graft has `graft_lost`, `graft_loss_day` (the last day
observed where it was not lost: censored there) and `graft_loss_cause`. A run in which the event has no meaning (no cells
were given) has no value, is not applicable, and is counted beside every number, as failed runs are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simengine.studies.comparison import hazard_ratio
from simengine.studies.comparison import logrank as logrank_of
from simengine.studies.competing import NO_EVENT
from simengine.studies.competing import cumulative_incidence as incidence_of
from simengine.studies.statistics import CONFIDENCE, arms_of, unit_of
from simengine.studies.survival import kaplan_meier, restricted_mean, restricted_mean_difference

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["CAUSE", "EVENT", "TIME", "UNKNOWN", "FollowUp", "cumulative_incidence", "follow_up", "logrank", "rmst", "survival"]

EVENT, TIME, CAUSE = "graft_lost", "graft_loss_day", "graft_loss_cause"
UNKNOWN = "unknown"
"""The cause of an event for which the run names none."""


@dataclass(frozen=True)
class FollowUp:
    """What was seen of the runs of one arm: times, event marks, causes (empty without event), and the unit of each, [N].

    `unit` says what the labels `units` are; `excluded` runs failed, in `not_applicable` the event has no meaning.
    """

    point: int
    arm: str
    time: NDArray[np.float64]
    is_event: NDArray[np.bool_]
    cause: NDArray[np.str_]
    units: NDArray[np.int64]
    unit: str
    excluded: int
    not_applicable: int

    def counts(self) -> dict[str, Any]:
        """Return the columns that stand beside every number of an arm."""
        return {
            "arm": self.arm,
            "n": len(self.time),
            "excluded": self.excluded,
            "not_applicable": self.not_applicable,
            "units": len(np.unique(self.units)),
            "unit": self.unit,
        }


def follow_up(table: DataFrame, event: str = EVENT, time: str = TIME, cause: str | None = None) -> list[FollowUp]:
    """Return what was seen of the runs of every arm, in the order of the arms.

    Parameters
    ----------
    table
        One row a run, with the key columns.
    event, time, cause
        Columns, as this module says. Without a cause every event has the cause `unknown`.

    Raises
    ------
    KeyError
        If the table has no such column.
    """
    missing = [name for name in (event, time, cause) if name is not None and name not in table]
    if missing:
        raise KeyError(f"the results have no column {missing[0]!r}")
    found = []
    good = table[table["status"] == "ok"].dropna(subset=[event, time])
    unit = unit_of(good)
    for arm, runs in arms_of(table):
        own = good[good["point"] == runs["point"].iloc[0]]
        happened = own[event].to_numpy(dtype=np.float64) > 0.5
        named = np.full(len(own), NO_EVENT) if cause is None else own[cause].fillna("").to_numpy(dtype=str)
        named = np.where(happened, np.where(named == NO_EVENT, UNKNOWN, named), NO_EVENT)
        n_good = int((runs["status"] == "ok").sum())
        found.append(
            FollowUp(
                point=int(runs["point"].iloc[0]),
                arm=arm,
                time=own[time].to_numpy(dtype=np.float64),
                is_event=happened,
                cause=named,
                units=own[unit].to_numpy(dtype=np.int64),
                unit=unit,
                excluded=len(runs) - n_good,
                not_applicable=n_good - len(own),
            )
        )
    return found


def survival(
    table: DataFrame, times: Sequence[float] | None = None, confidence: float = CONFIDENCE, **columns: str
) -> DataFrame:
    """Estimate survival without the event in every arm, by Kaplan and Meier.

    Parameters
    ----------
    table
        One row a run, with the key columns.
    times
        At which to tell it; every time at which a curve steps when not given.
    confidence
        Of the pointwise interval, over patients.
    columns
        `event` and `time`, when not those of the graft.

    Returns
    -------
    DataFrame
        One row for each arm and time: `n`, `excluded`, `not_applicable`, `units`, `unit`, the time, `at_risk` (just
        before), `events` (until then), `survival`, `se`, `low`, `high`. An arm without a value has no row. After the last
        observation of an arm survival is not known: NaN.
    """
    import pandas as pd

    name, rows = columns.get("time", TIME), []
    for arm in _with_runs(follow_up(table, **columns)):
        curve = kaplan_meier(arm.time, arm.is_event, confidence, arm.units)
        at = curve.time if times is None else np.asarray(times, dtype=np.float64)
        step, known = curve.step(at), _is_known(at, curve.last_seen, curve.survival)
        values = {
            "survival": curve.survival[step],
            "se": curve.standard_error[step],
            "low": curve.low[step],
            "high": curve.high[step],
        }
        values = {column: np.where(known, value, np.nan) for column, value in values.items()}
        so_far = {"at_risk": curve.numbers_at_risk(at), "events": np.cumsum(curve.events)[step]}
        rows.append(pd.DataFrame({**arm.counts(), name: at, **so_far, **values}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def cumulative_incidence(
    table: DataFrame, times: Sequence[float] | None = None, confidence: float = CONFIDENCE, **columns: str
) -> DataFrame:
    """Estimate the cumulative incidence of every cause in every arm, by Aalen and Johansen.

    Parameters as in `survival`; `columns` may name a `cause` too.

    Returns
    -------
    DataFrame
        One row for each arm, cause and time: the columns of `survival` with `cause` and `incidence`; `events` are those of
        the cause.
    """
    import pandas as pd

    columns = {"cause": CAUSE, **columns}
    name, rows = columns.get("time", TIME), []
    for arm in _with_runs(follow_up(table, **columns)):
        curves = incidence_of(arm.time, arm.cause, confidence, arm.units)
        at = curves.time if times is None else np.asarray(times, dtype=np.float64)
        step, known = curves.step(at), _is_known(at, curves.last_seen, curves.survival)
        for c, cause in enumerate(curves.causes):
            values = {
                "incidence": curves.incidence[c, step],
                "se": curves.standard_error[c, step],
                "low": curves.low[c, step],
                "high": curves.high[c, step],
            }
            values = {column: np.where(known, value, np.nan) for column, value in values.items()}
            so_far = {"at_risk": curves.numbers_at_risk(at), "events": np.cumsum(curves.events[c])[step]}
            rows.append(pd.DataFrame({**arm.counts(), "cause": cause, name: at, **so_far, **values}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def rmst(table: DataFrame, until: float | None = None, confidence: float = CONFIDENCE, **columns: str) -> DataFrame:
    """Return the restricted mean time without the event in every arm, and its difference from the first such arm.

    Parameters
    ----------
    table, confidence, columns
        As in `survival`.
    until
        The horizon; when not given, the largest to which every arm was watched.

    Returns
    -------
    DataFrame
        One row an arm: counts, `until`, `mean`, `se`, `low`, `high`, `against` (the first arm), and `difference`,
        `difference_se`, `difference_low`, `difference_high`, in pairs of the same patients.

    Raises
    ------
    ValueError
        If some arm was not watched until then.
    """
    import pandas as pd

    arms = _with_runs(follow_up(table, **columns))
    horizon = until if until is not None else min((float(arm.time.max()) for arm in arms), default=np.nan)
    rows: list[dict[str, Any]] = []
    for arm in arms:
        own = restricted_mean(arm.time, arm.is_event, horizon, confidence, arm.units)
        row = {**arm.counts(), "until": horizon, "mean": own.mean, "se": own.standard_error, "low": own.low, "high": own.high}
        if arm is not arms[0]:
            pair = ((arm.time, arm.is_event), (arms[0].time, arms[0].is_event))
            found = restricted_mean_difference(*pair, horizon, confidence, (arm.units, arms[0].units))
            row |= {"against": arms[0].arm, "difference": found.mean, "difference_se": found.standard_error}
            row |= {"difference_low": found.low, "difference_high": found.high}
        rows.append(row)
    return pd.DataFrame(rows)


def logrank(table: DataFrame, strata: str | None = None, confidence: float = CONFIDENCE, **columns: str) -> DataFrame:
    """Compare the hazard of every arm with that of the first arm in which the event has a meaning.

    Parameters
    ----------
    table, confidence, columns
        As in `survival`.
    strata
        A column; events are compared within runs of one value.

    Returns
    -------
    DataFrame
        One row for each further arm: counts, `against`, `observed` and `expected` events of the arm, `chi_square` and `p`
        of the log-rank test (runs taken for independent), `hazard_ratio`, `low`, `high` (Cox), and `z`, `p_paired` of
        the score test over units, in which a patient who stands in both arms counts once.

    Raises
    ------
    KeyError
        If there is no such column.
    """
    import pandas as pd

    if strata is not None and strata not in table:
        raise KeyError(f"the results have no column {strata!r}")
    arms = _with_runs(follow_up(table, **columns))
    groups = [None if strata is None else _values(table, arm, strata, **columns) for arm in arms]
    rows = []
    for arm, group in list(zip(arms, groups))[1:]:
        first = arms[0]
        time, is_event = (np.concatenate([getattr(a, name) for a in (first, arm)]) for name in ("time", "is_event"))
        is_new = np.arange(len(time)) >= len(first.time)
        both = None if group is None or groups[0] is None else np.concatenate([groups[0], group])
        test = logrank_of(time, is_event, is_new, both)
        ratio = hazard_ratio(time, is_event, is_new, confidence, np.concatenate([first.units, arm.units]), both)
        rows.append(
            {
                **arm.counts(),
                "against": first.arm,
                "observed": test.observed[1],
                "expected": test.expected[1],
                "chi_square": test.chi_square,
                "p": test.p,
                "hazard_ratio": ratio.ratio,
                "low": ratio.low,
                "high": ratio.high,
                "z": ratio.z,
                "p_paired": ratio.p,
            }
        )
    return pd.DataFrame(rows)


def _with_runs(arms: list[FollowUp]) -> list[FollowUp]:
    return [arm for arm in arms if len(arm.time)]


def _is_known(at: NDArray[np.float64], last_seen: NDArray[np.float64], survival: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether the curves are known at some times: up to the last observation, or for ever when nobody is left."""
    return np.asarray((at <= last_seen[-1]) | (survival[-1] == 0.0))


def _values(table: DataFrame, arm: FollowUp, column: str, event: str = EVENT, time: str = TIME, **_: str) -> NDArray[np.str_]:
    """Return a column of the runs that an arm's follow-up holds, as texts."""
    own = table[(table["status"] == "ok") & (table["point"] == arm.point)].dropna(subset=[event, time])
    return np.asarray(own[column].astype(str), dtype=str)
