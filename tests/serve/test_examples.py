"""The example of a row is one that is answered without a warning."""

import msgspec
import pytest
from msgspec.structs import astuple

from mlops.contract import Column
from mlops.serve.examples import value
from tables import TASKS


@pytest.mark.parametrize("task", TASKS)
def test_the_example_is_a_row(scorer, task):
    """Every input has a value, and no rule is broken."""
    made = scorer(task)
    assert list(made.rows.inputs) == list(made.example)
    assert [] == made.warnings(astuple(msgspec.convert(made.example, made.rows.row)))


@pytest.mark.parametrize(
    "column",
    [
        {"type": "number"}, {"type": "number", "min": 3}, {"type": "number", "max": -3}, {"type": "number", "min": 0.1, "max": 0.2},
        {"type": "integer", "min": 1, "max": 2}, {"type": "integer", "min": -3, "max": -1}, {"type": "boolean"},
        {"type": "category", "categories": ["a"]},
    ],
)  # fmt: skip
def test_a_value_is_one_that_its_column_allows(column):
    """Whatever ends a range has, and of the column's type."""
    made = Column(**column)
    found = value(made)
    assert isinstance(found, {"number": float, "integer": int, "boolean": bool, "category": str}[made.type])
    assert made.min is None or made.min <= found
    assert made.max is None or found <= made.max
