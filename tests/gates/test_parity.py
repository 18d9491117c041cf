"""Gate parity: the served model says what the fitted pipeline says."""

from math import nan

import pytest

from judging import TASKS, holding, said
from mlops.gates import parity

SEEN = {"max_difference": 3.2e-7, "decisions_changed": 0, "rows": 2000}


def judged(seen: dict | None) -> list[str]:
    return [gate.status for gate in said(parity, metrics=holding().metrics | {"parity": seen})]


def test_accepts_a_difference_of_float32():
    """A difference of 3e-7 passes, and is shown as it is."""
    assert ["pass", "pass"] == judged(SEEN)
    assert 3.2e-7 == said(parity)[0].observed


@pytest.mark.parametrize("difference", [1.04e-5, 0.25, None, nan])
def test_refuses_scores_that_differ(difference):
    """A difference above `gates.parity` fails, and so does one that is no number."""
    assert ["fail", "pass"] == judged(SEEN | {"max_difference": difference})


@pytest.mark.parametrize("changed", [1, None, nan])
def test_refuses_decisions_that_differ(changed):
    """One decision that differs fails, however close the scores are."""
    assert ["pass", "fail"] == judged(SEEN | {"decisions_changed": changed})


@pytest.mark.parametrize("seen", [None, {}, SEEN | {"rows": 0}, {"rows": 2000}])
def test_refuses_a_comparison_that_was_not_made(seen):
    """No parity in metrics.json, or one over no rows, fails both."""
    assert ["fail", "fail"] == judged(seen)


@pytest.mark.parametrize("task", TASKS)
def test_says_the_unit_of_numbers(task):
    """Differences of predicted numbers are in their standard deviations; probabilities need no unit."""
    message = said(parity, holding(task))[0].message
    assert (task == "regression") == ("(in standard deviations of the predictions)" in message)
