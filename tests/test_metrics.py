"""The metrics table: values, edge cases and refusals."""

import math

import numpy as np
import pandas as pd
import pytest

from mlops.errors import CannotRun
from mlops.metrics import METRICS, evaluate, named

TARGET = np.array([0, 0, 1, 1])
SCORE = np.array([0.1, 0.4, 0.35, 0.8])


def test_evaluate_gives_every_metric_of_the_table():
    """The five metrics come with their values on four rows, worked out by hand."""
    expected = {
        "roc_auc": 3 / 4,
        "average_precision": (1 + 2 / 3) / 2,
        "log_loss": -math.log(0.9 * 0.6 * 0.35 * 0.8) / 4,
        "brier": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
        "f1": 4 / 5,
    }
    assert pytest.approx(expected) == evaluate(TARGET, SCORE, 0.35)


def test_a_score_on_the_threshold_is_positive():
    """f1 counts a score equal to the threshold as a positive decision."""
    assert evaluate(TARGET, np.array([0.1, 0.2, 0.5, 0.5]), 0.5)["f1"] == 1.0


@pytest.mark.parametrize(
    "form", [list, pd.Series, lambda target: target.astype(bool), lambda target: target.astype(float)]
)
def test_evaluate_accepts_a_target_in_any_form(form):
    """Lists, series, booleans and floats of 0 and 1 give the same values."""
    assert evaluate(TARGET, SCORE, 0.5) == evaluate(form(TARGET), form(SCORE) if form is list else SCORE, 0.5)


@pytest.mark.parametrize("target", [0, 1])
def test_one_class_alone_gives_nan_where_both_are_needed(target):
    """With one class the rank and decision metrics are NaN; the means over rows are still numbers."""
    values = evaluate(np.full(4, target), SCORE, 0.5)
    assert {"roc_auc", "average_precision", "f1"} == {name for name, value in values.items() if math.isnan(value)}


def test_log_loss_of_a_sure_and_wrong_score_is_finite():
    """Scores of exactly 0 and 1 are clipped, so that one row doesn't make the mean infinite."""
    assert math.isfinite(evaluate(TARGET, np.array([0.0, 1.0, 0.0, 1.0]), 0.5)["log_loss"])


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.needs == "rows"])
def test_a_mean_over_rows_is_the_metric(name):
    """The mean of a row metric's values a row is the value that scikit-learn gives."""
    random = np.random.default_rng(0)
    target, score = random.integers(2, size=500), random.random(500).round(1)
    assert pytest.approx(METRICS[name].per_row(target, score).mean(), abs=1e-12) == evaluate(target, score, 0.5)[name]


def test_the_owners_metric_is_the_mean_of_its_rows():
    """A metric of the owner's hook is taken as a mean and is better when higher."""
    values = evaluate(TARGET, SCORE, 0.5, {"profit": [1, 2, 3, 6]}, metrics=["profit"])
    assert values == {"profit": 3.0}
    assert named("profit").sign == 1


def test_lower_is_better_for_losses_alone():
    """The table says which way each metric is better."""
    assert [name for name, metric in METRICS.items() if metric.sign < 0] == ["log_loss", "brier"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": []}, "at least one row"),
        ({"target": [0, 1, 2, 3]}, "2 of 4 target values are neither 0 nor 1"),
        ({"target": ["no", "no", "yes", "yes"]}, "4 of 4 target values"),
        ({"score": [0.1, np.nan, np.nan, 0.8]}, "2 of 4 values of score are NaN"),
        ({"score": [0.1, 0.2, 0.3]}, r"score has shape \(3,\) but the target has 4 rows"),
        ({"score": [0.1, 0.2, 0.3, 1.5]}, "1 of 4 scores are outside 0 to 1"),
        ({"score": ["a", "b", "c", "d"]}, "score holds values that are no numbers"),
        ({"threshold": float("nan")}, "the threshold is nan"),
        ({"threshold": None}, "the threshold is None"),
        ({"extra": {"profit": [1, 2]}}, r"`profit` of src/model/metrics.py has shape \(2,\)"),
        ({"extra": {"profit": [1, 2, 3, None]}}, "1 of 4 values of `profit` of src/model/metrics.py are NaN"),
        ({"extra": {"f1": [1, 2, 3, 4]}}, "a name of the built-in metrics"),
        ({"metrics": ["auc"]}, "metric `auc` is not known: choose from roc_auc"),
    ],
)
def test_evaluate_refuses(changes, message):
    """What cannot be scored is refused with the count or the name of what is wrong."""
    arguments = {"target": TARGET, "score": SCORE, "threshold": 0.5} | changes
    with pytest.raises(CannotRun, match=message):
        evaluate(**arguments)
