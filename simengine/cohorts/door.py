"""The Python door: predict a table of patients, and score predictions against what happened."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simengine.cohorts.columns import predictors_of
from simengine.cohorts.compare import Comparison, compare
from simengine.cohorts.forecasts import Forecast, forecast_of, predictions
from simengine.cohorts.mapping_files import LoadedMapping, load_mapping
from simengine.cohorts.observed import observed_of
from simengine.cohorts.people import Person, check_columns, people_of
from simengine.cohorts.scoreboard import NOTES, calibration_table, markdown, score_table
from simengine.cohorts.simulate import DRAWN, simulate
from simengine.cohorts.tables import Table, read_table
from simengine.foundation.errors import InputError, Problem
from simengine.studies import manifest as manifests
from simengine.studies import provenance
from simengine.studies.execute import Progress
from simengine.studies.files import sha256, write_file
from simengine.studies.runs import Runner, engine_runner

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["RESAMPLES", "Prediction", "Scored", "predict", "score"]

RESULTS = Path("results")
RESAMPLES = 1000
REPLICATES = 100
KEPT = ("id", "patient", "replicate", "status", "reason", "imputed")
_COLUMNS_OF_RUNS = ("pair.", "trait.")
"""Columns of runs that stand in the folder of runs only."""


@dataclass(frozen=True)
class Prediction:
    """What was predicted of a cohort: one row a patient, the runs behind it, and the files that were written."""

    table: DataFrame
    forecast: Forecast
    people: tuple[Person, ...]
    folder: Path
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """How good the predictions of a cohort are: scores, calibration curves, and the predictions themselves."""

    table: DataFrame
    calibration: DataFrame
    comparisons: tuple[Comparison, ...]
    prediction: Prediction


def predict(
    table: str | Path,
    mapping: str | Path,
    *,
    replicates: int = REPLICATES,
    seed: int | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    runner: Runner = engine_runner,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Prediction:
    """Predict every patient of a table.

    Parameters
    ----------
    table
        CSV or Parquet, one row a patient.
    mapping
        What its columns mean.
    replicates
        Possible courses simulated of each patient.
    seed
        Of all random numbers; by default 1.
    out
        Folder for `predictions.csv`, `replicates.parquet` and `provenance.json`; ``results/<name of the mapping>`` by default.
        The same call again simulates nothing.
    jobs, runner, progress
        Threads; who does one run; told of every run.

    Raises
    ------
    InputError
        With every fault of the mapping, or of the table, each at its place.
    """
    loaded = load_mapping(mapping)
    read = read_table(table, loaded.mapping.delimiter)
    people = people_of(loaded, read)
    return _predict(loaded, read, people, _Call(replicates, 1 if seed is None else seed, out, jobs, runner, progress))


@dataclass(frozen=True)
class _Call:
    replicates: int
    seed: int
    out: str | Path | None
    jobs: int | None
    runner: Runner
    progress: Callable[[Progress], None]


def _predict(loaded: LoadedMapping, table: Table, people: list[Person], call: _Call) -> Prediction:
    folder = Path(call.out) if call.out is not None else RESULTS / loaded.mapping.name
    runs = simulate(
        people,
        folder / "runs",
        replicates=call.replicates,
        seed=call.seed,
        runner=call.runner,
        jobs=call.jobs,
        progress=call.progress,
    )
    forecast = forecast_of(runs, loaded.point.scenario.run.duration_days)
    found = predictions(forecast)
    bad = runs[runs["status"] != "ok"]
    failed = tuple(f"patient {row.id}, replicate {row.replicate}: {row.status}: {row.reason}" for row in bad.itertuples())
    write_file(folder / "predictions.csv", found.to_csv(index=False, lineterminator="\n").encode())
    write_file(folder / "replicates.parquet", _parquet(runs))
    write_file(folder / "provenance.json", _provenance(loaded, table, call, len(failed)))
    return Prediction(found, forecast, tuple(people), folder, failed)


def _parquet(runs: DataFrame) -> bytes:
    names = [name for name in runs.columns if name not in ("point", "arm", *KEPT)]
    outcomes = [name for name in names if not name.startswith((*_COLUMNS_OF_RUNS, DRAWN))]
    drawn = [name for name in names if name.startswith(DRAWN)]
    buffer = io.BytesIO()
    runs[[*KEPT, *outcomes, *drawn]].to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _provenance(loaded: LoadedMapping, table: Table, call: _Call, failed: int) -> bytes:
    """Return what the predictions depend on, as JSON: digests of table and mapping, seed, versions."""
    content: dict[str, Any] = {
        "disclaimer": manifests.DISCLAIMER,
        "table": {"file": table.file, "sha256": table.digest, "rows": len(table.rows)},
        "mapping": {"file": loaded.document.file, "sha256": sha256(loaded.document.text.encode())},
        "base": loaded.point.scenario.plain(),
        "seed": call.seed,
        "replicates": call.replicates,
        "failed": failed,
        **provenance.program(),
        "written": manifests.now(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def score(
    table: str | Path,
    mapping: str | Path,
    *,
    replicates: int = REPLICATES,
    seed: int | None = None,
    resamples: int = RESAMPLES,
    **how: Any,
) -> Scored:
    """Predict every patient of a table and compare with what happened.

    Parameters
    ----------
    table, mapping, replicates, seed
        As in `predict`; the mapping names at least one outcome.
    resamples
        Resamples of the patients, for the intervals.
    **how
        `out`, `jobs`, `runner`, `progress` as in `predict`; the folder gets `scores.csv`, `calibration.csv` and `scores.md` as
        well.

    Raises
    ------
    InputError
        As `predict`, and for an outcome or a benchmark that the table does not hold.
    """
    loaded = load_mapping(mapping)
    if not loaded.mapping.outcome:
        raise InputError([loaded.document.problem(("outcome",), "nothing", "at least one table headed [[outcome]]")])
    read = read_table(table, loaded.mapping.delimiter)
    problems: list[Problem] = []
    steps = (people_of, observed_of, _check_benchmarks)
    found: list[Any] = []
    for step in steps:
        try:
            found.append(step(loaded, read))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    people, observed, _ = found
    call = _Call(replicates, 1 if seed is None else seed, *(how.pop(name, None) for name in ("out", "jobs")), **_given(how))
    prediction = _predict(loaded, read, people, call)
    order = np.array(sorted(range(len(people)), key=lambda row: people[row].id), dtype=np.int64)
    forecast = prediction.forecast.among(order)
    benchmarks = {benchmark.outcome: benchmark for benchmark in loaded.mapping.benchmark}
    ordered = read.chosen([int(row) for row in order])
    comparisons = []
    for name, seen in observed.items():
        columns = predictors_of(loaded.mapping, benchmarks[name], ordered) if name in benchmarks else None
        comparisons.append(compare(seen.among(order), forecast, columns, seed=call.seed, resamples=resamples))
    return _written(loaded, comparisons, prediction)


def _given(how: dict[str, Any]) -> dict[str, Any]:
    """Return the runner and the progress that were given, or the usual ones."""
    return {"runner": engine_runner, "progress": lambda _: None} | how


def _check_benchmarks(loaded: LoadedMapping, table: Table) -> None:
    """Refuse a table that lacks a column of a benchmark."""
    check_columns(loaded, table, [column for benchmark in loaded.mapping.benchmark for column in benchmark.columns])


def _written(loaded: LoadedMapping, comparisons: list[Comparison], prediction: Prediction) -> Scored:
    scores, calibration = score_table(comparisons), calibration_table(comparisons)
    title = f"Predictions and outcomes: {loaded.mapping.title or loaded.mapping.name}"
    write_file(prediction.folder / "scores.csv", scores.to_csv(index=False, lineterminator="\n").encode())
    write_file(prediction.folder / "calibration.csv", calibration.to_csv(index=False, lineterminator="\n").encode())
    write_file(prediction.folder / "scores.md", markdown(scores, title, NOTES).encode())
    return Scored(scores, calibration, tuple(comparisons), prediction)
