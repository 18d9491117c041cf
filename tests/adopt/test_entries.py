"""The contract's entry of each column."""

import pytest

from mlops.contract import EXACT
from mlops.errors import CannotRun
from planning import ROWS, X, column, parsed, said


@pytest.mark.parametrize(
    ("values", "entry"),
    [
        (("a", "b"), {"type": "category", "categories": ["a", "b"]}),
        (("yes", "no"), {"type": "boolean"}),
        ((1, 2, 3), {"type": "category", "categories": ["1", "2", "3"]}),
        (tuple(range(18, 78)), {"type": "integer", "min": 0, "max": 110, "bands": [30, 44, 61]}),
        ((0,) * 9 + tuple(range(1, 12)), {"type": "integer", "min": 0, "max": 17, "bands": [2, 6]}),
        ((0,) * 40 + tuple(range(5, 17)), {"type": "integer", "min": 0, "max": 24, "bands": [5]}),
    ],
)
def test_a_protected_column_is_watched_and_no_input(planned, values, entry):
    """Its groups are its values, or bands of about as many rows."""
    made = planned({"x": X, "p": column(*values), "y": column(0, 1)}, protected=("p",))
    assert entry | {"protected": True, "feature": False} == made.contract["columns"]["p"]
    assert (["p"], ["x"]) == (parsed(made).slices, made.features)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (("2024-01-31", "2024-02-29"), "holds date values such as 2024-01-31 00:00:00"),
        (("m",), "holds m in every row"),
        (("",), "holds nothing"),
        (tuple(f"person {row}" for row in range(ROWS)), "holds category values such as person 0"),
    ],
)
def test_a_protected_column_without_groups_is_refused(planned, values, why):
    """Dates, one value, none, and names."""
    with pytest.raises(
        CannotRun, match=f"PROTECTED names 'p', which {why}: groups need categories, booleans or numbers"
    ):
        planned({"x": X, "p": column(*values), "y": column(0, 1)}, protected=("p",))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (("",), "every value is missing; left out of the model"),
        (("m", ""), "every value is the same (m); left out of the model"),
        (("2024-01-31", "2024-02-29"), "a date: left out of the model"),
        (
            tuple(f"name {row}" for row in range(ROWS)),
            "text, or too many different values with few rows each: left out",
        ),
        (tuple(f"{'long ' * 20}{row}" for row in range(60)), "text, or too many different values"),
    ],
    ids=["empty", "constant", "date", "a value a row", "prose"],
)
def test_a_column_that_is_no_input_is_left_out_with_a_word(planned, values, why):
    """It stays in the table, and breaks nothing."""
    made = planned({"x": X, "c": column(*values), "y": column(0, 1, 1)})
    entry = parsed(made).columns["c"]
    assert (["x"], False, "warning") == (made.features, entry.feature, entry.severity)
    assert why in said(made, "c")


def test_a_category_of_many_values_lists_the_most_frequent(planned):
    """The rest counts as unknown, which the contract allows; how much is covered is said."""
    rows = [f"v{row % 39}" for row in range(1170)] + [f"rare{row % 10}" for row in range(30)]
    made = planned({"x": range(1200), "c": rows, "y": [row % 2 for row in range(1200)]})
    entry = parsed(made).columns["c"]
    assert (39, True) == (len(entry.categories), entry.open)
    assert (
        "49 different values: the 39 most frequent are listed (98% of the rows), all others count as unknown"
        in said(made, "c")
    )


def test_a_category_of_forty_values_lists_all(planned):
    """And is closed: a new one is a mistake."""
    entry = parsed(planned({"x": X, "c": [f"v{row % 40}" for row in range(ROWS)], "y": column(0, 1)})).columns["c"]
    assert (40, False) == (len(entry.categories), entry.open)


def test_values_that_yaml_could_misread_are_words(planned):
    """Written in quotes, read back as they were."""
    words = ["yes", "1.0", "~", "no", "0x1f", "2024-01-01", "- a", "{b}", "#c", "a: b", "'", "\\n", "é", "NULL?"]
    contract = parsed(planned({"x": X, "c": column(*(f'"{word}"' for word in words)), "y": column("~", "1.0")}))
    assert sorted(words) == contract.columns["c"].categories
    assert ["1.0", "~"] == contract.columns["y"].categories


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((0.0, 10.0, 3.5), 0, 15),
        ((-1.5, 1.0), -2.8, 2.3),
        ((0, 1, 0), 0, 1),
        ((3, 4, 5), 0, 6),
        ((0, 15_000_000), 0, EXACT),
        ((-15_000_000, 15_000_000), -EXACT, EXACT),
        ((0.001, 0.002), 0, 0.0025),
        ((-5, -1), -7, 1),
    ],
)
def test_a_range_has_headroom_and_knows_zero(planned, values, low, high):
    """Half the range more on each side; what was never negative stays so, whole numbers within what float32 holds."""
    entry = parsed(planned({"x": X, "c": column(*values), "y": column(0, 1, 1)})).columns["c"]
    assert (low, high) == (entry.min, entry.max)


def test_missing_values_are_allowed_with_headroom(planned):
    """Half as much again and two per cent; from a third on, a breach is only shown."""
    columns = planned(
        {"x": X, "some": column(1.5, 2, 2.5, ""), "most": column(1.5, 2.5, "", "", ""), "y": column(0, 1)}
    ).contract["columns"]
    assert [None, (0.4, None), (0.92, "warning")] == [
        columns["x"].get("nullable"),
        *((columns[name]["nullable"], columns[name].get("severity")) for name in ("some", "most")),
    ]


def test_a_second_column_that_counts_the_rows_is_no_input(planned):
    """Beside the id that was named."""
    made = planned({"x": X, "ref": [f"r{row}" for row in range(ROWS)], "n": range(ROWS), "y": column(0, 1)}, id="ref")
    assert ("ref", ["x"]) == (made.contract["id"], made.features)
    assert "counts the rows, so it is no input" in said(made, "n")


@pytest.mark.parametrize(("name", "value"), [("store_id", "{}"), ("customer_id", "C{:05}"), ("subject#", "{}")])
def test_an_id_that_names_what_repeats_is_no_input_and_a_persons_decision(planned, name, value):
    """A store's number says nothing of the next store, nor does a customer's word; GROUP= keeps its rows together."""
    columns = {"x": X, name: [value.format(row % 80) for row in range(ROWS)], "y": column(0, 1)}
    made = planned(columns)
    assert ["x"] == made.features
    assert f"adopt again with GROUP={name}" in made.decide[0]
    assert [] == planned(columns, group=name).decide


def test_an_id_of_few_values_is_a_category(planned):
    """Twelve shops are known by name."""
    made = planned({"x": X, "shop_id": [row % 12 for row in range(ROWS)], "y": column(0, 1)})
    assert (["x", "shop_id"], "category") == (made.features, made.contract["columns"]["shop_id"]["type"])
