"""The owner's transformer: missing values, unknown categories and the scale of numbers."""

import numpy as np
import pytest

from model.features import transformer

NAN = float("nan")


def transformed(train, rows=None, scale=False) -> list[list[float]]:
    """Rows of (number, category of three values) as the estimator sees them; fitted on `train`."""
    fitted = transformer([0], {1: 3}, scale).fit(np.array(train, np.float32))
    return fitted.transform(np.array(train if rows is None else rows, np.float32)).tolist()


def test_a_number_stays_and_a_category_becomes_a_column_a_value():
    """Numbers first, then one column for each value of the category."""
    assert [[1, 1, 0, 0], [5, 0, 0, 1]] == transformed([[1, 0], [5, 2]])


def test_a_missing_number_is_the_median_of_the_training_rows():
    """The median of what was seen in training, whatever else is scored beside it."""
    assert [[2, 1, 0, 0], [90, 1, 0, 0]] == transformed([[1, 0], [2, 0], [60, 0]], [[NAN, 0], [90, 0]])


@pytest.mark.parametrize("code", [NAN, 7])
def test_a_missing_or_unknown_category_is_none_of_the_values(code):
    """It has a column of its own nowhere, and is no crash."""
    assert [[1, 0, 0, 0]] == transformed([[1, 0], [1, 2]], [[1, code]])


def test_a_value_that_training_lacked_has_its_column():
    """Columns follow the contract, not the rows at hand."""
    assert [[1, 0, 1, 0]] == transformed([[1, 0], [1, 2]], [[1, 1]])


def test_a_column_without_any_value_keeps_its_place():
    """Empty in training: the number is 0, the category none, and nothing else moves."""
    assert [[0, 0, 0, 0]] * 2 == transformed([[NAN, NAN]] * 2)


@pytest.mark.parametrize(("scale", "expected"), [(True, [-1, 1]), (False, [10, 30])])
def test_numbers_are_scaled_only_where_the_estimator_wants_it(scale, expected):
    """Mean 0 and deviation 1 for a linear model; trees get the numbers as they are."""
    assert expected == [row[0] for row in transformed([[10, 0], [30, 0]], scale=scale)]


def test_a_table_without_categories_or_without_numbers_is_no_fault():
    """Either kind may be absent."""
    rows = np.array([[1.0], [2.0]], np.float32)
    assert (2, 1) == transformer([0], {}, True).fit_transform(rows).shape
    assert (2, 3) == transformer([], {0: 3}, False).fit_transform(rows).shape
