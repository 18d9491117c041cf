"""A whole table is planned, or refused with one sentence."""

import pytest

from mlops.adopt.table import LEAST
from mlops.errors import CannotRun
from planning import ROWS, X, column, numbers, said


def test_rows_without_a_target_are_left_out(planned):
    """And counted."""
    made = planned({"x": X, "y": column("a", "b", "c", "")})
    assert (150, "50 rows without a target are left out") == (made.frame.height, said(made, "y").split("; ")[0])


@pytest.mark.parametrize(
    ("word", "name", "why"),
    [
        ("target", "Churn", "TARGET is 'Churn', which is no column of the table; did you mean 'churned'?"),
        ("target", "zzz", "TARGET is 'zzz', which is no column of the table: it has x, churned, city"),
        ("time", "Cty", "TIME is 'Cty', which is no column of the table; did you mean 'city'?"),
        ("group", "cities", "GROUP is 'cities', which is no column of the table; did you mean 'city'?"),
        ("id", "y", "ID is 'y', which is no column"),
        ("protected", ("x", "citty"), "PROTECTED is 'citty', which is no column of the table; did you mean 'city'?"),
    ],
)
def test_a_name_that_is_no_column_is_refused_with_the_nearest(planned, word, name, why):
    """Or with all of them."""
    with pytest.raises(CannotRun, match=why.replace("?", r"\?")):
        planned({"x": X, "churned": column(0, 1), "city": column("a", "b")}, **{"target": "churned", word: name})


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ({"id": "y"}, "TARGET and ID"),
        ({"protected": ("y",)}, "TARGET and PROTECTED"),
        ({"time": "t", "protected": ("t",)}, "PROTECTED and TIME"),
        ({"group": "t", "id": "t"}, "ID and GROUP"),
    ],
)
def test_a_column_has_one_meaning(planned, words, both):
    """Named twice, it is refused."""
    with pytest.raises(CannotRun, match=f"is both {both}: a column has one meaning"):
        planned({"x": X, "t": column("2024-01-01", "2024-02-01"), "y": column(0, 1)}, **words)


def test_a_table_of_few_rows_is_refused(planned):
    """A hundred are the least; a header alone has none."""
    for rows in (0, 12, LEAST - 1):
        with pytest.raises(CannotRun, match=f"the table has {rows} rows with a value of 'y': 100 is the least"):
            planned({"x": X[:rows], "y": column(0, 1)[:rows]})
    assert LEAST == planned({"x": X[:LEAST], "y": column(0, 1)[:LEAST]}).frame.height


def test_a_table_without_an_input_is_refused(planned):
    """One column, or none that a model may read."""
    with pytest.raises(CannotRun, match="the table has one column, 'y': there is nothing to predict it from"):
        planned({"y": column(0, 1)})
    with pytest.raises(CannotRun, match="no column is left that a model could read"):
        planned(
            {"x": column("a", "b"), "d": column("2024-01-31", "2024-02-29"), "y": column(0, 1, 1)}, protected=("x",)
        )


def test_four_hundred_columns_are_understood(planned):
    """Each by itself."""
    made = planned({f"c{place}": numbers(place) for place in range(399)} | {"y": column(0, 1)})
    assert 399 == len(made.features)


def test_the_decimal_sign_is_the_files(planned):
    """Points among three digits are thousands where another column, or the delimiter, says so; else a person is asked."""
    german = "\n".join(["x;big;y", *(f"{row},5;{row % 9 + 1}.200;{row % 2}" for row in range(200))]) + "\n"
    assert 1200.0 == planned(german).frame["big"][0]
    plain = {"x": X, "big": [f"{row % 9 + 1}.200" for row in range(ROWS)], "y": column(0, 1)}
    assert 1.2 == planned(plain).frame["big"][0]
    alone = planned({"big": [f"{row % 9 + 1}.200" for row in range(ROWS)], "y": column(0, 1)})
    assert ["'big': "] == [sentence[:7] for sentence in alone.decide]


def test_a_target_loses_no_value_as_a_sign_of_missing(planned):
    """A 99 among classes is a class; in an input it is a question."""
    made = planned({"x": X, "y": [99 if row % 5 == 0 else row % 4 for row in range(ROWS)]})
    assert ROWS == made.frame.height
