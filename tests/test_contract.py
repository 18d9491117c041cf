"""data/contract.yaml: what it may say, and what is made of it."""

import json

import numpy as np
import pandas as pd
import pytest

from copies import SAMPLE
from mlops.config import parse
from mlops.contract import Column, Contract, groups, read, targets
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


KIND = 'kind: {type: category, categories: ["a", "b"]}'
ASKED = {  # target of each task, and what stands for `positive`
    "binary": 'task: binary\ntarget: bad\npositive: "yes"\n',
    "multiclass": "task: multiclass\ntarget: grade\n",
    "regression": "task: regression\ntarget: price\n",
}
TARGETS = 'grade: {type: category, categories: ["low", "middle", "high"]}\n  price: {type: number}\n  '


def asking(task: str, old: str = "", new: str = "") -> Contract:
    """The same table asked a question of another task, with one place changed."""
    text = TEXT.replace(ASKED["binary"], ASKED[task]).replace("bad: {", f"{TARGETS}bad: {{")
    assert old in text
    return parse(text.replace(old, new, 1), Contract, "data/contract.yaml")


def refusal(contradict, *words: str) -> str:
    """What is said of a contract that is none."""
    with pytest.raises(CannotRun) as refused:
        contradict(*words)
    return str(refused.value)


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
        ('["a", "b"]', '["a", "b", "a"]', "'columns.kind': `categories` names 'a' twice: each value has one place"),
        ('["a", "b"]', "[a, no]", "'columns.kind.categories.1' is False: it should be a valid string"),
        ("{type: boolean", '{type: boolean, categories: ["x"]', "`categories` belongs to type category, not boolean"),
        ("{type: date}", "{type: date, min: 1}", "`direction` and `bands` belong to number and integer, not date"),
        (KIND, KIND[:-1] + ", direction: up}", "`direction` and `bands` belong to number and integer, not category"),
        ("max: 100", "max: 100, direction: left", "'columns.size.direction' is 'left': it should be 'up' or 'down'"),
        (
            "max: 100",
            "max: 100, feature: false, direction: up",
            "`direction` is named at 'size', which is no feature: take it out there",
        ),
        ("type: number", "type: float", "'columns.size.type' is 'float': it should be 'number', 'integer', 'category'"),
        ("task: binary", "task: ranking", "'task' is 'ranking': it should be 'binary', 'multiclass' or 'regression'"),
        ("id: key", "group: kee", "`group` names 'kee', which is not one of `columns`"),
        ("id: key\n", "", "neither `id` nor `group` is named: a row's part of the split is a hash of one of them"),
        ("version: 1", "version: 2", "'version' is 2: it should be 1"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(old, new, sentence):
    """The sentence names the file, the key, the value and what it should be."""
    said = refusal(contract, old, new)
    assert said.startswith("data/contract.yaml: ")
    assert sentence in said


def test_a_contract_without_any_input_is_refused():
    """A model of nothing is no model."""
    with pytest.raises(CannotRun, match="no column is a feature; set `feature: true` on at least one"):
        parse(
            "{version: 1, task: binary, target: y, positive: 1, id: k, columns: {k: {type: text}, y: {type: integer}}}",
            Contract,
            "c",
        )


@pytest.mark.parametrize("task", ASKED)
def test_each_task_has_its_target(task):
    """A value of any column for two classes, a category of three for several, a number for a number."""
    assert task == asking(task).task


@pytest.mark.parametrize(
    ("task", "old", "new", "sentence"),
    [
        (
            "binary",
            'positive: "yes"\n',
            "",
            "`positive`, the value of `target` that is predicted, belongs to task binary",
        ),
        ("multiclass", "id: key", "id: key\npositive: low", "belongs to task binary, which needs it"),
        ("regression", "id: key", "id: key\npositive: 1", "belongs to task binary, which needs it"),
        ("multiclass", ', "high"', "", "multiclass needs `categories` of at least 3 classes at column 'grade'"),
        ("multiclass", "target: grade", "target: price", "needs `categories` of at least 3 classes at column 'price'"),
        ("regression", "target: price", "target: grade", "needs column 'grade' to be number or integer, not category"),
        ("regression", "target: price", "target: open", "needs column 'open' to be number or integer, not boolean"),
    ],
)
def test_a_target_that_does_not_fit_its_task_is_refused(task, old, new, sentence):
    """The sentence names the task and what its target needs."""
    assert sentence in refusal(asking, task, old, new)


@pytest.mark.parametrize("positive", ["0", "false", '"no"'])
def test_any_value_may_be_the_positive_one(positive):
    """Also one that is false where it is asked: 0 is a value, not a gap."""
    assert contract('positive: "yes"', f"positive: {positive}").positive is not None


def test_only_several_classes_have_names():
    """In the contract's order, which is that of the score's columns."""
    assert ("low", "middle", "high") == asking("multiclass").classes
    assert () == asking("binary").classes == asking("regression").classes


@pytest.mark.parametrize("limits", ["max: 16777216", "min: -16777216", "max: 100"])
def test_an_integer_that_float32_holds_is_a_number(limits):
    """Every whole number up to 2**24 is told from its neighbours."""
    assert "integer" == contract("type: number, min: 0, max: 100", f"type: integer, {limits}").columns["size"].type


@pytest.mark.parametrize("limits", ["max: 16777217", "min: -16777217", "min: 100000000, max: 200000000"])
def test_an_integer_that_float32_does_not_hold_is_refused(limits):
    """It is a code or an id: its neighbours would be one number to the model."""
    said = refusal(contract, "type: number, min: 0, max: 100", f"type: integer, {limits}")
    assert "'columns.size': an integer above 16,777,216 is a code or an id" in said
    assert said.endswith("make it a category, or text")


def test_a_number_may_be_as_large_as_it_is():
    """An amount is rounded by float32, and stays an amount."""
    assert 1e9 == contract("max: 100", "max: 1000000000").columns["size"].max


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("id: key", "id: key", "key"),
        ("id: key", "id: key\ngroup: area", "area"),
        ("id: key", "group: area", "area"),
    ],
    ids=["an id", "both", "a group"],
)
def test_rows_are_kept_apart_by_group_else_by_id(old, new, key):
    """Either may stand alone."""
    assert key == contract(old, new).key


