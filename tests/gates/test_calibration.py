"""Gate calibration: a score of 0.2 means that two of ten happen."""

import numpy as np
import pytest
from scipy.stats import binomtest

from judging import TASKS, WORLDS, holding, said, world
from mlops.gates import calibration


def judged(target, score, task: str = "binary"):
    (gate,) = said(calibration, holding(task), target=target, score=score)
    return gate


def surer(score: np.ndarray) -> np.ndarray:
    """The probabilities of several classes, each nearer to 0 or 1 than it should be."""
    return score**3 / (score**3).sum(axis=1, keepdims=True)


def separable(task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """30 rows whose classes are all but certain, or a count of which the mean is known."""
    random = np.random.default_rng(seed)
    if task == "multiclass":
        place = random.integers(3, size=30)
        return place, np.where(np.arange(3) == place[:, None], 0.9, 0.05)
    sure = np.where(random.random(30) < 0.5, 0.07, 0.93)
    return (sure > 0.5).astype("int8" if task == "binary" else float), sure


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("rows", [30, 500, 5000, 50_000])
def test_accepts_what_is_true(rows, task):
    """A score that is the probability, or the expected number, passes with few rows and with many."""
    assert "pass" == judged(*WORLDS[task](rows), task).status


@pytest.mark.parametrize("task", TASKS)
def test_seldom_refuses_what_is_true(task):
    """Of 200 true models of 100 rows at most 5 % fail."""
    states = [judged(*WORLDS[task](100, seed), task).status for seed in range(200)]
    assert states.count("fail") <= 10


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", range(10))
def test_accepts_a_few_rows_that_are_nearly_separable(seed, task):
    """Six rows of which all happen say little against 0.93: their interval is exact, not one of width 0."""
    assert "pass" == judged(*separable(task, seed), task).status


@pytest.mark.parametrize(
    ("task", "wrong"),
    [("binary", lambda score: score**3), ("multiclass", surer), ("regression", lambda score: 10 + 1.5 * (score - 10))],
)
def test_refuses_what_says_too_much(task, wrong):
    """A model that ranks as well and says too little or too much fails, and the message has what is meant."""
    target, score = WORLDS[task](5000)
    gate = judged(target, wrong(score), task)
    words = {
        "binary": "mean score less",
        "multiclass": "mean score of the decision less",
        "regression": "mean prediction",
    }
    assert "fail" == gate.status
    assert f" of 5: {words[task]} " in gate.message


def amounts(rows: int, seed: int, sigma: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Amounts with a few very large ones (lognormal), and the mean that each is drawn with."""
    random = np.random.default_rng(seed)
    truth = np.exp(0.3 * random.normal(size=rows))
    return truth * np.exp(sigma * random.normal(size=rows) - sigma**2 / 2), truth


@pytest.mark.parametrize("rows", [60, 100, 500])
def test_seldom_refuses_true_means_of_amounts_with_a_long_tail(rows):
    """Of 200 true models at most 5 % fail, though few fifths have one of the large amounts that make up the mean."""
    states = [judged(*amounts(rows, seed), "regression").status for seed in range(200)]
    assert states.count("fail") <= 10


def test_refuses_wrong_means_of_amounts_with_a_long_tail():
    """Half as much again as it should be is seen among 5,000 rows."""
    target, score = amounts(5000, 0)
    assert "fail" == judged(target, 1.5 * score, "regression").status


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_a_number_is_judged_in_its_own_spread(scale):
    """Grams or tonnes, and from wherever they are counted: the gap of a fifth in standard deviations is the same."""
    target, score = WORLDS["regression"](5000)
    shifted = judged(target * scale + 7, (score + 0.3) * scale + 7, "regression")
    assert ("fail", pytest.approx(judged(target, score + 0.3, "regression").observed, rel=1e-3)) == (
        shifted.status,
        shifted.observed,
    )


def test_accepts_a_target_that_does_not_vary():
    """Where every number is the same, a prediction that says so is calibrated, and any other is not."""
    assert "pass" == judged(np.full(100, 3.0), np.full(100, 3.0), "regression").status
    assert "fail" == judged(np.full(100, 3.0), np.full(100, 3.2), "regression").status


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
    """What is seen beyond the interval of the observed rate counts, so a gap of 0.06 among 100 rows passes."""
    target = np.resize([0, 1], 500).astype("int8")
    gate = judged(target, np.full(500, 0.56))
    assert ("pass", 0.0) == (gate.status, gate.observed)
    assert "+0.0600, of which 0.0600 may be chance and 0.0000 is not; 0.05 is allowed" in gate.message


def test_the_interval_of_a_rate_is_that_of_clopper_and_pearson():
    """The level is shared out among the fifths: 99 % each, of 20 rows of which none, some or all happened."""
    for hits in (0, 7, 20):
        expected = binomtest(hits, 20).proportion_ci(0.99, method="exact")
        target = np.resize(np.arange(20) < hits, 100).astype("int8")
        gate = judged(np.concatenate([np.sort(part) for part in np.split(target, 5)]), np.full(100, 0.999))
        assert pytest.approx(max(0.999 - expected.high, 0), abs=1e-5) == gate.observed


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_refuses_too_few_rows_for_fifths(rows):
    """Without a row in each fifth there is nothing to judge."""
    gate = judged(np.zeros(rows, "int8"), np.full(rows, 0.1))
    assert ("fail", f"Calibration is not a number: there are {rows} test rows") == (gate.status, gate.message)


@pytest.mark.parametrize("task", TASKS)
def test_refuses_a_score_that_is_not_a_number(task):
    """One NaN among the scores fails."""
    target, score = WORLDS[task](500)
    score[7] = np.nan
    gate = judged(target, score, task)
    assert ("fail", None) == (gate.status, gate.observed)
