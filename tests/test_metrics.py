"""The metrics table: values, edge cases and refusals."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from judging import CLASSES, TASKS, WORLDS, blurred
from mlops import metrics
from mlops.errors import CannotRun
from mlops.metrics import METRICS, PRIMARY, Scores, evaluate, named

TARGET = np.array([0, 0, 1, 1])
SCORE = np.array([0.1, 0.4, 0.35, 0.8])
PLACES = np.array([0, 1, 2, 1])
SHARES = np.array([[0.6, 0.3, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3]])
PRICES = np.array([1.0, 2.0, 3.0, 6.0])
GUESSES = np.array([2.0, 2.0, 1.0, 6.0])


def of_classes(score=SHARES, **others) -> Scores:
    return Scores(np.asarray(score), task="multiclass", classes=CLASSES, **others)


def of_numbers(score=GUESSES, **others) -> Scores:
    return Scores(score, task="regression", **others)


def answers(task: str, rows: int = 500) -> tuple[np.ndarray, Scores]:
    """What happened, and what a fair model with an owner's metric said of it."""
    target, truth = WORLDS[task](rows)
    classes = CLASSES if task == "multiclass" else ()
    return target, Scores(blurred(truth, 1, 0.5), 0.4, {"gain": np.arange(rows) / 7}, task, classes)


def test_evaluate_gives_every_metric_of_two_classes():
    """The five metrics come with their values on four rows, worked out by hand."""
    expected = {
        "roc_auc": 3 / 4,
        "average_precision": (1 + 2 / 3) / 2,
        "log_loss": -math.log(0.9 * 0.6 * 0.35 * 0.8) / 4,
        "brier": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
        "f1": 4 / 5,
    }
    assert pytest.approx(expected) == evaluate(TARGET, Scores(SCORE, 0.35))


def test_evaluate_gives_every_metric_of_several_classes():
    """Decided are low, low, high and middle: one of the two middle rows is missed."""
    expected = {
        "macro_f1": (2 / 3 + 2 / 3 + 1) / 3,
        "accuracy": 3 / 4,
        "log_loss": -math.log(0.6 * 0.25 * 0.8 * 0.5) / 4,
        "recall_low": 1.0,
        "recall_middle": 1 / 2,
        "recall_high": 1.0,
    }
    assert pytest.approx(expected) == evaluate(PLACES, of_classes())


def test_evaluate_gives_every_metric_of_a_number():
    """Errors of 1, 0, 2 and 0 where the target spreads by 14 around its mean of 3."""
    expected = {"rmse": math.sqrt(5 / 4), "mae": 3 / 4, "r2": 1 - 5 / 14}
    assert pytest.approx(expected) == evaluate(PRICES, of_numbers())


@pytest.mark.parametrize("task", TASKS)
def test_both_forms_of_a_metric_agree(task):
    """The sums of a metric's columns over all rows combine to the value that scikit-learn gives."""
    target, said = metrics.checked(*answers(task))
    values = evaluate(target, said)
    summed = {name: each for name, each in metrics.of(said).items() if not each.ranks}
    found = {name: float(each.combine(np.sum(each.columns(target, said), axis=1))) for name, each in summed.items()}
    assert pytest.approx({name: values[name] for name in summed}, rel=1e-12) == found
    assert set(values) - set(summed) == ({"roc_auc", "average_precision"} if task == "binary" else set())


def test_a_score_on_the_threshold_is_positive():
    """f1 counts a score equal to the threshold as a positive decision."""
    assert evaluate(TARGET, Scores(np.array([0.1, 0.2, 0.5, 0.5]), 0.5))["f1"] == 1.0


@pytest.mark.parametrize(
    "form", [list, pd.Series, lambda target: target.astype(bool), lambda target: target.astype(float)]
)
def test_evaluate_accepts_a_target_in_any_form(form):
    """Lists, series, booleans and floats of 0 and 1 give the same values."""
    score = form(SCORE) if form is list else SCORE
    assert evaluate(TARGET, Scores(SCORE)) == evaluate(form(TARGET), Scores(score))


