"""Groups of rows: which there are, which rows are in them, and which are large enough to judge."""

import numpy as np
import pandas as pd
import pytest

from judging import TABLE, TASKS, people, table
from mlops.slices import crossings, judged, labels, singles

ROWS = pd.DataFrame({"gender": ["f", "m", "f", "m"], "city": ["C00", "C00", "C01", "C00"]})


def test_labels_are_the_slice_and_protected_columns():
    """Each row's group in every column that is a slice or protected, a column named twice once."""
    twice = table(TABLE.replace("slices: [city]", "slices: [city, gender]"))
    found = labels(people(np.zeros(4)), twice)
    assert ["city", "gender"] == list(found)
    assert [("C00", "f"), ("C00", "m"), ("C01", "f"), ("C01", "m")] == list(found.itertuples(index=False, name=None))


def test_a_missing_value_is_a_group_of_its_own():
    """Rows without a value are 'missing'."""
    assert ["f", "missing"] == list(labels(people(np.zeros(2), gender=["f", None]), table())["gender"])


def test_a_value_that_the_contract_does_not_name_is_not_shown():
    """Group names are in reports, so a value from a row that is no category never becomes one."""
    found = labels(people(np.zeros(3), gender=["f", "Jane Doe", "F"]), table())
    assert ["f", "undeclared", "undeclared"] == list(found["gender"])


def test_a_number_is_shown_in_its_band():
    """Bands are closed below and open above."""
    text = TABLE.replace("slices: [city]", "slices: [amount]").replace(
        "{type: number,", "{type: number, bands: [10, 20],"
    )
    found = labels(people(np.zeros(5), amount=[9.9, 10, 20, 1e9, None]), table(text))
    assert ["under 10", "10-20", "20+", "20+", "missing"] == list(found["amount"])


def test_a_contract_without_groups_has_no_labels():
    """No slices and no protected column: a table without columns, and no groups."""
    text = TABLE.replace("slices: [city]", "slices: []").replace("protected: true", "protected: false")
    assert {} == singles(labels(people(np.zeros(3)), table(text)))


def test_singles_are_every_group_of_every_column():
    """The positions of each group's rows."""
    expected = {"gender=f": [0, 2], "gender=m": [1, 3], "city=C00": [0, 1, 3], "city=C01": [2]}
    assert expected == {name: list(rows) for name, rows in singles(ROWS).items()}


def test_crossings_are_the_combinations_that_have_rows():
    """m in C01 has no row, so it is no group."""
    expected = {"gender=f, city=C00": [0], "gender=f, city=C01": [2], "gender=m, city=C00": [1, 3]}
    assert expected == {name: list(rows) for name, rows in crossings(ROWS, ["gender", "city"]).items()}


def test_crossings_of_one_column_or_none():
    """One column gives its groups, none gives nothing."""
    assert {"gender=f": [0, 2], "gender=m": [1, 3]} == {n: list(r) for n, r in crossings(ROWS, ["gender"]).items()}
    assert {} == crossings(ROWS, [])


@pytest.mark.parametrize(("positives", "negatives", "expected"), [(50, 50, True), (49, 500, False), (500, 49, False)])
def test_a_group_is_judged_by_its_rarer_class(positives, negatives, expected):
    """50 rows of each class are enough, 49 of one are not."""
    target = np.array([1] * positives + [0] * negatives)
    assert expected == judged(np.arange(len(target)), target, 50)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize(("rows", "expected"), [(100, True), (99, False)])
def test_a_group_without_two_classes_is_judged_by_its_rows(rows, expected, task):
    """Of several classes and of numbers twice as many rows in all are enough, whatever happened in them."""
    assert expected == judged(np.arange(rows), np.zeros(200), 50, task)


@pytest.mark.parametrize("task", TASKS)
def test_no_rows_are_not_judged(task):
    """An empty group has neither class, nor a number."""
    assert not judged(np.empty(0, int), np.ones(10), 1, task)
