"""What a request may hold follows the contract, column by column."""

import msgspec
import pytest

from mlops import config
from mlops.contract import Contract
from mlops.encoding import spec
from mlops.serve.rows import LARGEST, TEXT, rows

CONTRACT = """
version: 1
task: binary
target: bad
positive: "yes"
id: key
columns:
  key: {type: text}
  day: {type: date}
  sex: {type: category, categories: ["f", "m"], protected: true}
  size: {type: number, min: 0, max: 100}
  depth: {type: number, nullable: 0.1}
  "hours per week": {type: integer, min: 1, max: 99}
  count: {type: integer}
  kind: {type: category, categories: ["a", "b"]}
  town: {type: category, categories: ["x"], open: true}
  rooms: {type: integer, min: 1, max: 9, severity: warning}
  open: {type: boolean}
  bad: {type: category, categories: ["yes", "no"]}
"""
TABLE = config.parse(CONTRACT, Contract, "data/contract.yaml")
MADE = rows(TABLE, spec(TABLE), max_rows=3)
GOOD = {"size": 1, "depth": 2.5, "hours per week": 40, "count": 7, "kind": "a", "town": "x", "rooms": 3, "open": True}


def held(**changes):
    """The decoded row with other values; raises where it is refused."""
    return msgspec.json.decode(msgspec.json.encode(GOOD | changes), type=MADE.row)


def value(name: str, given):
    """What is held of one column."""
    return getattr(held(**{name: given}), MADE.field(name))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("size", 0), ("size", 100), ("depth", None), ("depth", LARGEST), ("hours per week", 36.0), ("count", 2**24),
        ("kind", "b"), ("town", "somewhere else"), ("rooms", 77), ("rooms", None), ("open", False), ("key", "k-1"), ("sex", "x"),
        ("day", "2024-01-01"), ("town", "a\nb\tc"), ("key", "x" * TEXT),
    ],
)  # fmt: skip
def test_a_value_that_the_contract_allows_is_held(name, given):
    """Ends of a range, whole numbers written as 36.0, unknown values of an open category; a warning refuses nothing."""
    assert given == value(name, given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("size", -0.001), ("size", 100.5), ("size", None), ("size", "1"), ("size", True), ("size", [1]), ("depth", 4e38),
        ("hours per week", 36.5), ("hours per week", 0), ("count", 2**24 + 1), ("kind", "c"), ("kind", 1), ("town", 3),
        ("rooms", "many"), ("open", "yes"), ("open", 1), ("bad", "yes"), ("sixe", 1), ("key", [5]), ("town", "x" * (TEXT + 1)),
        ("town", "a\0b"), ("key", "\0"),
    ],
)  # fmt: skip
def test_a_value_that_the_contract_does_not_allow_is_refused(name, given):
    """Out of range, of another type, no category, no column, the target, a number beyond float32."""
    with pytest.raises(msgspec.ValidationError):
        held(**{name: given})


@pytest.mark.parametrize("name", ["size", "hours per week", "kind", "open"])
def test_a_column_that_may_not_be_missing_is_required(name):
    """In a row, and in lists."""
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        msgspec.convert({key: each for key, each in GOOD.items() if key != name}, MADE.row)
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        msgspec.convert({key: [each] for key, each in GOOD.items() if key != name}, MADE.lists)


def test_a_column_that_may_be_missing_may_be_absent():
    """It counts as null; in lists a column that the model reads is given all the same."""
    given = {key: each for key, each in GOOD.items() if key not in ("depth", "rooms")}
    assert getattr(msgspec.convert(given, MADE.row), MADE.field("depth")) is None
    with pytest.raises(msgspec.ValidationError, match="missing required field `depth`"):
        msgspec.convert({key: [each] for key, each in given.items()}, MADE.lists)


def test_a_batch_is_bounded():
    """Rows and lists alike."""
    assert 3 == len(msgspec.convert([GOOD] * 3, MADE.batch))
    for many in ([GOOD] * 4, {name: [each] * 4 for name, each in GOOD.items()}):
        with pytest.raises(msgspec.ValidationError, match="length <= 3"):
            msgspec.convert(many, MADE.batch)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_has_the_values_of_each_column(count):
    """In the order of the columns, whether rows or lists were given."""
    held = msgspec.convert([GOOD] * count, list[MADE.row])
    lists = msgspec.convert({name: [each] * count for name, each in GOOD.items()}, MADE.lists)
    for values in (MADE.values(held), MADE.values(lists)):
        found = dict(zip(MADE.columns, values, strict=True))
        assert {name: [each] * count for name, each in GOOD.items()} == {name: [*found[name]] for name in GOOD}


def test_a_column_that_was_not_given_has_no_values():
    """None, so that it is no list of nulls."""
    given = {name: [each] for name, each in GOOD.items() if name != "key"}
    assert MADE.values(msgspec.convert(given, MADE.lists))[MADE.columns.index("key")] is None


def test_the_target_is_no_input_and_roles_are_optional():
    """What the model reads, in the order of its matrix."""
    assert list(TABLE.features) == list(MADE.inputs)
    assert "bad" not in MADE.columns
    assert {"key", "day", "sex", "depth", "rooms"} == MADE.optional
