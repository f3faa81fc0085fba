"""One transplanted patient in words and numbers: who it was, the donor, the treatment, and what happened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.report.labels import number
from simengine.report.results_view import NothingToDraw, ResultsView
from simengine.report.scales import HOURS_PER_DAY

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["OnePatient", "choose", "words_of"]

RunAddress = tuple[int, int, int]
RELATIONS = {
    "autologous": "the patient's own cells",
    "identical_twin": "identical twin",
    "sibling": "sibling",
    "parent_or_child": "parent or child",
    "unrelated": "unrelated donor",
}
NOTHING = ("none", "no_serotherapy", "no_second_line", "no_conditioning", "no_prophylaxis")
SEVERITIES = ("none", "mild", "moderate", "severe")


@dataclass(frozen=True)
class OnePatient:
    """One run, and the replicates of the same patient in the same arm.

    ``row`` is the row of the table, ``replicates`` the rows of all, ``place`` that of the run among them, ``scenario`` what was
    asked, ``day`` float64[S]; ``course`` gives the replicates of a course, float64[R, S].
    """

    results: ResultsView
    arm: str
    row: Mapping[str, Any]
    replicates: DataFrame
    place: int
    rows_of_arm: np.ndarray
    scenario: Mapping[str, Any]
    day: np.ndarray

    def course(self, name: str) -> np.ndarray:
        """Return a course in every replicate, float64[R, S]; NaN after death."""
        return np.asarray(self.results.course(int(self.row["point"]), name)[1][self.rows_of_arm], dtype=np.float64)


def choose(results: ResultsView, run: RunAddress | None) -> OnePatient:
    """Return one run of the results: as asked (point, patient, replicate), else the first that ended well.

    Raises
    ------
    NothingToDraw
        When there is no such run, or the results hold no courses of a transplantation.
    """
    table = results.table
    if "outcome_event" not in table or "blood.neutrophils" not in results.course_names():
        raise NothingToDraw("the results hold no courses of a transplanted patient")
    good = table[table["status"] == "ok"]
    if run is None and len(good):
        run = tuple(int(good.iloc[0][name]) for name in ("point", "patient", "replicate"))  # type: ignore[assignment]
    keys = good[["point", "patient", "replicate"]]
    found = good[(keys == list(run or (-1, -1, -1))).all(axis=1)]
    if run is None or found.empty:
        raise NothingToDraw(f"no run of point, patient, replicate {run} ended well")
    of_arm = good[good["point"] == run[0]]
    is_own = (of_arm["patient"] == run[1]).to_numpy()
    replicates = of_arm[is_own]
    time_h, _ = results.course(run[0], "blood.neutrophils")
    points = {entry["index"]: entry.get("scenario") or {} for entry in results.manifest.get("points") or []}
    return OnePatient(
        results=results,
        arm=next(point.label for point in results.points if point.index == run[0]),
        row=found.iloc[0].to_dict(),
        replicates=replicates,
        place=int(np.flatnonzero((replicates["replicate"] == run[2]).to_numpy())[0]),
        rows_of_arm=np.flatnonzero(is_own),
        scenario=points.get(run[0], {}),
        day=np.asarray(time_h, dtype=np.float64) / HOURS_PER_DAY,
    )


def words_of(one: OnePatient) -> dict[str, list[str]]:
    """Return what is told of a patient, by heading, a line each; what is not known is left out."""
    return {
        "Patient": _patient(one),
        "Donor and graft": _donor(one),
        "Treatment": _treatment(one),
        "What happened": _course_of_events(one.row),
    }


def _patient(one: OnePatient) -> list[str]:
    asked, asked_of = one.scenario.get("patient") or {}, one.scenario.get("transplant") or {}
    about = {name.removeprefix("trait."): value for name, value in one.row.items() if name.startswith("trait.")}
    known = {**asked, **{name: value for name, value in about.items() if value == value}}
    told = [_title("diseases", asked_of.get("disease"))]
    told.append(", ".join(filter(None, (_with(known, "age_years", "{} years"), str(asked.get("sex") or "")))))
    told.append(_with(known, "weight_kg", "{} kg"))
    told.append(_with(known, "disease_risk", "disease risk {} of 3", 1))
    told.append(_with(known, "comorbidity_index", "comorbidity index {}", 1))
    told.append(f"CMV {asked['cmv']}" if isinstance(asked.get("cmv"), str) else "")
    told.append(_with(known, "care_year", "treated in {}"))
    return _kept(told)


def _donor(one: OnePatient) -> list[str]:
    donor, asked = one.scenario.get("donor") or {}, one.scenario.get("transplant") or {}
    told = [RELATIONS.get(str(donor.get("relation")), "")]
    sex = str(donor.get("sex") or "")
    told.append(", ".join(filter(None, (sex, _with(donor, "age_years", "{} years")))))
    is_own = donor.get("relation") == "autologous"
    told.append("" if is_own else _with(one.row, "hla_matched_of_8", "{} of 8 HLA alleles matched"))
    away = (_with(one.row, f"hla_mismatches_{way}", f"{{}} {way_told}") for way, way_told in (("gvh", "GvH"), ("hvg", "HvG")))
    mismatches = ", ".join(filter(None, away))
    told.append(f"mismatches: {mismatches}" if mismatches and not is_own else "")
    told.append("DPB1 not permissive" if one.row.get("dpb1_nonpermissive") == 1.0 else "")
    graft = _title("grafts", asked.get("graft"))
    told.append(f"{graft}, two units" if asked.get("units") == 2 else graft)
    told.append(_with_dose(one.row, "cd34_per_kg", "CD34+"))
    told.append(_with_dose(one.row, "cd3_per_kg", "T cells"))
    told.append(_named("depletions", asked.get("depletion")))
    return _kept(told)


def _treatment(one: OnePatient) -> list[str]:
    asked = one.scenario.get("transplant") or {}
    told = [_named("regimens", asked.get(name)) for name in ("conditioning", "serotherapy", "prophylaxis", "second_line")]
    told.append("G-CSF from day 5" if asked.get("growth_factor") else "")
    return _kept(told)


def _course_of_events(row: Mapping[str, Any]) -> list[str]:
    told = [
        _day(row, "neutrophil_day", "neutrophils 0.5: day {}", "neutrophils never below 0.5") or "neutrophils never recovered"
    ]
    told += [_day(row, f"platelet{n}_day", f"platelets {n}: day {{}}", f"platelets never below {n}") for n in (20, 50)]
    told.append(_day(row, "graft_failure_day", f"{row['graft_failure_kind']} graft failure: day {{}}"))
    grade = int(row["acute_gvhd_grade"])
    stages = ", ".join(f"{organ} {int(row[f'{organ}_stage_max'])}" for organ in ("skin", "gut", "liver"))
    told.append(f"acute GVHD grade {('0', 'I', 'II', 'III', 'IV')[grade]} ({stages})" if grade else "no acute GVHD")
    told.append("refractory to steroids" if row["steroid_refractory"] == 1.0 else "")
    severity = SEVERITIES[int(row["chronic_gvhd_severity"])]
    told.append(_day(row, "chronic_gvhd_day", f"chronic GVHD, {severity}: day {{}}"))
    told.append(_day(row, "relapse_day", "relapse: day {}"))
    cause = str(row["death_cause"]).replace("_", " ").replace("gvhd", "GVHD")
    told.append(_day(row, "death_day", f"died of {cause or 'unknown cause'}: day {{}}"))
    told.append("" if row["death"] == 1.0 else f"alive on day {row['survival_day']:.0f}")
    return _kept(told)


def _kept(told: Sequence[str]) -> list[str]:
    return [f"{line[:1].upper()}{line[1:]}" for line in told if line]


def _with(known: Mapping[str, Any], name: str, text: str, decimals: int = 0) -> str:
    """A number in words; empty when it is not known."""
    value = known.get(name)
    if not isinstance(value, (int, float, np.number)) or math.isnan(value):
        return ""
    return text.format(f"{float(value):.{decimals}f}")


def _with_dose(row: Mapping[str, Any], name: str, what: str) -> str:
    value = row.get(name)
    if not isinstance(value, (int, float, np.number)) or math.isnan(value) or not value > 0.0:
        return ""
    return f"{what} {number(value / 1e6, 1)}×10⁶/kg"


def _day(row: Mapping[str, Any], name: str, text: str, at_once: str = "") -> str:
    """A day in words; empty when it did not come, ``at_once`` when it is day 0."""
    value = row.get(name, math.nan)
    if value is None or math.isnan(value):
        return ""
    return at_once if at_once and value == 0.0 else text.format(f"{float(value):.0f}")


def _title(kind: str, name: object) -> str:
    """The title of an entry of the catalogue; its name as words where the catalogue does not hold it."""
    from simengine.catalog import UnknownName, entry

    if not name:
        return ""
    try:
        return entry(kind, str(name)).title
    except UnknownName:
        return str(name).replace("_", " ")


def _named(kind: str, name: object) -> str:
    return "" if name in NOTHING else _title(kind, name)
