"""The matrix of a request is that of the pipeline, bit for bit."""

import msgspec
import numpy as np
import pytest

from mlops.encoding import encode
from serving import lists_of, row_of
from tables import TASKS


@pytest.mark.parametrize("task", TASKS)
def test_lists_are_encoded_as_the_pipeline_encodes_the_table(scorer, test_rows, task):
    """Numbers, codes, and NaN for what is missing."""
    made, rows = scorer(task), test_rows(task)
    lists = msgspec.convert(lists_of(rows, made.rows.inputs), made.rows.lists)
    assert np.array_equal(encode(rows, made.model.columns), made.many(made.rows.values(lists)), equal_nan=True)


@pytest.mark.parametrize("task", TASKS)
def test_a_row_is_encoded_as_the_pipeline_encodes_it(scorer, test_rows, task):
    """The same for one."""
    made, rows = scorer(task), test_rows(task)
    for place in range(0, len(rows), 7):
        matrix = made.one(msgspec.convert(row_of(rows, made.rows.inputs, place), made.rows.row))
        assert np.array_equal(encode(rows.iloc[[place]], made.model.columns), matrix, equal_nan=True)


def test_an_unknown_value_of_an_open_category_is_missing(scorer):
    """It has no code."""
    made = scorer()
    place = made.rows.inputs.index("purpose")
    held = msgspec.convert(made.example, made.rows.row)
    setattr(held, made.rows.field("purpose"), "holiday")
    assert np.isnan(made.one(held)[0, place])
    assert not np.isnan(made.one(msgspec.convert(made.example, made.rows.row))[0, place])
