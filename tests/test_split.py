"""A row's part: for ever the same, whatever stands beside it."""

import numpy as np
import pandas as pd
import pytest

from judging import table
from mlops.config import parse
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.params import Split
from mlops.split import PARTS, assign, keys, parts

LOANS = table()
DATED = parse(
    "{version: 1, task: binary, target: bad, positive: 1, id: loan, time: day, columns: "
    "{loan: {type: text}, day: {type: date}, size: {type: number}, bad: {type: integer}}}",
    Contract,
    "",
)
PEOPLE = LOANS.model_copy(update={"group": "person"})  # who has several loans
NAMELESS = PEOPLE.model_copy(update={"id": None})


def rows(count: int, first: str = "2024-01-01", **columns) -> pd.DataFrame:
    """`count` loans, one a day."""
    days = pd.date_range(first, periods=count)
    return pd.DataFrame({"loan": [f"loan-{number}" for number in range(count)], "day": days, **columns})


def test_a_key_is_a_hash_of_the_id_and_never_changes():
    """These words are in every lock that was ever committed: another hash would leak test rows into training."""
    expected = ["5f29de1b91354b92", "fc8c422d7396f6fc"]
    assert expected == list(keys(pd.DataFrame({"loan": ["loan-0", "loan-1"]}), LOANS))


def test_a_part_never_changes():
    """The same key and salt give the same part in every version of the template."""
    first = ["train", "train", "validation", "train", "train", "train"]
    expected = [*first, "test", "train", "test", "test", "train", "holdout"]
    assert expected == list(parts(keys(rows(12), LOANS), Split(salt="loans-1")))


def test_parts_have_their_shares():
    """Of 20,000 ids each part has its per cents, within four standard errors."""
    found = parts(keys(rows(20_000), LOANS), Split(salt="loans-1"))
    for part, share in zip(PARTS, (0.60, 0.15, 0.20, 0.05), strict=True):
        assert abs((found == part).mean() - share) < 4 * np.sqrt(share * (1 - share) / 20_000), part


def test_a_holdout_of_nothing_is_empty():
    """0 per cent is no row at all."""
    found = parts(keys(rows(2_000), LOANS), Split(salt="a", train=60, validation=15, test=25, holdout=0))
    assert {"train", "validation", "test"} == set(found)


@pytest.mark.parametrize("change", ["order", "window", "other columns"])
def test_a_rows_part_does_not_depend_on_the_others(change):
    """Shuffled, cut, or with other values: the same id is in the same part."""
    before = rows(400, size=1.0)
    after = {
        "order": before.sample(frac=1, random_state=1),
        "window": before.iloc[100:300],
        "other columns": before.assign(size=2.0),
    }[change]
    first = assign(before, DATED, Split(salt="loans-1"))
    pd.testing.assert_series_equal(first.loc[after.index], assign(after, DATED, Split(salt="loans-1")))


def test_rows_of_one_id_stay_together():
    """Two loans of one customer are never on both sides."""
    twice = pd.concat([rows(300), rows(300)], ignore_index=True)
    found = parts(keys(twice, LOANS), Split(salt="x"))
    assert list(found[:300]) == list(found[300:])


@pytest.mark.parametrize("contract", [PEOPLE, NAMELESS], ids=["with an id", "without one"])
def test_rows_of_one_group_stay_together(contract):
    """Whatever their ids: what a model learns of a person in training, it must not be asked in the test."""
    many = rows(3000, person=[f"p{number // 3}" for number in range(3000)])
    found = assign(many, contract, Split(salt="x"))
    assert {1} == set(found.groupby(many["person"]).nunique())
    assert set(PARTS) == set(found)


def test_without_a_group_rows_of_one_person_are_apart():
    """So the test before would notice."""
    many = rows(3000, person=[f"p{number // 3}" for number in range(3000)])
    assert 3 == assign(many, LOANS, Split(salt="x")).groupby(many["person"]).nunique().max()


def test_a_groups_key_is_that_of_an_id_of_the_same_name():
    """One hash for all: a contract that takes up a group moves no row whose group is its id."""
    many = rows(20)
    assert list(keys(many, LOANS)) == list(keys(many.assign(person=many["loan"]), PEOPLE))


@pytest.mark.parametrize(
    "ids",
    [[1.0, 2.0, 3.0], pd.array([1, 2, 3], dtype="Int64"), np.array([1, 2, 3], "float32"), [1, 2, 2.5]],
    ids=["floats", "nullable", "float32", "beside a fraction"],
)
def test_a_whole_number_has_one_key_whatever_it_came_as(ids):
    """Another row of the table may make floats of them, and must not move one."""
    whole = list(keys(pd.DataFrame({"loan": [1, 2, 3]}), LOANS))
    assert whole[:2] == list(keys(pd.DataFrame({"loan": ids}), LOANS))[:2]


@pytest.mark.parametrize("contract", [LOANS, PEOPLE], ids=["id", "group"])
@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA])
def test_a_row_without_a_key_is_refused(contract, gap):
    """All such rows would be one group, in one part."""
    some = rows(5, person=1).astype(object)
    some.loc[3, contract.key] = gap
    with pytest.raises(CannotRun, match=rf"^1 of 5 rows have no '{contract.key}', whose hash .*: give each row one in"):
        keys(some, contract)


def test_another_salt_is_another_split():
    """About as many rows stay in their part as chance says, and a salt of any length counts to its last letter."""
    same = parts(keys(rows(2_000), LOANS), Split(salt="a" * 40)) == parts(
        keys(rows(2_000), LOANS), Split(salt="a" * 41)
    )
    assert 0.35 < same.mean() < 0.5


def test_rows_too_young_for_a_label_take_no_part():
    """Counted back from the newest row; a row exactly that old is in."""
    found = assign(rows(40), DATED, Split(salt="a", label_delay_days=10))
    assert [""] * 10 == list(found[30:])
    assert "" not in set(found[:30])


def test_split_by_time_keeps_the_past_out_of_test_and_the_future_out_of_training():
    """From the cut on there are only test rows, before it none; a row on the wrong side takes no part."""
    frame = rows(400)
    found = assign(frame, DATED, Split(salt="a", by="time", cut="2024-10"))
    late = frame["day"] >= pd.Timestamp("2024-10-01")
    assert {"test", ""} == set(found[late])
    assert {"train", "validation", "holdout", ""} == set(found[~late])


def test_dates_with_a_time_zone_are_cut_as_well():
    """The cut is midnight in UTC."""
    frame = rows(400)
    split = Split(salt="a", by="time", cut="2024-10", label_delay_days=5)
    zoned = frame.assign(day=frame["day"].dt.tz_localize("UTC"))
    pd.testing.assert_series_equal(assign(frame, DATED, split), assign(zoned, DATED, split))


def test_without_a_time_column_the_hash_alone_decides():
    """A table that has no time has no young rows."""
    found = assign(rows(200), LOANS, Split(salt="a", label_delay_days=100))
    assert set(PARTS) == set(found)


def test_rows_that_change_do_not_move():
    """A corrected value leaves the row where it was: only the id is hashed."""
    before, after = rows(50, size=1.0), rows(50, size=9.0)
    assert list(keys(before, DATED)) == list(keys(after, DATED))
