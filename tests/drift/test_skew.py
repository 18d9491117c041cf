"""Train/serve skew: what counts as another value, and from which share on it is a fault."""

import numpy as np
import pandas as pd
import pytest

from drift_cases import knobs, table, visits
from mlops.drift import skew
from mlops.drift.finding import CRITICAL, FEW, OK
from mlops.drift.skew import Served

DRIFT = knobs().drift


def differ(name: str, served: list, theirs: list) -> list[bool]:
    """Whether each served value of a column is another than the source's."""
    found = []
    for place, (one, other) in enumerate(zip(served, theirs, strict=True)):
        counts: dict[str, Served] = {}
        frame = visits(1).assign(**{name: pd.Series(served).iloc[[place]].array})
        truth = visits(1).set_index("visit").assign(**{name: pd.Series(theirs).iloc[[place]].array})
        skew.count(counts, frame, truth, table())
        assert 1 == counts[name].rows, (one, other)
        found.append(bool(counts[name].differ))
    return found


@pytest.mark.parametrize(
    ("name", "served", "theirs"),
    [
        ("amount", [0.1, 1e6, 3.0], [np.float32(0.1), 1_000_000, 3]),
        ("amount", [1.0 + 1e-9, None], [1.0, np.nan]),
        ("items", [36.0, 2, None], pd.array([36, 2, None], dtype="Int64")),
        ("city", ["north", None], ["north", np.nan]),
        ("city", ["north", None], pd.Categorical(["north", None])),
        ("city", ["north", None], pd.array(["north", None], dtype="string")),
        ("member", [True, False], [1, 0]),
        ("member", [True, False], [1.0, 0.0]),
        ("member", [True, False, None], pd.array([True, False, None], dtype="boolean")),
    ],
)
def test_values_that_every_model_reads_as_one_are_equal(name, served, theirs):
    """Numbers as float32 has them, whole numbers as floats, True as 1, and nothing as nothing."""
    assert [False] * len(served) == differ(name, served, theirs)


@pytest.mark.parametrize(
    ("name", "served", "theirs"),
    [
        ("amount", [1.001, None, 0.0], [1.0, 0.0, np.nan]),
        ("items", [2, None], pd.array([3, 3], dtype="Int64")),
        ("city", ["north", None, "north"], ["south", "north", None]),
        ("city", ["north"], pd.array([None], dtype="string")),
        ("member", [True, None, True], [False, True, None]),
        ("member", [True, None], pd.array([None, True], dtype="boolean")),
    ],
)
def test_values_that_a_model_tells_apart_are_others(name, served, theirs):
    """Nothing is not zero."""
    assert [True] * len(served) == differ(name, served, theirs)


def test_only_rows_that_both_have_are_compared():
    """By the id; a request may be repeated, and chunks add up. What is no feature is not compared."""
    truth = visits(3, visit=["b", "a", "z"]).set_index("visit")
    frame = truth.reindex(["a", "b", "b", "c", None, "x"]).reset_index()
    frame = frame.assign(amount=[*frame["amount"][:2], -1.0, 4, 5, 6], gender="x")
    counts: dict[str, Served] = {}
    skew.count(counts, frame[:2], truth, table())
    skew.count(counts, frame[2:], truth, table())
    same = Served(3, 0)
    assert {"amount": Served(3, 1), "items": same, "city": same, "member": same} == counts


def test_where_no_row_is_in_both_none_is_compared():
    """Of which too few say nothing."""
    counts: dict[str, Served] = {}
    skew.count(counts, visits(3), visits(0).set_index("visit"), table())
    assert {0} == {each.rows for each in counts.values()}
    assert {FEW} == {each.state for each in skew.check(counts, DRIFT)}


@pytest.mark.parametrize(("differing", "state"), [(0, OK), (10, OK), (11, CRITICAL), (1000, CRITICAL)])
def test_more_than_the_limit_is_critical(differing, state):
    """No chance makes it; the limit itself, one in a hundred, holds."""
    (found,) = skew.check({"amount": Served(1000, differing)}, DRIFT)
    assert ("skew", "amount", "", state, None) == (found.kind, found.what, found.group, found.state, found.p)
    assert (differing / 1000, 0.01) == (found.effect, found.limit)
    assert f"{differing:,} of 1,000 rows were served another value than the source has" == found.note


def test_few_rows_say_nothing():
    """Whatever they are; one more is enough."""
    few, enough = skew.check({"amount": Served(99, 99), "city": Served(100, 100)}, DRIFT)
    assert (FEW, None, "99 rows are in log and source, and 100 are needed") == (few.state, few.effect, few.note)
    assert CRITICAL == enough.state


def test_where_nothing_was_compared_nothing_is_said():
    """Without a log, or without ids in it."""
    assert [] == list(skew.check({}, DRIFT))
