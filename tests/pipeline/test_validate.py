"""Stage `validate`: a critical fault stops the pipeline with column, rule and count; nothing shows a person's value."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops import cli, pins
from mlops.config import parse
from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.paths import DATA_DOCS, VALIDATION
from mlops.pipeline import validate
from mlops.pipeline.validate import check, sentence
from tables import applications

TABLE = parse(
    """
version: 1
task: binary
target: bought
positive: 1
id: visit
columns:
  visit: {type: text}
  at: {type: date}
  amount: {type: number, min: 0, max: 100, nullable: 0.2}
  items: {type: integer, severity: warning}
  city: {type: category, categories: ["north", "south"], severity: warning}
  member: {type: boolean, nullable: true}
  bought: {type: integer, min: 0, max: 1}
""",
    Contract,
    "data/contract.yaml",
)
CANARY = "Jane Canary"
NUMBER = 7654321


def visits(**columns) -> pd.DataFrame:
    """Ten rows that keep every rule, but for `columns`."""
    rows = {
        "visit": [f"v{number}" for number in range(10)],
        "at": pd.to_datetime("2024-01-01"),
        "amount": np.linspace(0, 100, 10),
        "items": 2,
        "city": ["north", "south"] * 5,
        "member": [True, False] * 5,
        "bought": [0, 1] * 5,
    }
    return pd.DataFrame(rows | columns)


def broken(frame: pd.DataFrame, **options) -> list[str]:
    """The broken rules as a person reads them."""
    rules, _ = check(frame, TABLE, **options)
    return [sentence(rule) for rule in rules if not rule["passed"]]


def reports() -> str:
    """Everything that the stage wrote."""
    return "".join(Path(path).read_text(encoding="utf-8") for path in (VALIDATION, DATA_DOCS))


def test_accepts_rows_that_keep_the_contract():
    """Every rule is listed, in the contract's order, and holds."""
    rules, page = check(visits(), TABLE)
    assert 22 == len(rules)
    assert all(rule["passed"] for rule in rules)
    assert list(TABLE.columns) == list(dict.fromkeys(rule["column"] for rule in rules))
    assert page.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"visit": ["v0", "v0", *"cdefghij"]}, "column 'visit' breaks 'to_be_unique' in 2 rows (20.00%)"),
        ({"visit": [None, *"bcdefghij"]}, "column 'visit' breaks 'to_not_be_null' in 1 rows (10.00%)"),
        ({"at": "2024-01-01"}, "column 'at' breaks 'to_be_in_type_list type=date': it is str"),
        ({"at": 20240101}, "column 'at' breaks 'to_be_in_type_list type=date': it is int64"),
        ({"at": [pd.NaT] + [pd.Timestamp("2024-01-01")] * 9}, "column 'at' breaks 'to_not_be_null' in 1 rows (10.00%)"),
        (
            {"amount": [-1.0, 101.0, *range(8)]},
            "column 'amount' breaks 'to_be_between min_value=0.0 max_value=100.0' in 2 rows (20.00%)",
        ),
        ({"amount": [None] * 3 + [5.0] * 7}, "column 'amount' breaks 'to_not_be_null mostly=0.8' in 3 rows (30.00%)"),
        ({"items": "two"}, "column 'items' breaks 'to_be_in_type_list type=integer': it is str"),
        ({"items": True}, "column 'items' breaks 'to_be_in_type_list type=integer': it is bool"),
        (
            {"city": ["west"] + ["north"] * 9},
            "column 'city' breaks 'to_be_in_set value_set=['north', 'south']' in 1 rows (10.00%)",
        ),
        (
            {"member": ["yes"] + [None] * 9},
            "column 'member' breaks 'to_be_in_set value_set=[True, False]' in 1 rows (100.00%)",
        ),
        (
            {"bought": [2] + [1] * 9},
            "column 'bought' breaks 'to_be_between min_value=0.0 max_value=1.0' in 1 rows (10.00%)",
        ),
        ({"extra": 1}, "column 'extra' breaks 'is in data/contract.yaml'"),
    ],
)
def test_says_column_rule_and_count(columns, expected):
    """One broken rule is one sentence, and no other rule is broken."""
    assert [expected] == broken(visits(**columns))


@pytest.mark.parametrize(
    "columns",
    [
        {"amount": [None, None, *range(8)]},  # just the share that may be missing
        {"amount": np.arange(10, dtype="int16")},
        {"amount": np.arange(10, dtype="float32")},
        {"items": np.arange(10, dtype="uint8")},
        {"items": [1.0, *range(9)]},  # a column with gaps comes as float64
        {"member": [True, None] * 5},
        {"member": [0, 1] * 5},
        {"at": pd.Series(pd.date_range("2024-01-01", periods=10)).astype("datetime64[s]")},
        {"visit": range(10)},
    ],
)
def test_accepts_what_the_contract_allows(columns):
    """Missing shares, narrow types and whole numbers with gaps are no faults."""
    assert [] == broken(visits(**columns))


def test_of_a_column_that_is_not_there_only_that_is_said():
    """Its other rules have nothing to look at."""
    assert ["column 'items' breaks 'to_exist'", "column 'bought' breaks 'to_exist'"] == broken(
        visits().drop(columns=["items", "bought"])
    )