def test_a_group_is_no_input():
    """It says whose rows these are, as the id says which row it is."""
    assert ["size", "open"] == list(contract("id: key", "id: key\ngroup: kind").features)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_number_may_say_where_it_moves_the_score(direction):
    """A test of the stage `behaviour` is made of it."""
    assert direction == contract("max: 100", f"max: 100, direction: {direction}").columns["size"].direction


def test_a_table_has_a_name():
    """`table` where nothing is said."""
    assert ["table", "loans"] == [contract().table, contract("task:", "table: loans\ntask:").table]


@pytest.mark.parametrize(
    ("positive", "values", "expected"),
    [("yes", ["yes", "no", None], [1, 0, 0]), (1, [1, 0, 1], [1, 0, 1]), (True, [True, False, True], [1, 0, 1])],
)
def test_the_target_is_one_where_it_is_positive(positive, values, expected):
    """As int8, for a target of words, numbers or booleans."""
    found = targets(pd.Series(values), contract('positive: "yes"', f"positive: {json.dumps(positive)}"))
    assert (np.dtype("int8"), expected) == (found.dtype, list(found))


def test_the_target_of_several_classes_is_the_place_of_its_class():
    """In the contract's order; one that the contract does not name, or none at all, is -1."""
    found = targets(pd.Series(["high", "low", "middle", "High", None]), asking("multiclass"))
    assert (np.dtype("intp"), [2, 0, 1, -1, -1]) == (found.dtype, list(found))


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "object"])
def test_the_target_of_a_number_is_the_number(dtype):
    """As float64, whatever it came as."""
    found = targets(pd.Series([3, 1, 2], dtype=dtype), asking("regression"))
    assert (np.dtype("float64"), [3, 1, 2]) == (found.dtype, list(found))


def test_a_number_that_is_missing_is_none():
    """NaN, which `prepare` refuses."""
    assert np.isnan(targets(pd.Series([1, None], dtype="Int64"), asking("regression"))).tolist() == [False, True]


def test_a_number_is_in_the_band_whose_lower_edge_it_reaches():
    """Bands are closed below and open above; what is missing is a group of its own."""
    frame = pd.DataFrame({"size": [9.9, 10, 19.9, 20, None, -1]})
    expected = ["under 10", "10-20", "10-20", "20+", "missing", "under 10"]
    assert expected == list(groups(frame, "size", contract().columns["size"]))


def test_a_category_is_its_own_group():
    """And so is a missing value."""
    frame = pd.DataFrame({"kind": ["a", None, "b"]})
    assert ["a", "missing", "b"] == list(groups(frame, "kind", Column(type="category", categories=["a", "b"])))
