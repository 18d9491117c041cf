"""What becomes of a whole table: target and task, id, group and time, what a model may read, and what is refused."""

import datetime as dt
import random

import pytest

from mlops import config
from mlops.adopt import files
from mlops.adopt.table import CLASS_ROWS, CLASSES, LEAST, LEAST_GROUPS, Plan
from mlops.contract import EXACT, Contract
from mlops.errors import CannotRun

ROWS = 200


def column(*values) -> list:
    """These values, over and over."""
    return [values[place % len(values)] for place in range(ROWS)]


def numbers(seed: int = 0) -> list[float]:
    """A number a row."""
    draw = random.Random(seed)
    return [round(draw.random(), 6) for _ in range(ROWS)]


X = numbers()


def said(made: Plan, name: str) -> str:
    """What a person reads of one column."""
    return "; ".join(sentence for each, sentence in made.words if each == name)


def parsed(made: Plan) -> Contract:
    """The contract that would be written."""
    return config.parse(files.contract(made, ""), Contract, "data/contract.yaml")


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (("Yes", "No"), "binary", True),
        ((0, 1), "binary", 1),
        ((1, -1), "binary", 1),
        (("churned", "stayed"), "binary", "churned"),
        (("benign", "malignant", "benign"), "binary", "malignant"),
        (("red", "green", "blue"), "multiclass", None),
        ((3, 4, 5, 6), "multiclass", None),
        (tuple(range(11)), "regression", None),
        ((1.5, 2.5, 3.5), "regression", None),
        (tuple(f"{each},5" for each in range(20)), "regression", None),
        ((EXACT + 1, *range(20)), "regression", None),
    ],
)
def test_the_task_is_what_the_target_looks_like(planned, values, task, positive):
    """Two values are binary, up to ten whole numbers or fifty words are classes, all else is a quantity."""
    quoted = [f'"{value}"' if isinstance(value, str) else value for value in column(*values)]
    contract = parsed(planned({"x": X, "y": quoted}))
    assert (task, positive) == (contract.task, contract.positive)


@pytest.mark.parametrize(
    ("values", "task"), [((3, 4, 5), "regression"), (tuple(range(12)), "multiclass"), ((0, 1), "regression")]
)
def test_the_task_can_be_said(planned, values, task):
    """Whatever the target looks like."""
    assert task == parsed(planned({"x": X, "y": column(*values)}, task=task)).task


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (("a", "b"), "regression", "task regression needs a number, and target 'y' holds category values such as 'a'"),
        ((1, 2, 3), "binary", "task binary needs a target of two values, 'y' has 3"),
        ((1.5, 2.5), "binary", "whole numbers, booleans or words can be two classes"),
        ((1, 2), "multiclass", "several classes need 5 rows or more each, and 'y' has 2 such values"),
        ((1.5, 2.5), None, "whole numbers, booleans or words can be two classes"),
        (("2024-01-01", "2024-01-02"), None, "target 'y' is a date"),
        (("a",), None, "target 'y' has the same value in every row"),
        (("?",), None, "the table has 0 rows with a value of 'y'"),
    ],
)
def test_a_target_that_does_not_fit_its_task_is_refused(planned, values, task, why):
    """One sentence with its values."""
    with pytest.raises(CannotRun, match=why):
        planned({"x": X, "y": column(*values)}, task=task)


def test_a_target_of_too_many_words_is_refused(planned):
    """Fifty classes are the most; as many numbers are a quantity."""
    many = [f"c{place % (CLASSES + 1)}" for place in range(10 * CLASSES + 10)]
    with pytest.raises(CannotRun, match="has 51 different values, 50 classes are the most: is it the right column"):
        planned({"x": [row / 7 for row in range(len(many))], "y": many})
    assert CLASSES == len(parsed(planned({"x": [row / 7 for row in range(500)], "y": many[:50] * 10})).classes)


def test_the_rarer_value_is_positive_and_a_person_must_decide(planned):
    """Where no value is called so; POSITIVE= says it, and then nothing is left to decide."""
    made = planned({"x": X, "y": column(1, 2, 2)})
    assert 1 == made.contract["positive"]
    assert [
        "positive is 1, because it is rarer: adopt again with POSITIVE= if the other one is what you predict"
    ] == made.decide
    made = planned({"x": X, "y": column(1, 2, 2)}, positive="2")
    assert (2, []) == (made.contract["positive"], made.decide)