def test_a_wrong_type_is_said_before_what_follows_from_it():
    """Text in a column of numbers: the type first, then the range that cannot be looked at."""
    first, second = broken(visits(amount="much"))
    assert "column 'amount' breaks 'to_be_in_type_list type=number': it is str" == first
    assert "column 'amount' breaks 'to_be_between min_value=0.0 max_value=100.0': " in second


def test_a_severity_is_the_columns():
    """Warning columns and undeclared ones warn, all others are critical."""
    rules, _ = check(visits(items="two", bought="no", extra=1), TABLE)
    expected = {"items": "warning", "bought": "critical", "extra": "warning"}
    assert expected == {rule["column"]: rule["severity"] for rule in rules if not rule["passed"]}


@pytest.mark.parametrize("count", [1, 10])
def test_no_value_of_a_row_is_shown(count):
    """Text planted in every column, alone or among good values, is in no rule and not on the page."""
    rows = visits().astype(object)
    rows.loc[: count - 1] = CANARY
    rules, page = check(rows, TABLE)
    assert set(TABLE.columns) - {"visit"} <= {rule["column"] for rule in rules if not rule["passed"]}
    assert CANARY not in str(rules) + page


def test_no_number_of_a_row_is_shown():
    """A number out of range, as the only value and as the largest, is not shown either."""
    for amount in ([NUMBER] * 10, [NUMBER, *range(9)]):
        rules, page = check(visits(amount=amount, bought=amount), TABLE)
        assert str(NUMBER) not in str(rules) + page


def test_examples_are_shown_on_request():
    """Three at most, in the sentence and on the page."""
    rows = visits(city=[CANARY, *"abcdefghi"])
    assert broken(rows, examples=True)[0].endswith(f"in 10 rows (100.00%), for example {CANARY}, a, b")
    assert CANARY in check(rows, TABLE, examples=True)[1]


def test_a_warning_is_only_shown(folder, capsys):
    """The pipeline goes on, the reports have it."""
    folder.raw(applications(300, years_employed=99.0)).run("validate")
    found = [rule for rule in read_json(VALIDATION, "")["rules"] if not rule["passed"]]
    assert ["years_employed"] == [rule["column"] for rule in found]
    said = capsys.readouterr().out
    assert "validate: warning: column 'years_employed' breaks 'to_be_between min_value=0.0 max_value=60.0'" in said
    assert "in 300 rows (100.00%)" in said


def test_a_critical_fault_stops_the_pipeline(folder):
    """The sentence has column, rule, count, how many more there are, and the fix; the reports are there."""
    folder.raw(applications(300, age=7, years_employed=99.0, housing="boat"))
    expected = (
        r"^column 'age' breaks 'to_be_between min_value=18.0 max_value=100.0' in 300 rows \(100.00%\) "
        r"\(2 critical rules broken in all\): correct the rows in src/model/source.py, or the rule in data/contract.yaml$"
    )
    with pytest.raises(CannotRun, match=expected):
        validate.run(None)
    assert 3 == sum(not rule["passed"] for rule in read_json(VALIDATION, "")["rules"])
    assert Path(DATA_DOCS).exists()


def test_a_doubled_id_stops_the_pipeline(folder):
    """A table in which a person is there twice is refused with the count."""
    rows = applications(300)
    folder.raw(pd.concat([rows, rows[:5]]))
    with pytest.raises(CannotRun, match=r"^column 'application_id' breaks 'to_be_unique' in 10 rows \(3.28%\) \(1 "):
        validate.run(None)


@pytest.mark.parametrize("examples", [False, True])
def test_the_reports_show_examples_only_where_params_say_so(folder, examples, capsys):
    """A planted name is in the reports and on the terminal with reports.examples, and nowhere without."""
    rows = applications(300)
    rows.loc[3, "housing"] = CANARY
    folder.set_params({"reports.examples": examples}).raw(rows)
    with pytest.raises(CannotRun) as raised:
        validate.run(None)
    assert [examples] * 3 == [CANARY in text for text in (reports(), str(raised.value), capsys.readouterr().out)]


def test_a_second_run_writes_the_same_bytes(folder):
    """Fresh ids and the time of day are not in the reports."""
    folder.raw(applications(300, years_employed=99.0)).run("validate")
    first = reports()
    folder.run("validate")
    assert first == reports()
    assert {"data", "params.yaml", "reports"} == {path.name for path in folder.path.iterdir()}


def test_a_critical_fault_is_exit_2(folder, monkeypatch, capsys):
    """`mlops validate` could not do its work, and says so on stderr in one line."""
    for name, value in pins.PINS.items():
        monkeypatch.setenv(name, value)  # which the command sets, too, and this takes back
    folder.raw(applications(300, age=7))
    assert 2 == cli.main(["validate"])
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("mlops validate: column 'age' breaks 'to_be_between min_value=18.0 max_value=100.0'")


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(folder):
    """Nor does anything of the process leave a trace."""
    folder.raw(applications(300, years_employed=99.0)).run("validate")
    first = reports()
    env = os.environ | {"PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-m", "mlops", "validate"], env=env, check=True, capture_output=True)
    assert first == reports()
