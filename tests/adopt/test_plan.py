"""A plan is plain data: rows leave it everywhere at once, and its features are what is no role, no text and not protected."""

import polars as pl
import pytest

from mlops.adopt.plan import counts, holds
from planning import X, column, said


def test_rows_that_are_left_out_are_gone_from_every_column(planned):
    """The frame and what was found of each column stay of one length."""
    made = planned({"x": X, "y": column(0, 1)})
    made.keep(made.frame["y"] == 1)
    assert {100} == {made.frame.height} | {len(each.values) for each in made.found.values()}


def test_keeping_every_row_changes_nothing(planned):
    """The same frame, not a copy."""
    made = planned({"x": X, "y": column(0, 1)})
    before = made.frame
    made.keep(pl.Series([True] * before.height))
    assert made.frame is before


def test_what_is_said_of_a_column_is_read_there(planned):
    """In the order in which it was said, and of no other column."""
    made = planned({"x": X, "y": column(0, 1)})
    before = said(made, "y")
    made.say("x", "first")
    made.say("x", "then")
    assert ("first; then", before) == (said(made, "x")[-11:], said(made, "y"))


def test_features_are_what_the_model_may_read(planned):
    """No target, id, group or time, nothing protected, no date and no prose."""
    columns = {"n": range(1000, 1200), "day": column("2024-01-01", "2024-01-02"), "x": X, "sex": column("f", "m", "m")}
    made = planned(columns | {"y": column(0, 1)}, protected=("sex",), time="day")
    assert ["x"] == made.features
    made.contract["columns"]["x"]["feature"] = False
    assert [] == made.features


def test_values_are_counted_the_most_frequent_first():
    """Equally frequent ones by name, missing ones not at all, only as many as are asked for."""
    values = pl.Series(["b", "a", None, "c", "c", "b", "a", "c"])
    assert [("c", 3), ("a", 2), ("b", 2)] == counts(values)
    assert [("c", 3)] == counts(values.cast(pl.Categorical), 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (column(""), "holds nothing"),
        (column("same"), "holds same in every row"),
        (column("a", "b"), "holds category values such as a"),
    ],
)
def test_a_refusal_can_say_what_a_column_holds(planned, values, words):
    """An example, or that there is none."""
    made = planned({"x": X, "c": values, "y": column(0, 1)})
    assert words == holds(made.found["c"])
