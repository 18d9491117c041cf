"""Gate floor: values that a model must have whatever main has."""

from math import nan

import pytest

from judging import holding, knobs, said
from mlops.gates import floor


def judged(floors: dict, **metrics):
    return said(floor, params=knobs({"floors": floors}), metrics=holding().metrics | {"metrics": metrics})


@pytest.mark.parametrize(
    ("name", "limit"),
    [("roc_auc", 0.8), ("brier", 0.2), ("recall_low", 0.6), ("rmse", 30), ("r2", -0.1), ("profit", -1)],
)
def test_accepts_a_value_on_its_floor(name, limit):
    """Equal to the limit is inside."""
    (gate,) = judged({name: limit}, **{name: limit})
    assert "pass" == gate.status


@pytest.mark.parametrize(
    ("name", "limit", "value"),
    [
        ("roc_auc", 0.8, 0.79),
        ("brier", 0.2, 0.21),
        ("recall_low", 0.6, 0.5),
        ("rmse", 30, 31),
        ("r2", -0.1, -0.2),
        ("profit", -1, -2),
    ],
)
def test_refuses_a_value_beyond_its_floor(name, limit, value):
    """Less than the floor fails; for losses and errors, more than the ceiling."""
    (gate,) = judged({name: limit}, **{name: value})
    assert ("fail", value) == (gate.status, gate.observed)


@pytest.mark.parametrize("value", [None, nan])
def test_refuses_a_value_that_is_not_a_number(value):
    """null in metrics.json, or NaN, is below every floor."""
    (gate,) = judged({"roc_auc": 0.1}, roc_auc=value)
    assert ("fail", None) == (gate.status, gate.observed)


def test_refuses_a_metric_that_was_not_measured():
    """A misspelt floor fails, with the place of the mistake."""
    (gate,) = judged({"auc": 0.7}, roc_auc=0.9)
    assert "fail" == gate.status
    assert "metric 'auc' was not measured: correct `gates.floors` in params.yaml" in gate.message


def test_no_floor_is_neutral():
    """Where params name no floor that is said, and is no pass."""
    (gate,) = judged({}, roc_auc=0.9)
    assert "neutral" == gate.status