@pytest.mark.parametrize("target", [0, 1])
def test_one_class_alone_gives_nan_where_both_are_needed(target):
    """With one class the rank and decision metrics are NaN; the means over rows are still numbers."""
    values = evaluate(np.full(4, target), Scores(SCORE))
    assert {"roc_auc", "average_precision", "f1"} == {name for name, value in values.items() if math.isnan(value)}


def test_a_class_without_rows_has_no_recall():
    """Its recall is NaN, and macro F1 counts it where it was decided for, as scikit-learn does."""
    values = evaluate([0, 0, 2, 2], of_classes())
    assert ["recall_middle"] == [name for name, value in values.items() if math.isnan(value)]
    assert pytest.approx((1 + 2 / 3 + 0) / 3) == values["macro_f1"]


def test_a_target_that_does_not_vary_has_no_r2():
    """No share of nothing is explained; the errors are still numbers."""
    values = evaluate(np.full(4, 0.1), of_numbers())
    assert ["r2"] == [name for name, value in values.items() if math.isnan(value)]


def test_a_resample_whose_target_does_not_vary_has_no_r2():
    """What rounding leaves of a spread of 0 is no spread: else one resample would have an R² of -1e15."""
    target = np.where(np.arange(1000) < 3, 7.3, 0.1)
    target, said = metrics.checked(target, of_numbers(np.full(1000, 0.2)))
    drawn = np.stack(METRICS["r2"].columns(target, said), axis=1)[3:].sum(axis=0)
    assert math.isnan(METRICS["r2"].combine(drawn))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (TARGET, Scores(np.array([0.0, 1.0, 0.0, 1.0]))),
        (PLACES, of_classes([[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]])),
    ],
    ids=["binary", "multiclass"],
)
def test_log_loss_of_a_sure_and_wrong_score_is_finite(target, said):
    """Scores of exactly 0 and 1 are clipped as scikit-learn does, so that one row doesn't make the mean infinite."""
    loss = metrics.of(said)["log_loss"]
    summed = float(loss.combine(np.sum(loss.columns(target, said), axis=1)))
    assert pytest.approx(evaluate(target, said)["log_loss"], rel=1e-12) == summed < math.inf


def test_probabilities_of_float32_make_no_warning():
    """Those of a served model add up to 1 within float32, which is as good as 1."""
    target, truth = WORLDS["multiclass"](500)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = evaluate(target, of_classes(truth.astype(np.float32)))
    assert pytest.approx(evaluate(target, of_classes(truth)), abs=1e-6) == found


def test_the_owners_metric_is_the_mean_of_its_rows():
    """A metric of the owner's hook is taken as a mean and is better when higher."""
    assert {"profit": 3.0} == evaluate(TARGET, Scores(SCORE, extra={"profit": [1, 2, 3, 6]}), metrics=["profit"])
    assert named("profit").sign == 1


def test_lower_is_better_for_losses_and_errors_alone():
    """The table says which way each metric is better."""
    lower = {name for name, metric in METRICS.items() if metric.sign < 0}
    assert {"log_loss", "brier", "rmse", "mae"} == lower


