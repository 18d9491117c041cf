"""The three tasks: what a score decides, what it states, and in which unit."""

import numpy as np
import pytest

from judging import TASKS
from mlops.task import decide, gap_words, score_columns, spread, stated

CLASSES = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]])
NUMBERS = np.array([-1.5, 0.0, 200.0])


def test_a_binary_score_on_the_threshold_is_positive():
    """The decision is whether the score is at or above the threshold."""
    assert [False, True, True] == decide("binary", np.array([0.29, 0.3, 0.9]), 0.3).tolist()


def test_the_likeliest_class_is_the_decision():
    """The place of the largest probability, of the first where two are equal; the threshold means nothing."""
    assert [0, 2, 0] == decide("multiclass", CLASSES, 0.3).tolist()
    assert [0, 2, 0] == decide("multiclass", CLASSES, float("nan")).tolist()


def test_a_predicted_number_is_its_own_decision():
    """The score as it is."""
    assert NUMBERS.tolist() == decide("regression", NUMBERS, 0.3).tolist()


@pytest.mark.parametrize(("task", "score"), [("binary", np.array([0.2, 0.9, 0.4])), ("regression", NUMBERS)])
def test_a_score_is_held_against_the_target(task, score):
    """A probability against 0 or 1, a number against a number."""
    said, seen = stated(task, np.array([0, 1, 1], dtype="int8"), score)
    assert (score.tolist(), [0.0, 1.0, 1.0]) == (said.tolist(), seen.tolist())
    assert float == seen.dtype


def test_how_sure_a_decision_is_is_held_against_whether_it_is_right():
    """Of several classes: the largest probability, and 1 where its class is what happened."""
    said, seen = stated("multiclass", np.array([0, 1, 0]), CLASSES)
    assert ([0.5, 0.8, 0.4], [1.0, 0.0, 1.0]) == (said.tolist(), seen.tolist())


def test_limits_of_numbers_are_in_standard_deviations():
    """Probabilities are their own unit, numbers are measured by how far the target spreads."""
    target = np.array([0, 1, 2, 1])
    assert [1.0, 1.0, float(np.std(target))] == [spread(task, target) for task in TASKS]


def test_scores_are_kept_in_a_column_a_class():
    """One column a class, else one column."""
    assert ["score_low", "score_high"] == score_columns(("low", "high"))
    assert ["score"] == score_columns(())


def test_a_gap_is_called_by_what_it_is_of():
    """The same words in every gate, with the unit where it is not a share."""
    assert [
        "mean score less observed rate",
        "mean score of the decision less share that is right",
        "mean prediction less mean target (in standard deviations of the target)",
    ] == [gap_words(task) for task in TASKS]
