"""Gate calibration: a score of 0.2 means that two of ten happen."""

import numpy as np
import pytest

from judging import said, world
from mlops.gates import calibration


def judged(target, score):
    (gate,) = said(calibration, target=target, score=score)
    return gate


@pytest.mark.parametrize("rows", [500, 5000, 50_000])
def test_accepts_true_probabilities(rows):
    """A score that is the probability passes with few rows and with many."""
    assert "pass" == judged(*world(rows)).status


@pytest.mark.parametrize("shift", [-0.15, 0.15])
def test_refuses_scores_that_are_too_high_or_too_low(shift):
    """A score that is 0.15 off fails, and the message says which way."""
    target, score = world(5000)
    gate = judged(target, np.clip(score + shift, 0, 1))
    assert "fail" == gate.status
    assert f"mean score less observed rate {'+' if shift > 0 else '-'}0.1" in gate.message


def test_refuses_one_fifth_that_is_wrong():
    """Errors at both ends that cancel each other in the mean of all rows fail all the same."""
    target, score = world(20_000)
    assert "fail" == judged(target, 0.5 + (score - 0.5) * 0.4).status


def test_takes_off_what_may_be_chance():
    """What is seen beyond two standard errors counts, so a gap of 0.06 among 100 rows passes."""
    target = np.resize([0, 1], 500).astype("int8")
    gate = judged(target, np.full(500, 0.56))
    assert ("pass", 0.0) == (gate.status, gate.observed)
    assert "of which 0.060 may be chance" in gate.message


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_refuses_too_few_rows_for_fifths(rows):
    """Without a row in each fifth there is nothing to judge."""
    gate = judged(np.zeros(rows, "int8"), np.full(rows, 0.1))
    assert ("fail", f"Calibration is not a number: there are {rows} test rows") == (gate.status, gate.message)


def test_refuses_a_score_that_is_not_a_number():
    """One NaN among the scores fails."""
    target, score = world(500)
    score[7] = np.nan
    assert ("fail", None) == (judged(target, score).status, judged(target, score).observed)
