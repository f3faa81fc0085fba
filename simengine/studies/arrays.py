"""Saved runs as labelled arrays of xarray: outcomes over runs, courses over runs and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

__all__ = ["to_xarray"]

KEYS = ("point", "arm", "patient", "replicate", "status", "reason")
TIME = "time_h"


def to_xarray(table: DataFrame, manifest: Mapping[str, Any], courses: Mapping[str, Any]) -> Dataset:
    """Return runs as arrays.

    Parameters
    ----------
    table
        One row a run.
    manifest
        Says what outcomes are called and measured in.
    courses
        By name, `time_h` among them, an array for each run or None where a run has no such course.

    Returns
    -------
    Dataset
        Dimension `run` with the keys and swept paths as coordinates, outcomes along it; dimension `time_h` with all hours at
        which any run was recorded, and `course.NAME` over (run, time_h), NaN where a run was not recorded then, or at
        all. Units and titles are attributes of the arrays.

    Raises
    ------
    ImportError
        If xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'celltherapy-simengine[xarray]'") from error
    described = {"outcomes": manifest.get("outcomes") or {}, "courses": manifest.get("courses") or {}}
    coordinates: dict[str, Any] = {name: ("run", table[name].to_numpy()) for name in (*KEYS, *table.attrs.get("swept", ()))}
    outcomes = {
        name: ("run", table[name].to_numpy(), _about(described["outcomes"].get(name)))
        for name in table.columns
        if name not in coordinates
    }
    hours = courses[TIME]
    axis = np.unique(np.concatenate([series for series in hours if series is not None] or [np.empty(0)]))
    coordinates |= {"run": np.arange(len(table)), TIME: (TIME, axis, {"units": "h"})}
    series = {
        f"course.{name}": (("run", TIME), _on_axis(hours, values, axis), _about(described["courses"].get(name)))
        for name, values in courses.items()
        if name != TIME
    }
    told = ("name", "title", "seed", "study_hash", "package_version", "model_version", "disclaimer")
    return xr.Dataset({**outcomes, **series}, coordinates, {name: manifest[name] for name in told if name in manifest})


def _on_axis(hours: Any, values: Any, axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the course of each run at the hours of an axis, float64[R, S]; NaN where it was not recorded."""
    found = np.full((len(values), axis.size), np.nan)
    for row, (when, course) in enumerate(zip(hours, values)):
        if when is not None and course is not None:
            found[row, np.searchsorted(axis, when)] = course
    return found


def _about(entry: Mapping[str, str] | None) -> dict[str, str]:
    return {} if entry is None else {"long_name": entry["title"], "units": entry["unit"], "description": entry["description"]}
