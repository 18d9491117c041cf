"""Columns that know the answer are found, and those that only help are not."""

import numpy as np
import pandas as pd
import pytest

from mlops.adopt.suspects import suspects, unseen

RNG = np.random.default_rng(0)
ROWS = 900
NOISE = RNG.normal(size=ROWS)
CLASSES = RNG.permutation(np.arange(ROWS) % 3)


def found(columns: dict, target, task: str) -> list[str]:
    """The names of the suspects among these columns."""
    return list(suspects(pd.DataFrame(columns), list(columns), np.asarray(target), task))


@pytest.mark.parametrize(
    ("task", "target", "leak", "help_"),
    [
        ("binary", (NOISE > 0).astype(int), NOISE * 3 + 1, NOISE + RNG.normal(size=ROWS)),
        ("binary", (NOISE > 0).astype(int), np.where(NOISE > 0, "paid", "open"), np.where(NOISE > 1, "a", "b")),
        ("binary", (NOISE > 0).astype(int), np.where(NOISE > 0, 5.0, np.nan), np.where(NOISE > 1, 5.0, np.nan)),
        ("binary", (NOISE > 0).astype(int), NOISE > 0, NOISE > 1),
        ("multiclass", CLASSES, np.array(["x", "y", "z"])[CLASSES], np.array(["x", "y", "y"])[CLASSES]),
        ("multiclass", CLASSES, CLASSES * 10, CLASSES + RNG.normal(size=ROWS)),
        ("regression", NOISE * 7, NOISE + 2, NOISE + RNG.normal(size=ROWS)),
    ],
    ids=["number", "words", "missing values", "booleans", "a word a class", "a number a class", "another unit"],
)
def test_a_column_that_alone_tells_the_target_is_a_suspect(task, target, leak, help_):
    """Whatever its type; one that only helps, and one of noise, are none."""
    assert ["leak"] == found({"leak": leak, "help": help_, "noise": RNG.normal(size=ROWS)}, target, task)


def test_a_rare_class_hides_no_suspect():
    """Two rows of it cannot be in three folds, so they are left out of the look."""
    target = np.where(np.arange(ROWS) < 2, 3, CLASSES)
    assert ["leak"] == found({"leak": target * 10, "noise": NOISE}, target, "multiclass")


def test_a_class_that_the_sample_lacks_hides_no_suspect():
    """The contract has four, the rows three of them."""
    assert ["leak"] == found({"leak": CLASSES * 10, "noise": NOISE}, np.array([0, 1, 3])[CLASSES], "multiclass")


def test_too_few_rows_of_a_value_make_no_suspect():
    """Two positives in all say nothing."""
    target = (np.arange(ROWS) < 2).astype(int)
    assert [] == found({"leak": target * 10.0}, target, "binary")


@pytest.mark.parametrize("rows", [3, 8])
def test_a_copy_of_a_rare_positive_is_a_suspect(rows):
    """Eight in 20,000, whether the sample has its classes one after the other or mixed; chance finds nothing else."""
    target = (np.arange(20_000) < rows).astype(int)
    columns = {
        "leak": target * 7.0,
        "word": np.where(target == 1, "paid", "open"),
        "noise": RNG.normal(size=20_000),
        "name": RNG.permutation(20_000).astype(str),
        "rare": RNG.random(20_000) < 0.001,
    }
    assert ["leak", "word"] == found(columns, target, "binary")
    mixed = RNG.permutation(20_000)
    assert ["leak", "word"] == found({name: each[mixed] for name, each in columns.items()}, target[mixed], "binary")


def test_a_class_that_was_not_looked_at_is_named():
    """Fewer than three rows of it; a number has no classes."""
    assert [] == unseen(np.repeat([0, 1], [900, 3]), "binary")
    assert [1] == unseen(np.repeat([0, 1], [900, 2]), "binary")
    assert [1] == unseen(np.zeros(900, int), "binary")
    assert [1, 3] == unseen(np.repeat([0, 1, 2, 3], [900, 1, 9, 2]), "multiclass")
    assert [] == unseen(NOISE, "regression")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_class_alone_makes_no_suspect(task):
    """There is nothing to tell apart, and no error."""
    assert [] == found({"leak": np.zeros(ROWS)}, np.zeros(ROWS, int), task)


def test_a_copy_of_a_hundred_classes_is_a_suspect():
    """A tree has leaves enough for each; noise is none."""
    target = RNG.permutation(np.arange(20_000) % 100)
    assert ["leak"] == found({"leak": target, "noise": RNG.normal(size=20_000)}, target, "multiclass")


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.0])
def test_a_copy_of_a_skewed_target_is_a_suspect(spread):
    """Its ranks tell what a few huge values hide; a column that only helps is none."""
    target = RNG.lognormal(0, spread, 5_000)
    columns = {"leak": 1.1 * target, "help": target * RNG.lognormal(0, spread / 3, 5_000)}
    assert ["leak"] == found(columns, target, "regression")


def test_what_tells_zeros_from_the_rest_is_no_suspect():
    """Nine of ten amounts are zero: to know which is no copy of them."""
    target = np.where(RNG.random(5_000) < 0.9, 0, RNG.lognormal(0, 2, 5_000))
    assert ["leak"] == found({"leak": target * 2, "flag": target > 0}, target, "regression")


def test_a_column_without_a_number_is_no_suspect():
    """Every value missing."""
    assert [] == found({"empty": np.full(ROWS, np.nan)}, (NOISE > 0).astype(int), "binary")


def test_a_suspect_comes_with_its_score():
    """What the column alone would reach, of 1."""
    ((name, score),) = suspects(pd.DataFrame({"leak": NOISE}), ["leak"], (NOISE > 0).astype(int), "binary").items()
    assert "leak" == name
    assert 0.995 <= score <= 1
