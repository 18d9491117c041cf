"""The rows of a window from the owner's source: as they were known on a day, and each once."""

from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

from drift_cases import TARGETS, give, knobs, table, visits, window
from mlops import contract
from mlops.drift import table as module
from mlops.errors import CannotRun

LONG_AFTER = date(2025, 12, 31)


@pytest.fixture
def source(monkeypatch):
    """A function: what the owner's source gives, or raises -> the months that it is asked for."""
    return partial(give, monkeypatch)


def rows(when=None, as_of: date = LONG_AFTER, of=None, delay: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """The rows of January, or of another window, and what was left out."""
    return module.rows(when or window(), as_of, of or table(), knobs(delay))


def test_rows_are_those_from_the_start_and_before_the_end(source):
    """Whatever else the source gives of these months."""
    days = ["2024-12-31 23:59:59", "2025-01-01 00:00:00", "2025-01-31 23:59:59", "2025-02-01 00:00:00"]
    months = source(visits(4, at=pd.to_datetime(days)))
    frame, said = rows()
    assert (["v1", "v2"], [], [("2025-01", "2025-01")]) == (list(frame["visit"]), said, months)


def test_a_week_of_two_months_asks_for_both(source):
    """Its rows are of the last days of one and the first of the other."""
    months = source(visits(24 * 14, start="2025-01-25"))
    frame, _ = rows(window("2025-01-27", "2025-02-03"))
    assert [("2025-01", "2025-02")] == months
    assert (7 * 24, "2025-01-27", "2025-02-02") == (
        len(frame), *(f"{day:%Y-%m-%d}" for day in (frame["at"].min(), frame["at"].max())),
    )  # fmt: skip


def test_a_week_that_ends_with_a_month_asks_for_no_other(source):
    """The first day of the next one is not in it."""
    months = source(visits(1))
    rows(window("2025-02-24", "2025-03-01"))
    assert [("2025-02", "2025-02")] == months


def test_rows_later_than_the_day_are_not_there_yet(source):
    """The whole of the day is."""
    source(visits(24 * 20))
    assert pd.Timestamp("2025-01-10 23:00") == rows(as_of=date(2025, 1, 10))[0]["at"].max()


def test_a_month_without_rows_is_empty(source):
    """As it is before the first of them has come."""
    source(visits(0))
    frame, said = rows()
    assert (0, [], list(table().columns)) == (len(frame), said, list(frame))


@pytest.mark.parametrize("target", TARGETS)
def test_labels_of_young_rows_are_not_known(source, target):
    """The others are what metrics take, whatever their type."""
    labels = TARGETS[target][3]
    source(visits(3, at=pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03"]), bought=[*labels, labels[0]]))
    frame, _ = rows(as_of=date(2025, 1, 12), of=table(target), delay=10)
    assert [True, True, False] == frame["bought"].notna().tolist()
    expected = contract.targets(pd.Series(labels), table(target))
    np.testing.assert_array_equal(expected, contract.targets(frame["bought"].dropna(), table(target)))


def test_without_patience_every_label_is_known(source):
    """On the very day."""
    source(visits(24))
    assert rows(as_of=date(2025, 1, 1))[0]["bought"].notna().all()


def test_a_row_that_comes_twice_is_one_and_said(source):
    """The first; rows without an id are each a row."""
    source(visits(6, visit=["a", "b", "a", "a", None, None], amount=range(6)))
    frame, said = rows()
    assert ([0, 1, 4, 5], ["2 rows came twice"]) == (sorted(frame["amount"]), said)


def test_rows_of_a_table_without_an_id_are_all_there(source):
    """Nothing says that two are one; a group has many."""
    source(visits(4, visit="a"))
    frame, said = rows(of=table(id=None, group="visit"))
    assert (4, []) == (len(frame), said)


def test_rows_without_a_time_are_said(source):
    """They are in no window, also where all of them are."""
    source(visits(3, at=["2025-01-05", "soon", None]))
    frame, said = rows()
    assert (1, ["2 rows have no at, so they are in no window"]) == (len(frame), said)


@pytest.mark.parametrize("error", [OSError("away"), ValueError("half a file"), KeyError("column")])
def test_a_source_that_fails_is_no_quiet_month(source, error):
    """It is said which months could not be read."""
    source(error)
    with pytest.raises(CannotRun, match=r"src/model/source\.py could not read 2025-01 to 2025-01"):
        rows()


def test_a_source_without_a_column_is_refused(source):
    """The contract names it."""
    source(visits(3).drop(columns="amount"))
    with pytest.raises(CannotRun, match=r"column 'amount' of data/contract\.yaml is not in the table"):
        rows()
