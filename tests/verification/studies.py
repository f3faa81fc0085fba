"""Twelve small studies of all kinds, whose results must be the same bits however they are computed.

As a program, ``python -m tests.verification.studies FOLDER``, it does all of them and prints names, rows and hashes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

import simengine
from simengine.results import Results
from simengine.scenario import Study, loads
from simengine.studies import parts
from simengine.studies.design import Key

SMALL = {"replicates": 1, "patch.shape": [6, 6, 2]}

PACKAGED: dict[str, dict[str, Any]] = {
    "heart_infarct_demo": {**SMALL, "run.duration_days": 1.0, "output.snapshot_days": [0.5, 1.0], "output.events": True},
    "heart_infarct_population": {**SMALL, "run.duration_days": 1.0, "patients": 3},
    "intravenous_biodistribution": {"replicates": 2, "run.duration_days": 1.0},
    "perianal_fistula": {**SMALL, "run.duration_days": 3.0, "replicates": 2},
    "striatum_dopaminergic": {**SMALL, "run.duration_days": 4.0},
    "ectopic_pluripotent": {**SMALL, "run.duration_days": 1.0, "output.snapshot_days": [1.0]},
    "drugs_xenograft": {**SMALL, "run.duration_days": 1.0, "output.snapshot_days": []},
    "second_dose": {**SMALL, "run.duration_days": 1.5, "delivery.1.day": 0.75},
    "transplant_donor_choice": {"replicates": 3, "run.duration_days": 60.0, "output.courses": True},
    "transplant_prophylaxis_trial": {"patients": 3, "run.duration_days": 60.0},
}
"""Studies that are packaged, cut short."""

UNCERTAIN = """
name = "uncertain"
seed = 21
patients = 3
replicates = 2
patient.vary = "per_patient"
uncertainty.knowledge = "per_draw"
uncertainty.draws = 2
[population]
name = "older_after_infarction"
[run]
duration_days = 1.0
[patch]
shape = [6, 6, 1]
[[delivery]]
route = "intramyocardial"
dose_cells_per_kg = 200_000
n_sites = 1
volume_ml_per_site = 0.1
"""
"""A population, and knowledge that is drawn."""

SAMPLED = """
name = "sampled"
seed = 22
[run]
duration_days = 1.0
[patch]
shape = [6, 6, 1]
[[delivery]]
route = "intracoronary"
dose_cells = 1e8
[sweep.latin_hypercube]
n = 6
[sweep.latin_hypercube.ranges]
"delivery.0.dose_cells" = { low = 1e6, high = 1e8, distribution = "loguniform" }
"patient.age_years" = { low = 40, high = 80 }
"donor.match" = { choices = ["8/8", "4/8", "0/8"] }
"""
"""Points spread over ranges."""


def twelve() -> dict[str, Study]:
    """Return the studies by their names."""
    packaged = {name: simengine.load(name, changes) for name, changes in PACKAGED.items()}
    return packaged | {"uncertain": loads(UNCERTAIN), "sampled": loads(SAMPLED)}


def results_of(study: Study, folder: Path, **how: Any) -> Results:
    """Run a study into a folder of its name."""
    return simengine.sweep(study, out=folder / study.name, **how)


def exact_rows(folder: Path) -> dict[Key, dict[str, bytes]]:
    """Return what each run left in the parts of a folder, every column that it fills to the last bit, by address."""
    paths = sorted((folder / "parts").glob("*.parquet"))
    table = parts.read(paths, parts.columns(paths))
    return {key: exact_row(table.slice(i, 1)) for i, key in enumerate(parts.keys_of(table))}


def exact_row(row: pa.Table) -> dict[str, bytes]:
    """Return the columns of one run, as bytes."""
    columns = {name: row[name].combine_chunks() for name in row.column_names}
    return {name: parts.exact(column) for name, column in columns.items() if not column.null_count}


def main() -> None:
    """Do the studies in the order of their names or, with a third word, backwards."""
    studies = twelve()
    for name in sorted(studies, reverse=len(sys.argv) > 2):
        results = results_of(studies[name], Path(sys.argv[1]), jobs=2)
        assert set(results.table["status"]) == {"ok"}, name
        print(name, len(results.table), results.hash, flush=True)


if __name__ == "__main__":
    main()
