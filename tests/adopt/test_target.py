"""What a target says of the task: accepted as a data scientist would, refused with one sentence."""

import pytest

from mlops.adopt.target import CLASS_ROWS, CLASSES
from mlops.contract import EXACT
from mlops.errors import CannotRun
from planning import ROWS, X, column, parsed, said


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (("Yes", "No"), "binary", True),
        ((0, 1), "binary", 1),
        ((1, -1), "binary", 1),
        (("churned", "stayed"), "binary", "churned"),
        (("benign", "malignant", "benign"), "binary", "malignant"),
        (("red", "green", "blue"), "multiclass", None),
        ((3, 4, 5, 6), "multiclass", None),
        (tuple(range(11)), "regression", None),
        ((1.5, 2.5, 3.5), "regression", None),
        (tuple(f"{each},5" for each in range(20)), "regression", None),
        ((EXACT + 1, *range(20)), "regression", None),
    ],
)
def test_the_task_is_what_the_target_looks_like(planned, values, task, positive):
    """Two values are binary, up to ten whole numbers or fifty words are classes, all else is a quantity."""
    quoted = [f'"{value}"' if isinstance(value, str) else value for value in column(*values)]
    contract = parsed(planned({"x": X, "y": quoted}))
    assert (task, positive) == (contract.task, contract.positive)


@pytest.mark.parametrize(
    ("values", "task"), [((3, 4, 5), "regression"), (tuple(range(12)), "multiclass"), ((0, 1), "regression")]
)
def test_the_task_can_be_said(planned, values, task):
    """Whatever the target looks like."""
    assert task == parsed(planned({"x": X, "y": column(*values)}, task=task)).task


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (("a", "b"), "regression", "task regression needs a number, and target 'y' holds category values such as 'a'"),
        ((1, 2, 3), "binary", "task binary needs a target of two values, 'y' has 3"),
        ((1.5, 2.5), "binary", "whole numbers, booleans or words can be two classes"),
        ((1, 2), "multiclass", "several classes need 5 rows or more each, and 'y' has 2 such values"),
        ((1.5, 2.5), None, "whole numbers, booleans or words can be two classes"),
        (("2024-01-01", "2024-01-02"), None, "target 'y' is a date"),
        (("a",), None, "target 'y' has the same value in every row"),
        (("?",), None, "the table has 0 rows with a value of 'y'"),
    ],
)
def test_a_target_that_does_not_fit_its_task_is_refused(planned, values, task, why):
    """One sentence with its values."""
    with pytest.raises(CannotRun, match=why):
        planned({"x": X, "y": column(*values)}, task=task)


def test_a_target_of_too_many_words_is_refused(planned):
    """Fifty classes are the most; as many numbers are a quantity."""
    many = [f"c{place % (CLASSES + 1)}" for place in range(10 * CLASSES + 10)]
    with pytest.raises(CannotRun, match="has 51 different values, 50 classes are the most: is it the right column"):
        planned({"x": [row / 7 for row in range(len(many))], "y": many})
    assert CLASSES == len(parsed(planned({"x": [row / 7 for row in range(500)], "y": many[:50] * 10})).classes)


def test_the_rarer_value_is_positive_and_a_person_must_decide(planned):
    """Where no value is called so; POSITIVE= says it, and then nothing is left to decide."""
    made = planned({"x": X, "y": column(1, 2, 2)})
    assert 1 == made.contract["positive"]
    assert [
        "positive is 1, because it is rarer: adopt again with POSITIVE= if the other one is what you predict"
    ] == made.decide
    made = planned({"x": X, "y": column(1, 2, 2)}, positive="2")
    assert (2, []) == (made.contract["positive"], made.decide)


@pytest.mark.parametrize(
    ("values", "positive", "found"),
    [
        (("Yes", "No"), "no", False),
        (("Yes", "No"), "Yes", True),
        ((0, 1), "0", 0),
        (("a", "b"), " b", "b"),
        (("~", "1.0"), "1.0", "1.0"),
    ],
)
def test_positive_is_one_of_the_values(planned, values, positive, found):
    """However a boolean is spelled; words and numbers as they stand there."""
    assert found == parsed(planned({"x": X, "y": column(*values)}, positive=positive)).positive


@pytest.mark.parametrize(
    ("values", "shown"), [(("Yes", "No"), "False and True"), (("a", "b"), "'a' and 'b'"), ((0, 1), "0 and 1")]
)
def test_a_positive_that_is_no_value_is_refused(planned, values, shown):
    """The sentence names both values."""
    with pytest.raises(CannotRun, match=f"POSITIVE is 'banana', and 'y' holds {shown}: name one of them"):
        planned({"x": X, "y": column(*values)}, positive="banana")


def test_a_target_with_blanks_around_it_is_the_same_value(planned):
    """' Yes' is 'Yes'."""
    assert "boolean" == planned({"x": X, "y": column(" Yes", "No ", "Yes")}).contract["columns"]["y"]["type"]


def test_a_class_too_rare_to_be_learned_is_left_out(planned):
    """Its rows go, and that is said; a class of five rows stays."""
    values = column("a", "b", "c")
    values[:7] = ["odd"] * (CLASS_ROWS - 1) + ["rare"] * 3
    made = planned({"x": X, "y": values})
    assert ("a", "b", "c") == parsed(made).classes
    assert ROWS - 7 == made.frame.height
    assert "rows of 'odd', 'rare' are left out: fewer than 5 can be neither learned nor judged" in said(made, "y")
    values[:7] = ["odd"] * CLASS_ROWS + ["a"] * 2
    assert ("a", "b", "c", "odd") == parsed(planned({"x": X, "y": values})).classes


def test_two_classes_and_a_stray_word_are_binary(planned):
    """A third value of one row makes no third class."""
    contract = parsed(planned({"x": X, "y": ["unknown", *column("good", "bad")[1:]]}))
    assert ("binary", "bad") == (contract.task, contract.positive)


def test_whole_numbers_as_classes_are_a_persons_decision(planned):
    """They could be a quantity; said by TASK=, nothing is left to decide."""
    (sentence,) = planned({"x": X, "y": column(3, 4, 5)}).decide
    assert "adopt again with TASK=regression to predict the number" in sentence
    assert [] == planned({"x": X, "y": column(3, 4, 5)}, task="multiclass").decide


@pytest.mark.parametrize(
    "name", ["count", "rows", "", "literal", "key", "score", "target", "decision", "it's a [b].c", "*"]
)
def test_a_target_may_have_any_name(planned, name):
    """No name is used up by a library."""
    for values in (("a", "b"), ("a", "b", "c"), tuple(range(20))):
        contract = parsed(planned({"x": X, name: column(*values)}, name or "column_2"))
        assert (name or "column_2") == contract.target
