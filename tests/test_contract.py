"""data/contract.yaml: what it may say, and what is made of it."""

import json

import numpy as np
import pandas as pd
import pytest

from copies import SAMPLE
from mlops.config import parse
from mlops.contract import Column, Contract, groups, positives, read
from mlops.errors import CannotRun

TEXT = """
version: 1
task: binary
target: bad
positive: "yes"
id: key
time: day
slices: [kind, size]
columns:
  key: {type: text}
  day: {type: date}
  size: {type: number, min: 0, max: 100, nullable: 0.1, bands: [10, 20]}
  kind: {type: category, categories: ["a", "b"]}
  sex: {type: category, categories: ["f", "m"], protected: true}
  area: {type: category, categories: ["n", "s"], feature: false}
  open: {type: boolean, nullable: true}
  bad: {type: category, categories: ["yes", "no"]}
"""


def contract(old: str = "", new: str = "") -> Contract:
    """The contract above with one place changed."""
    assert old in TEXT
    return parse(TEXT.replace(old, new, 1), Contract, "data/contract.yaml")


def test_the_repositorys_own_contract_is_right():
    """What a fresh copy starts with is read."""
    assert "binary" == read(SAMPLE).task


def test_inputs_are_the_columns_that_a_model_may_see():
    """In the file's order; without id, time, target, protected columns, text, dates, and what says feature: false."""
    assert ["size", "kind", "open"] == list(contract().features)


def test_a_protected_column_is_no_input_whatever_it_says():
    """`feature: true` does not overrule `protected: true`."""
    assert "sex" not in contract("protected: true", "protected: true, feature: true").features
    assert ["sex"] == list(contract().protected)


@pytest.mark.parametrize(("said", "share"), [("nullable: 0.1", 0.1), ("nullable: true", 1.0), ("nullable: false", 0.0)])
def test_missing_values_are_allowed_up_to_a_share(said, share):
    """True is any share, false is none."""
    assert share == contract("nullable: 0.1", said).columns["size"].missing_share


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("target: bad", "target: bed", "`target` names 'bed', which is not one of `columns`"),
        ("id: key", "id: kee", "`id` names 'kee', which is not one of `columns`"),
        ("time: day", "time: dy", "`time` names 'dy', which is not one of `columns`"),
        ("slices: [kind", "slices: [kid", "`slices` names 'kid', which is not one of `columns`"),
        ("slices: [kind", "slices: [day", "`slices` names 'day', which has neither `categories` nor `bands`"),
        ("min: 0", "mim: 0", "unknown key 'columns.size.mim'; did you mean 'min'?"),
        ("min: 0", "min: 200", "'columns.size': `min` 200 is above `max` 100"),
        ("bands: [10, 20]", "bands: [20, 10]", "'columns.size': `bands` must be rising numbers"),
        (
            "nullable: 0.1",
            "nullable: 2",
            "'columns.size.nullable' is 2: it should be less than or equal to 1 or a valid",
        ),
        (', categories: ["a", "b"]', "", "'columns.kind': a category column needs `categories`"),
        ('["a", "b"]', "[a, no]", "'columns.kind.categories.1' is False: it should be a valid string"),
        ("{type: boolean", '{type: boolean, categories: ["x"]', "`categories` belongs to type category, not boolean"),
        ("{type: date}", "{type: date, min: 1}", "`min`, `max` and `bands` belong to number and integer, not date"),
        ("type: number", "type: float", "'columns.size.type' is 'float': it should be 'number', 'integer', 'category'"),
        ("task: binary", "task: ranking", "'task' is 'ranking': it should be 'binary'"),
        ("version: 1", "version: 2", "'version' is 2: it should be 1"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(old, new, sentence):
    """The sentence names the file, the key, the value and what it should be."""
    with pytest.raises(CannotRun) as refused:
        contract(old, new)
    assert str(refused.value).startswith("data/contract.yaml: ")
    assert sentence in str(refused.value)


def test_a_contract_without_any_input_is_refused():
    """A model of nothing is no model."""
    with pytest.raises(CannotRun, match="no column is a feature; set `feature: true` on at least one"):
        parse(
            "{version: 1, task: binary, target: y, id: k, columns: {k: {type: text}, y: {type: integer}}}",
            Contract,
            "c",
        )


@pytest.mark.parametrize(
    ("positive", "values", "expected"),
    [("yes", ["yes", "no", None], [1, 0, 0]), (1, [1, 0, 1], [1, 0, 1]), (True, [True, False, True], [1, 0, 1])],
)
def test_the_target_is_one_where_it_is_positive(positive, values, expected):
    """As int8, for a target of words, numbers or booleans."""
    found = positives(pd.Series(values), contract('positive: "yes"', f"positive: {json.dumps(positive)}"))
    assert (np.dtype("int8"), expected) == (found.dtype, list(found))


def test_a_number_is_in_the_band_whose_lower_edge_it_reaches():
    """Bands are closed below and open above; what is missing is a group of its own."""
    frame = pd.DataFrame({"size": [9.9, 10, 19.9, 20, None, -1]})
    expected = ["under 10", "10-20", "10-20", "20+", "missing", "under 10"]
    assert expected == list(groups(frame, "size", contract().columns["size"]))


def test_a_category_is_its_own_group():
    """And so is a missing value."""
    frame = pd.DataFrame({"kind": ["a", None, "b"]})
    assert ["a", "missing", "b"] == list(groups(frame, "kind", Column(type="category", categories=["a", "b"])))
