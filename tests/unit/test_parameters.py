"""Parameters: no number without unit, range, distribution, source and grade."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from simengine.foundation.parameters import Parameter, parameter_faults

SOUND = {
    "value": 20.0,
    "unit": "um",
    "low": 15.0,
    "high": 24.0,
    "distribution": "normal",
    "source": "a measured distribution",
    "grade": "measured",
}


def faulty_fields(**changes):
    """Return the fields that are faulty when a sound parameter is changed; None removes a field."""
    table = {name: value for name, value in {**SOUND, **changes}.items() if value is not None}
    return [fault.field for fault in parameter_faults(table)]


def test_a_sound_table_is_a_parameter():
    assert faulty_fields() == []
    parameter = Parameter.from_table({**SOUND, "value": 20, "note": "at passage 4"})
    assert parameter == Parameter(20.0, "um", 15.0, 24.0, "normal", "a measured distribution", "measured", "at passage 4")
    assert isinstance(parameter.value, float)
    assert not parameter.log_scale
    assert pickle.loads(pickle.dumps(parameter)) == parameter


@pytest.mark.parametrize("field", list(SOUND))
def test_each_field_is_needed(field):
    assert faulty_fields(**{field: None}) == [field]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"value": "20"}, ["value"]),
        ({"value": True}, ["value"]),
        ({"value": float("nan")}, ["value"]),
        ({"high": float("inf")}, ["high"]),
        ({"low": 21.0}, ["low"]),
        ({"high": 19.0}, ["high"]),
        ({"low": 25.0, "high": 10.0}, ["low", "high"]),
        ({"low": 0.0, "distribution": "lognormal"}, ["low"]),
        ({"low": -1.0, "distribution": "loguniform"}, ["low"]),
        ({"low": 0.0, "distribution": "uniform"}, []),
        ({"low": 20.0, "high": 20.0, "distribution": "fixed"}, []),
        ({"distribution": "gaussian"}, ["distribution"]),
        ({"grade": "guessed"}, ["grade"]),
        ({"grade": ["measured"]}, ["grade"]),
        ({"unit": "parsec"}, ["unit"]),
        ({"unit": ""}, ["unit"]),
        ({"unit": 3}, ["unit"]),
        ({"source": ""}, ["source"]),
        ({"source": "   "}, ["source"]),
        ({"note": 3}, ["note"]),
        ({"error": 0.1}, ["error"]),
        ({"value": "x", "unit": "y", "grade": "z"}, ["value", "unit", "grade"]),
    ],
)
def test_every_fault_is_found(changes, fields):
    assert faulty_fields(**changes) == fields


def test_a_parameter_made_by_hand_is_checked_too():
    with pytest.raises(ValueError, match=r"low: got 30\.0, expected at most the value"):
        Parameter(20.0, "um", 30.0, 40.0, "normal", "source", "measured")
    with pytest.raises(ValueError, match="source"):
        Parameter(20.0, "um", 15.0, 24.0, "normal", "", "assumed")


def test_a_parameter_cannot_be_changed():
    parameter = Parameter.from_table(SOUND)
    with pytest.raises(dataclasses.FrozenInstanceError):
        parameter.value = 3.0
