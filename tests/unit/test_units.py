"""Units: every symbol against its SI definition, dimensions, and what the suffix of a key means."""

from __future__ import annotations

import math

import pytest

from simengine.foundation.units import UnknownUnit, convert, measures, parse_unit, unit_of_key, unit_symbols

IN_SI = {
    "s": (1.0, "s"),
    "min": (60.0, "s"),
    "h": (3600.0, "s"),
    "day": (86400.0, "s"),
    "days": (86400.0, "s"),
    "week": (604800.0, "s"),
    "weeks": (604800.0, "s"),
    "year": (31557600.0, "s"),
    "years": (31557600.0, "s"),
    "nm": (1e-9, "m"),
    "um": (1e-6, "m"),
    "mm": (1e-3, "m"),
    "cm": (1e-2, "m"),
    "m": (1.0, "m"),
    "fg": (1e-18, "kg"),
    "pg": (1e-15, "kg"),
    "ng": (1e-12, "kg"),
    "ug": (1e-9, "kg"),
    "mg": (1e-6, "kg"),
    "g": (1e-3, "kg"),
    "kg": (1.0, "kg"),
    "fmol": (1e-15, "mol"),
    "pmol": (1e-12, "mol"),
    "nmol": (1e-9, "mol"),
    "umol": (1e-6, "mol"),
    "mmol": (1e-3, "mol"),
    "mol": (1.0, "mol"),
    "Pa": (1.0, "Pa"),
    "kPa": (1e3, "Pa"),
    "mmHg": (133.322387415, "Pa"),
    "L": (1e-3, "m^3"),
    "dL": (1e-4, "m^3"),
    "mL": (1e-6, "m^3"),
    "uL": (1e-9, "m^3"),
    "nL": (1e-12, "m^3"),
    "pL": (1e-15, "m^3"),
    "M": (1e3, "mol/m^3"),
    "mM": (1.0, "mol/m^3"),
    "uM": (1e-3, "mol/m^3"),
    "nM": (1e-6, "mol/m^3"),
    "pM": (1e-9, "mol/m^3"),
    "bpm": (1 / 60, "beats/s"),
    "B": (1.0, "B"),
    "kB": (1e3, "B"),
    "MB": (1e6, "B"),
    "GB": (1e9, "B"),
    "IU": (1.0, "IU"),
    "cell": (1.0, "cells"),
    "cells": (1.0, "cells"),
    "percent": (0.01, "1"),
    "points": (0.01, "1"),
    **dict.fromkeys(("fraction", "fold", "ratio", "count", "beats", "doublings", "divisions", "passages"), (1.0, "1")),
    "score": (1.0, "1"),
}
"""Each symbol in the coherent SI unit of its kind (SI brochure, 9th edition; mmHg from the density of mercury)."""


def test_every_symbol_has_its_size_in_si():
    assert set(IN_SI) == set(unit_symbols())
    wrong = {
        symbol: convert(1.0, symbol, si)
        for symbol, (size, si) in IN_SI.items()
        if not math.isclose(convert(1.0, symbol, si), size, rel_tol=1e-15)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (2.0, "day", "h", 48.0),
        (1.0, "ng/mL", "ug/L", 1.0),
        (1.0, "mL/min/kg", "L/h/kg", 0.06),
        (1.0, "um^2/s", "um2/min", 60.0),
        (1.0, "cells/uL", "cells/mm^3", 1.0),
        (5.0, "1/day", "1/h", 5.0 / 24.0),
        (1.0, "ng h/mL", "ug*min/L", 60.0),
        (40.0, "percent", "fraction", 0.4),
        (1.0, "1", "fraction", 1.0),
        (1.0, "mmHg^-1", "1/mmHg", 1.0),
    ],
)
def test_compound_units_convert(value, source, target, result):
    assert convert(value, source, target) == pytest.approx(result, rel=1e-15)


@pytest.mark.parametrize(
    ("source", "target"), [("h", "um"), ("ng/mL", "ng"), ("cells/kg", "kg/cells"), ("1/h", "h"), ("nM", "ng/mL")]
)
def test_units_of_different_things_do_not_convert(source, target):
    with pytest.raises(ValueError, match="measures"):
        convert(1.0, source, target)


@pytest.mark.parametrize("unit", ["", "furlong", "um^0", "h/", "//", "1 /", "um^2^2", "1/(mL h)", "hours", "µm", "UM", "ng/ml"])
def test_what_is_no_unit_is_refused(unit):
    with pytest.raises(UnknownUnit):
        parse_unit(unit)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("age_h", "h"),
        ("age_years", "years"),
        ("dose_cells_per_kg", "cells/kg"),
        ("kill_rate_per_h", "1/h"),
        ("target_trough_ng_per_ml", "ng/mL"),
        ("volume_ml_per_site", None),
        ("volume_ml", "mL"),
        ("clearance_ml_per_min_per_kg", "mL/min/kg"),
        ("secretion_pg_per_cell_per_day", "pg/cell/day"),
        ("diffusion_um2_per_s", "um2/s"),
        ("baseline_lvef_percent", "percent"),
        ("kinetics.half_life_h", "h"),
        ("viable_fraction", "fraction"),
        ("density_per_mm3", "1/mm3"),
        ("n_founders", None),
        ("h", None),
        ("immune_strength", None),
    ],
)
def test_the_suffix_of_a_key_states_its_unit(key, unit):
    assert unit_of_key(key) == unit
    assert unit is None or parse_unit(unit).name == unit


def test_the_same_number_means_the_same_in_units_that_are_spelt_differently():
    assert parse_unit("day").same_as(parse_unit("days"))
    assert parse_unit("um^2/min").same_as(parse_unit("um2/min"))
    assert parse_unit("1").same_as(parse_unit("fraction"))
    assert not parse_unit("percent").same_as(parse_unit("fraction"))
    assert not parse_unit("h").same_as(parse_unit("min"))


def test_dimensions_are_said_in_words():
    assert measures(parse_unit("mL/min")) == "length^3 time^-1"
    assert measures(parse_unit("percent")) == "a pure number"
