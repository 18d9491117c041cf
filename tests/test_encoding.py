"""One matrix for training and for serving."""

import numpy as np
import pandas as pd
import pytest

from judging import table
from mlops.encoding import encode, spec
from mlops.errors import CannotRun

COLUMNS = [
    {"name": "size", "type": "number", "categories": []},
    {"name": "kind", "type": "category", "categories": ["b", "a"]},
    {"name": "open", "type": "boolean", "categories": []},
]
FRAME = pd.DataFrame({"open": [True, False], "other": ["x", "y"], "kind": ["a", "b"], "size": [1, 2]})


def encoded(**columns) -> list:
    """The first row's code of each column, with NaN as None."""
    row = encode(FRAME.assign(**columns), COLUMNS)[0]
    return [None if np.isnan(value) else float(value) for value in row]


def test_the_spec_is_the_contracts_inputs_in_their_order():
    """Name, type and categories of each, nothing else."""
    assert [{"name": "amount", "type": "number", "categories": []}] == spec(table())


def test_the_spec_of_a_table_of_groups_leaves_the_group_out():
    """It says whose rows they are, as the id does, and is nothing to learn from."""
    grouped = table().model_copy(update={"id": None, "group": "amount"})
    assert [] == spec(grouped)


def test_numbers_stay_and_categories_become_their_place_in_the_contract():
    """In the spec's order, whatever order the table has; other columns are not looked at."""
    assert [[1.0, 1.0, 1.0], [2.0, 0.0, 0.0]] == encode(FRAME, COLUMNS).tolist()


def test_the_matrix_is_float32():
    """What ONNX computes with: 0.1 is rounded here, in training and in serving."""
    matrix = encode(FRAME.assign(size=[0.1, 2.0]), COLUMNS)
    assert (np.dtype("float32"), np.float32(0.1)) == (matrix.dtype, matrix[0, 0])


@pytest.mark.parametrize(
    "columns",
    [
        {"size": [None, 1.0]},
        {"size": pd.array([None, 1], dtype="Int64")},
        {"size": ["many", "1"]},
        {"size": [pd.NA, 1]},
    ],
)
def test_a_missing_number_or_a_word_is_nan(columns):
    """The owner's transformer says what becomes of it."""
    assert [None, 1.0, 1.0] == encoded(**columns)


@pytest.mark.parametrize("values", [[None, True], pd.array([None, True], dtype="boolean"), [np.nan, 1.0]])
def test_a_missing_truth_value_is_nan(values):
    """And one beside it is still 0 or 1, whatever the column is made of."""
    assert [1.0, 1.0, None] == encoded(open=pd.Series(values))
    assert 1.0 == encode(FRAME.assign(open=pd.Series(values)), COLUMNS)[1, 2]


@pytest.mark.parametrize("value", [2**24 - 1, 2**24, -(2**24)])
def test_a_whole_number_that_the_contract_allows_is_exact(value):
    """It is told from its neighbour."""
    assert value == encode(FRAME.assign(size=[value, 0]), COLUMNS)[0, 0]


@pytest.mark.parametrize("value", [None, np.nan, "c", "A", 0])
def test_a_missing_or_unknown_category_is_nan(value):
    """A value that the contract does not name has no code."""
    assert [1.0, None, 1.0] == encoded(kind=pd.Series([value, "b"], dtype="object"))


def test_numbers_written_as_text_are_numbers():
    """A CSV gives such columns."""
    assert [2.5, 1.0, 1.0] == encoded(size=["2.5", "1"])


def test_no_rows_are_an_empty_matrix():
    """Its columns are there all the same."""
    assert (0, 3) == encode(FRAME.iloc[:0], COLUMNS).shape


def test_an_absent_column_is_refused():
    """The sentence names it."""
    with pytest.raises(CannotRun, match="the model reads column 'kind', which the table does not have"):
        encode(FRAME.drop(columns="kind"), COLUMNS)
