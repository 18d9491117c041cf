"""What is kept of rows: the same from chunks as at once, bounded, and by the groups that are judged elsewhere."""

import numpy as np
import pandas as pd
import pytest

from drift_cases import table, visits
from mlops import slices
from mlops.drift import looked
from mlops.drift.looked import Looked, look

NORTH = "city=north"


def parts(frame: pd.DataFrame, size: int) -> list[pd.DataFrame]:
    """The rows in chunks."""
    return [frame[start : start + size] for start in range(0, len(frame), size)]


def plain(found: Looked) -> dict:
    """What the summaries hold."""
    return {
        key: each.counts if hasattr(each, "counts") else (each.missing, each.ranked()[0].tolist())
        for key, each in found.columns.items()
    }


def scored(count: int = 300, **columns) -> pd.DataFrame:
    """Rows with a score."""
    return visits(count, _score=np.linspace(0, 1, count), _known=True, **columns)


@pytest.mark.parametrize("size", [1, 7, 59, 60])
def test_chunks_are_the_same_as_rows_at_once(size):
    """Summaries, the sample and the number of rows."""
    frame = scored(60)
    at_once, in_chunks = look([frame], table()), look(parts(frame, size), table())
    assert (60, plain(at_once)) == (in_chunks.rows, plain(in_chunks))
    pd.testing.assert_frame_equal(at_once.sample, in_chunks.sample)


@pytest.mark.parametrize("size", [7, 40, 300])
def test_a_sample_is_bounded_and_the_same_every_time(monkeypatch, size):
    """Of more rows than it holds it takes some at random, however they come; of fewer all."""
    monkeypatch.setattr(looked, "SAMPLE", 50)
    frame = scored()
    first, again = (look(parts(frame, size), table()).sample for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert set(look([frame], table()).sample["visit"]) == set(first["visit"])
    assert 50 == len(first)
    assert set(first["visit"]) != set(frame["visit"][:50])
    assert list(frame["visit"][:40]) == list(look(parts(frame[:40], size), table()).sample["visit"])


def test_another_seed_draws_other_rows(monkeypatch):
    """The sample is of the seed alone."""
    monkeypatch.setattr(looked, "SAMPLE", 50)
    one, other = (set(look([scored()], table(), seed).sample["visit"]) for seed in (0, 1))
    assert one != other


def test_no_rows_are_an_empty_look():
    """Neither columns nor a sample."""
    found = look([], table())
    assert (0, {}, 0) == (found.rows, found.columns, len(found.sample))


def test_every_column_that_describes_a_row_is_watched():
    """Also one that no model reads; neither what names a row nor its target or time."""
    assert ["amount", "items", "city", "member", "gender"] == list(looked.watched(table()))


def test_groups_are_those_that_slices_name():
    """Of slices and protected columns; rows without a value are one, and values that the contract lacks."""
    frame = visits(6, city=["north", "south", "west", None, "north", "south"], gender=["f"] * 5 + ["m"])
    found = looked.groups(frame, table())
    assert {"", *slices.singles(slices.labels(frame, table()))} == found.keys()
    assert ([0, 4], [2], [3]) == tuple(found[f"city={name}"].tolist() for name in ("north", "undeclared", "missing"))


def test_a_slice_without_its_column_has_no_groups():
    """The log keeps no protected column, unless it is told to."""
    assert [""] == list(looked.groups(visits(6).drop(columns=["city", "gender"]), table()))


def test_of_a_group_its_own_column_is_left_out():
    """Of the north its city says nothing; of all rows, and of other groups, it does."""
    found = look([scored()], table()).columns
    assert {"city", "amount", "_score"} <= {name for group, name in found if group == ""}
    assert {"amount", "items", "member", "gender", "_score"} == {name for group, name in found if group == NORTH}
    assert ("gender=f", "city") in found
    assert found["", "amount"].rows == found[NORTH, "amount"].rows + found["city=south", "amount"].rows


def test_scores_of_several_classes_are_numbers_each():
    """Whatever the classes are called."""
    found = look([visits(10, _score_a=0.2, _score_b=0.8)], table()).columns
    assert ([0.2] * 10, [0.8] * 10) == tuple(found["", f"_score_{name}"].ranked()[0].tolist() for name in "ab")


@pytest.mark.parametrize(
    "member", [[True, False, None], [1, 0, None], [1.0, 0.0, np.nan], pd.array([1, 0, None], "boolean")]
)
def test_true_is_one(member):
    """A table may have numbers where requests have booleans."""
    found = look([visits(3, member=member)], table()).columns["", "member"]
    assert {"1.0": 1, "0.0": 1, None: 1} == dict(found.counts)


def test_what_is_no_number_is_missing():
    """A text where a number should be is a fault that the contract's rules find."""
    found = look([visits(4, amount=[1, "2", "many", None])], table()).columns["", "amount"]
    assert (2, [1.0, 2.0]) == (found.missing, found.ranked()[0].tolist())


def test_of_a_column_that_requests_need_not_have_only_values_count():
    """That few of them have it is no drift of the rows; of a feature a missing value is one."""
    found = look([visits(4, gender=["f", None, None, "m"], items=[1, None, None, 2])], table()).columns
    assert ({"f": 1, "m": 1}, 2, 4) == (
        dict(found["", "gender"].counts), found["", "items"].missing, found["", "items"].rows,
    )  # fmt: skip
