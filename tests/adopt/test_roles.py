"""What names a row, what rows belong together, when a row happened."""

import datetime as dt
import random

import pytest

from mlops.adopt.roles import LEAST_GROUPS
from mlops.errors import CannotRun
from planning import ROWS, X, column, parsed, said


def test_a_column_that_names_each_row_is_the_id(planned):
    """By its name, or by counting the rows; it is text then, and no input."""
    for name, values in {
        "customer_id": [9_000 + 7 * row for row in range(ROWS)],
        "n": range(ROWS),
        "uuid": [f"u{row}" for row in range(ROWS)],
    }.items():
        made = planned({"x": X, name: values, "y": column(0, 1)})
        assert (name, None, ["x"]) == (made.contract["id"], made.contract["group"], made.features)
        assert "names each row, so it is the id and no input" in said(made, name)


def test_a_column_with_a_value_a_row_and_another_name_is_no_id(planned):
    """An amount may differ in every row."""
    made = planned({"x": X, "amount": random.Random(0).sample(range(9000), ROWS), "y": column(0, 1)})
    assert (None, ["x", "amount"]) == (made.contract["id"], made.features)


def test_an_id_that_repeats_is_a_group(planned):
    """Its rows stay together, and that is said."""
    made = planned({"x": X, "person": [f"p{row // 2}" for row in range(ROWS)], "y": column(0, 1)}, id="person")
    assert (None, "person") == (made.contract["id"], made.contract["group"])
    assert "the same id stands in several rows, so they are a group" in said(made, "person")


def test_rows_of_a_group_may_have_an_id_too(planned):
    """The id is found beside the group that was named."""
    columns = {
        "x": X,
        "row_no": range(5, 5 + ROWS),
        "person": [f"p{row // 2}" for row in range(ROWS)],
        "y": column(0, 1),
    }
    contract = parsed(planned(columns, group="person"))
    assert ("row_no", "person", "person") == (contract.id, contract.group, contract.key)


def test_a_table_without_an_id_gets_a_key_of_its_rows(planned):
    """Equal rows have the same key, and stay in one part of the split; the target is no part of it."""
    made = planned({"x": [*X[: ROWS // 2 + 20], *X[: ROWS // 2 - 20]], "y": column(0, 1, 1)})
    assert (None, "row_key") == (made.contract["id"], made.contract["group"])
    assert made.frame["row_key"][0] == made.frame["row_key"][ROWS // 2 + 20]
    assert ROWS // 2 + 20 == made.frame["row_key"].n_unique()
    assert "80 rows repeat another one in everything but the target" in said(made, "row_key")


def test_a_table_whose_rows_mostly_repeat_gets_an_id_a_row(planned):
    """Two columns of three values are equal by chance: each row counts for itself."""
    made = planned({"a": column("u", "v", "w"), "b": column(1, 2, 3, 4), "y": column(0, 1)})
    assert ("row_key", None, ROWS) == (made.contract["id"], made.contract["group"], made.frame["row_key"].n_unique())
    assert "most rows repeat another one, so each counts for itself" in said(made, "row_key")


def test_rows_that_repeat_beside_their_number_stay_together(planned):
    """A table that was written with its index, each row twice: the index is the id, and the key is the group."""
    made = planned({"Unnamed: 0": range(ROWS), "x": [X[row // 2] for row in range(ROWS)], "y": column(0, 0, 1, 1)})
    assert ("Unnamed: 0", "row_key", ROWS // 2) == (
        made.contract["id"], made.contract["group"], made.frame["row_key"].n_unique(),
    )  # fmt: skip
    assert "100 rows repeat another one in everything but the target and the id" in said(made, "row_key")


def test_rows_that_were_copied_are_no_chance(planned):
    """Most rows repeat, and a number with many values says that nobody drew them again: they stay together."""
    made = planned({"x": X[:150] * 4, "y": column(0, 1)[:150] * 4})
    assert (None, "row_key", False) == (made.contract["id"], made.contract["group"], made.repeats)


def test_an_id_that_names_no_row_is_refused(planned):
    """A word of three values is no id, and no group."""
    with pytest.raises(CannotRun, match="ID is 'class', which has 3 values in 200 rows: it names no row"):
        planned({"x": X, "class": column("a", "b", "c"), "y": column(0, 1)}, id="class")


def test_a_key_takes_a_name_that_is_free(planned):
    """The table's own row_key stays what it is."""
    made = planned({"row_key": X, "row_key_": X, "y": column(0, 1)})
    assert (["row_key", "row_key_"], "row_key__") == (made.features, made.contract["group"])


@pytest.mark.parametrize("word", ["id", "group"])
def test_an_id_or_group_that_is_missing_in_a_row_is_refused(planned, word):
    """Each row needs one."""
    with pytest.raises(CannotRun, match=f"{word.upper()} is 'g', which is missing in 50 rows: each row needs one"):
        planned({"x": X, "g": [*range(150), *[""] * 50], "y": column(0, 1)}, **{word: "g"})


def test_a_group_of_few_values_is_refused(planned):
    """Nineteen cannot be split into four parts; twenty can."""
    with pytest.raises(CannotRun, match="GROUP is 'g', which has 19 values: .* 20 are the least"):
        planned({"x": X, "g": column(*range(LEAST_GROUPS - 1)), "y": column(0, 1, 1)}, group="g")
    assert (
        "g" == planned({"x": X, "g": column(*range(LEAST_GROUPS)), "y": column(0, 1, 1)}, group="g").contract["group"]
    )


@pytest.mark.parametrize(
    "values",
    [
        ("2024-01-31", "2024-02-29"),
        ("31.01.2024", "29.02.2024"),
        ("2024-01-31 00:00:00+00:00", "2024-02-29 00:00:00+00:00"),
        (20240131, 20240229),
    ],
)
def test_time_is_a_column_of_dates(planned, values):
    """However they are written; it is no input."""
    made = planned({"x": X, "t": column(*values), "y": column(0, 1)}, time="t")
    assert (dt.datetime(2024, 1, 31), "t", ["x"]) == (made.frame["t"][0], made.contract["time"], made.features)


def test_a_year_is_its_first_day(planned):
    """Said so."""
    made = planned({"x": X, "t": column(2022, 2023), "y": column(0, 1)}, time="t")
    assert dt.datetime(2022, 1, 1) == made.frame["t"][0]
    assert "years, read as their first day" in said(made, "t")


def test_rows_without_a_time_are_left_out(planned):
    """And counted."""
    made = planned({"x": X, "t": column("2024-01-31", "2024-02-29", "", "2024-03-01"), "y": column(0, 1, 1)}, time="t")
    assert 150 == made.frame.height
    assert "50 rows without a time are left out" in said(made, "t")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (
            ("2999-01-31", "2024-02-29"),
            "later than today in 100 rows .up to 2999-01-31.: correct them, or leave TIME out",
        ),
        ((1.5, 2.5), "holds number values such as 1.5: name a column of dates"),
        ((1, 2), "holds integer values such as 1: name a column of dates"),
        (("",), "holds nothing: name a column of dates"),
        (("2024-01-31",), "holds 2024-01-31 00:00:00 in every row: name a column of dates"),
    ],
)
def test_a_time_that_cannot_be_one_is_refused(planned, values, why):
    """The future, numbers, nothing, always the same."""
    with pytest.raises(CannotRun, match=f"TIME is 't', which (is |){why}"):
        planned({"x": X, "t": column(*values), "y": column(0, 1)}, time="t")
