"""What is asked: scenario files, read, checked, resolved and hashed.

Example
-------
>>> from simengine import scenario
>>> study = scenario.loads('name = "control"')
>>> study.points[0].scenario.run.duration_days
30.0
"""

from __future__ import annotations

from simengine.scenario.canonical import Change
from simengine.scenario.dump import difference, dump
from simengine.scenario.expand import Point
from simengine.scenario.inherit import scenarios_folder
from simengine.scenario.limits import Estimate, estimate
from simengine.scenario.model import SCHEMA_VERSION, Scenario
from simengine.scenario.overrides import parse_override
from simengine.scenario.schema import json_schema
from simengine.scenario.study import Study, check_files, find_scenario, load, loads

__all__ = [
    "SCHEMA_VERSION",
    "Change",
    "Estimate",
    "Point",
    "Scenario",
    "Study",
    "check_files",
    "difference",
    "dump",
    "estimate",
    "find_scenario",
    "json_schema",
    "load",
    "loads",
    "parse_override",
    "scenarios_folder",
]
