"""Cohorts of real patients: predict every row of a table, and compare the predictions with what happened.

Example
-------
>>> from simengine import cohorts
>>> scored = cohorts.score("patients.csv", "patients.toml", replicates=50)       # doctest: +SKIP
>>> scored.table.query("score == 'concordance'")                                # doctest: +SKIP
"""

from __future__ import annotations

from simengine.cohorts.door import Prediction, Scored, predict, score
from simengine.cohorts.mapping_files import LoadedMapping, load_mapping, loads_mapping

__all__ = ["LoadedMapping", "Prediction", "Scored", "load_mapping", "loads_mapping", "predict", "score"]