@pytest.mark.parametrize(
    ("values", "positive", "found"),
    [
        (("Yes", "No"), "no", False),
        (("Yes", "No"), "Yes", True),
        ((0, 1), "0", 0),
        (("a", "b"), " b", "b"),
        (("~", "1.0"), "1.0", "1.0"),
    ],
)
def test_positive_is_one_of_the_values(planned, values, positive, found):
    """However a boolean is spelled; words and numbers as they stand there."""
    assert found == parsed(planned({"x": X, "y": column(*values)}, positive=positive)).positive


@pytest.mark.parametrize(
    ("values", "shown"), [(("Yes", "No"), "False and True"), (("a", "b"), "'a' and 'b'"), ((0, 1), "0 and 1")]
)
def test_a_positive_that_is_no_value_is_refused(planned, values, shown):
    """The sentence names both values."""
    with pytest.raises(CannotRun, match=f"POSITIVE is 'banana', and 'y' holds {shown}: name one of them"):
        planned({"x": X, "y": column(*values)}, positive="banana")


def test_a_target_with_blanks_around_it_is_the_same_value(planned):
    """' Yes' is 'Yes'."""
    assert "boolean" == planned({"x": X, "y": column(" Yes", "No ", "Yes")}).contract["columns"]["y"]["type"]


def test_rows_without_a_target_are_left_out(planned):
    """And counted."""
    made = planned({"x": X, "y": column("a", "b", "c", "")})
    assert (150, "50 rows without a target are left out") == (made.frame.height, said(made, "y").split("; ")[0])


def test_a_class_too_rare_to_be_learned_is_left_out(planned):
    """Its rows go, and that is said; a class of five rows stays."""
    values = column("a", "b", "c")
    values[:7] = ["odd"] * (CLASS_ROWS - 1) + ["rare"] * 3
    made = planned({"x": X, "y": values})
    assert ("a", "b", "c") == parsed(made).classes
    assert ROWS - 7 == made.frame.height
    assert "rows of 'odd', 'rare' are left out: fewer than 5 can be neither learned nor judged" in said(made, "y")
    values[:7] = ["odd"] * CLASS_ROWS + ["a"] * 2
    assert ("a", "b", "c", "odd") == parsed(planned({"x": X, "y": values})).classes


def test_two_classes_and_a_stray_word_are_binary(planned):
    """A third value of one row makes no third class."""
    contract = parsed(planned({"x": X, "y": ["unknown", *column("good", "bad")[1:]]}))
    assert ("binary", "bad") == (contract.task, contract.positive)


def test_whole_numbers_as_classes_are_a_persons_decision(planned):
    """They could be a quantity; said by TASK=, nothing is left to decide."""
    (sentence,) = planned({"x": X, "y": column(3, 4, 5)}).decide
    assert "adopt again with TASK=regression to predict the number" in sentence
    assert [] == planned({"x": X, "y": column(3, 4, 5)}, task="multiclass").decide


@pytest.mark.parametrize(
    "name", ["count", "rows", "", "literal", "key", "score", "target", "decision", "it's a [b].c", "*"]
)
def test_a_target_may_have_any_name(planned, name):
    """No name is used up by a library."""
    for values in (("a", "b"), ("a", "b", "c"), tuple(range(20))):
        contract = parsed(planned({"x": X, name: column(*values)}, name or "column_2"))
        assert (name or "column_2") == contract.target


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


def test_a_second_column_that_counts_the_rows_is_no_input(planned):
    """Beside the id that was named."""
    made = planned({"x": X, "ref": [f"r{row}" for row in range(ROWS)], "n": range(ROWS), "y": column(0, 1)}, id="ref")
    assert ("ref", ["x"]) == (made.contract["id"], made.features)
    assert "counts the rows, so it is no input" in said(made, "n")


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


def test_an_id_that_names_what_repeats_is_no_input_and_a_persons_decision(planned):
    """A store's number says nothing of the next store; GROUP= keeps its rows together."""
    columns = {"x": X, "store_id": [row % 80 for row in range(ROWS)], "y": column(0, 1)}
    made = planned(columns)
    assert ["x"] == made.features
    assert "adopt again with GROUP=store_id" in made.decide[0]
    assert [] == planned(columns, group="store_id").decide


def test_an_id_of_few_values_is_a_category(planned):
    """Twelve shops are known by name."""
    made = planned({"x": X, "shop_id": [row % 12 for row in range(ROWS)], "y": column(0, 1)})
    assert (["x", "shop_id"], "category") == (made.features, made.contract["columns"]["shop_id"]["type"])


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