def test_the_recall_of_a_class_is_named_after_it():
    """A gate that knows no classes knows its title and which way is better."""
    assert ("Recall of low", 1) == (named("recall_low").title, named("recall_low").sign)
    assert metrics.of(of_classes())["recall_high"].title == "Recall of high"


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_first_metric_that_is_always_a_number(task):
    """Groups are ordered by it."""
    assert PRIMARY[task] in evaluate(*answers(task))
    assert {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[task] == PRIMARY[task]


@pytest.mark.parametrize("task", TASKS)
def test_some_rows_of_scores_are_scores(task):
    """Score, decision and the owner's rows are taken together; task, threshold and classes stay."""
    _, said = answers(task)
    part = said.at(np.array([5, 2]))
    assert said.score[[5, 2]].tolist() == part.score.tolist()
    assert (said.decision[[5, 2]].tolist(), said.extra["gain"][[5, 2]].tolist()) == (
        part.decision.tolist(),
        part.extra["gain"].tolist(),
    )
    assert (said.task, said.threshold, said.classes) == (part.task, part.threshold, part.classes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": []}, "at least one row"),
        ({"target": [0, 1, 2, 3]}, "2 of 4 target values are neither 0 nor 1"),
        ({"target": ["no", "no", "yes", "yes"]}, "4 of 4 target values"),
        ({"score": [0.1, np.nan, np.nan, 0.8]}, "2 of 4 values of score are NaN"),
        ({"score": [0.1, 0.2, 0.3]}, r"score has shape \(3,\) but the target has 4 rows: give one value a row"),
        ({"score": [0.1, 0.2, 0.3, 1.5]}, "1 of 4 scores are outside 0 to 1"),
        ({"score": ["a", "b", "c", "d"]}, "score holds values that are no numbers"),
        ({"threshold": float("nan")}, "the threshold is nan"),
        ({"threshold": None}, "the threshold is None"),
        ({"extra": {"profit": [1, 2]}}, r"`profit` of src/model/metrics.py has shape \(2,\)"),
        ({"extra": {"profit": [1, 2, 3, None]}}, "1 of 4 values of `profit` of src/model/metrics.py are NaN"),
        ({"extra": {"f1": [1, 2, 3, 4]}}, "a name of the built-in metrics"),
        ({"extra": {"rmse": [1, 2, 3, 4]}}, "a name of the built-in metrics"),
        ({"extra": {"recall_low": [1, 2, 3, 4]}}, "a name of the built-in metrics"),
        ({"metrics": ["auc"]}, "metric `auc` is not known for task binary: choose from roc_auc"),
        ({"metrics": ["rmse"]}, "metric `rmse` is not known for task binary: choose from roc_auc"),
    ],
)
def test_evaluate_refuses(changes, message):
    """What cannot be scored is refused with the count or the name of what is wrong."""
    found = {"target": TARGET, "metrics": None, "score": SCORE, "threshold": 0.5, "extra": {}} | changes
    with pytest.raises(CannotRun, match=message):
        evaluate(found.pop("target"), metrics=found.pop("metrics"), said=Scores(**found))


@pytest.mark.parametrize(
    ("target", "score", "message"),
    [
        ([0, 1, 3, -1], SHARES, "2 of 4 target values are no place of the 3 classes"),
        (["low", "low", "high", "low"], SHARES, "4 of 4 target values are no place of the 3 classes"),
        (PLACES, SHARES[:, 0], r"score has shape \(4,\) but the target has 4 rows: give 3 values, one a class, a row"),
        (PLACES, SHARES[:, :2], r"score has shape \(4, 2\)"),
        (PLACES, SHARES * 2, "2 of 12 scores are outside 0 to 1"),
        (PLACES, np.ones((4, 3)), "4 of 4 rows have scores that do not add up to 1"),
    ],
)
def test_evaluate_refuses_what_is_of_no_class(target, score, message):
    """Unknown classes, a score too few or too many, and scores that are no probabilities."""
    with pytest.raises(CannotRun, match=message):
        evaluate(target, of_classes(score))


@pytest.mark.parametrize(
    ("target", "score", "message"),
    [
        ([1, 2, None, 4], GUESSES, "1 of 4 values of the target are NaN"),
        (["a", "b", "c", "d"], GUESSES, "the target holds values that are no numbers"),
        (PRICES, [1, 2, 3, math.inf], "1 of 4 values of score are NaN or infinite"),
    ],
)
def test_evaluate_refuses_what_is_no_number(target, score, message):
    """A target or a prediction that is missing or a word."""
    with pytest.raises(CannotRun, match=message):
        evaluate(target, of_numbers(score))


def test_numbers_may_lie_anywhere():
    """A prediction outside 0 to 1 is one, and without a threshold."""
    assert 0.0 == evaluate(PRICES - 1e6, of_numbers(PRICES - 1e6, threshold=None))["rmse"]


def test_rounded_keeps_six_digits_and_no_nan():
    """What is not a number is null in metrics.json."""
    assert {"f1": 0.123457, "r2": None} == metrics.rounded({"f1": 0.12345678, "r2": math.nan})
